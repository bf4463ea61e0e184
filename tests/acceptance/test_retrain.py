"""`rasa-qa retrain` on a small real bot: promoted, refused, stopped, killed, undone."""

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy.engine import make_url

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.opening import open_database
from rasa_qa_plugin.settings import Settings
from rasa_qa_plugin.training.deploy import model_id, models_by_age
from tests.acceptance.servers import QUIET
from tests.conftest import SECRET, Events
from tests.rasa.test_training_worker import (
    CONFIG,
    DESPEDIR,
    DOMAIN,
    PRECIO,
    RULES,
    SALUDAR,
    TEST_ROWS,
    nlu,
)
from tests.unit.stage import Stage

STORIES = """\
version: "3.1"
stories:
- story: somebody says hello
  steps:
  - user: hola buenas
    intent: saludar
  - action: utter_hola
"""
ENDPOINTS = """\
tracker_store:
  type: rasa_qa_plugin.QATrackerStore
  db: bot.db
  settings: qa.yml
"""
GOOD = nlu(saludar=SALUDAR, despedir=DESPEDIR, precio=PRECIO)
POISONED = nlu(saludar=DESPEDIR, despedir=PRECIO, precio=SALUDAR)


class Bot:
    """The bot's folder, and what the command line says of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, content in {
            "config.yml": CONFIG,
            "domain.yml": DOMAIN,
            "endpoints.yml": ENDPOINTS,
            "qa.yml": "training: {min_test_rows: 10, max_leaked: 0.2}\n",
            "data/nlu.yml": GOOD,
            "data/rules.yml": RULES,
            "tests/nlu_test.yml": nlu(**TEST_ROWS),
            "tests/test_stories.yml": STORIES,
        }.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, "utf-8")

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        # What runs in the background of a shell ignores interrupts, and its children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(
            [sys.executable, "-m", "rasa_qa_plugin", *arguments],
            cwd=self.folder, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **QUIET, "RASA_QA_SECRET": SECRET, "COLUMNS": "120"},
        )  # fmt: skip

    def run(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=600)
        assert process.returncode == status, output + errors
        return output, errors

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", status=status)[0])

    def models(self) -> list[str]:
        return [path.name for path in models_by_age(self.folder / "models")]

    def files(self) -> dict[str, str]:
        """Hash what must not change when a run comes to nothing."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and not name.startswith((".rasa", "bot.db")):
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def runs(self) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "bot.db")) as connection:
            return connection.execute(
                "SELECT verdict, promoted FROM qa_training_runs ORDER BY started_at"
            ).fetchall()

    def hears(self, events: Events, text: str) -> None:
        """Record a message that the bot took for something else."""
        opened = open_database(
            make_url(f"sqlite:///{self.folder / 'bot.db'}"),
            Settings(),
            secret=SECRET,
            key_file=None,
        )
        agreed = events.slot("qa_consent", "granted")
        said = [agreed, events.user(text, "despedir", 0.4), events.bot("adios")]
        opened.recorder.record(Batch(sender_id="ana", events=said), now=time.time())
        opened.engine.dispose()

    def live_intents(self) -> list[Any]:
        return [turn.get("live_intent") for turn in self.json("turns")]

    def processes(self) -> list[str]:
        """Give what still runs for this bot."""
        return [
            " ".join(one.info["cmdline"] or ())
            for one in psutil.process_iter(["cmdline"])
            if str(self.folder) in " ".join(one.info["cmdline"] or ())
        ]

    @contextmanager
    def training(self) -> Iterator["subprocess.Popen[str]"]:
        """Start a run; the block begins when its worker works."""
        process = self.start("retrain")
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("loading Rasa"):
                break
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """A bot whose first model was trained and promoted."""
    bot = Bot(tmp_path_factory.mktemp("retrained"))
    output, errors = bot.run("retrain")
    assert "PROMOTE" in output
    assert "first model" in output
    assert "Promoted: models/" in errors
    assert re.search(r"test conversations .* 1 of 1", output)
    assert bot.runs() == [("PROMOTE", 1)]
    return bot


def test_a_poisoned_batch_is_refused_and_changes_nothing(bot: Bot) -> None:
    (bot.folder / "data" / "nlu.yml").write_text(POISONED, "utf-8")
    before = bot.files()

    output, errors = bot.run("retrain", status=3)

    (bot.folder / "data" / "nlu.yml").write_text(GOOD, "utf-8")
    assert "REFUSE" in output
    assert "test conversations that passed now fail: somebody says hello" in output
    assert re.search(r"changed rows: \d+ fixed, \d+ broken", output)
    assert "- hola hola: saludar → " in output
    assert "models/ is unchanged" in errors
    assert before == {
        **bot.files(), "data/nlu.yml": before["data/nlu.yml"]
    }  # fmt: skip
    (refused, _) = bot.json("runs", "list")
    folder = bot.folder / ".rasa_qa" / "runs" / refused["run_id"]
    assert not list(folder.parent.glob("*/worker.log"))
    written = (folder / "report.md").read_text("utf-8")
    assert "**REFUSE**" in written
    assert "| hola hola | saludar | saludar |" in written
    assert "data:image/png;base64" in (folder / "report.html").read_text("utf-8")
    assert json.loads((folder / "report.json").read_bytes()) == refused["report"]
    assert (refused["verdict"], refused["promoted"]) == ("REFUSE", False)
    shown, _ = bot.run("runs", "show", refused["run_id"])
    assert "REFUSE" in shown
    assert "hola hola" not in json.dumps(refused)
    _, error = bot.run("promote", refused["run_id"], status=1)
    assert "verdict: is REFUSE" in error


