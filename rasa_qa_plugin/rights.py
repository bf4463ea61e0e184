"""What a person may ask of the database from outside the chat. Rasa-free."""

from pathlib import Path
from typing import Any

from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.privacy.vault import PSEUDONYM_PREFIX
from rasa_qa_plugin.storage import consents, erasure
from rasa_qa_plugin.storage.engine import reading, transaction

SOURCE = "api"
"""Source of decisions that came over HTTP, in the ledger."""


def identity(opened: Opened) -> str:
    """Give what tells a server of this database from one of another bot.

    It is keyed, so it says nothing to who lacks the secret.
    """
    name = Path(opened.engine.url.database or "").name
    return opened.vault.pseudonym(f"database\0{name}").removeprefix(PSEUDONYM_PREFIX)


def consent_of(opened: Opened, pseudonym: str) -> ConsentState:
    """Give what counts now; people who never answered are UNKNOWN."""
    with reading(opened.engine) as connection:
        return consents.current(connection, pseudonym)


def decide(opened: Opened, pseudonym: str, state: ConsentState, now: float) -> int:
    """Record a decision; give how many turns lost their words by it."""
    return opened.recorder.set_consent(pseudonym, state, source=SOURCE, now=now)


def rate(opened: Opened, pseudonym: str, rating: dict[str, Any], now: float) -> bool:
    """Record a rating, an event; tell whether its turn is there to be rated."""
    return opened.recorder.rate(pseudonym, rating, now=now)


def erase(
    opened: Opened, pseudonym: str, now: float, *, sender_id: str
) -> dict[str, int]:
    """Remove every row of a person, at once and for good; give how many by table."""
    # What Rasa's own store wrote goes under the pseudonym, and then with the rest.
    opened.recorder.adopt(sender_id, now=now)
    with transaction(opened.engine) as connection:
        receipt = erasure.erase(connection, pseudonym, now=now)
    opened.recorder.forget(pseudonym)
    erasure.compact(opened.engine)
    return receipt.rows
