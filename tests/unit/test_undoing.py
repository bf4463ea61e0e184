"""`rasa-qa init --undo`: every file as it was, and nobody's later edits harmed."""

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rasa_qa_plugin import cli
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.installation import plan_installation
from rasa_qa_plugin.undoing import install, plan_undoing, undo

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
FILES = {
    "config.yml": "pipeline:\n- name: KeywordIntentClassifier # mine\npolicies:\n"
    "- name: MemoizationPolicy",
    "domain.yml": 'version: "3.1"\r\nintents:\r\n- greet\r\nslots: {}\r\n',
    "endpoints.yml": "tracker_store:\n  type: SQL # ours\n  password: geheim\n",
    "actions.py": "from rasa_sdk import Action\n",
    ".gitignore": "*.pyc\n",
    "data/nlu.yml": "nlu: []\n",
}


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    return Bot(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    """Give every file and folder of a bot, the plugin's own workspace apart."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        if path.is_file()
        else b""
        for path in sorted(folder.rglob("*"))
        if ".rasa_qa" not in path.parts
    }


def installed(bot: Bot, *, now: datetime = NOW) -> None:
    install(plan_installation(bot).changes, bot=bot, now=now)


def undone(bot: Bot) -> list[str]:
    """Undo, and give what is left to be done by hand."""
    plan = plan_undoing(bot)
    undo(plan, bot=bot, now=NOW + timedelta(hours=1))
    return plan.notes


def test_undone_every_file_is_back_byte_for_byte(bot: Bot) -> None:
    before = contents(bot.folder)
    installed(bot)
    assert contents(bot.folder) != before

    assert undone(bot) == []

    assert contents(bot.folder) == before
    with pytest.raises(RasaQAError, match="nothing to undo"):
        plan_undoing(bot)


def test_a_folder_that_init_made_goes_with_its_file(bot: Bot) -> None:
    (bot.folder / "actions.py").unlink()
    before = contents(bot.folder)
    installed(bot)
    assert (bot.folder / "actions" / "__init__.py").is_file()

    undone(bot)

    assert contents(bot.folder) == before


def test_all_runs_of_init_are_undone(bot: Bot) -> None:
    before = contents(bot.folder)
    installed(bot)
    rules = bot.data / "qa_rules.yml"
    rules.write_bytes(rules.read_bytes().replace(b"  - rule: qa forget me\n", b""))
    with pytest.raises(RasaQAError):  # half a rule is no rule: told, not guessed
        installed(bot, now=NOW + timedelta(minutes=1))
    rules.unlink()
    installed(bot, now=NOW + timedelta(minutes=2))

    assert undone(bot) == []

    assert contents(bot.folder) == before


def test_edits_since_then_stay(bot: Bot) -> None:
    installed(bot)
    for name, there, mine in (
        ("config.yml", b"# mine", b"# still mine"),
        ("actions.py", b"Action", b"Action, Tracker"),
        ("domain.yml", b"qa_skip\r\n", b"qa_skip\r\n- mine\r\n"),
    ):
        path = bot.folder / name
        path.write_bytes(path.read_bytes().replace(there, mine, 1))

    notes = undone(bot)

    assert (
        bot.config.read_bytes()
        == FILES["config.yml"].replace("# mine", "# still mine").encode()
    )
    actions = (bot.folder / "actions.py").read_text("utf-8")
    assert actions == "from rasa_sdk import Action, Tracker\n"
    # Among init's own lines nobody can tell whose is whose: the file stays.
    assert b"- mine" in bot.domain.read_bytes()
    assert b"qa_consent_grant" in bot.domain.read_bytes()
    (stuck,) = (note for note in notes if "by hand" in note)
    assert stuck.startswith("domain.yml: ")
    # Once that is done, nothing is left on record.
    by_hand = FILES["domain.yml"].encode().replace(b"- greet", b"- mine")
    bot.domain.write_bytes(by_hand)
    assert not any("by hand" in note for note in undone(bot))
    assert bot.domain.read_bytes() == by_hand
    with pytest.raises(RasaQAError, match="nothing to undo"):
        plan_undoing(bot)


def test_files_of_ones_own_making_are_never_deleted(bot: Bot) -> None:
    installed(bot)
    settings = bot.folder / "qa.yml"
    settings.write_text("privacy: {live_ttl_hours: 1}\n", "utf-8")
    bot.endpoints.unlink()

    notes = undone(bot)

    assert settings.read_text("utf-8") == "privacy: {live_ttl_hours: 1}\n"
    assert not bot.endpoints.exists()
    assert [note.partition(":")[0] for note in notes] == ["endpoints.yml", "qa.yml"]
    assert all("deleted since" in n or "delete it" in n for n in notes)


def test_killed_half_way_it_can_still_be_undone(bot: Bot) -> None:
    before = contents(bot.folder)
    installed(bot)
    # As if the process had gone before these were put in their places.
    for name in ("domain.yml", "actions.py"):
        (bot.folder / name).write_bytes(FILES[name].encode())
    (bot.data / "qa_rules.yml").unlink()

    assert undone(bot) == []

    assert contents(bot.folder) == before


def test_when_it_cannot_be_written_all_is_as_before(bot: Bot) -> None:
    plan = plan_installation(bot).changes
    (bot.data / "qa_rules.yml").mkdir()  # a folder stands where the file should go
    before = contents(bot.folder)

    with pytest.raises(RasaQAError, match="nothing was changed"):
        install(plan, bot=bot, now=NOW)

    assert contents(bot.folder) == before
    with pytest.raises(RasaQAError, match="nothing to undo"):
        plan_undoing(bot)


def test_former_files_and_the_record_are_the_owner_s_to_read(bot: Bot) -> None:
    os.umask(0o022)
    installed(bot)

    (folder,) = (bot.workspace / "backups").iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    assert (bot.workspace / "init.json").stat().st_mode & 0o077 == 0


def call(bot: Bot, *arguments: str) -> Result:
    return CliRunner().invoke(cli.root, ["init", "--bot", str(bot.folder), *arguments])


def test_nothing_is_written_without_a_yes(bot: Bot) -> None:
    before = contents(bot.folder)

    for arguments in ((), ("--dry-run",), ("--json",), ("--dry-run", "--json")):
        assert call(bot, *arguments).exit_code == 0
        assert contents(bot.folder) == before
    assert call(bot, "--dry-run", "--yes").exit_code == 2


def test_the_command_says_in_json_what_it_did(bot: Bot) -> None:
    done = json.loads(call(bot, "--yes", "--json").stdout)

    assert done["written"] is True
    assert {change["file"] for change in done["changes"]} >= {"domain.yml", "qa.yml"}
    assert done["backups"].startswith(".rasa_qa/backups/")
    assert json.loads(call(bot, "--yes", "--json").stdout)["written"] is False
    back = json.loads(call(bot, "--undo", "--yes", "--json").stdout)
    assert back["written"] is True
    assert {c["file"] for c in back["changes"] if not c["stays"]} == {
        *("qa.yml", "data/qa_nlu.yml", "data/qa_rules.yml")
    }


def test_undoing_what_was_never_done_says_so(bot: Bot) -> None:
    result = call(bot, "--undo", "--yes")

    assert result.exit_code == 1
    assert "nothing to undo" in result.stderr
