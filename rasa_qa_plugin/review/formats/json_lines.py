"""What doccano and Prodigy have in common: a JSON object on every line."""

import json
import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from rasa_qa_plugin.review.formats import Loaded, records
from rasa_qa_plugin.review.formats.kept import UnusableError
from rasa_qa_plugin.review.formats.records import Record
from rasa_qa_plugin.review.items import Item

Row = TypeVar("Row", bound=msgspec.Struct)


# As msgspec says it; its messages hold names and types, never a value.
_MISSING = re.compile(r"missing required field `(\w+)`")


class _Named(msgspec.Struct):
    turn_id: str | None = None


def encoded(row: Any) -> bytes:
    """Give *row* in plain ASCII, which no tool can take for another encoding."""
    return json.dumps(row, separators=(",", ":")).encode()


def row_of(text: str, kind: type[Row]) -> Row:
    """Read one object.

    Raises:
        UnusableError: It is none, or lacks something.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        missing = _MISSING.search(str(error))
        place = str(error).rpartition(" - at ")[2].strip("`$.")
        problem = (
            f"has no `{missing[1]}`" if missing else f"not as exported at `{place}`"
        )
        raise UnusableError(f"{problem}; put it back, or delete the record") from None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise UnusableError(
            "not valid JSON; put it back as exported, or delete it"
        ) from None


def first_row(content: bytes) -> dict[str, Any]:
    """Give the first row of a file; an empty one when it has none."""
    try:
        text = records.beginning(content)
        start = next(records.lines_of(text))
        row = json.loads(text[start.start : start.end])
    except (StopIteration, ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def load(
    content: bytes, file: str, kind: type[Row], read: Callable[[Row], Sequence[Item]]
) -> Loaded:
    """Give the items of every line, and problems for lines without."""
    return records.load(
        content, file, split=_split, read=lambda text: read(row_of(text, kind))
    )


def _split(text: str, _file: str) -> Sequence[Record]:
    return list(records.lines_of(text))


def _turn_id(text: str) -> str | None:
    try:
        return row_of(text, _Named).turn_id
    except UnusableError:
        return None


only: Callable[[bytes, Collection[int], str], bytes] = partial(
    records.only, split=_split
)
without_turns: Callable[[bytes, Collection[str], str], bytes] = partial(
    records.without_turns, split=_split, turn_id=_turn_id
)
