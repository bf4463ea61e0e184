"""Everything the database holds about one person, as rows."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage import consents, conversations, copies, escalations
from rasa_qa_plugin.storage import turns as stored_turns
from rasa_qa_plugin.storage.consents import ConsentRecord
from rasa_qa_plugin.storage.conversations import Conversation
from rasa_qa_plugin.storage.copies import Copy
from rasa_qa_plugin.storage.escalations import Ticket
from rasa_qa_plugin.storage.schema import (
    annotations,
    batches,
    events,
    feedback,
    originals,
    plain,
    turns,
)
from rasa_qa_plugin.storage.turns import Turn

_MOST_IDS = 500


class HeldEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event in the archive, its original, or both.

    Attributes:
        masked: JSON as archived; None where the archive keeps no row.
        original: Sealed; None when masking changed nothing, or it expired.
        original_until: When the original expires, in seconds since the epoch.
    """

    seq: int | None
    session: int | None = None
    masked: str | None = None
    original: bytes | None = None
    original_until: float | None = None


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one person, and of nobody else.

    Attributes:
        feedback: Ratings, also those whose turn is gone.
        annotations: Corrections of their turns.
        exports: Exported files that named their turns; other turns are left out.
        copies: Where their words went: annotation files, lines of training data.
    """

    conversation: Conversation | None
    events: list[HeldEvent]
    consents: list[ConsentRecord]
    turns: list[Turn]
    feedback: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    exports: list[dict[str, Any]]
    copies: list[Copy]
    tickets: list[Ticket]

    def __bool__(self) -> bool:
        """Whether anything is held at all."""
        return any(getattr(self, name) for name in self.__struct_fields__)


def held(connection: Connection, sender_id: str, *, now: float) -> Holdings:
    """Give all rows of a pseudonym; originals that expired count as gone."""
    own = list(
        connection.execute(
            sa.select(turns.c.turn_id)
            .where(turns.c.sender_id == sender_id)
            .order_by(turns.c.seq)
        ).scalars()
    )
    found = stored_turns.by_id(connection, own)
    return Holdings(
        conversation=conversations.find(connection, sender_id),
        events=_events(connection, sender_id, now=now),
        consents=consents.history(connection, sender_id),
        turns=[found[turn_id] for turn_id in own if turn_id in found],
        feedback=[
            plain(row)
            for row in connection.execute(
                sa.select(feedback)
                .where(feedback.c.sender_id == sender_id)
                .order_by(feedback.c.id)
            ).mappings()
        ],
        annotations=_annotations(connection, own),
        exports=_exports(connection, set(own)),
        copies=copies.of_person(connection, sender_id),
        tickets=escalations.of_person(connection, sender_id),
    )


def _events(connection: Connection, sender_id: str, *, now: float) -> list[HeldEvent]:
    sealed = {
        row.seq: row
        for row in connection.execute(
            sa.select(originals).where(
                originals.c.sender_id == sender_id, originals.c.expires_at > now
            )
        )
    }
    found = []
    for row in connection.execute(
        sa.select(events.c.seq, events.c.session, events.c.data)
        .where(events.c.sender_id == sender_id)
        .order_by(events.c.id)
    ):
        original = sealed.pop(row.seq, None)
        found.append(
            HeldEvent(
                seq=row.seq,
                session=row.session,
                masked=row.data,
                original=None if original is None else bytes(original.payload),
                original_until=None if original is None else original.expires_at,
            )
        )
    found += [
        HeldEvent(seq=seq, original=bytes(row.payload), original_until=row.expires_at)
        for seq, row in sealed.items()
    ]
    return sorted(found, key=lambda event: (event.seq is None, event.seq or 0))


def _annotations(connection: Connection, turn_ids: list[str]) -> list[dict[str, Any]]:
    """Give what was said of turns, not by whom: that is about somebody else."""
    columns = [c for c in annotations.c if c.name not in ("annotator", "approver")]
    found = []
    for start in range(0, len(turn_ids), _MOST_IDS):
        found += [
            plain(row)
            for row in connection.execute(
                sa.select(*columns)
                .where(annotations.c.turn_id.in_(turn_ids[start : start + _MOST_IDS]))
                .order_by(annotations.c.id)
            ).mappings()
        ]
    return found


def _exports(connection: Connection, turn_ids: set[str]) -> list[dict[str, Any]]:
    found = []
    for row in connection.execute(
        sa.select(batches).order_by(batches.c.created_at)
    ).mappings():
        named = msgspec.json.decode(row["turns"], type=list[str])
        own = [turn_id for turn_id in named if turn_id in turn_ids]
        if own:
            held = {key: value for key, value in plain(row).items() if key != "people"}
            found.append({**held, "turns": own})
    return found
