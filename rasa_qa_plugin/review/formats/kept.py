"""What a tool does not show of a turn: it travels along, and comes back unread.

No tool knows all that an entity may have (value, role, group), some lose one of two
marks that overlap. So every record carries the exact form in a column of its own; a
mark that nobody touched comes back as it was.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from rasa_qa_plugin.privacy.tokens import is_token
from rasa_qa_plugin.review.formats.offsets import fix_span
from rasa_qa_plugin.review.items import Entity, Item, intent_objection, tidy
from rasa_qa_plugin.review.marking import without_overlaps

COLUMN = "kept"
_SPOILED = "`kept` is not as it was exported; put it back, or leave it empty"


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """The part of an item that tools hand back unread."""

    entities: tuple[Entity, ...] = ()
    confidence: float | None = None
    flags: tuple[str, ...] = ()
    surrogates: dict[str, str] = {}


class Mark(NamedTuple):
    """A marked piece of text as a tool gives it back.

    Attributes:
        label: Name of the entity, or ``name#role``.
        quoted: The marked words, where the tool says them.
    """

    start: int
    end: int
    label: str
    quoted: str | None = None


class UnusableError(Exception):
    """A record that cannot be used; the message says why and what to do."""


def packed(item: Item) -> str:
    """Give the text of the column for a tidy *item*."""
    kept = Kept(item.entities, item.confidence, item.flags, dict(item.surrogates))
    return msgspec.json.encode(kept).decode()


def unpacked(column: Any) -> Kept:
    """Read the column; nothing is kept where it is empty.

    Raises:
        UnusableError: Somebody changed it.
    """
    if column is None or not (text := str(column).strip()):
        return Kept()
    try:
        kept = msgspec.json.decode(text, type=Kept)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        raise UnusableError(_SPOILED) from None
    if not all(is_token(one) and value for one, value in kept.surrogates.items()):
        raise UnusableError(_SPOILED)
    return kept


def labelled(entity: Entity) -> str:
    """Give what a tool that has labels only shows of an entity."""
    return entity.entity if entity.role is None else f"{entity.entity}#{entity.role}"


def shown(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    """Give the entities that a tool can show which knows no overlaps."""
    return without_overlaps(entities)


def completed(item: Item, kept: Kept) -> Item:
    """Give *item* with what the tool did not show, in tidy form.

    Raises:
        UnusableError: The intent cannot be one, or there is no text.
    """
    if problem := intent_objection(item.intent):
        raise UnusableError(problem)
    item = tidy(
        msgspec.structs.replace(
            item,
            confidence=kept.confidence,
            flags=kept.flags,
            surrogates=tuple(kept.surrogates.items()),
        )
    )
    if not item.text:
        raise UnusableError("text is empty; delete the record if nobody needs it")
    return item


def entities_of(kept: Kept, text: str, marks: Iterable[Mark]) -> list[Entity]:
    """Give the entities that *marks* stand for.

    Those that nobody touched keep what the tool did not show, and so do those that it
    could not show because they overlap with one of these.

    Raises:
        UnusableError: A mark lies outside of the text.
    """
    seen = shown(kept.entities)
    by_mark = {(one.start, one.end, labelled(one)): one for one in seen}
    found: list[Entity] = []
    for mark in marks:
        same = by_mark.get(mark[:3])
        if same is not None and mark.quoted in (None, text[same.start : same.end]):
            found.append(same)
        else:
            found.append(_new(text, mark))
    for hidden in kept.entities:
        if hidden not in seen and all(
            one in found for one in seen if _overlap(one, hidden)
        ):
            found.append(hidden)
    return found


def _new(text: str, mark: Mark) -> Entity:
    span = fix_span(text, mark.start, mark.end, mark.quoted)
    if span is None:
        raise UnusableError("a mark lies outside of the text; mark it again")
    name, _, role = mark.label.partition("#")
    if not name:
        raise UnusableError("a mark has no name; choose a label")
    return Entity(*span, name, role=role or None)


def _overlap(one: Entity, other: Entity) -> bool:
    return one.start < other.end and other.start < one.end
