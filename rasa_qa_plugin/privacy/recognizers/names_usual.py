"""The usual name: capitalized words, and nothing special in them or behind them."""

import re
from typing import Final, NamedTuple

from rasa_qa_plugin.privacy.passage import Passage
from rasa_qa_plugin.privacy.recognizers.names_lexicon import (
    CAPITAL_PARTICLES,
    COMPANIES,
    DOUBTFUL_GIVEN,
    GIVEN,
    LEXICON,
    SURNAMES,
    TITLES,
)
from rasa_qa_plugin.privacy.recognizers.names_limits import LIMITS, SURNAMES_TOO

COMPANY: Final = re.compile(
    r"[ ,&]{1,3}(?:s\.? ?a\.?(?: de c\.?v\.?)?|c\.a|cia|ltda?|inc|llc|corp|co|company"
    r"|gmbh|srl|s\.r\.l|sas|s\.a\.s|group)(?![\w'])"
)
ENDING: Final = re.compile(
    r",? (?:jr|sr|ii|iii|iv|phd|md|np|lcsw|mft|esq)\b", re.IGNORECASE
)

_CAPITALS: Final = re.compile(
    r"[A-Z\u00c0-\u00d6\u00d8-\u00de][^\W\d_]+"
    r"(?: [A-Z\u00c0-\u00d6\u00d8-\u00de][^\W\d_]+){0,6}"
)
_JOINED: Final = frozenset("'\u2019-@")
_TITLE: Final = re.compile(rf"(?:{'|'.join(sorted(TITLES))})\.? {{1,2}}")
_LETTERS: Final = re.compile(r"[^\W\d_]+(?!['\u2019\w-])")
_FIRST_NAMES: Final = GIVEN | DOUBTFUL_GIVEN
_COMMON: Final = GIVEN | SURNAMES
_SPECIAL: Final = CAPITAL_PARTICLES | COMPANIES | TITLES | LIMITS
_SPECIAL_BEHIND: Final = CAPITAL_PARTICLES | COMPANIES | LEXICON
# Whatever came before, a name is over at these.
_ENDS: Final = LIMITS - SURNAMES_TOO - CAPITAL_PARTICLES - COMPANIES - TITLES


class Name(NamedTuple):
    """A name in a text, and what speaks for it.

    Attributes:
        words: How many words it has, particles apart.
        capital: It begins with a capital that tells something.
        common: A word of it is a common given name or surname.
        given: Its first word is a common given name.
    """

    start: int
    end: int
    words: int
    capital: bool
    common: bool
    given: bool


def usual_name(passage: Passage, position: int, *, sure: bool) -> Name | None:
    """Give the name that begins at *position* where a single glance tells it.

    None says nothing: whatever is out of the ordinary takes the long way, which gives
    the same for what is found here.
    """
    raw = passage.raw
    title = _TITLE.match(passage.plain, position)
    if title is not None:
        position = title.end()
    match = _CAPITALS.match(raw, position)
    if match is None:
        return None
    end = match.end()
    words = passage.plain[position:end].split(" ")
    if not _SPECIAL.isdisjoint(words):
        count = next((n for n, word in enumerate(words) if word in _ENDS), 0)
        words = words[:count]
        if not (words and _SPECIAL.isdisjoint(words)):
            return None
        end = position + len(" ".join(words))
    elif not _is_over(passage, end, sure=sure and len(words) == 1):
        return None
    given = words[0] in _FIRST_NAMES
    if not given and COMPANY.match(passage.plain, end):
        return None
    ending = ENDING.match(raw, end)
    return Name(
        position,
        end if ending is None else ending.end(),
        len(words),
        capital=True,
        common=given or not _COMMON.isdisjoint(words),
        given=given,
    )


def _is_over(passage: Passage, end: int, *, sure: bool) -> bool:
    """Tell whether no name goes on at *end*; *sure* that a small word might."""
    raw = passage.raw
    behind = raw[end : end + 1]
    if behind != " ":
        return behind not in _JOINED
    start = end + 2 if raw.startswith("  ", end) else end + 1
    first = raw[start : start + 1]
    if first.isdecimal() or not first.isalnum():
        return True
    word = _LETTERS.match(passage.plain, start)
    if word is None:
        return False
    if first.isupper():
        return word.group() in _ENDS and len(word.group()) > 1
    return not sure and word.group() not in _SPECIAL_BEHIND
