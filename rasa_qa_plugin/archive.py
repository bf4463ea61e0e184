"""The forms in which events are kept: archived, and sealed for the live window."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasa_qa_plugin.batches import Event
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.errors import StorageError
from rasa_qa_plugin.privacy.events import EventMasker
from rasa_qa_plugin.privacy.tokens import holds_token
from rasa_qa_plugin.privacy.vault import Vault
from rasa_qa_plugin.privacy.withheld import WITHHELD, is_name
from rasa_qa_plugin.settings import Settings
from rasa_qa_plugin.storage.conversations import StoredEvent

logger = logging.getLogger(__name__)


class Archive:
    """Chooses what may be kept of events, and seals what may live only for hours."""

    def __init__(self, vault: Vault, masker: EventMasker, settings: Settings) -> None:
        """Work by the rules of *settings*."""
        self._vault = vault
        self._masker = masker
        self._mode = settings.consent.without_consent
        self.ttl = settings.privacy.live_ttl_hours * 3600.0

    def kept(
        self,
        events: Sequence[Event],
        masked: Sequence[Event],
        consent: ConsentState,
    ) -> Sequence[Event | None]:
        """Choose the form that the archive may hold under this consent."""
        if consent.allows_capture or self._mode == "anonymized":
            return masked
        if self._mode == "structure":
            return [self._masker.withhold(event) for event in events]
        return [None] * len(events)

    def stored(
        self,
        pseudonym: str,
        seq: int,
        event: Event,
        form: Event | None,
        *,
        live: bool = True,
    ) -> StoredEvent:
        """Give the event as it is stored, with its original if that still may live."""
        raw = json.dumps(event, default=str)
        kept: str | None = raw
        if form is not event:
            kept = None if form is None else json.dumps(form, default=str)
        original = None
        if live and self.ttl > 0 and (kept != raw or _reads_as_masked(event)):
            original = self._vault.seal(raw.encode(), context=f"{pseudonym}:{seq}")
        return StoredEvent(seq, kept, original)

    def read(
        self, pseudonym: str, stored: Sequence[StoredEvent], *, unseal: bool
    ) -> list[Event]:
        """Give stored events as the dialogue needs them, or as the archive has them.

        A damaged one is left out, and the log says so: one row must not cost the bot
        its memory of the whole conversation.

        Raises:
            StorageError: All of them are damaged.
        """
        events = []
        closed = damaged = 0
        for one in stored:
            event = plain = None
            if unseal and one.original is not None:
                context = f"{pseudonym}:{one.seq}"
                plain = self._vault.unseal(one.original, context=context)
                closed += plain is None
                event = None if plain is None else _parsed(plain)
            if event is None and one.masked is not None:
                event = _parsed(one.masked)
                damaged += event is None
                if unseal and event is not None:
                    _unset_token(event)
            if event is not None:
                events.append(event)
        if closed:
            logger.error(
                "rasa_qa_plugin: database: %d originals cannot be opened, their masked "
                "forms are used; add the secret they were saved with to RASA_QA_SECRET",
                closed,
            )
        if damaged:
            problem = (
                f"database: {damaged} events of a conversation are damaged and left "
                "out; restore them from a backup"
            )
            if not events:
                raise StorageError(problem)
            logger.error("rasa_qa_plugin: %s", problem)
        return events


def _reads_as_masked(event: Event) -> bool:
    """Tell whether a slot holds a token that somebody typed: a load would unset it."""
    value = event.get("value")
    return event.get("event") == "slot" and value != WITHHELD and holds_token(value)


def channel_of(events: Sequence[Mapping[str, Any]]) -> str | None:
    """Give the channel of the first message that names one."""
    for event in events:
        if event.get("event") == "user" and is_name(event.get("input_channel")):
            return str(event["input_channel"])
    return None


def _parsed(stored: str | bytes) -> Event | None:
    """Read a stored event, or give None when it is damaged.

    The quick parser does it, unless there is something that JSON forbids.
    """
    try:
        event: Any = msgspec.json.decode(stored)
    except (msgspec.DecodeError, ValueError):  # NaN, half a surrogate pair
        try:
            event = json.loads(stored)
        except (ValueError, RecursionError):
            return None
    sound = isinstance(event, dict) and isinstance(event.get("event"), str)
    return event if sound else None


def _unset_token(event: Event) -> None:
    """Let the bot ask again for a slot rather than greet "[NAME]"."""
    if event["event"] == "slot" and holds_token(event.get("value")):
        event["value"] = None
