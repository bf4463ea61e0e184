"""Label Studio: a JSON list of tasks with predictions, and the matching labeling setup.

Back comes its JSON export, with an annotation per person and task; or JSON_MIN and CSV,
which lose the tie between an entity and its role, so that only intents count in them.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.review.formats import Format, Loaded, Names, json_lines, records
from rasa_qa_plugin.review.formats.kept import COLUMN, UnusableError, packed
from rasa_qa_plugin.review.formats.label_studio_answers import FlatTask, Task
from rasa_qa_plugin.review.formats.label_studio_setup import setup
from rasa_qa_plugin.review.formats.records import Record
from rasa_qa_plugin.review.items import Item, clean, tidy

_BLANK = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder()
_NOT_OURS = "not a list of tasks; give back what Label Studio exports as JSON"


def _recognises(content: bytes) -> bool:
    try:
        text = records.beginning(content).lstrip()
        at = _after_blank(text, 1)
        task = _DECODER.raw_decode(text, at)[0] if text.startswith("[") else None
    except (ValueError, RecursionError):
        return False
    return isinstance(task, dict) and ("data" in task or "annotation_id" in task)


def _dump(items: Iterable[Item], _names: Names) -> Iterator[bytes]:
    """Give a task for every item; the model's answer is its prediction."""
    before = b"[\n"
    for item in map(tidy, items):
        if item.text:
            task = {
                "data": {
                    "text": item.text,
                    "turn_id": item.turn_id,
                    "why": clean(item.comment),
                    COLUMN: packed(item),
                },
                "predictions": [
                    {
                        "model_version": "bot",
                        "score": item.confidence or 0.0,
                        "result": list(_results(item)),
                    }
                ],
            }
            yield before + json_lines.encoded(task)
            before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"


def _results(item: Item) -> Iterator[dict[str, Any]]:
    yield _result("intent", "i", "choices", {"choices": [item.intent]})
    for number, entity in enumerate(item.entities):
        region = f"e{number}"
        place = {
            "start": entity.start,
            "end": entity.end,
            "text": item.text[entity.start : entity.end],
        }
        yield _result(
            "entities", region, "labels", {**place, "labels": [entity.entity]}
        )
        for name, said in (("role", entity.role), ("group", entity.group)):
            if said is not None:
                yield _result(name, region, "choices", {**place, "choices": [said]})
        if entity.value is not None:
            yield _result(
                "value", region, "textarea", {**place, "text": [entity.value]}
            )


def _result(name: str, region: str, kind: str, value: Any) -> dict[str, Any]:
    return {
        "id": region, "from_name": name, "to_name": "text", "type": kind,
        "value": value,
    }  # fmt: skip


def _load(content: bytes, file: str) -> Loaded:
    loaded = records.load(content, file, split=_split, read=_read)
    if not loaded.items and not loaded.problems and b"{" in content:
        raise AnnotationError(
            file, "nothing is annotated in it; give back what Label Studio exports"
        )
    return loaded


def _split(text: str, file: str) -> Sequence[Record]:
    """Find the tasks of a list; a file of many megabytes may be a single line."""
    at = len(text) - len(text.lstrip())
    if not text.startswith("[", at):
        raise AnnotationError(file, _NOT_OURS)
    found: list[Record] = []
    at = _after_blank(text, at + 1)
    while not text.startswith("]", at):
        try:
            _, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            raise AnnotationError(
                file, f"not valid JSON after task {len(found)}; export it again"
            ) from None
        found.append(Record(len(found) + 1, at, end))
        at = _after_blank(text, end)
    return found


def _after_blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


class _Data(msgspec.Struct):
    turn_id: str | None = None


class _Outline(msgspec.Struct):
    data: _Data | None = None
    turn_id: str | None = None


def _read(text: str) -> Sequence[Item | UnusableError]:
    flat = json_lines.row_of(text, _Outline).data is None
    kind: type[FlatTask | Task] = FlatTask if flat else Task
    return json_lines.row_of(text, kind).items()


def _turn_id(text: str) -> str | None:
    try:
        task = json_lines.row_of(text, _Outline)
    except UnusableError:
        return None
    return task.data.turn_id if task.data else task.turn_id


def _only(content: bytes, lines: Collection[int], file: str) -> bytes:
    return records.only(content, lines, file, split=_split)


def _without_turns(content: bytes, turn_ids: Collection[str], file: str) -> bytes:
    return records.without_turns(
        content, turn_ids, file, split=_split, turn_id=_turn_id
    )


FORMAT = Format(
    name="label_studio",
    title="Label Studio",
    suffixes=(".json",),
    recognises=_recognises,
    dump=_dump,
    load=_load,
    only=_only,
    without_turns=_without_turns,
    beside=setup,
)
