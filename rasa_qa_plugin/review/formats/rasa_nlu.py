"""Annotation files in Rasa's NLU format: one block per turn, edited in any editor.

What people may do: change the intent, move examples to other blocks, mark entities
inline, mend the text, delete a block (the turn is then not annotated). The turn id in
the metadata is what counts on the way back.
"""

import re
from collections.abc import Collection, Iterator, Sequence

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from rasa_qa_plugin.errors import AnnotationError, MergeError
from rasa_qa_plugin.privacy.tokens import is_token
from rasa_qa_plugin.review.items import Entity, Item, clean, quoted, tidy
from rasa_qa_plugin.review.nlu_file import (
    after_blank,
    end_of_content,
    entry_start,
    without,
)
from rasa_qa_plugin.review.rasa_syntax import parse_line, render, without_breaks

INSTRUCTIONS = (
    "Put every sentence under the right intent: change the name, or move the example.",
    "A block that is right as it stands needs no change; delete what you cannot judge.",
    'Entities: [Lima](city) or [Lima]{"entity": "city", "role": "to"}.',
    "Leave turn_id alone: it says which turn this is.",
)

# Rasa decodes \u escapes in files that are plain ASCII; the dot makes this one not so.
_TITLE = "# rasa_qa_plugin · annotation file"
_PLAIN = re.compile(r"[^\W\d][\w+/.-]*")
_RESERVED = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_ILLEGAL = re.compile(r"[\x00-\x1f\x7f-\x9f{}\[\]@\"'`\\<>|]|^[/ ]|[/ ]$")
_COMMENT = re.compile(r"^[ \t]*#[^\n]*(?:\n|\Z)", re.MULTILINE)
_HALF_WRITTEN = re.compile(r"\][(\[{]")
_NULL = "tag:yaml.org,2002:null"


def dump(items: Sequence[Item], *, head: Sequence[str] = INSTRUCTIONS) -> str:
    """Give an annotation file; *head* stands on top of it as comments.

    Loading it gives the same items in :func:`~rasa_qa_plugin.review.items.tidy` form,
    without their comments. Where Rasa's entity syntax cannot express a text or an
    entity, the exact form stands in the metadata. A turn without any text is left out,
    and a comment says so.
    """
    lines = [_TITLE, *(f"# {clean(line)}".rstrip() for line in head)]
    lines += ['version: "3.1"', "nlu:" if items else "nlu: []"]
    for item in items:
        lines += ["", *_block(tidy(item))]
    return "\n".join(lines) + "\n"


def load(text: str, *, file: str) -> list[Item]:
    """Give what people made of an annotation file, in its order.

    *file* is only named in errors.

    Raises:
        AnnotationError: The file, or an example in it, cannot be understood.
    """
    seen: dict[str, int] = {}
    items = []
    for intent, example in _examples(_root(text, file), file):
        item = _item(intent, example, file)
        if item.turn_id in seen:
            raise AnnotationError(
                file,
                f"turn_id stands in line {seen[item.turn_id]} already; "
                "keep one of the two examples",
                line=_line(example),
            )
        seen[item.turn_id] = _line(example)
        items.append(item)
    return items


