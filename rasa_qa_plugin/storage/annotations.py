"""Annotations: what a turn should have been, and the batches turns went out in."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import annotations, batches, plain


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """A correction of one turn.

    Attributes:
        text: Masked text as annotated; None once withdrawn.
        entities: Entity spans with offsets into *text*.
        status: annotated, merged, superseded or withdrawn.
        source: File name it was imported from.
        annotated_at: Seconds since the epoch.
    """

    turn_id: str
    text: str | None
    intent: str
    entities: list[dict[str, Any]]
    status: str = "annotated"
    source: str
    annotated_at: float

    @property
    def content_hash(self) -> str:
        """Hash of what was decided, so that importing a file twice changes nothing."""
        content = msgspec.json.encode((self.text, self.intent, self.entities))
        return hashlib.sha256(content).hexdigest()


def record(connection: Connection, annotation: Annotation) -> bool:
    """Keep a correction as the one that counts for its turn; False if it is known."""
    key = annotations.c.turn_id == annotation.turn_id
    known = connection.execute(
        sa.select(annotations.c.status).where(
            key, annotations.c.content_hash == annotation.content_hash
        )
    ).scalar_one_or_none()
    if known in ("annotated", "merged"):
        return False
    connection.execute(
        annotations.update()
        .where(key, annotations.c.status == "annotated")
        .values(status="superseded")
    )
    if known is not None:
        connection.execute(
            annotations.update()
            .where(key, annotations.c.content_hash == annotation.content_hash)
            .values(status="annotated", annotated_at=annotation.annotated_at)
        )
        return True
    values = msgspec.structs.asdict(annotation)
    values["entities"] = msgspec.json.encode(annotation.entities).decode()
    connection.execute(
        annotations.insert().values(content_hash=annotation.content_hash, **values)
    )
    return True


def waiting(connection: Connection) -> list[Annotation]:
    """Give the corrections that count and are not merged yet, oldest first."""
    columns = [annotations.c[name] for name in Annotation.__struct_fields__]
    rows = connection.execute(
        sa.select(*columns)
        .where(annotations.c.status == "annotated", annotations.c.text.is_not(None))
        .order_by(annotations.c.id)
    ).mappings()
    return [
        msgspec.convert(
            {**plain(row), "entities": msgspec.json.decode(row["entities"] or "[]")},
            Annotation,
        )
        for row in rows
    ]


def mark_merged(connection: Connection, turn_ids: Sequence[str]) -> None:
    """Say that the corrections of these turns are in the training data now."""
    for start in range(0, len(turn_ids), 500):
        connection.execute(
            annotations.update()
            .where(
                annotations.c.turn_id.in_(list(turn_ids[start : start + 500])),
                annotations.c.status == "annotated",
            )
            .values(status="merged")
        )


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """An exported file: what went out, so that it can be traced and called back."""

    batch_id: str
    format: str
    file_name: str
    sha256: str
    turns: list[str]
    created_at: float


def record_batch(connection: Connection, batch: Batch) -> None:
    """Remember an exported file."""
    values = msgspec.structs.asdict(batch)
    values["turns"] = msgspec.json.encode(batch.turns).decode()
    connection.execute(batches.insert().values(values))


def last_sent_as(connection: Connection, form: str) -> set[str]:
    """Give the turns whose latest batch had the format *form*."""
    found: set[str] = set()
    rows = connection.execute(
        sa.select(batches.c.format, batches.c.turns).order_by(batches.c.created_at)
    )
    for sent, encoded in rows:
        ids = msgspec.json.decode(encoded, type=set[str])
        found = found | ids if sent == form else found - ids
    return found
