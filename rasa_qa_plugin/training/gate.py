"""May the candidate replace the current model? Paired statistics and a verdict."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from rasa_qa_plugin.settings import TrainingSettings
from rasa_qa_plugin.training.evaluation import Evaluation

Verdict = Literal["PROMOTE", "REFUSE", "INCONCLUSIVE"]

SMALL_TEST_SET = 100
FEW_ROWS_PER_INTENT = 5
FEW_ENTITIES = 30
NOTABLE_INTENT_DROP = 0.1
RESAMPLES = 2000
# A fall of exactly the limit is allowed; floats need a hair of room to say so.
_TOLERANCE = 1e-9


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict and everything that led to it.

    Attributes:
        reasons: One sentence each, the deciding one first.
        f1_drop: Macro-F1 of the current model minus that of the candidate.
        fixed: Rows only the candidate gets right.
        broken: Rows only the current model gets right.
        bootstrap_low: 95 % interval of the change in macro-F1 (below 0 is worse).
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    f1_drop: float = 0.0
    fixed: int = 0
    broken: int = 0
    mcnemar_p: float = 1.0
    bootstrap_low: float = 0.0
    bootstrap_high: float = 0.0


def judge(
    current: Evaluation | None, candidate: Evaluation, settings: TrainingSettings
) -> Judgement:
    """Give the verdict on *candidate*; only PROMOTE lets it go live.

    REFUSE when macro-F1 falls by more than ``settings.max_f1_drop``, or at once when
    nothing was evaluated, the two did not see the same test set, or an intent is lost.
    INCONCLUSIVE when it falls that much on a test set too small to tell the fall from
    chance: somebody has to look, or add test rows.
    """
    if not candidate.n:
        why = "nothing was evaluated: the test set needs rows of at least two intents"
        return Judgement(verdict="REFUSE", reasons=(why,))
    if current is None:
        why = f"first model: nothing to compare with, macro-F1 {candidate.macro_f1:.3f}"
        return Judgement(verdict="PROMOTE", reasons=(why,))
    truth = [row.intent for row in candidate.predictions]
    if truth != [row.intent for row in current.predictions]:
        why = (
            "the two models were evaluated on different test sets; evaluate both again"
        )
        return Judgement(verdict="REFUSE", reasons=(why,))
    before = [row.predicted for row in current.predictions]
    after = [row.predicted for row in candidate.predictions]
    fixed, broken = discordant(truth, before, after)
    low, high = paired_bootstrap(truth, before, after)
    drop = current.macro_f1 - candidate.macro_f1
    verdict, deciding = _verdict(current, candidate, settings, (low, high))
    return Judgement(
        verdict=verdict,
        reasons=(*deciding, *_remarks(current, candidate)),
        f1_drop=drop,
        fixed=fixed,
        broken=broken,
        mcnemar_p=mcnemar_exact(fixed, broken),
        bootstrap_low=low,
        bootstrap_high=high,
    )


def discordant(
    truth: Sequence[str], before: Sequence[str], after: Sequence[str]
) -> tuple[int, int]:
    """Count the rows only *after* gets right, and those only *before* got right."""
    rows = list(zip(truth, before, after, strict=True))
    fixed = sum(b != t and a == t for t, b, a in rows)
    broken = sum(b == t and a != t for t, b, a in rows)
    return fixed, broken


def mcnemar_exact(fixed: int, broken: int) -> float:
    """Give the two-sided exact p-value of McNemar's test.

    Of the rows on which the models differ, each is equally likely to go either way if
    they are equally good: ``p = min(1, 2 P(X <= min(fixed, broken)))`` with
    ``X ~ Binomial(fixed + broken, 1/2)``. McNemar 1947, Psychometrika 12(2), 153-157;
    for comparing classifiers: Dietterich 1998, Neural Computation 10(7), 1895-1923.
    Fewer than six differing rows can never give p below 0.05.
    """
    n = fixed + broken
    tail = sum(math.comb(n, k) for k in range(min(fixed, broken) + 1))
    return min(1.0, 2 * tail / (1 << n))


def paired_bootstrap(
    truth: Sequence[str],
    before: Sequence[str],
    after: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Give the 95 % percentile interval of the change in macro-F1, after minus before.

    Rows are drawn with replacement, both predictions of a row together (paired), within
    each true intent (stratified), so that no intent vanishes from a resample. Efron &
    Tibshirani 1993, An Introduction to the Bootstrap, ch. 13; paired for language
    systems: Koehn 2004, EMNLP, 388-395. Drawing rows of an intent is drawing counts of
    its distinct (before, after) pairs from a multinomial: no loop over rows.
    """
    intents = sorted(set(truth))
    place = {intent: index for index, intent in enumerate(intents)}
    rng = np.random.default_rng(seed)
    shape = (resamples, len(intents))
    right = {"before": np.zeros(shape), "after": np.zeros(shape)}
    claimed = {"before": np.zeros(shape), "after": np.zeros(shape)}
    support = np.zeros(len(intents))
    rows = Counter(zip(truth, before, after, strict=True))
    for intent in intents:
        cells = [(pair[1:], n) for pair, n in sorted(rows.items()) if pair[0] == intent]
        counts = np.array([n for _, n in cells])
        support[place[intent]] = counts.sum()
        drawn = rng.multinomial(counts.sum(), counts / counts.sum(), size=resamples)
        for column, (pair, _) in enumerate(cells):
            for model, said in zip(("before", "after"), pair, strict=True):
                if said in place:
                    claimed[model][:, place[said]] += drawn[:, column]
                if said == intent:
                    right[model][:, place[intent]] += drawn[:, column]
    macro = {
        model: (2 * right[model] / (support + claimed[model])).mean(axis=1)
        for model in right
    }
    low, high = np.quantile(macro["after"] - macro["before"], (0.025, 0.975))
    return float(low), float(high)


