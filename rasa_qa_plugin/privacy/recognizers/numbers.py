"""Numbers: each one gets one type, from its cue word, check digit and form."""

import re
from collections.abc import Collection, Iterator
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from rasa_qa_plugin.privacy.passage import BARRIER, Passage
from rasa_qa_plugin.privacy.recognizers import check_digits as check
from rasa_qa_plugin.privacy.recognizers.base import ChatRecognizer
from rasa_qa_plugin.privacy.recognizers.codes import MIXED, codes
from rasa_qa_plugin.privacy.recognizers.documents import document, documents_of
from rasa_qa_plugin.privacy.recognizers.number_cues import Cue, Cues, is_filler
from rasa_qa_plugin.privacy.recognizers.number_edges import with_head, with_tail
from rasa_qa_plugin.privacy.recognizers.number_words import (
    CURRENCY,
    REFERENCE,
    UNIT,
    VAGUE,
    kind_of,
)
from rasa_qa_plugin.privacy.recognizers.phone_shapes import phone_shape, shapes_of
from rasa_qa_plugin.privacy.recognizers.quantities import (
    DATE,
    Context,
    is_quantity,
    is_written_id,
)
from rasa_qa_plugin.privacy.spans import CUE, SHAPE, VALIDATED, Span
from rasa_qa_plugin.settings import COUNTRIES

_FEWEST_DIGITS = 4

# Blanks, dots and such between digits; never more than three in a row. It starts with
# a set of characters and looks behind after it: four times as fast. With fewer than
# four digits it is never worth a look.
_RUN = re.compile(
    r"[+(\d](?<![\d@_].)(?=[ (+]{0,3}\d?(?:[ .\-()/,]{0,3}\d){3})"
    r"(?:(?<=[+(])[ (+]{0,2}\d)?\d*(?:[ .\-()/,]{1,3}\d+)*(?:-k(?!\w))?"
)
_NO_DIGIT = re.compile(r"[^0-9]+")
_LETTERS_BEFORE = re.compile(r"(?<!\w)[^\W\d_]+-?$")
_SHORT_CODE = 4

_SPLIT = re.compile(r", ?(?!\d{3}(?!\d))|/ ?| - | {2,3}")
_WIDE_GAP = re.compile(" {2,3}")
_GROUP = re.compile(r"[^ ]+")
_MOST_GROUPS = 5
_MOST_CUED_GROUPS = 6
_JOINER = re.compile(r" ?(?:,|/|y|u|o|e|and|or)(?: (?:al?|to|el|the))? ?")
_LONGEST_JOINER = 12
_EDGE = " .-/,("
# A card typed wrong is still most of a card.
_LIKE_A_CARD = re.compile(r"[3-6]\d{3}([ -])\d{4}\1\d{4}\1\d{4}")
_CARD_START = re.compile(r"[3456]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)")
_YEAR = re.compile(r"(?:19|20)\d\d")

# Fewest and most digits of a number whose cue word stands beside it.
_CUED = {"PHONE": (6, 15), "ID": (4, 20), "ACCOUNT": (5, 24), "CARD": (12, 19)}
# The fewest, where that word means other things as well.
_HALF_CUED = {"PHONE": 7, "ID": 5, "ACCOUNT": 8}
_MOST_DIGITS = 24
_FEWEST_UNCUED = 7
# Two digits at a time, as short numbers are said.
_PAIRS = re.compile(r"\d\d(?:[ .-]\d\d){2}")
# No order, invoice or lot is grouped like this.
_GROUPED = re.compile(r"\(\d{2,4}\)[ .-]*\d[\d .-]+|\d{3}([ .-])\d{3}\1\d{4}")
# "#3001234567", with no word that says of what.
_RUNNING_NUMBER = Cue(-1, -1, REFERENCE, strict=True)
_A_NUMBER = Context("PHONE")
_BESIDE = range(7, 11)


class _Verdict(msgspec.Struct, frozen=True, gc=False):
    entity_type: str
    score: float
    rule: str


