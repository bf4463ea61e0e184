"""Street addresses of Latin America, Spain and the English-speaking countries."""

import re
from collections.abc import Iterator
from typing import ClassVar

from rasa_qa_plugin.privacy.passage import BARRIER, Passage, word_table
from rasa_qa_plugin.privacy.recognizers.base import ChatRecognizer
from rasa_qa_plugin.privacy.recognizers.number_words import UNIT
from rasa_qa_plugin.privacy.spans import CUE, SHAPE, Span

# Words that name a way, and hardly anything else; the weak ones need a capital after.
_WAYS = word_table("""
        calle avenida avda ave av carrera cra kra calzada boulevard blvd bulevar
        bvar pasaje pje transversal ciudadela cdla urbanizacion urb colonia
        carretera ctra glorieta rambla
    """)
_SHORT = [way for way in _WAYS if len(way) <= 4]  # noqa: PLR2004 - these take a dot
_WEAK_WAYS = word_table("""
        diagonal paseo plaza pza camino ronda travesia col residencial residenciales
        edificio condominio via cl
    """)
_PARTS = word_table("""
        zona piso depto dpto departamento apto apt oficina of ofic lote mz manzana
        villa solar casa bloque puerta escalera esc etapa torre local sector km
    """)
_STREETS = word_table("street st avenue ave boulevard blvd road rd lane ln")
_WEAK_STREETS = word_table("""
        drive dr court ct way place pl square sq terrace ter highway hwy parkway
        pkwy circle cir trail alley crescent close row walk plaza turnpike
        expressway
    """)
_CUES = (
    "vivo en",
    "resido en",
    "vivimos en",
    "mi direccion es",
    "la direccion es",
    "domiciliado en",
    "domiciliada en",
    "my address is",
    "the address is",
    "i live at",
    "i live on",
)
# What follows these must look like the beginning of an address.
_NOUN_CUES = (
    "direccion",
    "direccion de entrega",
    "direccion de envio",
    "residencia",
    "domicilio",
    "domicilio en",
    "address",
)
_BOXES = (
    "po box",
    "p.o. box",
    "p.o box",
    "apartado postal",
    "apartado de correos",
    "apartado",
    "casilla",
)

# A street is not called like this: it is a sentence that holds a number.
_SENTENCE = frozenset(
    word_table("""
        a are at con cuando cuanto cuesta de donde en es esta estan for from hace
        hay in is me mi minutes my necesito of on para por que queda quiero se si
        son su that the tiene tienen to un una was with within hours miles
        kilometers blocks cuadras km or and has have it which there their they its
        we you your i do does can hay
    """)
) - {"de", "y"}


