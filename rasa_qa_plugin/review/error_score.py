"""How probable it is that the bot took a turn for the wrong intent, and why.

A logistic regression over few signals, each turned so that more of it speaks for an
error. Before anybody annotated, its weights are the ones below; answers move them, few
answers a little, many answers as far as they go: the maximum a posteriori estimate
under a normal prior around the starting weights (Bishop 2006, section 4.5.1).
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

CONFIDENCE = "confidence"
MARGIN = "margin"
NOVELTY = "novelty"
LEARNED = "learned"
INTENT_RECORD = "intent_record"

# Signal to starting weight, in log-odds per unit. The first five are measured: rounded
# from a logistic regression on the sets of `tests/benchmarks/review.py`. The others are
# flags, present or not; no public data have them, so they are set by hand.
STARTING_WEIGHTS: dict[str, float] = {
    CONFIDENCE: 0.1,
    MARGIN: 2.0,
    NOVELTY: 0.3,
    LEARNED: 0.8,
    INTENT_RECORD: 0.15,
    "fallback": 0.3,
    "negative_feedback": 2.0,
    "user_reported": 2.0,
    "manual": 2.0,
    "repeated": 0.8,
    "unlikely_intent": 0.7,
    "action_failed": 0.3,
    "escalated": 0.5,
    "disagreement": 1.0,
}
_NAMES = tuple(STARTING_WEIGHTS)
_STARTING_OFFSET = -1.5
# How far a weight may be from its start, as a standard deviation.
_SPREAD = 0.3
_SURE = 1e-3


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a turn when its error score is computed.

    Attributes:
        confidence: Of the bot's intent, 0..1; None where nothing was predicted.
        margin: To the second intent, 0..1.
        novelty: How unlike the training data, 0..1; None without ConfidenceLogger.
        learned: The proxy's probability of the bot's intent; None before it exists.
        intent_record: Share of errors among the answered turns with this intent,
            smoothed; None before it exists.
        flags: Names of the turn's flags.
    """

    confidence: float | None
    margin: float | None
    novelty: float | None = None
    learned: float | None = None
    intent_record: float | None = None
    flags: Sequence[str] = ()

    def values(self) -> list[float]:
        """Give the values of all signals, in the order of the weights.

        Probabilities become log-odds around one half; what is unknown is 0, which says
        nothing.
        """
        measured = [
            _log_odds(1 - self.confidence) if self.confidence is not None else 0.0,
            0.5 - self.margin if self.margin is not None else 0.0,
            self.novelty - 0.5 if self.novelty is not None else 0.0,
            _log_odds(1 - self.learned) if self.learned is not None else 0.0,
            _log_odds(self.intent_record) if self.intent_record is not None else 0.0,
        ]
        return measured + [
            float(name in self.flags) for name in _NAMES[len(measured) :]
        ]


class ErrorScore:
    """Turns signals into the probability of an error."""

    def __init__(self) -> None:
        """Start with the weights that hold before anybody answered."""
        self._weights = np.array([_STARTING_OFFSET, *STARTING_WEIGHTS.values()])

    def learn(self, signals: Sequence[Signals], wrong: Sequence[bool]) -> None:
        """Fit the weights to answered turns.

        Args:
            signals: As they were without the answer itself.
            wrong: Whether the bot's intent was wrong, per turn.
        """
        from scipy.optimize import minimize  # servers never learn

        start = np.array([_STARTING_OFFSET, *STARTING_WEIGHTS.values()])
        if not signals:
            self._weights = start
            return
        rows = _rows(signals)
        errors = np.array(wrong, dtype=np.float64)
        stiffness = np.full(len(start), _SPREAD**-2)
        # How many errors there are at all differs more between bots than what they
        # look like.
        stiffness[0] = 0.1

        def loss(weights: Vector) -> tuple[float, Vector]:
            log_odds = rows @ weights
            away = weights - start
            value = np.logaddexp(0, log_odds).sum() - errors @ log_odds
            value += (stiffness * away**2).sum() / 2
            slope = rows.T @ (_probability(log_odds) - errors) + stiffness * away
            return float(value), slope

        self._weights = minimize(loss, start, jac=True, method="L-BFGS-B").x

    def estimate(
        self, signals: Sequence[Signals]
    ) -> tuple[list[float], list[dict[str, float]]]:
        """Give the probability of an error for each turn, and the reasons.

        Reasons are what each signal adds to the log-odds of an error, largest first.
        """
        if not signals:
            return [], []
        rows = _rows(signals)
        parts = np.round(rows[:, 1:] * self._weights[1:], 3)
        order = np.argsort(-np.abs(parts), axis=1)
        reasons = [
            {_NAMES[number]: row[number] for number in columns if row[number]}
            for row, columns in zip(parts.tolist(), order.tolist(), strict=True)
        ]
        return _probability(rows @ self._weights).tolist(), reasons


def _rows(signals: Sequence[Signals]) -> Vector:
    return np.array([[1.0, *one.values()] for one in signals])


def _probability(log_odds: Vector) -> Vector:
    return 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, _SURE), 1 - _SURE)
    return math.log(bounded / (1 - bounded))


def starting_score(signals: Signals) -> float:
    """Give the probability of an error before anybody answered anything."""
    log_odds = _STARTING_OFFSET + sum(
        value * weight
        for value, weight in zip(
            signals.values(), STARTING_WEIGHTS.values(), strict=True
        )
    )
    return 1 / (1 + math.exp(-log_odds))


def intent_records(
    intents: Sequence[str | None],
    answered: Sequence[str | None],
    wrong: Sequence[bool],
) -> tuple[list[float], list[float]]:
    """Give the smoothed error share of each turn's intent among the answered turns.

    Args:
        intents: The bot's intent of the turns asked about.
        answered: The bot's intent of the answered turns.
        wrong: Whether it was wrong.

    Returns:
        For the turns asked about; and for the answered ones, each without itself.
    """
    counts: dict[str | None, int] = {}
    errors: dict[str | None, int] = {}
    for intent, failed in zip(answered, wrong, strict=True):
        counts[intent] = counts.get(intent, 0) + 1
        errors[intent] = errors.get(intent, 0) + failed
    overall = (sum(wrong) + 1) / (len(wrong) + 4)

    def share(intent: str | None, *, less: int = 0, less_wrong: int = 0) -> float:
        count = counts.get(intent, 0) - less
        failed = errors.get(intent, 0) - less_wrong
        return (failed + 3 * overall) / (count + 3)

    return (
        [share(intent) for intent in intents],
        [
            share(intent, less=1, less_wrong=int(failed))
            for intent, failed in zip(answered, wrong, strict=True)
        ],
    )
