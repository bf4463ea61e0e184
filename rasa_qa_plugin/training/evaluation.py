"""How well a model did on the frozen test set: numbers and names, never texts."""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from rasa_qa_plugin.errors import TrainingError


class Prediction(msgspec.Struct, frozen=True):
    """One row of the test set: what is right, and what the model said.

    Attributes:
        predicted: Empty when the model named no intent.
    """

    intent: str
    predicted: str
    confidence: float


class IntentScore(msgspec.Struct, frozen=True):
    """Quality of one intent; *support* is its number of rows."""

    precision: float
    recall: float
    f1: float
    support: int


class EntityScore(msgspec.Struct, frozen=True):
    """Quality of all entities together, each exact span and role counting once."""

    precision: float
    recall: float
    f1: float
    support: int


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one model.

    Attributes:
        known_intents: What the model can answer at all.
        entities: None when the test set marks no entities.
    """

    model_file: str
    model_id: str
    n: int
    accuracy: float
    macro_f1: float
    weighted_f1: float
    per_intent: dict[str, IntentScore]
    predictions: tuple[Prediction, ...]
    known_intents: tuple[str, ...]
    entities: EntityScore | None = None


class TrainingResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker leaves behind.

    Attributes:
        candidate_file: The candidate model, in the run folder if it was trained.
        seconds: Time per stage.
    """

    candidate_file: str
    current: Evaluation | None
    candidate: Evaluation
    seconds: dict[str, float]


def evaluate(
    predictions: Sequence[Prediction],
    *,
    model_file: str,
    model_id: str,
    known_intents: Collection[str] = (),
    entities: EntityScore | None = None,
) -> Evaluation:
    """Give the scores that follow from *predictions*.

    F1 of an intent is ``2 tp / (support + predicted)``. Macro-F1 is the plain mean of
    these over the intents of the test set ("averaged F1" in Opitz & Burst 2019, Macro
    F1 and Macro F1, arXiv:1911.03347), so a rare intent counts as much as a common one;
    weighted F1 weighs them by support.
    """
    support = Counter(one.intent for one in predictions)
    claimed = Counter(one.predicted for one in predictions)
    right = Counter(one.intent for one in predictions if one.intent == one.predicted)
    per_intent = {
        intent: IntentScore(
            precision=_share(right[intent], claimed[intent]),
            recall=_share(right[intent], rows),
            f1=_share(2 * right[intent], rows + claimed[intent]),
            support=rows,
        )
        for intent, rows in sorted(support.items())
    }
    n = len(predictions)
    weighted = sum(score.f1 * score.support for score in per_intent.values())
    return Evaluation(
        model_file=model_file,
        model_id=model_id,
        n=n,
        accuracy=_share(right.total(), n),
        macro_f1=_share(sum(one.f1 for one in per_intent.values()), len(per_intent)),
        weighted_f1=_share(weighted, n),
        per_intent=per_intent,
        predictions=tuple(predictions),
        known_intents=tuple(sorted(known_intents)),
        entities=entities,
    )


def score_entities(
    expected: Sequence[Collection[tuple[object, ...]]],
    found: Sequence[Collection[tuple[object, ...]]],
) -> EntityScore | None:
    """Give micro-averaged scores of exact matches, row by row; None without entities.

    A span that two extractors both find counts once.
    """
    pairs = [(set(a), set(b)) for a, b in zip(expected, found, strict=True)]
    wanted = sum(len(a) for a, _ in pairs)
    claimed = sum(len(b) for _, b in pairs)
    right = sum(len(a & b) for a, b in pairs)
    if not wanted:
        return None
    return EntityScore(
        precision=_share(right, claimed),
        recall=_share(right, wanted),
        f1=_share(2 * right, wanted + claimed),
        support=wanted,
    )


def load_result(path: Path) -> TrainingResult:
    """Read what the worker left.

    Raises:
        TrainingError: The file is missing or was written by another release.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainingResult)
    except (OSError, msgspec.MsgspecError):
        raise TrainingError(
            f"{path.name}: not a readable training result; train again"
        ) from None


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
