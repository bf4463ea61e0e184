"""The first look at a text: most chat has no digit, no @ and no announcing word."""

import re
from collections.abc import Iterable

from rasa_qa_plugin.privacy.passage import plain_text

_SIGN = b"\0"


def _table() -> bytes:
    """Map each character of Latin-1 to what matters here: letter, sign or blank."""
    plain = plain_text("".join(map(chr, range(256))))
    table = bytearray(b" " * 256)
    for code, character in enumerate(plain):
        if character == "@" or re.match(r"\d", character):
            table[code : code + 1] = _SIGN
        elif re.match(r"\w", character):
            table[code : code + 1] = character.encode("latin-1")
    return bytes(table)


_TABLE = _table()


class Gate:
    """Tells in about a microsecond that a text can hold nothing to find."""

    __slots__ = ("_words",)

    def __init__(self, words: Iterable[str]) -> None:
        """Open for texts that hold a digit, an ``@`` or one of the plain *words*."""
        self._words = frozenset(word.encode("latin-1") for word in words)

    def is_shut(self, text: str) -> bool:
        """Tell whether *text* has none of them; False where a closer look is needed."""
        try:
            data = text.encode("latin-1").translate(_TABLE)
        except UnicodeEncodeError:  # other scripts and emoji take the long way
            return False
        return _SIGN not in data and self._words.isdisjoint(data.split())
