"""How long decisions take."""

LONGEST_PAUSE = 60.0
"""Seconds without a key that count as work; who pauses longer is away."""


class DecisionTime:
    """Measures decisions, without the pauses in them."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self._last: float | None = None
        self._sum = 0.0

    def start(self, now: float) -> None:
        """Begin a decision; *now* is of a clock that never goes back."""
        self._last, self._sum = now, 0.0

    def touch(self, now: float) -> float:
        """Note that a key was pressed; give the seconds of this decision so far."""
        if self._last is not None:
            self._sum += min(max(now - self._last, 0.0), LONGEST_PAUSE)
        self._last = now
        return self._sum
