"""One save, one transaction: events, consent, turns, flags and feedback of a message.

Rasa-free: the tracker store hands in events as dicts and gets dicts back.
"""

import secrets
from functools import partial

import msgspec
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin.adoption import Adopter
from rasa_qa_plugin.archive import Archive, channel_of
from rasa_qa_plugin.batches import Batch, Event, Loaded, Recorded, of_one_process
from rasa_qa_plugin.consent import ConsentState, changes_in, wants_erasure
from rasa_qa_plugin.decisions import Decisions
from rasa_qa_plugin.numbering import Numberings
from rasa_qa_plugin.privacy.events import EventMasker
from rasa_qa_plugin.privacy.vault import PSEUDONYM_PREFIX, Vault
from rasa_qa_plugin.review.capture import Capture
from rasa_qa_plugin.review.handover import Handover, resuming_events
from rasa_qa_plugin.settings import Settings
from rasa_qa_plugin.storage import (
    consents,
    conversations,
    erasure,
    escalations,
    replays,
    stock,
    turns,
)
from rasa_qa_plugin.storage.conversations import Conversation, StoredEvent
from rasa_qa_plugin.storage.engine import reading, transaction

_LONGEST_WAIT = 90 * 86_400.0  # of a batch for the database, in seconds
_LATEST_RETRY = 86_400.0  # of a save that got through although nobody was told


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
        self._decisions = Decisions(vault, masker, settings)
        self._archive = Archive(vault, masker, settings)
        self._capture = Capture(vault.turn_id, settings)
        self._handover = Handover(vault.ticket_id, settings.escalation)
        self._ttl = self._archive.ttl
        self._numberings = Numberings(vault, ttl=self._ttl)
        self._adopter = Adopter(
            vault, masker, self._archive, self._numberings, self._capture
        )

    def version(self, sender_id: str) -> int | None:
        """Give the version of a conversation, or None when there is none.

        It is 0 for one of Rasa's own store that was not taken over yet.
        """
        with reading(self._engine) as connection:
            found = conversations.find(connection, self._vault.pseudonym(sender_id))
            if found is None:
                return 0 if stock.holds(connection, sender_id) else None
        return found.version

    def senders(self) -> list[str]:
        """Give the pseudonyms of all conversations."""
        with reading(self._engine) as connection:
            return conversations.senders(connection)

    def load(self, sender_id: str, *, all_sessions: bool, now: float) -> Loaded | None:
        """Give a conversation with its originals as far as they still live.

        One that Rasa's own store wrote is taken over first.
        """
        read = partial(
            self._load,
            self._vault.pseudonym(sender_id),
            all_sessions=all_sessions,
            unseal=True,
            now=now,
        )
        loaded = read()
        if loaded is None and self.adopt(sender_id, now=now) is not None:
            loaded = read()
        return loaded

    def newcomer(self, sender_id: str) -> Loaded:
        """Give what is known of a person who has no conversation yet."""
        with reading(self._engine) as connection:
            standing = consents.standing(connection, self._vault.pseudonym(sender_id))
        return Loaded(
            events=[],
            version=0,
            consent=standing.state,
            asked=self._decisions.asked(standing),
            since=standing.since,
        )

    def adopt(self, sender_id: str, *, now: float) -> int | None:
        """Take over what Rasa's own store wrote; see :meth:`Adopter.adopt`."""
        return self._adopter.adopt(self._engine, sender_id, now=now)

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
            standing = consents.standing(connection, pseudonym)
        return Loaded(
            events=self._archive.read(pseudonym, stored, unseal=unseal),
            version=conversation.version,
            consent=standing.state,
            asked=self._decisions.asked(standing),
            since=standing.since,
        )

    def record(self, batch: Batch, *, now: float, bare: bool = False) -> Recorded:
        """Store a batch whole, or raise and store nothing.

        Args:
            batch: What to store.
            now: Seconds since the epoch.
            bare: Keep structure and originals only; for a batch that the database
                refused as it was.

        Raises:
            StorageError: The database refused or cannot be reached.
        """
        pseudonym = self._vault.pseudonym(batch.sender_id)
        erases = wants_erasure(batch.events)
        with transaction(self._engine) as connection:
            if erases:
                erasure.take_turns(connection, pseudonym)
            before = conversations.find(connection, pseudonym, for_update=True)
            if before is None and erasure.take_turns(connection, pseudonym):
                before = conversations.find(connection, pseudonym, for_update=True)
            # A bare batch was refused once: nothing else may be in its way.
            if before is None and not bare:
                before = self._adopter.adopt_within(
                    connection, batch.sender_id, now=now
                )
            # Saved before the person was erased, by a thread that nobody waits for any
            # more or in the memory of another server.
            gone = (before is None or batch.waited) and erasure.forgotten(
                connection, pseudonym, saved_at=now
            )
            if gone or _is_written(connection, before, batch):
                return Recorded(
                    version=before.version if before else 0,
                    previous_version=-1,
                    consent=consents.current(connection, pseudonym),
                    published=[],
                    erased=gone,
                )
            if batch.waited:
                replays.note(connection, batch.batch_id, now=now)
            last = before.last_batch if before else None
            if last and not of_one_process(last, batch.batch_id):
                # The other server may not know that its save got through at last.
                short = now - _LONGEST_WAIT + _LATEST_RETRY  # one for every message
                replays.note(connection, last, now=short)
            if erases:
                erasure.erase(connection, pseudonym, now=now)
                self._numberings.forget(pseudonym)
                recorded = Recorded(
                    version=0,
                    previous_version=before.version if before else 0,
                    consent=ConsentState.UNKNOWN,
                    published=[],
                    erased=True,
                )
            else:
                recorded = self._append(
                    connection, pseudonym, batch, before, now=now, bare=bare
                )
        if recorded.erased or (
            changes_in(batch.events) and not recorded.consent.allows_capture
        ):
            erasure.compact(self._engine)
        return recorded

    def _append(  # noqa: PLR0913 - what one save depends on
        self,
        connection: Connection,
        pseudonym: str,
        batch: Batch,
        before: Conversation | None,
        *,
        now: float,
        bare: bool,
    ) -> Recorded:
        if batch.replaces and before is not None:
            conversations.discard(connection, pseudonym)
            turns.discard(connection, pseudonym)
        conversation = _standing(pseudonym, before, batch, now=now)
        # Replaced events tell an old story again: they decide nothing.
        changes = [] if batch.replaces else changes_in(batch.events)
        decided = self._decisions.decide(connection, pseudonym, changes, now=now)
        standing = consents.standing(connection, pseudonym)
        consent = standing.state

        numbering = self._numberings.open(pseudonym, conversation.token_map, now=now)
        if bare:
            masked = [self._masker.withhold(event) for event in batch.events]
        else:
            masked = self._masker.mask_all(batch.events, numbering.tokens)
        kept = self._archive.kept(batch.events, masked, consent)
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
                (
                    self._archive.stored(pseudonym, seq, event, form),
                    form or {},
                    conversation.session,
                )
            )
        conversations.append(connection, pseudonym, stored, expires_at=now + self._ttl)

        if decided and not consent.allows_capture:
            self._decisions.forget_words(connection, pseudonym, now=now)
        if not bare:
            self._capture.keep(
                connection,
                pseudonym,
                batch.events,
                masked,
                consent,
                first_seq=first_seq,
                now=now,
            )
        tickets = 0
        if not (bare or batch.replaces):
            tickets = self._handover.keep(
                connection, pseudonym, batch.events, consent, now=now
            )

        conversations.put(
            connection,
            msgspec.structs.replace(
                conversation,
                event_count=first_seq + len(batch.events),
                version=conversation.version + 1,
                last_event_at=now,
                last_batch=batch.batch_id,
                token_map=before.token_map
                if bare and before
                else self._numberings.seal(pseudonym, numbering),
            ),
        )
        return Recorded(
            version=conversation.version + 1,
            previous_version=before.version if before else 0,
            consent=consent,
            asked=self._decisions.asked(standing),
            since=standing.since,
            published=[
                {"sender_id": pseudonym, **form} for form in kept if form is not None
            ],
            tickets=tickets,
        )

    def rate(self, pseudonym: str, rating: Event, *, now: float) -> bool:
        """Record a rating given outside the chat; tell whether its turn is there."""
        ref = rating["value"]["turn"]
        with transaction(self._engine) as connection:
            before = conversations.find(connection, pseudonym, for_update=True)
            if before is None or turns.id_of(connection, pseudonym, ref) is None:
                return False
            numbering = self._numberings.open(pseudonym, before.token_map, now=now)
            masked = self._masker.mask_all([rating], numbering.tokens)
            consent = consents.current(connection, pseudonym)
            self._capture.rate(connection, pseudonym, masked, consent, now=now)
        return True

    def set_consent(
        self, pseudonym: str, state: ConsentState, *, source: str, now: float
    ) -> int:
        """Record a decision taken outside the chat; give the turns that lost text."""
        with transaction(self._engine) as connection:
            conversations.touch(connection, pseudonym)
            self._decisions.record(connection, pseudonym, state, source=source, now=now)
            if state.allows_capture:
                return 0
            lost = self._decisions.forget_words(connection, pseudonym, now=now)
        erasure.compact(self._engine)
        return lost

    def close_ticket(self, ticket_id: str, *, now: float) -> bool:
        """Close a ticket; tell whether it was there and not closed yet.

        With a person's last ticket the bot takes the conversation over again: running
        servers find the events at the next message, as their version has changed.
        """
        with transaction(self._engine) as connection:
            ticket = escalations.find(connection, ticket_id)
            if ticket is None:
                return False
            pseudonym = ticket.sender_id
            before = conversations.find(connection, pseudonym, for_update=True)
            if not escalations.move(connection, ticket_id, "closed", now=now):
                return False
            if before is not None and not escalations.is_waiting(connection, pseudonym):
                theirs = escalations.of_person(connection, pseudonym)
                paused = any(one.paused for one in theirs)
                batch = Batch(
                    sender_id="", events=resuming_events(paused=paused, now=now)
                )
                self._append(connection, pseudonym, batch, before, now=now, bare=False)
        return True

    def forget(self, pseudonym: str) -> None:
        """Let go of what memory holds of a person, whose rows somebody erases."""
        self._numberings.forget(pseudonym)

    def drop_expired(self, *, now: float) -> int:
        """Delete originals whose live window is over; give how many."""
        with transaction(self._engine) as connection:
            dropped = conversations.drop_expired(connection, now=now, ttl=self._ttl)
            replays.forget(connection, before=now - _LONGEST_WAIT)
            erasure.drop_marks(connection, before=now - _LONGEST_WAIT)
        erasure.compact(self._engine)
        return dropped


def _is_written(
    connection: Connection, before: Conversation | None, batch: Batch
) -> bool:
    """Tell whether an earlier try got through, although its answer was lost."""
    if before is not None and before.last_batch == batch.batch_id:
        return True
    return batch.waited and replays.has(connection, batch.batch_id)


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
        # Never a number that a cache remembers from before the person was erased.
        version=before.version if before else secrets.randbits(48),
        channel=channel_of(batch.events) or (before.channel if before else None),
        started_at=before.started_at if before else now,
        last_event_at=now,
        token_map=before.token_map if before else None,
    )