class NumberRecognizer(ChatRecognizer):
    """Finds telephone, identity, card and account numbers, and leaves quantities alone.

    One scan types every number, so that no number is two things. A number that nothing
    marks (no cue, no check digit, no known form) is a quantity.
    """

    entity_types: ClassVar[tuple[str, ...]] = ("PHONE", "ID", "CARD", "ACCOUNT")

    def __init__(
        self,
        supported_language: str = "es",
        countries: Collection[str] = COUNTRIES,
    ) -> None:
        """Take the forms of telephones and documents of *countries* only.

        Cue words, a plus sign, cards and IBANs count for all countries.
        """
        super().__init__(supported_language)
        self._shapes = shapes_of(countries)
        self._documents = documents_of(countries)
        self._mexico = "MX" in countries
        self._argentina = "AR" in countries

    def may_hold(self, passage: Passage) -> bool:
        """Four digits at least."""
        return passage.digits >= _FEWEST_DIGITS

    def find(self, passage: Passage) -> list[Span]:
        """Give every number that means a person."""
        plain = passage.plain
        spans: list[Span] = []
        cues = Cues(plain)
        if MIXED.search(plain):
            spans = list(codes(passage, cues, self._documents))
            for span in spans:
                width = span.end - span.start
                plain = plain[: span.start] + BARRIER * width + plain[span.end :]
        last_end, last_cue = -1, None
        for match in _RUN.finditer(plain):
            start = match.start()
            run = match.group()
            if (
                start < last_end
                or (digits := _digits_to_judge(run)) < _FEWEST_DIGITS
                or not _stands_free(plain, start)
            ):
                continue
            cue = cues.beside(start, match.end())
            if cue is None and plain[max(0, start - 2) : start].rstrip()[-1:] == "#":
                cue = _RUNNING_NUMBER
            if cue is None and 0 <= last_end <= start:
                gap = plain[last_end : min(start, last_end + _LONGEST_JOINER)]
                if len(gap) < _LONGEST_JOINER and _JOINER.fullmatch(gap):
                    cue = last_cue
            if cue is None and digits < _FEWEST_UNCUED:
                continue
            found = self._in_run(run, start, _around(plain, match, cue))
            if found:
                found[0] = with_head(found[0], passage, cue)
                found[-1] = with_tail(found[-1], passage, cue)
                spans += found
                last_end, last_cue = found[-1].end, cue
        return spans

    def _in_run(self, run: str, start: int, context: Context) -> list[Span]:
        """Type the numbers of one run of digits and separators."""
        if run.isdigit():  # nothing to cut
            verdict = self._verdict(run, context)
            return [] if verdict is None else [_span(run, start, verdict)]
        return list(self._cut(run, start, context))

    def _cut(self, run: str, start: int, context: Context) -> Iterator[Span]:
        """Type a run that has separators, cutting it where needed."""
        if _SPLIT.search(run) is None:
            whole = self._verdict(run, context)
            if whole is not None and (
                whole.score == VALIDATED or not (context.unit or DATE.search(run))
            ):
                yield _span(run, start, whole)
                return
        elif (wide := self._over_wide_gaps(run, context)) is not None:
            yield _span(run, start, wide)
            return
        elif "/" in run and (known := document(run, self._documents)) is not None:
            yield _span(run, start, _Verdict("ID", *known))
            return
        if is_quantity(run.strip(_EDGE), _count(run), context):
            return
        last: _Verdict | None = None
        for offset, part, part_context in _parts(run, context):
            verdict = self._verdict(part, part_context)
            if verdict is None and last is not None and part_context.cue is None:
                verdict = _beside(last, run, offset, part)
            if verdict is not None:
                yield _span(part, start + offset, verdict)
            elif " " in part.strip(_EDGE):
                yield from self._in_groups(part, start + offset, part_context)
            last = verdict

    def _over_wide_gaps(self, run: str, context: Context) -> _Verdict | None:
        """Read "4111  1111 1111 1111" as one number, if all of it makes one."""
        if "  " not in run or context.unit:
            return None
        narrow = _WIDE_GAP.sub(" ", run)
        if _SPLIT.search(narrow):
            return None
        whole = self._verdict(narrow, context)
        sure = whole is not None and (whole.score == VALIDATED or context.sure)
        return whole if sure else None

    def _in_groups(self, part: str, start: int, context: Context) -> Iterator[Span]:
        """Look for the longest numbers made of neighboring groups."""
        groups = [match.span() for match in _GROUP.finditer(part)]
        index = 0
        while index < len(groups):
            taken = 1
            most = _MOST_GROUPS if context.cue is None else _MOST_CUED_GROUPS
            for count in range(min(most, len(groups) - index), 0, -1):
                first, last = groups[index][0], groups[index + count - 1][1]
                if last - first < _FEWEST_DIGITS:
                    break
                piece = part[first:last]
                verdict = self._verdict(piece, context)
                if verdict is not None:
                    yield _span(piece, start + first, verdict)
                    taken = count
                    break
            index += taken

    def _verdict(self, written: str, context: Context) -> _Verdict | None:
        """Type one number: unmistakable forms first, then cues, then shapes."""
        digits = written
        if not written.isdigit():
            written = written.strip(" .-/,")
            digits = _bare(written)
        if not _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS:
            return None
        if digits is not written and written.lstrip(" (").startswith("+"):
            return _signed(written, digits)
        if len(digits) < _FEWEST_UNCUED and context.cue is None and not context.vague:
            return None
        if is_quantity(written, len(digits), context):
            return None
        if context.cue == "PHONE" and (cued := _cued(written, digits, context)):
            return cued
        known = document(written, self._documents)
        return (
            self._checked(digits, context.cue, known)
            or _cued(written, digits, context)
            or self._shaped(written, digits, context, known)
            or (_cued(written, digits, _A_NUMBER) if context.vague else None)
        )

    def _checked(
        self, digits: str, cue: str | None, known: tuple[float, str] | None
    ) -> _Verdict | None:
        """Accept numbers whose check digits leave little room for chance."""
        if known is not None and known[0] == VALIDATED and cue in (None, "ID"):
            return _Verdict("ID", *known)
        # "cc" is a cédula or a credit card, but no cédula has fifteen digits.
        if cue == "PHONE" or (cue == "ID" and len(digits) < 15):  # noqa: PLR2004
            return None
        if self._argentina and check.argentina_cbu(digits):
            return _Verdict("ACCOUNT", VALIDATED, "cbu")
        if self._mexico and cue in (None, "ACCOUNT") and check.mexico_clabe(digits):
            return _Verdict("ACCOUNT", VALIDATED, "clabe")
        return _Verdict("CARD", VALIDATED, "luhn") if _is_card(digits, cue) else None

    def _shaped(
        self,
        written: str,
        digits: str,
        context: Context,
        known: tuple[float, str] | None,
    ) -> _Verdict | None:
        refers = context.cue == REFERENCE
        if refers and (context.sure or not _GROUPED.fullmatch(written)):
            return None
        if known is not None and not refers:
            return _Verdict("ID", *known)
        if _LIKE_A_CARD.fullmatch(written):
            return _Verdict("CARD", SHAPE, "card form")
        if written.startswith("00") and 11 <= len(digits) <= 17:  # noqa: PLR2004
            return _Verdict("PHONE", SHAPE, "00")
        shape = phone_shape(written, digits, self._shapes)
        return None if shape is None else _Verdict("PHONE", SHAPE, f"shape {shape}")


