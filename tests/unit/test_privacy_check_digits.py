"""Check digits: published examples pass, any other last digit fails."""

import string
from collections.abc import Callable

import pytest

from rasa_qa_plugin.privacy.recognizers import check_digits as check


@pytest.mark.parametrize(
    ("test", "body", "expected"),
    [
        (check.luhn, "411111111111111", "1"),
        (check.luhn, "37828224631000", "5"),
        (check.ecuador_cedula, "171234567", "5"),
        (check.uruguay_ci, "1234567", "2"),
    ],
)
def test_exactly_one_last_digit_is_valid(
    test: Callable[..., bool], body: str, expected: str
) -> None:
    assert [d for d in string.digits if test(body + d)] == [expected]


@pytest.mark.parametrize(
    ("test", "body", "expected"),
    [(check.guatemala_nit, "1234567", "9"), (check.chile_rut, "12345678", "5")],
)
def test_exactly_one_verifier_is_valid(
    test: Callable[..., bool], body: str, expected: str
) -> None:
    assert [v for v in "0123456789k" if test(body, v)] == [expected]


def test_verifier_k_stands_for_ten() -> None:
    assert check.guatemala_nit("576937", "k")
    assert check.chile_rut("1000005", "k")


def test_cui_needs_department_and_municipality() -> None:
    assert check.guatemala_cui("2345678990101")
    assert not check.guatemala_cui("2345678980101")
    assert not check.guatemala_cui("2345678992301")
    assert not check.guatemala_cui("2345678990100")


@pytest.mark.parametrize("value", ["12345678z", "x1234567l"])
def test_nif_and_nie_have_exactly_one_letter(value: str) -> None:
    assert [c for c in string.ascii_lowercase if check.spain_nif(value[:-1] + c)] == [
        value[-1]
    ]


@pytest.mark.parametrize(
    "value", ["es9121000418450200051332", "de89370400440532013000"]
)
def test_iban_needs_length_and_check(value: str) -> None:
    assert check.iban(value)
    assert not check.iban(value[:-1])
    assert not check.iban(value[:-1] + ("1" if value[-1] != "1" else "2"))
    assert not check.iban("zz" + value[2:])


def test_cedula_needs_a_province_and_a_natural_person() -> None:
    assert not check.ecuador_cedula("2512345679")
    assert not check.ecuador_cedula("1792345678")


def test_ruc_is_judged_by_form_alone() -> None:
    assert check.ecuador_ruc("1712345675001")
    assert check.ecuador_ruc("1790000000001")
    assert not check.ecuador_ruc("1790000000000")
    assert not check.ecuador_ruc("9990000000001")
