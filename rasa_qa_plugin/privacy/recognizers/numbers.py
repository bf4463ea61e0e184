"""Numbers: each one gets one type, from its cue word, check digit and form."""

import re
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from rasa_qa_plugin.privacy.passage import BARRIER, Passage
from rasa_qa_plugin.privacy.recognizers import check_digits as check
from rasa_qa_plugin.privacy.recognizers.base import ChatRecognizer
from rasa_qa_plugin.privacy.recognizers.number_words import (
    CURRENCY,
    MONEY,
    REFERENCE,
    UNIT,
    Cues,
)
from rasa_qa_plugin.privacy.recognizers.phone_shapes import phone_shape
from rasa_qa_plugin.privacy.spans import CUE, SHAPE, VALIDATED, Span

_FEWEST_DIGITS = 4

# Blanks, dots and such between digits; never more than three in a row.
_RUN = re.compile(r"(?<![\d@_])\+? ?\(?\+?\d+(?:[ .\-()/,]{1,3}\d+)*(?:-k(?!\w))?")
_LETTERS_BEFORE = re.compile(r"(?<!\w)[^\W\d_]+$")
_CODE = re.compile(r"(?<![\w@])[^\W_]+(?:-[^\W_]+){0,5}")
_MIXED = re.compile(r"[a-z]-?\d|\d-?[a-z]")
_IBAN = re.compile(
    r"(?<!\w)[a-z]{2}\d{2}(?:[ -]?[a-z0-9]{4}){2,7}(?:[ -]?[a-z0-9]{1,3})?(?!\w)"
)

_DATE = re.compile(
    r"(?:(?:0?[1-9]|[12]\d|3[01])[/.-](?:0?[1-9]|[12]\d|3[01])[/.-](?:(?:19|20)\d\d|\d\d)"
    r"|(?:19|20)\d\d[/.-](?:0?[1-9]|1[0-2])[/.-](?:0?[1-9]|[12]\d|3[01]))"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?")
_DECIMAL = re.compile(r"\d{1,4}[.,]\d+")
_RANGE = re.compile(r"\d{1,4} ?[-/] ?\d{1,4}")
_TWO_YEARS = re.compile(r"(?:19|20)\d\d ?[-/ ] ?(?:19|20)\d\d")
_INVOICE = re.compile(r"\d{3}-\d{3}-\d{7,9}")

_BODY_VERIFIER = re.compile(r"(\d{1,3}(?:[.,]\d{3}){1,3}|\d{3,9})-([\dk])")
_SSN = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}")
_DOTTED_ID = re.compile(r"\d{1,3}(?:\.\d{3}){2,3}(?:-\d)?")
_CURP = re.compile(r"[a-z]{4}\d{6}[hmx][a-z]{5}[a-z\d]\d")
_RFC = re.compile(r"[a-z&]{3,4}\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[a-z\d]{3}")
_CARD_START = re.compile(r"[3456]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)")

_SPLIT = re.compile(r", ?(?!\d{3}(?!\d))|/ ?| - | {2,3}")
_GROUP = re.compile(r"[^ ]+")
_MOST_GROUPS = 6
_JOINER = re.compile(r" ?(?:,|/|y|u|o|e|and|or)(?: (?:al?|to|el|the))? ?")
_EDGE = " .-/,("

# Fewest and most digits of a number whose cue word stands beside it.
_CUED = {"PHONE": (7, 15), "ID": (5, 20), "ACCOUNT": (5, 24), "CARD": (12, 19)}
_CODE_DIGITS = 4
_LONGEST_CODE = 34


class _Verdict(NamedTuple):
    entity_type: str
    score: float
    rule: str


class _Context(NamedTuple):
    """What surrounds a number: the kind announced, a unit behind, money before."""

    cue: str | None
    unit: bool = False
    currency: bool = False


class NumberRecognizer(ChatRecognizer):
    """Finds telephone, identity, card and account numbers, and leaves quantities alone.

    One scan types every number, so that no number is two things. A number that nothing
    marks (no cue, no check digit, no known form) is a quantity.
    """

    entity_types: ClassVar[tuple[str, ...]] = ("PHONE", "ID", "CARD", "ACCOUNT")

    def may_hold(self, passage: Passage) -> bool:
        """Four digits at least."""
        return passage.digits >= _FEWEST_DIGITS

    def find(self, passage: Passage) -> list[Span]:
        """Give every number that means a person."""
        plain = passage.plain
        spans = []
        cues: Cues | None = None
        if _MIXED.search(plain):
            cues = Cues(passage)
            spans = list(_codes(plain, cues))
            for span in spans:
                width = span.end - span.start
                plain = plain[: span.start] + BARRIER * width + plain[span.end :]
        last_end, last_cue = -1, None
        for match in _RUN.finditer(plain):
            run = match.group()
            if _count(run) < _FEWEST_DIGITS:
                continue
            start = match.start()
            if not _stands_free(plain, start):
                continue
            cues = cues or Cues(passage)
            cue = cues.before(start) or cues.after(match.end())
            if cue is None and 0 <= last_end <= start:
                gap = plain[last_end : min(start, last_end + 12)]
                if len(gap) < 12 and _JOINER.fullmatch(gap):  # noqa: PLR2004
                    cue = last_cue
            context = _Context(
                cue,
                unit=UNIT.match(plain, match.end()) is not None,
                currency=CURRENCY.search(plain, max(0, start - 6), start) is not None,
            )
            found = list(_in_run(run, start, context))
            spans += found
            if found:
                last_end, last_cue = found[-1].end, cue
        return spans


