"""`rasa-qa explain`: what would be masked and why, with nothing stored."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rasa_qa_plugin import cli
from rasa_qa_plugin.privacy.explanation import explain
from rasa_qa_plugin.settings import PrivacySettings

ENDPOINTS = (
    "tracker_store:\n  type: rasa_qa_plugin.QATrackerStore\n"
    "  db: bot.db\n  settings: qa.yml\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bot = tmp_path / "bot"
    bot.mkdir()
    (bot / "config.yml").write_text("pipeline: []\n", "utf-8")
    (bot / "domain.yml").write_text(
        "slots: {customer_name: {type: text}, size: {type: text}}\nentities: [phone]\n",
        "utf-8",
    )
    (bot / "endpoints.yml").write_text(ENDPOINTS, "utf-8")
    (bot / "qa.yml").write_text("privacy: {allow: [Calle Real 12]}\n", "utf-8")
    return bot


def call(folder: Path, *arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(
        cli.root, ["explain", "--bot", str(folder), *arguments], input=stdin
    )


def test_reasons_name_recognizer_rule_and_token() -> None:
    text = "me llamo Ana Ruiz, mi celular es 0991234567 y ana@example.org"
    explained = explain(text, PrivacySettings())

    assert explained.masked == "me llamo [NAME], mi celular es [PHONE] y [EMAIL]"
    name, phone, email = explained.reasons
    assert (name.text, name.token, name.recognizer) == (
        "Ana Ruiz",
        "[NAME]",
        "NameRecognizer",
    )
    assert (phone.entity_type, phone.recognizer, phone.score) == (
        "PHONE",
        "NumberRecognizer",
        0.8,
    )
    assert "cue" in phone.why
    assert "unmistakable" in email.why
    assert all(text[r.start : r.end] == r.text for r in explained.reasons)


def test_what_the_allow_list_spares_is_explained_too() -> None:
    settings = PrivacySettings(allow=["Calle Real 12"])
    explained = explain("marca Calle Real 12", settings)

    assert explained.masked == "marca Calle Real 12"
    (reason,) = explained.reasons
    assert reason.token is None
    assert "privacy.allow" in reason.why


def test_two_values_of_a_type_get_two_tokens() -> None:
    explained = explain("cel 0991234567 o 0987654321", PrivacySettings())
    assert [r.token for r in explained.reasons] == ["[PHONE]", "[PHONE_2]"]


def test_command_prints_masked_text_and_table_and_touches_nothing(folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    done = call(folder, "marca Calle Real 12, cel 0991234567")

    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "marca Calle Real 12, cel [PHONE]"
    assert "NumberRecognizer" in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == before


def test_text_may_come_from_standard_input_and_go_out_as_json(folder: Path) -> None:
    for arguments in (["--json"], ["--json", "-"]):
        done = call(folder, *arguments, stdin="tel 0991234567\n")
        answer = json.loads(done.stdout)
        assert answer["masked"] == "tel [PHONE]"
        assert answer["reasons"][0]["rule"]


def test_a_file_in_another_encoding_is_read_as_far_as_it_goes(folder: Path) -> None:
    for arguments in (["--json"], []):
        done = call(folder, *arguments, stdin=b"tel\xe9fono 0991234567\n")
        assert done.exit_code == 0
        assert "[PHONE]" in done.stdout


def test_names_lists_how_slots_and_entities_are_masked(folder: Path) -> None:
    done = call(folder, "--names", "--json")
    assert json.loads(done.stdout) == [
        {"kind": "slot", "name": "customer_name", "masked_as": "NAME"},
        {"kind": "slot", "name": "size", "masked_as": None},
        {"kind": "entity", "name": "phone", "masked_as": "PHONE"},
    ]
    assert "as any text" in call(folder, "--names").stdout
    assert call(folder, "--names", "texto").exit_code == 2


def test_bot_without_endpoints_is_explained_with_the_defaults(folder: Path) -> None:
    (folder / "endpoints.yml").unlink()
    done = call(folder, "hola")
    assert done.exit_code == 0
    assert done.stdout == "hola\n"
    assert "default settings" in done.stderr
    assert "Nothing personal" in done.stderr


def test_broken_settings_are_one_line(folder: Path) -> None:
    (folder / "qa.yml").write_text("privacy: {recognizers: gone.yml}\n", "utf-8")
    done = call(folder, "hola")
    assert done.exit_code == 2
    assert done.stderr == "rasa-qa: gone.yml: file not found; check the path\n"
