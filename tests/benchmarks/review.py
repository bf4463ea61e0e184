"""How soon a reader of the review queue finds a bot's errors.

    uv run python tests/benchmarks/review.py [--quick] [--json FILE] [--data FOLDER]

A bot is trained on a part of a public set, the rest comes in as traffic, with the
right intents as the reader. The turns lie in an SQLite database; each answer goes the
way of `rasa-qa annotate`: the queue's page, annotation, ranking. Peers are order of
arrival and lowest confidence first. Bots are logistic regressions on words and letters,
and one of them is Rasa's DIET. With --quick there is one set with a third of the
traffic.
"""

import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from bars import Figure, arguments, report
from review_sets import Prediction, Split, deal, predictions, trained
from sqlalchemy.engine import make_url

from rasa_qa_plugin.opening import Opened, open_database
from rasa_qa_plugin.review.calibration import calibration
from rasa_qa_plugin.review.error_score import Signals, starting_score
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.queue import Group, page, priority
from rasa_qa_plugin.review.reranking import MOST_TURNS, Reranker
from rasa_qa_plugin.review.wording import duplicate_key
from rasa_qa_plugin.settings import Settings
from rasa_qa_plugin.storage import annotations, queue, search, turns
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.search import Filters
from rasa_qa_plugin.storage.turns import Turn

SETS = (("clinc60oos", 10), ("clinc60oos", 30), ("hwu64", 10), ("hwu64", 30))
DIET_SET = ("hwu64", 10)
# Training again and again takes long; bots with little training data gain most.
SAVED_FROM = 10
SHARES = (0.1, 0.2, 0.3)
# Every so many answers the queue is put in order again, as `annotate` does.
ROUND = 10
_PAGE = 10
_CALIBRATED_AFTER = 300


class Read(NamedTuple):
    """One decision of the reader: the turns it settled."""

    settled: list[int]


class Sitting(NamedTuple):
    """What a reader did, and how honest the scores were on the way."""

    reads: list[Read]
    calibration_error: float | None


def main() -> int:
    """Run the benchmark and print its table."""
    options = arguments(__doc__.splitlines()[0]).parse_args()
    if not (options.data / "nlu").is_dir():
        print("review: no data; name its folder with --data")  # noqa: T201
        return 1
    sets = SETS[2:3] if options.quick else SETS
    size = 1000 if options.quick else 3000
    figures: list[Figure] = []
    ratios: list[float] = []
    savings: list[float] = []
    for name, per_intent in sets:
        split = deal(name, options.data, per_intent=per_intent, traffic=size, test=1500)
        model = trained(split.training)
        texts = [example.text for example in split.traffic]
        bots = {"": predictions(model, texts)}
        if (name, per_intent) == DIET_SET and not options.quick:
            from review_diet import diet_predictions  # TensorFlow takes its time

            bots[" (DIET)"] = diet_predictions(split.training, texts)
        for bot, predicted in bots.items():
            found, ratio = errors_found(split, predicted, bot)
            figures += found
            ratios.append(ratio)
        if per_intent == SAVED_FROM and not options.quick:
            savings.append(reading_saved(split, bots[""]))
            figures.append(Figure(f"{split.name}: turns saved", savings[-1], ""))
    figures.append(
        Figure("errors at 20 % ÷ confidence, mean", float(np.mean(ratios)), "x", 1.3)
    )
    if savings:
        figures.append(
            Figure(
                "turns saved to equal accuracy, mean", float(np.mean(savings)), "", 0.6
            )
        )
    figures.append(reranking_time(options.data, 2000 if options.quick else MOST_TURNS))
    return report("review", figures, json_file=options.json)


