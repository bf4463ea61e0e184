"""Rasa events of every kind that can carry what a person said."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from rasa.shared.core import events as rasa_events
from rasa.shared.core.events import Event

from rasa_qa_plugin.privacy.vault import message_ref
from tests.data.planted import Planted

_LATER = datetime(2026, 11, 20, tzinfo=timezone.utc)
_SURE = {"name": "inform", "confidence": 0.93}


class VendorNote(Event):
    """An event class that neither Rasa nor this package has heard of."""

    type_name = "vendor_note"

    def __init__(self, note: Any, **rest: Any) -> None:
        super().__init__(**rest)
        self.note = note

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VendorNote) and self.note == other.note

    def __hash__(self) -> int:
        return hash(str(self.note))

    def as_story_string(self) -> None:
        return None

    def as_dict(self) -> dict[str, Any]:
        return {**super().as_dict(), "note": self.note}

    @classmethod
    def _from_parameters(cls, parameters: dict[str, Any]) -> "VendorNote":
        return cls(parameters.get("note"), timestamp=parameters.get("timestamp"))


def _entity(row: Planted, name: str) -> dict[str, Any]:
    start = row.text.index(row.value)
    return {
        "entity": name,
        "start": start,
        "end": start + len(row.value),
        "value": row.value,
        "extractor": "DIETClassifier",
        "confidence_entity": 0.9,
    }


def message(row: Planted) -> list[Event]:
    """The message as an NLU pipeline leaves it, with all its copies of the text."""
    words, position = [], 0
    for word in row.text.split():
        start = row.text.index(word, position)
        position = start + len(word)
        words.append((start, position))
    found = [_entity(row, row.slot or "thing")]
    number = base64.b64encode(f"wa:{row.value}".encode()).decode()
    metadata = {"profile": {"last_said": row.text}, "model_id": "a" * 32}
    return [
        rasa_events.UserUttered(
            row.text,
            dict(_SURE),
            [dict(entity) for entity in found],
            {
                "text": row.text,
                "intent": dict(_SURE),
                "intent_ranking": [dict(_SURE), {"name": "deny", "confidence": 0.04}],
                "entities": found,
                "text_tokens": words,
                "message_id": f"wamid.{number}",
                "metadata": metadata,
                "response_selector": {
                    "all_retrieval_intents": ["faq"],
                    "default": {
                        "response": {
                            "responses": [{"text": f"so: {row.text}"}],
                            "confidence": 0.4,
                            "intent_response_key": "faq/who",
                            "utter_action": "utter_faq",
                        },
                        "ranking": [
                            {"confidence": 0.4, "intent_response_key": "faq/who"}
                        ],
                    },
                },
            },
            input_channel="whatsapp",
            message_id=f"wamid.{number}",
            metadata=metadata,
        )
    ]


def rating(row: Planted) -> list[Event]:
    """A rating that a chat widget sends beside a message; ids may hold the number."""
    given = {
        "message_id": f"false_{row.value}@c.us",
        "rating": "down",
        "comment": row.text,
    }
    return [
        rasa_events.UserUttered(
            "gracias", dict(_SURE), metadata={"qa_feedback": given, "last": row.text}
        )
    ]


def button_payload(row: Planted) -> list[Event]:
    """A pressed button: an intent with JSON behind it, plain and with escapes."""
    entities = {row.slot or "thing": row.text, "list": [row.text]}
    return [
        rasa_events.UserUttered(f"/inform{json.dumps(entities, ensure_ascii=ascii_)}")
        for ascii_ in (True, False)
    ]


def typed_command(row: Planted) -> list[Event]:
    """Something that looks like a command of Rasa's and is none."""
    return [rasa_events.UserUttered(f"{before}/{row.text}") for before in ("", "  ")]


def answer(row: Planted) -> list[Event]:
    """A bot that repeats what it heard, in every part an answer can have."""
    said = f"Anoté: {row.text}"
    return [
        rasa_events.BotUttered(
            said,
            {
                "buttons": [
                    {
                        "title": f"Sí, {row.text}",
                        "payload": f"/affirm{json.dumps({'thing': row.text})}",
                    }
                ],
                "quick_replies": [{"title": row.text, "payload": "/deny"}],
                "elements": [{"title": row.text, "subtitle": row.text}],
                "attachment": {"caption": row.text},
                "custom": {"blocks": [{"text": {"plain": row.text}}], row.text: 1},
                "image": None,
            },
            metadata={"utter_action": "utter_echo", "note": row.text},
        )
    ]


