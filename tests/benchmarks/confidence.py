"""What ConfidenceLogger costs a message and a model, and what its novelty finds.

    uv run python tests/benchmarks/confidence.py [--quick] [--json FILE] [--data FOLDER]

Cost is measured on invented data of 150 intents and 15,000 examples, with Rasa's own
messages and storage. What novelty finds is measured on the sets in FOLDER/nlu: trained
on all of one or on ten examples per intent, without an intent that is out of scope, or
without every fifth intent; flagged are what was left out and what was not.
"""

import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bars import Figure, arguments, report
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.nlu.training_data.formats import RasaYAMLReader
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_qa_plugin import ConfidenceLogger
from rasa_qa_plugin.own_intents.utterances import OWN_INTENTS
from rasa_qa_plugin.parts import content
from rasa_qa_plugin.review.familiarity import Familiarity
from rasa_qa_plugin.settings import ReviewSettings

_INTENTS = 150
_EACH = 100
_WORDS = 6000
# The smallest archive of a DIET model of this size, in bytes.
_MODEL = 10_000_000
_OUT_OF_SCOPE = "out_of_scope"
Rows = list[tuple[str, str]]
# What `rasa-qa init` adds, so that the intents of ours are sought as well.
_OURS: Rows = [
    (line.strip()[2:], entry["intent"])
    for entry in content("nlu.yml")["nlu"]
    for line in entry["examples"].splitlines()
]


def main() -> int:
    """Measure, print, and give the exit code."""
    options = arguments("Cost and use of what ConfidenceLogger notes.").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = list(_cost(Path(folder), messages=300 if options.quick else 3000))
    sets = sorted((options.data / "nlu").glob("*_train.yml"))
    if not sets:
        print("novelty: skipped, no sets in --data")  # noqa: T201
    for file in sets:
        figures += _use(file, quick=options.quick)
    return report("confidence", figures, json_file=options.json)


def _cost(folder: Path, *, messages: int) -> Iterator[Figure]:
    chosen = random.Random(7)
    rows = _invented(chosen)
    config = WhitespaceTokenizer.get_default_config()
    tokenizer = WhitespaceTokenizer(config)
    data = TrainingData(
        [
            Message(data={"text": text, "intent": intent})
            for text, intent in [*rows, *_OURS]
        ]
    )
    tokenizer.process_training_data(data)
    context = ExecutionContext(GraphSchema({}), model_id="model")
    storage, resource = LocalModelStorage.create(folder), Resource("qa")
    parts = ({}, storage, resource, context)

    start = time.perf_counter()
    ConfidenceLogger.create(*parts).train(data)
    trained = time.perf_counter()
    component = ConfidenceLogger.load(*parts)
    loaded = time.perf_counter()
    stored = sum(file.stat().st_size for file in (folder / "qa").iterdir())

    vocabulary = sorted({word for text, _ in rows for word in text.split()})
    said = [_misspelled(text, chosen) for text, _ in chosen.choices(rows, k=messages)]
    long = [" ".join(chosen.choices(vocabulary, k=600))[:4000] for _ in range(50)]
    garbled = ["".join(chosen.choices("abcdeino ", k=4000)) for _ in range(50)]
    others = [f"intent_{number}" for number in range(10)]
    title = f"{_INTENTS} intents, {len(rows):,} examples: "
    usual = _milliseconds(component, tokenizer, said, others)
    yield Figure(
        title + "message, median", statistics.median(usual), "ms", bar=1, at_most=True
    )
    slow = statistics.quantiles(usual, n=20)[18]
    yield Figure(title + "message, p95", slow, "ms", bar=1, at_most=True)
    hostile = [("my data " * 500)[number:] for number in range(50)]
    ours = ["qa_forget_me", *sorted(OWN_INTENTS - {"qa_forget_me"})][:10]
    for name, texts, intents in (
        ("known words", long, others),
        ("noise", garbled, others),
        ("what is nearly our intents", hostile, ours),
    ):
        spent = statistics.median(_milliseconds(component, tokenizer, texts, intents))
        yield Figure(title + f"4,000 characters of {name}", spent, "ms")
    yield Figure(
        title + "stored ÷ model of 10 MB",
        100 * stored / _MODEL,
        "%",
        bar=5,
        at_most=True,
    )
    yield Figure(title + "stored", stored / 1000, "kB")
    yield Figure(title + "training", trained - start, "s")
    yield Figure(title + "loading", loaded - trained, "s")


