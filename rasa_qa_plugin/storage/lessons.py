"""Lessons: corrections that count, with the conversation each comes from."""

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.annotations import TEACHING
from rasa_qa_plugin.storage.schema import annotations, turns

_PAGE = 1000


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """What people say that a turn should have been.

    Attributes:
        text: Masked.
        sender_id: Pseudonym of the conversation.
        confidence: Of the bot, in whatever it took the turn for.
    """

    turn_id: str
    text: str
    intent: str
    entities: list[dict[str, Any]]
    sender_id: str
    confidence: float | None


def lessons(
    connection: Connection,
    *,
    min_confidence: float | None = None,
    approved_only: bool = False,
) -> Iterator[Lesson]:
    """Give the corrections of people whose words may be kept, the latest first.

    Args:
        connection: The database.
        min_confidence: Only turns of which the bot was at least so sure.
        approved_only: Leave out what nobody approved.
    """
    statuses = [one for one in TEACHING if one != "annotated" or not approved_only]
    query = (
        sa.select(
            annotations.c.id,
            annotations.c.turn_id,
            annotations.c.text,
            annotations.c.intent,
            annotations.c.entities,
            turns.c.sender_id,
            turns.c.confidence,
        )
        .join(turns, turns.c.turn_id == annotations.c.turn_id)
        .where(
            annotations.c.status.in_(statuses),
            annotations.c.text.is_not(None),
            turns.c.text.is_not(None),
        )
        .order_by(annotations.c.id.desc())
        .limit(_PAGE)
    )
    if min_confidence is not None:
        query = query.where(turns.c.confidence >= min_confidence)
    page = connection.execute(query).all()
    while page:
        for row in page:
            yield Lesson(
                turn_id=row.turn_id,
                text=row.text,
                intent=row.intent,
                entities=msgspec.json.decode(row.entities or "[]"),
                sender_id=row.sender_id,
                confidence=row.confidence,
            )
        after = query.where(annotations.c.id < page[-1].id)
        page = connection.execute(after).all()
