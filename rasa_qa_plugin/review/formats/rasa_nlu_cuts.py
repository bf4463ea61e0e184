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
    turn_id_of,
)
from rasa_qa_plugin.review.nlu_file import (
    after_blank,
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
    cuts += _cuts(text, file, lambda example: turn_id_of(example) in turn_ids)
    shorter = without(text, cuts)
    if any(turn_id in shorter for turn_id in turn_ids):
        raise AnnotationError(
            file,
            "names turns of people who are forgotten in a form that cannot be taken "
            "out; delete it by hand",
        )
    return mark + shorter


def only(text: str, lines: Collection[int], *, file: str) -> str:
    """Give an annotation file with the examples alone that stand in these lines."""
    wanted = frozenset(lines)

    def goes(example: Node) -> bool:
        first = line_of(example)
        more = text.count("\n", *example_place(text, example))
        return wanted.isdisjoint(range(first, first + more + 1))

    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark)
    return mark + without(text, _cuts(text, file, goes))


def example_place(text: str, example: Node, start: int = 0) -> tuple[int, int]:
    """Give where an example stands in the file, from its first key on.

    *start* is the offset from which the places of the node count.
    """
    dash = max(0, example.start_mark.column - 2)
    first = start + example.start_mark.index
    last = start + example.end_mark.index
    return first, end_of_content(text, first, last, dash)


def _cuts(text: str, file: str, goes: Callable[[Node], bool]) -> _Cuts:
    """Find what to take out so that these examples, and no more, are gone."""
    nlu = blocks(text, file)
    cuts: _Cuts = []
    for block in () if nlu.flow_style else nlu.value:
        try:
            found = examples(block)
        except UnusableError:
            continue  # synonyms, and what people wrote in a form of their own
        content = {key.value: value for key, value in block.value}
        listed = content.get("examples")
        if not isinstance(listed, SequenceNode) or listed.flow_style:
            continue
        dash = listed.start_mark.column
        mine = [one for one in found if goes(one)]
        spans = [(entry_start(text, one), _end(text, one, dash)) for one in mine]
        if mine and len(mine) == len(found):
            spans = [(_comment_above(text, block), _end(text, block, dash))]
        cuts += spans
    return cuts


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
