"""Excel's own files, in which a spreadsheet changes no text by itself.

Every cell is text, so that nothing is run as a formula nor taken for a date; intents
can be chosen from a list. Needs openpyxl: ``pip install "rasa-qa-plugin[xlsx]"``.
"""

import io
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from rasa_qa_plugin.errors import AnnotationError, RasaQAError
from rasa_qa_plugin.review.formats import Format, Loaded, Names, records
from rasa_qa_plugin.review.formats.kept import UnusableError
from rasa_qa_plugin.review.formats.records import Answer
from rasa_qa_plugin.review.formats.spreadsheet import COLUMNS, item_of, row_of
from rasa_qa_plugin.review.items import Item, tidy

_ZIP = b"PK\x03\x04"
_NEEDED = 'needs openpyxl; pip install "rasa-qa-plugin[xlsx]"'
_SHEET = "turns"
_CHOICES = "intents"
_WIDTHS = {"A": 12, "B": 70, "C": 40, "D": 22, "E": 22, "F": 30, "G": 10, "H": 10}


def _recognises(content: bytes) -> bool:
    if not content.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _dump(items: Iterable[Item], names: Names) -> Iterator[bytes]:
    """Give a workbook with a row for every item."""
    try:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.worksheet.datavalidation import DataValidation
    except ImportError:
        raise RasaQAError(f"xlsx: {_NEEDED}") from None
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_SHEET)
    for column, width in _WIDTHS.items():
        sheet.column_dimensions[column].width = width
    sheet.freeze_panes = "C2"

    # Written at once, so that one cell of each column will do.
    as_text = [WriteOnlyCell(sheet) for _ in COLUMNS]
    for cell in as_text:
        cell.number_format = "@"

    def cells(values: Iterable[str]) -> Iterator[Any]:
        for cell, value in zip(as_text, values, strict=False):
            cell.value = value
            cell.data_type = "s"  # or "=1" becomes a formula
            yield cell if value else None

    sheet.append(cells(COLUMNS))
    for item in map(tidy, items):
        if item.text:
            sheet.append(cells(row_of(item).values()))
    choices = book.create_sheet(_CHOICES)
    choices.sheet_state = "hidden"
    for name in names.intents:
        choices.append(cells([name]))
    for column, formula in (
        ("E", f"={_CHOICES}!$A$1:$A${max(1, len(names.intents))}"),
        ("G", '"skip,reject"'),
    ):
        # A new intent may be typed all the same.
        choice = DataValidation(type="list", formula1=formula, showErrorMessage=False)
        choice.add(f"{column}2:{column}1048576")
        sheet.data_validations.append(choice)
    content = io.BytesIO()
    book.save(content)
    yield content.getvalue()


def _load(content: bytes, file: str) -> Loaded:
    sheet = _opened(content, file, read_only=True)[1]
    rows = sheet.iter_rows(values_only=True)
    head = [str(name or "").strip().lower() for name in next(rows, ())]
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


def _answer(number: int, row: dict[str, Any]) -> Answer:
    try:
        return Answer(number, row, item_of({k: _shown(v) for k, v in row.items()}))
    except UnusableError as problem:
        return Answer(number, row, problem=str(problem))


def _line(row: dict[str, Any]) -> str:
    return "\t".join(map(_shown, row.values()))


def _shown(cell: Any) -> str:
    return "" if cell is None else str(cell)


def _without(
    goes: Callable[[int, Sequence[str]], bool], content: bytes, file: str
) -> bytes:
    """Give the workbook without the rows that *goes* names by line and cells."""
    book, sheet = _opened(content, file)
    rows = enumerate(sheet.iter_rows(min_row=2, values_only=True), 2)
    gone = [line for line, cells in rows if goes(line, list(map(_shown, cells)))]
    for line in reversed(gone):
        sheet.delete_rows(line)
    changed = io.BytesIO()
    book.save(changed)
    return changed.getvalue()


def _only(content: bytes, lines: Collection[int], file: str) -> bytes:
    return _without(lambda line, _: line not in lines, content, file)


def _without_turns(content: bytes, turn_ids: Collection[str], file: str) -> bytes:
    def goes(_: int, cells: Sequence[str]) -> bool:
        return any(turn_id in cell for cell in cells for turn_id in turn_ids)

    return _without(goes, content, file) if turn_ids else content


def _opened(content: bytes, file: str, **how: bool) -> tuple[Any, Any]:
    """Give the workbook and the sheet with the turns."""
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise AnnotationError(file, _NEEDED) from None
    try:
        book = load_workbook(io.BytesIO(content), **how)
    except Exception:  # noqa: BLE001 - openpyxl lets anything out for a spoiled file
        raise AnnotationError(file, "not a readable workbook; save it again") from None
    return book, book[_SHEET] if _SHEET in book.sheetnames else book.worksheets[0]


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
