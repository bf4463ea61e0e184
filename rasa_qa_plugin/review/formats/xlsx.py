"""Excel's own files, in which a spreadsheet changes no text by itself.

Every cell is text, so that nothing is run as a formula nor taken for a date; intents
can be chosen from a list. Needs openpyxl: ``pip install "rasa-qa-plugin[xlsx]"``.
"""

import io
import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rasa_qa_plugin.errors import AnnotationError, RasaQAError
from rasa_qa_plugin.review.formats import Format, Loaded, Names, records
from rasa_qa_plugin.review.formats.kept import UnusableError
from rasa_qa_plugin.review.formats.records import Answer
from rasa_qa_plugin.review.formats.spreadsheet import COLUMNS, item_of, row_of
from rasa_qa_plugin.review.items import TURN_ID, Item, tidy

_ZIP = b"PK\x03\x04"
_NEEDED = 'needs openpyxl; pip install "rasa-qa-plugin[xlsx]"'
_SPOILED = "not a readable workbook; save it again"
_SHEET = "turns"
_CHOICES = "intents"
_ALWAYS = datetime(1980, 1, 1)  # noqa: DTZ001 - an archive knows no zones
_WIDTHS = {"A": 12, "B": 70, "C": 40, "D": 22, "E": 22, "F": 30, "G": 10, "H": 10}


def _recognises(content: bytes) -> bool:
    if not content.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except records.SPOILED_ZIP:
        return False


def _dump(items: Iterable[Item], names: Names) -> Iterator[bytes]:
    """Give a workbook with a row for every item."""
    try:
        import openpyxl  # noqa: F401 - before the first item is read
    except ImportError:
        raise RasaQAError(f"xlsx: {_NEEDED}") from None
    rows = (row_of(item).values() for item in map(tidy, items) if item.text)
    yield _workbook(COLUMNS, rows, names.intents)


