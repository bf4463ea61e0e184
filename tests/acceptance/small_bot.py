"""The smallest bot that remembers what it was told, and people who talk to it."""

import contextlib
import itertools
import shutil
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from rasa_qa_plugin.errors import StorageError
from rasa_qa_plugin.opening import Opened, open_database
from rasa_qa_plugin.settings import Settings
from rasa_qa_plugin.storage import conversations
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.schema import events
from tests.acceptance.servers import post, rasa, server
from tests.conftest import SECRET

if TYPE_CHECKING:
    from subprocess import Popen

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
intents: [greet, note]
session_config: {session_expiration_time: 0, carry_over_slots_to_new_session: true}
slots:
  noted:
    type: text
    influence_conversation: false
    mappings: [{type: from_text, intent: note}]
  qa_consent: {type: text, influence_conversation: false, mappings: [{type: custom}]}
responses:
  utter_greet: [{text: "hola; {noted}"}]
  utter_noted: [{text: "anotado: {noted}"}]
""",
    "data/nlu.yml": """
version: "3.1"
nlu:
- {intent: greet, examples: "- hola\\n"}
- {intent: note, examples: "- anota\\n"}
""",
    "data/rules.yml": """
version: "3.1"
rules:
- {rule: greet, steps: [{intent: greet}, {action: utter_greet}]}
- {rule: note, steps: [{intent: note}, {action: utter_noted}]}
""",
    # Without it the archive would hold no text whose tokens could be looked at.
    "qa.yml": "consent: {without_consent: anonymized}\n",
}
STORE = "type: rasa_qa_plugin.QATrackerStore, settings: qa.yml"


def train(folder: Path) -> None:
    """Make the bot in *folder*."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    assert rasa(folder, "train", log=folder / "train.log") == 0


class SmallBot:
    """A copy of the trained bot, whose servers share its folder and database."""

    def __init__(self, trained: Path, folder: Path, endpoints: str) -> None:
        self.folder = folder / "bot"
        shutil.copytree(trained, self.folder)
        (self.folder / "endpoints.yml").write_text(endpoints, "utf-8")

    def running(
        self, port: int, **environment: str
    ) -> AbstractContextManager["Popen[bytes]"]:
        return server(
            self.folder,
            "run", "--interface", "127.0.0.1", "--port", str(port),
            "--enable-api", "--endpoints", "endpoints.yml",
            log=self.log(port),
            ready=f"http://127.0.0.1:{port}/status",
            environment=environment,
        )  # fmt: skip

    def log(self, port: int) -> Path:
        return self.folder.parent / f"rasa-{port}.log"


def say(port: int, sender: str, text: str) -> list[str]:
    """Give the bot's answers."""
    url = f"http://127.0.0.1:{port}/webhooks/rest/webhook"
    answers = post(url, {"sender": sender, "message": text})
    return [answer["text"] for answer in answers]


class Person(threading.Thread):
    """Writes one message after the other, whether or not the last one was answered.

    Each goes to the next of *ports*, and every one names a telephone number; as a
    sender id, so does this person.
    """

    def __init__(
        self, number: int, ports: Sequence[int], messages: Iterable[int] | None = None
    ) -> None:
        super().__init__(daemon=True)
        self.sender = f"593990{number:06d}"
        self.phone = f"099{number:07d}"
        self.sent: list[str] = []
        self.answered: list[str] = []
        self.wrong: list[list[str]] = []
        self.done = threading.Event()
        self._ports = itertools.cycle(ports)
        self._messages = itertools.count() if messages is None else messages

    def run(self) -> None:
        for _ in self._messages:
            if self.done.is_set():
                return
            self.write()

    def write(self) -> None:
        """Write a message: first what to note, then greetings that must recall it."""
        verb = "hola" if self.answered else "anota"
        text = f"{verb} {len(self.sent)}: soy el {self.phone}"
        self.sent.append(text)
        try:
            answers = say(next(self._ports), self.sender, text)
        except OSError:  # the server is down
            time.sleep(0.5)
            return
        if not answers:  # Rasa gave up, and says so by saying nothing
            return
        self.answered.append(text)
        noted = self.answered[0]
        wanted = f"hola; {noted}" if verb == "hola" else f"anotado: {noted}"
        if answers != [wanted]:
            self.wrong.append(answers)


