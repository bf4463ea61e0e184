"""The words around a number that tell what it is, and what it is not."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from rasa_qa_plugin.privacy.passage import BARRIER, Passage, word_table

REFERENCE = "REFERENCE"
MONEY = "MONEY"

_CUES = {
    "PHONE": """
        tel tels telef telefono telefonos telefonico tlf tlfn tlfno telf fono fonos cel
        cels celu celular celulares movil moviles whatsapp whats wasap wassap wpp wsp ws
        fax marca marcar marque marcame phone phones telephone mobile cell cellphone
        call calling ring text dial reach hotline convencional""",
    "ID": """
        dpi cui nit cedula cedulas ced ruc dni nie nif cif rut curp rfc cpf cuit cuil
        rtn nhc nass ncol nºcol pasaporte passport identidad documento identity ssn
        id licencia licence license mrn npi ein episodio historia policy poliza
        member""",
    "ACCOUNT": """
        cuenta cuentas cta ctas account accounts acct clabe cbu cci routing bancaria
        bancario iban deposito transferencia""",
    "CARD": """
        tarjeta tarjetas card cards visa mastercard amex credito credit debito debit""",
    REFERENCE: """
        pedido pedidos orden order orders factura facturas invoice referencia
        reference ref folio tracking guia codigo code lote lot sku po contrato
        proforma cotizacion booking reserva reservacion confirmacion confirmation
        case ticket caso registro secuencia movimiento transaccion transaction
        operacion barcode gs1 ean upc producto product articulo item serie serial
        modelo model planta""",
    MONEY: """
        precio valor monto suma total amount price cost costo coste saldo balance
        abono importe presupuesto budget""",
}
_STEMS = (
    ("PHONE", ("llama", "llame", "contact", "comunic", "telefon")),
    ("ID", ("identific", "colegiad", "asegurad", "afiliad")),
)
_PAIRS = {
    ("c", "i"): "ID",
    ("n", "col"): "ID",
    ("seguridad", "social"): "ID",
    ("social", "security"): "ID",
    ("seguro", "social"): "ID",
    ("tax", "id"): "ID",
    ("national", "id"): "ID",
    ("user", "id"): "ID",
    ("customer", "id"): "ID",
    ("patient", "id"): "ID",
    ("employee", "id"): "ID",
    ("master", "card"): "CARD",
}
_WORD_TYPES = {word: kind for kind, words in _CUES.items() for word in words.split()}

# These mean something else too ("CIF Miami"), so only fillers may stand in between.
_STRICT = frozenset(
    word_table("""
        cif id i col nie ein member policy episodio historia social reach text ring
        call credito credit debito debit documento ws
    """)
) | frozenset(_CUES[MONEY].split())
_FILLERS = frozenset(
    word_table("""
        es is era numero numeros number no num nro n de del mi my el la the al a at
        on to fiscal tributario ciudadania identidad extranjeria personal nacional
        card code y me us them him her por favor please siguiente following este
        this su your
    """)
)
_REFERENCE_TAILS = frozenset(word_table("id number no numero num nro"))

_WORD = re.compile(r"[^\W\d_]+")
_DISTANCE = 40
_GAP_END = re.compile(rf"\d{{3}}|[;!?{BARRIER}]")
_SENTENCE_END = re.compile(r"[^\W\d_]{4,}\.\s")
_AFTER = re.compile(
    r"[ ,]{0,3}(?:\(|(?:(?:es|is|era|was|seria)\b ?)?"
    r"(?:mi|my|el|the|su|nuestro|our|de mi|numero de) )"
    r"(?P<words>[a-z.]{1,14}(?: [a-z.]{1,14}){0,2})"
)
_NUMBER_SOON = re.compile(r"[^\d]{0,15}\d{3}")


class Cue(NamedTuple):
    """A word that types the next number; *strict* ones must stand close to it."""

    start: int
    end: int
    kind: str
    strict: bool


class Cues:
    """All cues of one text, found in one pass."""

    __slots__ = ("_cues", "_ends", "_plain")

    def __init__(self, passage: Passage) -> None:
        """Look through the words of *passage*."""
        self._plain = passage.plain
        self._cues = list(_cues(passage.plain))
        self._ends = [cue.end for cue in self._cues]

    def before(self, offset: int) -> str | None:
        """Give the kind of number announced for *offset*, the nearest word deciding."""
        index = bisect_right(self._ends, offset) - 1
        while index >= 0:
            cue = self._cues[index]
            gap = self._plain[cue.end : offset]
            if len(gap) > _DISTANCE or _closes(gap):
                return None
            if not cue.strict or all(w in _FILLERS for w in _WORD.findall(gap)):
                return cue.kind
            index -= 1
        return None

    def after(self, offset: int) -> str | None:
        """Give the kind of number named behind *offset*, as in "… es mi cédula"."""
        match = _AFTER.match(self._plain, offset)
        if match is None or _NUMBER_SOON.match(self._plain, match.end()):
            return None
        for word in _WORD.findall(match["words"]):
            kind = kind_of(word)
            if kind is not None:
                return kind
        return None


def kind_of(word: str) -> str | None:
    """Give the kind of number that a plain word announces."""
    kind = _WORD_TYPES.get(word)
    if kind is None:
        for stem_kind, stems in _STEMS:
            if word.startswith(stems):
                return stem_kind
    return kind


def _cues(plain: str) -> Iterator[Cue]:
    previous: tuple[str, int, str | None] = ("", -10, None)
    for match in _WORD.finditer(plain):
        word = match.group()
        start = match.start()
        near = start - previous[1] <= 2  # noqa: PLR2004 - "c. i.", "tax id"
        kind = _PAIRS.get((previous[0], word)) if near else None
        strict = word in _STRICT
        if kind is None:
            kind = kind_of(word)
            if near and previous[2] == REFERENCE and word in _REFERENCE_TAILS:
                kind, strict = REFERENCE, False  # "order id"
        if kind is not None:
            yield Cue(start, match.end(), kind, strict)
        previous = (word, match.end(), kind)


def _closes(gap: str) -> bool:
    """Tell whether a thought ends between cue and number."""
    # A dot right behind the cue only abbreviates it: "tel. 234 5678".
    rest = gap.removeprefix(".")
    return bool(_GAP_END.search(rest) or _SENTENCE_END.search(rest))


UNIT = re.compile(
    r"[ -]{0,2}(?:%|°|\$|€|(?:lbs?|libras?|pounds?|kgs?|kilos?|kilogramos?|grs?|g|"
    r"gramos?|tons?|toneladas?|tm|mt|cajas?|cartons?|cartones|boxes|box|ctns?|bolsas?|"
    r"bags?|unidades|units?|uds|pcs|piezas?|pieces|usd|us\$|dollars?|dolares|gtq|"
    r"quetzales|euros?|pesos|soles|contenedor(?:es)?|containers?|fcl|pallets?|masters?|"
    r"ml|lt|lts|litros?|liters?|oz|onzas?|cm|mm|km|mts?|m|metros?|meters?|m2|hp|kw|"
    r"v|w|anos?|years?|meses|months?|dias?|days?|semanas?|weeks?|horas?|hours?|hrs?|"
    r"minutos?|minutes?|veces|times|personas|people|guests|puntos|points|miles|millas|"
    r"millones|million)(?!\w))"
)
CURRENCY = re.compile(
    r"(?:[$€£]|(?<!\w)(?:us|usd|gtq|mxn|clp|eur|uyu|cop|pen|q|s/|c\$|l)\.?) ?$"
)
