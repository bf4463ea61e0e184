"""One text prepared for scanning: tidy digits, plain letters, words, and barriers.

Every view has the length of the text it came from, so offsets hold in all of them.
"""

import re
import unicodedata
from collections.abc import Iterable

from rasa_qa_plugin.privacy.spans import Span

# Stands in for a value that is already masked. No rule matches it or looks across it:
# that is what makes masking twice the same as masking once.
BARRIER = "\ufffc"

TOKEN = re.compile(
    r"\[(?:(?:PHONE|EMAIL|CARD|ACCOUNT|ID|ADDRESS|NAME|SECRET)(?:_\d{1,4})?|WITHHELD)\]"
)
_WORD = re.compile(r"\w+")
_DIGITS = "0123456789"


def word_table(words: str) -> tuple[str, ...]:
    """Give the words of a table that is written as text, so that it can be read."""
    return tuple(words.split())


class _Table(dict[int, str]):
    """A translation table that works out a character when it first meets it."""

    def __init__(self, *, plain: bool) -> None:
        super().__init__()
        self._plain = plain

    def __missing__(self, code: int) -> str:
        character = _tidy(chr(code))
        if self._plain:
            character = _plain(character)
        self[code] = character
        return character


def _tidy(character: str) -> str:
    """Read any digit, blank, dash or full-width sign as its ASCII fellow."""
    if character in (BARRIER, "\n"):
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category[0] in "ZC":
        return " "
    if category == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    if "\uff01" <= character <= "\uff5e":
        return chr(ord(character) - 0xFEE0)
    return character


def _plain(character: str) -> str:
    """Drop case and accent; never change the length."""
    parts = unicodedata.normalize("NFD", character.lower()[0])
    return parts[0] if all(map(unicodedata.combining, parts[1:])) else character


_TIDY = _Table(plain=False)
_PLAIN = _Table(plain=True)


def plain_text(text: str) -> str:
    """Lower case without accents, same length."""
    if text.isascii() and text.isprintable():
        return text.lower()
    return text.translate(_PLAIN)


class Passage:
    """The views of one text that all recognizers share.

    Attributes:
        raw: The text with odd digits, blanks and dashes made ordinary, case kept.
        plain: The same in lower case without accents, for cue words.
        words: The words of ``plain``; the first, cheapest test of most rules.
        digits: How many digits there are.
    """

    __slots__ = ("digits", "plain", "raw", "words")

    def __init__(self, text: str) -> None:
        """Prepare *text*; tokens in it become barriers."""
        if "[" in text:
            text = TOKEN.sub(_barrier, text)
        if text.isascii() and text.isprintable():
            self.raw = text
            self.plain = text.lower()
        else:
            self.raw = text.translate(_TIDY)
            self.plain = text.translate(_PLAIN)
        self.words = frozenset(_WORD.findall(self.plain))
        self.digits = sum(map(self.plain.count, _DIGITS))


def _barrier(match: re.Match[str]) -> str:
    return BARRIER * len(match.group())


def fill(text: str, spans: Iterable[Span]) -> str:
    """*text* with every span turned into barriers, same length."""
    parts: list[str] = []
    position = 0
    for span in spans:
        parts += (text[position : span.start], BARRIER * (span.end - span.start))
        position = span.end
    parts.append(text[position:])
    return "".join(parts)
