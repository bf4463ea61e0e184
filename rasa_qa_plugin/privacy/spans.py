"""Where personal data sits in a text, and how offsets move when it is replaced."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import itemgetter

import msgspec

# How sure a rule is. A check digit or an unmistakable form beats a cue word beside the
# value, a cue beats the mere look of a number, and that a value known from elsewhere.
VALIDATED = 1.0
CUE = 0.8
SHAPE = 0.6
KNOWN = 0.5

_LEAST_LEFTOVER = 2
_edit_start = itemgetter(0)


class Span(msgspec.Struct, frozen=True, gc=False):
    """One stretch of personal data: half-open offsets, type, sureness and the rule."""

    start: int
    end: int
    entity_type: str
    score: float
    rule: str


def resolve(spans: Iterable[Span], *, text: str) -> list[Span]:
    """Sorted spans that do not overlap, covering all that *spans* covered.

    Surer rules win, then longer spans. Two exceptions keep values whole: a span inside
    a longer one of its own type is part of it, and an address takes in the house
    numbers that looked like something else and the names that streets have. What a
    loser covered beside the winner stays covered, unless it is only punctuation.
    """
    candidates = list(spans)
    if len(candidates) < 2:  # noqa: PLR2004 - nearly always
        return candidates
    candidates.sort(key=_by_extent)
    if all(span.end <= following.start for span, following in pairwise(candidates)):
        return candidates
    candidates = sorted(set(candidates), key=_by_right, reverse=True)
    kept: list[Span] = []
    starts: list[int] = []
    crumbs: dict[int, Span] = {}

    def keep(span: Span) -> None:
        index = bisect_left(starts, span.start)
        starts.insert(index, span.start)
        kept.insert(index, span)

    for span in _without_parts(candidates):
        for piece in _uncovered(span, kept, starts, text):
            if piece is span or piece.end - piece.start >= _LEAST_LEFTOVER:
                keep(piece)
            else:
                crumbs[piece.start] = piece
    # Single characters that losers left are worth nothing, unless there are several in
    # a row.
    left = sorted(
        (one for one in crumbs.values() if _uncovered(one, kept, starts, text)),
        key=_by_extent,
    )
    for one, following in pairwise(left):
        if one.end == following.start and not (kept and _covers(kept, starts, one)):
            keep(msgspec.structs.replace(one, end=following.end))
    return kept


def _covers(kept: Sequence[Span], starts: Sequence[int], crumb: Span) -> bool:
    index = bisect_right(starts, crumb.start) - 1
    return index >= 0 and kept[index].end > crumb.start


def _by_extent(span: Span) -> tuple[int, int]:
    return span.start, -span.end


def _by_right(span: Span) -> tuple[float, int, int, str, str]:
    return (
        span.score,
        span.end - span.start,
        -span.start,
        span.entity_type,
        span.rule,
    )


def _without_parts(spans: Sequence[Span]) -> list[Span]:
    """Drop spans that belong to a longer one: same type, or a part of an address."""
    widest: dict[str, int] = {}
    street = -1  # where the furthest address ends that is no guess
    parts = set()
    for span in sorted(spans, key=_by_extent):
        if span.end <= widest.get(span.entity_type, -1) or (
            span.score <= SHAPE and span.end <= widest.get("ADDRESS", -1)
        ):
            parts.add(span)
        elif span.entity_type == "NAME" and span.end <= street:
            parts.add(span)  # streets are named after people, whoever says so
        elif span.entity_type == "ADDRESS" and span.score >= CUE:
            street = max(street, span.end)
        widest[span.entity_type] = max(widest.get(span.entity_type, -1), span.end)
    return [span for span in spans if span not in parts]


def _uncovered(
    span: Span, kept: list[Span], starts: list[int], text: str
) -> list[Span]:
    """Give the pieces of *span* that no kept span covers."""
    index = bisect_right(starts, span.start) - 1
    if index < 0 or kept[index].end <= span.start:
        index += 1
    if index >= len(kept) or kept[index].start >= span.end:
        return [span]
    pieces = []
    start = span.start
    while index < len(kept) and kept[index].start < span.end:
        pieces.append((start, kept[index].start))
        start = kept[index].end
        index += 1
    pieces.append((start, span.end))
    trimmed = (_trim(start, end, text) for start, end in pieces)
    return [
        msgspec.structs.replace(span, start=start, end=end)
        for start, end in trimmed
        if start < end
    ]


def _trim(start: int, end: int, text: str) -> tuple[int, int]:
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return start, end


class Alignment:
    """A text after replacements, with a way from old offsets to new ones.

    *edits* are ``(start, end, replacement)``, sorted and without overlap.
    """

    __slots__ = ("_edits", "_first", "_last", "_shift", "text")

    def __init__(self, text: str, edits: Sequence[tuple[int, int, str]]) -> None:
        """Apply *edits* to *text*; an empty list gives the text as it was."""
        parts: list[str] = []
        self._edits: list[tuple[int, int, int, int]] = []
        position = shift = 0
        for start, end, replacement in edits:
            parts += (text[position:start], replacement)
            moved = start + shift
            self._edits.append((start, end, moved, moved + len(replacement)))
            shift += len(replacement) - (end - start)
            position = end
        parts.append(text[position:])
        self.text = "".join(parts)
        self._first = edits[0][0] if edits else len(text)
        self._last, self._shift = position, shift

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Give the new offsets of what stood at *start* to *end*.

        A stretch that touches a replaced value widens to the whole replacement: half a
        token would mean nothing.
        """
        if end <= start:
            moved = self._move(start, opening=True)
            return moved, moved
        if end <= self._first:
            return start, end
        if start >= self._last:
            return start + self._shift, end + self._shift
        if len(self._edits) == 1:  # nearly always
            return min(start, self._first), max(end, self._last) + self._shift
        return self._move(start, opening=True), self._move(end, opening=False)

    def spans(self, stretches: Iterable[Sequence[int]]) -> list[tuple[int, int]]:
        """Give the new offsets of many stretches, as :meth:`span` does of one."""
        first, last, shift = self._first, self._last, self._shift
        moved = []
        for start, end in stretches:
            if start < end <= first:  # most words stand around what was replaced
                moved.append((start, end))
            elif last <= start < end:
                moved.append((start + shift, end + shift))
            else:
                moved.append(self.span(start, end))
        return moved

    @property
    def changed(self) -> bool:
        """Whether anything was replaced."""
        return bool(self._edits)

    def touches(self, start: int, end: int) -> bool:
        """Tell whether a replacement falls into *start* to *end*."""
        if len(self._edits) == 1:  # nearly always
            return start < self._last and end > self._first
        index = bisect_left(self._edits, end, key=_edit_start) - 1
        return index >= 0 and self._edits[index][1] > start

    def _move(self, offset: int, *, opening: bool) -> int:
        index = bisect_right(
            self._edits, offset if opening else offset - 1, key=_edit_start
        )
        index -= 1
        if index < 0:
            return offset
        start, end, new_start, new_end = self._edits[index]
        if start <= offset < end and opening:
            return new_start
        if start < offset <= end and not opening:
            return new_end
        return offset + new_end - end
