"""Turns: what a user said, what the bot made of it, and what is wrong with it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import annotations, feedback, flags, plain, turns

Status = Literal[
    "new", "exported", "annotated", "approved", "merged", "rejected", "withdrawn"
]
STATUSES: tuple[Status, ...] = (
    "new",
    "exported",
    "annotated",
    "approved",
    "merged",
    "rejected",
    "withdrawn",
)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One user message and the bot's answer to it.

    Attributes:
        sender_id: Pseudonym.
        seq: Number of the user event in its conversation.
        message_ref: Hash of Rasa's message id; feedback names the turn by it.
        recorded_at: Seconds since the epoch.
        text: Masked text; None without consent.
        entities: Rasa's entities with offsets into *text*; None without consent.
        answer: Masked answer of the bot; None without consent.
        confidence: Of *intent*, which is the top intent before any fallback.
        margin: Distance to *second_intent*.
        entropy: Of the intent ranking, normalized to 0..1.
        novelty: How unlike the training data the text is, 0..1.
        language: As the channel names it.
        duplicate_key: Shared by turns that say the same; None without a text.
        error_score: Probability that *live_intent*, or else *intent*, is wrong, 0..1.
        reasons: Signal to what it adds to the log-odds of an error; None until the
            queue was ranked.
        priority: Expected errors found per second of reading; None keeps a turn out of
            the queue.
        live_intent: What the model promoted last makes of the text, if it has read it;
            *intent* is what the bot went by when it answered.
        live_confidence: Of *live_intent*, 0..1.
        live_margin: Distance to that model's second intent.
        flags: Reasons to read this turn.
        rating: 1, -1, or None where nobody rated.
        comment: What the person said about the answer, masked.
    """

    turn_id: str
    sender_id: str
    seq: int
    message_ref: str | None = None
    recorded_at: float
    channel: str | None = None
    model_id: str | None = None
    text: str | None = None
    entities: list[dict[str, Any]] | None = None
    answer: str | None = None
    intent: str | None = None
    confidence: float | None = None
    second_intent: str | None = None
    margin: float | None = None
    entropy: float | None = None
    status: Status = "new"
    novelty: float | None = None
    language: str | None = None
    duplicate_key: str | None = None
    error_score: float | None = None
    reasons: dict[str, float] | None = None
    priority: float | None = None
    live_intent: str | None = None
    live_confidence: float | None = None
    live_margin: float | None = None
    flags: list[str] = []
    rating: int | None = None
    comment: str | None = None

    @property
    def intent_now(self) -> str | None:
        """What the live model makes of it, as long as nobody has answered."""
        return self.live_intent if self.status in ("new", "exported") else None


class Said(NamedTuple):
    """A turn's words and when they were said."""

    turn_id: str
    text: str
    recorded_at: float


_COLUMNS = tuple(column.name for column in turns.columns)
_ENCODED = ("entities", "reasons")
_BATCH = 500
_UNREAD: dict[str, None] = dict.fromkeys(
    ("live_intent", "live_confidence", "live_margin")
)
# What hangs on a text and goes with it.
_WORDS: dict[str, None] = dict.fromkeys(
    (
        *("text", "entities", "answer", "duplicate_key", "reasons", "priority"),
        *_UNREAD,
    )
)
# Statements of every save, made once: making them takes longer than running them.
_RAISE = flags.insert().from_select(
    ["turn_id", "flag", "flagged_at"],
    sa.select(
        turns.c.turn_id,
        sa.bindparam("raised", type_=flags.c.flag.type),
        sa.bindparam("now", type_=flags.c.flagged_at.type),
    ).where(
        turns.c.turn_id.in_(sa.bindparam("ids", expanding=True)),
        ~sa.exists().where(
            sa.and_(
                flags.c.turn_id == turns.c.turn_id,
                flags.c.flag == sa.bindparam("raised"),
            )
        ),
    ),
)
_BEFORE = (
    sa.select(turns.c.turn_id, turns.c.text, turns.c.recorded_at)
    .where(turns.c.sender_id == sa.bindparam("of"), turns.c.seq < sa.bindparam("at"))
    .order_by(turns.c.seq.desc())
    .limit(1)
)


