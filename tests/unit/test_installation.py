"""`rasa-qa init`: lines are added where they belong and nothing else changes."""

from datetime import datetime, timezone
from pathlib import Path

import pytest

from rasa_qa_plugin import changes
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import ConfigError, RasaQAError
from rasa_qa_plugin.installation import plan_installation
from rasa_qa_plugin.settings import parser, read_yaml
from rasa_qa_plugin.splicing import add_missing, append_entries

NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)
CONFIG = """\
# my bot
language: en
pipeline:
- name: WhitespaceTokenizer   # no indentation
- name: DIETClassifier
  epochs: 5
# after the pipeline
policies:
  - name: MemoizationPolicy
"""
DOMAIN = """\
version: "3.1"
intents:
  - greet
  - bye: {use_entities: []}
entities: []
slots: {}

responses:
    utter_greet:
    - text: hi # deeper indentation
# last words
"""


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    (tmp_path / "config.yml").write_text(CONFIG, "utf-8")
    (tmp_path / "domain.yml").write_text(DOMAIN, "utf-8")
    (tmp_path / "data").mkdir()
    return Bot(tmp_path)


def install(bot: Bot) -> None:
    changes.write(
        plan_installation(bot).changes,
        root=bot.folder,
        backups=bot.workspace / "backups",
        now=NOW,
    )


def test_lines_are_only_added(bot: Bot) -> None:
    install(bot)

    for name, former in (("config.yml", CONFIG), ("domain.yml", DOMAIN)):
        now = (bot.folder / name).read_text("utf-8").splitlines()
        kept = [
            line
            for line in former.splitlines()
            if line not in ("entities: []", "slots: {}")
        ]
        position = 0
        for line in kept:  # every line of the user's is there, in order
            position = now.index(line, position) + 1


def test_the_result_reads_as_meant(bot: Bot) -> None:
    install(bot)

    config = read_yaml(bot.config)
    assert [c["name"] for c in config["pipeline"]] == [
        "WhitespaceTokenizer",
        "DIETClassifier",
        "rasa_qa_plugin.ConfidenceLogger",
    ]
    assert [c["name"] for c in config["policies"]] == [
        "MemoizationPolicy",
        "RulePolicy",
    ]
    domain = read_yaml(bot.domain)
    assert {"greet", "qa_consent_grant"} <= bot.domain_names("intents")
    assert "qa_turn" in bot.domain_names("entities")
    assert domain["slots"]["qa_consent"]["type"] == "text"
    assert {"utter_greet", "utter_qa_ask_consent_es"} <= set(domain["responses"])
    store = read_yaml(bot.endpoints)["tracker_store"]
    assert store["type"] == "rasa_qa_plugin.QATrackerStore"
    assert bot.connection().settings == "qa.yml"


def test_installing_twice_is_installing_once(bot: Bot) -> None:
    install(bot)

    assert plan_installation(bot).changes == []


def test_former_files_are_kept(bot: Bot) -> None:
    install(bot)

    (backup,) = (bot.workspace / "backups").iterdir()
    assert (backup / "config.yml").read_text("utf-8") == CONFIG


def test_a_sql_store_becomes_ours_on_the_same_database(bot: Bot) -> None:
    bot.endpoints.write_text(
        "tracker_store:\n    type: SQL  # Postgres\n    dialect: postgresql\n"
        "    url: db\n    password: ${DB_PASSWORD}\n",
        "utf-8",
    )

    install(bot)

    store = read_yaml(bot.endpoints)["tracker_store"]
    assert store == {
        "type": "rasa_qa_plugin.QATrackerStore",
        "settings": "qa.yml",
        "dialect": "postgresql",
        "url": "db",
        "password": "${DB_PASSWORD}",
    }
    assert "# Postgres" in bot.endpoints.read_text("utf-8")


def test_another_section_of_that_type_is_left_alone(bot: Bot) -> None:
    bot.endpoints.write_text(
        "event_broker:\n  type: SQL\n  db: events.db\n"
        "tracker_store:\n  type: 'sql'\n  settings: mine.yml\n",
        "utf-8",
    )

    install(bot)

    endpoints = read_yaml(bot.endpoints)
    assert endpoints["event_broker"] == {"type": "SQL", "db": "events.db"}
    assert endpoints["tracker_store"] == {
        "type": "rasa_qa_plugin.QATrackerStore",
        "settings": "mine.yml",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "tracker_store:\n  type: SQL\n  dialect: mysql+pymysql\n",
            "neither SQLite nor",
        ),
        ("tracker_store:\n  type: SQL\n  shard: 1\n", "shard: unknown setting"),
        ("tracker_store:\n  db: c.db\n", "has no `type:`"),
        ("tracker_store: sql\n", "expected keys such as `type:`"),
    ],
)
def test_a_store_that_cannot_be_edited_is_refused(
    bot: Bot, text: str, message: str
) -> None:
    bot.endpoints.write_text(text, "utf-8")

    with pytest.raises(ConfigError, match=message):
        install(bot)


