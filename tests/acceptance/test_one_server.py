"""One real server on SQLite: a crowd, a clock that jumps, a file that is deleted."""

import contextlib
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.servers import free_port
from tests.acceptance.small_bot import (
    STORE,
    Person,
    Remains,
    SmallBot,
    log_lines,
    together,
)
from tests.conftest import SECRET

HOUR = 3600.0


class One:
    """A server on a database file, with a clock that can be set."""

    def __init__(self, trained: Path, folder: Path) -> None:
        self.bot = SmallBot(trained, folder, f"tracker_store: {{{STORE}}}\n")
        self.database = self.bot.folder / "rasa.db"
        self.port = free_port()
        self.log = self.bot.log(self.port)
        self.clock = folder / "clock"
        self.clock.write_bytes(struct.pack("d", 0.0))

    def set_clock(self, seconds: float) -> None:
        """Let the server's clock be wrong by *seconds*."""
        with self.clock.open("r+b") as file:
            file.write(struct.pack("d", seconds))

    def remains(self) -> contextlib.closing[Remains]:
        return contextlib.closing(Remains(f"sqlite:///{self.database}"))

    def complaints(self) -> str:
        return "\n".join(log_lines(self.log))


@pytest.fixture(scope="module")
def one(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[One]:
    one = One(trained, tmp_path_factory.mktemp("one"))
    with one.bot.running(
        one.port,
        RASA_QA_SECRET=SECRET,
        PYTHONPATH=str(Path(__file__).parent / "wrong_clock"),
        WRONG_CLOCK=str(one.clock),
    ):
        yield one


def test_two_hundred_people_at_once_lose_nothing(one: One) -> None:
    people = [Person(1000 + number, [one.port], range(3)) for number in range(200)]
    together(people)

    assert [person.wrong for person in people if person.wrong] == []
    assert {len(person.answered) for person in people} == {3}
    with one.remains() as remains:
        remains.await_replay(people)
        remains.assert_whole(people)


def test_a_clock_that_jumps_loses_and_repeats_nothing(one: One) -> None:
    person = Person(1, [one.port])
    with one.remains() as remains:
        for hours in (0, -2, -30, 0, 2, 0):
            one.set_clock(hours * HOUR)
            for _ in range(2):
                person.write()
            remains.unremember(person.sender)

        assert (person.wrong, len(person.answered)) == ([], 12)
        remains.assert_whole([person], window_over=True)
        times = [event["timestamp"] for event in remains.events(person.sender)]
    assert max(times) - min(times) > 30 * HOUR  # the clock was wrong indeed
    assert times != sorted(times)


def test_a_database_file_that_is_deleted_and_put_back_costs_nothing(one: One) -> None:
    person = Person(2, [one.port])
    for _ in range(3):
        person.write()
    copy = one.database.with_name("copy.db")
    with (
        contextlib.closing(sqlite3.connect(one.database)) as original,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        original.backup(target)
    for suffix in ("", "-wal", "-shm"):
        one.database.with_name(f"rasa.db{suffix}").unlink(missing_ok=True)
    for _ in range(3):
        person.write()
    assert not one.database.exists()
    copy.replace(one.database)
    for _ in range(3):
        person.write()

    assert (person.wrong, len(person.answered)) == ([], 9)
    assert "its file was deleted; put it back" in one.complaints()
    assert person.sender not in one.log.read_text("utf-8")
    with one.remains() as remains:
        remains.await_replay([person])
        remains.assert_whole([person])
