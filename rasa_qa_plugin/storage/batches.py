"""Batches: the files that turns went out in, to be traced and taken back."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import batches, plain, turns

_MOST_IDS = 500
_ENCODED = ("turns", "filters", "people")


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """An exported file.

    Attributes:
        sha256: Of the file as it was written.
        turns: Ids of its turns; those that are erased or purged are taken out.
        file: Path, relative to the bot folder where it lies in it; None for batches
            from before it was kept.
        items: How many turns went out.
        filters: Option of `rasa-qa export` to its value.
        people: Whom it was handed to.
        withdrawn_at: When it was taken back; None while it counts.
    """

    batch_id: str
    format: str
    file_name: str
    sha256: str
    turns: list[str]
    created_at: float
    file: str | None = None
    items: int = 0
    filters: dict[str, Any] = {}
    people: list[str] = []
    withdrawn_at: float | None = None


def record(connection: Connection, batch: Batch) -> None:
    """Remember an exported file."""
    values = msgspec.structs.asdict(batch)
    for name in _ENCODED:
        values[name] = msgspec.json.encode(values[name]).decode()
    connection.execute(batches.insert().values(values))


def listed(connection: Connection) -> list[Batch]:
    """Give all batches, the latest first."""
    query = sa.select(batches).order_by(batches.c.created_at.desc(), batches.c.batch_id)
    return [_batch(row) for row in connection.execute(query).mappings()]


def find(
    connection: Connection, batch_id: str, *, for_update: bool = False
) -> Batch | None:
    """Give a batch; with *for_update*, nobody else changes it meanwhile."""
    query = sa.select(batches).where(batches.c.batch_id == batch_id)
    if for_update:
        query = query.with_for_update()
    row = connection.execute(query).mappings().first()
    return None if row is None else _batch(row)


def withdraw(connection: Connection, batch_id: str, *, now: float) -> None:
    """Note that a batch was taken back."""
    connection.execute(
        batches.update().where(batches.c.batch_id == batch_id).values(withdrawn_at=now)
    )


def out_elsewhere(
    connection: Connection, batch_id: str, turn_ids: Collection[str]
) -> set[str]:
    """Give those of *turn_ids* that another batch, not taken back, holds too.

    Files to train a language model with do not count: they do not come home.
    """
    rows = connection.execute(
        sa.select(batches.c.turns).where(
            batches.c.batch_id != batch_id,
            batches.c.withdrawn_at.is_(None),
            batches.c.format.not_like("llm%"),
        )
    )
    wanted = set(turn_ids)
    found: set[str] = set()
    for (encoded,) in rows:
        found |= wanted & msgspec.json.decode(encoded, type=set[str])
    return found


def statuses(connection: Connection, turn_ids: Sequence[str]) -> dict[str, str]:
    """Give what became of turns, by id; those that are gone are left out."""
    found: dict[str, str] = {}
    for start in range(0, len(turn_ids), _MOST_IDS):
        part = list(turn_ids[start : start + _MOST_IDS])
        rows = connection.execute(
            sa.select(turns.c.turn_id, turns.c.status).where(turns.c.turn_id.in_(part))
        )
        found.update((row.turn_id, row.status) for row in rows)
    return found


def texts(
    connection: Connection, turn_ids: Sequence[str]
) -> Iterator[tuple[str, str | None, str]]:
    """Give id, text and status of turns; those that are gone are left out."""
    for start in range(0, len(turn_ids), _MOST_IDS):
        part = list(turn_ids[start : start + _MOST_IDS])
        query = sa.select(turns.c.turn_id, turns.c.text, turns.c.status)
        for row in connection.execute(query.where(turns.c.turn_id.in_(part))):
            yield row.turn_id, row.text, row.status


def last_sent_as(connection: Connection, form: str) -> set[str]:
    """Give the turns whose latest batch had a format that ends in *form*.

    Files to train a language model with are nothing that people correct: they do not
    count.
    """
    found: set[str] = set()
    rows = connection.execute(
        sa.select(batches.c.format, batches.c.turns)
        .where(batches.c.format.not_like("llm%"))
        .order_by(batches.c.created_at)
    )
    for sent, encoded in rows:
        ids = msgspec.json.decode(encoded, type=set[str])
        found = found | ids if sent.endswith(form) else found - ids
    return found


def _batch(row: Any) -> Batch:
    values = plain(row)
    for name in _ENCODED:
        values[name] = msgspec.json.decode(values[name])
    return msgspec.convert(values, Batch)
