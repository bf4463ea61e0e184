"""Values of letters and digits: IBANs, tax numbers, passports."""

import re
from collections.abc import Iterator

from rasa_qa_plugin.privacy.passage import Passage
from rasa_qa_plugin.privacy.recognizers import check_digits as check
from rasa_qa_plugin.privacy.recognizers.documents import Documents, document
from rasa_qa_plugin.privacy.recognizers.number_cues import Cues
from rasa_qa_plugin.privacy.recognizers.number_words import (
    MONEY,
    REFERENCE,
    UNIT,
    kind_of,
)
from rasa_qa_plugin.privacy.spans import CUE, SHAPE, VALIDATED, Span

# A number beside a letter. It starts at the first digit, there are fewer of them.
MIXED = re.compile(
    r"[0-9](?<![0-9].)(?:(?<=[a-z].)|(?<=[a-z]-.)|(?<=[xyz] .)[0-9]{6}"
    r"|[0-9]*(?![0-9])(?:-?[a-z]|(?<=[0-9]{3})[ .-][a-z](?!\w)))"
)
# Behind the two letters of the country: there are fewer digits than letters.
_IBAN_START = re.compile(
    r"[0-9](?<=[a-z]{2}.)(?<![^\W_][a-z]{2}.)[0-9](?=[ -]?[a-z0-9])"
)
_IBAN_REST = re.compile(r"[ -]?[a-z0-9]")
_CODE = re.compile(r"(?<![\w@])(?=[^\s\d]{0,34}\d)[^\W_&]+(?:[-&][^\W_&]+){0,5}")
# As many digits as a code has at least, and no blank between them.
_DIGITS_OF_A_CODE = re.compile(r"\d(?:[^\s\d]{0,34}\d){3}")
_BLANK = re.compile(r"\s")
# A Spanish tax number as people write it: "12.345.678-Z", "12345678 Z".
_NIF = re.compile(
    r"[xyz0-9](?<![\w.,].)(?:(?<=[xyz])[ -]?[0-9]{7}"
    r"|(?<=[0-9])(?:[0-9]{6,7}|[0-9]?\.[0-9]{3}\.[0-9]{3}))[ -]?[a-z](?![\w.])"
)
_LABELLED = re.compile(r"(?P<label>[a-z]+)-?(?P<rest>\d.*)")
# ISO 6346: freight container, owner and serial number.
_CONTAINER = re.compile(r"[a-z]{3}[ujz]\d{6,7}")
_COUNT = re.compile(r"[\d.,]+")
_DIGIT = re.compile(r"\d")
_FEWEST_DIGITS = 4
_LONGEST = 34


def codes(passage: Passage, cues: Cues, documents: Documents) -> Iterator[Span]:
    """Give every code that means a person."""
    yield from _ibans(passage.plain)
    yield from _spanish(passage, documents)
    for match in _written(passage.plain):
        word = match.group()
        cue = cues.beside(match.start(), match.end())
        kind = None if cue is None else cue.kind
        labelled = _LABELLED.fullmatch(word)
        if labelled is not None and kind_of(labelled["label"]):
            kind, word = kind_of(labelled["label"]), labelled["rest"]
            if not _is_mixed(word):
                continue  # "DPI2345678990101" is left to the numbers
        verdict = _verdict(word, kind, documents)
        if verdict is not None:
            yield Span(match.end() - len(word), match.end(), *verdict)


def _written(plain: str) -> Iterator[re.Match[str]]:
    """Give what looks like a code, seeking the digits first: there are few of them."""
    end = 0
    while (digits := _DIGITS_OF_A_CODE.search(plain, end)) is not None:
        start = max(plain.rfind(" ", end, digits.start()), end - 1) + 1
        blank = _BLANK.search(plain, digits.end())
        end = len(plain) if blank is None else blank.start()
        for match in _CODE.finditer(plain, start, end):
            word = match.group()
            if not word.isdigit() and _is_mixed(word):
                yield match


def _is_mixed(word: str) -> bool:
    digits = len(_DIGIT.findall(word))
    return (
        digits >= _FEWEST_DIGITS
        and len(word) <= _LONGEST
        and digits + word.count("-") < len(word)
    )


def _spanish(passage: Passage, documents: Documents) -> Iterator[Span]:
    plain = passage.plain
    for match in _NIF.finditer(plain):
        end = match.end()
        value = match.group()
        if " " not in value and "." not in value:
            continue  # a word like others
        # "12345678 y": the letter must look like one.
        if plain[end - 2] == " " and not passage.raw[end - 1].isupper():
            continue
        known = document(value, documents)
        if known is not None:
            yield Span(match.start(), end, "ID", *known)


def _ibans(plain: str) -> Iterator[Span]:
    """Read as many characters as the country's IBANs have, whatever separates them."""
    for match in _IBAN_START.finditer(plain):
        start = match.start() - 2
        value = plain[start : match.end()]
        length = check.iban_length(value[:2])
        end = match.end()
        while length is not None and len(value) < length:
            following = _IBAN_REST.match(plain, end)
            if following is None:
                break
            end = following.end()
            value += plain[end - 1]
        whole = length == len(value) and not plain[end : end + 1].isalnum()
        if whole and check.iban(value):
            yield Span(start, end, "ACCOUNT", VALIDATED, "iban")
        elif whole and value[2:].isdigit():  # typed wrong, it still is most of one
            yield Span(start, end, "ACCOUNT", SHAPE, "iban form")


def _verdict(
    word: str, cue: str | None, documents: Documents
) -> tuple[str, float, str] | None:
    known = document(word, documents)
    if known is not None and (
        known[0] == VALIDATED
        or (cue not in ("ID", "ACCOUNT", REFERENCE, MONEY))
        or (cue in (REFERENCE, MONEY) and known[0] > SHAPE)
    ):
        return "ID", *known
    cue = "ID" if cue == "CIF" else cue
    if cue not in ("ID", "ACCOUNT") or _CONTAINER.fullmatch(word):
        return None
    count = _COUNT.match(word)
    if count is not None and UNIT.fullmatch(word, count.end()):
        return None
    return cue, CUE, "cued code"
