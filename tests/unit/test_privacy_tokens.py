"""Tokens: same value, same token, found again however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.events import EventMasker
from rasa_qa_plugin.privacy.field_types import guess
from rasa_qa_plugin.privacy.tokens import (
    MOST_VALUES,
    TokenMap,
    holds_token,
    is_token,
)
from rasa_qa_plugin.settings import PrivacySettings

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


@pytest.mark.parametrize(
    ("value", "same"),
    [
        ("+593 99 123 4567", "0991234567"),
        ("0991234567", "593991234567"),
        ("991234567", "00593 99-123-4567"),
        ("5512-3456", "+502 5512 3456"),
        ("(212) 555-0137", "1 212 555 0137"),
        ("11 5555 1234", "+54 9 11 5555 1234"),
    ],
)
def test_telephone_is_one_with_and_without_its_country_code(
    value: str, same: str
) -> None:
    for first, second in ((value, same), (same, value)):
        tokens = TokenMap()
        assert tokens.token("PHONE", first) == tokens.token("PHONE", second)
        assert len(tokens) == 1
        assert found(tokens, f"al {second} hoy")[0][1] == "[PHONE]"


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("0991234567", "0991234568"),
        ("55123456", "955123456"),  # 9 is no country
        ("5551234", "5025551234"),  # too short to be told by its end
        ("991234567", "200991234567"),  # nor is 200
        ("91234567", "593991234567"),
    ],
)
def test_telephones_that_end_alike_are_two(value: str, other: str) -> None:
    tokens = TokenMap()
    assert tokens.token("PHONE", value) != tokens.token("PHONE", other)


def test_number_before_a_telephone_is_no_country_code() -> None:
    tokens = TokenMap()
    tokens.learn("PHONE", "991234567")
    assert found(tokens, "20 0991234567, 7 991234567") == [
        ("0991234567", "[PHONE]"),
        ("991234567", "[PHONE]"),
    ]


@pytest.mark.parametrize("text", ["576937k", "576.937-K", "576937 - k"])
def test_check_letter_belongs_to_its_number(text: str) -> None:
    tokens = TokenMap()
    tokens.learn("ID", "576937-K")
    assert found(tokens, f"nit {text}.") == [(text, "[ID]")]


def test_part_of_a_name_gets_the_token_of_the_name() -> None:
    tokens = TokenMap()
    assert tokens.token("NAME", "Ana Luna") == "[NAME]"
    assert tokens.token("NAME", "ana") == tokens.token("NAME", "LUNA") == "[NAME]"
    assert tokens.token("NAME", "Ana Torres") == "[NAME_2]"
    assert found(tokens, "ana, la luna y Luna") == [
        ("ana", "[NAME]"),
        ("Luna", "[NAME]"),
    ]


DECOMPOSED = "Jose\u0301 Nu\u0301n\u0303ez"


def test_accents_may_be_characters_of_their_own() -> None:
    for value, text in ((DECOMPOSED, "José Núñez"), ("José Núñez", DECOMPOSED)):
        tokens = TokenMap()
        tokens.learn("NAME", value)
        assert tokens.token("NAME", text) == "[NAME]"
        assert found(tokens, f"hola {text}, sí") == [(text, "[NAME]")]
    assert found(tokens, "\u1100\u1161 José Núñez") == [("José Núñez", "[NAME]")]


@pytest.mark.parametrize(
    ("kind", "value", "sought"),
    [
        ("NAME", "me llamo ana luna y mi tel es 0991234567", "ana luna"),
        ("NAME", "soy xiloj tzunux por favor", "xiloj tzunux"),
        ("NAME", "luis por favor", "luis"),
        ("PHONE", "mi tel es 099 123 4567 gracias", "0991234567"),
        ("EMAIL", "mi correo es Ana@Example.org.", "ana@example.org"),
        ("ADDRESS", "vivo en la calle luna 12", "calle luna 12"),
        ("ID", "es el 54321", "54321"),
        ("ID", "es el AB1234 gracias", "ab 1234"),
        ("PHONE", "es cero nueve uno dos tres", "cero nueve uno dos tres"),
        ("EMAIL", "mi correo es luisgmail.com", "luisgmail.com"),
    ],
)
def test_of_a_whole_message_only_the_value_in_it_is_known(
    kind: str, value: str, sought: str
) -> None:
    tokens = TokenMap()
    assert tokens.token(kind, value) == f"[{kind}]"
    assert tokens.token(kind, sought) == f"[{kind}]"
    [(text, token)] = found(tokens, value)
    assert token == f"[{kind}]"
    assert text.casefold().replace(" ", "") == sought.replace(" ", "")


@pytest.mark.parametrize(
    "value",
    ["hola quiero camarón", "no tengo", "después te digo", "i do not want to say"],
)
@pytest.mark.parametrize("kind", ["NAME", "PHONE", "EMAIL", "ID", "ADDRESS"])
def test_message_of_common_words_is_no_value(kind: str, value: str) -> None:
    tokens = TokenMap()
    assert tokens.token(kind, value) == f"[{kind}]"
    assert found(tokens, value) == []
    assert found(tokens, value.title()) == []


def test_words_of_a_message_that_should_have_been_a_name_stay_free() -> None:
    tokens = TokenMap()
    tokens.learn("NAME", "quiero langosta por favor")
    assert found(tokens, "la langosta, Langosta, por favor") == []
    # Which of its words is the name, nobody can tell: the whole of it is masked.
    assert found(tokens, "Quiero langosta por favor!") == [
        ("Quiero langosta por favor", "[NAME]")
    ]


def test_one_message_in_eight_slots_masks_what_is_personal_in_it() -> None:
    text = "soy luis mora, 0991234567, luis@example.org, calle luna 12"
    kinds = ("NAME", "PHONE", "EMAIL", "ID", "ADDRESS", "NAME", "PHONE", "ACCOUNT")
    tokens = TokenMap()
    for kind in kinds:
        tokens.learn(kind, text)
    left = text
    for start, end in sorted(
        ((s.start, s.end) for s in tokens.find(text)), reverse=True
    ):
        left = left[:start] + "*" + left[end:]
    assert not any(part in left for part in ("luis", "mora", "099", "@", "calle", "12"))
    assert left.startswith("soy ")


@pytest.mark.parametrize(
    ("text", "slots", "masked"),
    [
        ("hola quiero camarón", ("nombre",), "hola quiero camarón"),
        ("soy xiloj tzunux por favor", ("nombre",), "soy [NAME] por favor"),
        (
            "soy ana luna, mi tel es 0991234567",
            ("nombre", "telefono", "correo", "cedula", "mensaje", "nota", "texto", "x"),
            "soy [NAME], mi tel es [PHONE]",
        ),
    ],
)
def test_slots_that_hold_the_whole_message_mask_what_is_personal_in_it(
    text: str, slots: tuple[str, ...], masked: str
) -> None:
    settings = PrivacySettings()
    events = [
        {"event": "user", "timestamp": 1.0, "text": text},
        *(
            {"event": "slot", "timestamp": 2.0, "name": name, "value": text}
            for name in slots
        ),
        {"event": "bot", "timestamp": 3.0, "text": f"Dijo: {text}"},
    ]
    forms = EventMasker(PrivacyEngine(settings), settings).mask_all(events, TokenMap())
    assert forms[0]["text"] == masked
    assert forms[-1]["text"] == f"Dijo: {masked}"
    typed = [form["value"] for form in forms[1:-1] if guess(form["name"])]
    assert typed
    assert all(map(is_token, typed))


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
    assert not is_token("[NOBODY]")
    assert holds_token({"a": ["tel [PHONE]"]})
    assert not holds_token({"a": [1, None, "PHONE"]})
