"""The commands on a small bot folder with a real SQLite database."""

import json
import logging
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rasa_qa_plugin import cli
from rasa_qa_plugin.backlog import Backlog, spool_of
from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.storage import schema
from rasa_qa_plugin.storage.engine import transaction
from rasa_qa_plugin.storage.migrations import HEAD
from tests.conftest import SECRET, Events

WHO = "593998765432"
PHONE = "0991234567"
NLU = """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hola
- intent: price
  examples: |
    - cuánto cuesta
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    bot = tmp_path / "bot"
    (bot / "data").mkdir(parents=True)
    (bot / "data" / "nlu.yml").write_text(NLU, "utf-8")
    (bot / "config.yml").write_text("pipeline:\n- name: x\n", "utf-8")
    (bot / "domain.yml").write_text("intents: \n- greet\n- price\n", "utf-8")
    (bot / "endpoints.yml").write_text(
        "tracker_store:\n  type: rasa_qa_plugin.QATrackerStore\n  db: bot.db\n", "utf-8"
    )
    return bot


def call(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        cli.root,
        [arguments[0], "--bot", str(folder), *arguments[1:]],
        catch_exceptions=False,
    )


@pytest.fixture
def talked(folder: Path, events: Events) -> Path:
    """A person who agreed, gave a phone number and asked two doubtful questions."""
    opened = open_bot(Bot(folder))
    opened.recorder.record(
        Batch(
            sender_id=WHO,
            events=[
                events.slot("qa_consent", "granted"),
                events.user("hola", message_id="m1"),
                events.user("a cómo la libra?", confidence=0.4, message_id="m2"),
                events.user(f"llamen al {PHONE}", confidence=0.3, message_id="m3"),
            ],
        ),
        now=time.time(),
    )
    opened.engine.dispose()
    return folder


def test_the_loop_from_turns_to_training_data(talked: Path, tmp_path: Path) -> None:
    review = tmp_path / "review.yml"
    listed = json.loads(call(talked, "turns", "--flagged", "--json").stdout)
    assert {turn["text"] for turn in listed} == {
        "a cómo la libra?",
        "llamen al [PHONE]",
    }

    assert call(talked, "export", str(review)).exit_code == 0
    text = review.read_text("utf-8")
    assert PHONE not in text
    block = text.index("a cómo la libra?")
    start = text.rindex("- intent: greet", 0, block)
    review.write_text(text[:start] + text[start:].replace("greet", "price", 1), "utf-8")

    first = call(talked, "import", str(review), "--json")
    again = call(talked, "import", str(review), "--json")
    assert len(json.loads(first.stdout)["recorded"]) == 2
    assert len(json.loads(again.stdout)["known"]) == 2

    shown = call(talked, "merge")  # no terminal, no --yes: only shows
    assert "+    - a cómo la libra?" in shown.stdout
    assert (talked / "data" / "nlu.yml").read_text("utf-8") == NLU

    assert call(talked, "merge", "--yes", "--no-validate").exit_code == 0
    merged = (talked / "data" / "nlu.yml").read_text("utf-8")
    assert "- cuánto cuesta\n    - a cómo la libra?\n" in merged
    assert "Nothing to merge" in call(talked, "merge").stderr
    by_status = json.loads(call(talked, "stats", "--json").stdout)["by_status"]
    assert by_status == {"new": 1, "merged": 2}


def test_a_turn_is_exported_once(talked: Path, tmp_path: Path) -> None:
    call(talked, "export", str(tmp_path / "one.yml"))
    second = call(talked, "export", str(tmp_path / "two.yml"))
    again = call(talked, "export", str(tmp_path / "three.yml"), "--again")

    assert "Nothing to export" in second.stderr
    assert not (tmp_path / "two.yml").exists()
    assert "Exported 2 turns" in again.stderr


def test_a_file_is_never_overwritten(talked: Path, tmp_path: Path) -> None:
    taken = tmp_path / "notes.yml"
    taken.write_text("mine", "utf-8")

    result = call(talked, "export", str(taken))

    assert (result.exit_code, taken.read_text("utf-8")) == (1, "mine")
    assert result.stderr == "rasa-qa: notes.yml: exists already; name another file\n"
    assert (
        len(json.loads(call(talked, "turns", "--status", "new", "--json").stdout)) == 3
    )


def test_withdrawn_people_are_dropped_at_import_and_merge(
    talked: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review.yml"
    call(talked, "export", str(review))
    call(talked, "import", str(review))
    call(talked, "consent", WHO, "--set", "withdrawn")

    imported = json.loads(call(talked, "import", str(review), "--json").stdout)

    assert len(imported["withdrawn"]) == 2
    assert imported["recorded"] == []
    assert "Nothing to merge" in call(talked, "merge", "--yes", "--no-validate").stderr
    database = b"".join(path.read_bytes() for path in talked.glob("bot.db*"))
    assert b"libra" not in database


def test_personal_data_typed_by_a_reviewer_is_masked(
    talked: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review.yml"
    call(talked, "export", str(review))
    text = review.read_text("utf-8").replace("a cómo la libra?", f"a cómo? cel {PHONE}")
    review.write_text(text, "utf-8")

    imported = json.loads(call(talked, "import", str(review), "--json").stdout)
    diff = call(talked, "merge").stdout

    assert len(imported["masked"]) == len(imported["edited"]) == 1
    assert PHONE not in diff
    assert "a cómo? cel [PHONE]" in diff


def test_consent_is_shown_set_and_found_by_pseudonym(talked: Path) -> None:
    pseudonym = json.loads(call(talked, "turns", "--json").stdout)[0]["sender_id"]
    call(talked, "consent", WHO, "--set", "denied")

    by_name = json.loads(call(talked, "consent", pseudonym, "--json").stdout)
    stranger = call(talked, "consent", "someone")

    assert [entry["state"] for entry in by_name] == ["granted", "denied"]
    assert by_name[1]["source"] == "cli"
    assert "unknown" in stranger.stdout


def spool_finding(folder: Path) -> dict[str, Any]:
    findings = json.loads(call(folder, "check", "--json").stdout)
    (found,) = (one for one in findings if one["subject"] == "spool")
    return dict(found)


def test_what_waits_is_shown_counted_and_erased(talked: Path, events: Events) -> None:
    vault = open_bot(Bot(talked)).vault
    waiting = Backlog(spool_of(Bot(talked)), vault, most_bytes=10**6)
    waiting.add(Batch(sender_id=WHO, events=[events.user("espera")], saved_at=1.0))

    told = spool_finding(talked)["detail"]
    assert told.startswith("1 messages wait for the database since")
    assert "1 messages more wait" in call(talked, "subject-access", WHO).stderr
    assert json.loads(call(talked, "erase", WHO, "--json").stdout)["rows"]["spool"] == 1
    assert waiting.first(WHO) is not None

    call(talked, "erase", WHO, "--yes")

    assert waiting.first(WHO) is None
    assert spool_finding(talked)["ok"]


def test_erase_counts_first_and_leaves_nothing(talked: Path) -> None:
    counted = json.loads(call(talked, "erase", WHO, "--json").stdout)
    still = json.loads(call(talked, "stats", "--json").stdout)["turns"]
    erased = json.loads(call(talked, "erase", WHO, "--yes", "--json").stdout)

    assert (counted["erased"], still) == (False, 3)
    assert erased["rows"] == counted["rows"]
    assert json.loads(call(talked, "stats", "--json").stdout)["turns"] == 0
    with sqlite3.connect(talked / "bot.db") as connection:
        ((detail,),) = connection.execute("SELECT detail FROM qa_activity").fetchall()
    assert set(json.loads(detail)) == {"rows"}


def test_subject_access_prints_one_document_and_keeps_none(
    talked: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def files() -> set[str]:
        # SQLite's own files beside the database come and go.
        return {p.name for p in talked.rglob("*") if not p.name.startswith("bot.db-")}

    before = files()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").debug("heard")
        shown = call(talked, "subject-access", WHO)
    masked = call(talked, "subject-access", WHO, "--without-originals")

    document = json.loads(shown.stdout)
    by_name = call(talked, "subject-access", document["subject"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert f"llamen al {PHONE}" in shown.stdout
    assert len(document["turns"]) == 3
    assert json.loads(by_name.stdout)["events"] == document["events"]
    assert PHONE[1:] not in masked.stdout
    assert "llamen al [PHONE]" in masked.stdout
    assert PHONE not in "".join(caplog.messages)
    assert "heard" in caplog.messages
    assert files() == before


def test_subject_access_of_a_stranger_is_empty_and_says_so(talked: Path) -> None:
    result = call(talked, "subject-access", "someone")

    assert (result.exit_code, json.loads(result.stdout)) == (0, {})
    assert result.stderr == "Nothing is stored under this id.\n"


@pytest.fixture
def long_ago(talked: Path, events: Events) -> Path:
    """Somebody else who talked a hundred days ago."""
    opened = open_bot(Bot(talked))
    then = time.time() - 100 * 86_400
    said = {**events.user("hola", confidence=0.4), "timestamp": then}
    recent = {"recorded_at": time.time()}  # the fixture's events have a clock of theirs
    with transaction(opened.engine) as connection:
        connection.execute(schema.turns.update().values(recent))
    opened.recorder.record(Batch(sender_id="someone else", events=[said]), now=then)
    opened.engine.dispose()
    return talked


def test_purge_counts_first_then_deletes_what_is_old(long_ago: Path) -> None:
    age = ("purge", "--older-than", "90d")
    counted = json.loads(call(long_ago, *age, "--json").stdout)
    dry = json.loads(call(long_ago, *age, "--dry-run", "--json").stdout)
    turns_before = json.loads(call(long_ago, "stats", "--json").stdout)["turns"]
    purged = call(long_ago, *age, "--yes", "--json")
    again = call(long_ago, *age, "--yes")

    assert counted == dry
    assert (counted["purged"], turns_before) == (False, 4)
    assert json.loads(purged.stdout) == {"purged": True, "rows": counted["rows"]}
    assert purged.stderr == ""  # no bar without a terminal
    assert counted["rows"]["events"] == counted["rows"]["qa_turns"] == 1
    assert json.loads(call(long_ago, "stats", "--json").stdout)["turns"] == 3
    assert "Nothing is that old." in again.stderr


@pytest.mark.parametrize(
    ("age", "old"),
    [("2399h", 1), ("99d", 1), ("14w", 1), ("3m", 1),
     ("2401h", 0), ("101d", 0), ("15w", 0), ("4m", 0), ("1y", 0)],
)  # fmt: skip
def test_ages_are_read_in_every_unit(long_ago: Path, age: str, old: int) -> None:
    result = call(long_ago, "purge", "--older-than", age, "--what", "turns", "--json")

    rows = json.loads(result.stdout)["rows"]
    assert set(rows) == {"qa_turns", "qa_flags", "qa_annotations", "qa_feedback"}
    assert rows["qa_turns"] == old


@pytest.mark.parametrize("age", ["90", "0d", "-1d", "1.5d", "d", "90 d", "9e9d", "٣d"])
def test_what_is_no_age_is_refused(long_ago: Path, age: str) -> None:
    result = call(long_ago, "purge", f"--older-than={age}", "--yes")

    assert result.exit_code == 2
    assert "not an age; write 90d" in result.stderr
    assert json.loads(call(long_ago, "stats", "--json").stdout)["turns"] == 4


@pytest.mark.parametrize("command", [["erase", WHO], ["purge", "--older-than", "1h"]])
def test_a_dry_run_that_should_delete_is_a_usage_error(
    talked: Path, command: list[str]
) -> None:
    dry = call(talked, *command, "--dry-run")
    both = call(talked, *command, "--dry-run", "--yes")

    assert dry.exit_code == 0
    assert "add --yes" in dry.stderr
    assert (both.exit_code, both.stdout) == (2, "")
    assert "--dry-run: contradicts --yes" in both.stderr
    assert json.loads(call(talked, "stats", "--json").stdout)["turns"] == 3


def test_tables_are_printed_for_people(talked: Path) -> None:
    for command in ("stats", "turns"):
        result = call(talked, command)
        assert result.exit_code == 0
        assert "greet" in result.stdout


def test_check_names_what_is_missing_and_fails(folder: Path) -> None:
    result = call(folder, "check", "--json")

    found = {finding["subject"]: finding for finding in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert found["database"] == {
        "subject": "database",
        "ok": True,
        "detail": "not made yet; the bot makes it when it starts",
    }
    assert found["Rasa"]["ok"]
    assert "run `rasa-qa init`" in found["config.yml"]["detail"]
    assert found["model"]["detail"] == "none in models/; run `rasa train`"


@pytest.mark.parametrize("secret", [SECRET, None])
def test_check_looks_and_makes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    if secret is None:
        monkeypatch.delenv("RASA_QA_SECRET")

    def files() -> dict[str, int]:
        return {p.name: p.stat().st_size for p in folder.rglob("*")}

    before = files()
    call(folder, "check")
    assert files() == before

    with sqlite3.connect(folder / "bot.db") as connection:
        connection.execute("CREATE TABLE events (id INTEGER)")
    connection.close()
    found = json.loads(call(folder, "check", "--json").stdout)
    assert (
        "not made yet" in {one["subject"]: one for one in found}["database"]["detail"]
    )
    with sqlite3.connect(folder / "bot.db") as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert tables == [("events",)]
    assert "bot.db.key" not in files()


def test_check_upgrades_no_schema_and_refuses_a_later_one(talked: Path) -> None:
    def detail(revision: str) -> str:
        with sqlite3.connect(talked / "bot.db") as connection:
            connection.execute(
                "UPDATE qa_schema_version SET version_num = ?", (revision,)
            )
        connection.close()
        found = json.loads(call(talked, "check", "--json").stdout)
        return str({one["subject"]: one["detail"] for one in found}["database"])

    later = f"reachable, schema 0003, {HEAD} from the next start"
    assert detail("0003").startswith(later)
    assert detail("0003").endswith("1 conversations")
    assert "schema revision is 9999" in detail("9999")


def test_check_tells_an_error_of_the_settings_once(folder: Path) -> None:
    (folder / "endpoints.yml").write_text(
        "tracker_store:\n  type: rasa_qa_plugin.QATrackerStore\n  settings: qa.yml\n",
        "utf-8",
    )
    (folder / "qa.yml").write_text("privacy: {slotz: {}}\n", "utf-8")

    result = call(folder, "check", "--json")

    details = [one["detail"] for one in json.loads(result.stdout)]
    assert sum("slotz" in detail for detail in details) == 1
    assert details.count("not looked at; see settings") == 1
    (folder / "endpoints.yml").write_text("tracker_store: {type: SQL}\n", "utf-8")
    found = json.loads(call(folder, "check", "--json").stdout)
    again = [one["subject"] for one in found if "see endpoints.yml" in one["detail"]]
    assert again == ["settings", "database", "files", "spool", "test set"]


def test_check_loads_recognizers_and_models_of_one_s_own(folder: Path) -> None:
    (folder / "endpoints.yml").write_text(
        "tracker_store:\n  type: rasa_qa_plugin.QATrackerStore\n  settings: qa.yml\n",
        "utf-8",
    )
    (folder / "qa.yml").write_text("privacy: {ner: {es: no_such_model}}\n", "utf-8")

    found = json.loads(call(folder, "check", "--json").stdout)

    assert not {one["subject"]: one for one in found}["settings"]["ok"]


ENDPOINTS = "tracker_store:\n  type: rasa_qa_plugin.QATrackerStore\n"


@pytest.mark.parametrize(
    ("files", "command", "status", "message"),
    [
        (
            {"endpoints.yml": f"{ENDPOINTS}  dbb: x\n"},
            ["stats"],
            2,
            "endpoints.yml: tracker_store.dbb: unknown setting; choose from dialect,",
        ),
        (
            {
                "endpoints.yml": f"{ENDPOINTS}  settings: qa.yml\n",
                "qa.yml": "reviw: {}",
            },
            ["turns"],
            2,
            "qa.yml: reviw: unknown setting; choose from privacy,",
        ),
        (
            {"endpoints.yml": "tracker_store:\n  type: SQL\n"},
            ["stats"],
            2,
            "tracker_store.type: is not rasa_qa_plugin.QATrackerStore; run",
        ),
        ({"endpoints.yml": "models: {}"}, ["stats"], 2, "tracker_store: missing; run"),
        (
            {"endpoints.yml": f"{ENDPOINTS}  password: ${{NOT_SET_9}}\n"},
            ["stats"],
            2,
            "tracker_store.password: the environment variable NOT_SET_9 is not set",
        ),
        (
            {"endpoints.yml": f"{ENDPOINTS}  dialect: postgresql+missing\n"},
            ["stats"],
            2,
            "tracker_store.dialect: the driver for postgresql+missing is not installed",
        ),
        (
            {"endpoints.yml": f"{ENDPOINTS}  dialect: postgresql\n  url: localhost:1"},
            ["stats"],
            1,
            "database: cannot be reached; check tracker_store in",
        ),
        (
            {"review.yml": "nlu: [}"},
            ["import", "review.yml"],
            1,
            "review.yml, line 1: not",
        ),
        (
            {"review.yml": "a: 1"},
            ["import", "review.yml"],
            1,
            "has no `nlu:` key; give",
        ),
        ({}, ["rollback"], 1, "rollback: there is no former model"),
        ({}, ["retrain"], 1, "test set: nlu_test.yml not found; write one in the form"),
        ({}, ["retrain", "--upload", "foo"], 1, "--upload: no such storage; choose"),
        ({}, ["retrain", "--upload", "os.foo"], 1, "--upload: no such storage; choose"),
        (
            {},
            ["retrain", "--server", "http://127.0.0.1:1"],
            1,
            "server: cannot be reached; is it running",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, (list, dict)) else "",
)
def test_bad_input_gets_one_line_with_the_remedy(
    folder: Path, files: dict[str, str], command: list[str], status: int, message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")

    result = call(folder, *command)

    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("rasa-qa: ")
    assert (result.exit_code, result.stdout) == (status, "")


def test_a_folder_without_a_bot_is_named(tmp_path: Path) -> None:
    result = call(tmp_path, "stats")

    assert result.exit_code == 2
    assert "config.yml: not found; run this in a bot folder" in result.stderr


def test_init_shows_asks_and_writes(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("pipeline:\n- name: KeywordIntentClassifier\n")
    (tmp_path / "domain.yml").write_text("intents:\n- greet\n")

    shown = call(tmp_path, "init")
    assert "+- name: rasa_qa_plugin.ConfidenceLogger" in shown.stdout
    assert "Nothing was written" in shown.stderr
    assert not (tmp_path / "qa.yml").exists()

    written = call(tmp_path, "init", "--yes")
    again = call(tmp_path, "init", "--yes")
    assert "Wrote 8 files" in written.stderr
    assert "Nothing to do" in again.stderr


def test_a_word_that_is_no_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(cli.root, ["trun"])

    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_errors_never_show_what_a_person_wrote(talked: Path, tmp_path: Path) -> None:
    review = tmp_path / "review.yml"
    secret: Any = "ana@casa.example"
    review.write_text(f"nlu:\n- intent: ''\n  examples:\n  - text: {secret}\n", "utf-8")

    result = call(talked, "import", str(review))

    assert result.exit_code == 1
    assert secret not in result.stderr
