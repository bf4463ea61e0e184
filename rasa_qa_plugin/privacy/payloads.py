"""Button payloads, ``/intent{"entity": "value"}``: values inside, JSON around them."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Payload(NamedTuple):
    """A text cut into command, entities and rest, with the offsets of the entities."""

    start: int
    end: int
    entities: dict[str, Any]


def read_payload(text: str) -> Payload | None:
    """Cut *text* as Rasa's own message handler does, or give None when it is chat."""
    if not text.lstrip().startswith("/"):
        return None
    start, end = text.find("{"), text.rfind("}") + 1
    if start < 0 or end <= start:
        return None
    try:
        entities = json.loads(text[start:end])
    except ValueError:
        return None
    return Payload(start, end, entities) if isinstance(entities, dict) else None


def write_entities(
    payload: Payload, mask: Callable[[dict[str, Any]], dict[str, Any]]
) -> str | None:
    """Give the entities as JSON after *mask*, or None when nothing changed."""
    masked = mask(payload.entities)
    if masked == payload.entities:
        return None
    return json.dumps(masked, ensure_ascii=False)
