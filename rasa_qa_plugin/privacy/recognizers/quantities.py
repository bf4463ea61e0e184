"""Numbers that count, measure, date or price something: by form and by neighbors."""

import re

import msgspec

from rasa_qa_plugin.privacy.recognizers.number_words import MONEY

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_DATE_FORM = (
    rf"(?:{_DAY}[/.-]{_DAY}[/.-](?:(?:19|20)\d\d|\d\d)"
    rf"|(?:19|20)\d\d[/.-](?:0?[1-9]|1[0-2])[/.-]{_DAY})"
)
DATE = re.compile(rf"(?<![\d/.-]){_DATE_FORM}(?!\d|[/.-]\d)")
# Date, two years, invoice of Ecuador: whatever a cue says.
_SURE = re.compile(
    rf"{_DATE_FORM}|(?:19|20)\d\d ?[-/ ] ?(?:19|20)\d\d|\d{{3}}-\d{{3}}-\d{{7,9}}"
)
# Thousands and decimals.
_AMOUNT = re.compile(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?|\d{1,4}[.,]\d+")
# Four numbers of an IP address or a version; customs tariff.
_DOTTED = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|\d{4}(?:\.\d\d){1,4}")
_RANGE = re.compile(r"\d{1,4} ?[-/] ?\d{1,4}")
# From one round number to another, a year with a running number, a ZIP+4.
_UNCUED = re.compile(r"\d{2}[05]0 ?[-/ ] ?\d{2}[05]0|(?:19|20)\d\d-\d{4}|\d{5}-\d{4}")
_DOTTED_ID = re.compile(r"\d{1,3}(?:\.\d{3}){2,3}(?:-\d)?|\d{1,3}(?:,\d{3}){2,3}")
_BODY_VERIFIER = re.compile(r"(?:\d{1,3}(?:[.,]\d{3}){1,3}|\d{3,9})-[\dk]")

_FEWER_THAN_A_PHONE = 8
_MORE_THAN_AN_ORDER = 9


class Context(msgspec.Struct, frozen=True, gc=False):
    """What surrounds a number: the kind announced, a unit behind, money before.

    Attributes:
        cue: The kind that a word beside the number names.
        sure: Whether that word hardly means anything else; of an order and the like,
            whether it stands right beside.
        vague: Whether it is called a number and no more.
        unit: Whether a unit of measure follows.
        currency: Whether a currency stands before.
    """

    cue: str | None = None
    sure: bool = False
    vague: bool = False
    unit: bool = False
    currency: bool = False


def is_written_id(written: str) -> bool:
    """Tell whether a number with an identity cue is grouped as identity numbers are."""
    return bool(_DOTTED_ID.fullmatch(written) or _BODY_VERIFIER.fullmatch(written))


def is_quantity(written: str, digits: int, context: Context) -> bool:
    """Tell whether the form says amount, size, date, tariff, IP address or invoice."""
    counted = (
        context.currency
        or context.cue == MONEY
        or (context.unit and digits < _MORE_THAN_AN_ORDER)
    )
    if written.isdigit():  # no form to judge by
        return counted
    if _SURE.fullmatch(written):
        return True
    if context.cue == "ID" and is_written_id(written):
        return False
    if counted:
        return True
    if context.cue == "PHONE" and "," not in written:
        return written.endswith("00") and _AMOUNT.fullmatch(written) is not None
    return bool(
        _AMOUNT.fullmatch(written)
        or _DOTTED.fullmatch(written)
        or (digits < _FEWER_THAN_A_PHONE and _RANGE.fullmatch(written))
        or (context.cue is None and _UNCUED.fullmatch(written))
    )
