"""Cells that a spreadsheet shows as they are and never runs, and the way back.

What begins like a formula gets an apostrophe in front, and what has apostrophes there
already one more, so that the way back is unique. After a semicolon too: where that
separates columns, the rest of the text would be a cell of its own.
"""

import re

# A spreadsheet takes what begins so for a formula, whoever wrote it.
_FORMULA = "=+\\-@\t\r\n＝＋－＠"  # noqa: RUF001
_TO_DISARM = re.compile(rf"(^|[;\t])(?='*[{_FORMULA}])")
_DISARMED = re.compile(rf"(^|[;\t])'(?='*[{_FORMULA}])")


def disarmed(text: str) -> str:
    """Give *text* in a form that is no formula."""
    return _TO_DISARM.sub(r"\1'", text)


def armed(cell: str) -> str:
    """Give the text that :func:`disarmed` made a cell of."""
    return _DISARMED.sub(r"\1", cell)
