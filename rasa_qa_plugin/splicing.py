"""Adding lines to a YAML file where they belong; every other byte stays."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from ruamel.yaml.error import YAMLError

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.settings import parser


def newline_of(text: str) -> str:
    """Give the line ending that a file uses."""
    return "\r\n" if "\r\n" in text else "\n"


def append_block(text: str, block: str) -> str:
    """Add lines at the end of a file, a blank line before them."""
    newline = newline_of(text)
    if text and not text.endswith("\n"):
        text += newline
    return text + (newline if text else "") + block.replace("\n", newline)


def sections(text: str) -> dict[str, list[str]]:
    """Split a file of ours into its sections' entries, with the comments above them."""
    found: dict[str, list[str]] = {}
    for match in re.finditer(
        r"(?m)^(?P<key>\w+):[ ]*\n(?P<body>(?:[ ]+.*\n|\n)+)", text
    ):
        entries: list[str] = []
        pending = ""
        for line in match["body"].splitlines(keepends=True):
            starts = re.match(r"  (- )?[\w\"']", line) is not None
            comment = re.match(r"  #", line) is not None
            if comment:
                pending += line
            elif starts:
                entries.append(pending + line)
                pending = ""
            elif entries and line.strip():
                entries[-1] += line
        found[match["key"]] = entries
    return found


def entry_name(entry: str) -> str:
    """Read the name of an entry: a list item, a key, or an item's first key or value.

    An item of several keys (an intent with its examples, a rule) is named by the first.
    """
    parsed = parser().load(entry)
    first = next(iter(parsed))
    if isinstance(first, Mapping):
        key = next(iter(first))
        first = key if len(first) == 1 else first[key]
    return str(first)


def block_span(lines: Sequence[str], key: str) -> tuple[int, int, int] | None:
    """Find a top-level section: its first line, its last, and its entries' indent.

    Comments and blank lines after the last entry do not belong to it.
    """
    head = re.compile(rf"{re.escape(key)}[ ]*:(\s|$)")
    number = next((at for at, line in enumerate(lines) if head.match(line)), None)
    if number is None:
        return None
    last, indent = number, 2
    for at in range(number + 1, len(lines)):
        stripped = lines[at].strip()
        if not stripped or stripped.startswith("#"):
            continue
        at_indent = len(lines[at]) - len(lines[at].lstrip(" "))
        if at_indent == 0 and not stripped.startswith("- "):
            break
        if last == number:
            indent = at_indent
        last = at
    return number, last, indent


def append_entries(text: str, key: str, entries: Sequence[str]) -> str:
    """Add entries, written at two spaces, at the end of a top-level section.

    A section that is written in brackets gets them before its closing one.

    Raises:
        ConfigError: The section can hold no entries.
    """
    newline = newline_of(text)
    lines = text.splitlines(keepends=True)
    span = block_span(lines, key)
    if span is None:
        return append_block(text, "".join([f"{key}:\n", *entries]))
    number, last, indent = span
    match = re.match(
        r"[^:]*:(?P<value>[^#\r\n]*)(?P<rest>.*)", lines[number], re.DOTALL
    )
    value = match["value"].strip() if match else ""
    rest = match["rest"] if match else ""
    if value in {"[]", "{}", "null", "~"}:
        lines[number] = f"{key}:{' ' if rest.strip() else ''}{rest}"
    elif value.startswith(("[", "{")):
        return _append_in_brackets(text, key, entries)
    elif value:
        raise ConfigError(key, "is no list and no mapping; see Rasa's docs")
    if not lines[last].endswith(("\n", "\r")):
        lines[last] += newline
    shifted = [
        " " * (len(line) - len(line.lstrip(" ")) - 2 + indent) + line.lstrip(" ")
        for entry in entries
        for line in entry.splitlines(keepends=True)
    ]
    lines[last + 1 : last + 1] = [line.replace("\n", newline) for line in shifted]
    return "".join(lines)


def _append_in_brackets(text: str, key: str, entries: Sequence[str]) -> str:
    node = next(
        value for name, value in parser().compose(text).value if name.value == key
    )
    end = node.end_mark.index - 1
    last = node.value[-1] if node.value else None
    last = last[1] if isinstance(last, tuple) else last
    tail = text[last.end_mark.index : end] if last is not None else ","
    comma = "" if "," in re.sub("#.*", "", tail) else ", "
    added = ", ".join(_in_one_line(parser().load(entry)) for entry in entries)
    return text[:end].rstrip(" ") + comma + added + text[end:]


def _in_one_line(entry: Any) -> str:
    """Write a list item or a mapping's entry as JSON, which is YAML."""
    if isinstance(entry, list):
        (item,) = entry
        plain = isinstance(item, str) and re.fullmatch(r"[a-z]\w*", item) is not None
        return item if plain else msgspec.json.encode(item).decode()
    return msgspec.json.encode(entry).decode()[1:-1]


def add_missing(text: str, missing: Mapping[str, Sequence[str]], *, file: str) -> str:
    """Add entries to the sections of a file, and read the result to be sure.

    Raises:
        ConfigError: A section is written so that nothing can be added to it, or what
            comes out would not say all that the file said before.
    """
    spliced = text
    for key, entries in missing.items():
        if entries:
            try:
                spliced = append_entries(spliced, key, entries)
            except ConfigError as error:
                raise ConfigError(file, str(error)) from None
    counts = {key: len(entries) for key, entries in missing.items() if entries}
    if not _only_gained(text, spliced, counts):
        raise ConfigError(
            file,
            "is laid out so that nothing can be added safely; write each section once, "
            f"as `{next(iter(counts), 'key')}:` with one entry per line, then try "
            "again",
        )
    return spliced


def _only_gained(before: str, after: str, counts: Mapping[str, int]) -> bool:
    try:
        old, new = parser().load(before) or {}, parser().load(after) or {}
    except YAMLError:
        return False
    return (
        isinstance(old, Mapping)
        and isinstance(new, Mapping)
        and set(new) == set(old) | set(counts)
        and all(_holds(new[key], old.get(key), counts.get(key, 0)) for key in new)
    )


def _holds(new: Any, old: Any, gained: int) -> bool:
    if not gained:
        return bool(new == old)
    if not isinstance(new, (list, Mapping)) or len(new) != len(old or ()) + gained:
        return False
    if isinstance(new, Mapping):
        return all(name in new and new[name] == old[name] for name in old or ())
    return bool(new[: len(old or ())] == list(old or ()))
