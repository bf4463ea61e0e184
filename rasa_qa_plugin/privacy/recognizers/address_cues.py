"""Addresses that are announced: "vivo en …", "domicilio: …", "ship it to …"."""

import re
from collections.abc import Iterator

from rasa_qa_plugin.privacy.passage import BARRIER
from rasa_qa_plugin.privacy.recognizers.address_tail import extent
from rasa_qa_plugin.privacy.recognizers.address_text import AddressText
from rasa_qa_plugin.privacy.recognizers.address_words import (
    ABBREVIATIONS,
    MONTHS,
    any_of,
    is_street_name,
)

# A number in what follows these makes it an address.
_SURE = (
    "vivo en",
    "vivimos en",
    "resido en",
    "residimos en",
    "mi direccion es",
    "la direccion es",
    "nuestra direccion es",
    "su direccion es",
    "mi domicilio es",
    "mi casa queda en",
    "domiciliado en",
    "domiciliada en",
    "my address is",
    "our address is",
    "the address is",
    "their address is",
    "i live at",
    "i live on",
)
# What follows these must look like the beginning of an address.
_NOUNS = (
    "direccion",
    "residencia",
    "domicilio",
    "ubicacion",
    "address",
    "location",
    "vive en",
    "viven en",
    "reside en",
    "ubicado en",
    "ubicada en",
    "ubicados en",
    "located at",
    "located on",
    "located in",
    "find them at",
)
_ERRANDS = (
    "entregar en",
    "entrega en",
    "entregas en",
    "entreguen en",
    "entreguenlo en",
    "entregarlo en",
    "enviar a",
    "enviarlo a",
    "envien a",
    "envienlo a",
    "envie a",
    "envio a",
    "mandar a",
    "manden a",
    "mandenlo a",
    "llevar a",
    "lleven a",
    "llevarlo a",
    "despachar a",
    "recoger en",
    "retirar en",
    "estoy en",
    "estamos en",
    "deliver to",
    "delivery to",
    "ship to",
    "ship it to",
    "send to",
    "send it to",
    "drop off at",
    "drop it at",
    "pick up at",
)
_CUED = re.compile(
    rf"(?<!\w)(?:(?P<sure>(?:{any_of(_SURE)})(?!\w):?)"
    rf"|(?:{any_of(_NOUNS)})(?!\w)"
    rf"(?P<colon>(?: (?:de|of|actual|registrada) [^:;.\n{BARRIER}]{{1,40}}?)?"
    r"(?: ?:| es(?= )| is(?= )| esta en(?= )))?"
    rf"|(?P<errand>{any_of(_ERRANDS)})(?!\w):?)[ \n]{{0,3}}"
    rf"(?P<value>[^;\n@{BARRIER}]{{4,90}})"
)
_CUES = (*_SURE, *_NOUNS, *_ERRANDS)
_FIRST_WORDS = frozenset(cue.split()[0] for cue in _CUES)
# The longest word of each: necessary for it, and cheap to look up.
WORDS = frozenset(max(cue.split(), key=len) for cue in _CUES)
_END = re.compile(
    # One character first, for the speed of it.
    r"[ ,.?!](?:(?<=[.?!])(?= |$)|(?:(?<=,) |(?<= )(?:(?:y|and) )?)"
    r"(?:y mi|and my|mi|my|tel\w*|cel\w*|fono|phone|correo|"
    r"e-?mail|email|mail|contacto|llamar|escribir|por favor|please|gracias|thanks|"
    r"necesit\w*|quier\w*|quisiera|dese\w*|busc\w*|pedi\w*|compr\w*|need|want|order|"
    r"para|con|with|for|desde|since|hace|but|pero|has|have|they|their|which|is|it|"
    r"that|your?|can)(?!\w))"
)
# After a dot the floor may follow: "Luna 19. 6C".
_GOES_ON = re.compile(r"\. {1,2}\d{1,2} ?[ºª°]?[a-z]?(?= {0,2}(?:[.,]|$))")
_SHORT = re.compile(r"(?<!\w)(\w|n[o°º]|" + any_of(tuple(ABBREVIATIONS)) + r")\.$")
_NUMBER = re.compile(
    r"(?<![\w/.,:$-])(?:(?:#|n[o°º]\.?) ?)?[nseo]?\d{1,5}[a-z]?(?![/:]|[.,]\d|\d|%)"
)
# Name and number, nothing else, and the end of a thought or a flat behind it.
_PLACE = re.compile(
    r"(?P<name>(?:[^\W\d_][\w'-]{2,24}(?: [^\W\d_][\w'-]{1,24}){0,2}, )?"
    r"(?:(?:la|el|los|las) )?[^\W\d_][\w.'-]{1,24}"
    r"(?: [^\W\d_][\w.'-]{0,24}){0,4}?)"
    r",? (?:(?:#|n[o°º]\.?) ?)?\d{2,4}[a-z]?(?:-\d{1,4})?(?= {0,2}(?:[,;.\n)](?!\d)|$)"
    r"| (?:y|e|esq|esquina|entre|piso|apto|depto|dpto|casa|oficina|edificio|col|zona) "
    r"| (?:por favor|porfa|please|gracias|thanks)(?!\w))"
)
_NONE = re.compile(r"(?<!\w)s/n(?!\w)")
_COUNT = re.compile(r"\d{1,2} {1,2}(?=[^\W\d_])")
_HOUSE = re.compile(r"[\d-]{1,12}[a-z]{0,3},? {1,2}")
_ARTICLES = frozenset(("la", "el", "los", "las"))
_YEAR = re.compile(r"(?:19|20)\d\d$")


