"""`qa.yml`: what is accepted, and one line naming key and remedy for what is not."""

from pathlib import Path
from typing import Any

import pytest

from rasa_qa_plugin import errors
from rasa_qa_plugin.errors import ConfigError, RasaQAError
from rasa_qa_plugin.settings import Settings, load_settings, parse_settings


def test_no_file_and_an_empty_file_give_the_private_defaults(tmp_path: Path) -> None:
    empty = tmp_path / "qa.yml"
    empty.write_text("# nothing set\n", "utf-8")

    assert load_settings(None) == load_settings(empty) == Settings()
    assert Settings().consent.without_consent == "structure"


def test_a_file_sets_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "qa.yml"
    file.write_text(
        "privacy: {live_ttl_hours: 2, slots: {cliente: NAME}}\n"
        "training: {max_f1_drop: 0.05}\n",
        "utf-8",
    )

    settings = load_settings(file)

    assert settings.privacy.live_ttl_hours == 2.0
    assert settings.privacy.slots == {"cliente": "NAME"}
    assert settings.training.max_f1_drop == 0.05


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"privcy": {}}, "qa.yml: privcy: unknown setting; choose from privacy,"),
        (
            {"privacy": {"slot": {}}},
            "qa.yml: privacy.slot: unknown setting; choose from live_ttl_hours,",
        ),
        ({"review": {"low_confidence": 2}}, "qa.yml: review.low_confidence: expected"),
        (
            {"review": {"low_confidence": "high"}},
            "review.low_confidence: expected `float`, got `str`; see `rasa-qa",
        ),
        (
            {"consent": {"without_consent": "all"}},
            "consent.without_consent: not one of the choices",
        ),
        (
            {"privacy": {"slots": {"a": "FACE"}}},
            "privacy.slots[...]: not one of the choices; choose from PHONE, EMAIL,",
        ),
        (
            {"privacy": {"ner": {"fr": "x"}}},
            "privacy.ner: a key in it is not one of the choices; choose from es, en",
        ),
        (
            {"privacy": {"countries": ["EC", "XX"]}},
            "privacy.countries[1]: not one of the choices; choose from AR, CL,",
        ),
        ({"privacy": [1]}, "qa.yml: privacy: expected `object`, got `array`"),
        ({"training": {"keep_models": 0}}, "training.keep_models: expected `int` >= 1"),
        ([1, 2], "qa.yml: expected sections such as `privacy:`"),
        ("privacy", "qa.yml: expected sections such as `privacy:`"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named_with_its_remedy(raw: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(raw)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rejected_value_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings({"consent": {"without_consent": "secret-9912"}})

    assert "secret-9912" not in str(caught.value)


def test_variables_are_left_alone_with_rasa_in_the_process(tmp_path: Path) -> None:
    import rasa.shared.utils.io  # teaches ruamel to expand variables

    assert rasa.shared.utils.io
    file = tmp_path / "qa.yml"
    file.write_text("privacy: {allow: ['${NOT_SET} 16/20']}\n", "utf-8")

    assert load_settings(file).privacy.allow == ["${NOT_SET} 16/20"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1\nb: 2", "line 2: not valid YAML; check indentation"),
        (b"\xff\xfe", "cannot be read (UnicodeDecodeError); save it as UTF-8"),
    ],
)
def test_an_unreadable_file_is_named(
    content: bytes, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "qa.yml"
    file.write_bytes(content)

    with pytest.raises(ConfigError, match=r"qa\.yml") as caught:
        load_settings(file)

    assert message in str(caught.value)


def test_no_error_of_ours_looks_like_a_missing_class_to_rasa() -> None:
    ours = [RasaQAError]
    for error in ours:
        ours += error.__subclasses__()

    assert len(ours) == len(set(ours)) >= 8
    assert not [e for e in ours if issubclass(e, (ImportError, AttributeError))]
    assert all(
        e.__name__ in (errors.__doc__ or "")
        for e in ours
        if e.__module__ == errors.__name__
    )
