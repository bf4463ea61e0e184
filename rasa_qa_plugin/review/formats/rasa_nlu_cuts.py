"""Annotation files in Rasa's NLU format without some of their examples."""

import re
from collections.abc import Callable, Collection

from yaml.nodes import Node, SequenceNode

from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.review.formats.kept import UnusableError
from rasa_qa_plugin.review.formats.rasa_nlu_nodes import (
    blocks,
    examples,
    line_of,
    mapping,
    turn_id_of,
)
from rasa_qa_plugin.review.formats.records import STUCK
from rasa_qa_plugin.review.items import TURN_ID
from rasa_qa_plugin.review.nlu_file import (
    after_blank,
    dash_line,
    end_of_content,
    entry_start,
    without,
)

_COMMENT = re.compile(r"^[ \t]*#[^\n]*(?:\n|\Z)", re.MULTILINE)
_Cuts = list[tuple[int, int]]


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
    nlu = blocks(text, file)

    def goes(example: Node) -> bool:
        return _turn_of(example) in turn_ids

    for block in () if nlu.flow_style else nlu.value:
        cuts += _cuts(text, block, goes)
    shorter = without(text, cuts)
    if any(turn_id in shorter for turn_id in turn_ids):
        raise AnnotationError(
            file,
            STUCK,
        )
    return mark + shorter


def only(text: str, lines: Collection[int], *, file: str) -> str:
    """Give an annotation file with the examples, or odd blocks, that begin in *lines*.

    No comment stays that names another turn. Nothing is left of a list in flow style,
    where no example has lines of its own.
    """
    wanted = frozenset(lines)
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark)
    nlu = blocks(text, file)
    if nlu.flow_style:
        return ""

    def goes(example: Node) -> bool:
        return line_of(example) not in wanted

    cuts: _Cuts = []
    stays: list[tuple[int, int]] = []
    for block in nlu.value:
        left = [one for one in _examples_or_itself(block) if not goes(one)]
        if not left:
            end = _end(text, block, max(0, block.start_mark.column - 2))
            cuts.append((_comment_above(text, block), end))
        elif _listed(block) is None:
            stays.append(example_place(text, block))
        else:
            cuts += _cuts(text, block, goes)
            stays += [example_place(text, one) for one in left]
    mine = {
        turn_id
        for start, end in stays
        for turn_id in TURN_ID.findall(_COMMENT.sub("", text[start:end]))
    }
    cuts += [
        line.span()
        for line in _COMMENT.finditer(text)
        if not mine.issuperset(TURN_ID.findall(line.group()))
    ]
    return mark + without(text, cuts)


def example_place(text: str, example: Node, start: int = 0) -> tuple[int, int]:
    """Give where an example stands in the file, from its first key on.

    *start* is the offset from which the places of the node count.
    """
    dash = max(0, example.start_mark.column - 2)
    first = start + example.start_mark.index
    last = start + example.end_mark.index
    return first, end_of_content(text, first, last, dash)


def _turn_of(example: Node) -> str:
    """Give the turn of an example; empty where it is spoiled."""
    try:
        return turn_id_of(example)
    except UnusableError:
        return ""


def _listed(block: Node) -> SequenceNode | None:
    """Give the examples of a block if each has lines of its own.

    Synonyms have none, nor has what people wrote in a form of their own.
    """
    try:
        examples(block)
    except UnusableError:
        return None
    listed = mapping(block).get("examples")
    apart = isinstance(listed, SequenceNode) and not listed.flow_style
    return listed if apart else None


def _examples_or_itself(block: Node) -> list[Node]:
    """Give what a block is reported by when it can only stay or go as a whole."""
    try:
        return examples(block) or [block]
    except UnusableError:
        return [block]


def _cuts(text: str, block: Node, goes: Callable[[Node], bool]) -> _Cuts:
    """Find what to take out so that these examples, and no more, are gone."""
    listed = _listed(block)
    if listed is None:
        return []
    dash = listed.start_mark.column
    mine = [one for one in listed.value if goes(one)]
    if mine and len(mine) == len(listed.value):
        return [(_comment_above(text, block), _end(text, block, dash))]
    return [(entry_start(text, one), _end(text, one, dash)) for one in mine]


def _end(text: str, node: Node, dash: int) -> int:
    """Give the offset after the last line of a list entry."""
    end = end_of_content(text, node.start_mark.index, node.end_mark.index, dash)
    return end if text[end - 1] == "\n" else (text.find("\n", end) + 1 or len(text))


def _comment_above(text: str, block: Node) -> int:
    """Give the offset where a block begins with the comment that stands right above."""
    start = dash_line(text, block)
    while (above := text.rfind("\n", 0, max(start - 1, 0)) + 1) < start and text[
        above:start
    ].lstrip().startswith("#"):
        start = above
    return after_blank(text, start)