def _workbook(
    head: Sequence[str], rows: Iterable[Iterable[str]], intents: Collection[str]
) -> bytes:
    """Give a workbook with these rows, the same for the same rows at any time."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation
    from openpyxl.writer.excel import ExcelWriter

    book = Workbook(write_only=True)
    book.properties.created = book.properties.modified = _ALWAYS
    sheet = book.create_sheet(_SHEET)
    for column, width in _WIDTHS.items():
        sheet.column_dimensions[column].width = width
    sheet.freeze_panes = "C2"

    # Written at once, so that one cell of each column will do.
    as_text = [WriteOnlyCell(sheet) for _ in head]
    for cell in as_text:
        cell.number_format = "@"

    def cells(values: Iterable[str]) -> Iterator[Any]:
        for cell, value in zip(as_text, values, strict=False):
            cell.value = value
            cell.data_type = "s"  # or "=1" becomes a formula
            yield cell if value else None

    sheet.append(cells(head))
    for row in rows:
        sheet.append(cells(row))
    choices = book.create_sheet(_CHOICES)
    choices.sheet_state = "hidden"
    for name in intents:
        choices.append(cells([name]))
    for column, formula in (
        ("intent", f"={_CHOICES}!$A$1:$A${max(1, len(intents))}"),
        ("verdict", '"skip,reject"'),
    ):
        if column in head:
            # A new intent may be typed all the same.
            choice = DataValidation(
                type="list", formula1=formula, showErrorMessage=False
            )
            letter = get_column_letter(head.index(column) + 1)
            choice.add(f"{letter}2:{letter}1048576")
            sheet.data_validations.append(choice)
    content = io.BytesIO()
    # Saving the book itself would put the time down.
    ExcelWriter(book, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED)).save()
    return _undated(content)


def _undated(content: io.BytesIO) -> bytes:
    undated = io.BytesIO()
    with (
        zipfile.ZipFile(content) as before,
        zipfile.ZipFile(undated, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for name in before.namelist():
            part = zipfile.ZipInfo(name, _ALWAYS.timetuple()[:6])
            part.compress_type = zipfile.ZIP_DEFLATED
            after.writestr(part, before.read(name))
    return undated.getvalue()


def _load(content: bytes, file: str) -> Loaded:
    rows = iter(_read(content, file).rows)
    head = _names(next(rows, ()))
    if "turn_id" not in head:
        raise AnnotationError(
            file, "has no column `turn_id`; give an exported file back", line=1
        )
    answers: list[Answer] = []
    for number, cells in enumerate(rows, 2):
        if any(cell not in (None, "") for cell in cells):
            answers.append(_answer(number, dict(zip(head, cells, strict=False))))
    return records.settled(
        answers, raw=lambda row: "\t".join(map(_shown, row.values()))
    )


def _names(cells: Iterable[Any]) -> list[str]:
    return [_shown(name).strip().lower() for name in cells]


def _answer(number: int, row: dict[str, Any]) -> Answer:
    try:
        return Answer(number, row, item_of({k: _shown(v) for k, v in row.items()}))
    except UnusableError as problem:
        return Answer(number, row, problem=str(problem))


def _shown(cell: Any) -> str:
    return "" if cell is None else str(cell)


def _only(content: bytes, lines: Collection[int], file: str) -> bytes:
    """Give these rows in a workbook of their own; no other sheet comes along."""
    found = _read(content, file)
    head, *rows = found.rows
    wanted = (cells for line, cells in enumerate(rows, 2) if line in lines)
    return _workbook(
        _names(head), (map(_shown, cells) for cells in wanted), found.intents
    )


def _without_turns(content: bytes, turn_ids: Collection[str], file: str) -> bytes:
    """Give the workbook without the rows, of any sheet, that name these turns."""
    if not turn_ids:
        return content
    book = _opened(content, file)
    for sheet in book.worksheets:
        # The names of the columns stay, whatever else stands there.
        rows = enumerate(sheet.iter_rows(min_row=2, values_only=True), 2)
        gone = [line for line, cells in rows if _named(map(_shown, cells), turn_ids)]
        for line in reversed(gone):
            sheet.delete_rows(line)
    changed = io.BytesIO()
    book.save(changed)
    with zipfile.ZipFile(changed) as archive:
        parts = (
            archive.read(name).decode("utf-8", "ignore") for name in archive.namelist()
        )
        if _named(parts, turn_ids):
            raise AnnotationError(file, records.STUCK)
    return changed.getvalue()


def _named(texts: Iterable[str], turn_ids: Collection[str]) -> bool:
    return any(one in turn_ids for text in texts for one in TURN_ID.findall(text))


class _Sheets(NamedTuple):
    """What stands in a workbook: rows with turns, and intents to choose from."""

    rows: list[tuple[Any, ...]]
    intents: list[str]


def _read(content: bytes, file: str) -> _Sheets:
    """Read a workbook; its sheets are looked at no earlier than their rows."""
    book = _opened(content, file, read_only=True)
    try:
        name = _SHEET if _SHEET in book.sheetnames else book.worksheets[0].title
        rows = list(book[name].iter_rows(values_only=True))
        choices = book[_CHOICES].values if _CHOICES in book.sheetnames else ()
        return _Sheets(rows, [_shown(cells[0]) for cells in choices if cells])
    except Exception:  # noqa: BLE001 - as below
        raise AnnotationError(file, _SPOILED) from None


def _opened(content: bytes, file: str, **how: bool) -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise AnnotationError(file, _NEEDED) from None
    try:
        return load_workbook(io.BytesIO(content), **how)
    except Exception:  # noqa: BLE001 - openpyxl lets anything out for a spoiled file
        raise AnnotationError(file, _SPOILED) from None


FORMAT = Format(
    name="xlsx",
    title="Excel",
    suffixes=(".xlsx",),
    recognises=_recognises,
    dump=_dump,
    load=_load,
    only=_only,
    without_turns=_without_turns,
)