def _invented(chosen: random.Random) -> Rows:
    """Give examples whose words are as unevenly frequent as in a language (Zipf)."""
    letters = "aeiou", "bcdfglmnprstv"
    words = list(
        dict.fromkeys(
            "".join(
                chosen.choice(letters[at % 2]) for at in range(chosen.randint(3, 9))
            )
            for _ in range(_WORDS * 2)
        )
    )[:_WORDS]
    frequency = [1 / (rank + 1) for rank in range(len(words))]
    rows = []
    for number in range(_INTENTS):
        topic = chosen.sample(words, 40)
        for _ in range(_EACH):
            said = chosen.choices(words, frequency, k=6) + chosen.choices(topic, k=3)
            chosen.shuffle(said)
            rows.append((" ".join(said), f"intent_{number}"))
    return rows


def _misspelled(text: str, chosen: random.Random) -> str:
    at = chosen.randrange(len(text))
    return text[:at] + "x" + text[at + 1 :]


def _milliseconds(
    component: ConfidenceLogger,
    tokenizer: WhitespaceTokenizer,
    texts: list[str],
    intents: list[str],
) -> list[float]:
    spent = []
    for text in texts:
        ranking = [
            {"name": name, "confidence": 1 / (place + 2)}
            for place, name in enumerate(intents)
        ]
        message = Message(
            data={"text": text, "intent": ranking[0], "intent_ranking": ranking}
        )
        tokenizer.process([message])
        start = time.thread_time()
        component.process([message])
        spent.append(1000 * (time.thread_time() - start))
    return spent


def _use(file: Path, *, quick: bool) -> Iterator[Figure]:
    name = file.name.removesuffix("_train.yml")
    train, test = (
        [
            (str(example.get("text")), str(example.get("intent")))
            for example in RasaYAMLReader().read(str(one)).intent_examples
        ]
        for one in (file, file.with_name(f"{name}_test.yml"))
    )
    intents = sorted({intent for _, intent in train} - {_OUT_OF_SCOPE})
    cases = [("every fifth intent", set(intents[::5]))]
    if any(intent == _OUT_OF_SCOPE for _, intent in test):
        cases.append(("out of scope", set()))
    for what, left_out in cases:
        for each in (10, None) if not quick else (None,):
            known = _chosen(train, left_out | {_OUT_OF_SCOPE}, each)
            strange = left_out or {_OUT_OF_SCOPE}
            familiarity = Familiarity.learn(known)
            limit = ReviewSettings().novelty
            shares = []
            for rows in (
                [row for row in test if row[1] in {intent for _, intent in known}],
                [row for row in test if row[1] in strange],
            ):
                fits = [familiarity.fit(*row).novelty for row in rows]
                flagged = sum(fit is not None and fit >= limit for fit in fits)
                shares.append(100 * flagged / len(rows))
            title = f"{name}, {each or 'all'} examples each: flagged, "
            yield Figure(title + f"known ({what})", shares[0], "%", bar=8, at_most=True)
            yield Figure(title + what, shares[1], "%")


def _chosen(rows: Rows, left_out: set[str], each: int | None) -> Rows:
    by_intent: defaultdict[str, Rows] = defaultdict(list)
    for row in random.Random(1).sample(rows, len(rows)):
        if row[1] not in left_out:
            by_intent[row[1]].append(row)
    return [row for rows in by_intent.values() for row in rows[:each]]


if __name__ == "__main__":
    sys.exit(main())
