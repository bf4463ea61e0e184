"""How long a large merge takes, and how many label errors `data-check` finds.

    uv run python tests/benchmarks/annotation_merge.py [--quick] [--json F] [--data D]

Corrections are made from public sets: their texts with three words of other texts put
in. They lie in an SQLite database and go the way of `rasa-qa merge` into a bot of
15,000 examples. The floor is what any tool must do: read the data with ruamel.yaml,
append, write it, and read the corrections from JSON. Both run in one thread, so
processor time is compared, which other work on the machine changes little. Label
errors are injected with a seed; the sets have some of their own, so precision is a
lower bound.
"""

import json
import random
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

from bars import Figure, arguments, report
from click.testing import CliRunner
from ruamel.yaml import YAML

from rasa_qa_plugin import cli
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.review.data_check import Row, check_data
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.rasa_syntax import read_examples
from rasa_qa_plugin.storage import annotations, turns
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.engine import transaction
from rasa_qa_plugin.storage.turns import Turn

SETS = ("clinc60oos", "hwu64")
_INSERTED = 3
_SECONDS = 30
_NOISE = (0.05, 0.10)


def main() -> int:
    """Run both parts and print their table."""
    options = arguments(__doc__.splitlines()[0]).parse_args()
    if not (options.data / "nlu").is_dir():
        print("annotation_merge: no data; name its folder with --data")  # noqa: T201
        return 1
    figures = [
        *merging(options.data, corrections=10_000 if options.quick else 100_000),
        *label_errors(options.data, most=1500 if options.quick else None),
    ]
    return report("annotation_merge", figures, json_file=options.json)


def merging(data: Path, *, corrections: int) -> list[Figure]:
    """Merge that many corrections, by the command itself."""
    pool = [
        one
        for name in SETS
        for part in ("train", "test")
        for one in read_set(data, f"{name}_{part}")
    ]
    rng = random.Random(1)
    rng.shuffle(pool)
    distinct = list({one.text.lower(): one for one in pool}.values())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_bot(folder, distinct[:15_000], sorted({one.intent for one in distinct}))
        opened = open_bot(Bot(folder))
        made = corrected(distinct, corrections, rng)
        record(opened, made)
        opened.engine.dispose()
        floor = floor_seconds(folder / "data" / "nlu.yml", made)
        began, cpu = time.perf_counter(), time.process_time()
        result = CliRunner().invoke(
            cli.root,
            ["merge", "--bot", name, "--yes", "--no-validate"],
            catch_exceptions=False,
        )
        seconds = time.perf_counter() - began
        cpu = time.process_time() - cpu
        if result.exit_code:
            raise RuntimeError(result.stderr)
        merged = (folder / "data" / "nlu.yml").read_text("utf-8").count("\n    - ")
    share = (merged - 15_000) / corrections
    print(f"{share:.0%} of the corrections went in, the rest is nearly there")  # noqa: T201
    return [
        Figure(
            f"merge {corrections:,} corrections into 15,000 examples",
            cpu,
            "s",
            bar=_SECONDS,
            at_most=True,
            peer=floor,
            ratio=cpu / floor,
        ),
        Figure("the same, by the clock", seconds, "s"),
    ]


def read_set(data: Path, name: str) -> list[Example]:
    """Read a file of a public set."""
    text = (data / "nlu" / f"{name}.yml").read_text("utf-8")
    return [Example(one.text, one.intent) for one in read_examples(text)]


def make_bot(folder: Path, examples: list[Example], intents: list[str]) -> None:
    """Write a bot with these examples."""
    (folder / "data").mkdir()
    blocks: dict[str, list[str]] = {}
    for one in examples:
        blocks.setdefault(one.intent, []).append(f"    - {one.text}\n")
    nlu = "".join(
        f"- intent: {intent}\n  examples: |\n{''.join(lines)}\n"
        for intent, lines in blocks.items()
    )
    for file, text in {
        "data/nlu.yml": f'version: "3.1"\n\nnlu:\n{nlu}',
        "config.yml": "pipeline: []\n",
        "domain.yml": "intents:\n" + "".join(f"- {name}\n" for name in intents),
        "endpoints.yml": (
            "tracker_store: {type: rasa_qa_plugin.QATrackerStore, db: bot.db}\n"
        ),
    }.items():
        (folder / file).write_text(text, "utf-8")


