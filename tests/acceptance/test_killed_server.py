"""A real server killed in mid-chat, and its PostgreSQL stopped: nothing is lost."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen

import pytest

from rasa_qa_plugin.storage.spool import waiting
from tests.acceptance.servers import PostgreSQL, free_port, kill
from tests.acceptance.small_bot import STORE, Person, Remains, SmallBot
from tests.conftest import SECRET


class Outage:
    """A bot on a PostgreSQL server of its own, and four people who talk to it."""

    def __init__(self, trained: Path, folder: Path) -> None:
        self.database = PostgreSQL(folder / "pg")
        store = f"tracker_store: {{{STORE}, url: '{self.database.url}'}}\n"
        self.bot = SmallBot(trained, folder, store)
        self.port = free_port()
        self.people = [Person(number, [self.port]) for number in range(4)]

    def running(self) -> AbstractContextManager[Popen[bytes]]:
        return self.bot.running(self.port, RASA_QA_SECRET=SECRET)

    def chat(self, answers: int) -> None:
        """Wait until every person has got *answers* more."""
        goals = [len(person.answered) + answers for person in self.people]
        deadline = time.monotonic() + 120
        while any(
            len(person.answered) < goal
            for person, goal in zip(self.people, goals, strict=True)
        ):
            log = self.bot.log(self.port)
            assert time.monotonic() < deadline, log.read_text("utf-8")[-3000:]
            time.sleep(0.05)


@pytest.fixture
def outage(trained: Path, tmp_path: Path) -> Iterator[Outage]:
    outage = Outage(trained, tmp_path)
    yield outage
    for person in outage.people:
        person.done.set()
    outage.database.close()


def test_every_answered_message_is_stored_once_and_in_order(outage: Outage) -> None:
    with outage.running() as process:
        for person in outage.people:
            person.start()
        outage.chat(5)
        kill(process)
    with outage.running() as process:
        outage.chat(5)
        outage.database.stop()
        outage.chat(5)  # the bot answers all the same
        kill(process)
    spool = next(outage.bot.folder.glob("*.spool"))
    assert waiting(spool).batches > 0
    outage.database.start()
    with outage.running():
        outage.chat(2)
        for person in outage.people:
            person.done.set()
            person.join()
        deadline = time.monotonic() + 60
        while waiting(spool).batches:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    assert [person.wrong for person in outage.people] == [[]] * 4
    remains = Remains(outage.database.url)
    remains.assert_whole(outage.people)
    remains.close()
