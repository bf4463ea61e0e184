"""Finding the cue word of each number: the nearest word that can speak of it."""

import re
from bisect import bisect_right

import msgspec

from rasa_qa_plugin.privacy.passage import BARRIER, word_table
from rasa_qa_plugin.privacy.recognizers.names_lexicon import GIVEN
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
    STEM_HEADS,
    STRICT,
    VAGUE,
    WORD_TYPES,
    kind_of,
)

# Words that are a cue only behind another word.
_SECOND_WORDS = frozenset((*NUMBER_WORDS, *(second for _, second in PAIRS)))
# Most words are none of these, nor begin like one of the stems.
_TELLING = _SECOND_WORDS | WORD_TYPES.keys() | frozenset(map(chr, range(256)))
_TURNING = (REFERENCE, MONEY)
_DEGREES = ("º", "°")
_OF_THE = frozenset((" ", " de la ", " de una ", " of the ", ": "))
# Other words between a reference and its number; more, when the gap points at it.
_FEW = 2
_MANY = 5
_ABBREVIATION = 4
_RECIPIENT = frozenset(("al", "a", "to", "at", "para"))
# Behind an order, these turn to its person or its day.
_PERSON_OR_DAY = GIVEN.union(
    word_table("nombre name ayer hoy manana yesterday today tomorrow")
)
_POINTERS = (":", "#", " es", " is", " no", " nro", " num", " numero", " number")

_WORD = re.compile(r"[^\W\d_ºª]+")
_DOTS = frozenset((".", ". ", "/"))
_DIGIT = re.compile("[0-9]")
_GAP_WORD = re.compile(r"[^\W\d_]+")
_DISTANCE = 40
_ACCOUNT_DISTANCE = 64
_REACH = 2 * _ACCOUNT_DISTANCE
_THOUGHT_END = re.compile(
    rf"\d{{3}}|[;!?{BARRIER}]|\.\s(?<=[^\W\d_]{{4}}..)", re.DOTALL
)
_AFTER = re.compile(
    r"(?: {0,2}\(| {0,2}(?P<verb>[,.-]? ?(?:(?:es|is|era|was|seria|este|ese|esa|"
    r"this is|that is|that's)(?!\w) ?){1,2})?"
    r"(?:mi|my|el|the|su|his|her|their|nuestro|our|de mi|numero de) )"
    r"(?P<words>[a-z.]{1,14}(?: [a-z.]{1,14}){0,2})"
)
_BEHIND = re.compile(r"[ ,]{0,2}[-(]?(?P<word>[a-z]{2,14})(?!\w)")
_NUMBER_SOON = re.compile(r"[^\d\n]{0,15}\d{3}")


class Cue(msgspec.Struct, frozen=True, gc=False):
    """A word that types the next number; *strict* ones must stand close to it."""

    start: int
    end: int
    kind: str
    strict: bool


_NO_CUE = Cue(-100, -100, "", strict=False)


class Cues:
    """All cues that can speak of the numbers of a text, read as far as it is asked for.

    Most numbers are too short to need one; what comes behind the last is never read.
    """

    __slots__ = ("_cues", "_ends", "_last", "_plain", "_previous", "_read")

    def __init__(self, plain: str) -> None:
        """Get ready to look through the words of *plain*."""
        self._plain = plain
        self._cues: list[Cue] = []
        self._ends: list[int] = []
        self._read = -1
        self._previous = "", -10  # the word read last, and its end
        self._last = _NO_CUE

    def before(self, offset: int) -> Cue | None:
        """Give the cue that announces *offset*, the nearest word deciding."""
        if offset > self._read:
            self._read_to(offset)
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

    def _read_to(self, offset: int) -> None:
        """Read the words up to *offset*, which stands between words."""
        plain = self._plain
        start = self._read
        if start < 0:
            first = _DIGIT.search(plain) if offset > _REACH else None
            start = 0 if first is None else max(0, first.start() - _REACH)
        self._read = offset
        previous, previous_end = self._previous
        for match in _WORD.finditer(plain, start, offset):
            word = match.group()
            if word in _TELLING or word[:3] in STEM_HEADS:
                start = match.start()
                kind = None
                if len(word) == 1 and plain[previous_end:start] in _DOTS:
                    word = previous + word  # initials count as one: "C.I.", "d. n. i."
                    kind = INITIALS.get(word)
                kind = kind or kind_of(word)
                if kind is not None or word in _SECOND_WORDS:
                    near = start - previous_end <= 2  # noqa: PLR2004 - "n.º col"
                    self._add(word, kind, match.span(), previous if near else "")
            previous, previous_end = word, match.end()
        self._previous = previous, previous_end

    def _add(
        self, word: str, kind: str | None, extent: tuple[int, int], previous: str
    ) -> None:
        """Add what *word*, of some *kind* by itself, is behind the word *previous*."""
        plain, last = self._plain, self._last
        start, end = extent
        if word in _SECOND_WORDS:
            kind, strict = _kind_here(word, kind, previous)
        else:
            strict = word in STRICT or (previous, word) in IDIOMS
        if last.kind in _TURNING and start - last.end <= _DISTANCE // 2:
            between = plain[last.end : start]
            kind, strict = _turned(word, kind, last, between, strict=strict)
        if word == "col" and plain[start - 1 : start] in _DEGREES:
            kind, strict = "ID", False  # glued to a name: "GarcíaNºCol"
        if kind is not None:
            self._last = Cue(start, end, kind, strict)
            self._cues.append(self._last)
            self._ends.append(self._last.end)

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
        return _refers(gap, words, abbreviated=cue.end - cue.start <= _ABBREVIATION)
    return True


def _refers(gap: str, words: list[str], *, abbreviated: bool) -> bool:
    """Tell whether a number is that of an order and not of a person beside it."""
    if "," in gap or not _PERSON_OR_DAY.isdisjoint(words):
        return False  # "factura a Ana Luna, 171…", "pedido de Juan 099…"
    if gap.startswith(". ") and not abbreviated:
        return False  # "confirmo el pedido. 099…"
    if words and words[-1] in _RECIPIENT:
        return False  # "envíe la factura al 099…"
    others = sum(word not in FILLERS for word in words)
    pointed = gap.rstrip(" .").endswith(_POINTERS)
    return others <= (_MANY if pointed else _FEW)


def _closes(gap: str) -> bool:
    """Tell whether a thought ends between cue and number."""
    # A dot right behind the cue only abbreviates it: "tel. 234 5678".
    return _THOUGHT_END.search(gap.removeprefix(".")) is not None
