"""A turn as a row of a spreadsheet: the same columns in CSV and in Excel's own files.

People correct ``intent``, mend ``text``, write skip or reject under ``verdict``, or
delete the row. ``entities`` is JSON and says everything about them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from rasa_qa_plugin.review.formats.kept import (
    COLUMN,
    UnusableError,
    completed,
    packed,
    unpacked,
)
from rasa_qa_plugin.review.formats.offsets import fix_span
from rasa_qa_plugin.review.items import Entity, Item, Verdict, clean

COLUMNS = (
    "turn_id",
    "text",
    "why",
    "bot_intent",
    "intent",
    "entities",
    "verdict",
    COLUMN,
)

_VERDICTS: Mapping[str, Verdict] = {
    "": "correct",
    "correct": "correct",
    "skip": "skip",
    "reject": "reject",
}


class _Cell(msgspec.Struct, omit_defaults=True):
    """An entity in the column of that name; people may leave the offsets out."""

    entity: str
    text: str = ""
    start: int | None = None
    end: int | None = None
    value: str | None = None
    role: str | None = None
    group: str | None = None


def row_of(item: Item) -> dict[str, str]:
    """Give the cells for a tidy *item*."""
    entities = [
        _Cell(
            text=item.text[one.start : one.end],
            **msgspec.structs.asdict(one),
        )
        for one in item.entities
    ]
    return {
        "turn_id": item.turn_id,
        "text": item.text,
        "why": clean(item.comment),
        "bot_intent": item.intent,
        "intent": item.intent,
        "entities": msgspec.json.encode(entities).decode() if entities else "",
        "verdict": "",
        COLUMN: packed(msgspec.structs.replace(item, entities=())),
    }


def item_of(row: Mapping[str, Any]) -> Item:
    """Give what people made of a row.

    Raises:
        UnusableError: It cannot be used.
    """
    cells = {
        str(name).strip().lower(): "" if cell is None else str(cell)
        for name, cell in row.items()
    }
    turn_id = cells.get("turn_id", "").strip()
    if not turn_id:
        raise UnusableError("has no turn_id; put it back, or delete the row")
    verdict = _VERDICTS.get(cells.get("verdict", "").strip().lower())
    if verdict is None:
        raise UnusableError("verdict is not skip, reject or empty; mend it")
    text = cells.get("text", "")
    annotator = cells.get("annotator", "").strip() or None
    item = Item(turn_id, clean(text), "", verdict=verdict, annotator=annotator)
    if verdict != "correct":
        return item
    entities = _entities(cells.get("entities", ""), text)
    item = msgspec.structs.replace(
        item, text=text, intent=cells.get("intent", "").strip(), entities=entities
    )
    return completed(item, unpacked(cells.get(COLUMN, "")))


def _entities(cell: str, text: str) -> tuple[Entity, ...]:
    try:
        found = msgspec.json.decode(cell, type=list[_Cell]) if cell.strip() else []
    except (msgspec.MsgspecError, UnicodeEncodeError):
        raise UnusableError(
            'entities are not a list like [{"entity": "city", "text": "Lima"}]; mend it'
        ) from None
    entities = []
    for one in found:
        span = fix_span(text, one.start or 0, one.end or 0, one.text or None)
        if span is None:
            raise UnusableError("an entity is not in the text; mend it, or take it out")
        entities.append(
            Entity(*span, one.entity, value=one.value, role=one.role, group=one.group)
        )
    return tuple(entities)
