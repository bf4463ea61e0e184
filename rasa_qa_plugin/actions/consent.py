"""Consent in the chat: ask, explain, grant, deny, withdraw."""

import re
from datetime import datetime, timezone
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionReverted, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from rasa_qa_plugin.actions.forms import resume
from rasa_qa_plugin.actions.language import is_meant, language_of, say
from rasa_qa_plugin.actions.questions import last_words
from rasa_qa_plugin.consent import ASKED_SLOT, CONSENT_SLOT, TERMS_SLOT

Events = list[dict[str, Any]]

_DECIDED = {
    "granted": "utter_qa_consent_granted",
    "denied": "utter_qa_consent_denied",
    "withdrawn": "utter_qa_consent_withdrawn",
}
_STATES = {
    "denied": "utter_qa_state_denied",
    "withdrawn": "utter_qa_state_withdrawn",
}
_KEPT = {
    "anonymized": "utter_qa_consent_info_anonymized",
    "nothing": "utter_qa_consent_info_nothing",
}
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
    """Says what this person agreed to and when, what is kept of them, and why.

    The tracker store tells it through the slot `qa_terms`; a domain without that slot
    gets the text for the default, ``without_consent: structure``.
    """

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_consent_info"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Explain, and leave the decision open."""
        terms = tracker.get_slot(TERMS_SLOT) or {}
        state = terms.get("state") or tracker.get_slot(CONSENT_SLOT)
        if state == "granted":
            dated = {"date": _date(terms.get("since"), language_of(tracker))}
            say(dispatcher, tracker, domain, "utter_qa_state_granted", **dated)
        else:
            said = _STATES.get(str(state), "utter_qa_state_unknown")
            say(dispatcher, tracker, domain, said)
            kept = _KEPT.get(str(terms.get("without_consent")), "utter_qa_consent_info")
            say(dispatcher, tracker, domain, kept)
        return resume(tracker, domain)


def _date(since: Any, language: str) -> str:
    """Give a day as people write it, or nothing where it is not known."""
    if not isinstance(since, (int, float)):
        return ""
    day = datetime.fromtimestamp(since, tz=timezone.utc)
    if language == "en":
        return f" since {day:%Y-%m-%d}"
    return f" desde el {day:%d/%m/%Y}"


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
            return _ask_back(dispatcher, tracker, domain)
        return _decide("granted", dispatcher, tracker, domain)


def _is_plain_yes(tracker: Tracker) -> bool:
    text = tracker.latest_message.get("text") or ""
    if text.startswith("/"):
        return True
    words = set(re.findall(r"[\w']+", text.lower().replace("\u2019", "'")))
    return "?" not in text and not words & _NOT_YES and _was_just_asked(tracker)


def _was_just_asked(tracker: Tracker) -> bool:
    """Tell whether the bot's last words before this message were our question."""
    response, _ = last_words(tracker)
    return response.startswith(("utter_qa_ask_consent", "utter_qa_consent_info"))


def _is_meant(tracker: Tracker) -> bool:
    """Tell whether a no is about consent: a button, our question, or their words."""
    return is_meant(tracker) or _was_just_asked(tracker)


def _decide(
    state: str,
    dispatcher: CollectingDispatcher,
    tracker: Tracker,
    domain: dict[str, Any],
) -> Events:
    say(dispatcher, tracker, domain, _DECIDED[state])
    return [
        SlotSet(CONSENT_SLOT, state),
        SlotSet(ASKED_SLOT, True),
        *resume(tracker, domain),
    ]


def _ask_back(
    dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
) -> Events:
    say(dispatcher, tracker, domain, "utter_qa_ask_consent")
    return [SlotSet(ASKED_SLOT, True), *resume(tracker, domain)]


class ActionDenyConsent(Action):
    """Records a no; words that speak of nothing of the kind are asked back."""

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_deny_consent"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Accept the no, and tell the store through the slot."""
        if not _is_meant(tracker):
            return _ask_back(dispatcher, tracker, domain)
        return _decide("denied", dispatcher, tracker, domain)


class ActionWithdrawConsent(Action):
    """Takes consent back: the store deletes the captured words at once.

    Words that speak of nothing of the kind ("I changed my mind, make it tuna") are
    asked back.
    """

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_withdraw_consent"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Confirm, and tell the store through the slot."""
        if not _is_meant(tracker):
            return _ask_back(dispatcher, tracker, domain)
        return _decide("withdrawn", dispatcher, tracker, domain)
