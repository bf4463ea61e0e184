"""What stands behind a street and belongs to the address: flat, quarter, city."""

import re
from collections.abc import Callable

from rasa_qa_plugin.privacy.passage import word_table
from rasa_qa_plugin.privacy.recognizers.address_text import AddressText
from rasa_qa_plugin.privacy.recognizers.address_words import (
    FLAT,
    FLAT_WORDS,
    LINKS,
    QUARTERS,
    STREETS,
    WAYS,
    WEAK_STREETS,
    any_of,
    is_place,
)

_GAP = r"[ ,.;/\n-]{0,4}"
_CODE = r"(?:[a-z]{0,2}-?\d{1,4}(?:[.-]\d{1,3})?-?[a-z]?|[a-z]-?\d{1,3})(?!\w)"
_LETTER = r"[a-z](?:-?\d{1,3})?(?![\w'])"
_SIDES = word_table("""
        izq izqda izqdo izquierda izquierdo izda izdo dch dcha dcho derecha der int ext
        interior exterior centro fondo
    """)
_GROUNDS = word_table("""
        bajo bajos bjo atico entlo entresuelo pral principal sotano
    """)
_SIDE = rf"(?:{any_of(_SIDES)})"
_FLAT = re.compile(
    rf"{_GAP}(?:(?<!\w){FLAT}(?:\.? {{0,2}}(?:(?:#|n[o°º]\.?) ?)?{_CODE}"
    rf"|\.? {{1,2}}(?:{_LETTER}|{_SIDE}(?!\w)))"
    r"|#\s?[a-z]{0,2}-?\d{0,6}(?:-?\w{1,3})?(?: [a-z]{2}(?=[.,]|$))?(?!\w)"
    # "2º B", "6o A", "1.º dcha", "2nd floor"
    r"|\d{1,2} ?(?:\.?[ºª°]|\.o(?!\w)|o(?![^\W\d_]{2})"
    r"|(?:er|do|to|th|st|nd|rd)(?!\w))\.?"
    rf"(?:[ .-]{{0,2}}(?:(?:piso|planta|floor|fl|{_SIDE}|[a-z]|\d{{1,2}}[ºª°])(?!\w)))?"
    rf"(?: ?(?:esc|pta|puerta)\.? ?\w{{1,3}}(?!\w))?)"
)
# Flats without a word: ", 4H", "- 6C", " 2B", "- P1"; then a floor and a lonely letter.
_DOOR = re.compile(
    r"[ ,./-]{1,3}(?:\d{1,3}-?(?P<letter>[a-z])|[a-z]\d{1,3}"
    rf"|\d{{1,2}}[ .,-]{{1,3}}(?P<lonely>[a-z])|\d{{1,2}}[ .,-]{{1,2}}{_SIDE})(?!\w)"
)
_FLOOR = re.compile(
    r" ?[,.] {0,2}(?:(?P<lonely>[a-z])|\d{1,2})(?= {0,2}(?:[.,;\n)]|$))"
)
_GROUND = re.compile(
    rf"[ ,.-]{{1,3}}(?:{any_of((*_GROUNDS, *_SIDES))})(?: (?P<lonely>[a-z]))?"
    r"(?= ?(?:[.,;\n)\d]|$))"
)
_SMALL_UNIT = frozenset("gmlvwk")
_REGIONS = word_table("ciudad municipio provincia estado canton distrito city")
_QUARTER = re.compile(
    rf"(?: ?[,.] {{0,2}}| {{1,2}}|\n)(?:(?:{any_of(QUARTERS)})(?!\w)\.?"
    rf"|(?:{any_of(_REGIONS)})(?= de | of )) {{0,2}}"
    r"(?:(?:de|del|la|las|los|el|of) ){0,2}(?P<name>[^\W_]+)"
)
_DIRECTIONS = word_table("""
        north south east west northeast northwest southeast southwest norte sur oriente
        poniente este oeste
    """)
