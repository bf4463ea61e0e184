"""Did you mean…? Asked where a message fits several intents; the click labels it."""

import json
from collections.abc import Iterator
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import (
    ActionReverted,
    FollowupAction,
    SlotSet,
    UserUtteranceReverted,
)
from rasa_sdk.executor import CollectingDispatcher

from rasa_qa_plugin.actions.feedback import TURN_ENTITY, message_ref
from rasa_qa_plugin.actions.language import language_of, say
from rasa_qa_plugin.prediction import FALLBACK_INTENT

OFFER_SLOT = "qa_did_you_mean"
MEANT_SLOT = "qa_meant"
_NONE_TITLE = "utter_qa_none"

Events = list[dict[str, Any]]


class ActionDidYouMean(Action):
    """Offers the intents that a message may mean; `QAPolicy` predicts it.

    The message is then taken back, so that the button pressed stands in its place. With
    nothing to offer, it asks for other words.
    """

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_did_you_mean"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Ask with buttons, the last of which is "none of these"."""
        offered = tracker.get_slot(OFFER_SLOT) or []
        turn = _asked_about(tracker)
        if not offered or turn is None:
            say(dispatcher, tracker, domain, "utter_qa_rephrase")
        else:
            language = language_of(tracker)
            choices = [(one["intent"], _title(one, language)) for one in offered]
            choices.append((FALLBACK_INTENT, _none_title(domain, language)))
            payload = json.dumps({TURN_ENTITY: turn})
            buttons = [
                {"title": title, "payload": f"/{intent}{payload}"}
                for intent, title in choices
            ]
            say(dispatcher, tracker, domain, "utter_qa_did_you_mean", buttons=buttons)
        return [UserUtteranceReverted(), FollowupAction("action_listen")]


def _title(offered: dict[str, str], language: str) -> str:
    """Give what a button says: the title as configured, else the intent's own name."""
    other = offered.get("es") or offered.get("en")
    plain = offered["intent"].replace("_", " ").replace("/", ": ").capitalize()
    return offered.get(language) or other or plain


def _none_title(domain: dict[str, Any], language: str) -> str:
    variations = (domain.get("responses") or {}).get(f"{_NONE_TITLE}_{language}") or []
    return next((one["text"] for one in variations if one.get("text")), "—")


def _asked_about(tracker: Tracker) -> str | None:
    for event in reversed(tracker.events):
        if event.get("event") == "user":
            message_id = event.get("message_id")
            return message_ref(message_id) if message_id else None
    return None


class ActionMeant(Action):
    """Takes up what the message said that a button explains; `QAPolicy` predicts it.

    A button carries an intent only. The values that the message named fill their slots
    as if the message had been understood, and the story begins at the button.
    """

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_meant"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Fill slots, and tell the store what was meant; buttons that we made only."""
        turn = next(tracker.get_latest_entity_values(TURN_ENTITY), None)
        intent = (tracker.latest_message.get("intent") or {}).get("name")
        said = next(_said(tracker, turn), None)
        if said is None or not _was_offered(tracker):
            return [ActionReverted()]
        meant = None if intent == FALLBACK_INTENT else intent
        entities = (said.get("parse_data") or {}).get("entities") or []
        return [
            ActionReverted(),
            *(_filled(domain, entities, meant) if meant else []),
            SlotSet(MEANT_SLOT, {"turn": turn, "intent": meant}),
        ]


def _said(tracker: Tracker, turn: str | None) -> Iterator[dict[str, Any]]:
    for event in reversed(tracker.events):
        message_id = event.get("message_id")
        is_message = event.get("event") == "user" and message_id
        if is_message and message_ref(message_id) == turn:
            yield event


def _was_offered(tracker: Tracker) -> bool:
    """Tell whether the latest message is a button that the bot showed."""
    pressed = tracker.latest_message.get("text")
    return any(
        button.get("payload") == pressed
        for event in tracker.events
        if event.get("event") == "bot"
        for button in (event.get("data") or {}).get("buttons") or []
    )


def _filled(
    domain: dict[str, Any], entities: list[dict[str, Any]], intent: str
) -> Iterator[dict[str, Any]]:
    """Fill slots from entities as Rasa does outside a form, for an intent."""
    for name, slot in (domain.get("slots") or {}).items():
        for mapping in slot.get("mappings") or []:
            values = [
                entity.get("value")
                for entity in entities
                if _fits(mapping, entity, intent)
            ]
            if values:
                yield SlotSet(name, values if slot["type"] == "list" else values[-1])
                break


def _fits(mapping: dict[str, Any], entity: dict[str, Any], intent: str) -> bool:
    if mapping.get("type") != "from_entity":
        return False
    if any(one.get("active_loop") for one in mapping.get("conditions") or []):
        return False
    wanted, unwanted = mapping.get("intent"), mapping.get("not_intent")
    return (
        all(entity.get(key) == mapping.get(key) for key in ("entity", "role", "group"))
        and (not wanted or intent in _several(wanted))
        and (not unwanted or intent not in _several(unwanted))
    )


def _several(names: Any) -> list[str]:
    return names if isinstance(names, list) else [names]
