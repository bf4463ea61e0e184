"""Streets as they are written in English, the number first."""

import re
from collections.abc import Iterator

from rasa_qa_plugin.privacy.passage import word_table
from rasa_qa_plugin.privacy.recognizers.address_head import beginning
from rasa_qa_plugin.privacy.recognizers.address_tail import (
    extent,
    further,
    last_city,
)
from rasa_qa_plugin.privacy.recognizers.address_text import AddressText
from rasa_qa_plugin.privacy.recognizers.address_words import (
    STREETS,
    WEAK_STREETS,
    any_of,
)

Found = tuple[int, int, str]

_WORD = r"(?:[^\W\d_][\w.'\u2019&-]{0,24}(?!\w)|\d{1,3}(?:st|nd|rd|th))"
_SIDE = r"(?:(?:north|south|east|west|[nsew])\.? {1,2})"
_NUMBER = r"\d(?<![\w$,/#-]\d)(?<!\d\.\d)\d{0,5}(?: ?- ?\d{1,6})?(?:[a-z]|bis| 1/2)?"
_ROADS = word_table(
    "highway hwy route rte road fm interstate loop avenue ave expressway"
)
_FIRST_WAYS = word_table("""
        avenue ave avenida calle camino via rue rua paseo alameda embarcadero
        broadway jalan piazza place plaza boulevard boul ul ulica strada quai chemin
        allee strand
    """)
_NAMELESS = ("broadway", "alameda", "embarcadero")
_WORDS_FOR = "one|two|three|four|five|six|seven|eight|nine|ten"
_STREET = re.compile(
    rf"(?:(?P<number>{_NUMBER})|(?<!\w)(?P<word>{_WORDS_FOR})) {{1,2}}"
    rf"(?P<name>(?:{_SIDE}\d{{1,3}}|{_WORD})(?: {{1,2}}{_WORD}){{0,4}}?) {{1,2}}"
    rf"(?:(?P<way>{any_of(STREETS)})|(?P<weak>{any_of(WEAK_STREETS)}))(?!\w)\.?"
)
# The way in front: "6 Rue Charpentier", "2232 El Camino Real", "2500 Highway 6".
_PREFIX = re.compile(
    rf"{_NUMBER} {{1,2}}{_SIDE}?(?:(?:the|el|la|le) {{1,2}})?"
    rf"(?:(?P<road>(?:(?:us|state|county|old) {{1,2}})?(?:{any_of(_ROADS)})"
    r"\.? {1,2}\d{1,4}[a-z]?(?!\w))"
    rf"|(?P<way>{any_of(_FIRST_WAYS)})(?!\w)\.?(?P<name> {{1,2}}\w)?)"
)
# "13th and J street"
_CORNER = re.compile(
    rf"\d(?<!\w\d)\d{{0,2}}(?:st|nd|rd|th) (?:and|&) {_WORD} "
    rf"(?:{any_of(STREETS)})(?!\w)\.?"
)
_BARE = re.compile(
    r"(?<!\w)(?:located (?:at|on|in)|address is|location is|live (?:at|on)|"
    r"(?:\bis|['\u2019](?:s|re)|are) (?:at|on)) "
    rf"(?P<street>(?P<name>{_WORD}(?: {_WORD}){{0,3}}?) (?:{any_of(STREETS)}))(?!\w)"
)
_BOX = re.compile(
    r"(?<!\w)(?:(?:p\.? ?o\.? ?box|post office box|casilla(?: postal| de correos?)?|"
    r"(?:apartado|apdo\.?|ap\.)(?: postal| de correos| aereo)?)"
    r"(?: ?#| ?n[o°º]\.?| ) ?\d{2,6}(?!\d)"
    r"|p\.? ?o\.? ?box(?: ?#| ) ?\d(?!\w)"
    # The mail of the armed forces of the United States.
    r"|(?:(?:psc|unit|cmr) \d{1,5},? box \d{1,5},?[ \n]{1,2})?(?:apo|fpo|dpo),? "
    r"(?:aa|ae|ap) \d{5}(?!\d))"
)
_BOX_WORDS = frozenset(
    word_table("p po pobox post casilla apartado apdo ap psc unit cmr apo fpo dpo")
)
_PERHAPS_HERE = re.compile(
    r"(?:^|\n|(?<!\w)(?:at|on|in|to|is|near|address|location)(?: the)?|[a-z]\.) {0,2}$"
)
_SURELY_HERE = re.compile(
    r"(?:located(?: at| on| in)?|(?:address|location)[a-z ]{0,30} is|"
    r"(?:\bis|['\u2019](?:s|re)|are)(?: over)? (?:at|on)|"
    r"live (?:at|on|in)|find (?:them|us|it) at|(?:^|\n)) {0,2}$"
)
# What may follow a number written as a word.
_SOLID = word_table("plaza place square sq center centre court park parkway wharf")
UNNUMBERED_WORDS = frozenset((*STREETS, *_SOLID))
_PLACE_GATE = frozenset(
    (*_WORDS_FOR.split("|"), *word_table("located address location live at on"))
)
_STREET_WORDS = frozenset(STREETS)
_LAST_WAYS = frozenset((*STREETS, *WEAK_STREETS))
_PREFIX_WORDS = frozenset((*_ROADS, *_FIRST_WAYS))
WORDS = (
    _LAST_WAYS
    | _PREFIX_WORDS
    | frozenset(word_table("box pobox casilla apartado apdo ap apo fpo dpo"))
)
_TOKEN = re.compile(r"[^ ]+")
_TWO_WORDS = re.compile(r"[^\W\d_]{1,25}(?: [^\W\d_]{1,25})?(?!\w)")
_BEFORE = 50
_HOUSE = 10


