"""The structure of an event: what happened stays, every word is gone."""

import json
from typing import Any

import pytest

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.events import WITHHELD, Event, EventMasker
from rasa_qa_plugin.privacy.tokens import TokenMap
from rasa_qa_plugin.settings import PrivacySettings

MASKER = EventMasker(PrivacyEngine(PrivacySettings()), PrivacySettings())
WORD = "zanahoria"
PHONE = "0991234567"

USER: Event = {
    "event": "user",
    "timestamp": 1.5,
    "text": f"{WORD} {PHONE}",
    "parse_data": {
        "intent": {"name": "inform", "confidence": 0.9},
        "intent_ranking": [{"name": "inform", "confidence": 0.9}],
        "entities": [
            {
                "entity": "color",
                "start": 0,
                "end": 9,
                "value": WORD,
                "confidence_entity": 0.8,
                "extractor": "DIETClassifier",
                "additional_info": {"x": WORD},
            },
            {"entity": "qa_turn", "value": "0123456789abcdef"},
        ],
        "text": f"{WORD} {PHONE}",
        "text_tokens": [(0, 9), (10, 20)],
        "message_id": "m1",
        "metadata": {"who": WORD},
        "qa": {"intent": "inform", "margin": 0.5},
        "response_selector": {
            "faq": {
                "response": {
                    "responses": [{"text": WORD}],
                    "confidence": 0.7,
                    "utter_action": "utter_faq/x",
                }
            }
        },
    },
    "input_channel": "rest",
    "message_id": "m1",
    "metadata": {"model_id": "a1" * 16, "who": WORD, "n": 991234567, "ok": True},
}
EVENTS = [
    USER,
    {"event": "bot", "timestamp": 1.0, "text": WORD, "data": {"buttons": [WORD]}},
    {"event": "slot", "timestamp": 1.0, "name": "color", "value": WORD},
    {"event": "slot", "timestamp": 1.0, "name": "color", "value": [WORD, {"a": WORD}]},
    {"event": "slot", "timestamp": 1.0, "name": "phone", "value": 991234567},
    {
        "event": "entities",
        "timestamp": 1.0,
        "entities": [{"entity": "c", "value": WORD}],
    },
    {"event": "action", "timestamp": 1.0, "name": None, "action_text": WORD},
    {"event": "reminder", "timestamp": 1.0, "intent": "x", "entities": {"c": WORD}},
    {"event": "agent", "timestamp": 1.0, "text": WORD, "data": {"k": WORD, PHONE: 1}},
    {"event": "session_started", "timestamp": 1.0, "metadata": {"who": WORD}},
    {"event": "of_the_future", "timestamp": 1.0, "x": [{"y": [WORD, 991234567]}]},
    {"event": "slot", "timestamp": 1.0, "name": "qa_comment", "value": WORD},
]


@pytest.mark.parametrize("event", EVENTS)
def test_no_word_and_no_value_is_left(event: Event) -> None:
    form = MASKER.withhold(event)
    assert WORD not in json.dumps(form)
    assert "991234567" not in json.dumps(form)
    assert form["event"] == event["event"]
    assert form["timestamp"] == event["timestamp"]


@pytest.mark.parametrize("event", EVENTS)
def test_withholding_is_the_same_for_raw_masked_and_withheld_events(
    event: Event,
) -> None:
    form = MASKER.withhold(event)
    assert MASKER.withhold(form) == form
    if event["event"] != "agent":  # a masked key reads otherwise
        assert MASKER.withhold(MASKER.mask(event, TokenMap())) == form


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("call_back", True),
        ("4e82bfa9-307c-4702-9448-e3950067d08b", True),
        ("1b4e28ba-2fa1-11d2-883f-0016d3cca427", True),
        (f"call {WORD}", False),
        ("call_0991234567", False),
    ],
)
def test_a_reminder_keeps_the_name_by_which_rasa_finds_it(
    name: str, *, stays: bool
) -> None:
    reminder = {"event": "reminder", "timestamp": 1.0, "intent": "x", "name": name}
    assert MASKER.withhold(reminder)["name"] == (name if stays else WITHHELD)
    other = {**reminder, "event": "of_the_future"}
    assert MASKER.withhold(other)["name"] == WITHHELD


