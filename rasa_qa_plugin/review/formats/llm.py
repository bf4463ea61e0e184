"""JSONL to train a language model with: chat messages, or prompt and completion.

Trainers refuse rows with anything else in them, so which turn a row comes from stands
in a file beside: ids by file, in the order of its rows.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.review.formats import json_lines, records
from rasa_qa_plugin.review.items import Item
from rasa_qa_plugin.review.nlu_file import fingerprint

Layout = Literal["llm_chat", "llm_completion"]
LAYOUTS: tuple[Layout, ...] = ("llm_chat", "llm_completion")

_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")
_INSTRUCTION = (
    "Say what the user wants. Answer with JSON: intent, one of {intents}; "
    "entities, a list of what is named in the message."
)
_END_OF_PROMPT = "\n\n###\n\n"
_END_OF_ANSWER = " END"
_TITLE = "rasa_qa_plugin: turns by file, in the order of its rows"


def instruction(intents: Iterable[str]) -> str:
    """Give the system message of every chat."""
    return _INSTRUCTION.format(intents=", ".join(sorted(intents)))


def row(item: Item, layout: Layout, *, system: str) -> bytes:
    """Give one row for a tidy *item* that people corrected."""
    entities = [
        {
            "entity": one.entity,
            "value": one.value or item.text[one.start : one.end],
            **({} if one.role is None else {"role": one.role}),
            **({} if one.group is None else {"group": one.group}),
        }
        for one in item.entities
    ]
    answer = _written({"intent": item.intent, "entities": entities})
    content: dict[str, Any]
    if layout == "llm_chat":
        said = (("system", system), ("user", item.text), ("assistant", answer))
        content = {"messages": [{"role": who, "content": what} for who, what in said]}
    else:
        content = {
            "prompt": item.text + _END_OF_PROMPT,
            "completion": f" {answer}{_END_OF_ANSWER}",
        }
    return _written(content).encode() + b"\n"


def manifest(files: Mapping[str, Iterable[str]]) -> bytes:
    """Give the file that says which turn each row comes from."""
    listed = {name: list(ids) for name, ids in files.items()}
    return json.dumps({"about": _TITLE, "files": listed}, indent=1).encode() + b"\n"


def is_manifest(content: bytes) -> bool:
    """Tell whether a file is what :func:`manifest` gives."""
    return _TITLE in records.beginning(content[:200])


class _Manifest(msgspec.Struct):
    files: dict[str, list[str]]


def manifest_without(content: bytes, turn_ids: Collection[str], file: str) -> bytes:
    """Give such a file without these turns.

    Raises:
        AnnotationError: It is not as it was written; *file* is only named there.
    """
    try:
        files = msgspec.json.decode(content, type=_Manifest).files
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise AnnotationError(
            file, "not as it was written; delete it by hand"
        ) from None
    return manifest(
        {name: [x for x in ids if x not in turn_ids] for name, ids in files.items()}
    )


class Stripped(NamedTuple):
    """A file without some of its rows.

    Attributes:
        gone: Fingerprints of what was said in those that were taken out.
    """

    content: bytes
    gone: list[str]


def is_lesson_file(content: bytes) -> bool:
    """Tell whether a file holds rows to train with, ours or not."""
    keys = set(json_lines.first_row(content))
    return "messages" in keys or {"prompt", "completion"} <= keys


def without_lines(content: bytes, fingerprints: Collection[str]) -> Stripped:
    """Give a file without the rows in which somebody says one of these.

    The other rows stay as they are, byte for byte.
    """
    source = records.decoded(content, "")
    kept: list[str] = []
    gone: list[str] = []
    for line in _LINE.findall(source.text):
        said = fingerprint(_said(line))
        (gone if said in fingerprints else kept).append(line)
    prints = [fingerprint(_said(line)) for line in gone]
    return Stripped(source.encoded("".join(kept)), prints)


class _Message(msgspec.Struct):
    role: str = ""
    content: str = ""


class _Row(msgspec.Struct):
    messages: list[_Message] = []
    prompt: str = ""


def _said(line: str) -> str:
    """Give what the user says in a row; nothing where it is none."""
    try:
        found = msgspec.json.decode(line, type=_Row)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return ""
    said = (one.content for one in found.messages if one.role == "user")
    return next(said, found.prompt.removesuffix(_END_OF_PROMPT))


def _written(content: Any) -> str:
    """Give JSON with readable letters: a model learns to write what it sees."""
    return json.dumps(content, ensure_ascii=False)