def opens_unnumbered(words: frozenset[str]) -> bool:
    """Tell whether there is a way, and a number in words or a place expected."""
    return not UNNUMBERED_WORDS.isdisjoint(words) and not _PLACE_GATE.isdisjoint(words)


def find(text: AddressText) -> Iterator[Found]:
    """Give start, end and rule of every street."""
    words = text.words
    if not _LAST_WAYS.isdisjoint(words):
        yield from _named(text)
    if text.digits and not _PREFIX_WORDS.isdisjoint(words):
        yield from _prefixed(text)
    if not _STREET_WORDS.isdisjoint(words):
        yield from _unnumbered(text)
    for start in text.at(_BOX_WORDS):
        box = _BOX.match(text.plain, start)
        if box is not None:
            yield start, extent(text, box.end()), "box"


def _whole(text: AddressText, start: int, end: int, rule: str) -> Found:
    last = extent(text, further(text, end))
    if _SURELY_HERE.search(text.plain, max(0, start - _BEFORE), start):
        last = last_city(text, last)
    return beginning(text, start), last, rule


def _named(text: AddressText) -> Iterator[Found]:
    position = 0
    while (match := _STREET.search(text.plain, position)) is not None:
        if _is_street(match, text):
            found = _whole(text, match.start(), match.end(), "english street")
            yield found
            position = found[1]
        else:
            position = match.start() + 1


def _prefixed(text: AddressText) -> Iterator[Found]:
    for match in _PREFIX.finditer(text.plain):
        end = _prefix_end(match, text)
        if end > 0:
            yield _whole(text, match.start(), end, "english way")


def _unnumbered(text: AddressText) -> Iterator[Found]:
    for match in _CORNER.finditer(text.plain):
        yield _whole(text, match.start(), match.end(), "corner")
    for match in _BARE.finditer(text.plain):
        if text.proper(match.start("street")) and not text.says(*match.span("name")):
            yield _whole(text, *match.span("street"), "english cue")


def _is_street(match: re.Match[str], text: AddressText) -> bool:
    start, end = match.span("name")
    name = match["name"].split()
    proper = all(
        text.raw[place].isupper() or text.raw[place].isdigit()
        for place in _starts(text, start, end)
    )
    # "77 Dock Street" is one, "2 dock street" may be a place of work.
    titled = match["way"] and proper and text.proper(match.start("way"))
    if not (titled and text.capitals_tell) and ("i" in name or _says(text, start, end)):
        return False
    if match["word"]:
        # "One Market Plaza", and not "one way street" nor "Two Lovely Views".
        solid = match["way"] or match["weak"] in _SOLID
        return (
            bool(solid) and proper and text.capitals_tell and text.proper(match.start())
        )
    if text.counts(match.end("number")):
        return False
    if match["way"]:
        return True
    if any(text.proper(place) for place in _starts(text, start, end)):
        return True
    # In lower case the rest of it must say that a place follows.
    house = int(re.split(r"\D", match["number"])[0])
    pattern = _PERHAPS_HERE if house >= _HOUSE else _SURELY_HERE
    floor = max(0, match.start() - _BEFORE)
    return pattern.search(text.plain, floor, match.start()) is not None


def _says(text: AddressText, start: int, end: int) -> bool:
    """Tell whether it is a sentence; "1400 A Street" and "10 of the Oaks" are not."""
    if end - start == 1:
        return not text.proper(start)
    return text.says(start, end)


def _starts(text: AddressText, start: int, end: int) -> list[int]:
    return [found.start() for found in _TOKEN.finditer(text.plain, start, end)]


def _prefix_end(match: re.Match[str], text: AddressText) -> int:
    """Give the end of a street whose way comes first, or -1."""
    if match["road"]:
        return -1 if text.counts(match.end()) else match.end()
    if match["name"] is None:
        alone = match["way"] in (*_NAMELESS, "strand")
        return match.end() if alone and not text.counts(match.end()) else -1
    start = match.end("name") - 1
    last = text.proper_words(start, 4)
    if last > start and text.capitals_tell:
        return last
    if match["way"] in _NAMELESS:
        return match.end("way")
    floor = max(0, match.start() - _BEFORE)
    if _SURELY_HERE.search(text.plain, floor, match.start()):
        words = _TWO_WORDS.match(text.plain, start)
        if words is not None and not text.says(*words.span()):
            return words.end()
    return -1
