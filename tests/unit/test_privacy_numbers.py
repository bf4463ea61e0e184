"""Numbers: those that mean a person are typed, quantities are left alone."""

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
        ("+593991234567", "+593991234567"),
        ("escríbeme al +502 5512 3456 por favor", "+502 5512 3456"),
        ("593991234567", "593991234567"),
        ("0991234567", "0991234567"),
        ("099 123 4567", "099 123 4567"),
        ("099-123-4567, gracias", "099-123-4567"),
        ("mi whatsapp 593 99 123 4567", "593 99 123 4567"),
        ("tel (02) 234-5678", "(02) 234-5678"),
        ("tel. 2345678", "2345678"),
        ("5512-3456", "5512-3456"),
        ("llámame al 55123456", "55123456"),
        ("2 2345678 mi fono", "2 2345678"),
        ("2345678 es mi teléfono", "2345678"),
        ("cel0991234567", "0991234567"),
        ("call me at 212-555-0143", "212-555-0143"),
        ("(212) 555-0143", "(212) 555-0143"),
        ("9 5265 6521", "9 5265 6521"),
        ("0034612345678", "0034612345678"),
        ("٠٩٩١٢٣٤٥٦٧", "٠٩٩١٢٣٤٥٦٧"),
        (
            "\uff10\uff19\uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
            "\uff10\uff19\uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
        ),
        ("099\u00a0123\u00a04567", "099\u00a0123\u00a04567"),
        ("099\u2011123\u20114567", "099\u2011123\u20114567"),
        ("TELÉFONO: 2345678", "2345678"),
        ("tel 0991234567 2 cajas", "0991234567"),
        ("16/20 20 cajas 0991234567", "0991234567"),
    ],
)
def test_phones_are_found(text: str, value: str) -> None:
    assert typed(text) == [("PHONE", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("DPI 2345 67899 0101", "2345 67899 0101"),
        ("2345678990101", "2345678990101"),
        ("cédula 1712345675", "1712345675"),
        ("1712345675", "1712345675"),
        ("cedula 1712345670", "1712345670"),
        ("RUC 1790000000001", "1790000000001"),
        ("1790000000001", "1790000000001"),
        ("NIT 576937-K", "576937-K"),
        ("576937K", "576937K"),
        ("576937-K es mi nit", "576937-K"),
        ("mi nit es 7108-0", "7108-0"),
        ("C.I. 1.234.567-2", "1.234.567-2"),
        ("12345678Z", "12345678Z"),
        ("X1234567L", "X1234567L"),
        ("mi pasaporte es AB123456", "AB123456"),
        ("my social security number is 123-45-6789", "123-45-6789"),
        ("123-45-6789", "123-45-6789"),
        ("mi cédula de ciudadanía es la siguiente: 0102030405", "0102030405"),
        ("12.345.678-5", "12.345.678-5"),
        ("0991234567 es mi cedula", "0991234567"),
    ],
)
def test_identity_numbers_are_found(text: str, value: str) -> None:
    assert typed(text) == [("ID", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("tarjeta 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("4111-1111-1111-1111", "4111-1111-1111-1111"),
        ("378282246310005", "378282246310005"),
        ("4111 1111 1111 1111 12/27 123", "4111 1111 1111 1111"),
        ("mi tarjeta es 4111 1111 1111 1112", "4111 1111 1111 1112"),
    ],
)
def test_cards_are_found(text: str, value: str) -> None:
    assert typed(text) == [("CARD", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ES9121000418450200051332", "ES9121000418450200051332"),
        ("iban es91 2100 0418 4502 0005 1332", "es91 2100 0418 4502 0005 1332"),
        ("cuenta de ahorros 2200123456 Banco del Sur", "2200123456"),
        ("cta. bancaria No. 01-234567-8", "01-234567-8"),
        ("my account number is 12345678", "12345678"),
    ],
)
def test_accounts_are_found(text: str, value: str) -> None:
    assert typed(text) == [("ACCOUNT", value)]


@pytest.mark.parametrize(
    "text",
    [
        "HLSO 16/20 y 21/25 CFR Houston 20% glaseo",
        "necesito 44,000 lbs de HLSO 36/40",
        "precio USD 3.45/lb FOB Guayaquil",
        "contenedor 40' FCL 24000 kg",
        "talla 31/35 41/50 IQF 10x2kg",
        "factura 001-002-000123456",
        "orden de compra 4500012345",
        "entrega 12/05/2024 a las 10:30",
        "2024-05-12",
        "total $1,250,000.00",
        "el total es 1250000",
        "temperatura -18°C",
        "2 cajas de 5 lbs",
        "código SAP 100023456",
        "lote L20240512",
        "Q1,500.00",
        "incoterm CIF Miami 33126",
        "año 2024 2025",
        "2024 - 2025",
        "humedad 83%",
        "50 masters x 40 lb",
        "planta EU 1234",
        "GS1 barcode 7861234567890",
        "order id 12345678",
        "guía 1234567890",
        "son 1.234.567 unidades",
        "20 50 100 200",
        "-2.170998, -79.922359",
        "tarjeta de presentación, 500 unidades",
        "la versión 3.10.13",
    ],
)
def test_quantities_dates_and_references_are_left_alone(text: str) -> None:
    assert typed(text) == []


@pytest.mark.parametrize(
    "text",
    ["4111 1111 1111 1112", "12345678A", "9512345675", "ES9121000418450200051333"],
)
def test_wrong_check_digit_without_a_cue_is_no_number_of_a_person(text: str) -> None:
    assert [kind for kind, _ in typed(text) if kind != "PHONE"] == []


def test_each_number_gets_one_type() -> None:
    text = "cédula 1712345675, tel 0991234567, tarjeta 4111111111111111"
    assert [kind for kind, _ in typed(text)] == ["ID", "PHONE", "CARD"]


def test_nearest_cue_decides() -> None:
    assert typed("mi teléfono no, mi cédula 0912345678") == [("ID", "0912345678")]


def test_second_number_of_a_list_shares_the_cue() -> None:
    assert typed("tel 2345678 o 2345679") == [
        ("PHONE", "2345678"),
        ("PHONE", "2345679"),
    ]


def test_cue_does_not_reach_into_the_next_sentence() -> None:
    assert typed("Mi cuenta está bloqueada. Quiero 123456 más") == []


def test_tokens_are_no_cues() -> None:
    assert typed("[PHONE] 1234567 y [ID_2] 55555") == []
