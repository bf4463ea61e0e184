"""The words that addresses are made of, and the words that end them."""

import re

from rasa_qa_plugin.privacy.passage import word_table
from rasa_qa_plugin.privacy.recognizers.number_words import kind_of

# Words that name a way, and hardly anything else; the weak ones need a capital after.
WAYS = word_table("""
        calle avenida avda ave av carrera cra kra calzada boulevard blvd bulevar
        bvar bvr pasaje pje psje transversal ciudadela cdla urbanizacion urb colonia
        carretera ctra crt glorieta rambla jiron avª pº clle cll rua callejon
    """)
SHORT_WAYS = [way for way in WAYS if len(way) <= 4]  # noqa: PLR2004 - these take a dot
WEAK_WAYS = word_table("""
        diagonal diag paseo plaza pza plza camino cno ronda travesia trav col
        residencial residenciales edificio condominio via cl jr alameda malecon
        autopista autovia eje prolongacion prol privada circuito cerrada andador
        retorno cuesta costanera ruta rue barrio sector lotizacion cooperativa finca
        vereda poligono periferico circunvalacion libramiento c rotonda
    """)
STREETS = word_table("street st avenue ave boulevard blvd road rd lane ln")
WEAK_STREETS = word_table("""
        drive dr court ct way place pl square sq terrace ter highway hwy parkway
        pkwy circle cir trail trl alley crescent cres close row walk plaza turnpike
        expressway common commons gardens gdns grove mews hill loop path run ridge
        crossing xing point pike wharf quay broadway freeway fwy landing gate green
        view park causeway esplanade mall center centre heights
    """)

# A flat or a part of a building: a number or a letter follows.
_FLATS = word_table("""
        zona z piso depto dpto departamento apto apt apartamento dep oficina of ofic
        lote mz manzana villa solar casa bloque blq puerta pta escalera esc etapa
        torre local nivel km interior int exterior ext portal planta bodega
        consultorio cons unidad despacho duplex nave cuadra edificio edif
        suite ste unit floor fl room rm apartment bldg building level flat space spc
        trailer lot studio
    """)
FLAT_WORDS = frozenset(_FLATS)
# A quarter or a building: a name follows.
QUARTERS = word_table("""
        edificio edif edf torre residencial residenciales conjunto condominio urb
        urbanizacion col colonia barrio sector fracc fraccionamiento cdla ciudadela
        reparto aldea municipio delegacion parroquia comuna poligono canton lotizacion
        ensanche villa poblacion unidad
    """)

LINKS = frozenset(word_table("de del la las los el y e i d da do dos of the san santa"))
# A street is not called like this: it is a sentence that holds a number.
SENTENCE = frozenset(
    word_table("""
        a are at con cuando cuanto cuesta donde en es esta estan for from hace hay in
        is me mi minutes my necesito on para por que queda quiero se si son su that
        the tiene tienen to un una was with within hours miles kilometers blocks
        cuadras or and has have it which there their they its we you your i do does
        can era eran fue fueron ser sin no not by off of per as be been will would so
        but if than then out up am an he she her his our us this these those get got
        go going take took need needs want wants all any more most some please hour
        minute mile block people yards feet min mins around about before after over
        only just como pero desde hasta sobre muy mas menos tambien cada todo toda
        todos este ese eso esto aqui alli ya nos les le lo favor gracias thanks
        hola hello tengo tenemos hemos voy vamos estoy estamos sera seran
    """)
)
MONTHS = frozenset(
    word_table("""
        enero febrero marzo abril mayo junio julio agosto septiembre setiembre
        octubre noviembre diciembre january february march april may june july august
        september october november december ene feb mar abr jun jul ago sep sept oct
        nov dic jan apr aug dec
    """)
)
# Not a city, nor a building, though it may be written with a capital.
_NO_PLACES = (SENTENCE - LINKS) | frozenset(
    word_table("""
        email e-mail mail correo contacto contact thank hi hey dias tardes noches claro
        perfecto listo dale bueno dear saludos regards attn ok yes ella pedido order
        tlf tlfno tfno fax movil web www http https escribir total subtotal fecha date
        nombre name cliente customer referencia telf rut call phone could should did
        how what when where who why also ring sent shall sorry sure great here let may
        monday tuesday wednesday thursday friday saturday sunday lunes martes
        miercoles jueves viernes sabado domingo today tomorrow hoy manana urgente
        urgent asap
    """)
)
# Names of this kind are followed by a number that is no house number.
NO_STREETS = frozenset(
    word_table("""
        maritima aerea terrestre hotel email correo whatsapp fax semana week puerto
        port muelle dock bodega warehouse almacen planta contenedor container terminal
        gate pier talla size cliente clientes customer customers proveedor cfr fob
        cif exw dap ddp hlso hoso pud pd pyd iqf bl trabajo lane star way bed hour
        lote partida pagina page capitulo articulo ip mac version level grado anexo
        total cantidad quantity camion truck ruta route vuelo flight
    """)
)
# A dot after these does not end a sentence.
ABBREVIATIONS = frozenset(
    word_table("""
        gral prof profa arzob obispo mons pbro cnel comte almte alte brig mcal pdte
        pres hnos nnal nac gob comdte tte capt cap ing lic dra sta sto fco avda ctra
        cdla edif urb col esq dpto depto blvd boul north south nro prol psje av ave cl
        cra crt pza plza pje mz jr admor intdte virg ntra sra str calz bldg carr
    """)
)


def is_place(word: str) -> bool:
    """Tell whether a capitalized word may be a city or a quarter."""
    return word not in _NO_PLACES and kind_of(word) is None


def is_street_name(word: str) -> bool:
    """Tell whether a word in front of a number may name a street."""
    return word not in NO_STREETS and is_place(word)


def any_of(words: tuple[str, ...] | list[str]) -> str:
    """Give an alternation, longest first; a blank stands for one or two."""
    ordered = sorted(set(words), key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\ ", " {1,2}") for word in ordered)


FLAT = rf"(?:{any_of(_FLATS)})"