def record(connection: Connection, new: Sequence[Turn]) -> None:
    """Insert turns and their flags."""
    rows = []
    for turn in new:
        values = {name: getattr(turn, name) for name in _COLUMNS}
        for name in _ENCODED:
            if values[name] is not None:
                values[name] = msgspec.json.encode(values[name]).decode()
        rows.append(values)
    raised = [
        {"turn_id": turn.turn_id, "flag": flag, "flagged_at": turn.recorded_at}
        for turn in new
        for flag in dict.fromkeys(turn.flags)
    ]
    if rows:
        connection.execute(turns.insert(), rows)
    if raised:
        connection.execute(flags.insert(), raised)


def raise_flag(
    connection: Connection, turn_ids: Sequence[str], flag: str, *, now: float
) -> int:
    """Flag turns that exist; give how many did not have the flag yet."""
    raised = 0
    for start in range(0, len(turn_ids), _BATCH):
        part = list(turn_ids[start : start + _BATCH])
        values = {"ids": part, "raised": flag, "now": now}
        raised += connection.execute(_RAISE, values).rowcount
    return raised


def lower_flag(connection: Connection, turn_ids: Sequence[str], flag: str) -> int:
    """Take a flag back; give how many turns had it."""
    lowered = 0
    for start in range(0, len(turn_ids), _BATCH):
        part = list(turn_ids[start : start + _BATCH])
        lowered += connection.execute(
            flags.delete().where(flags.c.turn_id.in_(part), flags.c.flag == flag)
        ).rowcount
    return lowered


def by_id(connection: Connection, turn_ids: Iterable[str]) -> dict[str, Turn]:
    """Give the turns that exist among *turn_ids*."""
    wanted = list(turn_ids)
    found: dict[str, Turn] = {}
    for start in range(0, len(wanted), _BATCH):
        rows = (
            connection.execute(
                sa.select(turns).where(
                    turns.c.turn_id.in_(wanted[start : start + _BATCH])
                )
            )
            .mappings()
            .all()
        )
        found.update((turn.turn_id, turn) for turn in complete(connection, rows))
    return found


def existing(connection: Connection, turn_ids: Sequence[str]) -> set[str]:
    """Give those of *turn_ids* that turns have."""
    found: set[str] = set()
    for start in range(0, len(turn_ids), _BATCH):
        part = list(turn_ids[start : start + _BATCH])
        query = sa.select(turns.c.turn_id).where(turns.c.turn_id.in_(part))
        found.update(connection.execute(query).scalars())
    return found


def complete(
    connection: Connection, rows: Sequence[Mapping[str, Any]]
) -> Iterator[Turn]:
    """Join flags and feedback to turn rows, a page at a time."""
    ids = [row["turn_id"] for row in rows]
    flags_of: dict[str, list[str]] = {}
    for raised in connection.execute(
        sa.select(flags).where(flags.c.turn_id.in_(ids)).order_by(flags.c.flag)
    ):
        flags_of.setdefault(raised.turn_id, []).append(raised.flag)
    feedback_of = {
        given.turn_id: given
        for given in connection.execute(
            sa.select(feedback).where(feedback.c.turn_id.in_(ids))
        )
    }
    for row in rows:
        values = plain(row)
        for name in _ENCODED:
            if values[name] is not None:
                values[name] = msgspec.json.decode(values[name])
        given = feedback_of.get(row["turn_id"])
        yield msgspec.convert(
            {
                **values,
                "flags": flags_of.get(row["turn_id"], []),
                "rating": given.rating if given else None,
                "comment": given.comment if given else None,
            },
            Turn,
        )


def set_status(connection: Connection, turn_ids: Sequence[str], status: Status) -> None:
    """Move turns on; withdrawn ones stay withdrawn.

    Those that leave the queue leave their group: its key tells of the words of the one
    that leads it, who may be erased later.
    """
    values: dict[str, Any] = {"status": status}
    if status == "new":  # what read it meanwhile may not be live any more
        values.update(_UNREAD)
    else:
        values["duplicate_key"] = None
    for start in range(0, len(turn_ids), _BATCH):
        connection.execute(
            turns.update()
            .where(
                turns.c.turn_id.in_(list(turn_ids[start : start + _BATCH])),
                turns.c.status != "withdrawn",
            )
            .values(values)
        )


