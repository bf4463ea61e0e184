"""Two models on the same rows: what changed, and whether it may be chance."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 2000


class Bootstrap(NamedTuple):
    """The change in macro-F1, after minus before, if other rows had been drawn.

    Attributes:
        low: Lower end of the 95 % interval.
        high: Upper end of it.
        falling: Share of resamples in which it falls.
    """

    low: float
    high: float
    falling: float


class Discordant(NamedTuple):
    """Places of the rows only the second model gets right, and only the first."""

    fixed: tuple[int, ...]
    broken: tuple[int, ...]


def discordant(
    truth: Sequence[str], before: Sequence[str], after: Sequence[str]
) -> Discordant:
    """Give the rows only *after* gets right, and those only *before* got right."""
    rows = list(enumerate(zip(truth, before, after, strict=True)))
    return Discordant(
        fixed=tuple(n for n, (t, b, a) in rows if b != t and a == t),
        broken=tuple(n for n, (t, b, a) in rows if b == t and a != t),
    )


def intent_p_value(
    intent: str, truth: Sequence[str], before: Sequence[str], after: Sequence[str]
) -> float:
    """Tell how well chance explains the change in telling *intent* from the rest.

    McNemar's exact test of one against the rest: a row is right when it is taken for
    the intent exactly if it is one.
    """
    told = [
        ((t == intent) == (b == intent), (t == intent) == (a == intent))
        for t, b, a in zip(truth, before, after, strict=True)
    ]
    return mcnemar_exact(
        sum(a and not b for b, a in told), sum(b and not a for b, a in told)
    )


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


def shown_p(p_value: float) -> str:
    """Give ``p = 0.043``, or ``p < 0.001``."""
    smallest = 0.001
    return f"p = {p_value:.3f}" if p_value >= smallest else f"p < {smallest}"


def paired_bootstrap(
    truth: Sequence[str],
    before: Sequence[str],
    after: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Bootstrap:
    """Give how the change in macro-F1 spreads, after minus before.

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
    change = macro["after"] - macro["before"]
    low, high = np.quantile(change, (0.025, 0.975))
    return Bootstrap(float(low), float(high), float((change < 0).mean()))
