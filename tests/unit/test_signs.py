"""Signs that are ratings, and forms that our intents may interrupt."""

import pytest

from rasa_qa_plugin.interruptions import open_forms
from rasa_qa_plugin.own_intents.signs import rating_in


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
