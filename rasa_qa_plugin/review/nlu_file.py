"""Training data files as text: put lines in or out, leave every other byte alone.

YAML libraries reformat what they write back, so lines are spliced in at the places the
parser reports. Line ends, comments, indentation and a missing last line end all stay.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from rasa_qa_plugin.errors import MergeError
from rasa_qa_plugin.review.items import quoted, same_text_key

_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")
_MARKED = re.compile(r"\[([^]]*)](?:\([^)]*\)|\{[^}]*\}|\[[^]]*])")
_LINE_START = re.compile(r"\s*(?:-\s*)?(?:\{?text:\s*)?")
_OURS = ("intent", "examples")
_BARE_NAME = re.compile(r"[^\W\d][\w+/.-]*")


class IntentBlock(msgspec.Struct, frozen=True):
    """One ``- intent:`` entry of a file.

    Attributes:
        insert_at: Offset after its last example; None when its examples are neither a
            literal ``|`` block nor a list with one entry per line, have none yet, or
            are those of another entry too.
        indent: Spaces before the dash of its examples.
        listed: Whether the examples are a list of mappings with ``text``.
    """

    intent: str
    insert_at: int | None
    indent: int
    listed: bool = False

    def written(self, line: str) -> str:
        """Give an example line as it stands in this block."""
        example = f"text: {quoted(line)}" if self.listed else line
        return f"{' ' * self.indent}- {example}"


class NluFile(msgspec.Struct, frozen=True):
    """Where things are in the text of a training data file.

    Attributes:
        append_at: Offset for new entries of ``nlu:``; None when it is not a block list.
        dash: Spaces before the dash of its entries.
        airy: Whether a blank line stands between entries.
    """

    text: str
    blocks: tuple[IntentBlock, ...]
    append_at: int | None
    dash: int
    airy: bool

    def takes(self, intent: str) -> bool:
        """Tell whether lines can join an existing block of *intent*."""
        return self._insert_place(intent) is not None

    def with_lines(self, additions: Mapping[str, Sequence[str]]) -> str:
        """Give the text with example lines added, by intent.

        They go to the end of the intent's first block that takes lines, or into a new
        block at the end of ``nlu:``.

        Raises:
            MergeError: The file has no place for a new block.
        """
        edits: list[tuple[int, bool, int, list[str]]] = []
        for order, (intent, lines) in enumerate(additions.items()):
            place = self._insert_place(intent)
            if place is not None:
                at, block = place
                edits.append((at, False, order, [*map(block.written, lines)]))
            elif self.append_at is not None:
                new = self._new_block(intent, lines)
                edits.append((self.append_at, True, order, new))
            else:
                raise MergeError("nlu: written in a form that takes no new block")
        text = self.text
        # From the end, so that offsets hold; at one offset new blocks come last.
        for at, _, _, new in sorted(edits, reverse=True):
            text = _inserted(text, at, new)
        return text

    def _insert_place(self, intent: str) -> tuple[int, IntentBlock] | None:
        for block in self.blocks:
            if block.intent == intent and block.insert_at is not None:
                return block.insert_at, block
        return None

    def _new_block(self, intent: str, lines: Sequence[str]) -> list[str]:
        pad = " " * self.dash
        name = intent if _BARE_NAME.fullmatch(intent) else quoted(intent)
        return [
            *([""] if self.airy else []),
            f"{pad}- intent: {name}",
            f"{pad}  examples: |",
            *(f"{pad}    - {line}" for line in lines),
        ]


def holds_nlu(text: str) -> bool:
    """Tell whether *text* looks like a file with training examples."""
    return re.search(r"^\ufeff?[\"']?nlu[\"']?[ \t]*:", text, re.MULTILINE) is not None


def read_layout(text: str) -> NluFile:
    """Find blocks and places to insert in *text*.

    Raises:
        MergeError: *text* is not YAML.
    """
    found = _nlu(text)
    if found is not None:
        return _layout(text, *found)
    return NluFile(text=text, blocks=(), append_at=None, dash=0, airy=False)


def fingerprint(line: str) -> str:
    """Give a hash of the words of an example line, without dash.

    It stays the same when somebody marks entities anew or moves the line elsewhere.
    """
    words = same_text_key(_MARKED.sub(r"\1", line))
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()


def line_numbers(text: str) -> dict[str, list[int]]:
    """Give where the words of a line stand, by :func:`same_text_key`, in order."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(_LINE.finditer(text), start=1):
        words = _MARKED.sub(r"\1", _LINE_START.sub("", line.group(), count=1))
        found.setdefault(same_text_key(words), []).append(number)
    return found


