"""Names: what announces them, how far they reach, and what only sounds like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.passage import Passage, plain_text
from rasa_qa_plugin.privacy.recognizers.names import NameRecognizer
from rasa_qa_plugin.privacy.recognizers.names_cues import KEYS, cues_in
from rasa_qa_plugin.privacy.recognizers.names_lexicon import (
    CAPITAL_PARTICLES,
    COMPANIES,
    DOUBTFUL_GIVEN,
    GIVEN,
    SURNAMES,
    TITLES,
)
from rasa_qa_plugin.privacy.recognizers.names_limits import LIMITS, SURNAMES_TOO
from rasa_qa_plugin.settings import PrivacySettings

ENGINE = PrivacyEngine(PrivacySettings())
RECOGNIZER = NameRecognizer()


def names(text: str) -> list[str]:
    return [text[s.start : s.end] for s in ENGINE.find(text) if s.entity_type == "NAME"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        # after a cue that leaves no doubt, in any case
        ("me llamo juan perez y necesito precios", "juan perez"),
        ("me llamo Ana", "Ana"),
        ("Hola, me llamo Juan tzoc.", "Juan tzoc"),
        ("me llamo juan lopez quiero saber precios", "juan lopez"),
        ("me llamo juan carlos perez lopez", "juan carlos perez lopez"),
        ("mi nombre es maria del carmen lopez", "maria del carmen lopez"),
        ("mi nombre y apellido es luis mora", "luis mora"),
        ("mis apellidos son De la Cruz Mejía", "De la Cruz Mejía"),
        ("Mi apellido es Tzul", "Tzul"),
        ("my name is john smith and i need shrimp", "john smith"),
        ("my name is Mary-Anne O'Neil.", "Mary-Anne O'Neil"),
        ("My name's Ahmed Khan", "Ahmed Khan"),
        ("my last name is O'Brien", "O'Brien"),
        ("a nombre de jose luis", "jose luis"),
        ("a nombre del Sr. Luis Mora", "Luis Mora"),
        ("factura a nombre de Juan Pérez con nit 123456-7", "Juan Pérez"),
        ("usted habla con luis ajanel", "luis ajanel"),
        # slips of the pen
        ("mi nomre es Ana Ruiz", "Ana Ruiz"),
        ("mi nombr es ana ruiz", "ana ruiz"),
        ("my nam is jane roe", "jane roe"),
        # forms
        ("nombre: juan tzoc, tel 55123456", "juan tzoc"),
        ("NOMBRE: MARIA JOSE AJPOP", "MARIA JOSE AJPOP"),
        ("Nombre del titular: LUIS MORA VELA", "LUIS MORA VELA"),
        ("Full name - Jane Roe", "Jane Roe"),
        ("Customer name: jane roe", "jane roe"),
        ("Cliente: Xiomara Tzoc", "Xiomara Tzoc"),
        ("Apellidos: Bueno Díaz", "Bueno Díaz"),
        ("contacto: Ana Ruiz", "Ana Ruiz"),
        # after a cue that needs a capital or a common name
        ("soy Pedro", "Pedro"),
        ("soy pedro", "pedro"),
        ("SOY ANA", "ANA"),
        ("BUENAS TARDES SOY MARIA LOPEZ NECESITO PRECIO", "MARIA LOPEZ"),
        ("hola soy maria fernanda lopez de quito", "maria fernanda lopez"),
        ("Soy María de Guatemala", "María"),
        ("soy la Sra. Marta", "Marta"),
        ("soy yo, Ana Ruiz", "Ana Ruiz"),
        ("le saluda Xiomara Tzoc de la empresa", "Xiomara Tzoc"),
        ("de parte de Doña Rosa Quispe", "Rosa Quispe"),
        ("don pedro me dijo", "pedro"),
        ("el sr juan perez recibe", "juan perez"),
        ("I'm Peter", "Peter"),
        ("im sarah, i want to buy shrimp", "sarah"),
        ("hi I am Jasbir Singh", "Jasbir Singh"),
        ("this is maria again", "maria"),
        ("call me Bob", "Bob"),
        ("speaking with Mr. Van der Berg", "Van der Berg"),
        ("contact person John Doe", "John Doe"),
        ("mi esposa María lo recoge", "María"),
        ("my wife Susan will pick it up", "Susan"),
        ("transfer money to Grace", "Grace"),
        ("send it to Ana", "Ana"),
        ("appointment with Dr. Jane Roe", "Jane Roe"),
        ("an appointment on March 7th with Jane Roe", "Jane Roe"),
        ("preguntar por Don Beto Caal", "Beto Caal"),
        ("Estimada Licda. Gloria Caal", "Gloria Caal"),
        ("Hola Ana, ¿me ayuda?", "Ana"),
        ("Residencia de ANA LUNA: lejos", "ANA LUNA"),
        ("Philip's savings, in the name of Philip's", "Philip"),
        # before a cue
        ("Carlos Pérez es mi nombre", "Carlos Pérez"),
        ("hola juan tzoc es mi nombre", "juan tzoc"),
        ("María López para servirle", "María López"),
        ("juan perez le saluda", "juan perez"),
        ("Buenos días. Ing. Luis Mora le escribe", "Luis Mora"),
        ("John here, quick question", "John"),
        # signatures
        ("Atte. Ing. Luis Mora", "Luis Mora"),
        ("Saludos,\nPedro Vela", "Pedro Vela"),
        ("Gracias,\nXiomara Tzoc", "Xiomara Tzoc"),
        ("Best regards,\nJohn Doe\nSales Manager", "John Doe"),
        # records
        ("Ana Luna, 0991234567", "Ana Luna"),
        ("ANA TZOC MORALES - 4.192.908-1 - 928 385 67", "ANA TZOC MORALES"),
        ("Luis Mora <luis.mora@example.org>", "Luis Mora"),
        # as a whole, and no more
        ("mi nombre es Ana María de los Ángeles Paz", "Ana María de los Ángeles Paz"),
        ("Ing. J. A. Mora Vela", "J. A. Mora Vela"),
        ("Dr. Charles Dennis Barton, Jr", "Charles Dennis Barton, Jr"),
        ("Sra. Rosa Bueno Pineda Tel: 123", "Rosa Bueno Pineda"),
        ("a nombre de Juan Pérez S.A.", "Juan Pérez"),
        ('me llamo "Ana Luna"', "Ana Luna"),
        ("me llamo Jose\u0301 Nu\u0301n\u0303ez", "Jose\u0301 Nu\u0301n\u0303ez"),
    ],
)
def test_announced_names_are_found_whole(text: str, name: str) -> None:
    assert names(text) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "soy cliente",
        "soy de Guatemala",
        "Soy De Guatemala",
        "soy comprador",
        "Soy Mayorista",
        "soy nuevo",
        "Soy Ecuatoriano",
        "soy Gerente de Compras",
        "soy la encargada de compras",
        "somos una empresa",
        "I am interested",
        "I'm Interested in shrimp",
        "I am Happy",
        "I'm from Guatemala",
        "im good",
        "This Is Great",
        "This is HLSO 16/20",
        "me llamó la atención el precio",
        "¿Habla Inglés?",
        "English speaking",
        "call me at 5",
        "Call Me Back",
        "Don't Bother",
        "I don't know",
        "I miss Guatemala",
        "name your price",
        "my name is not important",
        "mi nombre es lo de menos",
        "mi nombre no aparece",
        "cual es mi nombre",
        "what is my name",
        "a nombre de quien",
        "a nombre de la empresa",
        "factura a nombre de Acuacorp S.A.",
        "a nombre de Comercial Robles S.A.",
        "Vessel name: MSC Isabella",
        "nombre del producto: Camarón HLSO",
        "product name: Shrimp HLSO 16/20",
        "se llama HLSO",
        "Sr. Gerente",
        "Estimado Cliente",
        "dear customer",
        "Hola Buenas Tardes",
        "Hola Quiero Camarón",
        "Hola Rasa",
        "anyone here",
        "Shipping here",
        "Saludos Cordiales",
        "Saludos. Camarón HLSO 16/20 por favor",
        "saludos\nNecesito precios",
        "Gracias, Camarón Titi",
        "gracias\n\nQuiero 20 cajas",
        "Thanks,\nPlease confirm",
        "contacto de emergencia",
        "Contacto: ventas",
        "contact: CFR Houston",
        "attn: Purchasing",
        "send the container to Miami",
        "transfer money to Houston",
        "meeting with Sales",
        "cita con ventas",
        "cuenta de Banco Pichincha",
        "telefono de Ventas",
        "Datos de Facturación",
        "registro Sanitario",
        "cliente frecuente",
        "usuario Nuevo",
        "Hospital Central Dr. Luis Mora",
        "C/ Profesor Luis Mora",
        "Camarón Vannamei 1234567",
        "CIF Miami 33126",
        "Order for Trader Joe's",
        "me llamo ana@example.org",
    ],
)
def test_what_only_sounds_like_a_name_is_left_alone(text: str) -> None:
    assert names(text) == []


CUES = (
    "me llamo|soy|a nombre de|nombre:|sr.|le saluda|es mi nombre|my name is|this is|"
    "here|saludos\n|gracias|send it to|appointment with|with|to|contacto|cliente:|"
    "Ana|juan|PEREZ|de la|y|Luna|o'neil|quiero|S.A.|,|.|-|0991234567|[NAME]|J.|"
    "a1@example.org|Calle Mar 12|hospital|con|hola|Sra. Rosa|QUIERO|:"
).split("|")


@given(st.lists(st.sampled_from(CUES), max_size=9).map(" ".join))
def test_gate_lets_every_name_through(text: str) -> None:
    passage = Passage(text)
    if not RECOGNIZER.may_hold(passage):
        assert RECOGNIZER.find(passage) == []
    if not (RECOGNIZER.opens(passage.text, passage.words) or passage.digits):
        assert "@" in text or RECOGNIZER.find(passage) == []


@given(st.lists(st.sampled_from(CUES), max_size=12).map(" ".join))
def test_no_name_is_left_in_a_masked_text(text: str) -> None:
    masked, position = "", 0
    for span in ENGINE.find(text):
        masked += text[position : span.start] + f"[{span.entity_type}]"
        position = span.end
    assert ENGINE.find(masked + text[position:]) == []


def test_every_key_opens_the_gate_for_its_phrases_only() -> None:
    assert all(key == plain_text(key) and key.isascii() for key in KEYS)
    assert cues_in("nada que ver", frozenset(("nada", "que", "ver"))) == []


@pytest.mark.parametrize(
    "table",
    [
        GIVEN,
        DOUBTFUL_GIVEN,
        SURNAMES,
        TITLES,
        COMPANIES,
        CAPITAL_PARTICLES,
        LIMITS,
    ],
)
def test_tables_hold_plain_words(table: frozenset[str]) -> None:
    assert all(word == plain_text(word) for word in table)


def test_tables_do_not_contradict_each_other() -> None:
    assert GIVEN.isdisjoint(DOUBTFUL_GIVEN)
    assert GIVEN.isdisjoint(LIMITS)
    assert GIVEN.isdisjoint(COMPANIES)
    assert SURNAMES & LIMITS <= SURNAMES_TOO


@pytest.mark.parametrize(
    "part",
    [
        "me llamo ",
        "a nombre de ana ",
        "soy A. B. ",
        "sr. de la ",
        "x le saluda ",
        "Ana ",
    ],
)
def test_names_of_a_hostile_length_are_scanned_in_linear_time(part: str) -> None:
    passage = Passage((part * 4000)[:20_000] + " 0991234567")
    assert all(span.end <= len(passage.raw) for span in RECOGNIZER.find(passage))