def errors_found(
    split: Split, predicted: Sequence[Prediction], bot: str
) -> tuple[list[Figure], float]:
    """Read 30 % in queue order; compare errors found with those of the peers."""
    wrong = _wrong(split, predicted)
    sitting = sit(split, predicted, upto=max(SHARES))
    ours = _curve(sitting.reads, wrong)
    confidence = np.argsort([one.confidence for one in predicted], kind="stable")
    plain = _curve([Read([number]) for number in confidence], wrong)
    arrival = _curve([Read([number]) for number in range(len(wrong))], wrong)
    figures = []
    for share in SHARES:
        reads = int(share * len(wrong))
        best = min(1.0, reads / wrong.sum())
        mine, peer = ours[reads], plain[reads]
        label = f"{split.name}{bot}: errors in {share:.0%}"
        figures.append(
            Figure(
                label,
                mine,
                f"of {best:.2f}",
                bar=max(peer - 0.02, 0) if share == 0.2 else None,
                peer=peer,
                ratio=mine / peer,
            )
        )
        if share == 0.2:
            figures.append(
                Figure(
                    f"{split.name}{bot}: ÷ arrival",
                    mine / arrival[reads],
                    "x",
                    bar=min(2.2, 0.9 * best / arrival[reads]),
                )
            )
    area = int(max(SHARES) * len(wrong))
    figures.append(
        Figure(
            f"{split.name}{bot}: area to 30 %",
            float(ours[:area].mean()),
            "",
            peer=float(plain[:area].mean()),
            ratio=float(ours[:area].mean() / plain[:area].mean()),
        )
    )
    if sitting.calibration_error is not None:
        figures.append(
            Figure(
                f"{split.name}{bot}: ECE after {_CALIBRATED_AFTER} answers",
                sitting.calibration_error,
                "",
                bar=0.05,
                at_most=True,
            )
        )
    reads = int(0.2 * len(wrong))
    return figures, float(ours[reads] / plain[reads])


class Desk:
    """A database that turns come into, and a reader of its queue who is always right.

    A turn's id is its number in the traffic.
    """

    def __init__(self, folder: Path, split: Split) -> None:
        self.opened = _database(folder)
        self._split = split
        self._reranker = Reranker(self.opened.engine, lambda: split.training)

    def arrive(self, first: int, predicted: Sequence[Prediction]) -> None:
        """Record the turns from number *first* on, with what the bot makes of them."""
        _fill(self.opened, self._split.traffic, predicted, first)

    def rank(self) -> None:
        """Put the queue in order, as `annotate` does every so many answers."""
        self._reranker.run()

    def read(self, most: int) -> list[Read]:
        """Answer in the queue's order, which each round of answers changes."""
        reads: list[Read] = []
        while len(reads) < most:
            self.rank()
            round_end = min(len(reads) + ROUND, most)
            while len(reads) < round_end:
                with reading(self.opened.engine) as connection:
                    groups = page(connection, size=_PAGE)
                if not groups:
                    return reads
                reads += [
                    self._answered(one) for one in groups[: round_end - len(reads)]
                ]
        return reads

    def _answered(self, group: Group) -> Read:
        traffic = self._split.traffic
        names = [group.turn.turn_id, *(name for name, _ in group.others)]
        right = traffic[int(group.turn.turn_id)].intent
        _answer(self.opened, names, self._split, right)
        return Read([int(n) for n in names if traffic[int(n)].intent == right])

    def reread(self, predicted: Sequence[Prediction]) -> None:
        """Promote another model, which makes this of the turns so far."""
        with transaction(self.opened.engine) as connection:
            queue.write_reread(
                connection,
                {
                    str(number): queue.Reread(
                        str(number), one.intent, one.confidence, one.margin
                    )
                    for number, one in enumerate(predicted)
                },
            )

    def close(self) -> None:
        """Let go of the database."""
        self.opened.engine.dispose()


def sit(split: Split, predicted: Sequence[Prediction], *, upto: float) -> Sitting:
    """Let a reader answer turns in the queue's order."""
    most = math.ceil(upto * len(predicted))
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), split)
        desk.arrive(0, predicted)
        reads = desk.read(min(most, _CALIBRATED_AFTER))
        calibration = None
        if most > _CALIBRATED_AFTER:
            desk.rank()
            calibration = _calibration_error(desk.opened, split, predicted)
        reads += desk.read(most - len(reads))
        desk.close()
    return Sitting(reads, calibration)


