"""Finding the cue word of each number: the nearest word that can speak of it."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from rasa_qa_plugin.privacy.passage import BARRIER
from rasa_qa_plugin.privacy.recognizers.number_words import (
    FILLERS,
    IDIOMS,
    INITIALS,
    LABELS,
    MONEY,
    NUMBER_WORDS,
    OTHER_THOUGHT,
    PAIRS,
    POSSESSIVES,
    REFERENCE,
    REFERENCE_TAILS,
    STRICT,
    VAGUE,
    kind_of,
)

# Words that are a cue only behind another word.
_SECOND_WORDS = frozenset((*NUMBER_WORDS, *(second for _, second in PAIRS)))
_TURNING = (REFERENCE, MONEY)
_DEGREES = ("º", "°")
_OF_THE = frozenset((" ", " de la ", " de una ", " of the ", ": "))
# Other words between a reference and its number; more, when the gap points at it.
_FEW = 2
_MANY = 5
_POINTERS = (":", "#", " es", " is", " no", " nro", " num", " numero", " number")

_WORD = re.compile(r"[^\W\d_ºª]+")
_DOTS = frozenset((".", ". ", "/"))
_DIGIT = re.compile("[0-9]")
_GAP_WORD = re.compile(r"[^\W\d_]+")
_DISTANCE = 40
_ACCOUNT_DISTANCE = 64
_REACH = 2 * _ACCOUNT_DISTANCE
_GAP_END = re.compile(rf"\d{{3}}|[;!?{BARRIER}]")
_SENTENCE_END = re.compile(r"[^\W\d_]{4,}\.\s")
_AFTER = re.compile(
    r"(?: {0,2}\(| {0,2}(?P<verb>[,.-]? ?(?:(?:es|is|era|was|seria|este|ese|esa|"
    r"this is|that is|that's)(?!\w) ?){1,2})?"
    r"(?:mi|my|el|the|su|his|her|their|nuestro|our|de mi|numero de) )"
    r"(?P<words>[a-z.]{1,14}(?: [a-z.]{1,14}){0,2})"
)
_BEHIND = re.compile(r"[ ,]{0,2}[-(]?(?P<word>[a-z]{2,14})(?!\w)")
_NUMBER_SOON = re.compile(r"[^\d\n]{0,15}\d{3}")


class Cue(NamedTuple):
    """A word that types the next number; *strict* ones must stand close to it."""

    start: int
    end: int
    kind: str
    strict: bool


_NO_CUE = Cue(-100, -100, "", strict=False)


class Cues:
    """All cues that can speak of the numbers of a text, found in one pass.

    Most numbers are too short to need one, so the pass is made when first asked for.
    """

    __slots__ = ("_cues", "_ends", "_plain")

    def __init__(self, plain: str) -> None:
        """Get ready to look through the words of *plain*."""
        self._plain = plain
        self._cues: list[Cue] | None = None
        self._ends: list[int] = []

    def before(self, offset: int) -> Cue | None:
        """Give the cue that announces *offset*, the nearest word deciding."""
        if self._cues is None:
            start, end = _extent_of_digits(self._plain)
            self._cues = list(_cues(self._plain, max(0, start - _REACH), end))
            self._ends = [cue.end for cue in self._cues]
        index = bisect_right(self._ends, offset) - 1
        vague: Cue | None = None  # "the number is": unless another word says more
        while index >= 0:
            cue = self._cues[index]
            gap = self._plain[cue.end : offset]
            if len(gap) > _DISTANCE and (
                cue.kind != "ACCOUNT" or len(gap) > _ACCOUNT_DISTANCE
            ):
                return vague
            if _closes(gap):
                return vague
            if _reaches(cue, gap):
                if cue.kind != VAGUE:
                    return cue
                vague = vague or cue
            index -= 1
        return vague

    def beside(self, start: int, end: int) -> Cue | None:
        """Give the cue of what stands at *start* to *end*: "… es mi cédula" decides."""
        after = self.after(end)
        if after is not None and not after.strict:
            return after
        return self.before(start) or after

    def after(self, offset: int) -> Cue | None:
        """Give the kind of number named behind *offset*.

        Strict is what no verb joins to the number.
        """
        match = _AFTER.match(self._plain, offset)
        if match is not None:
            if _NUMBER_SOON.match(self._plain, match.end()):
                return None
            kind = _named(match)
            if kind is not None:
                strict = match["verb"] is None
                return Cue(match.start("words"), match.end(), kind, strict)
        match = _BEHIND.match(self._plain, offset)
        if match is None:
            return None
        start, end = match.span("word")
        glued = self._plain[start - 1] == "-"  # "2345678-fax 0991234567"
        kind = LABELS.get(match["word"])
        if kind is None or not (glued or not _NUMBER_SOON.match(self._plain, end)):
            return None
        return Cue(start, end, kind, strict=True)


def _named(match: re.Match[str]) -> str | None:
    words = _GAP_WORD.findall(match["words"])
    for word in words:
        kind = kind_of(word)
        # "0991234567 mi pedido no llega" names nothing, "… es mi pedido" does.
        if kind is not None and (match["verb"] or kind in ("PHONE", "ID")):
            return kind
    return "PHONE" if match["verb"] and words[0] in NUMBER_WORDS else None


def is_filler(word: str) -> bool:
    """Tell whether a word may stand between any cue and its number."""
    return word in FILLERS


def _extent_of_digits(plain: str) -> tuple[int, int]:
    first, last = _DIGIT.search(plain), _DIGIT.search(plain[::-1])
    if first is None or last is None:
        return 0, 0
    return first.start(), len(plain) - last.start()


def _cues(plain: str, start: int, end: int) -> Iterator[Cue]:
    previous, previous_end, last = "", -10, _NO_CUE
    for match in _WORD.finditer(plain, start, end):
        word = match.group()
        kind = kind_of(word)
        if len(word) == 1 and plain[previous_end : match.start()] in _DOTS:
            # Initials count as one word: "C.I.", "d. n. i.".
            word = previous + word
            kind = INITIALS.get(word) or kind_of(word)
        if kind is not None or word in _SECOND_WORDS:
            start = match.start()
            near = start - previous_end <= 2  # noqa: PLR2004 - "n.º col"
            kind, strict = _kind_here(word, kind, previous if near else "")
            if last.kind in _TURNING and start - last.end <= _DISTANCE // 2:
                kind, strict = _turned(
                    word, kind, last, plain[last.end : start], strict=strict
                )
            if word == "col" and plain[start - 1 : start] in _DEGREES:
                kind, strict = "ID", False  # glued to a name: "GarcíaNºCol"
            if kind is not None:
                last = Cue(start, match.end(), kind, strict)
                yield last
        previous, previous_end = word, match.end()


def _kind_here(word: str, kind: str | None, previous: str) -> tuple[str | None, bool]:
    """Give the kind of a word behind another, and whether it must stand close."""
    if (previous, word) in PAIRS:
        return PAIRS[previous, word], False
    if word in NUMBER_WORDS:
        return ("PHONE" if previous in POSSESSIVES else VAGUE), True
    return kind, word in STRICT or (previous, word) in IDIOMS


def _turned(
    word: str, kind: str | None, last: Cue, between: str, *, strict: bool
) -> tuple[str | None, bool]:
    """Read a word again in the light of a reference or a price just before it."""
    if last.kind == REFERENCE and word in REFERENCE_TAILS and len(between) <= 2:  # noqa: PLR2004
        return REFERENCE, False  # "order id"
    if word == "id" and POSSESSIVES.isdisjoint(between.split()):
        return REFERENCE, False  # of a payment: "Total: 58 ID: 1008"
    if kind == "CARD" and last.kind == REFERENCE and between == " de ":
        return REFERENCE, False  # "nota de crédito", "carta de crédito"
    if kind == "ACCOUNT" and last.kind == MONEY:
        if word in STRICT:
            return MONEY, True  # "el monto de la transferencia es 25000000"
        if between in _OF_THE:
            return kind, True  # of a restaurant: "el total de la cuenta: 25000"
    return kind, strict


def _reaches(cue: Cue, gap: str) -> bool:
    """Tell whether what stands between lets the cue speak of the number."""
    words = _GAP_WORD.findall(gap)
    if not OTHER_THOUGHT.isdisjoint(words):
        return False
    if cue.kind == VAGUE and not (":" in gap or "es" in words or "is" in words):
        return False
    if cue.kind == MONEY and "," in gap:
        return False
    if cue.strict:
        return all(word in FILLERS for word in words)
    if cue.kind == REFERENCE:
        # Of a name or a second thought it does not: "factura a Ana Luna, 171…".
        others = sum(word not in FILLERS for word in words)
        pointed = gap.rstrip(" .").endswith(_POINTERS)
        return "," not in gap and others <= (_MANY if pointed else _FEW)
    return True


def _closes(gap: str) -> bool:
    """Tell whether a thought ends between cue and number."""
    # A dot right behind the cue only abbreviates it: "tel. 234 5678".
    rest = gap.removeprefix(".")
    return bool(_GAP_END.search(rest) or _SENTENCE_END.search(rest))
