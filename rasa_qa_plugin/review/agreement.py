"""How far people agree who read the same turns.

Cohen's kappa is the share of turns that two people label alike, less what chance would
give, as a part of what is left: 1 is full agreement, 0 what chance gives (Cohen 1960,
Educational and Psychological Measurement 20(1), doi:10.1177/001316446002000104).
"""

from collections.abc import Iterable, Mapping
from itertools import combinations

import msgspec

REJECTED = "(rejected)"


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Two people who read the same turns.

    Attributes:
        turns: How many both of them read.
        same: To how many they gave the same intent; rejecting a turn counts as one.
        kappa: Cohen's; None where both gave one and the same intent to all turns, for
            then chance explains everything.
    """

    annotators: tuple[str, str]
    turns: int
    same: int
    kappa: float | None


def agreement(opinions: Iterable[Mapping[str, str]]) -> list[Agreement]:
    """Compare each pair of people, those with most turns in common first.

    Args:
        opinions: By turn, who gave which intent; empty for a rejected turn.
    """
    shared: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for by_name in opinions:
        for first, second in combinations(sorted(by_name), 2):
            labels = (by_name[first] or REJECTED, by_name[second] or REJECTED)
            shared.setdefault((first, second), []).append(labels)
    pairs = [
        Agreement(
            annotators=names,
            turns=len(labels),
            same=sum(one == other for one, other in labels),
            kappa=_kappa(labels),
        )
        for names, labels in shared.items()
    ]
    return sorted(pairs, key=lambda pair: (-pair.turns, pair.annotators))


def _kappa(labels: list[tuple[str, str]]) -> float | None:
    if len({label for pair in labels for label in pair}) == 1:
        return None
    from sklearn.metrics import cohen_kappa_score  # takes a second

    first, second = zip(*labels, strict=True)
    return round(float(cohen_kappa_score(first, second)), 4)
