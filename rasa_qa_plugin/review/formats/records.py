"""Files that are a row of records: read one by one, some left out, the rest untouched.

A record that cannot be used does not keep the others from being used.
"""

import codecs
import lzma
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.review.formats import Loaded, Problem
from rasa_qa_plugin.review.formats.kept import UnusableError
from rasa_qa_plugin.review.items import Item

STUCK = (
    "names turns of people who are forgotten in a form that cannot be taken out; "
    "delete it by hand"
)
SPOILED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    RuntimeError,  # also a password
    EOFError,
    OSError,
)
"""What the library lets out for an archive that cannot be read."""

_BEGINNING = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Record(NamedTuple):
    """A record of a file.

    Attributes:
        line: Where people find it, from 1: its line, or its number in a list.
        start: Offset in the text of the file.
        end: Offset after it, without what separates it from the next one.
    """

    line: int
    start: int
    end: int


class Source(NamedTuple):
    """A file that was decoded.

    Attributes:
        mark: Byte order mark it began with.
    """

    text: str
    encoding: str
    mark: bytes

    def encoded(self, text: str) -> bytes:
        """Give the content of the file with another text."""
        return self.mark + text.encode(self.encoding)


class Answer(NamedTuple):
    """What a record says: an item, or what is wrong with it.

    Attributes:
        place: What says where it stands, in the form's own way.
    """

    line: int
    place: Any
    item: Item | None = None
    problem: str = ""


_Key = tuple[str, str | None]
Split = Callable[[str, str], Sequence[Record]]
"""Gives the records of a text (text, file name); raises AnnotationError."""
Read = Callable[[str], Iterable[Item | UnusableError]]
"""Gives what each person says in one record's text; raises UnusableError."""


def decoded(content: bytes, file: str) -> Source:
    """Read a file as text, also as spreadsheets and Windows shells write it.

    Raises:
        AnnotationError: It is no UTF-8, nor UTF-16 that says so.
    """
    mark, encoding = _encoding(content)
    try:
        return Source(content[len(mark) :].decode(encoding), encoding, mark)
    except UnicodeDecodeError:
        raise AnnotationError(file, "not UTF-8; save it as UTF-8 text") from None


def beginning(content: bytes) -> str:
    """Give the first part of a file, enough to tell what it is."""
    mark, encoding = _encoding(content)
    return content[len(mark) : _BEGINNING].decode(encoding, "ignore")


def _encoding(content: bytes) -> tuple[bytes, str]:
    pairs = (pair for pair in _MARKS if content.startswith(pair[0]))
    return next(pairs, (b"", "utf-8"))


def load(content: bytes, file: str, *, split: Split, read: Read) -> Loaded:
    """Give the items of all records, and problems for those that have none."""
    text = decoded(content, file).text
    answers: list[Answer] = []
    for record in split(text, file):
        try:
            found = list(read(text[record.start : record.end]))
        except UnusableError as problem:
            found = [problem]
        for said in found:
            if isinstance(said, UnusableError):
                answers.append(Answer(record.line, record, problem=str(said)))
            else:
                answers.append(Answer(record.line, record, said))
    return settled(answers, raw=lambda record: text[record.start : record.end])


def settled(answers: Sequence[Answer], *, raw: Callable[[Any], str]) -> Loaded:
    """Give what can be used of *answers*; *raw* gives the text of one's place.

    Who decided twice about one turn, and not the same, decided nothing: both records
    are problems.
    """
    unclear = _contradictions(answers)
    items: dict[_Key, Item] = {}
    problems: list[Problem] = []
    for answer in answers:
        key = _key(answer.item) if answer.item else None
        message = unclear.get(key, "") if key else answer.problem
        if message:
            problems.append(Problem(answer.line, message, raw(answer.place)))
        elif key and answer.item:
            item = msgspec.structs.replace(answer.item, line=answer.line)
            items.setdefault(key, item)
    return Loaded(list(items.values()), problems)


def only(content: bytes, lines: Collection[int], file: str, *, split: Split) -> bytes:
    """Give the file with the records of these lines alone."""
    source = decoded(content, file)
    records = split(source.text, file)
    keep = [record.line in lines for record in records]
    return source.encoded(_kept(source.text, records, keep))


def without_turns(
    content: bytes,
    turn_ids: Collection[str],
    file: str,
    *,
    split: Split,
    turn_id: Callable[[str], str | None],
) -> bytes:
    """Give the file without the records of these turns.

    Raises:
        AnnotationError: The file cannot be read, or names such a turn elsewhere.
    """
    source = decoded(content, file)
    records = split(source.text, file)
    named = (turn_id(source.text[one.start : one.end]) for one in records)
    keep = [one not in turn_ids for one in named]
    text = _kept(source.text, records, keep)
    if any(one in text for one in turn_ids):
        raise AnnotationError(
            file,
            STUCK,
        )
    return source.encoded(text)


def lines_of(text: str) -> Iterator[Record]:
    """Give the lines that are not blank as records, without their line ends."""
    start = 0
    number = 0
    while start < len(text):
        number += 1
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if not text[start:end].isspace() and start < end:
            yield Record(number, start, end)
        start = end + 1


def _kept(text: str, records: Sequence[Record], keep: Sequence[bool]) -> str:
    """Join the records to keep by what stands between them."""
    if not records:
        return text
    pieces: list[str] = []
    ends = [*(record.start for record in records[1:]), records[-1].end]
    last = max((n for n, stays in enumerate(keep) if stays), default=-1)
    for number, (record, end) in enumerate(zip(records, ends, strict=True)):
        if keep[number]:
            stop = record.end if number == last else end
            pieces.append(text[record.start : stop])
    head, tail = text[: records[0].start], text[records[-1].end :]
    return head + "".join(pieces) + tail


def _key(item: Item) -> _Key:
    return item.turn_id, item.annotator


def _contradictions(answers: Sequence[Answer]) -> dict[_Key, str]:
    """Give what is wrong with turns that one annotator decided upon in two ways."""
    decided: dict[_Key, list[Answer]] = {}
    for answer in answers:
        if answer.item:
            decided.setdefault(_key(answer.item), []).append(answer)
    return {
        key: "the same turn stands in "
        + " and ".join(str(one.line) for one in these)
        + " with different answers; keep one of them"
        for key, these in decided.items()
        if len({_decision(one.item) for one in these if one.item}) > 1
    }


def _decision(item: Item) -> object:
    return item.text, item.intent, item.entities, item.verdict