class Stripped(msgspec.Struct, frozen=True):
    """A text without some of its example lines.

    Attributes:
        gone: Fingerprints of the lines that were taken out.
        stuck: How many examples stand in a form from which none can be taken.
    """

    text: str
    gone: tuple[str, ...]
    stuck: int


def without_lines(text: str, fingerprints: Collection[str]) -> Stripped:
    """Give the text without the example lines of these fingerprints.

    An entry that is left without any line goes as a whole. What two people said alike
    stands in one line, which goes with either of them.

    Raises:
        MergeError: *text* is not YAML.
    """
    nlu = _nlu(text)
    wanted = frozenset(fingerprints)
    cuts: list[tuple[int, int]] = []
    gone: list[str] = []
    stuck = 0
    for entry, _, examples in _intents(nlu[0]) if nlu else ():
        places = _places(text, entry, examples)
        mine = [(span, held & wanted) for span, held in places if held & wanted]
        gone += [one for _, held in mine for one in sorted(held)]
        if mine and len(mine) == len(places) and len(entry.value) == len(_OURS):
            cuts.append((entry_start(text, entry), mine[-1][0][1]))
        else:
            cuts += [span for span, _ in mine]
        if not places and examples is not None:
            stuck += sum(_fingerprint_of(one) in wanted for one in _texts(examples))
    return Stripped(without(text, cuts), tuple(gone), stuck)


def _places(
    text: str, entry: MappingNode, examples: Node | None
) -> list[tuple[tuple[int, int], frozenset[str]]]:
    """Give where each example stands that can be taken out, with its fingerprints."""
    if examples is not None and (items := _list_items(examples)):
        return [
            (
                _item_span(text, item, examples),
                frozenset(map(_fingerprint_of, _texts(item))),
            )
            for item in items
        ]
    return [
        (line.span(), frozenset({_fingerprint_of(line.group())}))
        for line in _literal_lines(text, entry, examples)
    ]


def _texts(examples: Node) -> Iterator[str]:
    """Give every line of text in examples that are no literal block."""
    if isinstance(examples, ScalarNode):
        yield from str(examples.value).splitlines()
    elif isinstance(examples, SequenceNode):
        for example in examples.value:
            yield from _texts(example)
    elif isinstance(examples, MappingNode):
        for key, value in examples.value:
            if key.value == "text":
                yield from _texts(value)


def without(text: str, cuts: Sequence[tuple[int, int]]) -> str:
    """Give the text without whole lines; it ends in a line end only if it did."""
    kept: list[str] = []
    at = 0
    for start, end in sorted(cuts):
        kept.append(text[at : max(start, at)])
        at = max(end, at)
    shorter = "".join(kept) + text[at:]
    if cuts and not text.endswith("\n"):
        shorter = shorter.removesuffix("\n").removesuffix("\r")
    return shorter


def _nlu(text: str) -> tuple[SequenceNode, int] | None:
    """Give the list of ``nlu:`` and the offset where it ends."""
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, ValueError):
        raise MergeError("not valid YAML; run `rasa data validate`") from None
    entries = root.value if isinstance(root, MappingNode) else []
    for position, (key, value) in enumerate(entries):
        if key.value == "nlu" and isinstance(value, SequenceNode):
            after = entries[position + 1 :]
            return value, after[0][0].start_mark.index if after else len(text)
    return None


def _layout(text: str, nlu: SequenceNode, end: int) -> NluFile:
    blocks = tuple(_blocks(text, nlu))
    block_style = bool(nlu.value) and not nlu.flow_style
    dash = int(nlu.start_mark.column)
    append_at = None
    airy = False
    if block_style:
        last = nlu.value[-1].start_mark.index
        append_at = end_of_content(text, last, end, dash)
        line_start = text.rfind("\n", 0, last) + 1
        airy = len(nlu.value) > 1 and not _line_before(text, line_start).strip()
    return NluFile(text=text, blocks=blocks, append_at=append_at, dash=dash, airy=airy)


