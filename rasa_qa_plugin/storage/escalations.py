"""Tickets: conversations that were handed over to people."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import escalations, plain, turns

Status = Literal["open", "in_progress", "closed"]
STATUSES: tuple[Status, ...] = ("open", "in_progress", "closed")
Priority = Literal["low", "normal", "high"]
PRIORITIES: tuple[Priority, ...] = ("low", "normal", "high")


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A message and the bot's answer, masked."""

    recorded_at: float
    text: str
    answer: str | None = None
    intent: str | None = None


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A case that waits for, or had, a person's attention.

    Attributes:
        sender_id: Pseudonym.
        reason: The rule that fired.
        tags: What the rule says the case is about.
        assignee: Who of the team has it, in the team's own words.
        paused: Whether the bot is silent until the ticket is closed.
        history: The last turns, masked; None without consent.
        notify_at: When the team is to be told, or told again; None when it is not.
        attempts: How often that was tried.
    """

    ticket_id: str
    sender_id: str
    created_at: float
    updated_at: float
    reason: str
    tags: list[str]
    priority: Priority
    queue: str
    status: Status = "open"
    assignee: str | None = None
    paused: bool = False
    history: list[Exchange] | None = None
    notify_at: float | None = None
    notified_at: float | None = None
    attempts: int = 0


_ENCODED = ("tags", "history")


def record(connection: Connection, ticket: Ticket) -> bool:
    """Insert a ticket unless it is there; tell whether it is new."""
    if find(connection, ticket.ticket_id) is not None:
        return False
    values = msgspec.structs.asdict(ticket)
    for name in _ENCODED:
        if values[name] is not None:
            values[name] = msgspec.json.encode(values[name]).decode()
    connection.execute(escalations.insert().values(values))
    return True


def find(connection: Connection, ticket_id: str) -> Ticket | None:
    """Give a ticket."""
    query = sa.select(escalations).where(escalations.c.ticket_id == ticket_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else _ticket(row)


def of_person(connection: Connection, sender_id: str) -> list[Ticket]:
    """Give the tickets of a pseudonym, oldest first."""
    query = (
        sa.select(escalations)
        .where(escalations.c.sender_id == sender_id)
        .order_by(escalations.c.created_at, escalations.c.ticket_id)
    )
    return [_ticket(row) for row in connection.execute(query).mappings()]


def listed(
    connection: Connection,
    *,
    statuses: Sequence[Status],
    queue: str | None = None,
    assignee: str | None = None,
    limit: int,
) -> list[Ticket]:
    """Give tickets, the most pressing first and of those the oldest."""
    rank: Any = sa.case(
        *[(escalations.c.priority == name, n) for n, name in enumerate(PRIORITIES)],
        else_=0,
    )
    query = sa.select(escalations).where(escalations.c.status.in_(statuses))
    if queue is not None:
        query = query.where(escalations.c.queue == queue)
    if assignee is not None:
        query = query.where(escalations.c.assignee == assignee)
    query = query.order_by(
        rank.desc(), escalations.c.created_at, escalations.c.ticket_id
    )
    return [_ticket(row) for row in connection.execute(query.limit(limit)).mappings()]


def is_waiting(connection: Connection, sender_id: str) -> bool:
    """Tell whether a person has a ticket that is not closed."""
    query = sa.select(escalations.c.ticket_id).where(
        escalations.c.sender_id == sender_id, escalations.c.status != "closed"
    )
    return connection.execute(query.limit(1)).first() is not None


def move(connection: Connection, ticket_id: str, status: Status, *, now: float) -> bool:
    """Give a ticket another status; tell whether it had another one before.

    Nobody is told any more of a ticket that is closed.
    """
    values: dict[str, Any] = {"status": status, "updated_at": now}
    if status == "closed":
        values["notify_at"] = None
    moved = connection.execute(
        escalations.update()
        .where(escalations.c.ticket_id == ticket_id, escalations.c.status != status)
        .values(values)
    )
    return moved.rowcount == 1


def assign(
    connection: Connection, ticket_id: str, assignee: str, *, now: float
) -> bool:
    """Give an unclosed ticket to somebody; tell whether it was there to be given."""
    given = connection.execute(
        escalations.update()
        .where(escalations.c.ticket_id == ticket_id, escalations.c.status != "closed")
        .values(assignee=assignee, status="in_progress", updated_at=now)
    )
    return given.rowcount == 1


def last_exchanges(
    connection: Connection, sender_id: str, *, most: int
) -> list[Exchange]:
    """Give a person's last captured turns, oldest first."""
    query = (
        sa.select(*(turns.c[name] for name in Exchange.__struct_fields__))
        .where(turns.c.sender_id == sender_id, turns.c.text.is_not(None))
        .order_by(turns.c.seq.desc())
        .limit(most)
    )
    rows = connection.execute(query).mappings().all()
    return [msgspec.convert(plain(row), Exchange) for row in reversed(rows)]


def forget_words(connection: Connection, sender_id: str) -> None:
    """Delete the captured words in a person's tickets; the cases stay."""
    connection.execute(
        escalations.update()
        .where(escalations.c.sender_id == sender_id, escalations.c.history.is_not(None))
        .values(history=None)
    )


def next_notice(connection: Connection) -> float | None:
    """Give when the next notification is due; None when none is to be sent."""
    at: float | None = connection.execute(
        sa.select(sa.func.min(escalations.c.notify_at))
    ).scalar()
    return at


def claim_notice(
    connection: Connection, *, now: float, again_at: float
) -> Ticket | None:
    """Take a notification that is due, so that no other server sends it now.

    It is due again at *again_at* unless :func:`settle_notice` is called before.
    """
    query = (
        sa.select(escalations)
        .where(escalations.c.notify_at <= now)
        .order_by(escalations.c.notify_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    connection.execute(
        escalations.update()
        .where(escalations.c.ticket_id == row["ticket_id"])
        .values(notify_at=again_at, attempts=escalations.c.attempts + 1)
    )
    return _ticket(row)


def settle_notice(
    connection: Connection,
    ticket_id: str,
    *,
    notified_at: float | None,
    again_at: float | None,
) -> None:
    """Note that a notification was sent, or when it is tried again, if ever."""
    connection.execute(
        escalations.update()
        .where(escalations.c.ticket_id == ticket_id)
        .values(notified_at=notified_at, notify_at=again_at)
    )


def count_by_status(connection: Connection) -> dict[str, int]:
    """Give how many tickets have each status."""
    query = sa.select(escalations.c.status, sa.func.count().label("number"))
    rows = connection.execute(query.group_by(escalations.c.status))
    return {**dict.fromkeys(STATUSES, 0), **{row.status: row.number for row in rows}}


def _ticket(row: Any) -> Ticket:
    values = plain(row)
    for name in _ENCODED:
        if values[name] is not None:
            values[name] = msgspec.json.decode(values[name])
    return msgspec.convert(values, Ticket, strict=False)
