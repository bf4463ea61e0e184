"""Marks that people and tools set a little beside the words they mean."""

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from rasa_qa_plugin.review.items import Entity, Item
from rasa_qa_plugin.review.marking import words

# Scripts that put no blanks between words; there, nobody can tell where one begins.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


class Repaired(msgspec.Struct, frozen=True):
    """Entities that cover whole words.

    Attributes:
        moved: Whether any mark had to be moved for that.
        problem: What cannot be repaired, and what to do; None where all is well.
    """

    entities: tuple[Entity, ...]
    moved: bool = False
    problem: str | None = None


def repair(item: Item) -> Repaired:
    """Give the entities of *item* so that they cover whole words of its text.

    Rasa learns whole words, as its WhitespaceTokenizer finds them. A mark that cuts one
    covers all of it.
    """
    if not item.entities:
        return Repaired(())
    # Offsets within a word: no mark begins or ends there.
    inside: set[int] = set()
    for start, end in words(item.text):
        inside.update(
            at for at in range(start + 1, end) if not _may_part(item.text, at)
        )
    entities = []
    moved = False
    for number, entity in enumerate(item.entities, start=1):
        span = _span(item.text, entity, inside)
        if span is None:
            return Repaired(
                item.entities,
                problem=f"entities: number {number} lies outside of the text; "
                "mark it anew",
            )
        moved = moved or span != (entity.start, entity.end)
        entities.append(msgspec.structs.replace(entity, start=span[0], end=span[1]))
    # Extractors may have marked the same words; that is for the merge to judge.
    if moved and _overlap(entities) and not _overlap(item.entities):
        return Repaired(
            item.entities,
            problem="entities: one cuts a word that another marks; mark whole words",
        )
    return Repaired(tuple(entities), moved)


def _span(text: str, entity: Entity, inside: set[int]) -> tuple[int, int] | None:
    """Give where a mark should begin and end; None where it marks nothing."""
    start, end = entity.start, entity.end
    if not 0 <= start < end <= len(text):
        return None
    while start in inside:
        start -= 1
    while end in inside:
        end += 1
    return start, end


def _overlap(entities: Sequence[Entity]) -> bool:
    ordered = sorted(entities, key=lambda one: one.start)
    return any(one.end > following.start for one, following in pairwise(ordered))


def _may_part(text: str, at: int) -> bool:
    return _is_unspaced(text[at - 1]) or _is_unspaced(text[at])


def _is_unspaced(char: str) -> bool:
    return not char.isascii() and unicodedata.name(char, "").startswith(_UNSPACED)
