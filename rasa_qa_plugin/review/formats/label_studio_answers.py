"""What people answered in Label Studio, as its exports say it."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from rasa_qa_plugin.review.formats import json_lines
from rasa_qa_plugin.review.formats.kept import (
    Kept,
    UnusableError,
    completed,
    unpacked,
)
from rasa_qa_plugin.review.formats.label_studio_setup import REJECT
from rasa_qa_plugin.review.formats.offsets import fix_span
from rasa_qa_plugin.review.items import Entity, Item, clean

_REGION = ("role", "group", "value")
_NO_OFFSETS = "a mark has no offsets; mark it again"
_ONE_INTENT = "has not one intent chosen; choose exactly one"


class _Data(msgspec.Struct):
    text: str
    turn_id: str
    kept: str = ""


class _Value(msgspec.Struct):
    start: int | None = None
    end: int | None = None
    text: str | list[str] | None = None
    labels: list[str] = []
    choices: list[str] = []


class _Result(msgspec.Struct):
    id: str = ""
    from_name: str = ""
    value: _Value = msgspec.field(default_factory=_Value)


class _Person(msgspec.Struct):
    id: int
    email: str | None = None


class _Annotation(msgspec.Struct):
    result: list[_Result] = []
    was_cancelled: bool = False
    completed_by: int | str | _Person | None = None
    lead_time: float | None = None
    updated_at: str | None = None

    @property
    def annotator(self) -> str | None:
        by = self.completed_by
        if isinstance(by, _Person):
            by = by.email or by.id
        return None if by is None else str(by)


class Task(msgspec.Struct):
    """A task of the JSON export."""

    data: _Data
    annotations: list[msgspec.Raw] | None = None

    def items(self) -> Sequence[Item | UnusableError]:
        """Give what each person made of it; their latest word counts.

        What one of them did wrong keeps nobody else's word from counting.
        """
        said: list[_Annotation] = []
        made: list[Item | UnusableError] = []
        for raw in self.annotations or ():
            try:
                said.append(json_lines.row_of(bytes(raw).decode(), _Annotation))
            except UnusableError as problem:
                made.append(problem)
        said.sort(key=lambda one: one.updated_at or "")
        for one in {one.annotator: one for one in said}.values():
            try:
                made.append(self._item(one))
            except UnusableError as problem:
                made.append(problem)
        return made

    def _item(self, annotation: _Annotation) -> Item:
        chosen = {one.from_name: one.value.choices for one in annotation.result}
        item = Item(
            self.data.turn_id,
            clean(self.data.text),
            "",
            verdict="skip" if annotation.was_cancelled else "correct",
            annotator=annotation.annotator,
            seconds=annotation.lead_time,
        )
        if REJECT in chosen.get("verdict", ()):
            return msgspec.structs.replace(item, verdict="reject")
        if annotation.was_cancelled:
            return item
        intents = chosen.get("intent", ())
        if len(intents) != 1:
            raise UnusableError(_ONE_INTENT)
        item = msgspec.structs.replace(
            item,
            text=self.data.text,
            intent=intents[0],
            entities=tuple(_entities(self.data.text, annotation.result)),
        )
        return completed(item, unpacked(self.data.kept))


def _entities(text: str, results: Sequence[_Result]) -> Iterator[Entity]:
    """Join what belongs to one region."""
    more: dict[str, dict[str, str]] = {}
    for one in results:
        if one.from_name in _REGION:
            said = one.value.choices or one.value.text or ()
            value = said if isinstance(said, str) else "".join(said[:1])
            more.setdefault(one.id, {})[one.from_name] = value
    for one in results:
        for label in one.value.labels:
            start, end, words = one.value.start, one.value.end, one.value.text
            if start is None or end is None:
                raise UnusableError(_NO_OFFSETS)
            span = fix_span(text, start, end, words if isinstance(words, str) else None)
            if span is None:
                raise UnusableError("a mark lies outside of the text; mark it again")
            about = more.get(one.id, {})
            yield Entity(
                *span,
                label,
                value=about.get("value") or None,
                role=about.get("role") or None,
                group=about.get("group") or None,
            )


class FlatTask(msgspec.Struct):
    """A row of JSON_MIN or CSV, which says the intent.

    Which role belongs to which entity it does not say: marks must be as they went out.
    """

    text: str
    turn_id: str
    kept: str = ""
    intent: Any = None
    verdict: Any = None
    entities: list[_Value] = []
    role: str | list[str] = []
    group: str | list[str] = []
    value: str | list[str] = []
    annotator: int | str | None = None
    lead_time: float | None = None

    def items(self) -> Sequence[Item]:
        """Give the one answer of a row."""
        item = Item(
            self.turn_id,
            clean(self.text),
            "",
            annotator=None if self.annotator is None else str(self.annotator),
            seconds=self.lead_time,
        )
        if self.verdict == REJECT:
            return [msgspec.structs.replace(item, verdict="reject")]
        if not isinstance(self.intent, str) or not self.intent:
            raise UnusableError(_ONE_INTENT)
        kept = unpacked(self.kept)
        if self._marked() != _sent(kept):
            raise UnusableError(
                "entities were changed, and this form does not say all of them; "
                "export it as JSON"
            )
        item = msgspec.structs.replace(
            item, text=self.text, intent=self.intent, entities=kept.entities
        )
        return [completed(item, kept)]

    def _marked(self) -> list[Any]:
        if any(one.start is None or one.end is None for one in self.entities):
            raise UnusableError(_NO_OFFSETS)
        regions: list[Any] = sorted(
            (one.start, one.end, label) for one in self.entities for label in one.labels
        )
        more = (self.role, self.group, self.value)
        return regions + [sorted([x] if isinstance(x, str) else x) for x in more]


def _sent(kept: Kept) -> list[Any]:
    """Give what :class:`FlatTask` says of entities that nobody touched."""
    sent = kept.entities
    regions: list[Any] = sorted((one.start, one.end, one.entity) for one in sent)
    values = (
        [said for one in sent if (said := getattr(one, name))] for name in _REGION
    )
    return regions + [sorted(one) for one in values]


def of_csv_row(row: dict[str, str]) -> FlatTask:
    """Give a row of the CSV export; lists stand in it as JSON.

    Raises:
        UnusableError: The row is not as exported.
    """
    filled: dict[str, Any] = {name: value for name, value in row.items() if value}
    for name in ("entities", *_REGION):
        if filled.get(name, "").startswith("["):
            try:
                filled[name] = json.loads(filled[name])
            except ValueError:
                raise UnusableError(f"`{name}` is not as exported") from None
    try:
        return msgspec.convert(filled, FlatTask, strict=False)
    except msgspec.ValidationError:
        raise UnusableError("not as exported; export it again") from None
