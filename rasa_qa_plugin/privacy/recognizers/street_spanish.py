"""Streets as they are written in Latin America and Spain."""

import re
from collections.abc import Iterator

from rasa_qa_plugin.privacy.passage import word_table
from rasa_qa_plugin.privacy.recognizers.address_head import beginning
from rasa_qa_plugin.privacy.recognizers.address_tail import extent
from rasa_qa_plugin.privacy.recognizers.address_text import AddressText
from rasa_qa_plugin.privacy.recognizers.address_words import (
    FLAT,
    FLAT_WORDS,
    LINKS,
    QUARTERS,
    SHORT_WAYS,
    WAYS,
    WEAK_WAYS,
    any_of,
    is_street_name,
)

Found = tuple[int, int, str]

_WORD = r"[^\W\d_][\w.'\u2019\u00b4`ªº°-]{0,24}(?!\w)"
# "9 de Octubre", "2da Norte", "Nacional 332 Alicante"; a number alone is no name.
_NAME = (
    r"(?:\d{1,3} ?(?:de(?= )|a|ta|da|ra|er|ma|va|na|o|ª|º)?\.? {1,2}(?=[^\W\d_]))?"
    rf"{_WORD}(?:(?: {{1,2}}\d{{1,4}}(?= {{1,2}}[^\W\d_]))? {{1,2}}{_WORD}){{0,6}}?"
)
SIGN = r"(?:#|n[o°º]{1,2}\.?|nro\.?|num(?:ero)?\.?|altura|casa)"
_NUMBER = (
    rf"(?:{SIGN} ?)?(?:oe|[nseow])?\d{{1,5}}(?: ?bis(?!\w))?(?: ?[a-z](?= ?-\d))?"
    r"(?: {0,2}-{1,2} {0,2}[a-z]?\d{1,4}(?!\d)(?![ªº°o.]|/)| a \d{1,4}(?!\d))?"
    r"(?:-?[a-z](?!\w))?(?![\w/]|[.,]\d)"
)
_NONE = r"s ?/ ?n(?!\w)|s\. ?n\.|sn(?!\w)|sin numero"
_KM = r"km\.? ?\d{1,4}(?:[.,]\d{1,3})?(?!\w)"
_FLAT = rf"{FLAT}(?:\.? ?#? ?\d{{1,4}}[a-z]?|\.? {{1,2}}[a-z]\d{{0,3}})(?!\w)"
_CODE_AHEAD = r"(?=[.,]? {1,2}(?:[a-z]-)?\d{5} [^\W\d_])"
_STREET = re.compile(
    rf"(?<![\w@.])(?:(?P<way>c/\.?|(?:{any_of(SHORT_WAYS)})\.|"
    rf"(?:{any_of(WAYS)})(?![^\W\d])\.?)|(?P<weak>(?:{any_of(WEAK_WAYS)})(?!\w)\.?))"
    rf" {{0,2}}(?P<name>{_NAME})(?: {{0,2}}[,.-]? {{0,2}}"
    rf"(?:(?P<number>{_NUMBER})|{_NONE}|{_KM}|{_FLAT})|(?P<bare>{_CODE_AHEAD}"
    rf"|(?=,? ?(?:{any_of(QUARTERS)})(?!\w)\.? ?[^\W\d_])"
    r"|(?= (?:y|entre|esq\.?|esquina) [^\W_])"
    r"(?! y \w{1,25}(?: \w{1,25})?,? {0,2}(?:#|no?\.?)? ?\d)))"
)
_STREET_WORDS = frozenset((*WAYS, *WEAK_WAYS))
# Guatemala: "5a avenida 10-45", "6a. calle norte 12", "12 calle A 1-25".
_NUMBERED = re.compile(
    r"\d(?<![\w.,-]\d)\d{0,2} ?"
    r"(?:(?P<ordinal>a|ta|da|ra|ma|va|na|ª|º|°)(?:\.? {1,2}|\.)|\.)?"
    r" ?(?:avenida|avda?\.?|ave?\.?|calle|callejon|c\.)(?![^\W\d]) {0,2}"
    r"(?:(?:[a-z]|norte|sur|oriente|poniente|final|este|oeste) )?"
    rf"(?:{SIGN} ?)?(?:\d{{1,3}} ?- ?\d{{1,3}}[a-z]?(?![\w/])"
    r"|(?P<plain>\d{1,4}(?![\w/-]|[.,]\d)))"
)
_NUMBERED_WORDS = frozenset(word_table("avenida avda avd ave av callejon calle c"))
# "6a.  c.": from the digit to the way
_WIDEST_ORDINAL = 8
# Colombia: "Cra 7 No. 71-21", "calle 100 # 8A-55", "Transversal 5 #45-20".
_GRID = re.compile(
    r"(?<![\w.-])(?:(?P<full>calle|cll|carrera|cra|kra|transversal|diagonal|avenida|av|"
    r"autopista|circular)|cl|cr|kr|k|transv|tv|diag|dg|ak|ac)\.? ?\d{1,3} ?[a-z]{0,2}"
    r"(?: ?bis)?(?: (?:sur|norte|este|oeste|[nsew]))? ?"
    r"(?:(?:#|n[o°º]\.?|nro\.?|num\.?|numero) ?\d{1,3} ?[a-z]?(?: ?bis)?"
    r"(?(full)|(?= ?-))(?: ?- ?\d{1,3})?"
    r"|(?(full)|(?!))\d{1,3}[a-z]?-\d{1,3})(?![\w/]|-\d)"
    # And in Guatemala "ruta 3 4-50 zona 4".
    r"|(?<!\w)(?:ruta|via) \d{1,2},? \d{1,3}-\d{1,3}(?=,? (?:de la )?z(?:ona|\.)? ?\d)"
)
_GRID_WORDS = frozenset(
    word_table("""
        calle cll carrera cra kra transversal diagonal avenida av autopista circular
        cl cr kr k transv tv diag dg ak ac ruta via
    """)
)
# The way is a number, and a flat or another way follows: "Calle 50, piso 3".
_CORNER = re.compile(
    rf"(?<![\w.])(?:{any_of(WAYS)}|malecon|diagonal)\.? ?\d{{1,4}}[a-z]?"
    rf"(?: (?:norte|sur|este|oeste))?(?:(?=,? {_FLAT})"
    r"|(?=, (?:edificio|edif|torre)\.? \w)"
    rf"| (?:y|con|entre|esq\.?|esquina) (?:la )?(?:{any_of((*WAYS, 'diagonal'))})\.? ?"
    r"\d{1,3}(?!\w))"
)
_CORNER_WORDS = frozenset((*WAYS, "malecon", "diagonal"))
_LOT = r"[a-z]{0,2}-?\d{1,4}[a-z]?(?!\w)|[b-df-np-xz](?!\w)"
_IN_BLOCK = r"(?:solar|sl|villa|v|lote|lt|l|casa)"
_BLOCK = re.compile(
    rf"(?<!\w)(?:(?:mz|mza|manzana)\.? ?#? ?(?:{_LOT}) {{0,2}}[,.-]? {{0,2}}"
    rf"{_IN_BLOCK}\.? ?#? ?(?:{_LOT})"
    rf"|{_IN_BLOCK}\.? ?#? ?(?:{_LOT}) {{0,2}},? {{0,2}}(?:de la )?(?:mz|mza|manzana)"
    rf"\.? ?#? ?(?:{_LOT}))"
)
_BLOCK_WORDS = frozenset(word_table("mz mza manzana"))
# A lot before its block: looked for only where a block is named.
_LOT_WORDS = _BLOCK_WORDS | frozenset(word_table("solar sl villa v lote lt l casa"))
# "sauces 8 mz 456", "Alborada 3ra etapa, mz 12"
_BLOCK_HEAD = re.compile(
    r"(?:[^\W\d_]{4,20} )?[^\W\d_]{4,20},? ?\d{1,2} ?(?:ra|da|ta|ma|va|na|era|a|ª)?\.?"
    r"(?: etapa)?,? $"
)
_ROAD = re.compile(
    rf"(?<!\w){_KM} {{0,2}},? ?(?:de )?(?:la )?(?:antigua )?(?:via|carretera|ctra\.?|"
    r"ruta|autopista|autovia|calzada)(?!\w)(?: (?:a|al|hacia|perimetral))?(?= \w)"
)
_ROAD_CODE = re.compile(
    r"(?<!\w)(?:[a-z]{1,2}-?\d{1,4}|(?:ruta|rn|autovia|autopista) ?\d{1,4}),? $"
)
_KM_HERE = re.compile(_KM)
_ROAD_WORDS = frozenset(("km",))
_SAINTS = ("san", "santa", "santo")
_TOKEN = re.compile(r"[^ ,]+")
_LETTERS = re.compile(r"[^\W\d_][\w.'\u2019-]*")

