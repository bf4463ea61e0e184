"""What people decide about their words, carried out in the database."""

import json
from collections.abc import Sequence

from sqlalchemy.engine import Connection

from rasa_qa_plugin.consent import CHANNEL, ConsentChange, ConsentState
from rasa_qa_plugin.privacy.events import EventMasker
from rasa_qa_plugin.privacy.vault import Vault
from rasa_qa_plugin.settings import Settings
from rasa_qa_plugin.storage import consents, conversations, escalations, turns
from rasa_qa_plugin.storage.consents import ConsentRecord, Standing
from rasa_qa_plugin.storage.conversations import StoredEvent


class Decisions:
    """Writes the ledger, and takes captured words back; on the caller's transaction."""

    def __init__(self, vault: Vault, masker: EventMasker, settings: Settings) -> None:
        """Work by the rules of *settings*."""
        self._vault = vault
        self._masker = masker
        self._settings = settings
        self._ttl = settings.privacy.live_ttl_hours * 3600.0

    def decide(
        self,
        connection: Connection,
        pseudonym: str,
        changes: Sequence[ConsentChange],
        *,
        now: float,
    ) -> bool:
        """Write decisions that change something into the ledger; tell if any did.

        A channel repeats its flag with every message: only a flag that differs from
        the last one it sent is a decision.
        """
        decided = False
        version = self._settings.consent.policy_version
        for change in changes:
            source = CHANNEL if change.source == CHANNEL else None
            last = consents.latest(connection, pseudonym, source=source)
            if last and (last.state, last.policy_version) == (change.state, version):
                continue
            self.record(
                connection, pseudonym, change.state, source=change.source, now=now
            )
            decided = True
        return decided

    def record(
        self,
        connection: Connection,
        pseudonym: str,
        state: ConsentState,
        *,
        source: str,
        now: float,
    ) -> None:
        """Append one decision to the ledger."""
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

    def asked(self, standing: Standing) -> bool | None:
        """Tell whether what counts was said about the policy as it is worded now.

        None where nothing was said. People who were asked about another version are to
        be asked again.
        """
        if standing.policy_version is None:
            return None
        return standing.policy_version == self._settings.consent.policy_version

    def forget_words(
        self, connection: Connection, pseudonym: str, *, now: float
    ) -> int:
        """Delete what was captured of a person; give the number of turns concerned.

        The dialogue goes on: what the archive loses stays sealed for the rest of the
        live window, as it does for people who never said yes.
        """
        if self._settings.consent.without_consent != "anonymized":
            self._withhold_archive(connection, pseudonym, now=now)
        lost = turns.withdraw(connection, pseudonym)
        escalations.forget_words(connection, pseudonym)
        if not self._settings.consent.keeps_rows:
            conversations.discard_archive(connection, pseudonym)
            turns.discard(connection, pseudonym)
        return lost

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
