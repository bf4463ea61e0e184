"""How long annotation files of 100,000 turns take, and what comes back of hostile ones.

    uv run python tests/benchmarks/annotation.py [--quick] [--json FILE]

A database of 100,000 flagged turns (--quick: 10,000) goes out in each format, is
accepted by everybody, and comes back: seconds of one core (all of it runs on one) and
memory, each step in a process of its own. The floor is what Python's `json` takes to
write and read the same rows without a database; for YAML it is ruamel.yaml, timed on a
part and reckoned up. Then 10,000 hostile items (--quick: 1,000) go through every format
and back.
"""

import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psutil
import sqlalchemy as sa
from bars import Figure, arguments, report
from hostile_items import accepted, differences, hostile_items
from ruamel.yaml import YAML

from rasa_qa_plugin.opening import Opened, open_database
from rasa_qa_plugin.review import exporting
from rasa_qa_plugin.review.formats import Names, catalogue
from rasa_qa_plugin.review.importing import import_items
from rasa_qa_plugin.settings import Settings
from rasa_qa_plugin.storage import turns
from rasa_qa_plugin.storage.engine import transaction
from rasa_qa_plugin.storage.turns import Turn

_TURNS = 100_000
_HOSTILE = 10_000
_EXPORT_SECONDS = 20.0
_EXPORT_MEGABYTES = 300.0
_IMPORT_SECONDS = 30.0
_PART = 500
_NOW = 1.7e9
_SECRET = "a-secret-for-benchmarks-only"
_NAMES = Names(
    intents=dict.fromkeys(f"intent_{number}" for number in range(20)),
    entities={"number": None, "city": None, "size": None},
)
_WORDS = """
    quiero quisiera necesito saber cotizar enviar comprar el la los de para a por precio
    cajas camarón HLSO 16/20 glaseo contenedor Guayaquil Houston lunes 😀 [NAME] [PHONE]
    [EMAIL] hola buenas gracias cuánto cuesta pedido factura
""".split()


class Spent(NamedTuple):
    """What a step took of one core, and the memory it needed above what was there."""

    seconds: float
    megabytes: float


def main() -> int:
    """Measure, print, and give the exit code."""
    options = arguments("Annotation files, large and hostile.").parse_args()
    share = 0.1 if options.quick else 1.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = [
            *large_files(folder, round(_TURNS * share), share),
            *hostile_texts(round(_HOSTILE * share)),
        ]
    return report("annotation", measured, json_file=options.json)


def large_files(folder: Path, count: int, share: float) -> Iterator[Figure]:
    """Time export and import of *count* turns in every format."""
    _in_process(_fill, folder, count)
    (folder / "turns.db").rename(folder / "filled.db")
    for name in catalogue.NAMES:
        shutil.copy(folder / "filled.db", folder / "turns.db")
        sent = _in_process(_export, folder, name)
        written, read = _in_process(_floor, folder, name, count).result
        back = _in_process(_import, folder, name)
        yield Figure(
            f"export {count:,} as {name}", sent.spent.seconds, "s",
            bar=_EXPORT_SECONDS * share, at_most=True, peer=written,
            ratio=sent.spent.seconds / written,
        )  # fmt: skip
        yield Figure(
            f"memory for that, {name}", sent.spent.megabytes, "MB",
            bar=_EXPORT_MEGABYTES, at_most=True,
        )  # fmt: skip
        yield Figure(
            f"import {count:,} as {name}", back.spent.seconds, "s",
            bar=_IMPORT_SECONDS * share, at_most=True, peer=read,
            ratio=back.spent.seconds / read,
        )  # fmt: skip
        yield Figure(f"of that, reading {name}", back.result, "s")
        yield Figure(f"memory for that, {name}", back.spent.megabytes, "MB")


def hostile_texts(count: int) -> Iterator[Figure]:
    """Count what does not come back as it went."""
    items = list(hostile_items(count))
    for name in catalogue.NAMES:
        changed = differences(catalogue.format_named(name), items)
        yield Figure(
            f"{count:,} hostile items through {name}", changed, "differ",
            bar=0, at_most=True,
        )  # fmt: skip


class _Done(NamedTuple):
    spent: Spent
    result: Any


