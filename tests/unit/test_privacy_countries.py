"""Countries: forms count where they are listed, cue words count everywhere."""

from typing import get_args

import pytest

from rasa_qa_plugin.privacy.passage import Passage
from rasa_qa_plugin.privacy.recognizers.documents import DOCUMENTS
from rasa_qa_plugin.privacy.recognizers.numbers import NumberRecognizer
from rasa_qa_plugin.privacy.recognizers.phone_shapes import PHONE_SHAPES
from rasa_qa_plugin.settings import COUNTRIES, Country


def types(text: str, *countries: str) -> list[str]:
    spans = NumberRecognizer(countries=countries).find(Passage(text))
    return [span.entity_type for span in spans]


# A number by its form alone, and the same number behind a cue word.
FORMS = [
    ("AR", "5491141234567", "cel 5491141234567", "PHONE"),
    ("AR", "11 4123-4567", "tel 11 4123-4567", "PHONE"),
    ("AR", "20-05536168-2", "CUIT 20-05536168-2", "ID"),
    ("AR", "20055361682", "cuil 20055361682", "ID"),
    ("AR", "2850590940090418135201", "CBU 2850590940090418135201", "ACCOUNT"),
    ("CL", "562 2345 6789", "fono 562 2345 6789", "PHONE"),
    ("CL", "2 2345 6789", "fono 2 2345 6789", "PHONE"),
    ("CL", "12.345.678-5", "RUT 12.345.678-5", "ID"),
    ("CO", "300 123 45 67", "celular 300 123 45 67", "PHONE"),
    ("CO", "6012345678", "tel 6012345678", "PHONE"),
    ("CO", "213.123.432-1", "NIT 213.123.432-1", "ID"),
    ("EC", "0991234567", "cel 0991234567", "PHONE"),
    ("EC", "022345678", "convencional 022345678", "PHONE"),
    ("EC", "593991234567", "whatsapp 593991234567", "PHONE"),
    ("EC", "1712345675", "cédula 1712345675", "ID"),
    ("EC", "171234567-5", "C.I. 171234567-5", "ID"),
    ("EC", "1793213150001", "RUC 1793213150001", "ID"),
    ("ES", "612345678", "móvil 612345678", "PHONE"),
    ("ES", "12345678Z", "DNI 12345678Z", "ID"),
    ("ES", "X1234567L", "NIE X1234567L", "ID"),
    ("ES", "28/12345678/40", "NASS 28 12345678 40", "ID"),
    ("GT", "50255123456", "cel 50255123456", "PHONE"),
    ("GT", "5512-3456", "tel 5512-3456", "PHONE"),
    ("GT", "2345 67899 0101", "DPI 2345 67899 0101", "ID"),
    ("GT", "576937-K", "NIT 576937-K", "ID"),
    ("MX", "5512345678", "cel 5512345678", "PHONE"),
    ("MX", "5215512345678", "whatsapp 5215512345678", "PHONE"),
    ("MX", "HEGG560427MVZRRL04", "CURP HEGG560427MVZRRL04", "ID"),
    ("MX", "GODE561231GR8", "RFC GODE561231GR8", "ID"),
    ("MX", "032180000118359719", "CLABE 032180000118359719", "ACCOUNT"),
    ("PE", "51987654321", "cel 51987654321", "PHONE"),
    ("PE", "20512333797", "RUC 20512333797", "ID"),
    ("US", "(212) 555-0143", "call (212) 555-0143", "PHONE"),
    ("US", "212.555.0143", "phone 212.555.0143", "PHONE"),
    ("US", "123-45-6789", "SSN 123-45-6789", "ID"),
    ("UY", "091 234 567", "cel 091 234 567", "PHONE"),
    ("UY", "59891234567", "cel 59891234567", "PHONE"),
    ("UY", "1.234.567-2", "C.I. 1.234.567-2", "ID"),
]
# Written like this in other countries, too, or nearly everywhere.
SHARED = {
    "(212) 555-0143",
    "091 234 567",
    "5512-3456",
    "11 4123-4567",
    "1.234.567-2",
    "12.345.678-5",
    "5512345678",
    "6012345678",
    "20055361682",
    "20512333797",
    "562 2345 6789",
    "2 2345 6789",
    "212.555.0143",
    "2345 67899 0101",
}


@pytest.mark.parametrize(("country", "form", "cued", "kind"), FORMS)
def test_form_is_known_where_its_country_is_listed(
    country: str, form: str, cued: str, kind: str
) -> None:
    assert types(form, country) == [kind]
    assert types(cued, country) == [kind]


@pytest.mark.parametrize(("country", "form", "cued", "kind"), FORMS)
def test_cue_word_counts_whatever_countries_are_listed(
    country: str, form: str, cued: str, kind: str
) -> None:
    del country, form
    assert types(cued) == [kind]


@pytest.mark.parametrize(
    ("country", "form"),
    [(country, form) for country, form, _, _ in FORMS if form not in SHARED],
)
def test_form_of_another_country_is_left_alone(country: str, form: str) -> None:
    others = [other for other in COUNTRIES if other != country]
    assert types(form, *others) == []
    assert types(form) == []


def test_phone_of_guatemala_needs_a_word_where_only_ecuador_is_listed() -> None:
    assert types("5512-3456", "EC") == []
    assert types("mi cel es 5512-3456", "EC") == ["PHONE"]
    assert types("5512-3456", "EC", "GT") == ["PHONE"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("+502 5512 3456", "PHONE"),
        ("00593991234567", "PHONE"),
        ("(04) 234-5678", "PHONE"),
        ("4111 1111 1111 1111", "CARD"),
        ("GT82TRAJ01020000001210029690", "ACCOUNT"),
        ("ES91 2100 0418 4502 0005 1332", "ACCOUNT"),
    ],
)
def test_international_forms_need_no_country(text: str, kind: str) -> None:
    assert types(text) == [kind]


def test_all_countries_are_listed_by_default() -> None:
    text = "5512-3456 0991234567 12345678Z"
    default = NumberRecognizer().find(Passage(text))
    assert default == NumberRecognizer(countries=COUNTRIES).find(Passage(text))
    assert len(default) == 3


def test_every_row_of_the_tables_is_of_a_country_that_can_be_set() -> None:
    rows = {row.country for row in (*DOCUMENTS, *PHONE_SHAPES)}
    assert rows == set(get_args(Country))


@pytest.mark.parametrize("language", ["es", "en"])
def test_recognizer_registers_for_the_language_it_is_given(language: str) -> None:
    recognizer = NumberRecognizer(language, countries=("EC",))
    assert recognizer.supported_language == language
