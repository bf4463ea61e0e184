"""User messages that masking leaves as they are: nearly all of them.

They are worth a way of their own, which copies nothing and takes some microseconds.
"""

from typing import Any, Final

from rasa_qa_plugin.privacy.values import ValueMasker
from rasa_qa_plugin.privacy.withheld import (
    BOT_NAMES,
    COMMON,
    Event,
    is_bot_name,
    is_harmless_id,
    is_name,
)

# What Rasa's ResponseSelector says in a bot without retrieval intents.
_NO_RESPONSE: Final = {
    "all_retrieval_intents": [],
    "default": {
        "response": {
            "responses": None,
            "confidence": 0.0,
            "intent_response_key": None,
            "utter_action": "utter_None",
        },
        "ranking": [],
    },
}
_USER_KEYS: Final = COMMON | {
    *("text", "parse_data", "metadata", "input_channel", "message_id")
}
_PARSE_KEYS: Final = frozenset(
    ("text", "entities", "message_id", "metadata", "response_selector")
) | {  # what the NLU says about a message that is no typed command: its own words
    *("intent", "intent_ranking", "qa", "text_tokens")
}


def is_harmless(event: Event, values: ValueMasker) -> bool:
    """Tell whether masking would give the very same message.

    What is not plain to see is left to the long way: False means no more than that.
    """
    text = event.get("text")
    data = event.get("parse_data")
    if (
        event.get("event") != "user"
        or not isinstance(text, str)
        or (isinstance(data, dict) and data.get("entities"))
        or not _USER_KEYS.issuperset(event)
        or not values.is_plain(text)
        or not _is_plain_beside(event)
    ):
        return False
    return not data or (
        _is_plain_parse(data, event)
        and are_plain_responses(data.get("response_selector"), values)
    )


def is_harmless_but_words(event: Event) -> bool:
    """Tell whether of a parsed message only text, entities and tokens can change."""
    text = event.get("text")
    data = event.get("parse_data") or {}
    return (
        isinstance(text, str)
        and not text.lstrip().startswith("/")  # a command names its own intent
        and _USER_KEYS.issuperset(event)
        and _is_plain_parse(data, event)
        and data.get("response_selector") in (None, _NO_RESPONSE)
        and _is_plain_beside(event)
    )


def _is_plain_beside(event: Event) -> bool:
    message_id = event.get("message_id")
    channel = event.get("input_channel")
    metadata = event.get("metadata")
    return (
        (message_id is None or is_harmless_id(message_id))
        and (not channel or is_name(channel))
        and (not metadata or is_plain_metadata(metadata))
    )


def _is_plain_parse(data: Any, event: Event) -> bool:
    if not isinstance(data, dict):
        return False
    metadata = data.get("metadata")
    return (
        _PARSE_KEYS.issuperset(data)
        and data.get("text") == event.get("text")
        and data.get("message_id") in (None, event.get("message_id"))
        and (not metadata or is_plain_metadata(metadata))
    )


def are_plain_responses(selectors: Any, values: ValueMasker) -> bool:
    """Tell whether the response selector's part of a message stays as it is."""
    if not selectors or selectors == _NO_RESPONSE:
        return True
    if not isinstance(selectors, dict):
        return False
    for selector in selectors.values():
        if not isinstance(selector, dict):
            continue  # the list of retrieval intents
        for key, value in selector.items():
            if key == "ranking" or not value:
                continue
            if key != "response" or not isinstance(value, dict):
                return False
            for name, item in value.items():
                if (
                    item
                    and not isinstance(item, float)
                    and not (name in BOT_NAMES and is_bot_name(item))
                    and values.anything(item, by_bot=True) is not item
                ):
                    return False
    return True


def is_plain_metadata(metadata: Any) -> bool:
    """Tell whether the metadata of a message holds names of the bot and no more."""
    if not isinstance(metadata, dict):
        return False
    for name, item in metadata.items():
        if name not in BOT_NAMES or not is_bot_name(item):
            return False
    return True
