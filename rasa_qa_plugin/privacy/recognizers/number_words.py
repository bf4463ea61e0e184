"""Tables of the words around a number that tell what it is, and what it is not."""

import re

from rasa_qa_plugin.privacy.passage import word_table

REFERENCE = "REFERENCE"
MONEY = "MONEY"
# A number and no more: "the number is …".
VAGUE = "NUMBER"

_CUES = {
    "PHONE": """
        tel tels telf telfs tfno tfn tlf tlfn tlfno tlfs fono fonos cel cels celu cell
        cells movil moviles mob whatsapp wpp wsp ws fax marca marcar marque marcame
        phone phones telephone mobile call calling ring text dial reach reached
        reachable hotline answer answering convencional linea sms telegram
        yape plin bizum nequi daviplata ph""",
    "ID": """
        dpi cui nit cedula cedulas ced ruc dni nie nif rut curp rfc cpf cuit cuil rtn
        rnc nhc nass nuss nss cipa nuip ci cc ncol pasaporte passport identidad
        documento document identity ssn id licencia licence license brevete mrn npi
        ein itin tin episodio historia policy poliza member carnet""",
    "ACCOUNT": """
        cuenta cuentas cta ctas account accounts acct acc clabe cbu cvu cci routing aba
        bancaria bancario iban ahorro ahorros deposito transferencia""",
    "CARD": """
        tarjeta tarjetas card cards visa mastercard amex diners credito credit debito
        debit""",
    # Of a company in Spain: letters belong to it, so "CIF 33126" is a price in Miami.
    "CIF": "cif",
    # Trade, transport, customs, payments, goods, papers, machines.
    REFERENCE: """
        pedido pedidos orden ordenes order orders factura facturas invoice invoices
        boleta receipt proforma cotizacion quote quotation contrato contract oc po req
        requisicion request solicitud ticket caso case radicado expediente tramite
        reclamo reclamos queja incidencia claim claims complaint
        tracking guia rastreo seguimiento waybill awb mawb hawb bl bol hbl mbl booking
        contenedor container precinto seal buque vessel viaje voyage vuelo flight
        manifiesto manifest embarque despacho envio shipment remision dhl fedex ups
        hs hts taric arancel arancelaria partida subpartida nandina dae dai duca dua
        comprobante autorizacion aprobacion voucher cheque check nota carta
        movimiento transaccion transaction operacion secuencia
        lote lot batch sku producto product articulo item serie serial modelo model
        material part parte catalogo barcode gs1 ean upc gln gtin sscc planta muestra
        sample sap fda fei duns
        referencia reference ref folio codigo codigos code cod reserva reservacion
        reservation confirmacion confirmation registro registration resolucion acta ley
        decreto norma iso version pagina page postal zip cp""",
    MONEY: """
        precio valor val monto suma total amount price cost costo coste saldo balance
        abono importe presupuesto budget cantidad qty quantity stock talla tallas size
        sizes rango range entre""",
}
# Typed wrong or in another form often enough; no other word begins like this.
_STEMS = {
    "PHONE": """
        telef celul whats watsa wats wasa wassa guasap contac comunic llama llame
        escrib""",
    "ID": "identific colegiad asegurad afilia pasaport cedul",
}
_STEM_TYPES = tuple(
    (stem, kind) for kind, stems in _STEMS.items() for stem in stems.split()
)
# The stems and their types by their first three letters.
STEM_HEADS = {
    head: tuple(row for row in _STEM_TYPES if row[0].startswith(head))
    for head in {stem[:3] for stem, _ in _STEM_TYPES}
}
PAIRS = {
    ("n", "col"): "ID",
    ("no", "col"): "ID",
    ("num", "col"): "ID",
    ("numero", "col"): "ID",
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
    ("sort", "code"): "ACCOUNT",
    ("import", "license"): REFERENCE,
    ("export", "license"): REFERENCE,
    ("license", "plate"): REFERENCE,
    ("de", "importacion"): REFERENCE,
    ("de", "exportacion"): REFERENCE,
}
WORD_TYPES = {word: kind for kind, words in _CUES.items() for word in words.split()}
# "ten en cuenta que son 12000", "take into account": not always somebody's account.
IDIOMS = frozenset(
    (("en", "cuenta"), ("por", "cuenta"), ("doy", "cuenta"), ("into", "account"))
)
# Only with dots or a slash: "T.I.", "C.E.", "S/N".
INITIALS = {"ti": "ID", "ce": "ID", "lc": REFERENCE, "sn": REFERENCE}

