"""Forms and check digits of identity documents, by country.

One row per way to write a document: a longer list is more rows. Rules for a number
with a cue word beside it are not here; such a number needs no form.
"""

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from rasa_qa_plugin.privacy.recognizers import check_digits as check
from rasa_qa_plugin.privacy.spans import CUE, SHAPE, VALIDATED


class Document(NamedTuple):
    """A form, its check, and how sure it is when the check holds and when it fails.

    ``sizes`` says how many letters and digits there are, least and most.
    """

    country: str
    name: str
    written: re.Pattern[str]
    holds: Callable[[str], bool] | None
    sure: float
    unsure: float | None
    sizes: tuple[int, int]


def _row(  # noqa: PLR0913, PLR0917 - one row of a table
    country: str,
    name: str,
    written: str,
    holds: Callable[[str], bool] | None,
    sure: float,
    unsure: float | None = None,
    *,
    sizes: tuple[int, int],
) -> Document:
    return Document(country, name, re.compile(written), holds, sure, unsure, sizes)


# Written in plain text: lower case, ordinary dashes and blanks.
DOCUMENTS = (
    _row(
        "GT",
        "cui",
        r"\d{4}([ -]?)\d{5}\1\d{4}",
        check.guatemala_cui,
        VALIDATED,
        sizes=(13, 13),
    ),
    _row("GT", "nit", r"\d{7,8}-[\dk]", check.guatemala_nit, CUE, SHAPE, sizes=(8, 9)),
    _row("GT", "nit", r"\d{6}-[\dk]|\d{5,8}k", check.guatemala_nit, CUE, sizes=(6, 9)),
    _row(
        "EC",
        "ruc",
        r"\d{13}|\d{10}[ -]\d{3}",
        check.ecuador_ruc,
        VALIDATED,
        sizes=(13, 13),
    ),
    _row(
        "EC",
        "ruc",
        r"\d{13}|\d{10}[ -]\d{3}",
        check.ecuador_ruc_form,
        CUE,
        sizes=(13, 13),
    ),
    _row("EC", "cedula", r"\d{9}-\d", check.ecuador_cedula, CUE, sizes=(10, 10)),
    _row("EC", "cedula", r"\d{10}", check.ecuador_cedula, SHAPE, sizes=(10, 10)),
    _row(
        "CL",
        "rut",
        r"\d{1,2}(?:\.\d{3}){2}-[\dk]|\d{1,2}(?:,\d{3}){2}-[\dk]|\d{7,8}-[\dk]",
        check.chile_rut,
        CUE,
        SHAPE,
        sizes=(8, 9),
    ),
    _row("CL", "rut", r"\d{7,8}k", check.chile_rut, CUE, sizes=(8, 9)),
    _row(
        "UY",
        "ci",
        r"\d[.,]\d{3}[.,]\d{3}-\d|\d{7}-\d",
        check.uruguay_ci,
        CUE,
        SHAPE,
        sizes=(8, 8),
    ),
    _row(
        "AR",
        "cuit",
        r"(?:2[03-7]|3[034])([ -])\d{8}\1\d",
        check.argentina_cuit,
        VALIDATED,
        SHAPE,
        sizes=(11, 11),
    ),
    _row(
        "AR",
        "cuit",
        r"(?:2[03-7]|3[034])\d{9}",
        check.argentina_cuit,
        SHAPE,
        sizes=(11, 11),
    ),
    _row(
        "CO",
        "nit",
        r"\d{3}\.\d{3}\.\d{3}-\d",
        check.colombia_nit,
        CUE,
        SHAPE,
        sizes=(10, 10),
    ),
    _row("CO", "nit", r"\d{9}-\d", check.colombia_nit, CUE, sizes=(10, 10)),
    _row("PE", "ruc", r"\d{11}", check.peru_ruc, SHAPE, sizes=(11, 11)),
    _row(
        "ES",
        "nif",
        r"(?:[xyz][ -]?\d{7}|\d{7,8}|\d{1,2}\.\d{3}\.\d{3})[ -]?[a-z]",
        check.spain_nif,
        VALIDATED,
        sizes=(8, 9),
    ),
    _row(
        "ES", "nuss", r"\d{2}([ /-])\d{8}\1\d{2}", check.spain_nuss, CUE, sizes=(12, 12)
    ),
    _row(
        "MX",
        "curp",
        r"[a-z]{4}\d{6}[hmx][a-z]{5}[a-z\d]\d",
        check.mexico_curp,
        VALIDATED,
        CUE,
        sizes=(18, 18),
    ),
    _row(
        "MX",
        "rfc",
        r"[a-z&]{4}-?\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-?[a-z\d]{2}[\da]",
        check.mexico_rfc,
        VALIDATED,
        SHAPE,
        sizes=(13, 13),
    ),
    _row(
        "MX",
        "rfc",
        r"[a-z&]{3}-?\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-?[a-z\d]{2}[\da]",
        check.mexico_rfc,
        CUE,
        sizes=(12, 12),
    ),
    _row(
        "US",
        "ssn",
        r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}",
        None,
        CUE,
        sizes=(9, 9),
    ),
)

Documents = dict[int, tuple[Document, ...]]

_SEPARATORS = re.compile(r"[ .,/-]")
_ALL_DIGITS_TAIL = re.compile(r".*\d{9}")


def documents_of(countries: Collection[str]) -> Documents:
    """Give the rows of some countries, by how many letters and digits there are."""
    by_size: Documents = {}
    for row in DOCUMENTS:
        if row.country in countries:
            fewest, most = row.sizes
            for size in range(fewest, most + 1):
                by_size[size] = (*by_size.get(size, ()), row)
    return by_size


def document(written: str, rows: Documents) -> tuple[float, str] | None:
    """Give how sure it is that *written* is a document, and which one, or None."""
    best: tuple[float, str] | None = None
    value = _SEPARATORS.sub("", written)
    for row in rows.get(len(value), ()):
        if row.written.fullmatch(written) is None:
            continue
        holds = row.holds is None or row.holds(value)
        score = row.sure if holds else row.unsure
        if score is not None and (best is None or score > best[0]):
            best = score, row.name
    if best == (SHAPE, "rfc") and _ALL_DIGITS_TAIL.fullmatch(written):
        return None  # "ABCD240512001" is a lot more often than a person
    return best
