"""An annotation file in Rasa's NLU format as YAML nodes, and the items in them.

Nodes keep lines, and a name such as ``123`` stays text. libyaml reads them: pure Python
takes minutes for a hundred thousand turns, and gives the same nodes and places.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from rasa_qa_plugin.errors import AnnotationError, MergeError
from rasa_qa_plugin.privacy.tokens import is_token
from rasa_qa_plugin.review.formats.kept import UnusableError
from rasa_qa_plugin.review.items import Entity, Item, intent_objection, tidy
from rasa_qa_plugin.review.rasa_syntax import parse_line, without_breaks

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_MOST_BLOCKS = 500
_BLOCK = re.compile(r"^- intent:", re.MULTILINE)
_RULER = re.compile(r"^(?:---|\.\.\.|%)", re.MULTILINE)
_HALF_WRITTEN = re.compile(r"\][(\[{]")
_NULL = "tag:yaml.org,2002:null"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Tells no more of a scalar than whether it is null: nobody asks for its type."""

    def descend_resolver(self, *_: object) -> None:
        """Look for no types."""

    def ascend_resolver(self) -> None:
        """Look for no types."""

    def resolve(self, kind: type[Node], value: str, implicit: tuple[bool, bool]) -> str:
        """Give the tag of a node that names none."""
        plain = kind is ScalarNode and implicit[0]
        return _NULL if plain and value in _NULLS else ""


class MisplacedError(UnusableError):
    """What cannot be used, with the line where that shows."""

    def __init__(self, node: Node, problem: str) -> None:
        """Point at *node*; *problem* ends with what to do."""
        super().__init__(problem)
        self.line = line_of(node)


class Piece(NamedTuple):
    """Some blocks of a file that is read in pieces.

    Attributes:
        start: Offset where the piece begins; places in its nodes count from here.
        line: How many lines stand before it.
    """

    start: int
    line: int
    blocks: list[Node]


class IndivisibleError(Exception):
    """A file that must be read as a whole."""


def pieces(text: str, file: str) -> Iterator[Piece]:
    """Give the blocks under ``nlu:``, some hundreds at a time.

    All nodes of a large file at once would take thirty times its size in memory. A list
    that begins at the left edge is the same when it is read in parts, each of them
    sound by itself.

    Raises:
        IndivisibleError: It has another layout, or is not sound somewhere.
    """
    starts = [found.start() for found in _BLOCK.finditer(text)][::_MOST_BLOCKS]
    if not starts or _RULER.search(text):
        raise IndivisibleError
    try:
        head = blocks(text[: starts[0]], file)
    except AnnotationError:
        raise IndivisibleError from None
    yield Piece(0, 0, head.value)
    line = text.count("\n", 0, starts[0])
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        try:
            piece = yaml.compose(text[start:end], _Loader)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise IndivisibleError from None
        if not isinstance(piece, SequenceNode) or piece.flow_style:
            raise IndivisibleError
        yield Piece(start, line, piece.value)
        line += text.count("\n", start, end)


