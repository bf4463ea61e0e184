"""ADAPTER to Rasa's training data syntax: write lines it reads as meant, read files.

Rasa's inline entity syntax, ``[Lima](city)``, has no escape: a text that happens to
hold ``](`` becomes an entity, and ``]{`` can make the whole file unreadable. So every
line is read back with Rasa's own parser before anyone may use it. Rasa is imported when
a text holds a bracket, not before.
"""

import warnings
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rasa_qa_plugin.errors import MergeError
from rasa_qa_plugin.review.items import Entity, Example, clean, quoted

__all__ = ["clean", "parse_line", "read_examples", "render", "without_breaks"]


def render(text: str, entities: Iterable[Entity]) -> tuple[str, str]:
    """Give a line in Rasa's syntax and the plain text Rasa reads from it.

    The plain text is *text*, but for a space put after any ``]`` that ``(``, ``[`` or
    ``{`` follows. The line is proven: Rasa's parser gives this text and these entities.

    Raises:
        MergeError: *text* is empty or not clean, or an entity cannot be expressed.
    """
    if not text:
        raise MergeError("text: empty; leave the turn out")
    if text != clean(text):
        raise MergeError(
            "text: holds line breaks or control characters; clean it first"
        )
    ordered = sorted(entities, key=lambda entity: (entity.start, entity.end))
    spans = _spans(text, ordered)
    breaks = _breaks(text, spans)
    line = _line(text, spans, breaks)
    plain = _with_breaks(text, breaks)
    wanted = tuple(
        msgspec.structs.replace(
            entity,
            start=entity.start + sum(at <= entity.start for at in breaks),
            end=entity.end + sum(at <= entity.start for at in breaks),
            value=_value(text, entity),
        )
        for entity in ordered
    )
    if "[" not in line:
        return line, plain  # Rasa's pattern begins with a bracket: nothing to prove.
    try:
        proven = parse_line(line) == (plain, wanted)
    except MergeError:
        proven = False
    if not proven:
        raise MergeError(
            "entities: brackets in the text clash with Rasa's entity syntax; "
            "edit the text or drop the entities"
        )
    return line, plain


def parse_line(line: str) -> tuple[str, tuple[Entity, ...]]:
    """Give plain text and entities of a line, read by Rasa's own parser.

    Raises:
        MergeError: An annotation is malformed.
    """
    if "[" not in line:
        return line, ()
    from rasa.shared.exceptions import RasaException
    from rasa.shared.nlu.training_data import entities_parser

    try:
        plain = entities_parser.replace_entities(line)
        found = entities_parser.find_entities_in_training_example(line)
    except (RasaException, ValueError, TypeError, AttributeError, KeyError):
        raise MergeError(
            "entity syntax: what follows a bracketed word is not valid; "
            'write [word](entity) or [word]{"entity": "name", "role": "name"}'
        ) from None
    marks = sum(1 for _ in entities_parser.ENTITY_REGEX.finditer(line))
    if marks != len({(one["start"], one["end"]) for one in found}):
        # Rasa would drop the second bracket of `[a][b]` without a word.
        raise MergeError(
            "entity syntax: a bracketed word is followed by brackets without entities; "
            "put a space between them"
        )
    return plain, tuple(_entity(plain, one) for one in found)


def without_breaks(
    original: str, plain: str, entities: Iterable[Entity]
) -> tuple[Entity, ...] | None:
    """Move *entities* from a rendered plain text back onto *original*.

    None when *plain* is not what :func:`render` made of *original*: somebody edited it.
    """
    moved = []
    at = 0
    for index, char in enumerate(plain):
        moved.append(at)
        if at < len(original) and original[at] == char:
            at += 1
        elif char != " " or not index or plain[index - 1] != "]":
            return None
    moved.append(at)
    if at != len(original):
        return None
    return tuple(
        msgspec.structs.replace(one, start=moved[one.start], end=moved[one.end])
        for one in entities
    )


def read_examples(yaml_text: str) -> list[Example]:
    """Give every training example of a file, repeated ones too, as Rasa reads them.

    Rasa's warnings are dropped: they quote texts.

    Raises:
        MergeError: Rasa cannot read the file. The message is one line without texts.
    """
    from rasa.shared.exceptions import RasaException
    from rasa.shared.nlu.training_data.formats.rasa_yaml import RasaYAMLReader
    from rasa.shared.utils.io import read_yaml
    from rasa.shared.utils.validation import validate_training_data_format_version

    reader = RasaYAMLReader()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The steps of its `reads` but for the last, which looks for repeated
            # examples: with very many that takes longer than all the rest.
            reader.validate(yaml_text)
            content = read_yaml(yaml_text)
            if validate_training_data_format_version(content, reader.filename):
                for key, value in content.items():
                    if key == "nlu":
                        reader._parse_nlu(value)  # noqa: SLF001
    except (RasaException, YAMLError) as error:
        raise MergeError(_reading_problem(error)) from None
    except (ValueError, TypeError, AttributeError, KeyError):
        raise MergeError("not readable as Rasa training data; check it") from None
    return [
        Example(
            text=message.get("text") or "",
            intent=message.get_full_intent() or "",
            entities=tuple(
                _entity(message.get("text"), one)
                for one in message.get("entities") or ()
            ),
        )
        for message in reader.training_examples
    ]


