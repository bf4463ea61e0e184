"""The first look at a text: most chat has no digit, no @ and no announcing word."""

import re
from collections.abc import Sequence

from rasa_qa_plugin.privacy.passage import plain_text
from rasa_qa_plugin.privacy.recognizers.base import ChatRecognizer

# An integer: bytes are sought in bytes by way of an exception.
_SIGN = 0


def _table() -> bytes:
    """Map each character of Latin-1 to what matters here: letter, sign or blank."""
    plain = plain_text("".join(map(chr, range(256))))
    table = bytearray(b" " * 256)
    for code, character in enumerate(plain):
        if character == "@" or re.match(r"\d", character):
            table[code] = _SIGN
        elif re.match(r"\w", character):
            table[code : code + 1] = character.encode("latin-1")
    return bytes(table)


_TABLE = _table()


class Gate:
    """Tells in about a microsecond that a text can hold nothing to find."""

    __slots__ = ("_openers", "_words")

    def __init__(self, recognizers: Sequence[ChatRecognizer]) -> None:
        """Open for a digit, for an ``@``, and for what *recognizers* open for."""
        self._words = frozenset[str]().union(*(r.gate_words for r in recognizers))
        self._openers = [(r.gate_words, r.opens) for r in recognizers if r.gate_words]

    def is_shut(self, text: str) -> bool:
        """Tell whether *text* has none of them; False where a closer look is needed."""
        try:
            data = text.encode("latin-1").translate(_TABLE)
        except UnicodeEncodeError:  # other scripts and emoji take the long way
            return False
        if _SIGN in data:
            return False
        words = data.decode("latin-1").split()
        if self._words.isdisjoint(words):
            return True
        known = frozenset(words)
        for own, opens in self._openers:  # all() would cost more than they do
            if not own.isdisjoint(known) and opens(text, known):
                return False
        return True
