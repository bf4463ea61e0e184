"""Marks that cut a word, and what people say alike."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.review.agreement import agreement
from rasa_qa_plugin.review.items import Entity, Item, clean
from rasa_qa_plugin.review.span_repair import repair


def marked(text: str, *spans: tuple[int, int]) -> Item:
    entities = tuple(Entity(start, end, "size") for start, end in spans)
    return Item("t_1", text, "greet", entities)


@pytest.mark.parametrize(
    ("text", "span", "covered"),
    [
        ("quiero 16/20 ya", (8, 10), "16/20"),
        ("quiero 16/20 ya", (7, 12), "16/20"),
        ("¿en Lima?", (4, 8), "Lima"),
        ("¿en Lima?", (5, 8), "Lima"),
        ("a juan@x.com escribo", (2, 6), "juan@x.com"),
        ("tel [PHONE]", (5, 10), "[PHONE]"),
        ("tel [PHONE]", (4, 11), "[PHONE]"),
        # No blanks between words: nobody can tell where one begins.
        ("我想去北京", (3, 5), "北京"),
        ("😀 hola Lima", (7, 11), "Lima"),
    ],
)
def test_a_mark_covers_whole_words(
    text: str, span: tuple[int, int], covered: str
) -> None:
    found = repair(marked(text, span))

    (entity,) = found.entities
    assert text[entity.start : entity.end] == covered
    assert found.moved == ((entity.start, entity.end) != span)
    assert found.problem is None


def test_marks_that_cannot_be_kept_are_told_by_number() -> None:
    outside = repair(marked("hola", (0, 4), (4, 9)))
    empty = repair(marked("hola", (2, 2)))
    halves = repair(marked("16/20", (0, 2), (3, 5)))
    overlapping = repair(marked("a b c", (0, 3), (2, 5)))

    assert str(outside.problem).startswith("entities: number 2 lies outside")
    assert str(empty.problem).startswith("entities: number 1 lies outside")
    assert str(halves.problem).endswith("mark whole words")
    # The bot's own extractors may overlap; merging judges that.
    assert overlapping.problem is None


@given(
    st.text(max_size=40),
    st.integers(-3, 45),
    st.integers(-3, 45),
)
def test_repairing_twice_is_repairing_once_and_never_marks_less(
    text: str, start: int, end: int
) -> None:
    found = repair(marked(text, (start, end)))

    if not 0 <= start < end <= len(text):
        assert found.problem
        return
    (entity,) = found.entities
    assert entity.start <= start < end <= entity.end
    again = repair(marked(text, (entity.start, entity.end)))
    assert not again.moved
    assert again.entities == found.entities


@given(st.text(max_size=20))
def test_a_text_is_clean_whether_or_not_it_was_before(text: str) -> None:
    assert clean(f" {text}\n") == clean(text)
    assert clean(clean(text)) == clean(text)


def test_kappa_is_that_of_the_textbook() -> None:
    """50 proposals read by two: 20 twice yes, 15 twice no, 5 and 10 apart."""
    opinions = [
        *[{"a": "yes", "b": "yes"}] * 20,
        *[{"a": "yes", "b": "no"}] * 5,
        *[{"a": "no", "b": "yes"}] * 10,
        *[{"a": "no", "b": "no"}] * 15,
    ]

    (pair,) = agreement(opinions)

    assert (pair.turns, pair.same) == (50, 35)
    assert pair.kappa is not None
    assert math.isclose(pair.kappa, 0.4)


def test_each_pair_is_compared_on_what_both_read() -> None:
    opinions = [
        {"a": "x", "b": "x", "c": "y"},
        {"a": "x", "b": "y"},
        {"b": "", "c": ""},
        {"c": "x"},
    ]

    found = {pair.annotators: (pair.turns, pair.same) for pair in agreement(opinions)}

    assert found == {("a", "b"): (2, 1), ("b", "c"): (2, 1), ("a", "c"): (1, 0)}


def test_where_all_say_one_and_the_same_there_is_no_kappa() -> None:
    (pair,) = agreement([{"a": "x", "b": "x"}] * 3)

    assert (pair.same, pair.kappa) == (3, None)