def test_numbers_and_names_of_the_model_stay() -> None:
    form = MASKER.withhold(USER)
    data = form["parse_data"]
    assert data["intent"] == USER["parse_data"]["intent"]
    assert data["intent_ranking"] == USER["parse_data"]["intent_ranking"]
    assert data["qa"] == USER["parse_data"]["qa"]
    assert form["metadata"] == {
        "model_id": "a1" * 16,
        "who": WITHHELD,
        "n": WITHHELD,
        "ok": True,
    }
    assert data["entities"] == [
        {
            "entity": "color",
            "value": WITHHELD,
            "confidence_entity": 0.8,
            "extractor": "DIETClassifier",
        },
        {"entity": "qa_turn", "value": "0123456789abcdef"},
    ]
    assert data["response_selector"]["faq"]["response"] == {
        "responses": [{"text": WITHHELD}],
        "confidence": 0.7,
        "utter_action": "utter_faq/x",
    }


def test_structure_of_the_dialogue_stays() -> None:
    events = [
        {
            "event": "action",
            "timestamp": 1.0,
            "name": "action_listen",
            "policy": "policy_2_TEDPolicy",
            "confidence": 0.9,
            "action_text": None,
            "hide_rule_turn": False,
        },
        {"event": "active_loop", "timestamp": 1.0, "name": "order_form"},
        {"event": "followup", "timestamp": 1.0, "name": "utter_x"},
        {"event": "restart", "timestamp": 1.0},
        {"event": "loop_interrupted", "timestamp": 1.0, "is_interrupted": True},
    ]
    assert [MASKER.withhold(event) for event in events] == events


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("qa_consent", "granted", "granted"),
        ("qa_consent", "my number is 099", WITHHELD),
        ("qa_consent_asked", True, True),
        ("qa_forget", True, True),
        ("requested_slot", "phone", "phone"),
        ("requested_slot", None, None),
        ("requested_slot", f"x{PHONE}", WITHHELD),
        ("color", None, None),
        ("color", True, True),
        ("color", 5, WITHHELD),
        (
            "qa_feedback",
            {"turn": "0123456789abcdef", "rating": "down", "comment": WORD},
            {"turn": "0123456789abcdef", "rating": "down", "comment": WITHHELD},
        ),
        (
            "qa_feedback",
            {"turn": PHONE, "rating": WORD + "!", "comment": None},
            {"turn": WITHHELD, "rating": WITHHELD, "comment": None},
        ),
        ("session_started_metadata", {"who": WORD}, {"who": WITHHELD}),
    ],
)
def test_slots_of_bookkeeping_stay_readable(name: str, value: Any, kept: Any) -> None:
    event = {"event": "slot", "timestamp": 1.0, "name": name, "value": value}
    assert MASKER.withhold(event) == {**event, "value": kept}


@pytest.mark.parametrize("name", [f"cel{PHONE}", "me llamo luz", "+593991234567", ""])
def test_intent_name_that_someone_typed_is_withheld(name: str) -> None:
    event = {
        "event": "user",
        "text": f"/{name}",
        "parse_data": {"intent": {"name": name, "confidence": 1.0}},
    }
    form = MASKER.withhold(event)
    assert form["parse_data"]["intent"] == {"name": WITHHELD, "confidence": 1.0}


def test_event_that_cannot_be_read_keeps_type_and_time() -> None:
    deep: Any = WORD
    for _ in range(5000):
        deep = [deep]
    event = {"event": "bot", "timestamp": 1.0, "text": "x", "data": deep}
    assert MASKER.withhold(event) == {"event": "bot", "timestamp": 1.0}
