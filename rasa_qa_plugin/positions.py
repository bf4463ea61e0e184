"""ADAPTER to Rasa: what the store knows of a tracker, noted on the tracker itself.

A note outlives what resets slots: a new session, an action that is taken back.
"""

import msgspec
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event
from rasa.shared.core.trackers import DialogueStateTracker

from rasa_qa_plugin.batches import Loaded, Recorded
from rasa_qa_plugin.consent import CONSENT_SLOT, TERMS_SLOT, ConsentState
from rasa_qa_plugin.settings import Settings

_ATTRIBUTE = "_qa_position"
_ASKED = "_qa_asked"


class Position(msgspec.Struct):
    """How much of a tracker is stored: everything up to *last_event*.

    Attributes:
        domain: What the tracker's slots were made from.
    """

    version: int
    last_event: Event | None
    domain: Domain


def position_of(tracker: DialogueStateTracker) -> Position | None:
    """Give what was noted, or None for a tracker that did not come from our store."""
    position: Position | None = getattr(tracker, _ATTRIBUTE, None)
    return position


def mark_stored(tracker: DialogueStateTracker, *, version: int, domain: Domain) -> None:
    """Note on the tracker that everything in it is stored.

    The domain that was noted first stays: slots do not change with the model.
    """
    last = tracker.events[-1] if tracker.events else None
    known = position_of(tracker)
    made_from = domain if known is None else known.domain
    setattr(tracker, _ATTRIBUTE, Position(version, last, made_from))


def made_for(domain: Domain, tracker: DialogueStateTracker) -> DialogueStateTracker:
    """Give the tracker as a model with *domain* needs it, which may have other slots.

    It is the same one unless a new model came since it was made: then its events are
    told to one that has the new slots.
    """
    position = position_of(tracker)
    if position is None or position.domain is domain:
        return tracker
    again = DialogueStateTracker.from_events(
        tracker.sender_id, list(tracker.events), domain.slots
    )
    for name in (CONSENT_SLOT, TERMS_SLOT):  # the ledger's, which events need not tell
        if (slot := again.slots.get(name)) and (former := tracker.slots.get(name)):
            slot.value, slot.initial_value = former.value, former.initial_value
    setattr(again, _ATTRIBUTE, Position(position.version, position.last_event, domain))
    setattr(again, _ASKED, asked_of(tracker))
    return again


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
