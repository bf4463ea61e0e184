"""How far stated probabilities are from what came true.

Reliability in bins of equal width and the expected calibration error: the gap between
stated and observed, weighted by how many were stated there (Naeini, Cooper and
Hauskrecht 2015, Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI).
"""

from collections.abc import Iterable

import msgspec

BINS = 10


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Statements between two probabilities.

    Attributes:
        stated: Mean of the probabilities stated.
        observed: Share that came true.
    """

    low: float
    high: float
    count: int
    stated: float
    observed: float


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Bins that hold anything, and the expected calibration error; None without any."""

    bins: list[Bin]
    expected_error: float | None


def calibration(statements: Iterable[tuple[float, bool]]) -> Calibration:
    """Compare probabilities with whether what they were stated of came true."""
    found: dict[int, list[tuple[float, bool]]] = {}
    for probability, came_true in statements:
        number = min(int(probability * BINS), BINS - 1)
        found.setdefault(number, []).append((probability, came_true))
    bins = [
        Bin(
            low=number / BINS,
            high=(number + 1) / BINS,
            count=len(held),
            stated=sum(probability for probability, _ in held) / len(held),
            observed=sum(came_true for _, came_true in held) / len(held),
        )
        for number, held in sorted(found.items())
    ]
    total = sum(one.count for one in bins)
    if not total:
        return Calibration(bins=[], expected_error=None)
    gaps = sum(one.count * abs(one.stated - one.observed) for one in bins)
    return Calibration(bins=bins, expected_error=gaps / total)
