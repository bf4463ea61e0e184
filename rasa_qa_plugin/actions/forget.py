"""The right to be forgotten, in the chat: ask once, then erase."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from rasa_qa_plugin.actions.language import say

FORGET_SLOT = "qa_forget"

Events = list[dict[str, Any]]


class ActionAskForget(Action):
    """Asks for confirmation before everything of a person is erased."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_ask_forget"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Ask with buttons."""
        say(dispatcher, tracker, domain, "utter_qa_ask_forget")
        return []


class ActionForget(Action):
    """Tells the store to erase this person: every row, and the running conversation."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_forget"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Confirm; the store erases when it saves this turn.

        Only the button counts: this cannot be undone, so words are asked back.
        """
        if not (tracker.latest_message.get("text") or "").startswith("/"):
            say(dispatcher, tracker, domain, "utter_qa_ask_forget")
            return []
        say(dispatcher, tracker, domain, "utter_qa_forgotten")
        return [SlotSet(FORGET_SLOT, True)]


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
        return []
