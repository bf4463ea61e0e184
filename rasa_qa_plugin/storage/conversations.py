"""Conversations: events in order, originals that still live, versions."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import conversations, events, originals, plain


class Conversation(msgspec.Struct, frozen=True):
    """The row that says where a conversation stands.

    Attributes:
        sender_id: Pseudonym.
        event_count: Events so far; the next event gets this number as ``seq``.
        session: Sessions so far.
        session_start_seq: ``seq`` of the last ``session_started`` event.
        version: Grows with every change, so that caches know when they are stale.
        token_map: Sealed numbering of masked values.
        last_batch: Id of the save that came last; trying that one again does nothing.
    """

    sender_id: str
    event_count: int
    session: int
    session_start_seq: int
    version: int
    channel: str | None
    started_at: float
    last_event_at: float
    token_map: bytes | None
    last_batch: str | None = None


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as it goes into, or comes out of, the tables.

    Attributes:
        masked: The event as JSON, masked; None where no row is kept.
        original: Sealed original; None when masking changed nothing, or it expired.
    """

    seq: int
    masked: str | None
    original: bytes | None


# Clocks of servers that are set right differ by less.
_SKEW_SECONDS = 600.0
# Statements made once: making them takes SQLAlchemy longer than SQLite to run them.
_OF = conversations.c.sender_id == sa.bindparam("of")
_FIND = sa.select(conversations).where(_OF)
_FIND_TO_UPDATE = _FIND.with_for_update()  # SQLite's transactions lock all there is
_PUT = conversations.update().where(_OF)


def find(
    connection: Connection, sender_id: str, *, for_update: bool = False
) -> Conversation | None:
    """Give the conversation of a pseudonym, locking its row when asked."""
    query = _FIND_TO_UPDATE if for_update else _FIND
    row = connection.execute(query, {"of": sender_id}).mappings().first()
    return None if row is None else msgspec.convert(plain(row), Conversation)


def put(connection: Connection, conversation: Conversation) -> None:
    """Write the row, whether or not it is there."""
    values = msgspec.structs.asdict(conversation)
    updated = connection.execute(_PUT, {**values, "of": conversation.sender_id})
    if updated.rowcount == 0:
        connection.execute(conversations.insert(), values)


def touch(connection: Connection, sender_id: str) -> None:
    """Raise the version, so that running servers read the conversation anew."""
    connection.execute(
        conversations.update()
        .where(conversations.c.sender_id == sender_id)
        .values(version=conversations.c.version + 1)
    )


def senders(connection: Connection) -> list[str]:
    """Give the pseudonyms of all conversations."""
    return list(connection.execute(sa.select(conversations.c.sender_id)).scalars())


def read(
    connection: Connection, sender_id: str, *, from_seq: int, now: float
) -> list[StoredEvent]:
    """Give the events from *from_seq* on, with the originals that have not expired."""
    masked: dict[int, str] = {
        row[0]: row[1]
        for row in connection.execute(
            sa.select(events.c.seq, events.c.data).where(
                events.c.sender_id == sender_id, events.c.seq >= from_seq
            )
        ).all()
    }
    sealed: dict[int, bytes] = {
        seq: bytes(payload)
        for seq, payload in connection.execute(
            sa.select(originals.c.seq, originals.c.payload).where(
                originals.c.sender_id == sender_id,
                originals.c.seq >= from_seq,
                originals.c.expires_at > now,
            )
        ).all()
    }
    return [
        StoredEvent(seq, masked.get(seq), sealed.get(seq))
        for seq in sorted(masked.keys() | sealed.keys())
    ]


def append(
    connection: Connection,
    sender_id: str,
    stored: Sequence[tuple[StoredEvent, Mapping[str, Any], int]],
    *,
    expires_at: float,
) -> None:
    """Insert events: each with the kept form its columns are read from, and session."""
    rows = [
        {
            "sender_id": sender_id,
            **columns_of(form),
            "data": event.masked,
            "seq": event.seq,
            "session": session,
        }
        for event, form, session in stored
        if event.masked is not None
    ]
    if rows:
        connection.execute(events.insert(), rows)
    keep_originals(
        connection, sender_id, [e for e, _, _ in stored], expires_at=expires_at
    )


def keep_originals(
    connection: Connection,
    sender_id: str,
    stored: Sequence[StoredEvent],
    *,
    expires_at: float,
) -> None:
    """Keep the sealed originals these events carry, in the place of expired ones."""
    rows = [
        {
            "sender_id": sender_id,
            "seq": event.seq,
            "payload": event.original,
            "expires_at": expires_at,
        }
        for event in stored
        if event.original is not None
    ]
    if rows:
        connection.execute(
            originals.delete().where(
                originals.c.sender_id == sender_id,
                originals.c.seq.in_([row["seq"] for row in rows]),
            )
        )
        connection.execute(originals.insert(), rows)


def rewrite(connection: Connection, sender_id: str, masked: Mapping[int, str]) -> None:
    """Replace the stored form of events by seq."""
    if masked:
        connection.execute(
            events.update()
            .where(
                events.c.sender_id == sender_id,
                events.c.seq == sa.bindparam("at_seq"),
            )
            .values(data=sa.bindparam("new_data")),
            [{"at_seq": seq, "new_data": data} for seq, data in masked.items()],
        )


def discard_archive(connection: Connection, sender_id: str) -> None:
    """Delete a conversation's rows and keep what the live dialogue needs."""
    connection.execute(events.delete().where(events.c.sender_id == sender_id))


def discard(connection: Connection, sender_id: str) -> None:
    """Delete a conversation's events and originals, keeping its row."""
    for table in (events, originals):
        connection.execute(table.delete().where(table.c.sender_id == sender_id))


def drop_expired(connection: Connection, *, now: float, ttl: float) -> int:
    """Delete originals and token maps whose live window is over; give how many.

    What a clock dated that ran ahead gets a date that is right, or it would stay for as
    long as the clock was wrong.
    """
    latest = now + _SKEW_SECONDS
    connection.execute(
        conversations.update()
        .where(conversations.c.last_event_at > latest)
        .values(last_event_at=now)
    )
    connection.execute(
        originals.update()
        .where(originals.c.expires_at > latest + ttl)
        .values(expires_at=now + ttl)
    )
    connection.execute(
        conversations.update()
        .where(
            conversations.c.last_event_at <= now - ttl,
            conversations.c.token_map.is_not(None),
        )
        .values(token_map=None)
    )
    return connection.execute(
        originals.delete().where(originals.c.expires_at <= now)
    ).rowcount


def columns_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the columns of `events` repeat of an event, as Rasa's store does."""
    return {
        "type_name": form["event"],
        "timestamp": form.get("timestamp"),
        "intent_name": _intent_name(form),
        "action_name": _action_name(form),
    }


def _intent_name(event: Mapping[str, Any]) -> str | None:
    parse_data = event.get("parse_data")
    intent = parse_data.get("intent") if isinstance(parse_data, Mapping) else None
    return _column(intent.get("name")) if isinstance(intent, Mapping) else None


def _action_name(event: Mapping[str, Any]) -> str | None:
    # As in Rasa's store: the name of an action, slot, form or reminder.
    return _column(event.get("name"))


def _column(name: Any) -> str | None:
    """Give a name as every database takes it: no half characters, no NUL."""
    if not isinstance(name, str):
        return None
    return name.encode("utf-8", "replace").decode().replace("\0", " ")[:255]
