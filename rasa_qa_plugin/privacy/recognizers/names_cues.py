"""Where the phrases stand beside which a name may stand."""

import re
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final, NamedTuple

from rasa_qa_plugin.privacy.passage import word_table
from rasa_qa_plugin.privacy.recognizers.names_phrases import PHRASES, Kind


class Cue(NamedTuple):
    """One place where a phrase stands."""

    start: int
    end: int
    kind: str


_FREQUENT: Final = frozenset(
    word_table("i it is to me my your con mi su tu es el la de le por")
)
_FREQUENT_TOO: Final = _FREQUENT | frozenset(
    word_table("this with them that people first last full own over under the")
)


def _expand(template: str) -> Iterator[str]:
    """Give every phrase that a template stands for."""
    parts = re.split(r"\[([^\]]*)\]", template)
    choices = [part.split("|") if n % 2 else [part] for n, part in enumerate(parts)]
    for chosen in product(*choices):
        phrase = " ".join("".join(chosen).split())
        if phrase:
            yield phrase


def _key(phrase: str) -> str:
    """Give the word of a phrase that the fewest texts hold, as far as length tells."""
    return max(_words(phrase), key=lambda word: (word not in _FREQUENT, len(word)))


def _words(phrase: str) -> list[str]:
    return re.findall(r"\w+", phrase)


def _pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    either = "|".join(
        re.escape(phrase).replace(r"\ ", " {1,3}")
        for phrase in sorted(phrases, key=len, reverse=True)
    )
    return re.compile(rf"(?:{either})(?!\w)")


# A phrase may be two cues: "cliente:" is a label, "cliente" only a hint.
_KINDS: Final[dict[str, list[str]]] = {}
for _kind, _templates in PHRASES.items():
    for _template in _templates.split(";"):
        for _phrase in _expand(_template):
            _KINDS.setdefault(_phrase, []).append(_kind)

_BY_KEY: Final[dict[str, dict[str, list[str]]]] = {}
for _phrase in _KINDS:
    _firsts = _BY_KEY.setdefault(_key(_phrase), {})
    _firsts.setdefault(_words(_phrase)[0], []).append(_phrase)

# All phrases of a pattern begin with one plain word: that makes the search a fast one.
_PATTERNS: Final = {
    key: {first: _pattern(phrases) for first, phrases in firsts.items()}
    for key, firsts in _BY_KEY.items()
}
_FIRSTS: Final = {key: frozenset(patterns) for key, patterns in _PATTERNS.items()}
# With the second word anywhere in the text, the first may stand before a name.
_LOOSE: Final = {
    key: (frozenset(word_table(company)), kind, re.compile(rf"\b{key} (?:el |la )?"))
    for key, kind, company in (
        (
            "with",
            Kind.LIKELY,
            """appointment appt meeting session therapist psychiatrist psychologist
            counselor doctor dentist lawyer""",
        ),
        ("con", Kind.LIKELY, "cita turno reunion doctor doctora"),
        ("to", Kind.HINT, "transfer money send wire bucks dollars pay venmo zelle"),
        (
            "a",
            Kind.HINT,
            "transferir transfiera transferencia depositar deposite pagar",
        ),
    )
}
_LOOSE_KEYS: Final = frozenset(_LOOSE)
_PATTERN_KEYS: Final = frozenset(_PATTERNS)

_SINGLE: Final = frozenset(phrase for phrase in _KINDS if phrase.isalpha())


def _gate_word(phrase: str) -> str:
    """Give a word of a phrase; at best one that has to open the gate anyhow."""
    return max(
        _words(phrase),
        key=lambda word: (word in _SINGLE, word not in _FREQUENT_TOO, len(word)),
    )


# Without any of these there is no cue.
KEYS: Final = frozenset(map(_gate_word, _KINDS)).union(
    *(company for company, _, _ in _LOOSE.values())
)
# Without any of these, no cue is sure of itself or stands behind its name.
FIRM_KEYS: Final = frozenset(
    _gate_word(phrase)
    for phrase, kinds in _KINDS.items()
    if not {Kind.SURE, Kind.FIELD, Kind.SURE_AFTER, Kind.HINT_AFTER}.isdisjoint(kinds)
)

