"""Showing actions what a person agreed to, and what is kept of them."""

from collections.abc import Mapping
from typing import Any

from rasa_qa_plugin.batches import Loaded, Recorded
from rasa_qa_plugin.consent import TERMS_SLOT
from rasa_qa_plugin.settings import Settings


def show_terms(
    slots: Mapping[str, Any], settings: Settings, known: Loaded | Recorded
) -> None:
    """Let a slot of Rasa's show what the ledger and `qa.yml` say.

    Args:
        slots: Of a tracker; nothing is shown where the bot lacks the slot.
        settings: `qa.yml`.
        known: What the database knows of the person.
    """
    if TERMS_SLOT in slots:
        terms = {
            "state": known.consent.value,
            "without_consent": settings.consent.without_consent,
            "since": known.since,
        }
        # Rasa shows actions a copy made of initial values and events.
        slots[TERMS_SLOT].value = slots[TERMS_SLOT].initial_value = terms
