"""ADAPTER to Rasa: what the store knows of a tracker, noted on the tracker itself.

A note outlives what resets slots: a new session, an action that is taken back.
"""

import msgspec
from rasa.shared.core.events import Event
from rasa.shared.core.trackers import DialogueStateTracker

from rasa_qa_plugin.batches import Loaded, Recorded
from rasa_qa_plugin.consent import CONSENT_SLOT, TERMS_SLOT, ConsentState
from rasa_qa_plugin.settings import Settings

_ATTRIBUTE = "_qa_position"
_ASKED = "_qa_asked"


class Position(msgspec.Struct):
    """How much of a tracker is stored: everything up to *last_event*."""

    version: int
    last_event: Event | None


def position_of(tracker: DialogueStateTracker) -> Position | None:
    """Give what was noted, or None for a tracker that did not come from our store."""
    position: Position | None = getattr(tracker, _ATTRIBUTE, None)
    return position


def mark_stored(tracker: DialogueStateTracker, *, version: int) -> None:
    """Note on the tracker that everything in it is stored."""
    last = tracker.events[-1] if tracker.events else None
    setattr(tracker, _ATTRIBUTE, Position(version, last))


def new_events(tracker: DialogueStateTracker) -> list[Event]:
    """Give the events after the last stored one.

    Counting would lose events when Rasa bounds the history; the object itself is
    looked for, from the end.
    """
    position = position_of(tracker)
    if position is None or position.last_event is None:
        return list(tracker.events)
    new: list[Event] = []
    for event in reversed(tracker.events):
        if event is position.last_event:
            break
        new.append(event)
    new.reverse()
    return new


def show_standing(
    tracker: DialogueStateTracker, known: Loaded | Recorded, settings: Settings
) -> None:
    """Let the slots show what the ledger and `qa.yml` say, whatever the events said.

    What resets slots makes it tell the events' story again until the next save; whether
    a person decided about the policy as it is worded now stays known.
    """
    setattr(tracker, _ASKED, known.asked)
    state = known.consent
    if slot := tracker.slots.get(CONSENT_SLOT):
        slot.value = None if state is ConsentState.UNKNOWN else state.value
    if slot := tracker.slots.get(TERMS_SLOT):
        # Rasa shows actions a copy made of initial values and events.
        slot.value = slot.initial_value = {
            "state": state.value,
            "without_consent": settings.consent.without_consent,
            "since": known.since,
        }


def asked_of(tracker: DialogueStateTracker) -> bool | None:
    """Tell whether a person decided about the policy as it is worded now.

    False where it was worded otherwise; None where no decision is known, and on other
    stores.
    """
    asked: bool | None = getattr(tracker, _ASKED, None)
    return asked