_DIRECTION = re.compile(
    rf" {{1,2}}(?:{any_of(_DIRECTIONS)}|(?P<letter>nw|ne|sw|se|[nsew]\.?))"
    r"(?![\w-])(?! of )"
)
_AND = word_table("y e entre and at con & esq esquina")
_CROSSING = re.compile(
    rf" {{1,2}}(?:{any_of(_AND)})\.?(?: con)? {{1,2}}"
    rf"(?P<way>(?:(?:la )?(?:{any_of(WAYS)})\.? {{1,2}})?)(?:\d{{1,2}} de )?"
    r"(?:(?P<number>\d{1,3}[a-z]?(?!\w))|(?P<name>\w))"
)
_SMALL_CROSSING = re.compile(
    r" {1,2}(?:y|e|entre) {1,2}(?P<name>[^\W\d_]{4,})"
    rf"(?= ?(?:, ?(?:{FLAT})(?!\w)|[.;\n]|$))"
)
# Spain, Mexico, United States; the Commonwealth; Argentina.
_POSTCODE = re.compile(
    r"[ ,.\n-]{1,4}\(?(?:"
    r"(?:(?:c\.? ?p\.?|zip|codigo postal) ?:? ?|[a-z]-)?\d{5}(?:-\d{4})?"
    r"|[a-z]{2},? (?:\d{5}(?:-\d{4})?|[a-z]\d[a-z] ?\d[a-z]\d)|\d{4}(?=, [^\W\d_])"
    r"|[a-z]\d{4}[a-z]{3}|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|[a-z]\d[a-z] ?\d[a-z]\d)"
    r"(?!\w)\)?"
)
_CITY = re.compile(
    r"(?: {0,2}, {0,2}| - |(?P<line>,? ?\n ?)|(?P<open> \())(?P<city>[^\W\d_])"
)
# Behind a postcode or a flat, or in front of a postcode, the city needs no comma.
_BARE_CITY = re.compile(r"(?P<dot>\.?) {1,2}(?P<city>[^\W\d_])")
_CODE_AHEAD = re.compile(
    r"[ ,\n]{1,3}(?:[a-z]{2}[ ,]{1,2})?\d{4,5}(?!\w)|, ?[a-z]{2}(?![\w'])"
)
# "washington, district of columbia 20037, united states"
_SMALL_CITY = re.compile(
    r"(?:, ?[^\W\d_][a-z. ]{1,28}){1,3} \d{4,5}(?!\w)"
    r"(?:, ?[a-z][a-z ]{2,20}(?=[.?!\n]|$))?"
)
_STATES = (
    "al|ak|az|ar|ca|co|ct|de|fl|ga|hi|id|il|in|ia|ks|ky|la|me|md|ma|mi|mn|ms|mo|mt|ne|nv|"
    "nh|nj|nm|ny|nc|nd|oh|ok|or|pa|ri|sc|sd|tn|tx|ut|vt|va|wa|wv|wi|wy|dc|pr"
)
_SMALL_STATE = re.compile(
    rf",? {{1,2}}(?P<city>[^\W\d_]{{3,20}}(?: [^\W\d_]{{3,20}})?),? (?:{_STATES})"
    r"(?:,? \d{5}(?!\w)|(?=[.?!\n]|$))"
)
_LAST_CITY = re.compile(
    r", ?(?P<words>[^\W\d_]{2,20}(?: [^\W\d_]{2,20}){0,2})(?=[ .!?]{0,2}$)"
)
_WAY = re.compile(rf" {{1,2}}(?:{any_of((*STREETS, *WEAK_STREETS))})(?!\w)\.?")
_LONE_LETTER = re.compile(r" (?P<letter>[b-hj-z])(?=[ .,;?!]|$)")
_NEXT = re.compile(r"[ ,.;/\n(-]{0,5}(?:(?P<number>[\d#])|(?P<word>[^\W\d_]+|&))")
_MOST_PIECES = 9
_MOST_WORDS = 4
_LONGEST_INITIALS = 2


def extent(text: AddressText, end: int) -> int:
    """Take in flat, crossing, quarter, city and postcode behind *end*."""
    for _ in range(_MOST_PIECES):
        following = _NEXT.match(text.plain, end)
        if following is None:
            break
        word = following["word"]
        if word is None:
            steps = _NUMBERS
        elif len(word) <= _LONGEST_INITIALS:
            steps = _STEPS
        else:
            steps = _WORDS.get(word, _ELSE)
        for step in steps:
            longer = step(text, end)
            if longer > end:
                end = longer
                break
        else:
            break
    return end


def further(text: AddressText, end: int) -> int:
    """Take in directions and second way words of an English street."""
    for _ in range(3):
        match = _WAY.match(text.plain, end)
        longer = _direction(text, end) if match is None else match.end()
        if longer == end:
            break
        end = longer
    match = _LONE_LETTER.match(text.plain, end)
    return match.end() if match and text.proper(match.start("letter")) else end


