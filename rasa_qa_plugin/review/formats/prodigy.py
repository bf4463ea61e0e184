"""Prodigy: JSONL of tasks with one choice for the intent and spans for the entities.

Out of `prodigy db-out` every task has an ``answer``: accept is a correction, reject
takes the turn out of the queue, ignore leaves it there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.review.formats import Format, Loaded, Names, json_lines
from rasa_qa_plugin.review.formats.kept import (
    COLUMN,
    Mark,
    UnusableError,
    completed,
    entities_of,
    labelled,
    packed,
    shown,
    unpacked,
)
from rasa_qa_plugin.review.items import Item, Verdict, clean, tidy

_VERDICTS: Mapping[str, Verdict] = {
    "accept": "correct",
    "reject": "reject",
    "ignore": "skip",
}


class _Span(msgspec.Struct):
    start: int
    end: int
    label: str


class _Row(msgspec.Struct):
    text: str
    turn_id: str
    answer: str | None = None
    accept: list[str] = []
    spans: list[_Span] = []
    kept: str = ""
    annotator: str | None = msgspec.field(name="_annotator_id", default=None)
    session: str | None = msgspec.field(name="_session_id", default=None)


def _recognises(content: bytes) -> bool:
    row = json_lines.first_row(content)
    return "text" in row and ("accept" in row or "answer" in row)


def _dump(items: Iterable[Item], names: Names) -> Iterator[bytes]:
    """Give a task for every item, with the model's answer chosen."""
    for item in map(tidy, items):
        if item.text:
            intents = dict.fromkeys((*names.intents, item.intent))
            row = {
                "text": item.text,
                "options": [{"id": name, "text": name} for name in intents],
                "accept": [item.intent],
                "spans": [
                    {"start": one.start, "end": one.end, "label": labelled(one)}
                    for one in shown(item.entities)
                ],
                "meta": {"why": clean(item.comment)},
                "turn_id": item.turn_id,
                COLUMN: packed(item),
            }
            yield json_lines.encoded(row) + b"\n"


def _load(content: bytes, file: str) -> Loaded:
    loaded = json_lines.load(content, file, _Row, _read)
    if not loaded.items and not loaded.problems and content.strip():
        raise AnnotationError(
            file, "nothing is answered in it; give back what `prodigy db-out` writes"
        )
    return loaded


def _read(row: _Row) -> Sequence[Item]:
    if row.answer is None:
        return []
    verdict = _VERDICTS.get(row.answer)
    if verdict is None:
        raise UnusableError("`answer` is not accept, reject or ignore; mend it")
    item = Item(
        row.turn_id,
        clean(row.text),
        "",
        verdict=verdict,
        annotator=row.annotator or row.session,
    )
    if verdict != "correct":
        return [item]
    if len(row.accept) != 1:
        raise UnusableError("has not one intent in `accept`; choose exactly one")
    kept = unpacked(row.kept)
    marks = (Mark(one.start, one.end, one.label) for one in row.spans)
    item = msgspec.structs.replace(
        item,
        text=row.text,
        intent=row.accept[0],
        entities=tuple(entities_of(kept, row.text, marks)),
    )
    return [completed(item, kept)]


FORMAT = Format(
    name="prodigy",
    title="Prodigy",
    suffixes=(),
    recognises=_recognises,
    dump=_dump,
    load=_load,
    only=json_lines.only,
    without_turns=json_lines.without_turns,
)
