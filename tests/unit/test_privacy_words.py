"""E-mails, addresses and names: as people write them, and what only looks alike."""

import pytest

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.settings import PrivacySettings

ENGINE = PrivacyEngine(PrivacySettings())


def typed(text: str) -> list[tuple[str, str]]:
    return [
        (span.entity_type, text[span.start : span.end]) for span in ENGINE.find(text)
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ana.luna@example.com", "ana.luna@example.com"),
        ("escriba a ana+ventas@correo.example.ec.", "ana+ventas@correo.example.ec"),
        ("usuario@servidor.local", "usuario@servidor.local"),
        ("ana@gmail", "ana@gmail"),
        ("ana @ example.org", "ana @ example.org"),
        ("ana@ example.org", "ana@ example.org"),
        ("<ana@example.org>", "ana@example.org"),
        ("correo:ana@example.org,gracias", "ana@example.org"),
        ("josé.ñandú@ejemplo.example", "josé.ñandú@ejemplo.example"),
        ("ana\uff20example.org", "ana\uff20example.org"),
        ("ana arroba gmail punto com", "ana arroba gmail punto com"),
        ("ana (at) example.org", "ana (at) example.org"),
        ("a" * 100 + "@example.org", "a" * 100 + "@example.org"),
    ],
)
def test_emails_are_found(text: str, value: str) -> None:
    assert typed(text) == [("EMAIL", value)]


@pytest.mark.parametrize(
    "text",
    [
        "precio @ 3.45/lb",
        "una arroba de camarón",
        "la arroba cuesta 20. gracias",
        "@",
        "@pescaderia",
        "nos vemos @casa",
        "@@@@",
    ],
)
def test_other_at_signs_are_left_alone(text: str) -> None:
    assert typed(text) == []


def test_two_emails_in_a_row_are_two() -> None:
    assert [v for _, v in typed("a1@example.org,b2@example.org")] == [
        "a1@example.org",
        "b2@example.org",
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("vivo en la 5a avenida 10-45 zona 10", "la 5a avenida 10-45 zona 10"),
        ("Av. 9 de Octubre 1234 y Malecón", "Av. 9 de Octubre 1234 y Malecón"),
        ("Cdla. Los Robles Mz 12 villa 5", "Cdla. Los Robles Mz 12 villa 5"),
        (
            "calle 12 de octubre N24-563 y Cordero",
            "calle 12 de octubre N24-563 y Cordero",
        ),
        ("av amazonas 345", "av amazonas 345"),
        ("carrera 7 # 12-34, Bogotá", "carrera 7 # 12-34, Bogotá"),
        ("Calle Luna s/n", "Calle Luna s/n"),
        (
            "123 Main St Apt 4B, Houston, TX 77002",
            "123 Main St Apt 4B, Houston, TX 77002",
        ),
        ("123 main street", "123 main street"),
        ("ship it to 5500 Harbor Drive", "5500 Harbor Drive"),
        ("PO Box 1234", "PO Box 1234"),
        ("mz 4 solar 12", "mz 4 solar 12"),
        ("mi dirección es los cedros 12", "los cedros 12"),
        ("my address is 12 the old mill", "12 the old mill"),
        ("Dirección: Los Cedros 12", "Los Cedros 12"),
    ],
)
def test_addresses_are_found(text: str, value: str) -> None:
    assert typed(text) == [("ADDRESS", value)]


@pytest.mark.parametrize(
    "text",
    [
        "estoy en camino con 2 cajas",
        "la calle donde vivo tiene 3 carriles",
        "20 is a good place to start",
        "5 hours drive",
        "vivo en Quito",
        "vivo en Quito y necesito 20 cajas",
        "la zona 10",
        "con dirección a Miami",
        "10 boxes. Way too many",
        "FOB Guayaquil 20 cajas",
    ],
)
def test_sentences_with_numbers_are_no_addresses(text: str) -> None:
    assert typed(text) == []


def test_address_ends_where_the_next_thing_begins() -> None:
    text = "mi direccion es los cedros 12 y mi telefono 0991234567"
    assert typed(text) == [("ADDRESS", "los cedros 12"), ("PHONE", "0991234567")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("me llamo Juan Carlos Pérez", "Juan Carlos Pérez"),
        ("me llamo juan perez y quiero camarón", "juan perez"),
        ("ME LLAMO JUAN PEREZ QUIERO CAMARON", "JUAN PEREZ"),
        ("mi nombre es Ana de la Torre.", "Ana de la Torre"),
        ("a nombre de Ana Luna", "Ana Luna"),
        ("soy María López", "María López"),
        ("le saluda el Ing. Pedro Mar", "Pedro Mar"),
        ("my name is John Smith", "John Smith"),
        ("my name is john smith and i need shrimp", "john smith"),
        ("I'm Peter, nice to meet you", "Peter"),
        ("Nombre: Ana Luna", "Ana Luna"),
        ("Mr. J. O'Neil", "J. O'Neil"),
    ],
)
def test_introduced_names_are_found(text: str, value: str) -> None:
    assert typed(text) == [("NAME", value)]


@pytest.mark.parametrize(
    "text",
    [
        "soy cliente nuevo",
        "soy de Guayaquil",
        "i am looking for shrimp",
        "I'm Looking for shrimp",
        "this is great",
        "me llamo",
        "mi nombre es lo de menos",
        "my name is not important",
        "call me tomorrow",
        "habla español?",
        "Quiero HLSO",
    ],
)
def test_cue_words_without_a_name_are_left_alone(text: str) -> None:
    assert typed(text) == []
