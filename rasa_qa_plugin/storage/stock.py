"""Rows of `events` that Rasa's own store wrote: under raw sender ids, without numbers.

A raw id is named in plain reads alone: PostgreSQL's log quotes statements that wait for
a lock in vain, so everything that may wait goes by the id of the row.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin.storage.erasure import compact
from rasa_qa_plugin.storage.schema import events, originals

_MOST_IDS = 500
_PAGE = 2000
_LONGEST_SENDER = 255
# Those that stay outside of a conversation have a pseudonym, and session 0.
foreign = sa.and_(events.c.seq.is_(None), events.c.session.is_(None))


class StockRow(msgspec.Struct, frozen=True):
    """A row as the stock store wrote it."""

    id: int
    type_name: str
    timestamp: float | None
    intent_name: str | None
    action_name: str | None
    data: str | None


class AdoptedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a row.

    Attributes:
        columns: New values; None where no row is kept.
        original: Sealed original of event *seq*, until *expires_at*.
    """

    id: int
    columns: dict[str, Any] | None
    seq: int | None = None
    original: bytes | None = None
    expires_at: float = 0.0


def holds(connection: Connection, sender_id: str) -> bool:
    """Tell whether rows of the stock store wait under a raw sender id."""
    if not _can_be_stored(connection, sender_id):
        return False
    query = sa.select(events.c.id).where(events.c.sender_id == sender_id, foreign)
    return connection.execute(query.limit(1)).first() is not None


def read(connection: Connection, sender_id: str) -> list[StockRow]:
    """Give the rows of the stock store under a raw sender id, in order."""
    if not _can_be_stored(connection, sender_id):
        return []
    columns = [events.c[name] for name in StockRow.__struct_fields__]
    query = sa.select(*columns).where(events.c.sender_id == sender_id, foreign)
    found = [StockRow(*row) for row in connection.execute(query)]
    return sorted(found, key=lambda row: row.id)


def lock(connection: Connection, ids: Sequence[int]) -> bool:
    """Lock rows until the transaction ends; False if they are not the stock's now."""
    locked = 0
    for start in range(0, len(ids), _MOST_IDS):
        query = (
            sa.select(events.c.id)
            .where(events.c.id.in_(ids[start : start + _MOST_IDS]), foreign)
            .order_by(events.c.id)
        )
        if connection.dialect.name != "sqlite":
            query = query.with_for_update()
        locked += len(connection.execute(query).all())
    return locked == len(ids)


def rewrite(
    connection: Connection, pseudonym: str, adopted: Sequence[AdoptedRow]
) -> None:
    """Write rows back under the pseudonym, and keep originals that still live."""
    kept = [
        {"at_id": row.id, "sender_id": pseudonym, **row.columns}
        for row in adopted
        if row.columns is not None
    ]
    if kept:
        connection.execute(
            events.update()
            .where(events.c.id == sa.bindparam("at_id"))
            .values({name: sa.bindparam(name) for name in kept[0] if name != "at_id"}),
            kept,
        )
    gone = [row.id for row in adopted if row.columns is None]
    for start in range(0, len(gone), _MOST_IDS):
        connection.execute(
            events.delete().where(events.c.id.in_(gone[start : start + _MOST_IDS]))
        )
    sealed = [
        {
            "sender_id": pseudonym,
            "seq": row.seq,
            "payload": row.original,
            "expires_at": row.expires_at,
        }
        for row in adopted
        if row.original is not None
    ]
    if sealed:
        connection.execute(originals.insert(), sealed)


class Waiting(msgspec.Struct, frozen=True):
    """How much of the stock store is not taken over yet."""

    conversations: int
    events: int


def count(connection: Connection) -> Waiting:
    """Count what waits; reads the whole table."""
    row = connection.execute(
        sa.select(
            sa.func.count(sa.distinct(events.c.sender_id)), sa.func.count()
        ).where(foreign)
    ).one()
    return Waiting(*row)


def page(connection: Connection, *, after: int) -> Iterator[tuple[int, str]]:
    """Give row id and raw sender id of the rows that wait next after a row id."""
    query = (
        sa.select(events.c.id, events.c.sender_id)
        .where(events.c.id > after, foreign)
        .order_by(events.c.id)
        .limit(_PAGE)
    )
    for row in connection.execute(query):
        yield row.id, row.sender_id


def rebuild(engine: Engine) -> bool:
    """Write SQLite's file anew, without the scraps in its pages; tell if it was done.

    The stock store did not overwrite what it moved, so parts of its rows lie about in
    the file. It needs the file's size once more on the disk, and waits for writers.
    """
    if engine.dialect.name != "sqlite":
        return True
    done = False
    with contextlib.suppress(sqlite3.Error):
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("VACUUM", ())
            done = True
        finally:
            raw.close()
    compact(engine)
    return done


def _can_be_stored(connection: Connection, sender_id: str) -> bool:
    """Tell whether a database can hold this id; drivers refuse to ask for others."""
    try:
        sender_id.encode()
    except UnicodeEncodeError:
        return False
    if connection.dialect.name == "sqlite":
        return True
    return "\0" not in sender_id and len(sender_id) <= _LONGEST_SENDER
