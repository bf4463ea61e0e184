"""Texts that say the same, and texts that do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.review.wording import duplicate_key, folded, similarity


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("¡Holaaa,  cuánto ESTÁ?", "hola cuanto esta"),
        ("call [PHONE_2] or [PHONE]", "call [phone] or [phone]"),
        ("16/20 U$D", "16 20 u d"),
        ("...", ""),
        ("Straße", "strasse"),
        ("👍", ""),
    ],
)
def test_folding_leaves_what_people_hear(text: str, plain: str) -> None:
    assert folded(text) == plain


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def test_duplicates_share_a_key_of_32_digits() -> None:
    assert duplicate_key("Where is it?") == duplicate_key("where is it")
    assert duplicate_key("where is it") != duplicate_key("where was it")
    assert len(duplicate_key("")) == 32


def test_similarity_stands_typing_errors_and_tells_topics_apart() -> None:
    assert similarity("where is my order", "where is my ordr") > 0.7
    assert similarity("where is my order", "what does shrimp cost") < 0.2
    assert similarity("order my", "my order") == 1.0
    assert similarity("", "anything") == 0.0
