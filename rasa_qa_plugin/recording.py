"""One save, one transaction: events, consent, turns, flags and feedback of a message.

Rasa-free: the tracker store hands in events as dicts and gets dicts back.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin.consent import ConsentState, changes_in, wants_erasure
from rasa_qa_plugin.privacy.events import EventMasker
from rasa_qa_plugin.privacy.tokens import TokenMap, holds_token
from rasa_qa_plugin.privacy.vault import PSEUDONYM_PREFIX, Vault
from rasa_qa_plugin.review.transcript import ratings_in, turns_in
from rasa_qa_plugin.settings import Settings
from rasa_qa_plugin.storage import consents, conversations, erasure, turns
from rasa_qa_plugin.storage.consents import ConsentRecord
from rasa_qa_plugin.storage.conversations import Conversation, StoredEvent
from rasa_qa_plugin.storage.engine import reading, transaction

Event = dict[str, Any]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one save.

    Attributes:
        sender_id: As the channel sent it; it goes no further than the pseudonym.
        events: New events as ``Event.as_dict()``, raw, in order.
        replaces: Whether they stand for the whole conversation.
    """

    sender_id: str
    events: list[Event]
    replaces: bool = False


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as the dialogue needs it."""

    events: list[Event]
    version: int
    consent: ConsentState


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What a save left behind.

    Attributes:
        version: Of the conversation after the save; 0 when it was erased.
        previous_version: Of the conversation before; 0 when it was new.
        published: Bodies for the event broker, masked, with the pseudonym.
    """

    version: int
    previous_version: int
    consent: ConsentState
    published: list[Event]
    erased: bool = False