def _in_process(function: Callable[..., Any], *args: object) -> _Done:
    """Run a step in a process of its own, so that it needs its memory itself."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_timed, (function, args))


def _timed(function: Callable[..., Any], args: tuple[object, ...]) -> _Done:
    before = psutil.Process().memory_info().rss / 1e6
    # From here on the peak counts anew; a process inherits that of its parent.
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    start = time.process_time()
    result = function(*args)
    seconds = time.process_time() - start
    return _Done(Spent(seconds, max(0.0, _peak() - before)), result)


def _peak() -> float:
    """Give the most memory this process had, in megabytes."""
    status = Path("/proc/self/status").read_text("ascii")
    line = next(one for one in status.splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def _opened(folder: Path) -> Opened:
    url = sa.engine.make_url(f"sqlite:///{folder / 'turns.db'}")
    return open_database(url, Settings(), secret=_SECRET)


def _fill(folder: Path, count: int) -> None:
    """Make a database of flagged turns of people who agreed."""
    opened = _opened(folder)
    chance = random.Random(7)
    made = (_turn(chance, number) for number in range(count))
    with transaction(opened.engine) as connection:
        while part := [turn for _, turn in zip(range(_PART), made, strict=False)]:
            turns.record(connection, part)
    opened.engine.dispose()


def _turn(chance: random.Random, number: int) -> Turn:
    words = chance.choices(_WORDS, k=chance.randint(4, 16))
    text = f"{' '.join(words)} {number}"
    start = len(text) - len(str(number))
    entity = {"start": start, "end": len(text), "entity": "number", "value": number}
    return Turn(
        turn_id=f"t_{number:020x}", sender_id=f"qa_{number // 8:064x}",
        seq=number % 8, recorded_at=_NOW + number, channel="rest", text=text,
        entities=[entity] if number % 2 else [], answer="Cuesta lo de siempre.",
        intent=f"intent_{chance.randrange(20)}", confidence=chance.random(),
        second_intent="intent_1", margin=0.1, entropy=0.5,
        flags=["low_confidence"], priority=chance.random(), duplicate_key=f"{number:x}",
    )  # fmt: skip


def _export(folder: Path, name: str) -> None:
    opened = _opened(folder)
    exporting.export(
        opened.engine, folder / f"sent.{name}", root=folder, again=True,
        form=catalogue.format_named(name), names=msgspec.structs.replace(_NAMES),
        now=_NOW,
    )  # fmt: skip
    opened.engine.dispose()


def _floor(folder: Path, name: str, count: int) -> tuple[float, float]:
    """Give what json (for YAML, ruamel) takes to write and to read the same rows."""
    form = catalogue.format_named(name)
    path = folder / f"sent.{name}"
    answered = accepted(form, path.read_bytes())
    path.write_bytes(answered)
    items = form.load(answered, name).items
    del answered
    rows = [msgspec.to_builtins(item) for item in items]
    if name != "rasa_nlu":
        start = time.process_time()
        text = "\n".join(map(json.dumps, rows))
        middle = time.process_time()
        for line in text.split("\n"):
            json.loads(line)
        return middle - start, time.process_time() - middle
    yaml = YAML(typ="safe", pure=True)
    part = rows[: count // 100]
    place = folder / "floor.yml"
    start = time.process_time()
    yaml.dump(part, place)
    middle = time.process_time()
    yaml.load(place)
    end = time.process_time()
    return (middle - start) * count / len(part), (end - middle) * count / len(part)


def _import(folder: Path, name: str) -> float:
    """Import a file into a database of its own; give the seconds that reading took."""
    opened = _opened(folder)
    path = folder / f"sent.{name}"
    start = time.process_time()
    content = path.read_bytes()
    loaded = catalogue.format_of(content, path).load(content, path.name)
    reading = time.process_time() - start
    done = import_items(
        opened.engine, loaded.items, privacy=opened.privacy, source=path.name, now=_NOW
    )
    opened.engine.dispose()
    if loaded.problems or done.complaints or not (done.recorded or done.known):
        raise RuntimeError(f"{name}: not all of it came back")
    return reading


if __name__ == "__main__":
    sys.exit(main())
