"""Written forms that are telephone numbers even without a word that says so.

One row per country and kind of number: a longer list is more rows. The national
numbering plans are those published by the ITU (operational bulletin annexes).
"""

import re
from collections.abc import Collection
from typing import NamedTuple


class PhoneShape(NamedTuple):
    """A national form: its bare digits, and how it must be written to be sure.

    ``sizes`` says how many digits there may be.
    """

    country: str
    sizes: range
    digits: re.Pattern[str]
    written: re.Pattern[str] | None = None


def _shape(
    country: str, sizes: range, digits: str, written: str | None = None
) -> PhoneShape:
    return PhoneShape(
        country,
        sizes,
        re.compile(digits),
        None if written is None else re.compile(written),
    )


PHONE_SHAPES = (
    _shape("EC", range(9, 11), r"09[2-9]\d{7}|0[2-7][2-7]\d{6}"),
    _shape("EC", range(11, 13), r"593(?:9\d{8}|[2-7]\d{7})"),
    _shape("GT", range(8, 9), r"(?:2[2-9]|[3-7]\d)\d{6}", r"\d{4}[ .-]{1,3}\d{4}"),
    _shape("GT", range(11, 12), r"502[2-7]\d{7}"),
    _shape(
        "US",
        range(10, 12),
        r"1?[2-9]\d{2}[2-9]\d{6}",
        r"(?:1[ .-]{1,3})?(?:\(\d{3}\)[ .-]{0,3}|\d{3}[ .-]{1,3})\d{3}[ .-]{1,3}\d{4}",
    ),
    # Ten bare digits of North America or Mexico; order numbers have their own cues.
    _shape("US", range(10, 11), r"[2-9]\d{2}[2-9]\d{6}", r"\d{10}"),
    _shape(
        "MX",
        range(10, 11),
        r"[2-9]\d{9}",
        r"\(?\d{2,3}\)?[ .-]{1,3}\d{3,4}[ .-]{1,3}\d{4}",
    ),
    _shape("MX", range(10, 11), r"[2-9]\d{9}", r"\d{2}(?:[.-]\d{2}){4}"),
    _shape("MX", range(10, 11), r"(?:33|5[56]|81)[1-9]\d{7}"),
    _shape("MX", range(12, 14), r"521?[2-9]\d{9}"),
    _shape("CL", range(9, 12), r"(?:56)?9\d{8}"),
    _shape(
        "CL",
        range(9, 10),
        r"2[2-9]\d{7}",
        r"\(?2\)?[ -]\d{4}[ -]?\d{4}|\d{3}[ -]\d{4}[ -]\d{2}",
    ),
    _shape("CL", range(11, 12), r"562\d{8}"),
    _shape("CO", range(10, 13), r"(?:57)?3[0-5]\d{8}"),
    _shape("CO", range(10, 13), r"(?:57)?60[1-8][2-9]\d{6}"),
    _shape("PE", range(9, 12), r"(?:51)?9\d{8}"),
    _shape("PE", range(10, 11), r"511[2-7]\d{6}"),
    _shape("ES", range(9, 12), r"(?:34)?[6-9]\d{8}"),
    _shape("AR", range(10, 14), r"549?(?:11|[238]\d{2,3})\d{6,8}"),
    _shape("AR", range(10, 11), r"11[2-7]\d{7}", r"11[ -]\d{4}[ -]?\d{4}"),
    _shape("UY", range(9, 10), r"09[1-9]\d{6}"),
    _shape(
        "UY",
        range(8, 9),
        r"9[1-9]\d{3}(?!000)\d{3}",
        r"\d{2}[ -]\d{3}[ -]\d{3}|\d{3} \d{3} \d{2}",
    ),
    _shape("UY", range(8, 9), r"[24]\d{7}", r"\d{4}[ -]{1,3}\d{4}"),
    _shape("UY", range(11, 12), r"598(?:9[1-9]\d{6}|[24]\d{7})"),
)

# An area code in brackets, or the national zero before groups: written like this
# nearly everywhere, and hardly anything else is.
_AREA = re.compile(
    r"\(\+?0?\d{1,4}\)[ .-]{0,3}(?:\d{2,4}(?:[ .-]{1,3}\d{2,4}){1,3}|\d{6,8})"
)
_NATIONAL = re.compile(r"0[1-9]\d{0,3}(?:(?: |-| - )\d{2,8}){1,4}")
# Customs tariff numbers are grouped like this, from chapter 01 on.
_TARIFF = re.compile(r"0\d{3}(?: \d\d){2,4}")
_AREA_DIGITS = range(7, 13)
_NATIONAL_DIGITS = range(9, 12)

_SIZES = range(7, 14)
_PLAIN_WRITING = re.compile(r"[\d ().-]+")
_TWO_YEARS = re.compile(r"(?:19|20)\d\d[ -](?:19|20)\d\d")


PhoneShapes = dict[int, tuple[PhoneShape, ...]]


def shapes_of(countries: Collection[str]) -> PhoneShapes:
    """Give the national forms of some countries, by how many digits they have."""
    by_size: PhoneShapes = {}
    for shape in PHONE_SHAPES:
        if shape.country in countries:
            for size in shape.sizes:
                by_size[size] = (*by_size.get(size, ()), shape)
    return by_size


def phone_shape(written: str, digits: str, shapes: PhoneShapes) -> str | None:
    """Give the country whose telephone numbers look like this, or a general form."""
    size = len(digits)
    if size not in _SIZES or not _PLAIN_WRITING.fullmatch(written):
        return None
    if _TWO_YEARS.fullmatch(written):
        return None
    for shape in shapes.get(size, ()):
        if shape.digits.fullmatch(digits) and (
            shape.written is None or shape.written.fullmatch(written)
        ):
            return shape.country
    if size in _AREA_DIGITS and _AREA.fullmatch(written):
        return "area"
    if (
        size in _NATIONAL_DIGITS
        and _NATIONAL.fullmatch(written)
        and not _TARIFF.fullmatch(written)
    ):
        return "national"
    return None