class Recorder:
    """Writes and reads conversations; every method is one transaction."""

    def __init__(
        self, engine: Engine, vault: Vault, masker: EventMasker, settings: Settings
    ) -> None:
        """Work on *engine*, which stays the caller's to dispose of."""
        self._engine = engine
        self._vault = vault
        self._masker = masker
        self._settings = settings
        self._ttl = settings.privacy.live_ttl_hours * 3600.0

    def version(self, sender_id: str) -> int | None:
        """Give the version of a conversation, or None when there is none."""
        with reading(self._engine) as connection:
            found = conversations.find(connection, self._vault.pseudonym(sender_id))
        return None if found is None else found.version

    def senders(self) -> list[str]:
        """Give the pseudonyms of all conversations."""
        with reading(self._engine) as connection:
            return conversations.senders(connection)

    def load(self, sender_id: str, *, all_sessions: bool, now: float) -> Loaded | None:
        """Give a conversation with its originals as far as they still live."""
        pseudonym = self._vault.pseudonym(sender_id)
        return self._load(pseudonym, all_sessions=all_sessions, unseal=True, now=now)

    def load_archive(self, pseudonym: str, *, now: float) -> Loaded | None:
        """Give all masked events of a stored pseudonym, never an original."""
        if not pseudonym.startswith(PSEUDONYM_PREFIX):
            return None
        return self._load(pseudonym, all_sessions=True, unseal=False, now=now)

    def _load(
        self, pseudonym: str, *, all_sessions: bool, unseal: bool, now: float
    ) -> Loaded | None:
        with reading(self._engine) as connection:
            conversation = conversations.find(connection, pseudonym)
            if conversation is None:
                return None
            stored = conversations.read(
                connection,
                pseudonym,
                from_seq=0 if all_sessions else conversation.session_start_seq,
                now=now,
            )
            consent = consents.current(connection, pseudonym)
        live = (self._live(pseudonym, event, unseal=unseal) for event in stored)
        return Loaded(
            events=[event for event in live if event is not None],
            version=conversation.version,
            consent=consent,
        )

    def _live(
        self, pseudonym: str, stored: StoredEvent, *, unseal: bool
    ) -> Event | None:
        if unseal and stored.original is not None:
            plain = self._vault.unseal(
                stored.original, context=f"{pseudonym}:{stored.seq}"
            )
            if plain is not None:
                event: Event = json.loads(plain)
                return event
        if stored.masked is None:
            return None
        event = json.loads(stored.masked)
        if unseal and event.get("event") == "slot" and holds_token(event.get("value")):
            # The bot asks again rather than greeting "[NAME]".
            event["value"] = None
        return event

    def record(self, batch: Batch, *, now: float) -> Recorded:
        """Store a batch whole, or raise and store nothing.

        Raises:
            StorageError: The database refused or cannot be reached.
        """
        pseudonym = self._vault.pseudonym(batch.sender_id)
        with transaction(self._engine) as connection:
            before = conversations.find(connection, pseudonym, for_update=True)
            if wants_erasure(batch.events):
                erasure.erase(connection, pseudonym, now=now)
                recorded = Recorded(
                    version=0,
                    previous_version=before.version if before else 0,
                    consent=ConsentState.UNKNOWN,
                    published=[],
                    erased=True,
                )
            else:
                recorded = self._append(connection, pseudonym, batch, before, now=now)
        if recorded.erased or (
            changes_in(batch.events) and not recorded.consent.allows_capture
        ):
            erasure.compact(self._engine)
        return recorded

    def _append(
        self,
        connection: Connection,
        pseudonym: str,
        batch: Batch,
        before: Conversation | None,
        *,
        now: float,
    ) -> Recorded:
        if batch.replaces and before is not None:
            conversations.discard(connection, pseudonym)
            turns.discard(connection, pseudonym)
        conversation = _standing(pseudonym, before, batch, now=now)
        said_before = consents.current(connection, pseudonym)
        changes = changes_in(batch.events)
        consent = changes[-1].state if changes else said_before

        tokens = self._tokens(conversation, now=now)
        masked = self._masker.mask_all(batch.events, tokens)
        kept = self._kept(batch.events, masked, consent)
        first_seq = conversation.event_count
        stored: list[tuple[StoredEvent, Event, int]] = []
        for seq, (event, form) in enumerate(
            zip(batch.events, kept, strict=True), start=first_seq
        ):
            if event["event"] == "session_started":
                conversation = msgspec.structs.replace(
                    conversation,
                    session=conversation.session + 1,
                    session_start_seq=seq,
                )
            stored.append(
                (self._sealed(pseudonym, seq, event, form), event, conversation.session)
            )
        conversations.append(connection, pseudonym, stored, expires_at=now + self._ttl)

        for change in changes:
            if change.state is not said_before:
                consents.record(
                    connection,
                    ConsentRecord(
                        sender_id=pseudonym,
                        state=change.state,
                        policy_version=self._settings.consent.policy_version,
                        source=change.source,
                        recorded_at=now,
                    ),
                )
                said_before = change.state
        if changes and not consent.allows_capture:
            self.forget_words(connection, pseudonym, now=now)

        for turn in turns_in(
            batch.events,
            masked,
            first_seq=first_seq,
            sender_id=pseudonym,
            turn_id=self._vault.turn_id,
            capture=consent.allows_capture,
            settings=self._settings.review,
        ):
            turns.record(connection, turn)
        self._rate(connection, pseudonym, masked, consent, now=now)

        conversations.put(
            connection,
            msgspec.structs.replace(
                conversation,
                event_count=first_seq + len(batch.events),
                version=conversation.version + 1,
                last_event_at=now,
                token_map=self._vault.seal(tokens.to_bytes(), context=pseudonym),
            ),
        )
        return Recorded(
            version=conversation.version + 1,
            previous_version=before.version if before else 0,
            consent=consent,
            published=[
                {"sender_id": pseudonym, **form} for form in kept if form is not None
            ],
        )

    def _tokens(self, conversation: Conversation, *, now: float) -> TokenMap:
        """Open the numbering of masked values; it lives as long as originals do."""
        sealed = conversation.token_map
        if sealed is None or conversation.last_event_at + self._ttl <= now:
            return TokenMap()
        plain = self._vault.unseal(sealed, context=conversation.sender_id)
        return TokenMap() if plain is None else TokenMap.from_bytes(plain)

    def _kept(
        self,
        events: Sequence[Event],
        masked: Sequence[Event],
        consent: ConsentState,
    ) -> Sequence[Event | None]:
        """Choose the form that the archive may hold under this consent."""
        mode = self._settings.consent.without_consent
        if consent.allows_capture or mode == "anonymized":
            return masked
        if mode == "structure":
            return [self._masker.withhold(event) for event in events]
        return [None] * len(events)

    def _sealed(
        self, pseudonym: str, seq: int, event: Event, form: Event | None
    ) -> StoredEvent:
        raw = json.dumps(event, default=str)
        kept = None if form is None else json.dumps(form, default=str)
        original = None
        if kept != raw and self._ttl > 0:
            original = self._vault.seal(raw.encode(), context=f"{pseudonym}:{seq}")
        return StoredEvent(seq, kept, original)

    def _rate(
        self,
        connection: Connection,
        pseudonym: str,
        masked: Sequence[Event],
        consent: ConsentState,
        *,
        now: float,
    ) -> None:
        for rating in ratings_in(masked):
            message_ref = rating.message_ref or turns.last_turn_ref(
                connection, pseudonym
            )
            if message_ref is not None:
                turns.rate(
                    connection,
                    sender_id=pseudonym,
                    message_ref=message_ref,
                    rating=rating.value,
                    comment=rating.comment if consent.allows_capture else None,
                    now=now,
                )

    def forget_words(
        self, connection: Connection, pseudonym: str, *, now: float
    ) -> int:
        """Delete what was captured of a person; give the number of turns concerned.

        The dialogue goes on: what the archive loses stays sealed for the rest of the
        live window, as it does for people who never said yes.
        """
        if self._settings.consent.without_consent != "anonymized":
            self._withhold_archive(connection, pseudonym, now=now)
        return turns.withdraw(connection, pseudonym)

    def _withhold_archive(
        self, connection: Connection, pseudonym: str, *, now: float
    ) -> None:
        withheld: dict[int, str] = {}
        for stored in conversations.read(connection, pseudonym, from_seq=0, now=now):
            if stored.masked is None:
                continue
            event = json.loads(stored.masked)
            form = json.dumps(self._masker.withhold(event))
            if form == stored.masked:
                continue
            withheld[stored.seq] = form
            expires_at = (event.get("timestamp") or now) + self._ttl
            if stored.original is None and expires_at > now:
                sealed = self._vault.seal(
                    stored.masked.encode(), context=f"{pseudonym}:{stored.seq}"
                )
                conversations.keep_originals(
                    connection,
                    pseudonym,
                    [StoredEvent(stored.seq, None, sealed)],
                    expires_at=expires_at,
                )
        conversations.rewrite(connection, pseudonym, withheld)

    def set_consent(
        self, pseudonym: str, state: ConsentState, *, source: str, now: float
    ) -> int:
        """Record a decision taken outside the chat; give the turns that lost text."""
        with transaction(self._engine) as connection:
            consents.record(
                connection,
                ConsentRecord(
                    sender_id=pseudonym,
                    state=state,
                    policy_version=self._settings.consent.policy_version,
                    source=source,
                    recorded_at=now,
                ),
            )
            conversations.touch(connection, pseudonym)
            if state.allows_capture:
                return 0
            lost = self.forget_words(connection, pseudonym, now=now)
        erasure.compact(self._engine)
        return lost

    def drop_expired(self, *, now: float) -> int:
        """Delete originals whose live window is over; give how many."""
        with transaction(self._engine) as connection:
            return conversations.drop_expired(connection, now=now, ttl=self._ttl)


def _standing(
    pseudonym: str, before: Conversation | None, batch: Batch, *, now: float
) -> Conversation:
    """Say where the conversation stands before this batch is appended."""
    if before is not None and not batch.replaces:
        return before
    return Conversation(
        sender_id=pseudonym,
        event_count=0,
        session=0,
        session_start_seq=0,
        version=before.version if before else 0,
        channel=_channel(batch.events) or (before.channel if before else None),
        started_at=before.started_at if before else now,
        last_event_at=now,
        token_map=before.token_map if before else None,
    )


def _channel(events: Sequence[Mapping[str, Any]]) -> str | None:
    for event in events:
        if event.get("event") == "user" and isinstance(event.get("input_channel"), str):
            return str(event["input_channel"])
    return None
