"""Words that are none of ours, and signs that are."""

import pytest

from rasa_qa_plugin.interruptions import open_forms
from rasa_qa_plugin.own_intents.signs import rating_in
from rasa_qa_plugin.own_intents.topics import speaks_of


@pytest.mark.parametrize(
    ("intent", "text"),
    [
        ("qa_consent_deny", "no quiero que guarden esto"),
        ("qa_consent_deny", "NO QUIERO QUE GUARDEN MI CONVERSACION"),
        ("qa_consent_withdraw", "don\u2019t keep my messages anymore"),
        ("qa_forget_me", "olvídame"),
        ("qa_feedback_negative", "eso no es lo que pregunté"),
        ("qa_feedback_positive", "👍"),
        ("qa_forget_me", "/qa_forget_me"),
        ("qa_forget_confirm", "Sí, borrar todo"),
        ("order", "olvide la factura"),
        ("qa_forget_me", f"{'quiero un camarón ' * 40} y borren mis datos"),
        ("qa_forget_me", f"borren mis datos {'y un camarón ' * 40}"),
    ],
)
def test_what_speaks_of_ours_counts(intent: str, text: str) -> None:
    assert speaks_of(intent, text)


@pytest.mark.parametrize(
    ("intent", "text"),
    [
        ("qa_forget_me", "olvide la factura"),
        ("qa_forget_me", "forget the invoice"),
        ("qa_forget_me", "borre el último artículo"),
        ("qa_consent_withdraw", "I changed my mind, make it tuna"),
        ("qa_consent_grant", "guárdeme dos cajas"),
        ("qa_consent_grant", "tiene mi autorización para embarcar"),
        ("qa_consent_deny", "no quiero recibir publicidad"),
        ("qa_feedback_negative", "the invoice is wrong"),
        ("qa_feedback_positive", "excelente"),
        ("qa_skip", "skip the gift wrap on this order"),
        ("qa_forget_confirm", "sí"),
        ("qa_comment", "un comentario"),
        # The words of a topic, but a page apart.
        ("qa_forget_me", f"borren la factura {'y un camarón ' * 40} para mis datos"),
    ],
)
def test_what_speaks_of_other_things_is_none_of_ours(intent: str, text: str) -> None:
    assert not speaks_of(intent, text)


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        ("👍", True),
        ("👍🏽👍🏽", True),
        (" 👎 ", False),
        ("👍👎", None),
        ("⭐⭐⭐⭐", True),
        ("⭐️", False),
        ("⭐" * 6, None),
        ("5", None),
        ("👍 gracias", None),
        ("", None),
    ],
)
def test_a_sign_is_a_rating(text: str, *, rating: bool | None) -> None:
    assert rating_in(text) is rating


@pytest.mark.parametrize(
    ("text", "rating"), [("5", True), ("4/5", True), ("3", False), ("0", None)]
)
def test_a_number_is_a_rating_where_it_was_asked_for(
    text: str, *, rating: bool | None
) -> None:
    assert rating_in(text, number=True) is rating
    assert rating_in(f"{text} cajas", number=True) is None


def test_every_form_but_ours_may_be_interrupted() -> None:
    forms = {
        "order_form": {"required_slots": ["a"], "ignored_intents": "deny"},
        "bare_form": None,
        "qa_comment_form": {"required_slots": ["qa_comment"]},
    }
    before = dict(forms)
    for _ in range(2):
        open_forms(forms, ["greet", "qa_skip", "qa_forget_me"])

    assert forms == {
        "order_form": {
            "required_slots": ["a"],
            "ignored_intents": ["deny", "qa_forget_me", "qa_skip"],
        },
        "bare_form": {"ignored_intents": ["qa_forget_me", "qa_skip"]},
        "qa_comment_form": before["qa_comment_form"],
    }


def test_a_bot_without_our_intents_keeps_its_forms_as_they_are() -> None:
    forms = {"order_form": {"required_slots": ["a"]}}

    open_forms(forms, ["greet"])

    assert forms == {"order_form": {"required_slots": ["a"]}}
