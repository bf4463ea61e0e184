"""Names that a cue phrase announces: "me llamo …", "my name is …"."""

import re
from collections.abc import Iterator
from typing import ClassVar

from rasa_qa_plugin.privacy.passage import Passage, plain_text, word_table
from rasa_qa_plugin.privacy.recognizers.base import ChatRecognizer
from rasa_qa_plugin.privacy.spans import CUE, SHAPE, Span

# What follows these is a name however it is written.
_SURE_CUES = (
    "me llamo",
    "mi nombre es",
    "mi nombre completo es",
    "mi nombre y apellido es",
    "mis nombres son",
    "el nombre es",
    "nombre completo es",
    "a nombre de",
    "my name is",
    "my name's",
    "my full name is",
    "my first name is",
    "my last name is",
    "mi apellido es",
    "the name is",
    "in the name of",
    "under the name of",
    "under the name",
    "nombre:",
    "nombres:",
    "nombre completo:",
    "apellido:",
    "apellidos:",
    "name:",
    "full name:",
    "last name:",
    "first name:",
)
# What follows these is a name only when it is written like one.
_CUES = (
    "soy",
    "yo soy",
    "habla",
    "te habla",
    "le habla",
    "le saluda",
    "te saluda",
    "saluda",
    "se llama",
    "nombre",
    "apellidos",
    "atentamente",
    "atte",
    "saludos",
    "this is",
    "i am",
    "i'm",
    "im",
    "call me",
    "name is",
    "name's",
    "name of",
    "named",
    "on behalf of",
    "regards",
    "sincerely",
    "attn",
    "cliente",
    "titular",
    "usuario",
    "usuaria",
    "beneficiario",
    "beneficiaria",
    "paciente",
    "medico",
    "contacto",
    "remitido por",
    "responsable",
    "responsable clinico",
    "under",
    "sr",
    "sra",
    "srta",
    "senor",
    "senora",
    "senorita",
    "don",
    "dona",
    "dr",
    "dra",
    "ing",
    "lic",
    "lcdo",
    "lcda",
    "abg",
    "mr",
    "mrs",
    "ms",
    "miss",
    "prof",
)
_TITLES = frozenset(
    word_table("sr sra srta senor senora don dona dr dra ing lic mr mrs ms")
)
_PARTICLES = frozenset(word_table("de del la las los van von da dos di y e san"))
_JOINING = frozenset(word_table("y e"))

# A name ends before these, and does not begin with them.
_NOT_NAMES = frozenset(
    word_table("""
        a able about active actually ahora al algo alguien algun alguna already also
        am an and any aqui are as asi at available aun aunque ayer back be because
        been before bien bot buen buena buenas bueno buenos busco but by calling can
        chat client cliente comercial como compra comprador compro con confirmado
        consulta consultar correct correo could cual cuando cuanto customer de debe
        del desde deseo deseaba desearia dia dias did do does done dpi el ella ellos
        email en encargado entonces eres es esa ese eso esta estaba estado estamos
        estan estar estoy fine for from fue gerente going good gracias great guest
        ha habla hace hacer han happy has have he hello her here hi him his hola
        hospital how hoy hombre i if igual in intento interested interesado
        interesada is it its jefe just la las le les let lo looking los made manager
        mas may me mejor mi mientras might muy mujer my mucho nada nadie necesitaba
        necesito need new ni nina nino no nobody none nor not now nuevo nueva o of
        ok okay on one or other otro otra our out para pero perfecto paciente
        persona planning please por porque posible proveedor puedo puede que queria
        quien quiero quisiera ready really recibido regarding responsable right sad
        se sea senor senora ser servicio si sick side sin so sobre some someone
        sorry solo somos soy su sure tal tambien tan te telefono tengo thank thanks
        that the their them then there these they thinking this to todo too totally
        trabajo trying tu un una unable unas uno unos up urgent usted ustedes
        usuario varon vendedor very via vivo voy wanting want wants was we welcome
        well were what when where who why will with would wondering writing wrong y
        ya yes yo you your
    """)
)