def _any(words: list[str] | tuple[str, ...]) -> str:
    ordered = sorted(words, key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\ ", " {1,2}") for word in ordered)


_NAME = r"[^\W_][\w.'\u2019ªº°-]{0,24}"
_COMMA = r" {0,2},? {0,2}"
_PART = rf"(?:{_any(_PARTS)})\.? ?#? ?\w{{1,5}}(?!\w)"
_HOUSE = (
    r"(?:(?:#|n[o°º]\.?|num(?:ero)?\.?|km\.?) ?)?[nseo]?\d{1,5}"
    r"(?:[ -]{1,3}\d{1,4}(?!\d)|-?[a-z](?!\w))?"
    r"(?![\w/]|[.,]\d)"
)
_SPANISH = re.compile(
    rf"(?<![\w@.])(?:(?P<way>c/|(?:{_any(_SHORT)})\.|(?:{_any(_WAYS)})(?![^\W\d]))"
    rf"|(?P<weak>(?:{_any(_WEAK_WAYS)})(?!\w)\.?)) {{0,2}}"
    rf"(?P<name>{_NAME}(?: {{1,2}}{_NAME}){{0,7}}?)"
    rf"{_COMMA}(?:{_HOUSE}|s/n(?!\w)|{_PART})"
)
# Guatemala: "5a avenida 10-45 zona 10".
_NUMBERED = re.compile(
    r"(?<!\w)\d{1,3} ?(?:a|ta|da|ra|ma|va|na|ª|º|°)?\.? ?"
    r"(?:avenida|av\.?|calle|c\.) (?:[a-z] )?\d{1,3}-\d{1,3}(?!\d)"
)
_BLOCK = re.compile(
    r"(?<!\w)(?:mz|manzana)\.? ?\w{1,4}" + _COMMA + r"(?:solar|villa|lote|lt|casa)\.? ?"
    r"\w{1,4}(?!\w)"
)
_ENGLISH = re.compile(
    r"(?<![\w$.,/-])\d{1,6}(?:-\d{1,4})?[a-z]? {1,2}"
    rf"(?P<name>{_NAME}(?: {{1,2}}{_NAME}){{0,4}}?) {{1,2}}"
    rf"(?:(?P<way>{_any(_STREETS)})|(?P<weak>{_any(_WEAK_STREETS)}))(?!\w)\.?"
)
_BOX = re.compile(rf"(?<!\w)(?:{_any(_BOXES)}) ?#? ?\d{{1,6}}(?!\d)")
_CUED = re.compile(
    rf"(?<!\w)(?:(?P<sure>(?:{_any(_CUES)})(?!\w):?"
    rf"|(?:{_any(_NOUN_CUES)})(?: es| is)?:)"
    rf"|(?:{_any(_NOUN_CUES)})(?!\w))[ \n]{{0,3}}"
    rf"(?P<value>[^;\n@{BARRIER}]{{4,80}})"
)
_CLAUSE_END = re.compile(
    r"[.?!](?: |$)|(?:,| y| and)? (?:y mi|and my|mi|my|tel\w*|cel\w*|fono|phone|correo|"
    r"e-?mail|email|contacto|por favor|please|gracias|thanks|necesit\w*|quier\w*|"
    r"quisiera|dese\w*|busc\w*|pedi\w*|compr\w*|need|want|order|para|con|with|for|"
    r"desde|since|hace)(?!\w)"
)

# What may follow and belongs to the address.
_MORE = re.compile(
    rf"{_COMMA}(?:{_PART}|#\s?\w{{1,6}}|(?:suite|ste|unit|floor|fl|room|rm|apartment)\.?"
    rf" ?#? ?\w{{1,6}}|\d{{1,2}} ?[ºª°o]\.? ?[a-z]{{0,3}}(?!\w))"
)
_CITY = re.compile(
    r"(?: {0,2},? {0,2}(?:y|e|entre|and|&) {1,2}| ?, {0,2}| - )"
    r"(?P<city>[^\W\d_][\w.'-]{1,24}(?: {1,2}[^\W\d_][\w.'-]{1,24}){0,3})"
)
_POSTCODE = re.compile(r" {0,2},? {0,2}(?:[a-z]{2} )?\d{5}(?:-\d{4})?(?!\w)")
_LOWER_LINKS = frozenset(word_table("de del la las los el"))
_DIGIT = re.compile(r"\d")
_TOKEN = re.compile(r"[^ ]+")

_WAY_WORDS = frozenset(
    (*_WAYS, *_WEAK_WAYS, *_STREETS, *_WEAK_STREETS, "c", "mz", "manzana", "box")
) | frozenset(max(cue.split(), key=len) for cue in (*_CUES, *_NOUN_CUES, *_BOXES[3:]))
# "av5", "calle12": a way and its number in one word.
_GLUED = re.compile(rf"(?<!\w)(?:{_any(_WAYS)})\d")


class AddressRecognizer(ChatRecognizer):
    """Finds street addresses with a house number, and what follows "vivo en …".

    A city or a quarter alone is no address.
    """

    entity_types: ClassVar[tuple[str, ...]] = ("ADDRESS",)

    def may_hold(self, passage: Passage) -> bool:
        """A word that names a way or announces an address."""
        if passage.digits == 0 and "s/n" not in passage.plain:
            return False
        return (
            not _WAY_WORDS.isdisjoint(passage.words)
            or _GLUED.search(passage.plain) is not None
        )

    def find(self, passage: Passage) -> list[Span]:
        """Give every address; those found in two ways overlap."""
        return [
            Span(start, end, "ADDRESS", score, rule)
            for start, end, score, rule in (*_streets(passage), *_announced(passage))
        ]


def _streets(passage: Passage) -> Iterator[tuple[int, int, float, str]]:
    plain = passage.plain
    for pattern, rule in ((_SPANISH, "street"), (_ENGLISH, "english street")):
        position = 0
        while (match := pattern.search(plain, position)) is not None:
            if _is_street(match, passage):
                end = _extent(passage, match.end())
                yield match.start(), end, CUE, rule
                position = end
            else:
                position = match.start() + 1
    for pattern, rule in ((_NUMBERED, "numbered"), (_BLOCK, "block"), (_BOX, "box")):
        for match in pattern.finditer(plain):
            yield match.start(), _extent(passage, match.end()), CUE, rule


def _is_street(match: re.Match[str], passage: Passage) -> bool:
    words = match["name"].split()
    if not _SENTENCE.isdisjoint(words) or UNIT.match(passage.plain, match.end()):
        return False
    if any(word.endswith(".") and len(word) > 4 for word in words):  # noqa: PLR2004
        return False  # a sentence ended in between
    if match["weak"] is None:
        return True
    # "20 is a good place", "en camino 2 cajas": only a proper name makes it a street.
    return any(
        passage.raw[match.start("name") + found.start()].isupper()
        for found in _TOKEN.finditer(match["name"])
    )


def _announced(passage: Passage) -> Iterator[tuple[int, int, float, str]]:
    plain = passage.plain
    for match in _CUED.finditer(plain):
        start, value = match.start("value"), match["value"]
        first = passage.raw[start]
        if match["sure"] is None and not (first.isupper() or first.isdigit()):
            continue
        end = _CLAUSE_END.search(value)
        clause = value[: end.start()] if end else value
        clause = clause.rstrip(" ,.:-")
        if _DIGIT.search(clause):
            yield start, start + len(clause), SHAPE, "cue"


def _extent(passage: Passage, end: int) -> int:
    """Take in flat, crossing, city and postcode, each once or a few times."""
    for _ in range(5):
        for pattern in (_MORE, _POSTCODE):
            match = pattern.match(passage.plain, end)
            if match is not None and not UNIT.match(passage.plain, match.end()):
                end = match.end()
                break
        else:
            city = _city_end(passage, end)
            if city == end:
                break
            end = city
    return end


def _city_end(passage: Passage, end: int) -> int:
    """Take in up to four words that are written as a proper name."""
    match = _CITY.match(passage.plain, end)
    if match is None:
        return end
    last = end
    for found in _TOKEN.finditer(match["city"]):
        start = match.start("city") + found.start()
        if passage.raw[start].isupper():
            last = match.start("city") + found.end()
        elif found.group() not in _LOWER_LINKS:
            break
    return last