def without_turns(text: str, turn_ids: Collection[str], *, file: str) -> str:
    """Give an annotation file without these turns, all else as people left it.

    An intent block goes once it is empty, with the comment above it; so does every
    comment that names one of the turns.

    Raises:
        AnnotationError: The file cannot be understood, or names a turn in a place of
            its own; *file* is only named there.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark)
    cuts = [
        line.span()
        for line in _COMMENT.finditer(text)
        if any(turn_id in line.group() for turn_id in turn_ids)
    ]
    nlu = _root(text, file)["nlu"]
    for block in [] if nlu.flow_style else _sequence(nlu, "nlu", file):
        examples = _mapping(block, file).get("examples")
        if not isinstance(examples, SequenceNode) or examples.flow_style:
            continue
        dash = examples.start_mark.column
        mine = [one for one in examples.value if _turn_id(one, file) in turn_ids]
        spans = [(entry_start(text, one), _end(text, one, dash)) for one in mine]
        if mine and len(mine) == len(examples.value):
            spans = [(_comment_above(text, block), _end(text, block, dash))]
        cuts += spans
    shorter = without(text, cuts)
    if any(turn_id in shorter for turn_id in turn_ids):
        raise AnnotationError(
            file,
            "names turns of people who are forgotten in a form that cannot be taken "
            "out; delete it by hand",
        )
    return mark + shorter


def _turn_id(example: Node, file: str) -> str:
    content = _mapping(example, file) if isinstance(example, MappingNode) else {}
    metadata = content.get("metadata")
    facts = _mapping(metadata, file) if isinstance(metadata, MappingNode) else {}
    return _text(facts.get("turn_id"))


def _end(text: str, node: Node, dash: int) -> int:
    """Give the offset after the last line of a list entry."""
    end = end_of_content(text, node.start_mark.index, node.end_mark.index, dash)
    return end if text[end - 1] == "\n" else (text.find("\n", end) + 1 or len(text))


def _comment_above(text: str, block: Node) -> int:
    """Give the offset where a block begins with the comment that stands right above."""
    start = text.rfind("\n", 0, block.start_mark.index) + 1
    while (above := text.rfind("\n", 0, max(start - 1, 0)) + 1) < start and text[
        above:start
    ].lstrip().startswith("#"):
        start = above
    return after_blank(text, start)


def _block(item: Item) -> list[str]:
    """Write one turn, or why it is left out."""
    apart: tuple[Entity, ...] = ()
    try:
        line, plain = render(item.text, item.entities)
    except MergeError as problem:
        try:
            line, plain = render(item.text, ())
        except MergeError:
            return [f"# left out: turn {clean(item.turn_id)}: {problem}"]
        apart = item.entities
    reason = clean(item.comment or _reason(item))
    block = [f"# {reason}"] if reason else []
    block += [
        f"- intent: {_scalar(item.intent)}",
        "  examples:",
        "  - text: |",
        f"      {line}",
        "    metadata:",
        f"      turn_id: {quoted(item.turn_id)}",
    ]
    if item.confidence is not None:
        block.append(f"      confidence: {item.confidence!r}")
    if item.flags:
        block.append(f"      flags: [{', '.join(map(_scalar, item.flags))}]")
    if item.surrogates:
        block.append(f"      surrogates: {quoted(dict(item.surrogates))}")
    if apart or plain != item.text:
        block.append(f"      as_typed: {quoted(item.text)}")
    if apart:
        marks = [
            {k: v for k, v in msgspec.structs.asdict(one).items() if v is not None}
            for one in apart
        ]
        block.append(f"      entities: {quoted(marks)}")
    return block


def _reason(item: Item) -> str:
    sure = "" if item.confidence is None else f"confidence {item.confidence:.2f}"
    return " · ".join(filter(None, (", ".join(item.flags), sure)))


def _scalar(name: str) -> str:
    """Write a name bare where YAML cannot take it for something else."""
    if _PLAIN.fullmatch(name) and name.lower() not in _RESERVED:
        return name
    return quoted(name)


def _root(text: str, file: str) -> dict[str, Node]:
    """Parse into nodes: they keep lines, and a name such as ``123`` stays text."""
    try:
        node = YAML(typ="safe", pure=True).compose(text.removeprefix("\ufeff"))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise AnnotationError(
            file,
            "not valid YAML; check indentation and quotes",
            line=mark.line + 1 if mark else None,
        ) from None
    except (YAMLError, ValueError):
        raise AnnotationError(
            file, "not valid YAML; remove control characters and save it as UTF-8"
        ) from None
    root = _mapping(node, file) if isinstance(node, MappingNode) else {}
    if "nlu" not in root:
        raise AnnotationError(file, "has no `nlu:` key; give an exported file back")
    return root


def _examples(root: dict[str, Node], file: str) -> Iterator[tuple[str, Node]]:
    """Give every example with the intent of its block."""
    for block in _sequence(root["nlu"], "nlu", file):
        if not isinstance(block, MappingNode) or "intent" not in (
            content := _mapping(block, file)
        ):
            raise AnnotationError(
                file,
                "not an intent block; every entry begins with `- intent: name`",
                line=_line(block),
            )
        if "examples" not in content:
            continue
        examples = _sequence(content["examples"], "examples", file)
        if examples:
            intent = _intent(_text(content["intent"]), file, _line(block))
            for example in examples:
                yield intent, example


def _item(intent: str, example: Node, file: str) -> Item:
    """Read one example."""
    line = _line(example)
    if not isinstance(example, MappingNode):
        raise AnnotationError(
            file, "example is not a map; keep its `text:` and `metadata:`", line=line
        )
    content = _mapping(example, file)
    metadata = content.get("metadata")
    facts = _mapping(metadata, file) if isinstance(metadata, MappingNode) else {}
    turn_id = _text(facts.get("turn_id"))
    if not turn_id:
        raise AnnotationError(
            file, "example has no turn_id; put its metadata back", line=line
        )
    try:
        marked, entities = parse_line(_text(content.get("text")).strip())
    except MergeError as problem:
        raise AnnotationError(file, str(problem), line=line) from None
    item = tidy(
        Item(
            turn_id=turn_id,
            text=marked,
            intent=intent,
            entities=entities,
            confidence=_number(facts.get("confidence")),
            flags=_names(facts.get("flags")),
            surrogates=_surrogates(facts.get("surrogates"), file),
        )
    )
    if not item.text:
        raise AnnotationError(
            file, "text is empty; delete the example if nobody needs it", line=line
        )
    if _HALF_WRITTEN.search(item.text):
        raise AnnotationError(
            file,
            "entity syntax: brackets do not match; write [word](entity), "
            "or put a space after `]`",
            line=line,
        )
    original = _text(facts.get("as_typed"))
    inline = without_breaks(original, item.text, item.entities)
    if not original or inline is None:
        return item
    entities = (*inline, *_apart(facts.get("entities"), file))
    return tidy(msgspec.structs.replace(item, text=original, entities=entities))


def _intent(name: str, file: str, line: int) -> str:
    if not name.strip():
        raise AnnotationError(
            file, "intent is empty; name it or delete the block", line=line
        )
    if _ILLEGAL.search(name):
        raise AnnotationError(
            file,
            "intent name has characters Rasa cannot use; "
            "use letters, digits, `_`, `-` and `/`",
            line=line,
        )
    return name


def _apart(node: Node | None, file: str) -> Iterator[Entity]:
    """Read the entities that could not be written inline."""
    for mark in _sequence(node, "entities", file) if node is not None else ():
        content = _mapping(mark, file) if isinstance(mark, MappingNode) else {}
        fields = {key: _text(value) for key, value in content.items()}
        try:
            yield msgspec.convert(fields, Entity, strict=False)
        except msgspec.ValidationError:
            raise AnnotationError(
                file,
                "entities in the metadata are malformed; delete that line",
                line=_line(mark),
            ) from None


def _surrogates(node: Node | None, file: str) -> tuple[tuple[str, str], ...]:
    """Read which invented value stands for which token."""
    if node is None or node.tag == _NULL:
        return ()
    content = _mapping(node, file) if isinstance(node, MappingNode) else {"": node}
    pairs = tuple((token, _text(value)) for token, value in content.items())
    if not all(is_token(token) and value.strip() for token, value in pairs):
        raise AnnotationError(
            file,
            "surrogates in the metadata are malformed; put them back as exported, "
            "or delete that line",
            line=_line(node),
        )
    return pairs


def _mapping(node: Node, file: str) -> dict[str, Node]:
    content: dict[str, Node] = {}
    for key, value in node.value:
        name = _text(key)
        if name in content:
            raise AnnotationError(
                file, "a key stands twice in one block; remove one", line=_line(key)
            )
        content[name] = value
    return content


def _sequence(node: Node, key: str, file: str) -> list[Node]:
    if isinstance(node, SequenceNode):
        return list(node.value)
    if node.tag == _NULL:
        return []
    raise AnnotationError(
        file,
        f"`{key}:` is not a list; keep the exported form, with a turn_id per example",
        line=_line(node),
    )


def _text(node: Node | None) -> str:
    """Give a scalar as it stands in the file; anything else is empty."""
    if not isinstance(node, ScalarNode) or node.tag == _NULL:
        return ""
    return str(node.value)


def _number(node: Node | None) -> float | None:
    try:
        return float(_text(node))
    except ValueError:
        return None


def _names(node: Node | None) -> tuple[str, ...]:
    if not isinstance(node, SequenceNode):
        return ()
    return tuple(filter(None, map(_text, node.value)))


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