WORDS = _STREET_WORDS | _GRID_WORDS | _CORNER_WORDS | _BLOCK_WORDS | _ROAD_WORDS
# Without any digit: "s/n", a crossing, a quarter, "casa B".
_UNNUMBERED = FLAT_WORDS.union(QUARTERS, word_table("s sn sin y entre esq esquina"))


def opens_unnumbered(words: frozenset[str]) -> bool:
    """Tell whether there is a way or a block, and a crossing, a quarter or a flat."""
    return not WORDS.isdisjoint(words) and not _UNNUMBERED.isdisjoint(words)


def find(text: AddressText) -> Iterator[Found]:
    """Give start, end and rule of every street."""
    yield from _named(text)
    if text.digits:
        yield from _numbered(text)
    if "mz" in text.plain or "manzana" in text.plain:  # perhaps with its letter: "mzb"
        yield from _blocks(text)


def _whole(text: AddressText, start: int, end: int, rule: str) -> Found:
    return beginning(text, start), extent(text, end), rule


def _numbered(text: AddressText) -> Iterator[Found]:
    if text.follows_digit(_NUMBERED_WORDS, _WIDEST_ORDINAL):
        for match in _NUMBERED.finditer(text.plain):
            if not text.counts(match.end()) and (
                match["ordinal"] or not match["plain"]
            ):
                yield _whole(text, *match.span(), "numbered")
    for pattern, words, rule in (
        (_GRID, _GRID_WORDS, "grid"),
        (_CORNER, _CORNER_WORDS, "corner"),
    ):
        for start in text.at(words):
            found = pattern.match(text.plain, start)
            if found is not None and not text.counts(found.end()):
                yield _whole(text, start, found.end(), rule)
    yield from _roads(text)


