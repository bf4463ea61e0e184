"""The review queue in the database: what waits, what was answered, in which order.

A turn waits while it is new, has a text that may be kept, and has a priority. Of turns
that say the same, one has a priority; the others share its `duplicate_key`. Turns that
waited when a model was promoted have been read again by it, and the queue goes by that:
what the bot understands by now needs no reader.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import annotations, flags, turns

_BATCH = 500
_WAITING = sa.and_(turns.c.status == "new", turns.c.text.is_not(None))
# Spelled out: a list cannot be part of a statement for many rows.
_UNANSWERED = sa.and_(
    sa.or_(*(turns.c.status == name for name in ("new", "exported", "rejected"))),
    turns.c.text.is_not(None),
)


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What the ranking reads of a :class:`rasa_qa_plugin.storage.turns.Turn`.

    *intent*, *confidence* and *margin* are the live model's where it has read the turn
    again; *novelty* and *flags* are from when it was said.
    """

    turn_id: str
    text: str
    intent: str | None
    confidence: float | None
    margin: float | None
    novelty: float | None = None
    error_score: float | None = None
    duplicate_key: str | None = None
    priority: float | None = None
    flags: tuple[str, ...] = ()
    reread: bool = False


class Reread(msgspec.Struct, frozen=True, array_like=True):
    """What another model than the one that answered makes of a waiting turn."""

    turn_id: str
    intent: str
    confidence: float
    margin: float | None


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """A turn with the intent that people gave it."""

    turn: Waiting
    right_intent: str
    merged: bool = False

    @property
    def wrong(self) -> bool:
        """Whether the bot takes it, or took it, for something else."""
        return self.turn.intent != self.right_intent


class Rank(msgspec.Struct, frozen=True, kw_only=True):
    """Where a turn stands in the queue.

    Attributes:
        error_score: Probability that the bot's intent is wrong, 0..1.
        reasons: Signal to log-odds.
        duplicate_key: Shared by turns that one answer settles.
        priority: Expected errors found per second of reading; None keeps the turn out
            of the queue: another one stands for it, or it is training data already.
    """

    turn_id: str
    error_score: float
    reasons: dict[str, float]
    duplicate_key: str
    priority: float | None


def _now(name: str) -> sa.sql.ColumnElement[Any]:
    """Give the live model's value where it has read the turn, else the bot's."""
    is_reread = turns.c.live_intent.is_not(None)
    return sa.case((is_reread, turns.c[f"live_{name}"]), else_=turns.c[name]).label(
        name
    )


_COLUMNS = (
    turns.c.turn_id,
    turns.c.text,
    *map(_now, ("intent", "confidence", "margin")),
    turns.c.novelty,
    turns.c.error_score,
    turns.c.duplicate_key,
    turns.c.priority,
    turns.c.live_intent.is_not(None).label("reread"),
)


def waiting(connection: Connection, *, most: int) -> list[Waiting]:
    """Give the turns that wait for a reader, the likeliest errors first.

    Before them those without an estimate, which come from before an upgrade.
    """
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .where(_WAITING)
        .order_by(turns.c.error_score.desc().nulls_first(), turns.c.turn_id)
        .limit(most)
    ).all()
    raised = _flags_of(connection, [row.turn_id for row in rows])
    return [_turn(row, raised) for row in rows]


def answered(connection: Connection, *, most: int) -> list[Answered]:
    """Give the latest answers that count, oldest first."""
    rows = connection.execute(
        sa.select(
            *_COLUMNS,
            annotations.c.intent.label("right_intent"),
            annotations.c.status.label("state"),
        )
        .join(annotations, annotations.c.turn_id == turns.c.turn_id)
        .where(
            annotations.c.status.in_(["annotated", "approved", "merged"]),
            turns.c.text.is_not(None),
        )
        .order_by(annotations.c.id.desc())
        .limit(most)
    ).all()
    raised = _flags_of(connection, [row.turn_id for row in rows])
    return [
        Answered(
            turn=_turn(row, raised),
            right_intent=row.right_intent,
            merged=row.state == "merged",
        )
        for row in reversed(rows)
    ]


def _turn(row: Any, raised: dict[str, list[str]]) -> Waiting:
    return Waiting(
        turn_id=row.turn_id,
        text=row.text,
        intent=row.intent,
        confidence=row.confidence,
        margin=row.margin,
        novelty=row.novelty,
        error_score=row.error_score,
        duplicate_key=row.duplicate_key,
        priority=row.priority,
        flags=tuple(raised.get(row.turn_id, ())),
        reread=bool(row.reread),
    )


