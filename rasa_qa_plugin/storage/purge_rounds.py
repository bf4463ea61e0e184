"""The rounds of a purge: what one transaction deletes, and where the next goes on.

On PostgreSQL a round takes no row that somebody else holds: a conversation that is
being written to is not old, and whatever else was busy is left to the next run.
"""

import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal, get_args

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import (
    activity,
    annotations,
    batches,
    conversations,
    copies,
    escalations,
    events,
    feedback,
    flags,
    originals,
    turns,
)
from rasa_qa_plugin.storage.stock import foreign

Kind = Literal["events", "turns", "feedback", "tickets", "originals", "activity"]
KINDS: tuple[Kind, ...] = get_args(Kind)
USUAL: tuple[Kind, ...] = KINDS[:-1]
"""What is purged unless asked otherwise: what people said and did.

Consents are never purged: they prove why the rest was allowed.
"""

_BATCH = 500
_MOST_EVENTS = 5_000
_FILES = 10

Mark = tuple[Any, ...]
_Round = tuple[Mark | None, dict[str, int]]
_Step = Callable[[Connection, "Purge", Mark | None], _Round]


class Purge(msgspec.Struct, frozen=True, kw_only=True):
    """What to delete.

    Attributes:
        cutoff: Seconds since the epoch; what is older goes.
        batch: Conversations, turns or rows that one transaction takes at most.
    """

    cutoff: float
    now: float
    what: frozenset[Kind] = frozenset(USUAL)
    batch: int = _BATCH


def old(cutoff: float) -> Any:
    """Give the condition that a conversation has not gone on since *cutoff*."""
    return conversations.c.last_event_at < cutoff


def old_stock(cutoff: float) -> sa.sql.Select:
    """Give the raw sender ids of the stock store whose last event is older."""
    return (
        sa.select(events.c.sender_id)
        .where(foreign)
        .group_by(events.c.sender_id)
        .having(sa.func.max(events.c.timestamp) < cutoff)
    )


def unmerged() -> Any:
    """Give the condition that a correction is not training data."""
    return annotations.c.status != "merged"


def _page(
    connection: Connection,
    query: sa.sql.Select,
    key: Sequence[sa.Column[Any]],
    mark: Mark | None,
    limit: int,
) -> tuple[list[Any], Mark | None]:
    """Give the rows that come after *mark*, and the mark of the next page if any.

    Rows that were left alone are not looked at again.
    """
    if mark is not None:
        after: Any = sa.tuple_(*(sa.literal(value) for value in mark))
        query = query.where(sa.tuple_(*key) > after)
    rows = connection.execute(query.order_by(*key).limit(limit)).all()
    if len(rows) < limit:
        return rows, None
    return rows, tuple(getattr(rows[-1], column.name) for column in key)


def _lock(
    connection: Connection, sender_ids: Collection[str], *conditions: Any
) -> set[str]:
    """Lock the conversations that nobody is writing to, and give whose they are."""
    return set(
        connection.execute(
            sa.select(conversations.c.sender_id)
            .where(conversations.c.sender_id.in_(list(sender_ids)), *conditions)
            .with_for_update(skip_locked=True)
        ).scalars()
    )


def _delete(connection: Connection, table: sa.Table, *conditions: Any) -> int:
    return connection.execute(table.delete().where(*conditions)).rowcount


def _delete_originals(connection: Connection, *conditions: Any) -> int:
    """Delete originals, but for those that a server's own sweep is deleting now."""
    key = (originals.c.sender_id, originals.c.seq)
    free = sa.select(*key).where(*conditions).with_for_update(skip_locked=True)
    return _delete(connection, originals, sa.tuple_(*key).in_(free))


def _forget_values(connection: Connection, sender_ids: Collection[str]) -> None:
    """Drop the numbering of values; running servers must read anew."""
    connection.execute(
        conversations.update()
        .where(conversations.c.sender_id.in_(list(sender_ids)))
        .values(token_map=None, version=conversations.c.version + 1)
    )