# These mean something else too ("CIF Miami"), so only fillers may stand in between.
STRICT = frozenset(
    word_table("""
        cif id nie ein itin tin mrn ci cc ce ti member policy poliza document
        documento historia social reach text ring call answer credito credit debito
        debit marca linea ws ph aba ahorro ahorros deposito transferencia sms
        telegram yape plin
    """)
) | frozenset(_CUES[MONEY].split())
FILLERS = frozenset(
    word_table("""
        es is era numero numeros number no num nro n de del mi my el la the al a at
        on to fiscal tributario ciudadania identidad extranjeria personal nacional
        card code y me us them him her por favor please siguiente following este
        this su your son con ingreso ingresa conducir conductor manejo driver clinica
    """)
)
# Whoever writes these has begun to speak of something else.
OTHER_THOUGHT = frozenset(
    word_table("""
        necesito necesitamos quiero queremos quisiera need want cotizar comprar buy
        cuesta cuestan vale valen tengo tenemos have hay
    """)
)
REFERENCE_TAILS = frozenset(word_table("id number no numero num nro"))
NUMBER_WORDS = frozenset(word_table("numero number num nro"))
POSSESSIVES = frozenset(word_table("mi my his her their nuestro our mis"))
LABELS = {
    **dict.fromkeys(
        word_table("""
            fax tel telf tlf telefono phone cel cell celular movil mobile whatsapp wpp
            wsp fono fijo office oficina home work trabajo
        """),
        "PHONE",
    ),
    **dict.fromkeys(word_table("cedula dni nit ruc rut dpi cui pasaporte ssn"), "ID"),
}

UNIT = re.compile(
    r"[ -]{0,2}(?=[a-z%°$€])(?:%|°|\$|€|"
    r"(?:lbs?|libras?|pounds?|kgs?|kilos?|kilogramos?|grs?|g|gramos?|tons?|toneladas?|tm|tn|mt|cajas?|cartons?|cartones|boxes|box|ctns?|"
    r"bolsas?|bags?|unidades|units?|uds|und|unds|pcs|pzs?|pzas?|piezas?|pieces|"
    r"paquetes?|sacos?|fundas?|gavetas?|bins?|latas?|docenas?|quintal(?:es)?|qq|"
    r"cases|usd|us\$|dollars?|dolares|gtq|quetzales|lempiras|bolivianos|mxn|clp|cop|"
    r"pen|uyu|ars|eur|euros?|pesos|soles|contenedor(?:es)?|containers?|fcl|pallets?|"
    r"masters?|ml|lt|lts|litros?|liters?|oz|onzas?|cm|mm|km|mts?|m|metros?|meters?|m2|"
    r"hp|kw|v|w|anos?|years?|meses|months?|dias?|days?|semanas?|weeks?|horas?|hours?|"
    r"hrs?|minutos?|minutes?|veces|times|personas|people|guests|puntos|points|miles|"
    r"millas|millones|million)(?!\w))"
)
CURRENCY = re.compile(
    r"(?:[$€£]u?|(?<!\w)(?:us|usd|gtq|mxn|clp|eur|uyu|cop|pen|ars|q|s/|c\$|bs|l)\.?) ?$"
)


def kind_of(word: str) -> str | None:
    """Give the kind of number that a plain word announces."""
    kind = WORD_TYPES.get(word)
    if kind is None:
        for stem, stem_kind in STEM_HEADS.get(word[:3], ()):
            if word.startswith(stem):
                return stem_kind
    return kind
