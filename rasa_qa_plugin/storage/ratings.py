"""What people think of answers, and of whole conversations."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage import turns
from rasa_qa_plugin.storage.schema import feedback

STARS = "stars:"
"""Begins the `message_ref` of feedback that is one to five stars."""


def rate(  # noqa: PLR0913 - the parts of one rating
    connection: Connection,
    *,
    sender_id: str,
    message_ref: str,
    rating: int,
    comment: str | None,
    now: float,
    reported: bool = False,
) -> None:
    """Record what a person thinks of an answer; a second rating replaces the first.

    A comment that comes later keeps the rating; a rating that comes later without a
    comment keeps the comment. A report stays until somebody lowers its flag.
    """
    turn_id = turns.id_of(connection, sender_id, message_ref)
    values: dict[str, Any] = {"rating": rating, "given_at": now, "turn_id": turn_id}
    if comment is not None:
        values["comment"] = comment
    _put_feedback(connection, sender_id, message_ref, values)
    if turn_id is None:
        return
    if reported:
        turns.raise_flag(connection, [turn_id], "user_reported", now=now)
    if rating < 0:
        turns.raise_flag(connection, [turn_id], "negative_feedback", now=now)
    else:
        turns.lower_flag(connection, [turn_id], "negative_feedback")


def give_stars(
    connection: Connection, *, sender_id: str, message_ref: str, stars: int, now: float
) -> None:
    """Record what a person thinks of a conversation; asked once, answered once.

    It hangs on no turn, so that it counts as the rating of none.
    """
    values = {"rating": stars, "given_at": now, "turn_id": None}
    _put_feedback(connection, sender_id, f"{STARS}{message_ref}", values)


def _put_feedback(
    connection: Connection, sender_id: str, ref: str, values: Mapping[str, Any]
) -> None:
    key = (feedback.c.sender_id == sender_id) & (feedback.c.message_ref == ref)
    updated = connection.execute(feedback.update().where(key).values(values))
    if updated.rowcount == 0:
        row = {"sender_id": sender_id, "message_ref": ref, **values}
        connection.execute(feedback.insert(), row)
