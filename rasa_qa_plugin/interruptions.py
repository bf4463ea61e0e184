"""Forms that people may interrupt to speak of consent, feedback or their data."""

from collections.abc import Iterable, MutableMapping
from typing import Any

from rasa_qa_plugin.own_intents.utterances import OWN_INTENTS

_COMMENT_FORM = "qa_comment_form"


def open_forms(forms: MutableMapping[str, Any], intents: Iterable[str]) -> None:
    """Let every form of a bot leave the plugin's intents to the plugin's rules.

    What a developer would do by hand with ``ignored_intents``: "I withdraw my consent"
    is then no answer to "what is your name?". Twice does no more than once.
    """
    ours = sorted(OWN_INTENTS.intersection(intents))
    for name, form in forms.items():
        if name == _COMMENT_FORM or not ours:
            continue  # of our own: there even "wrong answer" is a comment
        settings = dict(form or {})
        ignored = settings.get("ignored_intents") or []
        listed = [ignored] if isinstance(ignored, str) else list(ignored)
        missing = [intent for intent in ours if intent not in listed]
        forms[name] = {**settings, "ignored_intents": [*listed, *missing]}
