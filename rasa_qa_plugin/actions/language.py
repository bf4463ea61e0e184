"""Answering in the user's language: Spanish or English, by the words they use."""

import re
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from rasa_qa_plugin.actions.channels import has_buttons
from rasa_qa_plugin.languages import spoken
from rasa_qa_plugin.prediction import QA_KEY, UNDERSTOOD


def language_of(tracker: Tracker) -> str:
    """Give ``es`` or ``en``: the slot `language`, else by what the user last typed."""
    said = (
        event.get("text")
        for event in reversed(tracker.events)
        if event.get("event") == "user"
    )
    return spoken(tracker.get_slot("language"), said)


def is_meant(tracker: Tracker) -> bool:
    """Tell whether the last message means its intent: a button, or understood so.

    What ConfidenceLogger has not read as one of ours, or not seen, may mean anything.
    """
    message = tracker.latest_message
    noted = message.get(QA_KEY) or {}
    return (message.get("text") or "").startswith("/") or bool(noted.get(UNDERSTOOD))


def intent_of(tracker: Tracker) -> str:
    """Give the intent that the bot acts on."""
    return str((tracker.latest_message.get("intent") or {}).get("name") or "")


def say(
    dispatcher: CollectingDispatcher,
    tracker: Tracker,
    domain: dict[str, Any],
    response: str,
    **extra: Any,
) -> None:
    """Utter *response* in the user's language, or in one that the domain has.

    Responses are named with the language at the end: ``utter_qa_ask_consent_es``. Where
    a channel shows no buttons, ``utter_qa_ask_consent_text_es`` takes its place, if the
    domain has it, and says what to write.
    """
    language = language_of(tracker)
    if not has_buttons(tracker):
        extra.pop("buttons", None)
        in_words = _name_of(f"{response}_text", language, domain)
        if in_words is not None:
            dispatcher.utter_message(response=in_words, **extra)
            return
    name = _name_of(response, language, domain) or f"{response}_{language}"
    dispatcher.utter_message(response=name, **extra)


def _name_of(response: str, language: str, domain: dict[str, Any]) -> str | None:
    """Give a response in the language, else in any that the domain has."""
    form = re.compile(rf"{response}_[a-z]{{2}}")
    have = [name for name in domain.get("responses") or {} if form.fullmatch(name)]
    wanted = f"{response}_{language}"
    return wanted if wanted in have else min(have, default=None)