def _spans(text: str, ordered: Sequence[Entity]) -> list[list[Entity]]:
    """Group entities that mark the same piece of text; refuse what cannot be nested."""
    spans: list[list[Entity]] = []
    end = 0
    for entity in ordered:
        if not 0 <= entity.start < entity.end <= len(text):
            raise MergeError("entities: one lies outside the text; mark it again")
        if "]" in text[entity.start : entity.end]:
            raise MergeError(
                "entities: one covers a closing bracket, which Rasa's entity syntax "
                "cannot express; leave the bracket out or drop the entity"
            )
        if spans and (entity.start, entity.end) == (spans[-1][0].start, end):
            spans[-1].append(entity)
        elif entity.start < end:
            raise MergeError("entities: two overlap; keep one of them")
        else:
            spans.append([entity])
            end = entity.end
    return spans


def _breaks(text: str, spans: Sequence[Sequence[Entity]]) -> list[int]:
    """Give the offsets where a space must go in, so that no text looks like syntax."""
    marked = {span[0].start for span in spans}
    return [
        at
        for at in range(1, len(text))
        if text[at - 1] == "]" and (text[at] in "([{" or at in marked)
    ]


def _with_breaks(text: str, breaks: Sequence[int]) -> str:
    cuts = [0, *breaks, len(text)]
    return " ".join(text[a:b] for a, b in pairwise(cuts))


def _line(text: str, spans: Sequence[Sequence[Entity]], breaks: Sequence[int]) -> str:
    """Write *text* with its entities in Rasa's inline syntax."""
    pieces = []
    at = 0
    for span in spans:
        start, end = span[0].start, span[0].end
        pieces.append(
            _with_breaks(text[at:start], [b - at for b in breaks if at < b <= start])
        )
        pieces.append(f"[{text[start:end]}]{_mark(text, span)}")
        at = end
    pieces.append(_with_breaks(text[at:], [b - at for b in breaks if b > at]))
    return "".join(pieces)


def _mark(text: str, span: Sequence[Entity]) -> str:
    """Write what follows the bracketed words: type, or type with role, group, value."""
    marks = []
    for entity in span:
        content = {
            "entity": entity.entity,
            "role": entity.role,
            "group": entity.group,
            "value": _value(text, entity),
        }
        content = {key: value for key, value in content.items() if value is not None}
        if len(span) == 1 and len(content) == 1 and _is_simple(entity.entity):
            return f"({entity.entity})"
        mark = quoted(content)
        # Rasa looks for the first closing brace, also inside a JSON string.
        inner = mark[1:-1].replace("}", "\\u007d").replace("]", "\\u005d")
        marks.append("{" + inner + "}")
    return marks[0] if len(marks) == 1 else "[" + ", ".join(marks) + "]"


def _is_simple(name: str) -> bool:
    """Tell whether *name* may stand in ``[word](name)``."""
    return name == clean(name) and not set(":)") & set(name)


def _value(text: str, entity: Entity) -> str | None:
    """Give the entity's value unless it is just the covered text."""
    covered = text[entity.start : entity.end]
    return entity.value if entity.value and entity.value != covered else None


def _entity(text: str, found: dict[str, Any]) -> Entity:
    """Turn Rasa's entity dict into ours; values Rasa reads as numbers become text."""
    value = found.get("value")
    covered = text[found["start"] : found["end"]]
    return Entity(
        start=found["start"],
        end=found["end"],
        entity=found["entity"],
        value=None if value is None or str(value) == covered else str(value),
        role=found.get("role"),
        group=found.get("group"),
    )


def _reading_problem(error: Exception) -> str:
    """Say in one line where Rasa stumbled; its own message quotes the file."""
    cause = getattr(error, "underlying_yaml_exception", error)
    if isinstance(cause, MarkedYAMLError):
        mark = cause.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        return f"{where}not valid YAML; check indentation and quotes"
    if type(error).__name__ == "YamlValidationException":
        return "does not follow Rasa's NLU schema; run `rasa data validate`"
    if type(error).__name__ in (
        "InvalidEntityFormatException",
        "SchemaValidationError",
    ):
        return "an entity annotation is malformed; run `rasa data validate`"
    return f"Rasa refuses it ({type(error).__name__}); run `rasa data validate`"