def _turns(connection: Connection, purge: Purge, mark: Mark | None) -> _Round:
    """Delete turns with all that hangs on them, unless somebody works on them now."""
    rows, mark = _page(
        connection,
        sa.select(turns.c.recorded_at, turns.c.turn_id, turns.c.sender_id).where(
            turns.c.recorded_at < purge.cutoff
        ),
        (turns.c.recorded_at, turns.c.turn_id),
        mark,
        purge.batch,
    )
    people = {row.sender_id for row in rows}
    free = _lock(connection, people)
    busy = set(
        connection.execute(
            sa.select(conversations.c.sender_id).where(
                conversations.c.sender_id.in_(list(people - free))
            )
        ).scalars()
    )
    old_ones = [row.turn_id for row in rows if row.sender_id not in busy]
    # Nor are they answered now: the answer would stay behind, with its text.
    own = list(
        connection.execute(
            sa.select(turns.c.turn_id)
            .where(turns.c.turn_id.in_(old_ones))
            .with_for_update(skip_locked=True)
        ).scalars()
    )
    deleted = {
        annotations.name: _delete(
            connection, annotations, annotations.c.turn_id.in_(own), unmerged()
        ),
        flags.name: _delete(connection, flags, flags.c.turn_id.in_(own)),
        feedback.name: _delete(connection, feedback, feedback.c.turn_id.in_(own)),
        turns.name: _delete(connection, turns, turns.c.turn_id.in_(own)),
    }
    _unlink(connection, own)
    return mark, deleted


def _unlink(connection: Connection, turn_ids: Sequence[str]) -> None:
    """Give merged corrections an id that nobody can compute from a message.

    Who annotated and approved them is of no more use, and goes.
    """
    merged = connection.execute(
        sa.select(annotations.c.id).where(annotations.c.turn_id.in_(list(turn_ids)))
    ).scalars()
    renamed = [
        {"at_id": row_id, "unlinked": f"purged_{secrets.token_hex(8)}"}
        for row_id in merged
    ]
    if renamed:
        connection.execute(
            annotations.update()
            .where(annotations.c.id == sa.bindparam("at_id"))
            .values(turn_id=sa.bindparam("unlinked"), annotator="", approver=None),
            renamed,
        )


def _batches(connection: Connection, purge: Purge, mark: Mark | None) -> _Round:
    """Take the turns that are gone out of the lists of exported files.

    All that are gone, not only this run's: one that was killed may have left some. Who
    got a file goes with the last of its turns.
    """
    rows, mark = _page(
        connection,
        sa.select(batches).with_for_update(skip_locked=True),
        (batches.c.batch_id,),
        mark,
        _FILES,
    )
    for row in rows:
        named = msgspec.json.decode(row.turns, type=list[str])
        present: set[str] = set()
        for start in range(0, len(named), purge.batch):
            present.update(
                connection.execute(
                    sa.select(turns.c.turn_id).where(
                        turns.c.turn_id.in_(named[start : start + purge.batch])
                    )
                ).scalars()
            )
        kept = [turn_id for turn_id in named if turn_id in present]
        if len(kept) < len(named):
            connection.execute(
                batches.update()
                .where(batches.c.batch_id == row.batch_id)
                .values(
                    turns=msgspec.json.encode(kept).decode(),
                    people=batches.c.people if kept else "[]",
                )
            )
    return mark, {}


def _copies(connection: Connection, purge: Purge, mark: Mark | None) -> _Round:
    """Let copies in files lead to nobody once their turns are gone.

    What is recalled stays on record until `rasa-qa erase` has settled it.
    """
    is_left = sa.exists().where(turns.c.turn_id == copies.c.turn_id)
    rows, mark = _page(
        connection,
        sa.select(copies.c.id)
        .where(copies.c.sender_id.is_not(None), ~is_left)
        .with_for_update(skip_locked=True),
        (copies.c.id,),
        mark,
        purge.batch,
    )
    _delete(connection, copies, copies.c.id.in_([row.id for row in rows]))
    return mark, {}


def _stock(connection: Connection, purge: Purge, mark: Mark | None) -> _Round:
    """Delete conversations of Rasa's own store that nobody has taken over yet.

    Rows go by their ids: see :mod:`rasa_qa_plugin.storage.stock`.
    """
    rows, mark = _page(
        connection,
        sa.select(events.c.id).where(
            foreign, events.c.sender_id.in_(old_stock(purge.cutoff))
        ),
        (events.c.id,),
        mark,
        _MOST_EVENTS,
    )
    ids = [row.id for row in rows]
    deleted = sum(
        _delete(
            connection,
            events,
            events.c.id.in_(ids[start : start + purge.batch]),
            foreign,
        )
        for start in range(0, len(ids), purge.batch)
    )
    return mark, {events.name: deleted}