def corrected(pool: list[Example], count: int, rng: random.Random) -> list[Example]:
    """Make that many different texts."""
    words = [word for one in pool for word in one.text.split()]
    made: dict[str, Example] = {}
    while len(made) < count:
        one = rng.choice(pool)
        text = one.text.split()
        for _ in range(_INSERTED):
            text.insert(rng.randrange(len(text) + 1), rng.choice(words))
        made[" ".join(text)] = Example(" ".join(text), one.intent)
    return list(made.values())


def record(opened: Opened, made: list[Example]) -> None:
    """Put the corrections into the database, each with its turn."""
    with transaction(opened.engine) as connection:
        for start in range(0, len(made), 1000):
            some = list(enumerate(made[start : start + 1000], start))
            turns.record(
                connection,
                [
                    Turn(
                        turn_id=f"t_{number:020x}",
                        sender_id=f"qa_{number % 5000:032x}",
                        seq=number,
                        recorded_at=1.0,
                        text=one.text,
                        intent=one.intent,
                    )
                    for number, one in some
                ],
            )
            annotations.record_many(
                connection,
                [
                    Annotation(
                        turn_id=f"t_{number:020x}",
                        text=one.text,
                        intent=one.intent,
                        entities=[],
                        source="benchmark",
                        annotated_at=1.0,
                    )
                    for number, one in some
                ],
            )


def floor_seconds(nlu: Path, made: list[Example]) -> float:
    """Give the processor time that reading and writing alone take."""
    listed = json.dumps([[one.text, one.intent] for one in made])
    text = nlu.read_text("utf-8")
    began = time.process_time()
    yaml = YAML()
    content = yaml.load(text)
    place = {entry["intent"]: entry for entry in content["nlu"]}
    for example, intent in json.loads(listed):
        if intent in place:
            place[intent].setdefault("new", []).append(example)
    for entry in place.values():
        lines = "".join(f"- {line}\n" for line in entry.pop("new", ()))
        entry["examples"] += lines
    yaml.dump(content, StringIO())
    return time.process_time() - began


def label_errors(data: Path, *, most: int | None) -> list[Figure]:
    """Inject label errors, and see how many are found, and how many were ours."""
    figures = []
    for name in SETS:
        examples = read_set(data, f"{name}_train")
        random.Random(1).shuffle(examples)
        for noise in _NOISE:
            rows, wrong = spoiled(examples[:most], noise)
            began = time.perf_counter()
            found = check_data(rows, fewest=2, novelty=0.97).label_errors
            seconds = time.perf_counter() - began
            hits = sum(error.where in wrong for error in found)
            title = f"{name}, {noise:.0%} wrong: "
            figures += [
                Figure(title + "found", hits / len(wrong), "", bar=0.7),
                Figure(title + "of those named", hits / max(1, len(found)), ""),
                Figure(title + "time", seconds, "s"),
            ]
    return figures


def spoiled(examples: list[Example], noise: float) -> tuple[list[Row], set[str]]:
    """Give some examples another intent."""
    rng = random.Random(0)
    intents = sorted({one.intent for one in examples})
    rows, wrong = [], set()
    for number, one in enumerate(examples):
        intent = one.intent
        if rng.random() < noise:
            intent = rng.choice([name for name in intents if name != one.intent])
            wrong.add(str(number))
        rows.append(Row(Example(one.text, intent), str(number)))
    return rows, wrong


if __name__ == "__main__":
    sys.exit(main())