def _named(text: AddressText) -> Iterator[Found]:
    position = 0
    for start in text.at(_STREET_WORDS):
        if start < position:
            continue
        match = _STREET.match(text.plain, start)
        if match is None or not _is_street(match, text):
            continue
        found = _whole(text, start, match.end(), "street")
        if found[1] > match.end("name"):
            yield found
            position = found[1]


def _is_street(match: re.Match[str], text: AddressText) -> bool:
    start, end = match.span("name")
    if match["bare"] is not None and text.plain[end - 1] == ".":
        end -= 1
    if text.says(start, end) or (match["number"] and text.counts(match.end())):
        return False
    words = [
        found
        for found in _LETTERS.finditer(text.plain, start, end)
        if found.group() not in LINKS or found.group() in _SAINTS
    ]
    if not words:
        return False
    way, number, bare = match.group("way", "number", "bare")
    if bare is not None:
        return text.proper(words[0].start())
    sight = way == "av" and text.raw.startswith("AV", match.start())
    if way is not None and not sight:
        return True
    # "estoy en camino con 2 cajas": only a proper name makes it a street.
    proper = any(
        text.proper(found.start()) or found.group() in _SAINTS for found in words
    )
    if sight:
        # In capitals and without a dot it may measure sight: "AV OD 0,3".
        return proper and max(len(found.group()) for found in words) > 2  # noqa: PLR2004
    signed = number is not None and not number[0].isdigit()
    return proper and (signed or match["weak"].rstrip(".") != "c")


def _blocks(text: AddressText) -> Iterator[Found]:
    for start in text.at(_LOT_WORDS):
        match = _BLOCK.match(text.plain, start)
        if match is None:
            continue
        floor = max(0, start - 40)
        head = _BLOCK_HEAD.search(text.plain, floor, start)
        first = start if head is None else _quarter_start(head)
        yield _whole(text, first, match.end(), "block")


def _quarter_start(head: re.Match[str]) -> int:
    """Keep of the words in front those that may name a quarter."""
    start = head.end()
    for found in reversed(list(_TOKEN.finditer(head.group()))):
        word = found.group()
        if word[0].isalpha() and not is_street_name(word):
            break
        start = head.start() + found.start()
    return start


def _roads(text: AddressText) -> Iterator[Found]:
    for start in text.at(_ROAD_WORDS):
        match = _ROAD.match(text.plain, start)
        if match is not None:
            name = text.proper_words(match.end() + 1, 4)
            end = name if name > match.end() + 1 else match.end()
            yield _whole(text, start, end, "road")
            continue
        match = _KM_HERE.match(text.plain, start)
        code = _ROAD_CODE.search(text.plain, max(0, start - 20), start)
        if match is not None and code is not None:
            yield _whole(text, code.start(), match.end(), "road")