def reading_saved(split: Split, predicted: Sequence[Prediction]) -> float:
    """Give the share of turns that the queue's reader need not read.

    Both readers' answers are added to the training data after every twentieth of the
    traffic. The mark to reach is what order of arrival reaches with half of it.
    """
    step = len(predicted) // 20
    sitting = sit(split, predicted, upto=0.5)

    def accuracy(settled: Sequence[int]) -> float:
        model = trained([*split.training, *(split.traffic[n] for n in settled)])
        guesses = model.predict([example.text for example in split.test])
        return float(np.mean(guesses == [example.intent for example in split.test]))

    goal = accuracy(range(10 * step))
    for reads in range(step, 10 * step + 1, step):
        settled = [n for read in sitting.reads[:reads] for n in read.settled]
        if accuracy(settled) >= goal:
            return 1 - reads / (10 * step)
    return 0.0


def reranking_time(data: Path, size: int) -> Figure:
    """Time a ranking of many turns after some were answered."""
    splits = [
        deal(name, data, per_intent=10, traffic=size, test=0)
        for name in ("clinc60oos", "hwu64")
    ]
    traffic = [example for split in splits for example in split.traffic][:size]
    training = [example for split in splits for example in split.training]
    with tempfile.TemporaryDirectory() as folder:
        opened = _database(Path(folder))
        _fill(
            opened,
            traffic,
            [Prediction(one.intent, 0.9, one.intent, 0.5) for one in traffic],
        )
        reranker = Reranker(opened.engine, lambda: training)
        reranker.run()
        split = Split("", training, traffic, [])
        for number in range(0, 1000, 10):
            _answer(opened, [str(number)], split, traffic[number].intent)
        start = time.perf_counter()
        ranked = len(reranker.run())
        seconds = time.perf_counter() - start
        opened.engine.dispose()
    return Figure(f"ranking {ranked:,} turns again", seconds, "s", 5.0, at_most=True)


def _database(folder: Path) -> Opened:
    return open_database(
        make_url(f"sqlite:///{folder / 'qa.db'}"),
        Settings(),
        secret="of the benchmark only",  # noqa: S106
        key_file=None,
    )


def _fill(
    opened: Opened,
    traffic: Sequence[Example],
    predicted: Sequence[Prediction],
    first: int = 0,
) -> None:
    """Insert turns as the recorder would; a turn's id is its number in the traffic."""
    new = []
    here = traffic[first : first + len(predicted)]
    for number, (example, guess) in enumerate(
        zip(here, predicted, strict=True), start=first
    ):
        signals = Signals(confidence=guess.confidence, margin=guess.margin)
        score = starting_score(signals)
        new.append(
            Turn(
                turn_id=str(number),
                sender_id=f"qa_{number}",
                seq=0,
                recorded_at=float(number),
                text=example.text,
                intent=guess.intent,
                confidence=guess.confidence,
                second_intent=guess.second_intent,
                margin=guess.margin,
                duplicate_key=duplicate_key(example.text),
                error_score=score,
                priority=priority(score, example.text),
            )
        )
    with transaction(opened.engine) as connection:
        turns.record(connection, new)


def _answer(opened: Opened, names: Sequence[str], split: Split, right: str) -> None:
    with transaction(opened.engine) as connection:
        for name in names:
            annotations.record(
                connection,
                Annotation(
                    turn_id=name,
                    text=split.traffic[int(name)].text,
                    intent=right,
                    entities=[],
                    source="benchmark",
                    annotated_at=0.0,
                ),
            )
        turns.set_status(connection, names, "annotated")


def _wrong(split: Split, predicted: Sequence[Prediction]) -> np.ndarray:
    return np.array(
        [
            guess.intent != example.intent
            for guess, example in zip(predicted, split.traffic, strict=True)
        ]
    )


def _curve(reads: Sequence[Read], wrong: np.ndarray) -> np.ndarray:
    """Give the share of all errors found after 0, 1, 2, … reads."""
    found = [0, *(int(wrong[read.settled].sum()) for read in reads)]
    return np.cumsum(found) / wrong.sum()


def _calibration_error(
    opened: Opened, split: Split, predicted: Sequence[Prediction]
) -> float | None:
    """Give the expected calibration error of the waiting turns' scores."""
    wrong = _wrong(split, predicted)
    with reading(opened.engine) as connection:
        waiting = list(search.find(connection, Filters(statuses=("new",))))
    return calibration(
        (turn.error_score or 0.0, bool(wrong[int(turn.turn_id)])) for turn in waiting
    ).expected_error


if __name__ == "__main__":
    sys.exit(main())
