"""Somebody else's bot: what `rasa init` makes, with the plugin added to it."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rasa.cli.scaffold import create_initial_project

from tests.acceptance.servers import free_port, get, post, rasa, server

WHO = "593998765432"
PHONE = "0991234567"
CRASH = """\

from rasa_sdk import Action


class ActionCrash(Action):
    def name(self):
        return "action_crash"

    def run(self, dispatcher, tracker, domain):
        raise ValueError("crashed over: " + tracker.latest_message["text"])
"""


class Moodbot:
    """The bot's folder and its running servers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder.parent / "logs"
        self.logs.mkdir()
        self.port = free_port()
        self.actions_port = free_port()

    def qa(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "rasa_qa_plugin", *arguments],
            cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def say(self, text: str, sender: str = WHO) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{self.port}/webhooks/rest/webhook"
        answers: list[dict[str, Any]] = post(url, {"sender": sender, "message": text})
        return answers

    def tracker(self, sender: str = WHO) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/conversations/{sender}/tracker?token=t"
        found: dict[str, Any] = get(url)
        return found

    def running(self) -> Any:
        return server(
            self.folder,
            "run", "--interface", "127.0.0.1", "--port", str(self.port),
            "--enable-api", "--auth-token", "t", "--debug",
            log=self.logs / "rasa.log",
            ready=f"http://127.0.0.1:{self.port}/status?token=t",
        )  # fmt: skip


@pytest.fixture(scope="module")
def moodbot(tmp_path_factory: pytest.TempPathFactory) -> Moodbot:
    folder = tmp_path_factory.mktemp("moodbot") / "bot"
    folder.mkdir()
    create_initial_project(str(folder))
    bot = Moodbot(folder)
    installed = bot.qa("init", "--yes")
    assert installed.returncode == 0, installed.stderr
    # Fewer epochs are enough to say hello; the seed makes every run read the same.
    config = folder / "config.yml"
    text = config.read_text().replace("epochs: 100", "epochs: 20")
    diet = "  - name: DIETClassifier\n    epochs: "
    assert f"{diet}20" in text
    config.write_text(text.replace(f"{diet}20", f"{diet}15\n    random_seed: 7"))
    with (folder / "actions" / "actions.py").open("a") as actions:
        actions.write(CRASH)
    domain = folder / "domain.yml"
    domain.write_text(
        domain.read_text().replace("actions:\n", "actions:\n  - action_crash\n")
    )
    rules = folder / "data" / "rules.yml"
    rules.write_text(
        rules.read_text().replace("action: utter_iamabot", "action: action_crash")
    )
    endpoints = folder / "endpoints.yml"
    endpoints.write_text(
        endpoints.read_text().replace(
            "url: http://localhost:5055", f"url: http://127.0.0.1:{bot.actions_port}"
        )
    )
    assert rasa(folder, "train", log=bot.logs / "train.log") == 0
    return bot


def test_it_is_installed_trained_and_chats_with_turns_in_the_database(
    moodbot: Moodbot,
) -> None:
    actions = server(
        moodbot.folder,
        "run", "actions", "--port", str(moodbot.actions_port), "--debug",
        log=moodbot.logs / "actions.log",
        ready=f"http://127.0.0.1:{moodbot.actions_port}/health",
    )  # fmt: skip
    with actions:
        with moodbot.running():
            assert moodbot.say("hello")[0]["text"] == "Hey! How are you?"
            assert "Thank you" in moodbot.say("/qa_consent_grant")[0]["text"]
            moodbot.say(f"extremely sad, call me at {PHONE}")
            assert "Sorry" in moodbot.say("/qa_feedback_negative")[0]["text"]
            # A button: a model of so few epochs would have to guess.
            moodbot.say(f'/bot_challenge{{"phone": "{PHONE}"}}')
            moodbot.say(f"/{PHONE}")  # Rasa warns about what it cannot parse
            first = moodbot.tracker()
        # A restarted server goes on where the former one was.
        with moodbot.running():
            assert moodbot.tracker()["events"] == first["events"]
            assert moodbot.tracker()["slots"]["qa_consent"] == "granted"
            moodbot.say("bye")

    checked = moodbot.qa("check", "--json")
    found = {f["subject"]: f["ok"] for f in json.loads(checked.stdout)}
    assert found.pop("test set") is False  # a fresh bot has none
    assert all(found.values()), checked.stdout
    with sqlite3.connect(moodbot.folder / "conversations.db") as connection:
        texts = [row[0] for row in connection.execute("SELECT text FROM qa_turns")]
    assert texts[0] is None  # before the yes
    assert "extremely sad, call me at [PHONE]" in texts
    assert "bye" in texts

    review = moodbot.folder.parent / "review.yml"
    exported = moodbot.qa("export", str(review), "--all")
    assert exported.returncode == 0, exported.stderr
    assert "call me at [PHONE]" in review.read_text("utf-8")

    for path in moodbot.folder.parent.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert PHONE.encode() not in content, path
            assert WHO.encode() not in content, path
    # The crashing action did run: its text would have come through Rasa's error log.
    assert b"ValueError" in (moodbot.logs / "actions.log").read_bytes()


def test_the_bots_own_files_only_gained_lines(moodbot: Moodbot, tmp_path: Path) -> None:
    create_initial_project(str(tmp_path))

    for name in ("domain.yml", "endpoints.yml"):
        now = iter((moodbot.folder / name).read_text("utf-8").splitlines())
        former = (tmp_path / name).read_text("utf-8").splitlines()
        assert all(line in now for line in former), name


@pytest.fixture
def scaffold(tmp_path: Path) -> Path:
    """What `rasa init` makes."""
    folder = tmp_path / "scaffold"
    folder.mkdir()
    create_initial_project(str(folder))
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".rasa_qa" not in path.parts
    }


def test_undone_it_is_what_rasa_init_made(scaffold: Path, tmp_path: Path) -> None:
    bot = Moodbot(shutil.copytree(scaffold, tmp_path / "fresh" / "bot"))

    assert bot.qa("init", "--yes").returncode == 0
    assert files_of(bot.folder) != files_of(scaffold)
    assert bot.qa("init", "--undo", "--yes").returncode == 0

    assert files_of(bot.folder) == files_of(scaffold)


def test_rasa_validates_it_without_a_warning(scaffold: Path, tmp_path: Path) -> None:
    bot = Moodbot(scaffold)
    assert bot.qa("init", "--yes").returncode == 0

    arguments = ("data", "validate", "--fail-on-warnings")
    assert rasa(scaffold, *arguments, log=tmp_path / "validate.log") == 0


def test_undoing_keeps_what_was_edited_since(moodbot: Moodbot, tmp_path: Path) -> None:
    bot = Moodbot(shutil.copytree(moodbot.folder, tmp_path / "used" / "bot"))

    assert bot.qa("init", "--undo", "--yes").returncode == 0

    files = files_of(bot.folder)
    assert b"epochs: 20" in files["config.yml"]
    assert b"ActionCrash" in files["actions/actions.py"]
    assert b"action_crash" in files["domain.yml"]
    assert not {"data/qa_nlu.yml", "data/qa_rules.yml", "qa.yml"} & set(files)


def test_init_again_finds_nothing_to_do(moodbot: Moodbot) -> None:
    assert "Nothing to do" in moodbot.qa("init", "--yes").stderr
