"""What the bot had just said when the person answered."""

from typing import Any

from rasa_sdk import Tracker


def last_words(tracker: Tracker) -> tuple[str, dict[str, Any]]:
    """Give the bot's last response before this message, and the data sent with it.

    The name is empty where the bot said nothing since the message before.
    """
    earlier = iter(reversed(tracker.events))
    for event in earlier:
        if event.get("event") == "user":
            break
    for event in earlier:
        if event.get("event") == "user":
            break
        if event.get("event") == "bot":
            response = (event.get("metadata") or {}).get("utter_action")
            return str(response), event.get("data") or {}
    return "", {}