def _count(text: str) -> int:
    return sum(map(str.isdigit, text))


def _bare(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _stands_free(plain: str, start: int) -> bool:
    """Tell whether a run is not the tail of a code; "cel0991234567" is not one."""
    if start == 0 or not plain[start - 1].isalnum():
        return True
    return _LETTERS_BEFORE.search(plain, max(0, start - 14), start) is not None


def _codes(plain: str, cues: Cues) -> Iterator[Span]:
    """Find values of letters and digits: IBANs, tax ids, passports behind a cue."""
    taken = 0
    for match in _IBAN.finditer(plain):
        value = re.sub("[ -]", "", match.group())
        if check.iban(value):
            taken = match.end()
            yield Span(match.start(), taken, "ACCOUNT", VALIDATED, "iban")
    for match in _CODE.finditer(plain):
        word = match.group()
        digits = _count(word)
        if digits < _CODE_DIGITS or digits == len(word) or len(word) > _LONGEST_CODE:
            continue
        verdict = _of_code(word, cues.before(match.start()))
        if verdict is not None:
            yield Span(match.start(), match.end(), *verdict)


def _of_code(word: str, cue: str | None) -> _Verdict | None:
    letters = word.replace("-", "")
    return _checked_code(letters) or _cued_code(letters, cue)


def _checked_code(letters: str) -> _Verdict | None:
    if check.spain_nif(letters):
        return _Verdict("ID", VALIDATED, "nif")
    if _CURP.fullmatch(letters):
        return _Verdict("ID", VALIDATED, "curp")
    if letters[-1] == "k" and letters[:-1].isdigit() and 5 <= len(letters) <= 10:  # noqa: PLR2004
        body = letters[:-1]
        if check.guatemala_nit(body, "k") or check.chile_rut(body, "k"):
            return _Verdict("ID", VALIDATED, "verifier")
    return None


def _cued_code(letters: str, cue: str | None) -> _Verdict | None:
    if cue in (REFERENCE, MONEY):
        return None
    if _RFC.fullmatch(letters):
        return _Verdict("ID", CUE, "rfc")
    if cue in ("ID", "ACCOUNT") and (letters[-1].isdigit() or letters[0].isalpha()):
        if UNIT.match(letters.lstrip("0123456789.,")):
            return None
        return _Verdict(cue, CUE, "cued code")
    return None


def _in_run(run: str, start: int, context: _Context) -> Iterator[Span]:
    """Type the numbers of one run of digits and separators, cutting it where needed."""
    if _SPLIT.search(run) is None:
        whole = _verdict(run, context)
        if whole is not None and whole.score == VALIDATED:
            yield from _spans(run, start, whole)
            return
    if _is_quantity(run.strip(_EDGE), context):
        return
    for offset, part, part_context in _parts(run, context):
        verdict = _verdict(part, part_context)
        if verdict is not None:
            yield from _spans(part, start + offset, verdict)
        elif " " in part.strip(_EDGE):
            yield from _in_groups(part, start + offset, part_context)


def _parts(run: str, context: _Context) -> Iterator[tuple[int, str, _Context]]:
    """Cut a run at commas, slashes and wide gaps; a quantity at its end goes alone."""
    ends = [*(match.span() for match in _SPLIT.finditer(run)), (len(run), len(run))]
    position = 0
    for index, (end, following) in enumerate(ends):
        part = run[position:end]
        last = index == len(ends) - 1
        first = index == 0
        here = _Context(context.cue, context.unit and last, context.currency and first)
        cut = part.rfind(" ")
        if here.unit and cut > 0 and _count(part[:cut]) >= _FEWEST_DIGITS:
            yield position, part[:cut], here._replace(unit=False)
        else:
            yield position, part, here
        position = following


def _in_groups(part: str, start: int, context: _Context) -> Iterator[Span]:
    """Look for the longest numbers made of neighboring groups."""
    groups = [match.span() for match in _GROUP.finditer(part)]
    index = 0
    while index < len(groups):
        taken = 1
        for count in range(min(_MOST_GROUPS, len(groups) - index), 0, -1):
            first, last = groups[index][0], groups[index + count - 1][1]
            if last - first < _FEWEST_DIGITS:
                break
            piece = part[first:last]
            verdict = _verdict(piece, context)
            if verdict is not None:
                yield from _spans(piece, start + first, verdict)
                taken = count
                break
        index += taken


def _spans(written: str, start: int, verdict: _Verdict) -> Iterator[Span]:
    end = len(written.rstrip(_EDGE))
    begin = len(written) - len(written.lstrip(" .-/,"))
    yield Span(start + begin, start + end, *verdict)


def _is_quantity(written: str, context: _Context) -> bool:
    """Tell whether the form says amount, size, date or invoice."""
    digits = _count(written)
    if _INVOICE.fullmatch(written) or _TWO_YEARS.fullmatch(written):
        return True
    if _DATE.fullmatch(written):
        return True
    if context.cue == "ID" and (
        _DOTTED_ID.fullmatch(written) or _BODY_VERIFIER.fullmatch(written)
    ):
        return False
    if context.currency or context.cue == MONEY:
        return True
    if context.unit and digits < 9:  # noqa: PLR2004 - longer than any order
        return True
    return bool(
        _THOUSANDS.fullmatch(written)
        or _DECIMAL.fullmatch(written)
        or (digits < 8 and _RANGE.fullmatch(written) and context.cue != "PHONE")  # noqa: PLR2004
    )


def _verdict(written: str, context: _Context) -> _Verdict | None:
    """Type one number: unmistakable forms first, then cues, then shapes."""
    written = written.strip(" .-/,")
    digits = _bare(written)
    if len(digits) < _FEWEST_DIGITS:
        return None
    if len(digits) > 24:  # noqa: PLR2004 - longer than any account
        return None
    if written.lstrip(" (").startswith("+"):
        return _signed(written, digits)
    if _is_quantity(written, context):
        return None
    return (
        _checked(written, digits, context.cue)
        or _cued(written, digits, context.cue)
        or _shaped(written, digits, context.cue)
    )


def _signed(written: str, digits: str) -> _Verdict | None:
    if 8 <= len(digits) <= 15 and not _THOUSANDS.fullmatch(written.lstrip(" (+")):  # noqa: PLR2004
        return _Verdict("PHONE", VALIDATED, "plus")
    return None


def _checked(written: str, digits: str, cue: str | None) -> _Verdict | None:
    """Accept numbers whose check digits leave little room for chance."""
    size = len(digits)
    if size == 13 and cue in (None, "ID"):  # noqa: PLR2004
        if check.guatemala_cui(digits):
            return _Verdict("ID", VALIDATED, "cui")
        if written == digits and check.ecuador_ruc(digits):
            return _Verdict("ID", VALIDATED, "ruc")
    if (
        13 <= size <= 19  # noqa: PLR2004
        and cue in (None, "CARD", "ACCOUNT", MONEY, REFERENCE)
        and (size > 13 or (digits[0] == "4" and cue != REFERENCE))  # noqa: PLR2004
        and _CARD_START.match(digits)
        and check.luhn(digits)
        and len(set(digits)) > 1
    ):
        return _Verdict("CARD", VALIDATED, "luhn")
    return None


def _cued(written: str, digits: str, cue: str | None) -> _Verdict | None:
    fewest, most = _CUED.get(cue or "", (0, -1))
    if cue is not None and fewest <= len(digits) <= most:
        return _Verdict(cue, CUE, "cue")
    if cue == "ID" and _BODY_VERIFIER.fullmatch(written):
        return _Verdict("ID", CUE, "cue")
    return None


def _shaped(written: str, digits: str, cue: str | None) -> _Verdict | None:
    if cue == REFERENCE:
        return None
    size = len(digits)
    parts = _BODY_VERIFIER.fullmatch(written)
    if parts is not None and 6 <= len(body := _bare(parts[1])) <= 9:  # noqa: PLR2004
        fits = (
            check.guatemala_nit(body, parts[2])
            or check.chile_rut(body, parts[2])
            or check.uruguay_ci(digits)
        )
        return _Verdict("ID", CUE if fits else SHAPE, "verifier")
    if _SSN.fullmatch(written):
        return _Verdict("ID", CUE, "ssn")
    if written.startswith("00") and 11 <= size <= 17:  # noqa: PLR2004
        return _Verdict("PHONE", SHAPE, "00")
    if written == digits and check.ecuador_cedula(digits):
        return _Verdict("ID", SHAPE, "cedula")
    country = phone_shape(written, digits)
    return None if country is None else _Verdict("PHONE", SHAPE, f"shape {country}")
