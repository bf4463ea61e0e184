"""Whether the loop makes a bot better, and what it costs a bot that answers meanwhile.

    uv run python tests/benchmarks/training.py [--quick] [--json FILE] [--data FOLDER]

Three parts. *Corrections*: a bot with ten examples an intent, a reader with the right
intents in the order of the queue, and how soon it understands as much as one trained on
all traffic. *Gate*: batches of corrections, harmless, with wrong labels, or with one
intent swamped, and what the gate says to each. *Server*: a real bot with DIET takes
five models while twenty people talk to it, and one `rasa-qa retrain` beside a plain
`rasa train`. The first two use logistic regressions on words and letters. With --quick
there is one set with a third of the traffic, two trials, and no server.
"""

import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bars import Figure, arguments, report
from review import Desk
from review_sets import Split, deal, predictions, trained
from sklearn.pipeline import Pipeline

from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.settings import TrainingSettings
from rasa_qa_plugin.training.evaluation import Evaluation, Prediction, evaluate
from rasa_qa_plugin.training.gate import judge

SETS = ("clinc60oos", "hwu64")
OUT_OF_SCOPE = "out_of_scope"
# The most that the reader may read.
SHARE = 0.25
WEEKS = 5
WITHIN = 0.01
IN_SCOPE = 0.95
TRIALS = 10
BATCH = 300
WRONG = 0.2
SETTINGS = TrainingSettings()


def main() -> int:
    """Run the benchmark and print its table."""
    options = arguments(__doc__.splitlines()[0]).parse_args()
    if not (options.data / "nlu").is_dir():
        print("training: no data; name its folder with --data")  # noqa: T201
        return 1
    sets = SETS[1:] if options.quick else SETS
    figures: list[Figure] = []
    for name in sets:
        size = 1000 if options.quick else 3000
        figures += corrections(
            deal(name, options.data, per_intent=10, traffic=size, test=1500)
        )
    figures += gate(sets[-1], options.data, trials=2 if options.quick else TRIALS)
    if not options.quick:
        from training_server import server_figures  # Rasa takes its time

        figures += server_figures(options.data)
    return report("training", figures, json_file=options.json)


def corrections(split: Split) -> list[Figure]:
    """Let traffic come in week by week, and a reader correct it in the queue's order.

    After each week the bot is trained on what they settled, so the next one is met by a
    better bot, which also reads again what still waits. The reader reads as much every
    week, of all that waits.
    """
    model = trained(split.training)
    before = evaluated(model, split.test)
    everything = evaluated(trained([*split.training, *split.traffic]), split.test)
    texts = [one.text for one in split.traffic]
    known = list(split.training)
    week = len(split.traffic) // WEEKS
    figures = [
        Figure(f"{split.name}: accuracy before", before.accuracy, ""),
        Figure(f"{split.name}: of all traffic", everything.accuracy, ""),
    ]
    after = before
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), split)
        for number in range(WEEKS):
            start, end = number * week, (number + 1) * week
            desk.arrive(start, predictions(model, texts[start:end]))
            for read in desk.read(int(SHARE * week)):
                known += [split.traffic[n] for n in read.settled]
            model = trained(known)
            desk.reread(predictions(model, texts[:end]))
            after = evaluated(model, split.test)
            is_last = number == WEEKS - 1
            share = f"{SHARE:.0%} of {(number + 1) / WEEKS:.0%} read"
            figures.append(
                Figure(
                    f"{split.name}: {share}",
                    after.accuracy,
                    "",
                    bar=everything.accuracy - WITHIN if is_last else None,
                    peer=everything.accuracy,
                )
            )
        desk.close()
    if after.out_of_scope is not None:
        ceiling = everything.in_scope_accuracy
        figures.append(
            Figure(
                f"{split.name}: in scope",
                after.in_scope_accuracy,
                "",
                bar=min(IN_SCOPE, ceiling),
                peer=ceiling,
            )
        )
    return figures


def gate(name: str, data: Path, *, trials: int) -> list[Figure]:
    """Judge seeded batches of corrections; count what the gate makes of them."""
    refused = {"wrong labels": 0, "swamped": 0, "few wrong labels": 0}
    accepted = 0
    for seed in range(trials):
        split = deal(name, data, per_intent=30, traffic=2200, test=1200, seed=seed + 1)
        current = evaluated(trained(split.training), split.test)

        def verdict(
            batch: Sequence[Example], split: Split = split, now: Evaluation = current
        ) -> str:
            candidate = trained([*split.training, *batch])
            return judge(now, evaluated(candidate, split.test), SETTINGS).verdict

        rng = random.Random(seed)
        intents = sorted({example.intent for example in split.training})
        few, many = split.traffic[:BATCH], split.traffic
        swamp = rng.choice(intents)
        accepted += verdict(few) == "PROMOTE"
        for kind, batch in (
            ("wrong labels", mislabelled(many, intents, rng)),
            ("swamped", [Example(one.text, swamp) for one in few]),
            ("few wrong labels", mislabelled(few, intents, rng)),
        ):
            refused[kind] += verdict(batch) != "PROMOTE"
    kept = {
        "as large as the data, 20 % wrong labels": ("wrong labels", trials),
        f"of {BATCH} that swamp an intent": ("swamped", trials),
        # They cost about a point, which no test set of this size tells from chance.
        f"of {BATCH}, 20 % wrong labels": ("few wrong labels", None),
    }
    return [
        Figure(f"{split.name}: harmless let live", accepted, "", 0.9 * trials),
        *(
            Figure(f"kept out: {what}", refused[kind], f"of {trials}", bar)
            for what, (kind, bar) in kept.items()
        ),
    ]


def mislabelled(
    batch: Sequence[Example], intents: Sequence[str], rng: random.Random
) -> list[Example]:
    """Give the batch with a share of its labels wrong."""
    return [
        Example(one.text, rng.choice([name for name in intents if name != one.intent]))
        if rng.random() < WRONG
        else one
        for one in batch
    ]


def evaluated(model: Pipeline, test: Sequence[Example]) -> Evaluation:
    """Score a fast model as the worker scores Rasa's."""
    chances = model.predict_proba([one.text for one in test])
    said = model.classes_[np.argmax(chances, axis=1)]
    return evaluate(
        [
            Prediction(one.intent, str(intent), float(row.max()))
            for one, intent, row in zip(test, said, chances, strict=True)
        ],
        model_file="fast",
        model_id="fast",
        known_intents=model.classes_,
        out_of_scope=OUT_OF_SCOPE,
    )


if __name__ == "__main__":
    sys.exit(main())