_GAP: Final = re.compile(
    r"(?P<dot>\.?)(?P<gender>a\b)?(?P<sign> ?[:=]| -(?= ))?,?[ \n]{0,3}"
    r"(?:(?<=[ \n:=,.])[\"'\u201c\u00ab(*_]{1,2})?"
)
_SIGNED: Final = frozenset((Kind.FIELD, Kind.LABEL))
_DOTTED: Final = frozenset((Kind.TITLE, Kind.CLOSING, Kind.THANKS))
_OF_PLACES: Final = frozenset((Kind.TITLE, Kind.HINT, Kind.LIKELY))
_AFTER: Final = frozenset((Kind.SURE_AFTER, Kind.HINT_AFTER))


class _Kinds(NamedTuple):
    """The kinds of one phrase: behind a name, before a sign, before anything else."""

    after: tuple[str, ...]
    signed: str | None
    plain: str | None


def _ranked(kinds: Iterable[str]) -> _Kinds:
    after = tuple(kind for kind in kinds if kind in _AFTER)
    others = [kind for kind in kinds if kind not in _AFTER]
    plain = next((kind for kind in others if kind not in _SIGNED), None)
    signed = next((kind for kind in others if kind in _SIGNED), plain)
    return _Kinds(after, signed, plain)


_RANKED: Final = {phrase: _ranked(kinds) for phrase, kinds in _KINDS.items()}
# "product name:" announces a product; alone, the word announces a person.
_ALONE: Final = frozenset(("name", "nombre", "nombres"))
_ALONE_BEFORE: Final = re.compile(r"[^\W\d_][ \t]{0,3}$")
_PLACES: Final = frozenset(
    word_table("""
        hospital clinica clinic hotel colegio escuela school instituto avd avda avenida
        av calle c plaza pza paseo street pseo blvd parque barrio colonia
    """)
)
_NO_PERSONS: Final = re.compile(rf"\b(?:{'|'.join(sorted(_PLACES))})\b[^,;:\n\ufffc]*$")
_REACH: Final = 40


def cues_in(plain: str, words: frozenset[str]) -> list[Cue]:
    """Give the cues of a text, in order; *plain* is lower case without accents.

    The end of a cue that a name follows is where that name may begin.
    """
    cues: list[Cue] = []
    for key in _PATTERN_KEYS & words:
        patterns = _PATTERNS[key]
        matches: list[re.Match[str]] = []
        for first in _FIRSTS[key] & words:
            matches += _standing(patterns[first], plain)
        if len(matches) > 1:
            matches.sort(key=re.Match.start)
        end = 0
        for match in matches:
            if match.start() >= end:
                end = match.end()
                cues += _cues_at(plain, words, match)
    for key in _LOOSE_KEYS & words:
        company, kind, pattern = _LOOSE[key]
        if not company.isdisjoint(words):
            cues += (Cue(*m.span(), kind) for m in pattern.finditer(plain))
    if len(cues) > 1:
        cues.sort(key=lambda cue: (cue.start, -cue.end))
    return cues


def _standing(pattern: re.Pattern[str], plain: str) -> list[re.Match[str]]:
    """Give every match that begins where a word does, overlaps and all."""
    matches = []
    match = pattern.search(plain)
    while match is not None:
        start = match.start()
        if not start or not (plain[start - 1].isalnum() or plain[start - 1] == "_"):
            matches.append(match)
        match = pattern.search(plain, start + 1)
    return matches


def _cues_at(plain: str, words: frozenset[str], match: re.Match[str]) -> list[Cue]:
    start, end = match.span()
    phrase = match.group()
    kinds = _RANKED.get(phrase)
    if kinds is None:  # more than one blank somewhere
        phrase = " ".join(phrase.split())
        kinds = _RANKED[phrase]
    cues = [Cue(start, end, kind) for kind in kinds.after]
    if kinds.signed is None:  # it speaks of what stands before it only
        return cues
    gap = _GAP.match(plain, end)
    assert gap is not None  # noqa: S101 - all of it is optional
    dot, sign = gap.group("dot", "sign")
    # A form's word needs its sign; after any other phrase a sign says nothing.
    kind = kinds.plain if sign is None else kinds.signed
    if kind is None or (dot and kind not in _DOTTED):
        return cues
    before = max(0, start - _REACH)
    if phrase in _ALONE and _ALONE_BEFORE.search(plain, before, start):
        return cues
    if (
        kind in _OF_PLACES
        and not _PLACES.isdisjoint(words)
        and _NO_PERSONS.search(plain, before, start)
    ):
        return cues
    if kind == Kind.THANKS:
        kind = Kind.CLOSING if "\n" in gap.group() else Kind.HINT
    cues.append(Cue(start, gap.end(), kind))
    return cues
