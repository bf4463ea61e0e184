"""Entities marked word by word, and carried over to texts that are alike."""

import pytest

from rasa_qa_plugin.review.decision_time import LONGEST_PAUSE, DecisionTime
from rasa_qa_plugin.review.items import Entity
from rasa_qa_plugin.review.marking import Marking, carried, without_overlaps, words


def test_words_are_those_that_rasa_would_tokenize() -> None:
    text = "¿Llamo al [PHONE_2], o 16/20 a $5,50/lb (20%)?"

    assert [text[start:end] for start, end in words(text)] == [
        *("Llamo", "al", "[PHONE_2]", "o", "16/20", "a", "$5,50/lb", "20"),
    ]
    assert words("¡¡ ... !!") == []


def entity(text: str, part: str, name: str = "x", value: str | None = None) -> Entity:
    start = text.index(part)
    return Entity(start=start, end=start + len(part), entity=name, value=value)


@pytest.mark.parametrize(
    ("text", "part", "other", "there"),
    [
        ("quiero dos cajas", "dos cajas", "Quiero, DOS  cajas!", "DOS  cajas"),
        ("a Perú", "Perú", "¿a peru?", "peru"),
        ("tel [PHONE]", "[PHONE]", "tel: [PHONE_2]", "[PHONE_2]"),
        ("la 16/20", "16/20", "la 16-20.", "16-20"),
    ],
)
def test_entities_are_found_again_by_their_words(
    text: str, part: str, other: str, there: str
) -> None:
    mark = entity(text, part, "e", "v")

    assert carried([mark], text, other) == (entity(other, there, "e", "v"),)


def test_the_second_of_two_equal_words_stays_the_second() -> None:
    text, other = "de lima a lima", "DE LIMA, A LIMA"
    second = Entity(start=10, end=14, entity="to")

    assert carried([second], text, other) == (Entity(start=11, end=15, entity="to"),)


@pytest.mark.parametrize(
    ("text", "part", "other"),
    [
        ("quiero dos cajas", "dos", "quiero tres cajas"),
        ("quiero dos", "dos", "quiero dos o dos"),
        ("quiero doscientas", "dos", "Quiero doscientas"),
        ("ya !!", "!!", "ya ¡!"),
    ],
)
def test_what_is_not_there_in_the_same_way_is_not_guessed(
    text: str, part: str, other: str
) -> None:
    assert carried([entity(text, part)], text, other) is None
    assert carried([entity(text, part)], text, text) == (entity(text, part),)
    assert carried([], text, other) == ()


def test_of_overlapping_entities_the_longer_one_stays() -> None:
    short, long, apart = (
        Entity(start=0, end=4, entity="a"),
        Entity(start=0, end=9, entity="b"),
        Entity(start=10, end=12, entity="c"),
    )

    assert without_overlaps([apart, short, long]) == (long, apart)
    assert without_overlaps([short, short]) == (short,)


def test_marked_words_become_an_entity_with_all_between_them() -> None:
    marking = Marking("quiero dos cajas grandes", ())
    marking.move(-3)
    marking.move(1)
    marking.toggle()
    assert marking.cursor == (11, 16)
    marking.move(9)
    marking.toggle()
    assert marking.marked == (7, 24)

    marking.name("order")

    assert marking.entities == (Entity(start=7, end=24, entity="order"),)
    assert marking.marked is None


def test_a_new_entity_takes_the_place_of_what_it_overlaps() -> None:
    old = Entity(start=0, end=10, entity="old", value="kept nowhere")
    marking = Marking("quiero dos cajas", [old])
    marking.toggle()
    marking.name("new")

    assert marking.entities == (Entity(start=0, end=6, entity="new"),)


def test_an_entity_is_removed_where_the_cursor_stands() -> None:
    marking = Marking("quiero dos cajas", [Entity(start=7, end=10, entity="n")])
    assert marking.remove() is False
    marking.move(1)
    assert marking.remove() is True
    assert marking.entities == ()


def test_a_text_without_words_can_be_gone_over_too() -> None:
    marking = Marking("!!", ())
    marking.toggle()
    marking.move(1)
    marking.name("x")

    assert (marking.cursor, marking.remove(), marking.entities) == (None, False, ())


def test_pauses_do_not_count_as_work() -> None:
    time = DecisionTime()
    assert time.touch(5.0) == 0.0
    time.start(100.0)
    assert time.touch(104.0) == 4.0
    assert time.touch(3704.0) == 4.0 + LONGEST_PAUSE
    assert time.touch(3705.0) == 5.0 + LONGEST_PAUSE
    assert time.touch(3600.0) == 5.0 + LONGEST_PAUSE, "a clock set back adds nothing"
    time.start(0.0)
    assert time.touch(1.5) == 1.5