def reopen(connection: Connection, turn_ids: Sequence[str]) -> int:
    """Let rejected turns wait again; give how many did."""
    reopened = 0
    for start in range(0, len(turn_ids), _BATCH):
        part = list(turn_ids[start : start + _BATCH])
        connection.execute(
            annotations.update()
            .where(annotations.c.turn_id.in_(part), annotations.c.status == "rejected")
            .values(status="overruled")
        )
        reopened += connection.execute(
            turns.update()
            .where(turns.c.turn_id.in_(part), turns.c.status == "rejected")
            .values(status="new", **_UNREAD)
        ).rowcount
    return reopened


def beside(
    connection: Connection, turn: Turn, *, before: int, after: int
) -> tuple[list[Turn], list[Turn]]:
    """Give the turns of the same conversation next to one, each side oldest first."""
    own = sa.select(turns).where(turns.c.sender_id == turn.sender_id)
    earlier = own.where(turns.c.seq < turn.seq).order_by(turns.c.seq.desc())
    later = own.where(turns.c.seq > turn.seq).order_by(turns.c.seq)
    sides = [
        connection.execute(query.limit(most)).mappings().all()
        for query, most in ((earlier, before), (later, after))
    ]
    return (
        list(complete(connection, sides[0][::-1])),
        list(complete(connection, sides[1])),
    )


def last_turn_ref(connection: Connection, sender_id: str) -> str | None:
    """Give the message reference of a person's latest turn."""
    ref: str | None = connection.execute(
        sa.select(turns.c.message_ref)
        .where(turns.c.sender_id == sender_id)
        .order_by(turns.c.seq.desc())
        .limit(1)
    ).scalar_one_or_none()
    return ref


def before(connection: Connection, sender_id: str, seq: int) -> Said | None:
    """Give the person's latest turn before an event, if its text was kept."""
    row = connection.execute(_BEFORE, {"of": sender_id, "at": seq}).first()
    if row is None or row.text is None:
        return None
    return Said(row.turn_id, row.text, row.recorded_at)


def id_of(connection: Connection, sender_id: str, message_ref: str) -> str | None:
    """Give the turn of a person that has this message; None if there is none."""
    query = sa.select(turns.c.turn_id).where(
        turns.c.sender_id == sender_id, turns.c.message_ref == message_ref
    )
    found: str | None = connection.execute(
        query.order_by(turns.c.seq.desc()).limit(1)
    ).scalar_one_or_none()
    return found


def withdraw(connection: Connection, sender_id: str) -> int:
    """Delete the captured words of a person; numbers stay. Give how many turns.

    Their annotations lose the text too and can no longer be merged.
    """
    own = sa.select(turns.c.turn_id).where(turns.c.sender_id == sender_id)
    # Whoever annotates them holds them; an annotation made after this would stay.
    connection.execute(own.order_by(turns.c.turn_id).with_for_update())
    connection.execute(
        annotations.update()
        .where(annotations.c.turn_id.in_(own))
        .values(text=None, entities=None, status="withdrawn")
    )
    connection.execute(
        feedback.update().where(feedback.c.sender_id == sender_id).values(comment=None)
    )
    return connection.execute(
        turns.update()
        .where(turns.c.sender_id == sender_id, turns.c.text.is_not(None))
        .values(**_WORDS, status="withdrawn")
    ).rowcount


def discard(connection: Connection, sender_id: str) -> None:
    """Delete a person's turns with all that hangs on them; ratings stay, unbound."""
    own = sa.select(turns.c.turn_id).where(turns.c.sender_id == sender_id)
    connection.execute(own.order_by(turns.c.turn_id).with_for_update())  # as above
    for table in (flags, annotations):
        connection.execute(table.delete().where(table.c.turn_id.in_(own)))
    connection.execute(
        feedback.update().where(feedback.c.sender_id == sender_id).values(turn_id=None)
    )
    connection.execute(turns.delete().where(turns.c.sender_id == sender_id))
