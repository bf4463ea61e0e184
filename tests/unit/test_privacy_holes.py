"""Values in forms that slipped through once: each found by a reviewer, each closed."""

import logging
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rasa_qa_plugin.actions import feedback
from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.privacy import vault
from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.events import EventMasker
from rasa_qa_plugin.privacy.guests import open_guests
from rasa_qa_plugin.privacy.logs import LogMasker
from rasa_qa_plugin.privacy.passage import BARRIER
from rasa_qa_plugin.privacy.tokens import TokenMap
from rasa_qa_plugin.privacy.withheld import hashed_message_id
from rasa_qa_plugin.settings import PrivacySettings

SETTINGS = PrivacySettings()
MASKER = EventMasker(PrivacyEngine(SETTINGS), SETTINGS)


def slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value, "timestamp": 1.0}


@pytest.mark.parametrize("number", [991234567.0, 4111111111111111.0])
def test_whole_numbers_that_came_as_floats_are_masked(number: float) -> None:
    digits = str(int(number))
    tokens = TokenMap()
    MASKER.mask({"event": "user", "text": f"mi celular es {digits}"}, tokens)
    masked = MASKER.mask(slot("numero", number), tokens)
    assert digits not in str(masked)


def test_measures_stay_numbers() -> None:
    for value in (0.5, 12.0, -3.25, math.inf, 1.5e9 + 0.5):
        assert MASKER.mask(slot("ratio", value), TokenMap())["value"] == value
    for value in (np.float32(12.0), np.float32(0.5)):  # which JSON does not know
        assert type(MASKER.mask(slot("ratio", value), TokenMap())["value"]) is float


def test_pin_is_masked_as_a_number_too() -> None:
    tokens = TokenMap()
    MASKER.mask(slot("pin", "4821"), tokens)
    assert MASKER.mask(slot("code", 4821), tokens)["value"] == "[SECRET]"
    assert MASKER.mask(slot("codes", [4821, 12]), tokens)["value"] == ["[SECRET]", 12]


def test_digits_alone_are_no_reference_and_no_random_id() -> None:
    event = {"event": "user", "text": '/x{"qa_turn": "4111111111111111"}'}
    assert "4111111111111111" not in str(MASKER.mask(event, TokenMap()))
    for message_id in ("5939912345671234", "59399123456740008000123456789012"):
        assert hashed_message_id(message_id) != message_id


def test_references_hold_a_letter_on_both_sides() -> None:
    for number in range(20_000):
        reference = vault.message_ref(str(number))
        assert not reference.isdecimal()
        assert hashed_message_id(reference) == reference
        assert feedback.message_ref(str(number)) == reference


def test_digits_on_key_caps_and_with_marks_are_digits() -> None:
    caps = "".join(f"{digit}\ufe0f\u20e3" for digit in "0991234567")
    assert MASKER.mask_text(f"mi cel {caps} ok") == "mi cel [PHONE] ok"
    assert MASKER.mask_text("mi cel 099\ufe0f1234567") == "mi cel [PHONE]"


def test_typed_barrier_hides_nothing() -> None:
    assert "1234567" not in MASKER.mask_text(f"tel 099{BARRIER}1234567")
    assert "Ana" not in MASKER.mask_text(f"me llamo {BARRIER}Ana")


def test_key_that_is_a_number_is_masked_like_one() -> None:
    masked = MASKER.mask(slot("data", {4111111111111111: 1}), TokenMap())
    assert "4111111111111111" not in str(masked)


def test_half_a_surrogate_pair_does_not_break_the_map() -> None:
    tokens = TokenMap()
    tokens.learn("EMAIL", "a\ud800b@example.org")
    assert TokenMap.from_bytes(tokens.to_bytes()).known_values()


def test_many_known_values_do_not_slow_a_message_down() -> None:
    tokens = TokenMap()
    for number in range(400):
        tokens.learn("NAME", f"Ana {chr(98 + number % 20)}a{number // 20:02d}x".title())
    # Trying all values at each word would take most of a minute for this.
    assert len(tokens.find("ana " * 20_000)) == 20_000


def test_longest_known_phrase_wins_like_in_a_list_of_all() -> None:
    chosen = random.Random(4)
    words = "ana luna luis sol mar pepe rosa".split()
    for _ in range(300):
        tokens = TokenMap()
        values = [
            " ".join(chosen.choices(words, k=chosen.randrange(2, 4))) for _ in range(4)
        ]
        for value in values:
            tokens.learn("ADDRESS", value)
        for value in values:
            (span,) = tokens.find(value)
            assert (span.start, span.end) == (0, len(value))


RECOGNIZER = """
recognizers:
  - name: Staff
    supported_entity: ID
    supported_languages: [{language: es, context: [empleado]}]
    patterns: [{name: p, regex: 'EMP-\\d{4}', score: 0.5}]
"""


def test_detector_that_logs_under_a_masked_root_does_not_wait_for_itself(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(RECOGNIZER, encoding="utf-8")
    settings = PrivacySettings(recognizers=str(file))
    masker = EventMasker(PrivacyEngine(settings), settings)
    log_masker = LogMasker(masker.mask_text, lambda _: "qa_x")
    logger = logging.getLogger("presidio-analyzer")

    def masked(record: logging.LogRecord) -> bool:
        return bool(log_masker.record(record))

    before = logger.level
    logger.addFilter(masked)
    logger.setLevel(logging.DEBUG)
    try:
        assert masker.mask_text("empleado EMP-1234") == "empleado [ID]"
    finally:
        logger.removeFilter(masked)
        logger.setLevel(before)


@pytest.mark.parametrize(
    "entry",
    [
        "{name: StanzaRecognizer, type: predefined}",
        "{name: TransformersRecognizer, type: predefined}",
        "{name: A, supported_entity: ID, deny_list: [a], deny_list_score: x}",
    ],
)
def test_recognizer_that_cannot_work_is_refused_when_loaded(
    entry: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(f"recognizers:\n  - {entry}\n", encoding="utf-8")
    with pytest.raises(ConfigError):
        open_guests(PrivacySettings(recognizers=str(file)))
