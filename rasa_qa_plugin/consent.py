"""Consent as pure rules: states, who may be captured, what changes it."""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

import msgspec

TRAINING = "training"
"""The purpose people are asked about: reading their turns to improve the bot."""

CONSENT_SLOT = "qa_consent"
ASKED_SLOT = "qa_consent_asked"
TERMS_SLOT = "qa_terms"
"""Shows the actions what is kept without a yes, and since when an answer counts."""
FORGET_SLOT = "qa_forget"
CONSENT_METADATA = "qa_consent"
CHANNEL = "channel"
"""Source of decisions that came with a message's metadata."""


class ConsentState(str, Enum):
    """What a person has said about a purpose."""

    UNKNOWN = "unknown"
    GRANTED = "granted"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"

    @property
    def allows_capture(self) -> bool:
        """Whether masked texts may be captured: only after an explicit yes."""
        return self is ConsentState.GRANTED


class ConsentChange(msgspec.Struct, frozen=True):
    """A person's decision, as found in an event of a turn."""

    state: ConsentState
    source: str


def said_in(events: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Give events without the slots that Rasa carries over into a new session.

    At its start Rasa repeats every slot event of the session before; taken for news,
    they would undo what was decided since.
    """
    carried_over = False
    for event in events:
        if event.get("event") == "session_started":
            carried_over = True
        elif event.get("event") != "slot":
            carried_over = False
        if not carried_over:
            yield event


def changes_in(events: Iterable[Mapping[str, Any]]) -> list[ConsentChange]:
    """Find the decisions that Rasa events carry, in order.

    The chat says it by setting the slot `qa_consent`, a channel by the key `qa_consent`
    in the metadata of a user message.
    """
    found: list[ConsentChange] = []
    for event in said_in(events):
        if event.get("event") == "slot" and event.get("name") == CONSENT_SLOT:
            found.extend(_change(event.get("value"), source="chat"))
        elif event.get("event") == "user":
            metadata = event.get("metadata")
            if isinstance(metadata, Mapping):
                found.extend(_change(metadata.get(CONSENT_METADATA), source=CHANNEL))
    return found


def wants_erasure(events: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether a person confirmed "forget me" in these events."""
    return any(
        event.get("event") == "slot"
        and event.get("name") == FORGET_SLOT
        and event.get("value") is True
        for event in said_in(events)
    )


def _change(value: Any, *, source: str) -> Iterable[ConsentChange]:
    if not isinstance(value, str):
        return
    try:
        state = ConsentState(value)
    except ValueError:
        return
    if state is not ConsentState.UNKNOWN:
        yield ConsentChange(state, source)
