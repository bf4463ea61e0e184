"""The form of an event that says what happened and nothing that anybody said.

For people who did not agree to more: types, times, intent and action names and numbers
of the model stay, every text and value becomes ``[WITHHELD]``.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from rasa_qa_plugin.privacy.vault import message_ref

WITHHELD: Final = "[WITHHELD]"

Event = dict[str, Any]

# What each type of event keeps as it is, besides its type and time.
STRUCTURE: Final[Mapping[str, frozenset[str]]] = {
    "slot": frozenset(("name",)),
    "action": frozenset(("name", "policy", "confidence", "hide_rule_turn")),
    "action_execution_rejected": frozenset(("name", "policy", "confidence")),
    "active_loop": frozenset(("name",)),
    "form": frozenset(("name",)),
    "followup": frozenset(("name",)),
    "loop_interrupted": frozenset(("is_interrupted",)),
    "form_validation": frozenset(("validate",)),
    "user_featurization": frozenset(("use_text_for_featurization",)),
    "reminder": frozenset(("intent", "date_time", "kill_on_user_msg")),
    "cancel_reminder": frozenset(("intent",)),
}
COMMON: Final = frozenset(("event", "timestamp"))

# Keys anywhere in parse data and metadata whose strings are names the bot gave.
BOT_NAMES: Final = frozenset(
    ("model_id", "assistant_id", "utter_action", "intent_response_key")
)

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][\w./+-]{0,63}")
_MOST_NAME_DIGITS: Final = 6
# The id of a model, and the assistant's id that Rasa writes into config.yml.
_GENERATED_ID: Final = re.compile(
    r"[0-9a-f]{32}|20\d{6}-\d{6}(?:-[a-z]{2,24}){1,4}", re.ASCII
)
# The name that Rasa gives a reminder to which its action gave none.
_is_generated_name: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[14][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
).fullmatch
_SHORT_WORD: Final = re.compile(r"[a-z_]{1,24}")
_REFERENCE: Final = re.compile(r"[0-9a-f]{16}")
# A reference, or the 32 digits of a random UUID (RFC 9562, version 4).
_harmless_id: Final = re.compile(
    r"[0-9a-f]{12}(?:4[0-9a-f]{3}[89ab][0-9a-f]{15}|[0-9a-f]{4})"
).fullmatch
_REMINDERS: Final = frozenset(("reminder", "cancel_reminder"))
_ENTITY_STRUCTURE: Final = frozenset(
    ("entity", "role", "group", "extractor", "confidence_entity", "confidence_role")
)
_STATE_SLOTS: Final = frozenset(("qa_consent", "qa_consent_asked", "qa_forget"))


def withheld_event(event: Event) -> Event:
    """Give the structure of *event* in the order of its keys.

    Withholding a masked or a withheld event gives the same as withholding the original.
    """
    kind = event.get("event")
    structure = (
        STRUCTURE.get(kind, frozenset()) if isinstance(kind, str) else frozenset()
    )
    form: Event = {}
    for key, value in event.items():
        if key in COMMON or key in structure:
            form[key] = value
        elif key == "message_id":
            form[key] = hashed_message_id(value)
        elif key == "input_channel" and is_name(value):
            form[key] = value
        elif key == "parse_data" and isinstance(value, dict):
            form[key] = _parse_data(value)
        elif key == "entities":
            form[key] = _entities(value)
        elif key == "value" and kind == "slot":
            form[key] = _slot_value(event.get("name"), value)
        elif key == "name" and kind in _REMINDERS and _is_reminder_name(value):
            form[key] = value  # by which Rasa looks up a reminder that is due
        else:
            form[key] = _withheld(value)
    return form


def bare_event(event: Mapping[str, Any]) -> Event:
    """Give type and time only: the last resort, which cannot fail."""
    kind, timestamp = event.get("event"), event.get("timestamp")
    form: Event = {"event": kind if isinstance(kind, str) else "unknown"}
    form["timestamp"] = timestamp if isinstance(timestamp, (int, float)) else None
    if kind == "slot" and isinstance(event.get("name"), str):
        form |= {"name": event["name"], "value": WITHHELD}
    return form


def hashed_message_id(message_id: Any) -> Any:
    """Give the reference of a message id: some channels build ids from the number.

    Sixteen hexadecimal characters are taken to be a reference already. The random
    UUIDs that Rasa gives where a channel has no id say nothing about anybody; they
    stay, so that a message without personal data needs no masked copy at all.
    """
    if message_id is None:
        return None
    text = str(message_id)
    return text if is_harmless_id(text) else message_ref(text)


def is_harmless_id(message_id: Any) -> bool:
    """Tell whether *message_id* is a reference or a random UUID."""
    return (
        isinstance(message_id, str)
        and _harmless_id(message_id) is not None
        and not message_id.isdecimal()
    )


def is_reference(value: Any) -> bool:
    """Tell whether *value* is the reference of a message and nothing else."""
    return (
        isinstance(value, str)
        and not value.isdecimal()  # a card, more likely
        and _REFERENCE.fullmatch(value) is not None
    )


def is_generated_name(value: Any) -> bool:
    """Tell whether *value* is the name of a reminder to which nobody gave one."""
    return isinstance(value, str) and _is_generated_name(value) is not None


def is_bot_name(value: Any) -> bool:
    """Tell whether *value* can be a name the bot gave, or the id of a model."""
    return isinstance(value, str) and _is_bot_name(value)


@lru_cache(2048)
def _is_bot_name(value: str) -> bool:
    return _is_identifier(value) or _GENERATED_ID.fullmatch(value) is not None


def _is_reminder_name(value: Any) -> bool:
    return is_name(value) or is_generated_name(value)


def _parse_data(data: Event) -> Event:
    form: Event = {}
    for key, value in data.items():
        if key in ("intent", "intent_ranking"):
            form[key] = _intents(value)
        elif key == "qa":
            form[key] = value
        elif key == "entities":
            form[key] = _entities(value)
        elif key == "message_id":
            form[key] = hashed_message_id(value)
        elif key == "text_tokens":
            form[key] = []
        elif key == "response_selector":
            form[key] = _withheld(value, numbers=True)
        else:
            form[key] = _withheld(value)
    return form


def _intents(value: Any) -> Any:
    """Keep names and confidences; a name that is no identifier was typed by someone."""
    if isinstance(value, list):
        return [_intents(item) for item in value]
    if not isinstance(value, dict):
        return _withheld(value)
    form: Event = {}
    for key, item in value.items():
        if isinstance(item, str):
            form[key] = item if is_name(item) else WITHHELD
        else:
            form[key] = item if isinstance(item, (int, float)) else None
    return form


def _entities(value: Any) -> Any:
    if not isinstance(value, list):
        return _withheld(value)
    return [
        {
            **{
                key: item if is_name(item) or isinstance(item, float) else None
                for key, item in entity.items()
                if key in _ENTITY_STRUCTURE
            },
            "value": entity["value"]
            if entity.get("entity") == "qa_turn" and is_reference(entity.get("value"))
            else WITHHELD,
        }
        if isinstance(entity, dict)
        else WITHHELD
        for entity in value
    ]


def _slot_value(name: Any, value: Any) -> Any:
    if name in _STATE_SLOTS and isinstance(value, str):
        return value if _SHORT_WORD.fullmatch(value) else WITHHELD
    if name == "requested_slot" and isinstance(value, str):
        return value if is_name(value) else WITHHELD
    if name == "qa_feedback" and isinstance(value, dict):
        return {key: _rating_part(key, item) for key, item in value.items()}
    if name == "qa_escalation" and isinstance(value, dict):
        return without_words(value)
    if isinstance(value, dict) and name == "session_started_metadata":
        return _withheld(value)
    return value if value is None or isinstance(value, bool) else WITHHELD


def without_words(case: Mapping[Any, Any]) -> Event:
    """Give a case handed over to people: its message's reference and the bot's names.

    Anything else in the slot `qa_escalation` is withheld, whoever put it there.
    """
    return {_withheld_key(key): _case_part(key, item) for key, item in case.items()}


def _case_part(key: Any, item: Any) -> Any:
    if item is None or isinstance(item, bool):
        return item
    if key == "case":
        return item if is_reference(item) else WITHHELD
    if key == "tags" and isinstance(item, (list, tuple)):
        return [tag if is_plain_word(tag) else WITHHELD for tag in item]
    if key in ("reason", "priority", "queue") and is_plain_word(item):
        return item
    return WITHHELD


def is_plain_word(value: Any) -> bool:
    """Tell whether *value* is a short word in lower case, as queues and tags must be.

    A developer's names may look like somebody's account number; this may not.
    """
    return isinstance(value, str) and _SHORT_WORD.fullmatch(value) is not None


def _rating_part(key: Any, item: Any) -> Any:
    if key == "turn" and is_reference(item):
        return item
    if key == "rating" and isinstance(item, str) and _SHORT_WORD.fullmatch(item):
        return item
    if key in ("rating", "stars") and isinstance(item, (int, float)):
        return item
    return None if item is None else WITHHELD


def _withheld(value: Any, *, numbers: bool = False) -> Any:
    """Keep the shape, None and true/false; *numbers* where they are the NLU's own."""
    if value is None or isinstance(value, bool):
        return value
    if numbers and isinstance(value, (int, float)):
        return value
    if isinstance(value, dict):
        return {
            _withheld_key(key): item
            if key in BOT_NAMES and is_bot_name(item)
            else _withheld(item, numbers=numbers)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_withheld(item, numbers=numbers) for item in value]
    return WITHHELD


def _withheld_key(key: Any) -> str:
    return key if is_name(key) and not any(map(str.isdigit, key)) else WITHHELD


def is_name(value: Any) -> bool:
    """Tell whether *value* may be a name that a developer gave to a part of the bot."""
    return isinstance(value, str) and _is_identifier(value)


@lru_cache(2048)
def _is_identifier(value: str) -> bool:
    return (
        _IDENTIFIER.fullmatch(value) is not None
        and sum(map(str.isdigit, value)) <= _MOST_NAME_DIGITS
    )
