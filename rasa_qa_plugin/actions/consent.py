"""Consent in the chat: ask, explain, grant, deny, withdraw."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher

from rasa_qa_plugin.actions.language import say

CONSENT_SLOT = "qa_consent"
ASKED_SLOT = "qa_consent_asked"

Events = list[dict[str, Any]]


class ActionAskConsent(Action):
    """Asks whether the conversation may be read to improve the bot.

    Asks once: it stays silent when the person was asked before or has decided.
    """

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_ask_consent"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Ask with buttons."""
        if tracker.get_slot(CONSENT_SLOT) or tracker.get_slot(ASKED_SLOT):
            return []
        say(dispatcher, tracker, domain, "utter_qa_ask_consent")
        return [SlotSet(ASKED_SLOT, True)]


class ActionConsentInfo(Action):
    """Explains what is kept and why."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_consent_info"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Explain, and leave the decision open."""
        say(dispatcher, tracker, domain, "utter_qa_consent_info")
        return []


class ActionGrantConsent(Action):
    """Records a yes."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_grant_consent"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Thank, and tell the store through the slot."""
        say(dispatcher, tracker, domain, "utter_qa_consent_granted")
        return [SlotSet(CONSENT_SLOT, "granted"), SlotSet(ASKED_SLOT, True)]


class ActionDenyConsent(Action):
    """Records a no."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_deny_consent"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Accept the no, and tell the store through the slot."""
        say(dispatcher, tracker, domain, "utter_qa_consent_denied")
        return [SlotSet(CONSENT_SLOT, "denied"), SlotSet(ASKED_SLOT, True)]


class ActionWithdrawConsent(Action):
    """Takes consent back: the store deletes the captured words at once."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_withdraw_consent"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Confirm, and tell the store through the slot."""
        say(dispatcher, tracker, domain, "utter_qa_consent_withdrawn")
        return [SlotSet(CONSENT_SLOT, "withdrawn"), SlotSet(ASKED_SLOT, True)]
