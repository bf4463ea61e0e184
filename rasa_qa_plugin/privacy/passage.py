"""One text prepared for scanning: tidy digits, plain letters, words, and barriers.

Every view has the length of the text it came from, so offsets hold in all of them.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import msgspec

from rasa_qa_plugin.privacy.spans import Span

# Stands in for a value that is already masked. No rule matches it or looks across it:
# that is what makes masking twice the same as masking once.
BARRIER = "\ufffc"

TOKEN = re.compile(
    r"\[(?:(?:PHONE|EMAIL|CARD|ACCOUNT|ID|ADDRESS|NAME|SECRET|IP|URL|OTHER)"
    r"(?:_\d{1,4})?|WITHHELD)\]"
)
_WORD = re.compile(r"\w+")
_DIGITS = re.compile("[0-9]+")


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


def _bytes_table(table: _Table) -> bytes:
    """Give *table* for the characters of Latin-1, where it stays inside of it."""
    return "".join(map(chr, range(256))).translate(table).encode("latin-1")


_TIDY_BYTES = _bytes_table(_TIDY)
_PLAIN_BYTES = _bytes_table(_PLAIN)
# Blanks for all that is in no word.
_WORD_BYTES = bytes(code if _WORD.match(chr(code)) else ord(" ") for code in range(256))


def _view(text: str, table: _Table, bytes_table: bytes) -> str:
    """Translate *text*; by bytes where it is Latin-1, as nearly all chat is."""
    try:
        return text.encode("latin-1").translate(bytes_table).decode("latin-1")
    except UnicodeEncodeError:
        return text.translate(table)


def plain_text(text: str) -> str:
    """Lower case without accents, same length."""
    if text.isascii() and text.isprintable():
        return text.lower()
    return _view(text, _PLAIN, _PLAIN_BYTES)


class Passage:
    """The views of one text that all recognizers share.

    Attributes:
        text: The text as typed, tokens in it turned into barriers.
        plain: The same in lower case without accents, odd digits, blanks and dashes
            made ordinary; for cue words.
        words: The words in lower case without accents; the first, cheapest test of
            most rules.
        digits: How many digits there are, of any script.
    """

    __slots__ = ("_mixed", "_raw", "digits", "plain", "text", "words")

    def __init__(
        self, text: str, raw: str | None = None, plain: str | None = None
    ) -> None:
        """Prepare *text*; tokens in it become barriers.

        *raw* and *plain* are its views, where they are known already.
        """
        self.text = text = barred(text)
        self._raw = raw
        self._mixed: list[str] | None = None
        self.plain = plain = plain_text(text) if plain is None else plain
        try:
            # A barrier separates words as a blank does.
            data = without_barriers(plain).encode("latin-1")
        except UnicodeEncodeError:
            self.words = frozenset(_WORD.findall(plain))
            self.digits = len("".join(_DIGITS.findall(plain)))
        else:  # bytes are cut and counted at a third of the cost of a pattern
            words = data.translate(_WORD_BYTES).decode("latin-1")
            self.words = frozenset(words.split())
            self.digits = len(data) - len(data.translate(None, b"0123456789"))

    @property
    def raw(self) -> str:
        """The text with odd digits, blanks and dashes made ordinary, case kept."""
        if self._raw is None:
            text = self.text
            simple = text.isascii() and text.isprintable()
            self._raw = text if simple else _view(text, _TIDY, _TIDY_BYTES)
        return self._raw

    @property
    def mixed(self) -> list[str]:
        """The words that are neither letters only nor digits only: "av5", "o_o"."""
        if self._mixed is None:
            self._mixed = [w for w in self.words if not (w.isalpha() or w.isdigit())]
        return self._mixed

    def holds_at(self) -> bool:
        """Tell whether there is an ``@``."""
        return "@" in self.plain

    def without(self, spans: Sequence[Span]) -> "Passage":
        """Give the same passage with *spans* turned into barriers."""
        text, plain = fill(self.text, spans), fill(self.plain, spans)
        raw = self._raw
        if raw is not None:  # where the views are one, they stay one
            raw = text if raw is self.text else fill(raw, spans)
        return Passage(text, raw, plain)


_MARKED_DIGIT = re.compile(r"\d[\ufe00-\ufe0f\u20e3]")


def is_apart(text: str) -> bool:
    """Tell whether letters or digits of *text* have marks that stand on their own."""
    if text.isascii():
        return False
    try:
        text.encode("latin-1")  # the fastest way to see that there is no mark
    except UnicodeEncodeError:
        return (
            not unicodedata.is_normalized("NFC", text)
            or _MARKED_DIGIT.search(text) is not None
        )
    return False


class Composition:
    """A text whose letters and accents are joined, with the way back.

    "e" and a combining accent become "é", so that cue words are known again.
    """

    def __init__(self, text: str) -> None:
        """Join what belongs together in *text* (Unicode NFC, letter by letter)."""
        parts: list[str] = []
        self._starts: list[int] = []
        position = 0
        while position < len(text):
            end = position + 1
            while end < len(text) and unicodedata.category(text[end])[0] == "M":
                end += 1
            # A digit on a key cap, as telephones type it, is a digit.
            part = text[position]
            if not part.isdecimal():
                part = unicodedata.normalize("NFC", text[position:end])
            parts.append(part)
            self._starts += [position] * len(part)
            position = end
        self._starts.append(len(text))
        self.text = "".join(parts)

    def span(self, span: Span) -> Span:
        """Give a span of :attr:`text` in the offsets of the original."""
        end = span.end
        while end < len(self._starts) - 1 and (
            self._starts[end] == self._starts[end - 1]
        ):
            end += 1
        return msgspec.structs.replace(
            span, start=self._starts[span.start], end=self._starts[end]
        )


def without_barriers(text: str) -> str:
    """Give what a person typed with a blank for each barrier, same length.

    Some keyboards leave that character where a picture was; only we may set barriers.
    """
    return text.replace(BARRIER, " ") if BARRIER in text else text


def barred(text: str) -> str:
    """Turn the tokens in *text* into barriers, same length."""
    return TOKEN.sub(_barrier, text) if "[" in text else text


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


def around(text: str, spans: Sequence[Span]) -> str:
    """Give what is left of *text* around the spans, each of them a blank."""
    if not spans:
        return text
    if len(spans) == 1:  # nearly always
        return f"{text[: spans[0].start]} {text[spans[0].end :]}"
    parts: list[str] = []
    position = 0
    for span in spans:
        parts.append(text[position : span.start])
        position = span.end
    parts.append(text[position:])
    return " ".join(parts)
