"""Items that break formats, the same ones every time, and people who accept them all.

Brackets, quotes, emoji, line breaks, right-to-left marks, YAML and JSON look-alikes,
formulas, 4,000 characters, marks that overlap.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from rasa_qa_plugin.review.formats import Format, Names
from rasa_qa_plugin.review.items import Entity, Item, clean, tidy

FRAGMENTS = (
    *"ab []{}()\":,;-#|>'\\/$&*!%@é😀👩\u200d👧\u200f\u202eש",
    *"\u2028\x85\t\n\x00\ufeff`~^=?+",
    *("](", "]{", "][", "${HOME}", "\\u0041", "\\ud83d", "- ", "---", "nlu:", "..."),
    *("# ", "[PHONE]", "[PHONE_2]", "[Lima](city)", '{"entity": "x"}', "<br>", "null"),
    *('=HYPERLINK("http://x")', "@SUM(1)", "'=", "+1", "-1", "1/2", "0123", "\r\n"),
    *("quiero", "caja", "Guayaquil", "%s", "</Text>", "&amp;", "\u0301", "𐍈", "\uff1d"),
)  # fmt: skip
INTENTS = ("greet", "yes", "faq/ask x", "1", "saludo_ñ", "null", "~", "a.b-c")
_NAMES = ("city", "n", "precio_ñ", "a b", "x#y", "to", "1", "null", "- x", '"q"', "=a")
_LONGEST = 4000


def hostile_items(count: int, *, seed: int = 7) -> Iterator[Item]:
    """Give *count* items that come back from every format."""
    chance = random.Random(seed)
    number = 0
    while number < count:
        text = "".join(chance.choices(FRAGMENTS, k=chance.randint(1, 14)))
        if number % 200 == 0:
            text = (text * _LONGEST)[:_LONGEST]
        if not clean(text):
            continue
        yield Item(
            turn_id=f"t_{number:020x}",
            text=text,
            intent=chance.choice(INTENTS),
            entities=tuple(_entities(chance, text)),
            comment=f"{chance.choice(FRAGMENTS)} said: no (t_{number:020x})",
            confidence=chance.choice([None, round(chance.random(), 4)]),
            flags=tuple(
                chance.sample(["low_confidence", "ambiguous"], chance.randint(0, 2))
            ),
            surrogates=(("[PHONE]", "0123 😀"),) if number % 9 == 0 else (),
        )
        number += 1


def _entities(chance: random.Random, text: str) -> Iterator[Entity]:
    for _ in range(chance.randint(0, 3) if len(text) > 1 else 0):
        start = chance.randrange(len(text))
        yield Entity(
            start,
            chance.randint(start + 1, min(len(text), start + 40)),
            chance.choice(_NAMES),
            value=chance.choice([None, *_NAMES]),
            role=chance.choice([None, None, *_NAMES]),
            group=chance.choice([None, None, *_NAMES]),
        )


def returned(item: Item) -> Item:
    """Give *item* as it must come back when nobody changed it."""
    return msgspec.structs.replace(tidy(item), comment="")


def bare(item: Item) -> Item:
    """Give an item that came back without what the tool added."""
    return msgspec.structs.replace(item, line=None, annotator=None, seconds=None)


def differences(form: Format, items: list[Item]) -> int:
    """Count the items that do not come back from *form* as they were."""
    loaded = form.load(accepted(form, b"".join(form.dump(items, Names()))), "file")
    found = {item.turn_id: bare(item) for item in loaded.items}
    return sum(found.get(item.turn_id) != returned(item) for item in items)


def accepted(form: Format, content: bytes) -> bytes:
    """Give what the tool gives back of a file when people accept everything."""
    change = _ACCEPTED.get(form.name)
    return change(content) if change else content


def _in_label_studio(content: bytes) -> bytes:
    tasks: list[dict[str, Any]] = json.loads(content)
    for number, task in enumerate(tasks, 1):
        annotation = {
            "id": number,
            "completed_by": 1,
            "result": task["predictions"][0]["result"],
            "was_cancelled": False,
            "updated_at": "2026-11-20T08:00:00.000000Z",
            "lead_time": 4.2,
        }
        task |= {"id": number, "annotations": [annotation], "predictions": [number]}
    return json.dumps(tasks).encode()


def _in_prodigy(content: bytes) -> bytes:
    return content.replace(
        b'{"text":', b'{"answer":"accept","_annotator_id":"ana","text":'
    )


_ACCEPTED: dict[str, Callable[[bytes], bytes]] = {
    "label_studio": _in_label_studio,
    "prodigy": _in_prodigy,
}
