"""How well a model did on the frozen test set: numbers and names, never texts."""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from rasa_qa_plugin.errors import TrainingError


class Prediction(msgspec.Struct, frozen=True):
    """One row of the test set: what is right, and what the model said.

    Attributes:
        predicted: Empty when the model named no intent; what it named before a
            fallback took its place.
        row: Key of the row's text, see :func:`row_key`.
        fell_back: Whether the bot would have said that it did not understand.
    """

    intent: str
    predicted: str
    confidence: float
    row: str = ""
    fell_back: bool = False


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


class OutOfScope(msgspec.Struct, frozen=True):
    """What became of the rows that are none of the bot's business.

    Attributes:
        accepted: Rows that the bot took for one of its intents and would act upon.
    """

    rows: int
    accepted: int


class Stories(msgspec.Struct, frozen=True):
    """Test conversations by name: played to the end as written, or not."""

    passed: tuple[str, ...]
    failed: tuple[str, ...]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one model.

    Attributes:
        in_scope_accuracy: Without the rows that are out of scope, which may hide that
            the bot understands its own business worse.
        calibration_error: Mean gap between confidence and share right, in ten bins
            (ECE).
        known_intents: What the model can answer at all.
        entities: None when the test set marks no entities.
        out_of_scope: None when no test row is out of scope.
        stories: None when there are no test conversations.
    """

    model_file: str
    model_id: str
    n: int
    accuracy: float
    in_scope_accuracy: float
    macro_f1: float
    weighted_f1: float
    calibration_error: float
    per_intent: dict[str, IntentScore]
    predictions: tuple[Prediction, ...]
    known_intents: tuple[str, ...]
    entities: EntityScore | None = None
    out_of_scope: OutOfScope | None = None
    stories: Stories | None = None


class TrainingResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker leaves behind.

    Attributes:
        candidate_file: The candidate model, in the run folder if it was trained.
        seconds: Time per stage.
        examples: How many it was trained on, by intent; empty if it was not.
    """

    candidate_file: str
    current: Evaluation | None
    candidate: Evaluation
    seconds: dict[str, float]
    examples: dict[str, int] = {}


def evaluate(  # noqa: PLR0913 - what a model is judged by
    predictions: Sequence[Prediction],
    *,
    model_file: str,
    model_id: str,
    known_intents: Collection[str] = (),
    out_of_scope: str = "out_of_scope",
    entities: EntityScore | None = None,
    stories: Stories | None = None,
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
    inside = [one for one in predictions if one.intent != out_of_scope]
    strays = [one for one in predictions if one.intent == out_of_scope]
    accepted = [
        one
        for one in strays
        if one.predicted not in ("", out_of_scope) and not one.fell_back
    ]
    weighted = sum(score.f1 * score.support for score in per_intent.values())
    return Evaluation(
        model_file=model_file,
        model_id=model_id,
        n=n,
        accuracy=_share(right.total(), n),
        in_scope_accuracy=_share(
            sum(one.intent == one.predicted for one in inside), len(inside)
        ),
        macro_f1=_share(sum(one.f1 for one in per_intent.values()), len(per_intent)),
        weighted_f1=_share(weighted, n),
        calibration_error=calibration_error(predictions),
        per_intent=per_intent,
        predictions=tuple(predictions),
        known_intents=tuple(sorted(known_intents)),
        entities=entities,
        out_of_scope=OutOfScope(len(strays), len(accepted)) if strays else None,
        stories=stories,
    )


def row_key(text: str) -> str:
    """Give a key for the text of a test row.

    Results name rows by it: the words stand in the test set alone, so that whoever is
    taken out of it stands nowhere else.
    """
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def reliability(
    predictions: Sequence[Prediction], *, bins: int = 10
) -> list[tuple[int, float, float]]:
    """Give rows, mean confidence and share right of each bin of confidence."""
    found: list[tuple[int, float, float]] = []
    for number in range(bins):
        rows = [
            one
            for one in predictions
            if min(int(one.confidence * bins), bins - 1) == number
        ]
        confidence = sum(one.confidence for one in rows)
        right = sum(one.intent == one.predicted for one in rows)
        found.append(
            (len(rows), _share(confidence, len(rows)), _share(right, len(rows)))
        )
    return found


def calibration_error(predictions: Sequence[Prediction]) -> float:
    """Give the expected calibration error (Naeini et al. 2015, AAAI), in ten bins."""
    gaps = (rows * abs(sure - right) for rows, sure, right in reliability(predictions))
    return _share(sum(gaps), len(predictions))


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
