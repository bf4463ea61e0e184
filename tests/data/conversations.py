"""Conversations for the bots in tests/data/bots, one for each trait.

``RESTART`` stands half-way, where a play may end the server or do worse.
"""

from enum import Enum
from typing import Any, Final, NamedTuple


class Say(NamedTuple):
    """A message over the REST channel."""

    text: str
    metadata: dict[str, Any] | None = None
    session_is_over: bool = False
    carries_slots: bool = True


class Api(NamedTuple):
    """A request below ``/conversations/SENDER``: POST where there is a body."""

    path: str
    body: Any = None


class Pause(Enum):
    """Something between messages."""

    REMINDERS = "hours, until no reminder is left"
    RESTART = "the end of a server, or of the live window"


Step = Say | Api | Pause
REMINDERS: Final = Pause.REMINDERS
RESTART: Final = Pause.RESTART
NAME: Final = "Maria Fernandez"
PHONE: Final = "0991234567"
CUSTOMERS: Final = [(PHONE, NAME, 7), ("0987654321", "Jose Paredes", 8)]


def _trigger(intent: str, entities: Any) -> Api:
    body = {"name": intent, "entities": entities}
    return Api("trigger_intent?output_channel=latest", body)


def _append(*events: dict[str, Any]) -> Api:
    return Api("tracker/events?include_events=ALL", list(events))


_ORDER: list[Step] = [
    Say("order please"),
    Say(NAME),
    Say(PHONE),
    Say('/order{"order_number": "ORD-17"}'),
]
TRAITS: Final[dict[str, list[Step]]] = {
    "a form that looks a number up": [
        Say("hello"),
        Say("order please"),
        Say(NAME),
        Say("hello"),  # the form is interrupted and goes on
        Say("0998765432"),  # whom nobody knows
        RESTART,
        Say(PHONE),
        Say("ORD-18"),
        Say("hello"),
        Say("where is my parcel"),
    ],
    "a slot looked up long after its form": [
        *_ORDER,
        RESTART,
        Say("hello"),
        Say("where is my parcel"),
    ],
    "actions keyed by sender id": [
        Say("remember that I like tuna"),
        RESTART,
        Say(f"remember my number is {PHONE}"),
        Say("what do you know"),
    ],
    "slots of all types": [
        Say("load my profile"),
        RESTART,
        Say("load my profile"),
        Say("where is my parcel"),
    ],
    "all slots reset": [
        *_ORDER,
        Say("start over"),
        RESTART,
        Say("where is my parcel"),
        Say("hello"),
        Say("order please"),
        Say("Jose Paredes"),
        Say("0987654321"),
    ],
    "slots carried into a new session": [
        *_ORDER,
        Say("where is my parcel", session_is_over=True),
        RESTART,
        Say("hello"),
        Say("where is my parcel", session_is_over=True),
        Say("/session_start"),
        Say("where is my parcel"),
        Say("where is my parcel", session_is_over=True, carries_slots=False),
    ],
    "reminders with entities": [
        Say("remind me"),
        Say("hello"),
        REMINDERS,
        RESTART,
        Say("remind me"),
        Say("cancel"),
        REMINDERS,
        Say("hello"),
    ],
    "external events": [
        _trigger("EXTERNAL_payment", {"person": NAME}),
        Say("hello"),
        _append({"event": "slot", "name": "phone", "value": PHONE}),
        _trigger("EXTERNAL_payment", [{"entity": "person", "value": "Jose Paredes"}]),
        RESTART,
        _trigger("EXTERNAL_payment", {"phone": "0987654321", "person": "Ana Solis"}),
        Say("where is my parcel"),
    ],
    "a restart by the user": [
        *_ORDER,
        Say("/restart"),
        Say("hello"),
        RESTART,
        Say("where is my parcel"),
        Say("order please"),
        Say(NAME),
        Say("/restart"),
        Say("hello"),
    ],
    "a conversation paused and resumed": [
        Say(f"remember my number is {PHONE}"),
        Say("talk to a human"),
        Say("hello"),
        RESTART,
        Say(f"are you there? {PHONE}"),
        _append({"event": "resume"}, {"event": "action", "name": "action_listen"}),
        Say("where is my parcel"),
    ],
    "two-stage fallback, affirmed at last": [
        Say("purple elephants"),
        Say("/out_of_scope"),
        RESTART,
        Say(f"elephants of {PHONE}"),
        Say("/where"),
        Say("purple elephants"),
        Say("/greet"),
        Say("hello"),
    ],
    "two-stage fallback, given up": [
        Say(f"elephants of {PHONE}"),
        Say("/out_of_scope"),
        Say("purple elephants"),
        RESTART,
        Say("/out_of_scope"),
        Say("hello"),
        Say("what do you know"),
    ],
    "response selectors": [
        Say("opening hours"),
        Say("do you ship abroad"),
        RESTART,
        Say("opening hours"),
        Say("hello"),
    ],
    "a conversation led over the API": [
        Api("tracker"),
        Say("hello"),
        Api("execute", {"name": "utter_faq/hours"}),
        Api("predict", {}),
        Api("story"),
        Api("messages", {"text": f"remember {PHONE}", "sender": "user"}),
        RESTART,
        Api("predict", {}),
        Api("execute", {"name": "action_where"}),
        Api("story"),
        Api("tracker"),
        Say("where is my parcel"),
    ],
    "words taken back": [
        Say("hello"),
        Say(f"remember my number is {PHONE}"),
        Say("what do you know"),
        Say("/back"),
        RESTART,
        Say("/back"),
        Say("where is my parcel"),
    ],
}
SESSIONS: Final[dict[str, list[Step]]] = {
    "50 slots of from_text": [
        Say(f"this is {NAME}"),
        Say("review"),
        Say(f"this is my number {PHONE}"),
        Say("this is [PHONE]"),  # typed so, and not by us
        RESTART,
        Say("review my words"),
        Say("this is ana@example.com"),
        Say("review"),
    ],
    "a session start of one's own": [
        Say(f"this is {NAME}", {"profile": {"phone": PHONE}}),
        Say("/session_start"),
        RESTART,
        Say(f"this is {PHONE}"),
        Say("review", session_is_over=True),
        Say("/restart"),
        Say("review"),
    ],
}
BOTS: Final = {"traits": TRAITS, "sessions": SESSIONS}