class Remains:
    """What is in a database after all that happened."""

    def __init__(self, url: str) -> None:
        self.opened: Opened = open_database(
            make_url(url.replace("postgresql+psycopg2", "postgresql")),
            Settings(),
            secret=SECRET,
        )

    def events(self, sender: str) -> list[dict[str, Any]]:
        loaded = self.opened.recorder.load(sender, all_sessions=True, now=time.time())
        assert loaded is not None
        return loaded.events

    def rows(self, sender: str) -> list[Any]:
        name = self.opened.vault.pseudonym(sender)
        with reading(self.opened.engine) as connection:
            return list(
                connection.execute(
                    sa.select(events.c.seq, events.c.data)
                    .where(events.c.sender_id == name)
                    .order_by(events.c.id)
                )
            )

    def count(self, sender: str) -> int:
        """Give how many events the conversation has by its own account."""
        name = self.opened.vault.pseudonym(sender)
        with reading(self.opened.engine) as connection:
            found = conversations.find(connection, name)
        return found.event_count if found else 0

    def unremember(self, sender: str) -> None:
        """Let the servers read the conversation anew."""
        name = self.opened.vault.pseudonym(sender)
        with transaction(self.opened.engine) as connection:
            conversations.touch(connection, name)

    def await_replay(self, people: Iterable[Person]) -> None:
        """Wait until everything that was answered is in the database."""
        for person in people:
            deadline = time.monotonic() + 60
            while self.messages(person.sender) < len(person.answered):
                assert time.monotonic() < deadline
                time.sleep(0.2)

    def messages(self, sender: str) -> int:
        """Count the messages of a person that are stored."""
        with contextlib.suppress(StorageError):  # it may be on its way back
            return sum('"event": "user"' in row.data for row in self.rows(sender))
        return 0

    def assert_whole(
        self, people: Iterable[Person], *, window_over: bool = False
    ) -> None:
        """Find every answered message once, in order, with its answer, and masked.

        Args:
            people: Who talked.
            window_over: Whether some real values may be gone.
        """
        for person in people:

            def heard(texts: Iterable[str], phone: str = person.phone) -> list[str]:
                return [
                    t.replace(phone, "[PHONE]") if window_over else t for t in texts
                ]

            said = self.events(person.sender)
            texts = heard(event["text"] for event in said if event["event"] == "user")
            sent, answered = heard(person.sent), heard(person.answered)
            assert texts == [text for text in sent if text in set(texts)]
            assert set(answered) <= set(texts)
            # Each message with all that followed from it, and once.
            answers = [event["text"] for event in said if event["event"] == "bot"]
            assert len(answers) == len(texts)
            listens = [event for event in said if event.get("name") == "action_listen"]
            assert len(listens) == len(texts) + 1
            rows = self.rows(person.sender)
            assert [row.seq for row in rows] == list(range(len(said)))
            assert self.count(person.sender) == len(said)
            archive = "\n".join(row.data for row in rows)
            assert archive.count("[PHONE]") > len(texts)
            assert person.phone not in archive
            assert person.sender not in archive

    def close(self) -> None:
        self.opened.engine.dispose()


def log_lines(log: Path) -> list[str]:
    """Give the lines of a log in which our store complains."""
    lines = log.read_text("utf-8", "replace").splitlines()
    return [line for line in lines if "rasa_qa_plugin" in line]


def together(people: Sequence[Person]) -> None:
    """Let people talk at the same time until all have said what they had to say."""
    for person in people:
        person.start()
    for person in people:
        person.join(180)
        assert not person.is_alive()
