"""Consent in the chat: ask, explain, grant, deny, withdraw."""

import re
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionReverted, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from rasa_qa_plugin.actions.language import say
from rasa_qa_plugin.consent import ASKED_SLOT, CONSENT_SLOT

Events = list[dict[str, Any]]

_NOT_YES = frozenset(
    "no not nunca never jamás tampoco ni don't dont cannot can't sin without nada none "
    "negarme niego refuse decline".split()
)


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


class ActionInsertConsent(Action):
    """Asks beside the bot's own story; `QAPolicy` predicts it, nothing else may.

    It asks without looking: the policy knows when, and what the ledger says.
    """

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_insert_consent"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Ask, and let the story go on as if nothing had been said."""
        say(dispatcher, tracker, domain, "utter_qa_ask_consent")
        return [ActionReverted(), SlotSet(ASKED_SLOT, True)]


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
    """Records a yes, if it is one.

    A button says it plainly. Typed words only count as the answer to our question and
    without a question mark or a negation: the NLU may take "I do not agree" for a yes.
    Anything else is asked back.
    """

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_grant_consent"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Thank, and tell the store through the slot; or ask again."""
        if not _is_plain_yes(tracker):
            say(dispatcher, tracker, domain, "utter_qa_ask_consent")
            return [SlotSet(ASKED_SLOT, True)]
        say(dispatcher, tracker, domain, "utter_qa_consent_granted")
        return [SlotSet(CONSENT_SLOT, "granted"), SlotSet(ASKED_SLOT, True)]


def _is_plain_yes(tracker: Tracker) -> bool:
    text = tracker.latest_message.get("text") or ""
    if text.startswith("/"):
        return True
    words = set(re.findall(r"[\w']+", text.lower().replace("\u2019", "'")))
    return "?" not in text and not words & _NOT_YES and _was_just_asked(tracker)


def _was_just_asked(tracker: Tracker) -> bool:
    """Tell whether the bot's last words before this message were our question."""
    earlier = iter(reversed(tracker.events))
    for event in earlier:
        if event.get("event") == "user":
            break
    for event in earlier:
        if event.get("event") == "user":
            return False
        if event.get("event") == "bot":
            said = str((event.get("metadata") or {}).get("utter_action"))
            return said.startswith(("utter_qa_ask_consent", "utter_qa_consent_info"))
    return False


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
