"""Pictures of an evaluation as PNG, drawn with the Matplotlib that Rasa needs."""

import io
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rasa_qa_plugin.training.evaluation import Evaluation, reliability

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_INTENTS = 40
_BINS = 20
_NOTHING = "(none)"


def confusion(evaluation: Evaluation, intents: Sequence[str]) -> bytes:
    """Draw what was taken for what, as shares of each intent's rows."""
    shown = list(intents)[:_MOST_INTENTS]
    places = {intent: place for place, intent in enumerate(shown)}
    pairs = Counter(
        (one.intent, one.predicted or _NOTHING) for one in evaluation.predictions
    )
    matrix = [[0.0] * len(shown) for _ in shown]
    for (truth, said), rows in pairs.items():
        if truth in places and said in places:
            support = evaluation.per_intent[truth].support
            matrix[places[truth]][places[said]] = rows / support
    side = max(3.0, 0.22 * len(shown) + 1.5)
    figure = _figure(side, side)
    axes: Any = figure.add_subplot()
    axes.imshow(matrix, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set_xticks(range(len(shown)), shown, rotation=90, fontsize=6)
    axes.set_yticks(range(len(shown)), shown, fontsize=6)
    axes.set_xlabel("said")
    axes.set_ylabel("right")
    return _png(figure)


def confidences(evaluation: Evaluation) -> bytes:
    """Draw how sure the model was where it was right and where it was wrong."""
    right = [o.confidence for o in evaluation.predictions if o.intent == o.predicted]
    wrong = [o.confidence for o in evaluation.predictions if o.intent != o.predicted]
    figure = _figure(4.5, 2.6)
    axes: Any = figure.add_subplot()
    axes.hist([right, wrong], bins=_BINS, range=(0, 1), label=["right", "wrong"])
    axes.set_xlabel("confidence")
    axes.set_ylabel("rows")
    axes.legend()
    return _png(figure)


def calibration(evaluations: dict[str, Evaluation]) -> bytes:
    """Draw, by confidence, the share that was right; on the diagonal all is well."""
    figure = _figure(3.6, 3.6)
    axes: Any = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for name, evaluation in evaluations.items():
        bins = [one for one in reliability(evaluation.predictions) if one[0]]
        axes.plot(
            [sure for _, sure, _ in bins],
            [right for _, _, right in bins],
            marker="o",
            label=name,
        )
    axes.set_xlabel("confidence")
    axes.set_ylabel("share right")
    axes.legend()
    return _png(figure)


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure  # not pyplot: it looks for a display

    return Figure(figsize=(width, height), layout="tight")


def _png(figure: "Figure") -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=100)
    return target.getvalue()
