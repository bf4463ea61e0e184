"""Rating an answer: thumbs bound to the judged turn, and an optional comment."""

import hashlib
import json
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from rasa_qa_plugin.actions.language import say

FEEDBACK_SLOT = "qa_feedback"
COMMENT_SLOT = "qa_comment"
TURN_ENTITY = "qa_turn"
POSITIVE = "qa_feedback_positive"
NEGATIVE = "qa_feedback_negative"
_ABOUT_AN_ANSWER = frozenset((POSITIVE, NEGATIVE, "qa_comment", "qa_skip"))

Events = list[dict[str, Any]]


def message_ref(message_id: str) -> str:
    """Give the reference by which the store knows a user message.

    Same formula as :func:`rasa_qa_plugin.privacy.vault.message_ref`, so that an action
    server need not load the cryptography of the store; a test keeps them equal.
    """
    digest = hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"f{digest[1:16]}" if digest[:16].isdecimal() else digest[:16]


def judged_turn(tracker: Tracker) -> str | None:
    """Find the turn that a rating is about: the last message, past our own buttons."""
    for event in reversed(tracker.events):
        if event.get("event") != "user" or not event.get("message_id"):
            continue
        intent = ((event.get("parse_data") or {}).get("intent") or {}).get("name")
        pressed = str(event.get("text")).startswith("/qa_")
        if not pressed and intent not in _ABOUT_AN_ANSWER:
            return message_ref(event["message_id"])
    return None


class ActionAskFeedback(Action):
    """Asks for 👍 or 👎 on the answer just given.

    The buttons carry a reference to the turn, so that a late click still judges it.
    """

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_ask_feedback"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Ask with buttons."""
        turn = judged_turn(tracker)
        payload = json.dumps({TURN_ENTITY: turn}) if turn else ""
        buttons = [
            {"title": title, "payload": f"/{intent}{payload}"}
            for title, intent in (("👍", POSITIVE), ("👎", NEGATIVE))
        ]
        say(dispatcher, tracker, domain, "utter_qa_ask_feedback", buttons=buttons)
        return []


class ActionRecordFeedback(Action):
    """Records the rating that the last message gave, by button or in words."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_record_feedback"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Thank or apologize, and tell the store through the slot."""
        good = tracker.get_intent_of_latest_message() == POSITIVE
        turn = next(tracker.get_latest_entity_values(TURN_ENTITY), None)
        say(
            dispatcher,
            tracker,
            domain,
            "utter_qa_feedback_thanks" if good else "utter_qa_feedback_sorry",
        )
        rating = {
            "turn": turn or judged_turn(tracker),
            "rating": "up" if good else "down",
        }
        return [SlotSet(FEEDBACK_SLOT, rating)]


class ActionAskComment(Action):
    """Asks what was wrong; the form `qa_comment_form` calls it."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_ask_qa_comment"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Ask, with a button to skip."""
        say(dispatcher, tracker, domain, "utter_qa_ask_comment")
        return []


class ActionRecordComment(Action):
    """Joins the comment to the rating it explains."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_record_comment"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Thank, and tell the store through the slot; the comment slot is emptied."""
        comment = tracker.get_slot(COMMENT_SLOT)
        given = tracker.get_slot(FEEDBACK_SLOT) or {}
        say(dispatcher, tracker, domain, "utter_qa_comment_thanks")
        if not comment:
            return []
        rating = {
            "turn": given.get("turn") or judged_turn(tracker),
            "rating": given.get("rating") or "down",
            "comment": comment,
        }
        return [SlotSet(FEEDBACK_SLOT, rating), SlotSet(COMMENT_SLOT, None)]


class ActionCommentSkipped(Action):
    """Answers a person who would rather not comment."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_comment_skipped"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Say that this is fine."""
        say(dispatcher, tracker, domain, "utter_qa_comment_skipped")
        return [SlotSet(COMMENT_SLOT, None)]
