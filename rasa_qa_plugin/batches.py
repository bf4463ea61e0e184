"""What goes into a save, and what comes out of it and of a load."""

import os
import secrets
from functools import lru_cache
from typing import Any

import msgspec

from rasa_qa_plugin.consent import ConsentState

Event = dict[str, Any]

_MARK = 8


@lru_cache
def _mark(_process: int) -> str:
    return secrets.token_hex(_MARK // 2)


def _new_id() -> str:
    return _mark(os.getpid()) + secrets.token_hex(12)


def of_one_process(batch_id: str, other: str) -> bool:
    """Tell whether two batches were made by the same process."""
    return batch_id[:_MARK] == other[:_MARK]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one save.

    Attributes:
        sender_id: As the channel sent it; it goes no further than the pseudonym.
        events: New events as ``Event.as_dict()``, raw, in order.
        replaces: Whether they stand for the whole conversation.
        batch_id: Random; a batch is written once, however often that is tried.
        saved_at: When Rasa saved it, in seconds since the epoch.
        waited: Whether it had to wait for the database.
    """

    sender_id: str
    events: list[Event]
    replaces: bool = False
    batch_id: str = msgspec.field(default_factory=_new_id)
    saved_at: float = 0.0
    waited: bool = False


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as the dialogue needs it.

    Attributes:
        asked: Whether *consent* was said about the policy as it is worded now; None
            where nothing was said.
        since: When *consent* was said; None where nothing was.
    """

    events: list[Event]
    version: int
    consent: ConsentState
    asked: bool | None = None
    since: float | None = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What a save left behind.

    Attributes:
        version: Of the conversation after the save; 0 when it was erased.
        previous_version: Of the conversation before; 0 when it was new, -1 when the
            batch had been written by an earlier try.
        asked: As for :class:`Loaded`.
        since: As for :class:`Loaded`.
        published: Bodies for the event broker, masked, with the pseudonym.
        tickets: How many cases were handed over to people.
    """

    version: int
    previous_version: int
    consent: ConsentState
    published: list[Event]
    asked: bool | None = None
    since: float | None = None
    erased: bool = False
    tickets: int = 0
