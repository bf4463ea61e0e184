"""Finding phrases in what people type: without accents, whatever the ending."""

import re
from collections.abc import Iterable
from functools import lru_cache

from rasa_qa_plugin.review.wording import folded

_CLAUSE_ENDS = re.compile(r"[.,;:!?¿¡()\n]+")
_NOT = re.compile(r"n['\u2019]t\b", re.IGNORECASE)
NEGATIONS = frozenset(
    "no ni sin nunca nada ningun ninguna jamas tampoco "
    "not never nothing without nor none cannot".split()
)
# Words that may stand between those of a phrase without making it another one.
_FILLERS = frozenset(
    """
    a al con de del el ella en es esta este esto esta estan estaba ha han habia he la
    las le les lo los me mi mis muy nos por se su sus tan te tu un una usted ya
    an am are be been do does did has have i is it my of our so still that the this
    to very was we with you your
    """.split()
)
# Endings of Spanish and English words, long ones first.
_ENDINGS = sorted(
    """
    isimo isima aron ieron aban iendo ando aba ado ada ido ida ian ia io an en ar er ir
    ing ed ly a e i o y
    """.split(),
    key=len,
    reverse=True,
)
_SHORTEST_STEM = 4
_NEGATED_WITHIN = 2


def clauses(text: str) -> list[list[str]]:
    """Give the words of a text, folded, clause by clause.

    ``"¡NO funciona!, doesn't work"`` becomes ``[["no", "funciona"], ["does", "not",
    "work"]]``.
    """
    plain = _NOT.sub(" not", text)
    parts = (folded(part).split() for part in _CLAUSE_ENDS.split(plain))
    return [words for words in parts if words]


@lru_cache(4096)
def stem(word: str) -> str:
    """Give what the forms of a folded word share, roughly.

    "urgentes" and "urgentemente", "funciona" and "funcionaban" have one stem each.
    Words of four letters and fewer stay as they are.
    """
    if word.endswith("mente") and len(word) > _SHORTEST_STEM + 5:
        word = word[:-5]
    for plural in ("es", "s"):
        if word.endswith(plural) and len(word) - len(plural) >= _SHORTEST_STEM:
            word = word[: -len(plural)]
            break
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    return word


def is_negated(words: list[str], at: int) -> bool:
    """Tell whether a "no" stands just before the word number *at*."""
    before = 0
    for word in reversed(words[:at]):
        if word in NEGATIONS:
            return True
        before += word not in _FILLERS
        if before >= _NEGATED_WITHIN:
            break
    return False


class Phrase:
    """One or more words that belong together, in any form, fillers between allowed."""

    def __init__(self, words: str, *, gap: int = 0) -> None:
        """Look for *words*, with up to *gap* other words before each but the first.

        Raises:
            ValueError: There is no word in it.
        """
        parts = [word for clause in clauses(words) for word in clause]
        self._stems = [stem(word) for word in parts]
        if not self._stems:
            raise ValueError("no word")
        self._negates = parts[0] in NEGATIONS
        self._gap = gap

    def is_in(self, said: Iterable[list[str]]) -> bool:
        """Tell whether one of these clauses says it, and does not deny it.

        "no es urgente" does not say "urgente"; "no me funciona" says "no funciona".
        """
        return any(
            self._matches(words, start)
            and (self._negates or not is_negated(words, start))
            for words in said
            for start, word in enumerate(words)
            if stem(word) == self._stems[0]
        )

    def _matches(self, words: list[str], start: int) -> bool:
        at = start
        for wanted in self._stems[1:]:
            others = 0
            at += 1
            while at < len(words) and stem(words[at]) != wanted:
                others += words[at] not in _FILLERS
                if others > self._gap:
                    return False
                at += 1
            if at >= len(words):
                return False
        return True