def find(text: AddressText) -> Iterator[tuple[int, int, str]]:
    """Give start and end of every announced address, and the rule."""
    for first in text.at(_FIRST_WORDS):
        match = _CUED.match(text.plain, first)
        if match is None:
            continue
        start, value = match.start("value"), match["value"]
        if match["errand"]:
            end = _place_end(text, start)
            if end > start:
                yield start, end, "errand"
            continue
        clause = _clause(value)
        if match["sure"]:
            likely = _goes_with(text, start, clause, match["sure"])
        else:
            likely = _begins(text, start, clause, match["colon"] or "")
        if likely and _holds_number(text, start, clause):
            yield start, start + len(clause), "cue"


def _holds_number(text: AddressText, start: int, clause: str) -> bool:
    """Tell whether there is a number that counts nothing, or that there is none."""
    for number in _NUMBER.finditer(clause):
        if not text.counts(start + number.end()):
            return True
    return "s/n" in clause and _NONE.search(clause) is not None


def _goes_with(text: AddressText, start: int, clause: str, cue: str) -> bool:
    """Tell "I live at 12 the old mill" from "vivo en 2 mundos"."""
    first = _COUNT.match(clause)
    if first is None or cue.endswith(("is", "es", ":")):
        return True
    return text.proper(start + first.end()) or len(_NUMBER.findall(clause)) > 1


def _clause(value: str) -> str:
    position = 0
    while (end := _END.search(value, position)) is not None:
        goes_on = _GOES_ON.match(value, end.start())
        if goes_on is None and not (
            value[end.start()] == "." and _SHORT.search(value, 0, end.start() + 1)
        ):
            return value[: end.start()].rstrip(" ,.:-")
        position = (goes_on or end).end()
    return value.rstrip(" ,.:-")


def _begins(text: AddressText, start: int, clause: str, colon: str) -> bool:
    """Tell whether it looks like an address: a name, or a number and a name."""
    words = clause.split()
    if not words or words[0].rstrip(":.,") in MONTHS:
        return False
    if clause[0].isdigit():
        number = _HOUSE.match(clause)
        if number is None or text.counts(start + len(number.group().rstrip())):
            return False
        after = start + number.end()
        return bool(colon) or text.proper(after)
    written = text.proper(start) or colon.endswith(":")
    first = words[0].rstrip(",.")
    named = first in _ARTICLES or (is_street_name(first) and first != "the")
    return written and named


def _place_end(text: AddressText, start: int) -> int:
    match = _PLACE.match(text.plain, start)
    if match is None or text.counts(match.end()):
        return start
    words = match["name"].replace(",", "").split()
    if any(
        word in MONTHS or not is_street_name(word.rstrip("."))
        for word in words
        if word not in _ARTICLES
    ) or _YEAR.search(match.group()):
        return start
    if words[0] in _ARTICLES:
        if len(words) == 1:
            return start
    elif not (text.capitals_tell and text.proper(start)):
        return start
    return extent(text, match.end())
