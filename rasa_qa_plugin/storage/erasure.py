"""Forgetting one person: every row that is theirs, and a receipt that holds no id."""

import contextlib
import hashlib
import sqlite3

import msgspec
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin.storage import conversations, copies
from rasa_qa_plugin.storage.runs import note
from rasa_qa_plugin.storage.schema import (
    PERSONAL_TABLES,
    annotations,
    batches,
    erasures,
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
    """Remove every row of a person, in the transaction of the caller.

    What was saved before and is written later finds the mark, see :func:`forgotten`.
    """
    # A save in flight must be done before its rows are counted and deleted.
    take_turns(connection, sender_id)
    conversations.find(connection, sender_id, for_update=True)
    receipt = count(connection, sender_id)
    # Whoever annotates these turns holds them; an annotation made later would stay.
    held = _turn_ids(sender_id).order_by(turns.c.turn_id).with_for_update()
    own = list(connection.execute(held).scalars())
    for table in (flags, annotations):
        connection.execute(
            table.delete().where(table.c.turn_id.in_(_turn_ids(sender_id)))
        )
    for table in PERSONAL_TABLES:
        connection.execute(table.delete().where(table.c.sender_id == sender_id))
    _forget_in_batches(connection, set(own))
    # After the turns: an export that holds them has written its copies down by then.
    copies.recall(connection, sender_id)
    _leave_mark(connection, sender_id, now=now)
    note(connection, "erase", now=now, rows=receipt.total)
    return receipt


def take_turns(connection: Connection, sender_id: str) -> bool:
    """Let nobody else begin or erase this conversation until the transaction ends.

    A conversation that is there is locked by its row; one that is not has none. False
    where there was nobody to wait for: SQLite has one writer anyway.
    """
    if connection.dialect.name == "sqlite":
        return False
    key = int.from_bytes(bytes.fromhex(_mark(sender_id)[:16]), "big", signed=True)
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
    return True


def forgotten(connection: Connection, sender_id: str, *, saved_at: float) -> bool:
    """Tell whether a person was erased after *saved_at*."""
    query = sa.select(erasures.c.mark).where(
        erasures.c.mark == _mark(sender_id), erasures.c.erased_at > saved_at
    )
    return connection.execute(query).first() is not None


def drop_marks(connection: Connection, *, before: float) -> None:
    """Drop marks that are older than any write could be."""
    connection.execute(erasures.delete().where(erasures.c.erased_at < before))


def _leave_mark(connection: Connection, sender_id: str, *, now: float) -> None:
    """Mark an erasure; of two, the later one counts, whichever is written first."""
    key = erasures.c.mark == _mark(sender_id)
    earlier = connection.execute(sa.select(erasures.c.erased_at).where(key)).scalar()
    connection.execute(erasures.delete().where(key))
    connection.execute(
        erasures.insert().values(
            mark=_mark(sender_id), erased_at=max(now, earlier or now)
        )
    )


def _mark(sender_id: str) -> str:
    """Hash the pseudonym, which is a keyed hash: only who has the secret gets here."""
    return hashlib.sha256(f"erased\0{sender_id}".encode()).hexdigest()


def compact(engine: Engine) -> None:
    """Flush SQLite's write-ahead log, which may still hold pages that were erased.

    Somebody reading the file keeps the log alive; then nothing is done, and the next
    sweep tries again.
    """
    if engine.dialect.name != "sqlite":
        return
    with contextlib.suppress(sqlite3.Error, exc.SQLAlchemyError):
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