def test_another_store_is_refused_and_nothing_is_written(bot: Bot) -> None:
    bot.endpoints.write_text("tracker_store:\n  type: redis\n", "utf-8")

    with pytest.raises(ConfigError, match=r"is Redis.*--replace-store"):
        install(bot)

    assert bot.config.read_text("utf-8") == CONFIG


def test_a_folder_domain_gets_a_file_of_its_own(bot: Bot) -> None:
    former = bot.folder / "domain.yml"
    (bot.folder / "domain").mkdir()
    former.rename(bot.folder / "domain" / "base.yml")

    install(bot)

    assert (bot.folder / "domain" / "base.yml").read_text("utf-8") == DOMAIN
    assert "qa_forget_me" in bot.domain_names("intents")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("intents:\n- a\n", "intents:\n- a\n- b\n"),
        ("intents:\n    - a", "intents:\n    - a\n    - b\n"),
        ("intents: []\n", "intents:\n  - b\n"),
        ("intents:   # none\nx: 1\n", "intents:   # none\n  - b\nx: 1\n"),
        ("x: 1\n", "x: 1\n\nintents:\n  - b\n"),
        ("intents:\r\n- a\r\n", "intents:\r\n- a\r\n- b\r\n"),
        ("intents:\n- a\n\n# next\nx: 1\n", "intents:\n- a\n- b\n\n# next\nx: 1\n"),
    ],
)
def test_entries_follow_the_layout_they_meet(text: str, expected: str) -> None:
    assert append_entries(text, "intents", ["  - b\n"]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("intents: [a, b] # two\n", 'intents: [a, b, c, {"d":{"x":[]}}] # two\n'),
        ("x: 1\nintents: [\n  a, # one\n]\n", None),
        ("intents: [a: {x: []},\n          b ]\nx: [c]\n", None),
        ("{intents: [a]}\n", ConfigError),
    ],
)
def test_a_section_in_brackets_gains_entries_in_them(
    text: str, expected: str | type[ConfigError] | None
) -> None:
    entries = {"intents": ["  - c\n", "  - d:\n      x: []\n"]}
    if expected is ConfigError:
        with pytest.raises(ConfigError, match="nothing can be added safely"):
            add_missing(text, entries, file="domain.yml")
        return

    spliced = add_missing(text, entries, file="domain.yml")

    assert expected in (spliced, None)
    before, after = (parser().load(one) for one in (text, spliced))
    assert after == before | {"intents": [*before["intents"], "c", {"d": {"x": []}}]}
    assert spliced.count("\n") == text.count("\n")


def test_a_mapping_in_brackets_gains_entries_too() -> None:
    spliced = append_entries(
        "slots: {a: {type: text}}\n", "slots", ["  b:\n    c: 1\n"]
    )

    assert spliced == 'slots: {a: {type: text}, "b":{"c":1}}\n'


def test_a_file_that_changed_meanwhile_is_not_overwritten(bot: Bot) -> None:
    plan = plan_installation(bot)
    bot.config.write_text(CONFIG + "# edited\n", "utf-8")

    with pytest.raises(RasaQAError, match=r"config\.yml: changed since it was read"):
        changes.write(plan.changes, root=bot.folder, backups=bot.workspace, now=NOW)

    assert bot.domain.read_text("utf-8") == DOMAIN


def test_when_one_file_cannot_be_written_all_are_as_before(bot: Bot) -> None:
    plan = plan_installation(bot)
    blocked = bot.folder / "data" / "qa_rules.yml"
    blocked.mkdir()  # a folder stands where the file should go

    with pytest.raises(RasaQAError, match="nothing was changed"):
        changes.write(plan.changes, root=bot.folder, backups=bot.workspace, now=NOW)

    assert bot.config.read_text("utf-8") == CONFIG
    assert bot.domain.read_text("utf-8") == DOMAIN
    assert not bot.endpoints.exists()
