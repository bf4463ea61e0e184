"""Six turns that go out to a real tool, and what people make of them there."""

from collections.abc import Mapping

from rasa_qa_plugin.review.formats import Names
from rasa_qa_plugin.review.items import Entity, Item

_PARIS = "quiero volar de Zürich 😀 a París el viernes"


def _turn(number: int) -> str:
    return f"t_{number:020x}"


SENT = (
    Item(
        _turn(1),
        _PARIS,
        "greet",
        (Entity(16, 22, "city", role="from"), Entity(27, 32, "city", value="PAR")),
        comment="low confidence · confidence 0.41",
        confidence=0.41,
        flags=("low_confidence",),
    ),
    Item(_turn(2), "=2+2 cajas; -5 grados", "order", (Entity(5, 10, "unit"),)),
    Item(
        _turn(3),
        "llámame al 0123 555",
        "give_phone",
        flags=("manual",),
        surrogates=(("[PHONE]", "0123 555"),),
    ),
    Item(_turn(4), "¿y ](http://x) {eso}?", "unknown", confidence=0.2),
    Item(_turn(5), "compre ya, gane ya", "order"),
    Item(_turn(6), "mmm", "greet"),
)
CORRECTED: Mapping[str, str] = {_turn(1): "book_flight", _turn(4): "ask_link"}
"""Intents that people choose instead of the bot's."""
REJECTED = _turn(5)
SKIPPED = _turn(6)


def names() -> Names:
    """Give what people may choose from."""
    intents = ("ask_link", "book_flight", "give_phone", "greet", "order")
    found = Names(intents=dict.fromkeys(intents), roles={"to": None})
    for item in SENT:
        found.add(item)
    return found