def _bare(text: str) -> str:
    return _NO_DIGIT.sub("", text)


def _count(text: str) -> int:
    return len(text if text.isdigit() else _bare(text))


def _digits_to_judge(run: str) -> int:
    """Count digits; none where slashes leave only pieces too small to be anything.

    "16/20" is a size, whatever announces it.
    """
    if "/" in run and max(map(len, run.split("/"))) < _FEWEST_DIGITS:
        return 0
    return _count(run)


def _stands_free(plain: str, start: int) -> bool:
    """Tell whether a run is not the tail of a code.

    "cel0991234567" is none, "OC-0991234567" and "SKU0991234567" are.
    """
    before = plain[start - 1 : start]
    if not before.isalnum() and before != "-":
        return True
    match = _LETTERS_BEFORE.search(plain, max(0, start - 14), start)
    if match is None:
        return before == "-"
    word = match.group().rstrip("-")
    return len(word) > _SHORT_CODE or kind_of(word) is not None or is_filler(word)


def _around(plain: str, match: re.Match[str], cue: Cue | None) -> Context:
    start = match.start()
    vague = cue is not None and cue.kind == VAGUE
    sure = cue is not None and not cue.strict
    if sure and cue is not None and cue.kind == REFERENCE:
        sure = not plain[cue.end : start].strip(" .:#")  # "lot 305-555-0143"
    return Context(
        None if cue is None or vague else cue.kind,
        sure,
        vague,
        UNIT.match(plain, match.end()) is not None,
        CURRENCY.search(plain, max(0, start - 6), start) is not None,
    )