def _blocks(text: str, nlu: SequenceNode) -> Iterator[IntentBlock]:
    # An alias gives the very node of its anchor: a line there would join both intents.
    uses = Counter(id(examples) for _, _, examples in _intents(nlu))
    for entry, intent, examples in _intents(nlu):
        block = IntentBlock(intent=intent.value, insert_at=None, indent=0)
        lines = _literal_lines(text, entry, examples)
        items = _list_items(examples)
        if examples is None or uses[id(examples)] > 1:
            pass
        elif lines:
            depth = _depth(lines[0].group())
            block = IntentBlock(intent.value, lines[-1].end(), depth)
        elif items:
            end = _item_span(text, items[-1], examples)[1]
            depth = int(examples.start_mark.column)
            block = IntentBlock(intent.value, end, depth, listed=True)
        yield block


def _list_items(examples: Node | None) -> list[Node]:
    """Give the entries of examples that are a list with a line or more for each."""
    if not isinstance(examples, SequenceNode) or examples.flow_style:
        return []
    return list(examples.value)


def _item_span(text: str, item: Node, examples: Node) -> tuple[int, int]:
    """Give where an entry of listed examples begins and ends."""
    dash = int(examples.start_mark.column)
    end = end_of_content(text, item.start_mark.index, item.end_mark.index, dash)
    if text[end - 1] != "\n":  # a flow mapping ends before its line does
        end = text.find("\n", end) + 1 or len(text)
    return entry_start(text, item), end


def _intents(
    nlu: SequenceNode,
) -> Iterator[tuple[MappingNode, ScalarNode, Node | None]]:
    """Give the intent entries, each with its name and examples."""
    for entry in nlu.value:
        if not isinstance(entry, MappingNode):
            continue
        content: dict[str, Node] = {key.value: value for key, value in entry.value}
        intent = content.get("intent")
        if isinstance(intent, ScalarNode):
            yield entry, intent, content.get("examples")


def _literal_lines(
    text: str, entry: MappingNode, examples: Node | None
) -> list[re.Match[str]]:
    """Give the lines of a literal block that are not blank; none of another form."""
    if not isinstance(examples, ScalarNode) or examples.style != "|":
        return []
    header_end = text.find("\n", examples.start_mark.index) + 1
    lines: list[re.Match[str]] = []
    for found in _LINE.finditer(text, header_end) if header_end else ():
        line = found.group()
        if not line.strip():
            continue
        least = _depth(lines[0].group()) if lines else entry.start_mark.column + 1
        if _depth(line) < least:
            break
        lines.append(found)
    return lines


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _fingerprint_of(line: str) -> str:
    """Give the fingerprint of a line; one that was commented out has it still."""
    return fingerprint(line.strip().removeprefix("-"))


def entry_start(text: str, entry: Node) -> int:
    """Give the offset of the line with the dash, or of a blank one before it."""
    return after_blank(text, dash_line(text, entry))


def dash_line(text: str, entry: Node) -> int:
    """Give the offset of the line with the dash of an entry."""
    start = text.rfind("\n", 0, entry.start_mark.index) + 1
    while start and not text[start : entry.start_mark.index].lstrip().startswith("-"):
        start = text.rfind("\n", 0, start - 1) + 1  # the dash has a line of its own
    return start


def after_blank(text: str, start: int) -> int:
    """Give the offset of the line before if that is blank, else *start*."""
    before = _line_before(text, start)
    return start if before.strip() else start - len(before)


def end_of_content(text: str, start: int, end: int, dash: int) -> int:
    """Give the offset after the last line of the entry that begins at *start*.

    Blank lines, and comments that stand no deeper than the dashes, belong to what comes
    next; deeper ones may be lines of a ``|`` block.
    """
    place = start
    for found in _LINE.finditer(text, start, end):
        line = found.group()
        bare = line.strip()
        outside = bare in ("---", "...") and line.startswith(bare)
        comment = bare.startswith("#") and _depth(line) <= dash
        if bare and not comment and not outside:
            place = found.end()
    return place


def _line_before(text: str, line_start: int) -> str:
    return text[text.rfind("\n", 0, max(line_start - 1, 0)) + 1 : line_start]


def _inserted(text: str, at: int, lines: Sequence[str]) -> str:
    """Put whole lines in at *at*, with the line ends of the line before."""
    before, after = text[:at], text[at:]
    end = "\r\n" if _line_end(before) == "\r\n" else "\n"
    if before.endswith("\n"):
        return before + "".join(line + end for line in lines) + after
    return before + "".join(end + line for line in lines) + after


def _line_end(before: str) -> str:
    last = before.rfind("\n")
    return "\r\n" if last > 0 and before[last - 1] == "\r" else "\n"
