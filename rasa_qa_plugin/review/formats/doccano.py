"""doccano: JSONL of a project for intent detection and slot filling.

Its importer wants the same keys in every row and no null; its exporter gives unknown
keys back. Labels are all it knows of an entity, so a role is written ``city#to``.
"""

import io
import json
import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence

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
from rasa_qa_plugin.review.formats.records import SPOILED_ZIP, lines_of
from rasa_qa_plugin.review.items import Item, clean, tidy

_ZIP = b"PK\x03\x04"
_LARGEST = 1 << 30
# Of a project where people share their work; otherwise a file is named after a person.
_NOBODY = ("all", "unknown")


def _recognises(content: bytes) -> bool:
    if not content.startswith(_ZIP):
        row = json_lines.first_row(content)
        return "cats" in row and "entities" in row
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(name.endswith(".jsonl") for name in archive.namelist())
    except SPOILED_ZIP:
        return False


def _dump(items: Iterable[Item], _names: Names) -> Iterator[bytes]:
    """Give a row for every item."""
    for item in map(tidy, items):
        if item.text:
            row = {
                "text": item.text,
                "cats": [item.intent],
                "entities": [
                    [one.start, one.end, labelled(one)] for one in shown(item.entities)
                ],
                "turn_id": item.turn_id,
                "why": clean(item.comment),
                COLUMN: packed(item),
            }
            yield json_lines.encoded(row) + b"\n"


def _load(content: bytes, file: str) -> Loaded:
    return json_lines.load(_rows(content, file), file, _Row, _read)


def _only(content: bytes, lines: Collection[int], file: str) -> bytes:
    return json_lines.only(_rows(content, file), lines, file)


def _without_turns(content: bytes, turn_ids: Collection[str], file: str) -> bytes:
    if not content.startswith(_ZIP):
        return json_lines.without_turns(content, turn_ids, file)
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in _members(content, file):
            archive.writestr(name, json_lines.without_turns(rows, turn_ids, file))
    return changed.getvalue()


def _rows(content: bytes, file: str) -> bytes:
    """Give what was downloaded as one JSONL, which says who annotated."""
    if not content.startswith(_ZIP):
        return content
    pieces: list[str] = []
    for name, rows in _members(content, file):
        person = name.rpartition("/")[2].removesuffix(".jsonl")
        text = rows.decode("utf-8", "replace")
        who = "" if person in _NOBODY else f'"annotator": {json.dumps(person)}, '
        for line in lines_of(text):
            row = text[line.start : line.end].strip()
            pieces.append(row.replace("{", "{" + who, 1) + "\n")
    return "".join(pieces).encode()


def _members(content: bytes, file: str) -> list[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(one.file_size for one in archive.infolist()) > _LARGEST:
                raise AnnotationError(file, "too large; export it in parts")
            return [(one, archive.read(one)) for one in archive.namelist()]
    except SPOILED_ZIP:
        raise AnnotationError(file, "not a readable zip; download it again") from None


class _Row(msgspec.Struct):
    text: str
    turn_id: str
    cats: list[str]
    entities: list[tuple[int, int, str]] = []
    kept: str = ""
    annotator: str | None = None


def _read(row: _Row) -> Sequence[Item]:
    if len(row.cats) != 1:
        raise UnusableError("has not one intent in `cats`; choose exactly one")
    kept = unpacked(row.kept)
    marks = (Mark(*mark) for mark in row.entities)
    item = Item(
        turn_id=row.turn_id,
        text=row.text,
        intent=row.cats[0],
        entities=tuple(entities_of(kept, row.text, marks)),
        annotator=row.annotator,
    )
    return [completed(item, kept)]


FORMAT = Format(
    name="doccano",
    title="doccano",
    suffixes=(),
    recognises=_recognises,
    dump=_dump,
    load=_load,
    only=_only,
    without_turns=_without_turns,
)