def _parts(run: str, context: Context) -> Iterator[tuple[int, str, Context]]:
    """Cut a run at dates, commas, slashes and wide gaps, and before a quantity."""
    cuts = [match.span() for match in DATE.finditer(run)]
    cuts += [
        match.span()
        for match in _SPLIT.finditer(run)
        if not any(start <= match.start() < end for start, end in cuts)
    ]
    cuts.sort()
    cuts.append((len(run), len(run)))
    position = 0
    for index, (end, following) in enumerate(cuts):
        part = run[position:end]
        last = index == len(cuts) - 1
        here = replace(
            context,
            unit=context.unit and last,
            currency=context.currency and index == 0,
        )
        cut = part.rfind(" ")
        if here.unit and cut > 0 and _count(part[:cut]) >= _FEWEST_DIGITS:
            yield position, part[:cut], replace(here, unit=False)
        else:
            yield position, part, here
        position = following


def _beside(last: _Verdict, run: str, offset: int, part: str) -> _Verdict | None:
    """Take "identity number - number" to end in a telephone, as records do."""
    if (
        last.entity_type == "ID"
        and run[offset - 3 : offset] == " - "
        and _count(part) in _BESIDE
    ):
        return _Verdict("PHONE", SHAPE, "beside")
    return None


def _span(written: str, start: int, verdict: _Verdict) -> Span:
    begin, end = 0, len(written)
    if not written.isdigit():
        begin = end - len(written.lstrip(" .-/,"))
        end = len(written.rstrip(_EDGE))
    return Span(
        start + begin, start + end, verdict.entity_type, verdict.score, verdict.rule
    )


def _is_card(digits: str, cue: str | None) -> bool:
    size = len(digits)
    return (
        13 <= size <= 19  # noqa: PLR2004
        and (size > 13 or (digits[0] == "4" and cue != REFERENCE))  # noqa: PLR2004
        and _CARD_START.match(digits) is not None
        and check.luhn(digits)
        and len(set(digits)) > 1
    )


def _signed(written: str, digits: str) -> _Verdict | None:
    if 8 <= len(digits) <= 15 and "," not in written:  # noqa: PLR2004
        return _Verdict("PHONE", VALIDATED, "plus")
    return None


def _cued(written: str, digits: str, context: Context) -> _Verdict | None:
    fewest, most = _CUED.get(context.cue or "", (0, -1))
    size = len(digits)
    if context.cue is None or size > most:
        return None
    if context.cue == "ID" and is_written_id(written):
        return _Verdict("ID", CUE, "cue")
    if context.cue == "PHONE" and _PAIRS.fullmatch(written):
        return _Verdict("PHONE", CUE, "cue")
    if size < (fewest if context.sure else _HALF_CUED.get(context.cue, fewest)):
        return None
    if context.cue == "ID" and size == _FEWEST_DIGITS and _YEAR.fullmatch(digits):
        return None
    return _Verdict(context.cue, CUE, "cue")
