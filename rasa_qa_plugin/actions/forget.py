"""The right to be forgotten, in the chat: ask once, then erase."""

import re
from datetime import datetime, timezone
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActiveLoop, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from rasa_qa_plugin.actions.forms import resume
from rasa_qa_plugin.actions.language import say

FORGET_SLOT = "qa_forget"
# What `utter_qa_ask_forget_text_*` asks people to write where there are no buttons.
_CONFIRMATIONS = ("sí borrar todo", "si borrar todo", "yes delete everything")

Events = list[dict[str, Any]]


class ActionAskForget(Action):
    """Asks for confirmation before everything of a person is erased."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_ask_forget"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Ask with buttons; or erase, where the words are those we asked for."""
        if _is_confirmed(tracker):
            return _forget(dispatcher, tracker, domain)
        say(dispatcher, tracker, domain, "utter_qa_ask_forget")
        return resume(tracker, domain)


def _is_confirmed(tracker: Tracker) -> bool:
    text = tracker.latest_message.get("text") or ""
    return " ".join(re.findall(r"\w+", text.lower())) in _CONFIRMATIONS


def _forget(
    dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
) -> Events:
    now = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
    say(dispatcher, tracker, domain, "utter_qa_forgotten", time=now)
    # Nothing is left of a form either.
    left = [ActiveLoop(None), SlotSet("requested_slot", None)]
    return [*(left if tracker.active_loop else []), SlotSet(FORGET_SLOT, True)]


class ActionForget(Action):
    """Tells the store to erase this person: every row, and the running conversation."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_forget"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Confirm; the store erases when it saves this turn.

        This cannot be undone: only the button counts, or the very words that a channel
        without buttons is told to use. Anything else is asked back.
        """
        pressed = (tracker.latest_message.get("text") or "").startswith("/")
        if not pressed and not _is_confirmed(tracker):
            say(dispatcher, tracker, domain, "utter_qa_ask_forget")
            return resume(tracker, domain)
        return _forget(dispatcher, tracker, domain)


class ActionForgetCancelled(Action):
    """Answers a person who changed their mind."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_forget_cancelled"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Say that nothing was erased."""
        say(dispatcher, tracker, domain, "utter_qa_forget_cancelled")
        return resume(tracker, domain)
