"""Names that a cue announces: "me llamo …", "… le saluda", "my name is …"."""

import re
from typing import ClassVar, Final

from rasa_qa_plugin.privacy.passage import Passage
from rasa_qa_plugin.privacy.recognizers.base import ChatRecognizer
from rasa_qa_plugin.privacy.recognizers.names_cues import (
    FIRM_KEYS,
    KEYS,
    Cue,
    cues_in,
)
from rasa_qa_plugin.privacy.recognizers.names_extent import (
    name_after,
    name_before,
)
from rasa_qa_plugin.privacy.recognizers.names_lexicon import DOUBTFUL_GIVEN, GIVEN
from rasa_qa_plugin.privacy.recognizers.names_phrases import Kind
from rasa_qa_plugin.privacy.recognizers.names_usual import Name
from rasa_qa_plugin.privacy.spans import CUE, SHAPE, Span

_SURE: Final = frozenset((Kind.SURE, Kind.FIELD, Kind.SURE_AFTER))
_HINTS: Final = frozenset((Kind.LIKELY, Kind.INTRO, Kind.HINT, Kind.HINT_AFTER))
# Said of others as well as of oneself: a single small word is too little there.
_THIRD_PERSON: Final = frozenset((Kind.LIKELY, Kind.HINT))
_AFTER: Final = frozenset((Kind.SURE_AFTER, Kind.HINT_AFTER))
_WHOLE: Final = frozenset((Kind.TITLE, Kind.LABEL, Kind.CLOSING, Kind.LIKELY))
_LINE_ENDS: Final = re.compile(r"[ \t]*[.,;:!)\"'*_-]{0,2}[ \t]*(?:\n|$)")
# "soy Mayorista", "I'm Mexican": trades, peoples and moods, unlike most names.
_NO_NAME: Final = re.compile(
    r"(?:ista|dor|dora|tor|tora|ero|era|ense|ante|ente|eco|eca|eno|ena|ino|ina|ano|ana"
    r"|logo|loga|ario|aria|ivo|iva|ado|ada|ido|ida|ing|ed|ish|ican|ese|ful|less|able)$"
)
_SMALL_WORD: Final = re.compile(r" {1,2}[^\W\d_A-Z]")
# A record: "ANA LUNA - 0991234567", "Luis Mora, luis@example.org".
_RECORD: Final = re.compile(
    r"[^.!?\d@+\ufffc]{1,30}(?:\.:? ?)?"
    r"(?:[+(]*\d[\d() .,-]{5}|[A-Z]{2,4}\d{5}|[\w.-]{0,64}@)"
)
_RECORD_START: Final = re.compile(r" {0,3}(?=[^\W\d_])")
_LATER_RECORD_START: Final = re.compile(r"[\n:>|;] {0,3}(?=[^\W\d_])")
_RECORD_DIGITS: Final = 6
_FIRST_WORD: Final = re.compile(r"[^\W\d_]+")
_FIRST_NAMES: Final = GIVEN | DOUBTFUL_GIVEN


class NameRecognizer(ChatRecognizer):
    """Finds names that are introduced as such; a name out of the blue is not found.

    Names known from slots and entities are masked wherever they appear, see
    :class:`rasa_qa_plugin.privacy.tokens.TokenMap`.
    """

    entity_types: ClassVar[tuple[str, ...]] = ("NAME",)
    gate_words: ClassVar[frozenset[str]] = KEYS

    def opens(self, text: str, words: frozenset[str]) -> bool:
        """A word that introduces names, and something that may be one."""
        return not KEYS.isdisjoint(words) and (
            not FIRM_KEYS.isdisjoint(words)
            or not text[1:].islower()  # there is a capital behind the first letter
            or not GIVEN.isdisjoint(words)
            or "_" in text  # a given name may stand before or behind it
        )

    def may_hold(self, passage: Passage) -> bool:
        """One of the words that introduce names, or a name beside a number."""
        words = passage.words
        if _may_be_record(passage):
            return True
        return not KEYS.isdisjoint(words) and (
            self.opens(passage.text, words)
            # So it may beside a digit: "gracias ana2".
            or (passage.digits > 0 and bool(passage.mixed))
        )

    def find(self, passage: Passage) -> list[Span]:
        """Give every introduced name."""
        cues = cues_in(passage.plain, passage.words)
        may_be_record = _may_be_record(passage)
        if not (cues or may_be_record):
            return []
        # In a text of capitals only, a capital says nothing.
        tells = not passage.raw.isupper()
        spans: list[Span] = []
        done = 0
        for cue in cues:
            if cue.start < done:
                continue
            name = _announced(passage, cue, tells=tells)
            if name is None or name.start < done:
                continue
            score = CUE if cue.kind in _SURE and name.capital else SHAPE
            spans.append(Span(name.start, name.end, "NAME", score, cue.kind))
            done = name.end
        if may_be_record:
            spans += _records(passage, tells=tells)
        return spans


def _may_be_record(passage: Passage) -> bool:
    return (
        passage.digits >= _RECORD_DIGITS or passage.holds_at()
    ) and not _FIRST_NAMES.isdisjoint(passage.words)


def _announced(passage: Passage, cue: Cue, *, tells: bool) -> Name | None:
    sure = cue.kind in _SURE
    if cue.kind in _AFTER:
        name = name_before(passage, cue.start, sure=sure, tells=tells)
    else:
        whole = sure or cue.kind in _WHOLE
        name = name_after(passage, cue.end, sure=sure, whole=whole, tells=tells)
    if name is None or (not sure and not _convinces(passage, cue.kind, name)):
        return None
    return name


def _convinces(passage: Passage, kind: str, name: Name) -> bool:
    """Tell whether what follows a cue that is not sure of itself is a name."""
    if name.common and (name.capital or name.words > 1 or kind not in _THIRD_PERSON):
        return True
    if not name.capital:
        return False
    if kind in _HINTS:
        return kind == Kind.LIKELY and name.words > 1
    if kind == Kind.CLOSING:
        return _LINE_ENDS.match(passage.raw, name.end) is not None
    if kind == Kind.SELF and name.words == 1:
        return _NO_NAME.search(passage.plain, name.start, name.end) is None
    return not (
        kind == Kind.LABEL
        and name.words == 1
        and _SMALL_WORD.match(passage.plain, name.end)
    )


def _records(passage: Passage, *, tells: bool) -> list[Span]:
    spans = []
    raw, plain = passage.raw, passage.plain
    starts = list(_LATER_RECORD_START.finditer(raw))
    at_once = _RECORD_START.match(raw)
    if at_once is not None:
        starts.insert(0, at_once)
    for match in starts:
        position = match.end()
        first = _FIRST_WORD.match(plain, position)
        if first is None or first.group() not in _FIRST_NAMES:
            continue
        name = name_after(passage, position, sure=False, whole=True, tells=tells)
        if (
            name is not None
            and name.words > 1
            and name.given
            and _RECORD.match(raw, name.end)
        ):
            spans.append(Span(name.start, name.end, "NAME", SHAPE, "record"))
    return spans
