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
        status: annotated, merged, held_out (in the test set), superseded or withdrawn.
        source: File name it was imported from, or ``annotate`` for the review screen.
        annotated_at: Seconds since the epoch.
        seconds: How long the decision took; None where nobody measured it, or where an
            answer to another turn settled this one.
    """

    turn_id: str
    text: str | None
    intent: str
    entities: list[dict[str, Any]]
    status: str = "annotated"
    source: str
    annotated_at: float
    seconds: float | None = None

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
    if known in ("annotated", "merged", "held_out"):
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
            .values(
                status="annotated",
                annotated_at=annotation.annotated_at,
                seconds=annotation.seconds,
            )
        )
        return True
    connection.execute(annotations.insert(), _row(annotation))
    return True


def record_many(connection: Connection, corrections: Sequence[Annotation]) -> None:
    """Keep corrections as :func:`record` does, with few round trips."""
    known: set[str] = set()
    for start in range(0, len(corrections), 500):
        ids = [one.turn_id for one in corrections[start : start + 500]]
        known.update(
            connection.execute(
                sa.select(annotations.c.turn_id).where(annotations.c.turn_id.in_(ids))
            ).scalars()
        )
    for annotation in corrections:
        if annotation.turn_id in known:
            record(connection, annotation)
    first = [_row(one) for one in corrections if one.turn_id not in known]
    if first:
        connection.execute(annotations.insert(), first)


def retract(connection: Connection, corrections: Sequence[Annotation]) -> set[str]:
    """Take corrections back as if they had never been made; give their turns.

    Those that do not count any more stay: merged, replaced or withdrawn meanwhile.
    """
    gone: set[str] = set()
    for start in range(0, len(corrections), 500):
        part = corrections[start : start + 500]
        mine = sa.and_(
            annotations.c.turn_id.in_([one.turn_id for one in part]),
            annotations.c.content_hash.in_({one.content_hash for one in part}),
            annotations.c.status == "annotated",
        )
        gone.update(
            connection.execute(sa.select(annotations.c.turn_id).where(mine)).scalars()
        )
        connection.execute(annotations.delete().where(mine))
    return gone


def intents(connection: Connection) -> set[str]:
    """Give every intent that people gave to turns."""
    query = sa.select(annotations.c.intent).distinct()
    return set(
        connection.execute(query.where(annotations.c.text.is_not(None))).scalars()
    )


def _row(annotation: Annotation) -> dict[str, Any]:
    values = msgspec.structs.asdict(annotation)
    values["entities"] = msgspec.json.encode(annotation.entities).decode()
    return {"content_hash": annotation.content_hash, **values}


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
    _settle(connection, turn_ids, "merged")


def mark_held_out(connection: Connection, turn_ids: Sequence[str]) -> None:
    """Say that the corrections of these turns are in the test set, and never train."""
    _settle(connection, turn_ids, "held_out")


def _settle(connection: Connection, turn_ids: Sequence[str], status: str) -> None:
    for start in range(0, len(turn_ids), 500):
        connection.execute(
            annotations.update()
            .where(
                annotations.c.turn_id.in_(list(turn_ids[start : start + 500])),
                annotations.c.status == "annotated",
            )
            .values(status=status)
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
