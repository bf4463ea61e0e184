"""Conversations that Rasa's own SQL store wrote become ours, one person at a time."""

import json
import math
import secrets
from datetime import datetime, timezone
from typing import Any

import msgspec
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin.archive import Archive, channel_of
from rasa_qa_plugin.batches import Event
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.numbering import Numbering, Numberings
from rasa_qa_plugin.privacy.events import WITHHELD, EventMasker
from rasa_qa_plugin.privacy.tokens import TokenMap
from rasa_qa_plugin.privacy.vault import Vault
from rasa_qa_plugin.review.capture import Capture
from rasa_qa_plugin.storage import consents, conversations, stock
from rasa_qa_plugin.storage.conversations import Conversation
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.stock import AdoptedRow, StockRow


class _Masked(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation of the stock store, masked and not yet written back."""

    pseudonym: str
    rows: list[StockRow]
    events: list[Event]
    masked: list[Event]
    times: list[float | None]
    tokens: TokenMap


class Adopter:
    """Masks the rows of the stock store in place, each person in one transaction.

    Nobody's decision is invented: the ledger stays as it is, and without consent the
    archive and the turns keep what the settings allow. Originals are sealed of events
    that are younger than the live window, and live no longer than that.
    """

    def __init__(
        self,
        vault: Vault,
        masker: EventMasker,
        archive: Archive,
        numberings: Numberings,
        capture: Capture,
    ) -> None:
        """Keep the forms that *archive* chooses."""
        self._vault = vault
        self._masker = masker
        self._archive = archive
        self._numberings = numberings
        self._capture = capture

    def adopt(self, engine: Engine, sender_id: str, *, now: float) -> int | None:
        """Take over what waits under a raw sender id; give the number of events.

        Gives None when nothing waited, and 0 when another server was quicker. Masking
        is done before the transaction, so that a live bot waits for the writing only.

        Raises:
            StorageError: The database refused or cannot be reached; nothing changed.
        """
        with reading(engine) as connection:
            rows = stock.read(connection, sender_id)
        if not rows:
            return None
        found = self._mask(sender_id, rows)
        with transaction(engine) as connection:
            return self._write(connection, found, now=now)

    def adopt_within(
        self, connection: Connection, sender_id: str, *, now: float
    ) -> Conversation | None:
        """Do the same in the transaction of the caller; give the conversation."""
        rows = stock.read(connection, sender_id)
        if not rows:
            return None
        found = self._mask(sender_id, rows)
        self._write(connection, found, now=now)
        return conversations.find(connection, found.pseudonym, for_update=True)

    def _mask(self, sender_id: str, rows: list[StockRow]) -> _Masked:
        events = [_event(row) or self._remains(row) for row in rows]
        tokens = TokenMap()
        return _Masked(
            pseudonym=self._vault.pseudonym(sender_id),
            rows=rows,
            events=events,
            masked=self._masker.mask_all(events, tokens),
            times=[event.get("timestamp") for event in events],
            tokens=tokens,
        )

    def _remains(self, row: StockRow) -> Event:
        """Give what the columns tell of an event whose JSON is damaged."""
        event: Event = {"event": row.type_name, "timestamp": row.timestamp}
        if row.type_name == "user":
            intent = {"name": row.intent_name}
            event |= {"text": WITHHELD, "parse_data": {"intent": intent}}
        elif row.type_name == "slot":
            event |= {"name": row.action_name, "value": WITHHELD}
        else:
            event["name"] = row.action_name
        if row.type_name == "reminder":
            moment = datetime.fromtimestamp(row.timestamp or 0.0, timezone.utc)
            event["date_time"] = moment.isoformat()
        return self._masker.withhold(event)

    def _write(self, connection: Connection, found: _Masked, *, now: float) -> int:
        if not stock.lock(connection, [row.id for row in found.rows]):
            return 0
        before = conversations.find(connection, found.pseudonym, for_update=True)
        if before is not None and before.event_count:
            adopted = self._beside(found)
        else:
            adopted = self._whole(connection, found, before, now=now)
        stock.rewrite(connection, found.pseudonym, adopted)
        return len(adopted)

    def _beside(self, found: _Masked) -> list[AdoptedRow]:
        """Keep the rows out of a conversation that began without them.

        Its events have their numbers, which originals and turns go by, so nothing can
        come before them; and at the end, an old story would be the bot's last memory.
        They have no number, so that a withdrawal does not find them: they are kept as
        of somebody who never agreed, and are no turns.
        """
        kept = self._archive.kept(found.events, found.masked, ConsentState.UNKNOWN)
        return [
            AdoptedRow(id=row.id, columns=_columns(form, seq=None, session=0))
            for row, form in zip(found.rows, kept, strict=True)
        ]

    def _whole(
        self,
        connection: Connection,
        found: _Masked,
        before: Conversation | None,
        *,
        now: float,
    ) -> list[AdoptedRow]:
        """Number the rows from 0 and make the conversation and turns that they are."""
        pseudonym, ttl = found.pseudonym, self._archive.ttl
        consent = consents.current(connection, pseudonym)
        kept = self._archive.kept(found.events, found.masked, consent)
        adopted = []
        session = session_start = 0
        for seq, (row, event, form, at) in enumerate(
            zip(found.rows, found.events, kept, found.times, strict=True)
        ):
            if event["event"] == "session_started":
                session, session_start = session + 1, seq
            # A clock that went wrong gives no original a longer life.
            expires_at = -math.inf if at is None else min(at, now) + ttl
            stored = self._archive.stored(
                pseudonym, seq, event, form, live=expires_at > now
            )
            adopted.append(
                AdoptedRow(
                    id=row.id,
                    columns=_columns(form, seq=seq, session=session),
                    seq=seq,
                    original=stored.original,
                    expires_at=expires_at,
                )
            )
        self._capture.keep(
            connection,
            pseudonym,
            found.events,
            found.masked,
            consent,
            first_seq=0,
            now=now,
        )
        times = [min(at, now) for at in found.times if at is not None] or [now]
        conversations.put(
            connection,
            Conversation(
                sender_id=pseudonym,
                event_count=len(adopted),
                session=session,
                session_start_seq=session_start,
                version=before.version + 1 if before else secrets.randbits(48),
                channel=channel_of(found.events),
                started_at=min(times),
                last_event_at=max(times),
                # It holds the values of the first events too, which may be too old.
                token_map=self._numberings.seal(
                    pseudonym, Numbering(found.tokens, min(times))
                )
                if None not in found.times and min(times) + ttl > now
                else None,
            ),
        )
        return adopted


def _columns(
    form: Event | None, *, seq: int | None, session: int
) -> dict[str, Any] | None:
    if form is None:
        return None
    return {
        **conversations.columns_of(form),
        "data": json.dumps(form, default=str),
        "seq": seq,
        "session": session,
    }


def _event(row: StockRow) -> Event | None:
    """Read the event of a row, or give None when it is damaged."""
    try:
        event = json.loads(row.data or "")
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            return None
        at = event.get("timestamp")
        return event if at is None or math.isfinite(at) else None
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