_GAP = r"[ \n]{1,3}"


def _phrases(cues: tuple[str, ...]) -> str:
    ordered = sorted(cues, key=len, reverse=True)
    return "|".join(re.escape(cue).replace(r"\ ", " {1,3}") for cue in ordered)


_CUE = re.compile(
    rf"(?<!\w)(?:(?P<sure>{_phrases(_SURE_CUES)})|(?:{_phrases(_CUES)})(?!\w))"
    r"(?:\.?a\b)?[.,:]{0,2}[ \n]{0,3}[\"'\u201c\u00ab(]?"
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_BLANKS = re.compile(r"\.? {1,2}")
_MOST_WORDS = 6
_MOST_SMALL_WORDS = 2

# The longest word of each phrase: necessary for the phrase, cheap to look up.
_CUE_WORDS = frozenset(
    max(re.findall(r"\w+", cue), key=len) for cue in (*_SURE_CUES, *_CUES)
)


class NameRecognizer(ChatRecognizer):
    """Finds names that are introduced as such; a name out of the blue is not found.

    Names known from slots and entities are masked wherever they appear, see
    :class:`rasa_qa_plugin.privacy.tokens.TokenMap`.
    """

    entity_types: ClassVar[tuple[str, ...]] = ("NAME",)

    def may_hold(self, passage: Passage) -> bool:
        """One of the words that introduce names."""
        return not _CUE_WORDS.isdisjoint(passage.words)

    def find(self, passage: Passage) -> list[Span]:
        """Give every introduced name."""
        # In a text of capitals only, a capital says nothing.
        capitals_tell = not passage.raw.isupper()
        spans = []
        position = 0
        while (match := _CUE.search(passage.plain, position)) is not None:
            sure = match["sure"] is not None
            bounds = _name_after(
                passage, match.end(), sure=sure, capitals_tell=capitals_tell
            )
            if bounds is None:
                position = max(match.end() - 1, match.start() + 1)
                continue
            start, end, capital = bounds
            score = CUE if sure and capital else SHAPE
            spans.append(Span(start, end, "NAME", score, "cue"))
            position = end
        return spans


def _name_after(
    passage: Passage, position: int, *, sure: bool, capitals_tell: bool
) -> tuple[int, int, bool] | None:
    """Give start, end and whether it is capitalized of the name at *position*."""
    start = end = -1
    count = 0
    small = linked = False
    for match in _words(passage.raw, position):
        word = passage.plain[match.start() : match.end()]
        capital = capitals_tell and match.group()[0].isupper()
        if start < 0 and word in _TITLES:
            continue
        if word in _PARTICLES:
            joins = word in _JOINING
            if start < 0 or (joins and (linked or small or not capitals_tell)):
                break
            linked = True
            continue
        if word in _NOT_NAMES or passage.raw.startswith("@", match.end()):
            break
        # Once a name is written small, the rest of it is; and the other way round.
        if not (capital and not small) and not (
            sure and (start < 0 or small) and len(word) > 1
        ):
            break
        small = not capital
        linked = False
        start = match.start() if start < 0 else start
        end, count = match.end(), count + 1
        if count >= (_MOST_SMALL_WORDS if small else _MOST_WORDS):
            break
    if end - start < 2:  # noqa: PLR2004 - nothing, or an initial
        return None
    return start, end, not small


def _words(raw: str, position: int) -> Iterator[re.Match[str]]:
    """Give words that follow one another, up to the end of the sentence."""
    while (match := _WORD.match(raw, position)) is not None:
        yield match
        blanks = _BLANKS.match(raw, match.end())
        if blanks is None:
            return
        word = plain_text(match.group())
        if blanks.group()[0] == "." and len(word) > 1 and word not in _TITLES:
            return
        position = blanks.end()
