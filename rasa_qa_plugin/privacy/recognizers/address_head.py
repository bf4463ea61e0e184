"""What stands in front of a street and belongs to the address: suite, building."""

import re

from rasa_qa_plugin.privacy.recognizers.address_text import AddressText
from rasa_qa_plugin.privacy.recognizers.address_words import (
    QUARTERS,
    any_of,
    is_street_name,
)

_SUITE = re.compile(
    r"(?<![^\W_])(?:(?:suite|ste|unit|apt|apartment|flat|floor|room|rm|piso|apto|oficina|"
    r"local)\.? ?#?(?:\d\w{0,4}|[a-z]\d{1,3}|[a-z](?=,))(?:,? \d{1,3})?"
    r"|\d{1,2}(?:st|nd|rd|th) (?:floor|fl)),? $"
)
_BUILDING = re.compile(
    r"(?<!\w)(?:tower|centre|center|building|bldg|house|hall|mall|plaza|complex|"
    rf"{any_of(QUARTERS)}|hospital|hotel|centro|cc)(?!\w)"
)
# A quarter first, where a place is expected: "Urdesa central, Estrada 1021".
_QUARTER = re.compile(
    r"(?:^|\n|(?<!\w)(?:en|at|in|on|"
    r"(?:direccion|domicilio|address|ubicacion|entrega) ?:) )"
    r"(?P<name>[^\W\d_][\w'-]{2,20}(?: [^\W\d_][\w'-]{1,20}){0,3}), $"
)
_LONGEST_SUITE = 20
_LONGEST_QUARTER = 90
_MOST_WORDS = 4


def beginning(text: AddressText, start: int) -> int:
    """Take in what is named in front: "Cira Tower, Suite 4, 29 Main Street"."""
    before = text.plain[max(0, start - 2) : start]
    if before[-1:] == " " and (before[0] == "," or before[0].isdigit()):
        suite = _SUITE.search(text.plain, max(0, start - _LONGEST_SUITE), start)
        start = start if suite is None else suite.start()
    if not text.plain.endswith(", ", 0, start):
        return start
    name = text.name_before(start, most=_MOST_WORDS, small=True)
    if name < start and _BUILDING.search(text.plain, name, start):
        return name
    quarter = _QUARTER.search(text.plain, max(0, start - _LONGEST_QUARTER), start)
    if quarter is None:
        return start
    name = quarter.start("name")
    named = text.proper(name) and all(map(is_street_name, quarter["name"].split()))
    return name if named else start