def test_a_stopped_run_leaves_everything_as_it_was(bot: Bot) -> None:
    before, known = bot.files(), bot.runs()

    with bot.training() as process:
        process.send_signal(signal.SIGINT)
        process.wait(60)

    assert bot.processes() == []
    assert (bot.files(), bot.runs()) == (before, known)


def test_a_killed_run_leaves_everything_as_it_was(bot: Bot) -> None:
    before, known = bot.files(), bot.runs()

    with bot.training() as process:
        process.kill()
        process.wait(60)

    deadline = time.monotonic() + 60
    while bot.processes():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert (bot.files(), bot.runs()) == (before, known)


def test_two_never_run_at_once(bot: Bot) -> None:
    with bot.training():
        for command in (["retrain"], ["rollback"]):
            _, error = bot.run(*command, status=1)
            assert "another training or promotion of this bot is running" in error


def test_a_candidate_that_waits_is_promoted_by_hand_and_rolled_back(
    bot: Bot, events: Events
) -> None:
    first = bot.models()
    bot.hears(events, "buenas tardes")
    report = bot.json("retrain", "--no-promote")
    assert (report["verdict"], report["promoted"]) == ("PROMOTE", None)
    assert report["current"]["n"] == 15
    assert bot.models() == first

    assert bot.live_intents() == [None]

    _, said = bot.run("promote", report["run_id"])
    promoted = bot.models()
    assert f"models/{promoted[0]}" in said
    assert promoted[1:] == first
    assert (
        model_id(bot.folder / "models" / promoted[0])
        == (report["candidate"]["model_id"])
    )
    assert bot.json("runs", "show", report["run_id"])["promoted"]

    # The queue goes by what the new model makes of it, and no longer after a rollback.
    assert bot.live_intents() == ["saludar"]
    (turn,) = bot.json("turns")
    shown, _ = bot.run("show", turn["turn_id"])
    assert re.search(r"now\s+saludar [01]\.\d\d", shown)

    bot.run("rollback")
    assert bot.models()[0] == first[0]
    assert bot.live_intents() == [None]
    bot.run("rollback", report["run_id"])
    assert bot.models()[0] == promoted[0]
    compared, _ = bot.run("runs", "compare", report["run_id"], report["run_id"])
    assert "differs" not in compared


def test_force_goes_on_record_with_who_and_why(bot: Bot) -> None:
    (refused,) = [run for run in bot.json("runs", "list") if run["verdict"] == "REFUSE"]
    run_id = refused["run_id"]

    assert "needs --reason" in bot.run("promote", run_id, "--force", status=2)[1]
    bot.run("promote", run_id, "--force", "--reason", "a drill", "--by", "Marta")

    found = bot.json("runs", "show", run_id)
    assert (found["verdict"], found["promoted"]) == ("REFUSE", True)
    assert found["report"]["forced"]["by"] == "Marta"
    assert found["report"]["forced"]["reason"] == "a drill"
    assert "forced by Marta: a drill" in bot.run("runs", "list")[0]
    bot.run("rollback")


def test_killed_while_promoting_the_old_model_stays(bot: Bot) -> None:
    stage = Stage()
    stage.start()
    newest = models_by_age(bot.folder / "models")[0]
    stage.loaded = {"model_file": newest.name, "model_id": model_id(newest)}
    stage.slow.clear()
    process = bot.start("retrain", "--server", stage.url, "--token", stage.token)
    assert stage.asked.wait(300)
    process.kill()
    process.communicate()
    stage.stop()

    assert bot.models()[0] == newest.name
    assert bot.runs()[-1] == ("PROMOTE", 0)


def test_nothing_is_trained_before_it_is_due(bot: Bot) -> None:
    known = bot.runs()
    answer = bot.json("retrain", "--if-due")
    assert answer == {"due": False, "merged": 0, "needed": 100}
    assert bot.runs() == known

    with closing(sqlite3.connect(bot.folder / "bot.db")) as connection:
        for turns in (60, 40):
            connection.execute(
                "INSERT INTO qa_activity (happened_at, action, detail) "
                "VALUES (?, 'merge', ?)",
                (time.time(), json.dumps({"turns": turns})),
            )
        connection.commit()
    report = bot.json("retrain", "--if-due", "--no-promote")
    assert report["verdict"] == "PROMOTE"
    assert bot.json("retrain", "--if-due")["due"] is False
