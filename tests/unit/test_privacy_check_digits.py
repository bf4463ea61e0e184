"""Check digits: published examples pass, any other last character fails."""

import string
from collections.abc import Callable

import pytest

from rasa_qa_plugin.privacy.recognizers import check_digits as check

Check = Callable[[str], bool]


@pytest.mark.parametrize(
    ("test", "body", "expected"),
    [
        (check.luhn, "411111111111111", "1"),
        (check.luhn, "37828224631000", "5"),
        (check.mexico_clabe, "03218000011835971", "9"),
        (check.mexico_clabe, "00201007777777777", "1"),
        (check.argentina_cbu, "285059094009041813520", "1"),
        (check.ecuador_cedula, "171430710", "3"),
        (check.ecuador_cedula, "171234567", "5"),
        (check.uruguay_ci, "1234567", "2"),
        (check.argentina_cuit, "2005536168", "2"),
        (check.peru_ruc, "2051233379", "7"),
        (check.peru_ruc, "2013131295", "5"),
        (check.colombia_nit, "213123432", "1"),
        (check.colombia_nit, "800197268", "4"),
        (check.mexico_curp, "BOXW310820HNERXN0".lower(), "9"),
        (check.mexico_curp, "HEGG560427MVZRRL0".lower(), "4"),
    ],
)
def test_exactly_one_last_digit_is_valid(test: Check, body: str, expected: str) -> None:
    assert [d for d in string.digits if test(body + d)] == [expected]


@pytest.mark.parametrize(
    ("test", "body", "expected"),
    [
        (check.guatemala_nit, "1234567", "9"),
        (check.guatemala_nit, "576937", "k"),
        (check.guatemala_nit, "7108", "0"),
        (check.guatemala_nit, "42932", "5"),
        (check.chile_rut, "12345678", "5"),
        (check.chile_rut, "12531909", "2"),
        (check.chile_rut, "1000005", "k"),
    ],
)
def test_exactly_one_verifier_is_valid(test: Check, body: str, expected: str) -> None:
    assert [v for v in "0123456789k" if test(body + v)] == [expected]


@pytest.mark.parametrize(
    "value", ["12345678z", "x1234567l", "54362315k", "x2482300w", "1234567l"]
)
def test_nif_and_nie_have_exactly_one_letter(value: str) -> None:
    assert [c for c in string.ascii_lowercase if check.spain_nif(value[:-1] + c)] == [
        value[-1]
    ]


def test_social_security_number_of_spain_ends_in_the_rest_by_97() -> None:
    assert [n for n in range(100) if check.spain_nuss(f"2812345678{n:02}")] == [40]
    # A number below ten million is written with seven digits.
    assert [n for n in range(100) if check.spain_nuss(f"2800123456{n:02}")] == [
        280123456 % 97
    ]
    assert not check.spain_nuss("28123456784")


@pytest.mark.parametrize(
    ("body", "expected"),
    [("gode561231gr", "8"), ("mab9307148t", "4"), ("sat970701nn", "3")],
)
def test_rfc_of_people_and_companies_has_one_check_character(
    body: str, expected: str
) -> None:
    assert [c for c in string.digits + "a" if check.mexico_rfc(body + c)] == [expected]


def test_cui_needs_department_and_municipality() -> None:
    assert check.guatemala_cui("2345678990101")
    assert check.guatemala_cui("1234567890101")
    assert check.guatemala_cui("9876543220101")
    assert not check.guatemala_cui("2345678980101")
    assert not check.guatemala_cui("2345678992301")
    assert not check.guatemala_cui("2345678990100")
    assert not check.guatemala_cui("234567899010")


# One of each length in the registry that our countries and their neighbors meet.
@pytest.mark.parametrize(
    "value",
    [
        "ES9121000418450200051332",
        "DE89370400440532013000",
        "GT82TRAJ01020000001210029690",
        "CR05015202001026284066",
        "DO28BAGR00000001212453611324",
        "BR1800360305000010009795493C1",
        "GB29NWBK60161331926819",
        "BE68539007547034",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
        "LC07HEMM000100010012001200013015",
        "RU0204452560040702810412345678901",
    ],
)
def test_iban_needs_length_and_check(value: str) -> None:
    value = value.lower()
    assert check.iban(value)
    assert not check.iban(value[:-1])
    assert not check.iban(value[:-1] + ("1" if value[-1] != "1" else "2"))
    assert not check.iban("zz" + value[2:])


def test_iban_lengths_cover_the_registry() -> None:
    assert check.iban_length("ni") == 28
    assert check.iban_length("ye") == 30
    assert check.iban_length("us") is None


@pytest.mark.parametrize(
    ("test", "size"),
    [
        (check.mexico_clabe, 18),
        (check.argentina_cbu, 22),
        (check.ecuador_cedula, 10),
        (check.ecuador_ruc_form, 13),
        (check.guatemala_cui, 13),
        (check.uruguay_ci, 8),
        (check.argentina_cuit, 11),
        (check.peru_ruc, 11),
        (check.spain_nuss, 12),
    ],
)
def test_other_lengths_are_never_valid(test: Check, size: int) -> None:
    assert not any(test(d * n) for n in range(1, 30) if n != size for d in "0123456789")


def test_cedula_needs_a_province_and_a_natural_person() -> None:
    assert not check.ecuador_cedula("2512345679")
    assert not check.ecuador_cedula("1792345678")


def test_ruc_is_judged_by_form_alone() -> None:
    assert check.ecuador_ruc_form("1712345675001")
    assert check.ecuador_ruc_form("1793213150001")
    assert not check.ecuador_ruc_form("1790000000000")
    assert not check.ecuador_ruc_form("9990000000001")


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("1713175071001", True),  # a person
        ("1760001550001", True),  # the state
        ("1790085783001", True),  # a company
        ("1792060346001", True),
        ("1792060347001", False),
        ("1760001560001", False),
        ("1793213150001", False),  # genuine, and newer than the rule
    ],
)
def test_ruc_has_a_check_digit_that_new_numbers_lack(
    value: str, *, valid: bool
) -> None:
    assert check.ecuador_ruc(value) is valid
    assert check.ecuador_ruc_form(value)