def last_city(text: AddressText, end: int) -> int:
    """Take in a city in lower case that ends the text: "…, brooklyn"."""
    match = _LAST_CITY.match(text.plain, end)
    if match is None or not all(map(is_place, match["words"].split())):
        return end
    return match.end("words")


def _direction(text: AddressText, end: int) -> int:
    match = _DIRECTION.match(text.plain, end)
    if match is None or (match["letter"] and not text.proper(match.start("letter"))):
        return end
    return match.end()


def _flat(text: AddressText, end: int) -> int:
    match = _FLAT.match(text.plain, end)
    if match is None or text.counts(match.end()):
        return end
    # "zona 15 Vista Hermosa", "dpto. 501 San Isidro", and not "casa 4 HLSO".
    bare = _BARE_CITY.match(text.plain, match.end())
    if bare is None or bare["dot"] or not text.capitals_tell:
        return match.end()
    start = bare.start("city")
    city = text.proper_words(start, _MOST_WORDS - 1)
    acronym = any(
        word.isupper() and len(word) > _LONGEST_INITIALS
        for word in text.raw[start:city].split()
    )
    return match.end() if acronym else max(match.end(), city if city > start else 0)


def _door(text: AddressText, end: int) -> int:
    match = _DOOR.match(text.plain, end)
    if match is None:
        match = _FLOOR.match(text.plain, end) or _GROUND.match(text.plain, end)
    if match is None or text.counts(match.end()):
        return end
    lonely = match.start("lonely")
    if lonely >= 0 and not text.proper(lonely):
        return end  # "5, 2 a domicilio": a small letter alone is a word
    letter = match.groupdict().get("letter")
    if letter in _SMALL_UNIT and not text.proper(match.start("letter")):
        return end  # "12 5m"
    return match.end()


def _quarter(text: AddressText, end: int) -> int:
    match = _QUARTER.match(text.plain, end)
    if match is None:
        return end
    start = match.start("name")
    last = text.proper_words(start, _MOST_WORDS)
    if last > start:
        return last
    name = match["name"]
    small = name.isalpha() and len(name) > _LONGEST_INITIALS and name not in LINKS
    return match.end() if small and is_place(name) else end


def _crossing(text: AddressText, end: int) -> int:
    match = _CROSSING.match(text.plain, end)
    if match is not None and match["number"]:
        return match.end() if match["way"] else end
    if match is not None:
        start = match.start("name")
        last = text.proper_words(start, _MOST_WORDS)
        if last > start:
            return last
    match = _SMALL_CROSSING.match(text.plain, end)
    return match.end() if match is not None and is_place(match["name"]) else end


def _postcode(text: AddressText, end: int) -> int:
    match = _POSTCODE.match(text.plain, end)
    if match is None or text.counts(match.end()):
        return end
    bare = _BARE_CITY.match(text.plain, match.end())
    if bare is None:
        return match.end()
    start = bare.start("city")
    city = text.proper_words(start, _MOST_WORDS)
    return city if city > start else match.end()


def _city(text: AddressText, end: int) -> int:
    match = _CITY.match(text.plain, end)
    if match is not None and text.proper(match.start("city")):
        start = match.start("city")
        last = text.proper_words(start, _MOST_WORDS)
        if last > start and (not match["line"] or _CODE_AHEAD.match(text.plain, last)):
            return last + bool(match["open"] and text.plain.startswith(")", last))
    match = _BARE_CITY.match(text.plain, end)
    if match is not None and text.proper(match.start("city")):
        start = match.start("city")
        last = text.proper_words(start, _MOST_WORDS)
        ahead = last > start and not match["dot"]
        return last if ahead and _CODE_AHEAD.match(text.plain, last) else end
    match = _SMALL_STATE.match(text.plain, end)
    if match is not None and not text.says(*match.span("city")):
        return match.end()
    if not text.plain.startswith(",", end):
        return end
    match = _SMALL_CITY.match(text.plain, end)
    if match is None or text.counts(match.end()) or text.says(end + 1, match.end()):
        return end
    return match.end()


_NUMBERS: tuple[Callable[[AddressText, int], int], ...] = (_flat, _postcode, _door)
_STEPS = (*_NUMBERS, _quarter, _direction, _crossing, _city)
# Most words can only be a city; the tables tell the others.
_ELSE = (_city,)
_WORDS = dict.fromkeys(
    (
        *FLAT_WORDS,
        *_SIDES,
        *_GROUNDS,
        *QUARTERS,
        *_REGIONS,
        *_DIRECTIONS,
        *_AND,
        "zip",
        "codigo",
    ),
    _STEPS,
)