def _verdict(
    current: Evaluation,
    candidate: Evaluation,
    settings: TrainingSettings,
    interval: tuple[float, float],
) -> tuple[Verdict, tuple[str, ...]]:
    """Give the verdict with the reasons that decide it."""
    lost = _lost_intents(current, candidate)
    if lost:
        names = ", ".join(lost)
        return "REFUSE", (f"the candidate no longer knows: {names}",)
    limit = settings.max_f1_drop
    refusals = []
    if _entity_drop(current, candidate) > limit + _TOLERANCE:
        refusals.append(f"entity F1 falls by more than {limit:g}")
    drop = current.macro_f1 - candidate.macro_f1
    change = f"macro-F1 {current.macro_f1:.3f} to {candidate.macro_f1:.3f}"
    if drop <= limit + _TOLERANCE:
        if refusals:
            return "REFUSE", (*refusals, change)
        return "PROMOTE", (f"{change}, allowed fall {limit:g}",)
    fall = f"{change}: falls by {drop:.3f}, more than {limit:g}"
    low, high = interval
    fewest = min(score.support for score in candidate.per_intent.values())
    small = candidate.n < SMALL_TEST_SET or fewest < FEW_ROWS_PER_INTENT
    if small and low <= 0 <= high and not refusals:
        doubt = (
            f"but it may be chance: 95 % interval {low:+.3f} to {high:+.3f} with "
            f"{candidate.n} test rows, {fewest} for the rarest intent; "
            "add test rows or look at the changed predictions"
        )
        return "INCONCLUSIVE", (fall, doubt)
    return "REFUSE", (fall, *refusals)


def _lost_intents(current: Evaluation, candidate: Evaluation) -> list[str]:
    """Give intents of the test set that only the current model can answer."""
    if not candidate.known_intents:
        return []
    return [
        intent
        for intent, score in current.per_intent.items()
        if score.recall > 0 and intent not in candidate.known_intents
    ]


def _entity_drop(current: Evaluation, candidate: Evaluation) -> float:
    """Give the fall in entity F1, or 0 when there are too few entities to judge by."""
    if current.entities is None or candidate.entities is None:
        return 0.0
    if candidate.entities.support < FEW_ENTITIES:
        return 0.0
    return current.entities.f1 - candidate.entities.f1


def _remarks(current: Evaluation, candidate: Evaluation) -> list[str]:
    """Name what a person should know and the verdict does not rest on."""
    remarks = []
    for intent, score in candidate.per_intent.items():
        was = current.per_intent[intent].f1
        if was - score.f1 > NOTABLE_INTENT_DROP:
            remarks.append(
                f"{intent}: F1 {was:.2f} to {score.f1:.2f} on {score.support} rows"
            )
    if current.entities and candidate.entities:
        was, now = current.entities.f1, candidate.entities.f1
        if now < was:
            remarks.append(f"entities: F1 {was:.3f} to {now:.3f}")
    return remarks
