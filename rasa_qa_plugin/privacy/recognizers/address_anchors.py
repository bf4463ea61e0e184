"""Streets without a word for it: what follows the number shows that it is a house."""

import re
from collections.abc import Iterator

from rasa_qa_plugin.privacy.passage import word_table
from rasa_qa_plugin.privacy.recognizers.address_head import beginning
from rasa_qa_plugin.privacy.recognizers.address_tail import extent
from rasa_qa_plugin.privacy.recognizers.address_text import AddressText
from rasa_qa_plugin.privacy.recognizers.address_words import (
    MONTHS,
    any_of,
)

_CODE = r"[ ,.-]{1,4}(?:c\.? ?p\.? ?)?(?:[a-z]-)?[0-9]{5},? [^\W\d_]"
_QUARTERS = word_table("col colonia fracc barrio urb cdla")
_FLATS = word_table("apto apt depto dpto departamento apartamento dep suite ste")
_PARTS = word_table("bloque piso escalera esc puerta torre casa villa oficina local")
_ANCHOR = re.compile(
    r"[0-9](?<![\w$.,/:-][0-9])[0-9]{0,3}(?:-\d{1,4})?[a-z]?(?![\w/])(?:"
    rf"(?P<code>{_CODE})"
    r"|(?P<zone>(?:(?<=\d-\d\d)|(?<=\d-\d\d\d))"
    r",? (?:de la )?z(?:ona|\.)? ?\d{1,2}(?!\w))"
    rf"|(?P<quarter>,? (?:{any_of(_QUARTERS)})\.? (?=[^\W\d_]))"
    rf"|(?P<flat>[,.]?[ \n]{{1,3}}(?:{any_of(_FLATS)})\.? ?#? ?\d{{1,4}}[a-z]?(?!\w))"
    rf"|(?P<part>, (?:{any_of(_PARTS)})\.? \d)"
    r"|(?P<crossing>(?<=\d\d\d) y (?=[^\W\d_])))"
)
_NONE = re.compile(r"(?<!\w)s/n(?!\w)")
_SHAPE = re.compile(rf"[0-9](?![0-9])(?:[a-z]?{_CODE}|(?<=[0-9]{{3}}) y [^\W\d_])")
# The name ends in front of this.
_LINK = re.compile(r"[ ,\n]{1,3}(?:(?:#|n[o°º]\.?|nro\.?|num(?:ero)?\.?) ?)?$")
_COUNT = re.compile(r",? {1,2}\d")
_YEAR = re.compile(r"(?:19|20)\d\d")
_MOST_IN_A_SIZE = 10
# A postcode of five behind a number.
_CODE_DIGITS = 6
# "12-34, de la zona 1"
_WIDEST_GAP = 10
WORDS = frozenset((*_QUARTERS, *_FLATS, *_PARTS, "zona", "z"))


def holds_shape(plain: str) -> bool:
    """Tell whether a postcode or a crossing follows a number."""
    return _SHAPE.search(plain) is not None


def find(text: AddressText) -> Iterator[tuple[int, int, str]]:
    """Give start, end and rule of every street known by what follows it."""
    if "s/n" in text.plain:
        for match in _NONE.finditer(text.plain):
            name = _name(text, match.start(), small=False)
            if name < match.start():
                yield beginning(text, name), extent(text, match.end()), "no number"
    if not (
        text.follows_digit(WORDS, _WIDEST_GAP)
        or (_may_hold_shape(text) and holds_shape(text.plain))
    ):
        return
    for match in _ANCHOR.finditer(text.plain):
        name = _name(text, match.start(), small=bool(match["flat"] or match["zone"]))
        if name < match.start() and _is_house(match, text, name):
            end = match.start() + len(_house(match))
            yield beginning(text, name), extent(text, end), "anchor"


def _may_hold_shape(text: AddressText) -> bool:
    return text.digits >= _CODE_DIGITS or "y" in text.words


def _crosses(text: AddressText, start: int) -> bool:
    """Tell whether a name stands there, and no number behind it."""
    end = text.proper_words(start, 3)
    return end > start and _COUNT.match(text.plain, end) is None


def _house(match: re.Match[str]) -> str:
    return match.group().removesuffix(match[match.lastgroup or 0])


def _name(text: AddressText, end: int, *, small: bool) -> int:
    link = _LINK.search(text.plain, max(0, end - 12), end)
    if link is None:
        return end
    name = text.name_before(link.start(), most=5, small=small)
    return name if name < link.start() else end


def _is_house(match: re.Match[str], text: AddressText, name: int) -> bool:
    words = text.plain[name : match.start()].split()
    house = _house(match)
    if words[0].rstrip(",.") in MONTHS or text.counts(match.start() + len(house)):
        return False
    if match["code"]:
        sure = text.proper(match.end() - 1)
    elif match["zone"]:
        # "camarón entero 16-20 zona 1": a size, and no house.
        low, high = map(int, house.split("-"))
        sure = not 0 < high - low <= _MOST_IN_A_SIZE or text.proper(name)
    elif match["crossing"]:
        sure = (
            _YEAR.fullmatch(house) is None
            and words[-1].rstrip(",") not in MONTHS
            and _crosses(text, match.end())
        )
    else:
        sure = True
    # For a zone, a part or a crossing one word is too little.
    return sure and bool(
        match["code"] or match["quarter"] or match["flat"] or words[1:]
    )
