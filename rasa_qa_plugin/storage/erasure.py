"""Forgetting one person: every row that is theirs, and a receipt that holds no id."""

import contextlib
import sqlite3

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin.storage import conversations
from rasa_qa_plugin.storage.runs import note
from rasa_qa_plugin.storage.schema import (
    PERSONAL_TABLES,
    annotations,
    batches,
    flags,
    turns,
)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was, or would be, removed: rows by table."""

    rows: dict[str, int]

    @property
    def total(self) -> int:
        """All rows together."""
        return sum(self.rows.values())


def count(connection: Connection, sender_id: str) -> Receipt:
    """Count what :func:`erase` would remove."""
    rows = {
        table.name: connection.execute(
            sa.select(sa.func.count())
            .select_from(table)
            .where(table.c.sender_id == sender_id)
        ).scalar_one()
        for table in PERSONAL_TABLES
    }
    for table in (flags, annotations):
        rows[table.name] = connection.execute(
            sa.select(sa.func.count())
            .select_from(table)
            .where(table.c.turn_id.in_(_turn_ids(sender_id)))
        ).scalar_one()
    return Receipt(rows=rows)


def erase(connection: Connection, sender_id: str, *, now: float) -> Receipt:
    """Remove every row of a person, in the transaction of the caller."""
    # A save in flight must be done before its rows are counted and deleted.
    conversations.find(connection, sender_id, for_update=True)
    receipt = count(connection, sender_id)
    own = list(connection.execute(_turn_ids(sender_id)).scalars())
    for table in (flags, annotations):
        connection.execute(
            table.delete().where(table.c.turn_id.in_(_turn_ids(sender_id)))
        )
    for table in PERSONAL_TABLES:
        connection.execute(table.delete().where(table.c.sender_id == sender_id))
    _forget_in_batches(connection, set(own))
    note(connection, "erase", now=now, rows=receipt.total)
    return receipt


def compact(engine: Engine) -> None:
    """Flush SQLite's write-ahead log, which may still hold pages that were erased.

    Somebody reading the file keeps the log alive; then nothing is done, and the next
    sweep tries again.
    """
    if engine.dialect.name != "sqlite":
        return
    with contextlib.suppress(sqlite3.Error):
        raw = engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("PRAGMA busy_timeout=0", ())
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)", ())
        finally:
            # Not back into the pool: the next user must wait for locks again.
            raw.invalidate()  # type: ignore[attr-defined]  # stubs know DBAPI only


def _turn_ids(sender_id: str) -> sa.sql.Select:
    return sa.select(turns.c.turn_id).where(turns.c.sender_id == sender_id)


def _forget_in_batches(connection: Connection, erased: set[str]) -> None:
    if not erased:
        return
    for row in connection.execute(sa.select(batches.c.batch_id, batches.c.turns)).all():
        listed = msgspec.json.decode(row.turns)
        kept = [turn_id for turn_id in listed if turn_id not in erased]
        if len(kept) != len(listed):
            connection.execute(
                batches.update()
                .where(batches.c.batch_id == row.batch_id)
                .values(turns=msgspec.json.encode(kept).decode())
            )