def blocks(text: str, file: str) -> SequenceNode:
    """Give the list under ``nlu:``, empty where nothing stands there.

    Raises:
        AnnotationError: It is not YAML, or has no such list.
    """
    try:
        node = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise AnnotationError(
            file,
            "not valid YAML; check indentation and quotes",
            line=mark.line + 1 if mark else None,
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise AnnotationError(
            file, "not valid YAML; remove control characters and save it as UTF-8"
        ) from None
    try:
        root = mapping(node) if isinstance(node, MappingNode) else {}
        if "nlu" not in root:
            raise AnnotationError(file, "has no `nlu:` key; give an exported file back")
        sequence(root["nlu"], "nlu")
    except MisplacedError as problem:
        raise AnnotationError(file, str(problem), line=problem.line) from None
    nlu = root["nlu"]
    return nlu if isinstance(nlu, SequenceNode) else SequenceNode(_NULL, [])


def examples(block: Node) -> list[Node]:
    """Give the examples of an intent block.

    Raises:
        MisplacedError: It is none, or in another form than exported.
    """
    content = mapping(block) if isinstance(block, MappingNode) else {}
    if "intent" not in content:
        raise MisplacedError(
            block, "not an intent block; every entry begins with `- intent: name`"
        )
    return sequence(content["examples"], "examples") if "examples" in content else []


def turn_id_of(example: Node) -> str:
    """Give the turn of an example; empty where none is named."""
    content = mapping(example) if isinstance(example, MappingNode) else {}
    return scalar(_facts(content).get("turn_id"))


def item_of(block: Node, example: Node) -> Item:
    """Read one example.

    Raises:
        MisplacedError: It cannot be used.
    """
    intent = scalar(mapping(block)["intent"])
    if problem := intent_objection(intent):
        raise MisplacedError(block, problem)
    if not isinstance(example, MappingNode):
        raise MisplacedError(
            example, "example is not a map; keep its `text:` and `metadata:`"
        )
    content = mapping(example)
    facts = _facts(content)
    turn_id = scalar(facts.get("turn_id"))
    if not turn_id:
        raise MisplacedError(example, "example has no turn_id; put its metadata back")
    try:
        marked, entities = parse_line(scalar(content.get("text")).strip())
    except MergeError as error:
        raise MisplacedError(example, str(error)) from None
    item = tidy(
        Item(
            turn_id=turn_id,
            text=marked,
            intent=intent,
            entities=entities,
            confidence=_number(facts.get("confidence")),
            flags=_names(facts.get("flags")),
            surrogates=_surrogates(facts.get("surrogates")),
        )
    )
    if not item.text:
        raise MisplacedError(
            example, "text is empty; delete the example if nobody needs it"
        )
    if _HALF_WRITTEN.search(item.text):
        raise MisplacedError(
            example,
            "entity syntax: brackets do not match; write [word](entity), "
            "or put a space after `]`",
        )
    original = scalar(facts.get("as_typed"))
    inline = without_breaks(original, item.text, item.entities)
    if not original or inline is None:
        return item
    entities = (*inline, *_apart(facts.get("entities")))
    return tidy(msgspec.structs.replace(item, text=original, entities=entities))


def _facts(content: dict[str, Node]) -> dict[str, Node]:
    metadata = content.get("metadata")
    return mapping(metadata) if isinstance(metadata, MappingNode) else {}


def _apart(node: Node | None) -> Iterator[Entity]:
    """Read the entities that could not be written inline."""
    for mark in sequence(node, "entities") if node is not None else ():
        content = mapping(mark) if isinstance(mark, MappingNode) else {}
        fields = {key: scalar(value) for key, value in content.items()}
        try:
            yield msgspec.convert(fields, Entity, strict=False)
        except msgspec.ValidationError:
            raise MisplacedError(
                mark, "entities in the metadata are malformed; delete that line"
            ) from None


def _surrogates(node: Node | None) -> tuple[tuple[str, str], ...]:
    """Read which invented value stands for which token."""
    if node is None or node.tag == _NULL:
        return ()
    content = mapping(node) if isinstance(node, MappingNode) else {"": node}
    pairs = tuple((token, scalar(value)) for token, value in content.items())
    if not all(is_token(token) and value.strip() for token, value in pairs):
        raise MisplacedError(
            node,
            "surrogates in the metadata are malformed; put them back as exported, "
            "or delete that line",
        )
    return pairs


def mapping(node: Node) -> dict[str, Node]:
    """Give a map by its keys.

    Raises:
        MisplacedError: A key stands in it twice.
    """
    content: dict[str, Node] = {}
    for key, value in node.value:
        name = scalar(key)
        if name in content:
            raise MisplacedError(key, "a key stands twice in one block; remove one")
        content[name] = value
    return content


def sequence(node: Node, key: str) -> list[Node]:
    """Give the entries of a list, none where nothing stands.

    Raises:
        MisplacedError: Something else stands there.
    """
    if isinstance(node, SequenceNode):
        return list(node.value)
    if node.tag == _NULL:
        return []
    raise MisplacedError(
        node,
        f"`{key}:` is not a list; keep the exported form, with a turn_id per example",
    )


def scalar(node: Node | None) -> str:
    """Give a scalar as it stands in the file; anything else is empty."""
    if not isinstance(node, ScalarNode) or node.tag == _NULL:
        return ""
    return str(node.value)


def line_of(node: Node) -> int:
    """Give the line where a node begins."""
    return int(node.start_mark.line) + 1


def _number(node: Node | None) -> float | None:
    try:
        return float(scalar(node))
    except ValueError:
        return None


def _names(node: Node | None) -> tuple[str, ...]:
    if not isinstance(node, SequenceNode):
        return ()
    return tuple(filter(None, map(scalar, node.value)))
