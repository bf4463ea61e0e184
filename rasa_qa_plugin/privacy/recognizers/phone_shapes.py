"""Written forms that are telephone numbers even without a word that says so.

One row per country and kind of number: a longer list is more rows.
"""

import re
from typing import NamedTuple


class PhoneShape(NamedTuple):
    """A national form: its bare digits, and how it must be written to be sure."""

    country: str
    digits: re.Pattern[str]
    written: re.Pattern[str] | None = None


def _shape(country: str, digits: str, written: str | None = None) -> PhoneShape:
    return PhoneShape(
        country, re.compile(digits), None if written is None else re.compile(written)
    )


PHONE_SHAPES = (
    _shape("EC", r"09[2-9]\d{7}|0[2-7][2-7]\d{6}"),
    _shape("EC", r"593(?:9\d{8}|[2-7]\d{7})"),
    _shape("GT", r"[2-7]\d{7}", r"\d{4}[ -]\d{4}"),
    _shape("GT", r"502[2-7]\d{7}"),
    _shape(
        "US",
        r"1?[2-9]\d{2}[2-9]\d{6}",
        r"(?:1[ .-]{1,3})?(?:\(\d{3}\)[ .-]{0,3}|\d{3}[ .-]{1,3})\d{3}[ .-]{1,3}\d{4}",
    ),
    # Ten bare digits of North America or Mexico; order numbers have their own cues.
    _shape("US", r"[2-9]\d{2}[2-9]\d{6}", r"\d{10}"),
    _shape("MX", r"[2-9]\d{9}", r"\(?\d{2,3}\)?[ -]\d{3,4}[ -]\d{4}"),
    _shape("MX", r"521?[2-9]\d{9}"),
    _shape("MX", r"[2-9]\d{9}", r"\d{2}(?:[ -]\d{2}){4}"),
    _shape("CL", r"(?:56)?9\d{8}"),
    _shape("CL", r"2[2-9]\d{7}", r"\(?2\)?[ -]\d{4}[ -]?\d{4}"),
    _shape("CO", r"(?:57)?3[0-5]\d{8}"),
    _shape("PE", r"(?:51)?9\d{8}"),
    _shape("ES", r"(?:34)?[6-9]\d{8}"),
    _shape("UY", r"09[1-9]\d{6}"),
)

_PLAIN_WRITING = re.compile(r"[\d ().-]+")
_TWO_YEARS = re.compile(r"(?:19|20)\d\d[ -](?:19|20)\d\d")


def phone_shape(written: str, digits: str) -> str | None:
    """Give the country whose telephone numbers look like this."""
    if not _PLAIN_WRITING.fullmatch(written) or _TWO_YEARS.fullmatch(written):
        return None
    for shape in PHONE_SHAPES:
        if shape.digits.fullmatch(digits) and (
            shape.written is None or shape.written.fullmatch(written)
        ):
            return shape.country
    return None