def slot(row: Planted) -> list[Event]:
    """Slots filled with the value, and with the whole message by ``from_text``."""
    own = [rasa_events.SlotSet(row.slot, row.value)] if row.slot else []
    return own + [
        rasa_events.SlotSet(name, row.text) for name in ("comment", "last_words", "q7")
    ]


def nested_slot(row: Planted) -> list[Event]:
    """Slots that hold lists and objects."""
    order = {"lines": [{"note": row.text, "qty": 20}], row.slot or "note": row.text}
    return [rasa_events.SlotSet("order", order), rasa_events.SlotSet("all", [row.text])]


def handover(row: Planted) -> list[Event]:
    """A case for people, from a bot that puts the message into all there is of it."""
    case = {
        "case": message_ref(row.text),
        "reason": "keyword",
        "tags": [row.text, "urgent"],
        "priority": row.text,
        "queue": row.text,
        "note": row.text,
        row.text: [row.value],
    }
    return [rasa_events.SlotSet("qa_escalation", case)]


def reminder(row: Planted) -> list[Event]:
    """A reminder, with entities in both forms that actions write, and its end."""
    entity = {"entity": row.slot or "thing", "value": row.text}
    return [
        rasa_events.ReminderScheduled("ask", _LATER, [entity], f"ask {row.text}"),
        rasa_events.ReminderCancelled(f"ask {row.text}", "ask", [entity]),
    ]


def human_agent(row: Planted) -> list[Event]:
    """A person who took over from the bot."""
    return [rasa_events.AgentUttered(f"Le leo: {row.text}", {"quoted": row.text})]


def end_to_end_action(row: Planted) -> list[Event]:
    """A story learnt end to end: the action is a text."""
    return [rasa_events.ActionExecuted(action_text=f"Claro, {row.text}")]


def session(row: Planted) -> list[Event]:
    """A session whose channel sent something along."""
    return [
        rasa_events.ActionExecuted("action_session_start"),
        rasa_events.SessionStarted(metadata={"referral": {"body": row.text}}),
    ]


def entities_added(row: Planted) -> list[Event]:
    """Entities that a policy found after the NLU."""
    return [
        rasa_events.UserUttered(row.text),
        rasa_events.DefinePrevUserUtteredFeaturization(
            use_text_for_featurization=True, metadata={"on": row.text}
        ),
        rasa_events.EntitiesAdded([_entity(row, row.slot or "thing")]),
    ]


def plain_events_with_metadata(row: Planted) -> list[Event]:
    """Events that hold nothing themselves; anything can ride in their metadata."""
    metadata = {"seen": [row.text]}
    return [
        rasa_events.FollowupAction("action_listen", metadata=metadata),
        rasa_events.ActionExecutionRejected("action_ask", "RulePolicy", 1.0,
                                            metadata=metadata),
        rasa_events.ActionExecuted("action_ask", "RulePolicy", 1.0, metadata=metadata),
        rasa_events.ActiveLoop("contact_form", metadata=metadata),
        rasa_events.LoopInterrupted(True, metadata=metadata),
        rasa_events.StoryExported(None, metadata=metadata),
        rasa_events.ConversationPaused(metadata=metadata),
        rasa_events.ConversationResumed(metadata=metadata),
    ]  # fmt: skip


def channel_with_a_value(row: Planted) -> list[Event]:
    """A message whose channel is named after the line it came in on."""
    return [rasa_events.UserUttered("hola", input_channel=f"line: {row.text}")]


def unknown_event(row: Planted) -> list[Event]:
    """An event class of somebody else's package."""
    return [VendorNote({"who": row.text, "deep": [[row.text]]})]


CARRIERS: tuple[Callable[[Planted], list[Event]], ...] = (
    message,
    rating,
    button_payload,
    typed_command,
    answer,
    slot,
    nested_slot,
    handover,
    reminder,
    human_agent,
    end_to_end_action,
    session,
    entities_added,
    plain_events_with_metadata,
    channel_with_a_value,
    unknown_event,
)


def story(row: Planted) -> list[Event]:
    """A conversation in which the value turns up in all events there are."""
    return [event for carrier in CARRIERS for event in carrier(row)]