def _flags_of(connection: Connection, turn_ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in _parts(turn_ids):
        for row in connection.execute(
            sa.select(flags.c.turn_id, flags.c.flag).where(flags.c.turn_id.in_(part))
        ):
            found.setdefault(row.turn_id, []).append(row.flag)
    return found


def write_ranks(connection: Connection, ranks: Sequence[Rank]) -> None:
    """Keep where turns stand; those that were answered meanwhile stay as they are.

    Hand in some hundreds at a time: the rows stay locked until the transaction ends.
    """
    values = [
        {**msgspec.structs.asdict(rank), "reasons": json.dumps(rank.reasons)}
        for rank in ranks
    ]
    if not values:
        return
    if connection.dialect.name == "postgresql":
        # One statement: a round trip per row would take seconds.
        connection.execute(_RANK_MANY, {"ranks": json.dumps(values)})
        return
    changed = ("error_score", "reasons", "duplicate_key", "priority")
    connection.execute(
        turns.update()
        .where(turns.c.turn_id == sa.bindparam("id"), _WAITING)
        .values({name: sa.bindparam(f"new_{name}") for name in changed}),
        [
            {"id": row["turn_id"], **{f"new_{name}": row[name] for name in changed}}
            for row in values
        ],
    )


def reread_by_now(connection: Connection) -> list[str]:
    """Give the ids of unanswered turns that some model has read again."""
    rows = connection.execute(
        sa.select(turns.c.turn_id).where(_UNANSWERED, turns.c.live_intent.is_not(None))
    )
    return list(rows.scalars())


def write_reread(connection: Connection, reread: Mapping[str, Reread | None]) -> None:
    """Keep what a promoted model makes of turns by id; None forgets what another made.

    Answered ones keep what they were answered by. Hand in some hundreds at a time: the
    rows stay locked until the transaction ends.
    """
    if not reread:
        return
    hold(connection, reread)
    connection.execute(
        turns.update()
        .where(turns.c.turn_id == sa.bindparam("id"), _UNANSWERED)
        .values(
            live_intent=sa.bindparam("new_live_intent"),
            live_confidence=sa.bindparam("new_live_confidence"),
            live_margin=sa.bindparam("new_live_margin"),
        ),
        [
            {
                "id": turn_id,
                "new_live_intent": None if one is None else one.intent,
                "new_live_confidence": None if one is None else one.confidence,
                "new_live_margin": None if one is None else one.margin,
            }
            for turn_id, one in sorted(reread.items())
        ],
    )


_RANK_MANY = sa.text(
    """
    WITH rank AS (
        SELECT * FROM json_to_recordset(CAST(:ranks AS json)) AS rank(
            turn_id text, error_score double precision, reasons text,
            duplicate_key text, priority double precision)
    ), held AS (
        SELECT turn_id FROM qa_turns WHERE turn_id IN (SELECT turn_id FROM rank)
        ORDER BY turn_id FOR UPDATE
    )
    UPDATE qa_turns SET error_score = rank.error_score, reasons = rank.reasons,
        duplicate_key = rank.duplicate_key, priority = rank.priority
    FROM rank JOIN held ON held.turn_id = rank.turn_id
    WHERE qa_turns.turn_id = rank.turn_id AND qa_turns.status = 'new'
        AND qa_turns.text IS NOT NULL
    """
)


def first_in_line(
    connection: Connection, *, flag: str | None = None, limit: int
) -> list[str]:
    """Give the ids of the turns to read next, the best use of a reader's time first."""
    query = (
        sa.select(turns.c.turn_id)
        .where(_WAITING, turns.c.priority.is_not(None))
        .order_by(turns.c.priority.desc())
        .limit(limit)
    )
    if flag is not None:
        query = query.where(
            turns.c.turn_id.in_(sa.select(flags.c.turn_id).where(flags.c.flag == flag))
        )
    return list(connection.execute(query).scalars())


def duplicates(
    connection: Connection, keys: Iterable[str], *, most: int
) -> dict[str, list[tuple[str, str]]]:
    """Give waiting turns by key, as ids with texts, oldest first, *most* of each."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key in keys:
        rows = connection.execute(
            sa.select(turns.c.turn_id, turns.c.text)
            .where(_WAITING, turns.c.duplicate_key == key)
            .order_by(turns.c.recorded_at)
            .limit(most)
        )
        found[key] = [(row.turn_id, row.text) for row in rows]
    return found


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said and what the bot answered, both masked."""

    text: str
    answer: str | None


def context(
    connection: Connection, sender_id: str, seq: int, *, most: int
) -> list[Exchange]:
    """Give what was said right before an event of a conversation, oldest first."""
    rows = connection.execute(
        sa.select(turns.c.text, turns.c.answer)
        .where(
            turns.c.sender_id == sender_id,
            turns.c.seq < seq,
            turns.c.text.is_not(None),
        )
        .order_by(turns.c.seq.desc())
        .limit(most)
    ).all()
    return [Exchange(text=row.text, answer=row.answer) for row in reversed(rows)]


def hold(connection: Connection, turn_ids: Iterable[str]) -> None:
    """Let nobody else change these turns until the transaction ends.

    All who write several turns take them in the order of their ids, so that two of them
    wait for each other and do not block each other. SQLite has one writer anyway.
    """
    if connection.dialect.name == "sqlite":
        return
    for part in _parts(sorted(set(turn_ids))):
        connection.execute(
            sa.select(turns.c.turn_id)
            .where(turns.c.turn_id.in_(part))
            .order_by(turns.c.turn_id)
            .with_for_update()
        )


def _parts(values: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(values)
    while part := list(islice(rest, _BATCH)):
        yield part
