"""Annotation files in Rasa's NLU format: one block per turn, edited in any editor.

What people may do: change the intent, move examples to other blocks, mark entities
inline, mend the text, delete a block (the turn is then not annotated). The turn id in
the metadata is what counts on the way back.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec
from yaml.nodes import Node

from rasa_qa_plugin.errors import AnnotationError, MergeError
from rasa_qa_plugin.review.formats import Format, Loaded, Names, records
from rasa_qa_plugin.review.formats.rasa_nlu_cuts import (
    example_place,
    only,
    without_turns,
)
from rasa_qa_plugin.review.formats.rasa_nlu_nodes import (
    IndivisibleError,
    MisplacedError,
    Piece,
    blocks,
    examples,
    item_of,
    line_of,
    pieces,
)
from rasa_qa_plugin.review.formats.records import Answer
from rasa_qa_plugin.review.items import Entity, Item, clean, quoted, tidy
from rasa_qa_plugin.review.nlu_file import holds_nlu
from rasa_qa_plugin.review.rasa_syntax import render

__all__ = ["FORMAT", "INSTRUCTIONS", "dump", "load", "without_turns"]

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


def dump(items: Iterable[Item], *, head: Sequence[str] = INSTRUCTIONS) -> str:
    """Give an annotation file; *head* stands on top of it as comments.

    Loading it gives the same items in :func:`~rasa_qa_plugin.review.items.tidy` form,
    without their comments. Where Rasa's entity syntax cannot express a text or an
    entity, the exact form stands in the metadata. A turn without any text is left out,
    and a comment says so.
    """
    return "".join(_pieces(items, head))


def load(text: str, *, file: str) -> list[Item]:
    """Give what people made of an annotation file, in its order, if all of it is sound.

    *file* is only named in errors; the items do not say their lines.

    Raises:
        AnnotationError: The file, or an example in it, cannot be understood.
    """
    loaded = _load(text.encode("utf-8", "surrogatepass"), file)
    for problem in loaded.problems:
        raise AnnotationError(file, problem.message, line=problem.line)
    return [msgspec.structs.replace(item, line=None) for item in loaded.items]


def _pieces(items: Iterable[Item], head: Sequence[str]) -> Iterator[str]:
    lines = [_TITLE, *(f"# {clean(line)}".rstrip() for line in head), 'version: "3.1"']
    yield "\n".join(lines) + "\n"
    before = "nlu:\n\n"
    for item in items:
        yield before + "\n".join(_block(tidy(item))) + "\n"
        before = "\n"
    if before != "\n":
        yield "nlu: []\n"


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


def _dump(items: Iterable[Item], names: Names) -> Iterator[bytes]:
    for piece in _pieces(items, (*INSTRUCTIONS, *names.notes)):
        yield piece.encode()


def _load(content: bytes, file: str) -> Loaded:
    text = records.decoded(content, file).text
    try:
        answers = [x for piece in pieces(text, file) for x in _answers(text, piece)]
    except IndivisibleError:
        whole = Piece(0, 0, blocks(text, file).value)
        answers = list(_answers(text, whole))
    return records.settled(answers, raw=lambda place: text[slice(*place)])


def _answers(text: str, piece: Piece) -> Iterator[Answer]:
    """Give what each example says."""
    for block in piece.blocks:
        try:
            found = examples(block)
        except MisplacedError as problem:
            yield _answer(text, piece, block, problem)
            continue
        for example in found:
            try:
                answer = item_of(block, example)
            except MisplacedError as problem:
                yield _answer(text, piece, example, problem)
            else:
                yield _answer(text, piece, example, answer)


def _answer(text: str, piece: Piece, node: Node, said: Item | MisplacedError) -> Answer:
    """Note what *node* says under its own line: by that it is found again."""
    place = example_place(text, node, piece.start)
    line = piece.line + line_of(node)
    if isinstance(said, MisplacedError):
        return Answer(line, place, problem=str(said))
    return Answer(line, place, said)


def _only(content: bytes, lines: Collection[int], file: str) -> bytes:
    source = records.decoded(content, file)
    return source.encoded(only(source.text, lines, file=file))


def _without_turns(content: bytes, turn_ids: Collection[str], file: str) -> bytes:
    source = records.decoded(content, file)
    return source.encoded(without_turns(source.text, turn_ids, file=file))


def _recognises(content: bytes) -> bool:
    return holds_nlu(records.beginning(content))


FORMAT = Format(
    name="rasa_nlu",
    title="Rasa NLU",
    suffixes=(".yml", ".yaml"),
    recognises=_recognises,
    dump=_dump,
    load=_load,
    only=_only,
    without_turns=_without_turns,
)
