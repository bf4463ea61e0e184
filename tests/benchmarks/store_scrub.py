"""How fast `rasa-qa scrub` takes over what Rasa's own store wrote, by worker count."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from bars import Figure
from rasa.core.tracker_store import SQLTrackerStore
from sqlalchemy.engine import URL
from store_speed import DOMAIN, turn

_TURNS = 10
_RECENT = 10  # one conversation in so many is in the live window, so has originals
_DAY = 86_400.0
_BLOCK = 5000
# Words are kept, so that masking counts; a withheld archive is no slower.
_SETTINGS = "consent: {without_consent: anonymized}\n"
_SCALING = 1.7
_ENOUGH = 100_000  # events; with fewer, the noise of starting drowns the rest
_PROOF = (
    "SELECT count(*) FROM events WHERE seq IS NULL",
    "SELECT count(*) FROM events WHERE data LIKE '%mi celular es 09%'",
)


def scrubbing(
    name: str, new: Callable[[], URL], folder: Path, *, events: int, rounds: int
) -> Iterator[Figure]:
    """Scrub equal databases of Rasa's own store with one worker and with two, in turn.

    Each run is the whole command. The same command on the database it has just scrubbed
    tells what starting costs, whatever the size of the archive: processes, imports, the
    schema, and the new file of SQLite. The bar is on what remains, which grows with
    the archive; it takes enough events to tell that from noise.
    """
    rows = _rows(events)
    (folder / "config.yml").write_text("pipeline: []\n", "utf-8")
    (folder / "qa.yml").write_text(_SETTINGS, "utf-8")
    whole: dict[int, list[float]] = {1: [], 2: []}
    working: dict[int, list[float]] = {1: [], 2: []}
    for number in range(rounds):
        for workers in (1, 2) if number % 2 == 0 else (2, 1):
            url = new()
            _insert(url, rows)
            done, spent = _scrub(folder, url, workers)
            _prove(url, done)
            _, start_up = _scrub(folder, url, workers)
            whole[workers].append(done / spent)
            working[workers].append(done / (spent - start_up))
    title = f"{name}: scrub of {events:,} events"
    for rates, what in ((working, ""), (whole, ", start-up and all")):
        one, two = (statistics.median(rates[workers]) for workers in (1, 2))
        scaling = statistics.median(
            twice / once for once, twice in zip(rates[1], rates[2], strict=True)
        )
        bar = None if what or events < _ENOUGH else _SCALING
        yield Figure(f"{title}{what}: 2 workers ÷ 1", scaling, "x", bar=bar)
        yield Figure(f"{title}{what}; peer: 2 workers", one, "/s", peer=two)


def _rows(count: int) -> list[dict[str, Any]]:
    """Give the rows that Rasa's own store makes of many short conversations."""
    rows: list[dict[str, Any]] = []
    now = time.time()
    for person in range(count):
        at = now - (60.0 if person % _RECENT == 0 else 90 * _DAY)
        for number in range(_TURNS):
            # The first turn opens the session; the others say what nobody else says.
            for event in turn(person * _TURNS + number if number else 1):
                at += 0.01
                data = {**event.as_dict(), "timestamp": at}
                intent = data.get("parse_data", {}).get("intent", {}).get("name")
                rows.append(
                    {
                        "sender_id": f"59399{person:07d}",
                        "type_name": event.type_name,
                        "timestamp": at,
                        "intent_name": intent,
                        "action_name": data.get("name"),
                        "data": json.dumps(data),
                    }
                )
        if len(rows) >= count:
            break
    return rows[:count]


def _insert(url: URL, rows: list[dict[str, Any]]) -> None:
    store = SQLTrackerStore(DOMAIN, host=url.render_as_string(hide_password=False))
    table = SQLTrackerStore.SQLEvent.__table__
    with store.engine.begin() as connection:
        for start in range(0, len(rows), _BLOCK):
            connection.execute(table.insert(), rows[start : start + _BLOCK])
    store.engine.dispose()


def _scrub(folder: Path, url: URL, workers: int) -> tuple[int, float]:
    """Run the command; give how many events it took over, and the seconds it took."""
    written = json.dumps(url.render_as_string(hide_password=False))
    (folder / "endpoints.yml").write_text(
        "tracker_store: {type: rasa_qa_plugin.QATrackerStore, settings: qa.yml, "
        f"url: {written}}}\n",
        "utf-8",
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "rasa_qa_plugin", "scrub", "--bot", str(folder),
         "--yes", "--json", "--workers", str(workers)],
        stdout=subprocess.PIPE, check=True, env=os.environ,
    )  # fmt: skip
    spent = time.perf_counter() - start
    return int(json.loads(done.stdout)["events"]), spent


def _prove(url: URL, done: int) -> None:
    """Stop unless every row was taken over, and masked."""
    engine = sa.create_engine(url, future=True)
    with engine.connect() as connection:
        left = [connection.execute(sa.text(query)).scalar_one() for query in _PROOF]
        held = connection.execute(sa.text("SELECT count(*) FROM events")).scalar_one()
    engine.dispose()
    if any(left) or held != done:
        raise RuntimeError(f"scrub left {left} of {held} events")
