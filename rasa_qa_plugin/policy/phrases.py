"""Finding phrases in what people type: without accents, whatever the ending."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

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
_LONGEST_TEXT = 1000


class Clause(NamedTuple):
    """Words between two punctuation marks, folded, and what their forms share."""

    words: list[str]
    stems: list[str]


def clauses(text: str) -> list[Clause]:
    """Give the clauses of a text; of a very long one, those at its beginning.

    ``"¡NO funciona!, doesn't work"`` has the words ``no funciona`` and ``does not
    work``.
    """
    plain = _NOT.sub(" not", text[:_LONGEST_TEXT])
    parts = (folded(part).split() for part in _CLAUSE_ENDS.split(plain))
    return [Clause(words, [stem(word) for word in words]) for words in parts if words]


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


class Phrases:
    """Phrases to look for, each word in any form, with fillers between allowed."""

    def __init__(self, phrases: Iterable[str], *, gap: int = 0) -> None:
        """Look for *phrases*, with up to *gap* other words before all but the first.

        Raises:
            ValueError: There is no word in one of them.
        """
        self._gap = gap
        # By their first words, so that hundreds cost little more than one.
        self._by_first: dict[str, list[_Phrase]] = {}
        for phrase in phrases:
            words = [word for clause in clauses(phrase) for word in clause.words]
            if not words:
                raise ValueError("no word")
            first, *rest = (stem(word) for word in words)
            denies = words[0] in NEGATIONS
            self._by_first.setdefault(first, []).append(_Phrase(rest, denies))

    def are_in(self, said: Iterable[Clause]) -> bool:
        """Tell whether one of these clauses says one of them, and does not deny it.

        "no es urgente" does not say "urgente"; "no me funciona" says "no funciona".
        """
        return any(
            self._follows(phrase.rest, clause, at)
            and (phrase.denies or not is_negated(clause.words, at))
            for clause in said
            for at, first in enumerate(clause.stems)
            for phrase in self._by_first.get(first, ())
        )

    def _follows(self, rest: list[str], clause: Clause, at: int) -> bool:
        for wanted in rest:
            others = 0
            at += 1
            while at < len(clause.stems) and clause.stems[at] != wanted:
                others += clause.words[at] not in _FILLERS
                if others > self._gap:
                    return False
                at += 1
            if at >= len(clause.stems):
                return False
        return True


class _Phrase(NamedTuple):
    rest: list[str]
    denies: bool
