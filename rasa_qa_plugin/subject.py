"""Subject access: what is held about one person, readable, as one document."""

import json
from typing import Any

import msgspec
from sqlalchemy.engine import Engine

from rasa_qa_plugin import numbering as numberings
from rasa_qa_plugin.privacy.vault import Vault
from rasa_qa_plugin.storage import access, stock
from rasa_qa_plugin.storage.access import HeldEvent, Holdings
from rasa_qa_plugin.storage.engine import reading
from rasa_qa_plugin.storage.stock import StockRow

Document = dict[str, Any]


def document(  # noqa: PLR0913 - what opening sealed rows takes
    engine: Engine,
    pseudonym: str,
    *,
    sender_id: str,
    vault: Vault,
    live_ttl: float,
    originals: bool,
    now: float,
) -> Document:
    """Give everything that is stored under a pseudonym; empty when nothing is.

    The result holds personal data in clear: print it, and never log or keep it.

    Args:
        engine: The database.
        pseudonym: As stored.
        sender_id: As the channel sends it: Rasa's own store kept rows under it.
        vault: Opens what is sealed.
        live_ttl: Seconds for which sealed values may be opened.
        originals: Whether to open the originals that still live, marked as
            ``live_original``, and what Rasa's own store wrote, as ``stock_events``.
        now: Seconds since the epoch.

    Raises:
        StorageError: The database refused or cannot be reached.
    """
    with reading(engine) as connection:
        held = access.held(connection, pseudonym, now=now)
        foreign = stock.read(connection, sender_id)
    if not held and not foreign:
        return {}
    opened = vault if originals else None
    return {
        "subject": pseudonym,
        "generated_at": now,
        "conversation": _conversation(held, opened, since=now - live_ttl),
        "events": [_event(pseudonym, event, opened) for event in held.events],
        "consents": msgspec.to_builtins(held.consents),
        "turns": msgspec.to_builtins(held.turns),
        "feedback": held.feedback,
        "annotations": [
            {**row, "entities": _parsed(row["entities"])} for row in held.annotations
        ],
        "exports": held.exports,
        "copies": [
            {
                "turn_id": copy.turn_id,
                "file": copy.file,
                "as": "export" if copy.line is None else "training data",
                "written_at": copy.written_at,
            }
            for copy in held.copies
        ],
        "tickets": msgspec.to_builtins(held.tickets),
        "stock_events": [_stock_event(row, raw=originals) for row in foreign],
    }


def as_json(found: Document) -> str:
    """Write a document as JSON that any terminal and parser takes.

    People can send half of a surrogate pair, which no encoding can write.
    """
    written = json.dumps(found, ensure_ascii=False, indent=2)
    return written.encode("utf-8", "replace").decode("utf-8")


def _conversation(
    held: Holdings, vault: Vault | None, *, since: float
) -> Document | None:
    conversation = held.conversation
    if conversation is None:
        return None
    shown = msgspec.structs.asdict(conversation)
    sealed = shown.pop("token_map")
    if sealed is not None and vault is not None:
        # The values that tokens stand for, with the time the numbering began.
        numbering = numberings.read(vault, conversation.sender_id, sealed)
        if numbering is not None and numbering.since > since:
            shown["live_values"] = [
                {"token": token, "value": value}
                for token, value in numbering.tokens.known_values()
            ]
    return shown


def _event(pseudonym: str, event: HeldEvent, vault: Vault | None) -> Document:
    shown: Document = {
        "seq": event.seq,
        "session": event.session,
        "archived": _parsed(event.masked),
    }
    if event.original is not None:
        live = shown["live_original"] = {"kept_until": event.original_until}
        if vault is not None:
            plain = vault.unseal(event.original, context=f"{pseudonym}:{event.seq}")
            live["event"] = None if plain is None else _parsed(plain.decode())
    return shown


def _stock_event(row: StockRow, *, raw: bool) -> Document:
    """Show a row that was never masked; what was said only if asked for."""
    shown: Document = {"type": row.type_name, "timestamp": row.timestamp}
    if raw:
        shown["event"] = _parsed(row.data)
    return shown


def _parsed(text: str | None) -> Any:
    """Read stored JSON; a row that is damaged is shown as it is."""
    if text is None:
        return None
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except ValueError:
        return text
