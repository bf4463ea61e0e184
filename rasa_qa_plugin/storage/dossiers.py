"""What happened around a turn, and what became of it."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage import turns
from rasa_qa_plugin.storage.schema import annotations, batches, plain
from rasa_qa_plugin.storage.turns import Turn

_BEFORE, _AFTER = 2, 1


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody thought the turn should have been, and whether that counts.

    The intent is empty where the turn was rejected.
    """

    intent: str
    entities: list[dict[str, Any]]
    status: str
    source: str
    annotated_at: float
    seconds: float | None
    annotator: str
    approver: str | None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """An exported file that the turn went out in."""

    batch_id: str
    format: str
    file_name: str
    created_at: float


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """A turn between those before and after it.

    Attributes:
        annotations: Oldest first; one of them counts at most.
        batches: Oldest first.
    """

    turn: Turn
    before: list[Turn]
    after: list[Turn]
    annotations: list[Verdict]
    batches: list[Sent]


def read(connection: Connection, turn: Turn) -> Dossier:
    """Give all that is known of a turn."""
    before, after = turns.beside(connection, turn, before=_BEFORE, after=_AFTER)
    columns = [annotations.c[name] for name in Verdict.__struct_fields__]
    given = connection.execute(
        sa.select(*columns)
        .where(annotations.c.turn_id == turn.turn_id)
        .order_by(annotations.c.id)
    ).mappings()
    verdicts = [
        msgspec.convert(
            {**plain(row), "entities": msgspec.json.decode(row["entities"] or "[]")},
            Verdict,
        )
        for row in given
    ]
    columns = [batches.c[name] for name in Sent.__struct_fields__]
    sent = connection.execute(
        sa.select(*columns)
        .where(batches.c.turns.contains(f'"{turn.turn_id}"', autoescape=True))
        .order_by(batches.c.created_at)
    ).mappings()
    return Dossier(
        turn=turn,
        before=before,
        after=after,
        annotations=verdicts,
        batches=[msgspec.convert(plain(row), Sent) for row in sent],
    )
