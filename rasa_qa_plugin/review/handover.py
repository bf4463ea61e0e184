"""Cases that the chat hands over to people: read from events, and kept as tickets."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from rasa_qa_plugin.consent import ConsentState, said_in
from rasa_qa_plugin.privacy.withheld import is_plain_word, is_reference
from rasa_qa_plugin.settings import EscalationSettings
from rasa_qa_plugin.storage import escalations
from rasa_qa_plugin.storage.escalations import PRIORITIES, Priority, Ticket

ESCALATION_SLOT = "qa_escalation"
DEFAULT_QUEUE = "support"
_MOST_TAGS = 10

Event = Mapping[str, Any]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What the slot `qa_escalation` says: which message, why, and for whom.

    Attributes:
        case: Reference of the message that made the case.
        pause: Whether the bot is silent from here on.
    """

    case: str
    reason: str
    tags: list[str]
    priority: Priority
    queue: str
    pause: bool


def cases_in(events: Iterable[Event]) -> list[Case]:
    """Give the cases in these events, each once; what is no name of ours is dropped."""
    found: dict[str, Case] = {}
    for event in said_in(events):
        value = event.get("value")
        if (
            event.get("event") == "slot"
            and event.get("name") == ESCALATION_SLOT
            and isinstance(value, Mapping)
            and is_reference(value.get("case"))
            and is_plain_word(value.get("reason"))
        ):
            case = _case(value)
            found.setdefault(case.case, case)
    return list(found.values())


def _case(value: Mapping[str, Any]) -> Case:
    tags = value.get("tags")
    named = (
        [tag for tag in tags if is_plain_word(tag)] if isinstance(tags, list) else []
    )
    priority, queue = value.get("priority"), value.get("queue")
    return Case(
        case=value["case"],
        reason=value["reason"],
        tags=named[:_MOST_TAGS],
        priority=priority if priority in PRIORITIES else "normal",
        queue=str(queue) if is_plain_word(queue) else DEFAULT_QUEUE,
        pause=value.get("pause") is True,
    )


def resuming_events(*, paused: bool, now: float) -> list[dict[str, Any]]:
    """Give the events by which a bot takes a conversation over from people again.

    After a pause the bot waits for a message; without the action Rasa would take the
    next one for a part of the turn that was broken off.
    """
    events: list[dict[str, Any]] = [
        {"event": "slot", "timestamp": now, "name": ESCALATION_SLOT, "value": None}
    ]
    if paused:
        events += [
            {"event": "resume", "timestamp": now},
            {
                "event": "action",
                "timestamp": now,
                "name": "action_listen",
                "policy": None,
                "confidence": None,
                "action_text": None,
                "hide_rule_turn": False,
            },
        ]
    return events


class Handover:
    """Opens tickets, on the caller's transaction."""

    def __init__(
        self, ticket_id: Callable[[str, str], str], settings: EscalationSettings
    ) -> None:
        """Keep what *settings* allow.

        Args:
            ticket_id: Makes the id from pseudonym and case.
            settings: The section of `qa.yml`.
        """
        self._ticket_id = ticket_id
        self._settings = settings

    def keep(
        self,
        connection: Connection,
        pseudonym: str,
        events: Sequence[Event],
        consent: ConsentState,
        *,
        now: float,
    ) -> int:
        """Open a ticket for each case in these events; give how many are new.

        Call it once the turns are kept: with consent a ticket shows the last of them.
        """
        opened = 0
        for case in cases_in(events):
            history = None
            if consent.allows_capture and self._settings.history_turns:
                history = escalations.last_exchanges(
                    connection, pseudonym, most=self._settings.history_turns
                )
            opened += escalations.record(
                connection,
                Ticket(
                    ticket_id=self._ticket_id(pseudonym, case.case),
                    sender_id=pseudonym,
                    created_at=now,
                    updated_at=now,
                    reason=case.reason,
                    tags=case.tags,
                    priority=case.priority,
                    queue=case.queue,
                    paused=case.pause,
                    history=history or None,
                    notify_at=now if self._settings.notify else None,
                ),
            )
        return opened
