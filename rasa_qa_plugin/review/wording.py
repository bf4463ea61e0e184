"""Texts compared as people do: without case, accents or stretched letters."""

import hashlib
import re
import unicodedata

# "[PHONE_2]" and "[PHONE]" say the same.
_TOKEN = re.compile(r"\[([a-z]+)(?:_\d+)?\]")
_NOT_A_WORD = re.compile(r"[^\w\[\]]+")
_STRETCHED = re.compile(r"(.)\1{2,}")
_GRAM = 3


def folded(text: str) -> str:
    """Give a text in the form in which near-duplicates are alike.

    ``"¡Holaaa,  cuánto ESTÁ?"`` becomes ``"hola cuanto esta"``.
    """
    plain = text.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", text).casefold()
        plain = unicodedata.normalize("NFKD", plain)
        plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = _TOKEN.sub(r"[\1]", plain)
    plain = _STRETCHED.sub(r"\1", plain)
    return _NOT_A_WORD.sub(" ", plain).strip()


def duplicate_key(text: str) -> str:
    """Give 32 hex digits that texts of the same folded form share."""
    return hashlib.blake2b(folded(text).encode(), digest_size=16).hexdigest()


def similarity(one: str, other: str) -> float:
    """Tell how much two folded texts share, from 0 to 1 (the same but for order).

    The Dice coefficient of their letter trigrams, each word padded with blanks, so that
    inflection and typing errors count little (Dice 1945, Ecology 26(3)).
    """
    left, right = grams_of(one), grams_of(other)
    if not left or not right:
        return 0.0
    return 2 * len(left & right) / (len(left) + len(right))


def grams_of(plain: str) -> set[str]:
    """Give the letter trigrams of a folded text's words, each padded with blanks."""
    padded = [f" {word} " for word in plain.split()]
    return {
        word[start : start + _GRAM]
        for word in padded
        for start in range(max(1, len(word) - _GRAM + 1))
    }
