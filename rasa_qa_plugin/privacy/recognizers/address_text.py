"""A passage as the rules for addresses read it: words, capitals, sentences, units."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from rasa_qa_plugin.privacy.passage import Passage
from rasa_qa_plugin.privacy.recognizers.address_words import (
    ABBREVIATIONS,
    LINKS,
    MONTHS,
    NO_STREETS,
    SENTENCE,
    any_of,
    is_place,
    is_street_name,
)
from rasa_qa_plugin.privacy.recognizers.number_words import UNIT

_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[.'\u2019\u00b4`&-]){0,24}(?!\w)")
_TOKEN = re.compile(r"[^ \n]+")
_BLANK = re.compile(r" {1,2}")
_DIGIT = re.compile("[0-9]")
_LETTERS = re.compile(r"[^\W\d_]+")
_STEM = re.compile(r"\d*([^\W\d_]+)")
# Of the letters of our tables; the digit first, for the speed of it.
_STUCK = re.compile(r"[0-9_](?:[a-zªº]|(?<=[a-zªº][0-9_]))")
_COUNTED = re.compile(
    r" {0,2}-? ?(?:beds?|baths?|bedrooms?|bathrooms?|rooms?|stars?|carriles|lanes|"
    r"habitaciones|cuartos|clientes|customers|camiones|trucks|pedidos|ordenes|orders|"
    rf"(?:de )?(?:{any_of(list(MONTHS))})|am|pm|%)(?!\w)"
)
# These look like a unit and go on with the address.
_NO_UNIT = re.compile(
    r"[ ,.-]{0,3}(?:(?:km|v|lt|mt|m|w)\.? ?\d|[°º]| [$€] ?\d|- ?\d{1,2} ?[°º]"
    r"|g(?=[,. ]|$))"
)
_SAYING = SENTENCE | NO_STREETS
_SHORTEST_END = 5
_LONGEST_INITIALS = 2
_LONGEST_NAME = 70


class AddressText:
    """The two views of a passage, and where each word begins.

    In a text of capitals only, a capital tells nothing.

    Attributes:
        plain: The passage in lower case without accents.
        raw: The passage as it is written.
        capitals_tell: Whether there are small letters too.
        digits: How many digits there are.
        words: The words, also those with a number stuck to them.
    """

    __slots__ = ("_starts", "capitals_tell", "digits", "plain", "raw", "words")

    def __init__(self, passage: Passage) -> None:
        """Read a passage for addresses."""
        self.plain = passage.plain
        self.raw = passage.raw
        self.capitals_tell = not self.raw.isupper()
        self.digits = passage.digits
        self.words = passage.words
        if _STUCK.search(self.plain):
            self.words = frozenset(_LETTERS.findall(self.plain))
        self._starts: dict[str, list[int]] = {}

    def at(self, table: frozenset[str]) -> list[int]:
        """Give where the words of *table* begin, also with a number stuck to them."""
        starts: list[int] = []
        for word in table & self.words:
            known = self._starts.get(word)
            if known is None:
                known = [found.start() for found in _whole(word)(self.plain)]
                self._starts[word] = known
            starts += known
        starts.sort()
        return starts

    def follows_digit(self, table: frozenset[str], most: int) -> bool:
        """Tell whether a digit stands up to *most* characters before such a word."""
        for start in self.at(table):
            if _DIGIT.search(self.plain, max(0, start - most), start):
                return True
        return False

    def proper(self, offset: int) -> bool:
        """Tell whether a capital stands at *offset*."""
        return self.raw[offset].isupper()

    def counts(self, offset: int) -> bool:
        """Tell whether the number that ends at *offset* counts or measures."""
        if self.plain[offset : offset + 1] in ",.;:)\n":  # or at the end
            return False
        if _COUNTED.match(self.plain, offset):
            return True
        unit = UNIT.match(self.plain, offset)
        if unit is None or _NO_UNIT.match(self.plain, offset):
            return False
        # "45 W 25th St" is no measure, "45 w" is.
        return not (unit.group()[-1] == "w" and self.proper(unit.end() - 1))

    def says(self, start: int, end: int) -> bool:
        """Tell whether words of a sentence stand from *start* to *end*."""
        part = self.plain[start:end]
        if "." not in part and "," not in part and _SAYING.isdisjoint(part.split()):
            return False
        for found in _TOKEN.finditer(self.plain, start, end):
            word = found.group().rstrip(",")
            if word in SENTENCE:
                # "C/ A Choupana": written with a capital it is part of the name.
                if not (self.capitals_tell and self.proper(found.start())):
                    return True
            elif word in NO_STREETS or (
                len(word) >= _SHORTEST_END
                and word[-1] == "."
                and word[:-1] not in ABBREVIATIONS
            ):
                return True
        return False

    def proper_words(self, start: int, most: int) -> int:
        """Give the end of up to *most* words from *start* that are written as a name.

        That is *start* when there is none.
        """
        last = position = start
        for _ in range(most + 3):  # with a few links between them
            match = _WORD.match(self.plain, position)
            if match is None:
                break
            word = match.group().rstrip(".-")
            if self.proper(match.start()):
                if not is_place(word) or self.plain.startswith(":", match.end()):
                    break
                last = match.start() + len(word)
                most -= 1
                if last < match.end() and _ends(word):
                    break
            elif word not in LINKS:
                break
            blank = _BLANK.match(self.plain, match.end())
            if blank is None or most == 0:
                break
            position = blank.end()
        return last

    def name_before(self, end: int, *, most: int = 5, small: bool = False) -> int:
        """Give where the name of up to *most* words begins that ends at *end*.

        That is *end* when there is none. With *small*, lower case will do.
        """
        floor = max(0, end - _LONGEST_NAME)
        tokens = list(_TOKEN.finditer(self.plain, floor, end))
        if floor and tokens:
            del tokens[0]  # it may be cut
        start = following = end
        for found in reversed(tokens):
            word = found.group()
            bare = word.rstrip(",." if following == end else ".")
            if (
                most == 0
                or not bare[:1].isalnum()
                or "\n" in self.plain[found.end() : following]
                or (following < end and self._closes(word, bare))
            ):
                break
            following = found.start()
            if bare[0].isdigit():
                # "18 de Julio"
                day = len(bare) <= _LONGEST_INITIALS and start < end
                if day and self.plain.startswith("de ", found.end() + 1):
                    start = found.start()
                break
            if bare in LINKS and not self.proper(found.start()):
                continue
            if not (small or self.proper(found.start())) or not is_street_name(bare):
                break
            start = found.start()
            most -= 1
        return start

    @staticmethod
    def _closes(word: str, bare: str) -> bool:
        """Tell whether a thought ends behind *word*."""
        return word[-1] in ",;:!?)(" or (bare != word and _ends(bare))


@cache
def _whole(word: str) -> Callable[[str], Iterator[re.Match[str]]]:
    """Find a word of a table where no letter stands beside it."""
    return re.compile(rf"{word}(?<![^\W\d_]{word})(?![^\W\d_])").finditer


def holds_stuck_word(mixed: Iterable[str], table: frozenset[str]) -> bool:
    """Tell whether one of *mixed* is of *table*, with a number stuck to it: "av5"."""
    for word in mixed:
        stem = _STEM.match(word)
        if stem is not None and stem[1] in table:
            return True
    return False


def _ends(word: str) -> bool:
    """Tell whether a dot behind *word* ends a sentence."""
    return len(word) > _LONGEST_INITIALS and word not in ABBREVIATIONS
