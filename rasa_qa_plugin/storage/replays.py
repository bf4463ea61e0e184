"""Which batches are written that may come again, so that none is written twice."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import replays


def has(connection: Connection, batch_id: str) -> bool:
    """Tell whether the batch was written before."""
    query = sa.select(replays.c.batch_id).where(replays.c.batch_id == batch_id)
    return connection.execute(query).first() is not None


def note(connection: Connection, batch_id: str, *, now: float) -> None:
    """Note that the batch is written, in a transaction that writes its conversation."""
    if not has(connection, batch_id):
        connection.execute(replays.insert().values(batch_id=batch_id, replayed_at=now))


def forget(connection: Connection, *, before: float) -> None:
    """Drop notes that are older than any spool could be."""
    connection.execute(replays.delete().where(replays.c.replayed_at < before))
