"""Answering in the user's language: Spanish or English, by the words they use."""

import re
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from rasa_qa_plugin.actions.channels import has_buttons
from rasa_qa_plugin.review.prediction import QA_KEY, UNDERSTOOD

_WORDS = {
    "es": frozenset(
        """
        a al ayuda buenas buenos como con cual cuando cuanto cuánto cuál cómo de del
        día días dónde donde el ella en es esta este esto está estoy favor gracias hola
        hoy la las les lo los me mi mis muy más necesito no nos olvida para pero por
        porque puede pueden puedo que qué quiero quisiera saber se ser si sí sobre son
        su sus también te tengo tiene tienen tu tus un una uno usted ustedes y ya yo
        """.split()
    ),
    "en": frozenset(
        """
        a about am an and any are at be but can could day do does for forget from get
        give have hello help hey hi how i if in is it like looking me my need not of ok
        on or please price send so some thank thanks that the there this to today us
        want we what when where which who why will with would yes you your
        """.split()
    ),
}
_MESSAGES_READ = 5


def language_of(tracker: Tracker, *, default: str = "es") -> str:
    """Give ``es`` or ``en`` by counting function words in what the user last typed.

    Button payloads say nothing about language and are passed over. A bot that knows
    better sets the slot `language`.
    """
    known = tracker.get_slot("language")
    if known in _WORDS:
        return str(known)
    read = 0
    for event in reversed(tracker.events):
        text = event.get("text")
        if event.get("event") != "user" or not text or text.startswith("/"):
            continue
        words = re.findall(r"\w+", text.lower())
        counts = {
            name: sum(word in known_words for word in words)
            for name, known_words in _WORDS.items()
        }
        if counts["es"] != counts["en"]:
            return max(counts, key=lambda name: counts[name])
        read += 1
        if read == _MESSAGES_READ:
            break
    return default


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
