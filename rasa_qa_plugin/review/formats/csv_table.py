"""CSV for spreadsheets: with commas on the way out, also semicolons or tabs back."""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence

from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.review.formats import Format, Loaded, Names, records
from rasa_qa_plugin.review.formats.cells import armed, disarmed
from rasa_qa_plugin.review.formats.kept import UnusableError
from rasa_qa_plugin.review.formats.label_studio_answers import of_csv_row
from rasa_qa_plugin.review.formats.records import Record
from rasa_qa_plugin.review.formats.spreadsheet import COLUMNS, item_of, row_of
from rasa_qa_plugin.review.items import TURN_ID, Item, tidy

_BOM = b"\xef\xbb\xbf"  # or Excel takes it for another encoding
_SEPARATORS = ",;\t"
_KEY = "turn_id"


def _recognises(content: bytes) -> bool:
    return _KEY in _cells(records.beginning(content).partition("\n")[0])


def _dump(items: Iterable[Item], _names: Names) -> Iterator[bytes]:
    """Give a line for every item, below one with the names of the columns."""
    yield _BOM + _line(COLUMNS)
    for item in map(tidy, items):
        if item.text:
            yield _line(map(disarmed, row_of(item).values()))


def _line(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(cells)
    return line.getvalue().encode()


def _load(content: bytes, file: str) -> Loaded:
    head = records.decoded(content, file).text.partition("\n")[0]
    names, separator = _cells(head), _separator(head)

    def read(text: str) -> Sequence[Item]:
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        if len(cells) > len(names):
            raise UnusableError(
                "has more cells than there are columns; put quotation marks around "
                "each cell"
            )
        row = dict(zip(names, cells, strict=False))
        others = set(TURN_ID.findall(text.partition("\n")[2])) - {row.get(_KEY)}
        if others:
            raise UnusableError(
                "a quotation mark is not closed, so that the next rows are part of "
                "this one; close it"
            )
        if "annotation_id" in names:
            return of_csv_row(row).items()
        return [item_of({name: armed(cell) for name, cell in row.items()})]

    return records.load(content, file, split=_split, read=read)


def _split(text: str, file: str) -> Sequence[Record]:
    """Find the rows; a cell may hold line breaks."""
    ends = [0]

    def lines() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            ends.append(ends[-1] + len(line))
            yield line

    head = text.partition("\n")[0]
    if _KEY not in _cells(head):
        raise AnnotationError(
            file, "has no column `turn_id`; give an exported file back", line=1
        )
    reader = csv.reader(lines(), delimiter=_separator(head))
    found: list[Record] = []
    before = 0
    try:
        for cells in reader:
            start, end = ends[before], ends[reader.line_num]
            if before and any(cells):
                end = start + len(text[start:end].rstrip("\r\n"))
                found.append(Record(before + 1, start, end))
            before = reader.line_num
    except csv.Error:
        raise AnnotationError(
            file,
            "not readable as CSV; close quotation marks, remove control characters",
            line=before + 1,
        ) from None
    return found


def _separator(head: str) -> str:
    return max(_SEPARATORS, key=head.count)


def _cells(head: str) -> list[str]:
    """Give the names of the columns."""
    try:
        cells = next(csv.reader([head.rstrip("\r")], delimiter=_separator(head)), [])
    except csv.Error:
        return []
    return [cell.strip().lower() for cell in cells]


def _only(content: bytes, lines: Collection[int], file: str) -> bytes:
    return records.only(content, lines, file, split=_split)


def _without_turns(content: bytes, turn_ids: Collection[str], file: str) -> bytes:
    def turn_id(text: str) -> str | None:
        return next((one for one in turn_ids if one in text), None)

    return records.without_turns(content, turn_ids, file, split=_split, turn_id=turn_id)


FORMAT = Format(
    name="csv",
    title="CSV",
    suffixes=(".csv", ".tsv"),
    recognises=_recognises,
    dump=_dump,
    load=_load,
    only=_only,
    without_turns=_without_turns,
)
