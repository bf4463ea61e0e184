"""Tokens: same value, same token, found again however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.privacy.tokens import (
    MOST_VALUES,
    TokenMap,
    holds_token,
    is_token,
)

KINDS = st.sampled_from(("PHONE", "EMAIL", "NAME", "ID", "ADDRESS", "SECRET"))


def found(tokens: TokenMap, text: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], span.rule) for span in tokens.find(text)]


def test_values_of_a_type_are_numbered_from_the_second() -> None:
    tokens = TokenMap()
    assert tokens.token("PHONE", "0991234567") == "[PHONE]"
    assert tokens.token("PHONE", "0991234568") == "[PHONE_2]"
    assert tokens.token("NAME", "Ana Luna") == "[NAME]"
    assert tokens.token("PHONE", "0991234567") == "[PHONE]"


@pytest.mark.parametrize(
    ("kind", "value", "same"),
    [
        ("PHONE", "099 123 4567", "(099) 123-4567"),
        ("EMAIL", "Ana@Example.org", "ana@example.org"),
        ("NAME", "José  Núñez", "JOSE NUÑEZ"),
        ("ID", "AB-123456", "ab123456"),
    ],
)
def test_same_value_gets_same_token_however_it_is_written(
    kind: str, value: str, same: str
) -> None:
    tokens = TokenMap()
    assert tokens.token(kind, value) == tokens.token(kind, same) == f"[{kind}]"


def test_different_values_get_different_tokens() -> None:
    tokens = TokenMap()
    assert tokens.token("EMAIL", "a.b@example.org") != tokens.token(
        "EMAIL", "a-b@example.org"
    )


def test_value_keeps_its_token_when_it_comes_as_another_type() -> None:
    tokens = TokenMap()
    assert tokens.token("ID", "0991234567") == "[ID]"
    assert tokens.token("PHONE", "099-123-4567") == "[ID]"


def test_number_is_found_with_any_spacing_but_only_whole() -> None:
    tokens = TokenMap()
    tokens.learn("PHONE", "0991234567")
    assert found(tokens, "al 099-123 4567.") == [("099-123 4567", "[PHONE]")]
    assert found(tokens, "09912345678 y 1 0991234567") == [("0991234567", "[PHONE]")]
    assert found(tokens, "09912 4567") == []


def test_words_are_found_in_any_case_but_only_whole() -> None:
    tokens = TokenMap()
    tokens.learn("NAME", "Ana Luna")
    assert found(tokens, "ANA  LUNA, ana luna") == [
        ("ANA  LUNA", "[NAME]"),
        ("ana luna", "[NAME]"),
    ]
    assert found(tokens, "Anabel banana") == []


def test_part_of_a_name_is_found_where_it_is_capitalized() -> None:
    tokens = TokenMap()
    tokens.learn("NAME", "Rosa Luna")
    assert found(tokens, "Gracias Rosa") == [("Rosa", "[NAME]")]
    assert found(tokens, "camarón rosa") == []


def test_email_is_found_inside_other_signs() -> None:
    tokens = TokenMap()
    tokens.learn("EMAIL", "ana.luna@example.org")
    assert found(tokens, "<ANA.LUNA@example.org>") == [
        ("ANA.LUNA@example.org", "[EMAIL]")
    ]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("NAME", "no", "no quiero"),
        ("NAME", "Hola", "hola, hola"),
        ("NAME", "quiero", "quiero camarón"),
        ("ID", "20", "20 cajas"),
        ("SECRET", "123", "123 cajas"),
        ("ADDRESS", "Guayaquil", "FOB Guayaquil"),
    ],
)
def test_common_words_and_short_values_are_not_sought(
    kind: str, value: str, text: str
) -> None:
    tokens = TokenMap()
    assert tokens.token(kind, value) == f"[{kind}]"
    assert found(tokens, text) == []


def test_tokens_in_a_text_are_never_values() -> None:
    tokens = TokenMap()
    tokens.learn("NAME", "Phone Name")
    assert found(tokens, "[PHONE] [NAME]") == []


def test_map_is_bounded_and_what_comes_later_is_still_masked() -> None:
    tokens = TokenMap()
    for number in range(MOST_VALUES + 20):
        tokens.token("PHONE", f"09{number:08}")
    assert len(tokens) == MOST_VALUES
    assert tokens.token("PHONE", "0999999999") == "[PHONE]"
    assert tokens.token("NAME", "Ana Luna") == "[NAME]"


@given(st.lists(st.tuples(KINDS, st.text(max_size=20)), max_size=20))
def test_map_survives_writing_and_reading(values: list[tuple[str, str]]) -> None:
    tokens = TokenMap()
    given_out = [tokens.token(kind, value) for kind, value in values]
    again = TokenMap.from_bytes(tokens.to_bytes())
    assert [again.token(kind, value) for kind, value in values] == given_out
    assert again.known_values() == tokens.known_values()
    assert again.token("PHONE", "099999999999") == tokens.token("PHONE", "099999999999")


def test_no_bytes_are_an_empty_map() -> None:
    assert TokenMap.from_bytes(b"").known_values() == []


@given(KINDS, st.text(max_size=20), st.text(max_size=40))
def test_any_value_can_be_sought_in_any_text(kind: str, value: str, text: str) -> None:
    tokens = TokenMap()
    tokens.learn(kind, value)
    assert all(0 <= span.start < span.end <= len(text) for span in tokens.find(text))


def test_token_is_told_from_text() -> None:
    assert is_token("[PHONE_2]")
    assert is_token("[WITHHELD]")
    assert not is_token("[PHONE] ")
    assert not is_token("[OTHER]")
    assert holds_token({"a": ["tel [PHONE]"]})
    assert not holds_token({"a": [1, None, "PHONE"]})
