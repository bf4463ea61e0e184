"""Deleting by age, in small transactions beside a live bot.

A purge that was broken off goes on where it stopped when it is run again.
"""

import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin.storage.engine import transaction
from rasa_qa_plugin.storage.erasure import Receipt, compact
from rasa_qa_plugin.storage.purge_rounds import (
    KINDS,
    STEPS,
    Mark,
    Purge,
    old,
    old_stock,
    unmerged,
)
from rasa_qa_plugin.storage.runs import note
from rasa_qa_plugin.storage.schema import (
    activity,
    annotations,
    conversations,
    escalations,
    events,
    feedback,
    flags,
    originals,
    turns,
)
from rasa_qa_plugin.storage.stock import foreign

# SQLite hands its write lock to whoever asks next, not to whoever waits longest, and
# who waits asks every 100 ms: a purge must leave the lock alone for longer than that.
_BREATH_SECONDS = 0.12


def count(connection: Connection, purge: Purge) -> Receipt:
    """Count what :func:`run` would delete, by table."""
    what, cutoff = purge.what, purge.cutoff
    rows: dict[str, int] = {}

    def add(table: sa.Table, *conditions: Any) -> None:
        rows[table.name] = connection.execute(
            sa.select(sa.func.count()).select_from(table).where(sa.or_(*conditions))
        ).scalar_one()

    old_turns = sa.select(turns.c.turn_id).where(turns.c.recorded_at < cutoff)
    old_people = sa.select(conversations.c.sender_id).where(old(cutoff))
    if "events" in what:
        staying = sa.select(turns.c.sender_id)
        if "turns" in what:
            staying = staying.where(turns.c.recorded_at >= cutoff)
        add(
            events,
            events.c.sender_id.in_(old_people),
            sa.and_(foreign, events.c.sender_id.in_(old_stock(cutoff))),
        )
        add(
            conversations,
            sa.and_(old(cutoff), conversations.c.sender_id.not_in(staying)),
        )
    if what & {"events", "originals"}:
        expired = (originals.c.expires_at <= purge.now,) if "originals" in what else ()
        add(originals, originals.c.sender_id.in_(old_people), *expired)
    if "turns" in what:
        add(turns, turns.c.recorded_at < cutoff)
        add(flags, flags.c.turn_id.in_(old_turns))
        add(
            annotations,
            sa.and_(annotations.c.turn_id.in_(old_turns), unmerged()),
        )
    if what & {"turns", "feedback"}:
        of_turns = (feedback.c.turn_id.in_(old_turns),) if "turns" in what else ()
        aged = (feedback.c.given_at < cutoff,) if "feedback" in what else ()
        add(feedback, *of_turns, *aged)
    for kind, table, since in (
        ("tickets", escalations, escalations.c.created_at),
        ("activity", activity, activity.c.happened_at),
    ):
        if kind in what:
            add(table, since < cutoff)
    return Receipt(rows=rows)


def run(engine: Engine, purge: Purge) -> Iterator[Receipt]:
    """Delete what is older, and give after each transaction what it deleted.

    Younger conversations keep all of their events. Merged corrections stay as training
    data, under a new random id that leads to nobody. The audit trail is told before
    the first row goes and after the last.

    Raises:
        StorageError: The database refused or cannot be reached; what was given so far
            is deleted for good, and running it again does the rest.
    """
    hours = int((purge.now - purge.cutoff) // 3600)
    what = " ".join(kind for kind in KINDS if kind in purge.what)
    steps = [step for kind, step in STEPS if kind in purge.what]
    with transaction(engine) as connection:
        note(connection, "purge", now=purge.now, what=what, older_than_hours=hours)
    total: dict[str, int] = {}
    try:
        for step in steps:
            mark: Mark | None = None
            while True:
                with transaction(engine) as connection:
                    mark, rows = step(connection, purge, mark)
                for table, number in rows.items():
                    total[table] = total.get(table, 0) + number
                yield Receipt(rows=rows)
                if mark is None:
                    break
                if engine.dialect.name == "sqlite":
                    time.sleep(_BREATH_SECONDS)
        with transaction(engine) as connection:
            note(connection, "purged", now=purge.now, **total)
    finally:
        compact(engine)