def _by_age(table: sa.Table, key: sa.Column[Any], since: sa.Column[Any]) -> _Step:
    """Give the round that deletes rows by their own age, unless somebody holds them."""

    def step(connection: Connection, purge: Purge, mark: Mark | None) -> _Round:
        rows, mark = _page(
            connection,
            sa.select(key)
            .where(since < purge.cutoff)
            .with_for_update(skip_locked=True),
            (key,),
            mark,
            purge.batch,
        )
        own = key.in_([row[0] for row in rows])
        return mark, {table.name: _delete(connection, table, own)}

    return step


def _conversations(connection: Connection, purge: Purge, mark: Mark | None) -> _Round:
    """Delete conversations whole: events, originals and the row.

    The row stays, empty, while turns of the person stay: it knows which numbers are
    taken, and a turn of the same number would be refused.
    """
    key = (conversations.c.last_event_at, conversations.c.sender_id)
    rows, mark = _page(
        connection,
        sa.select(*key, conversations.c.event_count).where(old(purge.cutoff)),
        key,
        mark,
        purge.batch,
    )
    held = 0
    for index, row in enumerate(rows):
        held += row.event_count
        if index and held > _MOST_EVENTS:
            # Long conversations: fewer at a time.
            rows = rows[:index]
            mark = (rows[-1].last_event_at, rows[-1].sender_id)
            break
    free = list(_lock(connection, [row.sender_id for row in rows], old(purge.cutoff)))
    deleted = {
        events.name: _delete(connection, events, events.c.sender_id.in_(free)),
        originals.name: _delete_originals(connection, originals.c.sender_id.in_(free)),
    }
    staying = list(
        connection.execute(
            sa.select(turns.c.sender_id).where(turns.c.sender_id.in_(free)).distinct()
        ).scalars()
    )
    _forget_values(connection, staying)
    deleted[conversations.name] = _delete(
        connection,
        conversations,
        conversations.c.sender_id.in_(free),
        conversations.c.sender_id.not_in(staying),
    )
    return mark, deleted


def _expired_originals(
    connection: Connection, purge: Purge, mark: Mark | None
) -> _Round:
    """Delete originals whose live window is over, of younger conversations too."""
    key = (originals.c.sender_id, originals.c.seq)
    rows, mark = _page(
        connection,
        sa.select(*key)
        .where(originals.c.expires_at <= purge.now)
        .with_for_update(skip_locked=True),
        key,
        mark,
        purge.batch,
    )
    own = sa.tuple_(*key).in_([tuple(row) for row in rows])
    return mark, {originals.name: _delete(connection, originals, own)}


def _old_originals(connection: Connection, purge: Purge, mark: Mark | None) -> _Round:
    """Delete the originals of older conversations, however long they may live."""
    key = (conversations.c.last_event_at, conversations.c.sender_id)
    some = sa.exists().where(originals.c.sender_id == conversations.c.sender_id)
    rows, mark = _page(
        connection,
        sa.select(*key).where(
            old(purge.cutoff),
            sa.or_(conversations.c.token_map.is_not(None), some),
        ),
        key,
        mark,
        purge.batch,
    )
    free = list(_lock(connection, [row.sender_id for row in rows], old(purge.cutoff)))
    deleted = _delete_originals(connection, originals.c.sender_id.in_(free))
    _forget_values(connection, free)
    return mark, {originals.name: deleted}


# Turns first: a conversation's row goes only when none of its turns is left.
STEPS = (
    ("turns", _turns),
    ("turns", _batches),
    ("turns", _copies),
    # A flag that a rating raised stays with its turn.
    ("feedback", _by_age(feedback, feedback.c.id, feedback.c.given_at)),
    # By the day they were opened: so old are the words in them.
    (
        "tickets",
        _by_age(escalations, escalations.c.ticket_id, escalations.c.created_at),
    ),
    ("events", _conversations),
    ("events", _stock),
    ("originals", _expired_originals),
    ("originals", _old_originals),
    ("activity", _by_age(activity, activity.c.id, activity.c.happened_at)),
)
