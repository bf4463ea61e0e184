"""Entities on a text: marked word by word, and carried over to texts that are alike."""

import re
from collections.abc import Iterable, Sequence

import msgspec

from rasa_qa_plugin.review.items import Entity
from rasa_qa_plugin.review.wording import folded

# As Rasa's WhitespaceTokenizer: punctuation inside a word belongs to it, around it not.
# A token such as [PHONE] is one word, with its brackets.
_WORD = re.compile(r"\[[A-Z]+(?:_\d+)?\]|[#@$€&]?\w(?:[^\s\[\]]*\w)?")


def words(text: str) -> list[tuple[int, int]]:
    """Give where the words of *text* begin and end."""
    return [found.span() for found in _WORD.finditer(text)]


def without_overlaps(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Give *entities* in order without those that cover a part of a longer one.

    Several extractors may mark the same words; training data can say it once.
    """
    kept: list[Entity] = []
    for entity in sorted(entities, key=lambda one: (one.start - one.end, one.start)):
        if all(entity.end <= one.start or one.end <= entity.start for one in kept):
            kept.append(entity)
    return tuple(sorted(kept, key=lambda one: one.start))


def carried(
    entities: Sequence[Entity], text: str, other: str
) -> tuple[Entity, ...] | None:
    """Give the *entities* of *text* as they stand in *other*, a text that is alike.

    Their words are looked for without case and accents, in the same order. None when
    one of them is not there exactly as often: a text with a mark missing would teach
    the bot something wrong.
    """
    if text == other or not entities:
        return tuple(entities)
    there = words(other)
    names = [folded(other[start:end]) for start, end in there]
    moved: list[Entity] = []
    for entity in entities:
        wanted, before = _words_of(entity, text)
        hits = _places(wanted, names)
        if not wanted or len(hits) != len(_places(wanted, _names(text))):
            return None
        first = hits[before]
        start, end = there[first][0], there[first + len(wanted) - 1][1]
        moved.append(msgspec.structs.replace(entity, start=start, end=end))
    if len(without_overlaps(moved)) != len(moved):
        return None
    return tuple(moved)


def _names(text: str) -> list[str]:
    return [folded(text[start:end]) for start, end in words(text)]


def _words_of(entity: Entity, text: str) -> tuple[list[str], int]:
    """Give an entity's words, and how often they stand in *text* before it.

    No words if it ends or begins inside of one.
    """
    spans = words(text)
    inside = [
        number
        for number, (start, end) in enumerate(spans)
        if start < entity.end and entity.start < end
    ]
    if not inside or (spans[inside[0]][0], spans[inside[-1]][1]) != (
        entity.start,
        entity.end,
    ):
        return [], 0
    names = _names(text)
    wanted = names[inside[0] : inside[-1] + 1]
    return wanted, _places(wanted, names).index(inside[0])


def _places(wanted: Sequence[str], names: Sequence[str]) -> list[int]:
    """Give where a row of words stands in another."""
    return [
        at
        for at in range(len(names) - len(wanted) + 1)
        if names[at : at + len(wanted)] == list(wanted)
    ]


class Marking:
    """A text whose words are gone over with a cursor, to mark and name some of them."""

    def __init__(self, text: str, entities: Sequence[Entity]) -> None:
        """Put the cursor on the first word."""
        self.text = text
        self.entities = tuple(entities)
        self.words = words(text)
        self._at = 0
        self._marked: set[int] = set()

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Where the word under the cursor begins and ends; None in a text without."""
        return self.words[self._at] if self.words else None

    @property
    def marked(self) -> tuple[int, int] | None:
        """Where the marked words begin and end; words between them count too."""
        if not self._marked:
            return None
        return self.words[min(self._marked)][0], self.words[max(self._marked)][1]

    def move(self, steps: int) -> None:
        """Move the cursor, not beyond the ends."""
        self._at = max(0, min(len(self.words) - 1, self._at + steps))

    def toggle(self) -> None:
        """Mark the word under the cursor, or unmark it, and go on to the next one."""
        if self.words:
            self._marked ^= {self._at}
            self.move(1)

    def unmark(self) -> None:
        """Unmark all words."""
        self._marked.clear()

    def remove(self) -> bool:
        """Take away the entity under the cursor; False if there is none."""
        if self.cursor is None:
            return False
        left = self._beside(*self.cursor)
        gone = len(left) < len(self.entities)
        self.entities = left
        return gone

    def name(self, entity: str) -> None:
        """Make an entity of the marked words; what it overlaps goes."""
        if self.marked is None:
            return
        start, end = self.marked
        added = Entity(start=start, end=end, entity=entity)
        self.entities = without_overlaps((*self._beside(start, end), added))
        self.unmark()

    def _beside(self, start: int, end: int) -> tuple[Entity, ...]:
        return tuple(e for e in self.entities if e.end <= start or end <= e.start)
