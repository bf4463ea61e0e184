"""Answering in the user's language: Spanish or English, by the words they use."""

import re
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

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


def say(
    dispatcher: CollectingDispatcher,
    tracker: Tracker,
    domain: dict[str, Any],
    response: str,
    **extra: Any,
) -> None:
    """Utter *response* in the user's language, or in one that the domain has.

    Responses are named with the language at the end: ``utter_qa_ask_consent_es``.
    """
    responses = domain.get("responses") or {}
    wanted = f"{response}_{language_of(tracker)}"
    have = [name for name in responses if name.startswith(f"{response}_")]
    name = wanted if wanted in have or not have else min(have)
    dispatcher.utter_message(response=name, **extra)
