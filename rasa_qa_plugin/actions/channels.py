"""Channels that show no buttons: there people are told what to write instead."""

from rasa_sdk import Tracker

WITHOUT_BUTTONS = {"sms", "twilio", "twilio_voice", "voice", "email"}
"""Input channels, by Rasa's names; add your own in the bot's `actions/__init__.py`."""

BUTTONS_METADATA = "qa_buttons"


def has_buttons(tracker: Tracker) -> bool:
    """Tell whether the person can press buttons.

    A channel may say so with every message, by ``{"qa_buttons": false}`` in its
    metadata; otherwise its name decides.
    """
    for event in reversed(tracker.events):
        if event.get("event") == "user":
            said = (event.get("metadata") or {}).get(BUTTONS_METADATA)
            if isinstance(said, bool):
                return said
            return event.get("input_channel") not in WITHOUT_BUTTONS
    return True
