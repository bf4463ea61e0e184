"""Rating: thumbs bound to the judged turn, a comment, stars for a conversation."""

import hashlib
import json
import re
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionReverted, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from rasa_qa_plugin.actions.forms import resume, return_to_form
from rasa_qa_plugin.actions.language import intent_of, is_meant, say
from rasa_qa_plugin.actions.questions import last_words
from rasa_qa_plugin.own_intents.signs import rating_in

FEEDBACK_SLOT = "qa_feedback"
COMMENT_SLOT = "qa_comment"
TURN_ENTITY = "qa_turn"
POSITIVE = "qa_feedback_positive"
NEGATIVE = "qa_feedback_negative"
STARS = "qa_stars"
_TURN_IN_PAYLOAD = re.compile(rf'"{TURN_ENTITY}": "([0-9a-f]{{16}})"')
_ABOUT_AN_ANSWER = frozenset((POSITIVE, NEGATIVE, "qa_comment", "qa_skip", STARS))
_MOST_STARS = 5
_NUMBERS = {
    word: number
    for words in ("1 2 3 4 5", "una dos tres cuatro cinco", "one two three four five")
    for number, word in enumerate(words.split(), start=1)
}

Events = list[dict[str, Any]]


def message_ref(message_id: str) -> str:
    """Give the reference by which the store knows a user message.

    Same formula as :func:`rasa_qa_plugin.privacy.vault.message_ref`, so that an action
    server need not load the cryptography of the store; a test keeps them equal.
    """
    digest = hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"f{digest[1:16]}" if digest[:16].isdecimal() else digest[:16]


def judged_turn(tracker: Tracker, *, before_latest: bool = False) -> str | None:
    """Find the turn that a rating is about: the last message, past our own buttons.

    Where a button said what a message had meant, it is that message.

    Args:
        tracker: The conversation.
        before_latest: Whether the latest message is a rating, whatever its intent.
    """
    messages = (event for event in reversed(tracker.events) if event["event"] == "user")
    if before_latest:
        next(messages, None)
    for event in messages:
        if not event.get("message_id"):
            continue
        intent = ((event.get("parse_data") or {}).get("intent") or {}).get("name")
        pressed = str(event.get("text")).startswith("/qa_")
        if not pressed and intent not in _ABOUT_AN_ANSWER:
            for entity in (event.get("parse_data") or {}).get("entities") or []:
                if entity.get("entity") == TURN_ENTITY:
                    return str(entity.get("value"))
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


class ActionInsertFeedback(ActionAskFeedback):
    """Asks beside the bot's own story; `QAPolicy` predicts it, nothing else may."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_insert_feedback"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Ask, and let the story go on as if nothing had been said."""
        return [ActionReverted(), *await super().run(dispatcher, tracker, domain)]


class ActionAskStars(Action):
    """Asks for one to five stars for the conversation so far."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_ask_stars"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Ask with buttons; pressing another one replaces the first answer."""
        turn = judged_turn(tracker)
        named = {TURN_ENTITY: turn} if turn else {}
        buttons = [
            {
                "title": "\u2b50" * number,
                "payload": f"/{STARS}{json.dumps({**named, STARS: str(number)})}",
            }
            for number in range(1, _MOST_STARS + 1)
        ]
        say(dispatcher, tracker, domain, "utter_qa_ask_stars", buttons=buttons)
        return []


class ActionInsertStars(ActionAskStars):
    """Asks beside the bot's own story; `QAPolicy` predicts it, nothing else may."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_insert_stars"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Ask, and let the story go on as if nothing had been said."""
        return [ActionReverted(), *await super().run(dispatcher, tracker, domain)]


class ActionRecordStars(Action):
    """Records how many stars a conversation got, by button or in words."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_record_stars"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Thank, and tell the store through the slot; ask back without a number."""
        given = next(tracker.get_latest_entity_values(STARS), None)
        words = str(given or tracker.latest_message.get("text") or "").lower()
        named = _stars_in(words)
        turn = next(tracker.get_latest_entity_values(TURN_ENTITY), None)
        if len(named) != 1:
            return await ActionAskStars().run(dispatcher, tracker, domain)
        say(dispatcher, tracker, domain, "utter_qa_stars_thanks")
        turn = (
            turn or _asked_turn(tracker, "utter_qa_ask_stars") or judged_turn(tracker)
        )
        return [SlotSet(FEEDBACK_SLOT, {"turn": turn, "stars": named.pop()})]


def _stars_in(words: str) -> set[int]:
    """Give the numbers that are named: "four", "4/5", or as so many stars."""
    signs = sum(words.count(star) for star in "\u2b50\U0001f31f")
    if signs:
        return {signs}.intersection(_NUMBERS.values())
    words = re.sub(r"/\s*5\b", "", words)
    return {_NUMBERS[word] for word in re.findall(r"\w+", words) if word in _NUMBERS}


class ActionRecordFeedback(Action):
    """Records the rating that the last message gave, by button or in words.

    Words count for the latest answer that is not ours, at any time, and as the answer
    to our question, where a number from 1 to 5 does too; a complaint that nobody asked
    for is also a report. Words about something else ("the invoice is wrong") are asked
    back.
    """

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_record_feedback"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Thank or apologize, and tell the store through the slot."""
        intent = intent_of(tracker)
        text = tracker.latest_message.get("text") or ""
        asked = _asked_turn(tracker, "utter_qa_ask_feedback")
        sign = rating_in(text, number=asked is not None)
        if asked is None and sign is None and not is_meant(tracker):
            await ActionAskFeedback().run(dispatcher, tracker, domain)
            return resume(tracker, domain)
        good = intent == POSITIVE if sign is None else sign
        turn = next(tracker.get_latest_entity_values(TURN_ENTITY), asked)
        say(
            dispatcher,
            tracker,
            domain,
            "utter_qa_feedback_thanks" if good else "utter_qa_feedback_sorry",
        )
        rating: dict[str, Any] = {
            "turn": turn or judged_turn(tracker),
            "rating": "up" if good else "down",
        }
        if not good and not asked and not text.startswith("/"):
            rating["reported"] = True
        return [SlotSet(FEEDBACK_SLOT, rating), *resume(tracker, domain)]


def _asked_turn(tracker: Tracker, question: str) -> str | None:
    """Give the turn that our last words before this message asked about."""
    response, data = last_words(tracker)
    if not response.startswith(question):
        return None
    buttons = data.get("buttons") or [{}]
    named = _TURN_IN_PAYLOAD.search(str(buttons[0].get("payload")))
    return named[1] if named else judged_turn(tracker, before_latest=True)


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
        if str(comment).startswith("/"):  # the other thumb, after all
            rated = await ActionRecordFeedback().run(dispatcher, tracker, domain)
            left = [SlotSet(COMMENT_SLOT, None), *return_to_form(tracker, domain)]
            return [*rated, *left]
        given = tracker.get_slot(FEEDBACK_SLOT) or {}
        say(dispatcher, tracker, domain, "utter_qa_comment_thanks")
        if not comment:
            return return_to_form(tracker, domain)
        rating = {
            "turn": given.get("turn") or judged_turn(tracker),
            "rating": given.get("rating") or "down",
            "comment": comment,
        }
        return [
            SlotSet(FEEDBACK_SLOT, rating),
            SlotSet(COMMENT_SLOT, None),
            *return_to_form(tracker, domain),
        ]


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
        return [SlotSet(COMMENT_SLOT, None), *return_to_form(tracker, domain)]
