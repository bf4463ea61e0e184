"""Spans never overlap and never lose a character; offsets follow the text."""

import random
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from rasa_qa_plugin.privacy.spans import (
    CUE,
    KNOWN,
    SHAPE,
    VALIDATED,
    Alignment,
    Span,
    resolve,
)

TEXT = "abcdefghijklmnopqrstuvwxyz" * 3
Case = tuple[str, list[tuple[int, int, str]], int, int]
TYPES = st.sampled_from(("PHONE", "ID", "ADDRESS", "NAME"))
SCORES = st.sampled_from((VALIDATED, CUE, SHAPE, KNOWN))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start = draw(st.integers(0, len(TEXT) - 1))
    end = draw(st.integers(start + 1, min(len(TEXT), start + 30)))
    return Span(start, end, draw(TYPES), draw(SCORES), "rule")


def covered(found: list[Span]) -> set[int]:
    return {offset for span in found for offset in range(span.start, span.end)}


@given(st.lists(spans(), max_size=12))
def test_resolved_spans_are_sorted_and_do_not_overlap(candidates: list[Span]) -> None:
    found = resolve(candidates, text=TEXT)
    assert all(a.end <= b.start for a, b in pairwise(found))


@given(st.lists(spans(), max_size=12))
@example(
    [
        Span(10, 40, "PHONE", VALIDATED, "rule"),
        Span(11, 41, "PHONE", VALIDATED, "rule"),
        Span(41, 43, "PHONE", VALIDATED, "rule"),
        Span(42, 45, "PHONE", VALIDATED, "rule"),
    ]
)
def test_resolving_loses_no_more_than_single_characters(candidates: list[Span]) -> None:
    lost = covered(candidates) - covered(resolve(candidates, text=TEXT))
    assert not any(offset + 1 in lost for offset in lost)
    assert covered(resolve(candidates, text=TEXT)) <= covered(candidates)


@given(st.lists(spans(), max_size=12))
def test_resolving_twice_changes_nothing(candidates: list[Span]) -> None:
    once = resolve(candidates, text=TEXT)
    assert resolve(once, text=TEXT) == once


@given(st.lists(spans(), max_size=8), st.randoms())
def test_order_of_candidates_does_not_matter(
    candidates: list[Span], chosen: random.Random
) -> None:
    shuffled = candidates[:]
    chosen.shuffle(shuffled)
    assert resolve(shuffled, text=TEXT) == resolve(candidates, text=TEXT)


def test_a_value_of_one_character_stays_whoever_else_overlaps() -> None:
    initial = Span(0, 1, "PHONE", VALIDATED, "entity")
    cut = Span(1, 6, "PHONE", VALIDATED, "entity")
    name = Span(5, 13, "NAME", CUE, "cue")
    assert resolve([initial, cut, name], text=TEXT)[0] == initial


def test_surer_rule_wins() -> None:
    found = resolve(
        [Span(0, 10, "ID", SHAPE, "a"), Span(0, 10, "CARD", VALIDATED, "b")], text=TEXT
    )
    assert [span.entity_type for span in found] == ["CARD"]


def test_longer_span_wins_between_equally_sure_ones() -> None:
    found = resolve(
        [Span(0, 5, "ID", CUE, "a"), Span(0, 10, "PHONE", CUE, "b")], text=TEXT
    )
    assert [span.entity_type for span in found] == ["PHONE"]


def test_address_takes_in_weak_numbers_and_not_sure_ones() -> None:
    address = Span(0, 20, "ADDRESS", SHAPE, "cue")
    weak = Span(3, 9, "PHONE", SHAPE, "shape")
    sure = Span(12, 20, "EMAIL", VALIDATED, "address")
    assert resolve([address, weak], text=TEXT) == [address]
    assert [span.entity_type for span in resolve([address, sure], text=TEXT)] == [
        "ADDRESS",
        "EMAIL",
    ]


def test_street_named_after_somebody_stays_one_address() -> None:
    street = Span(0, 20, "ADDRESS", CUE, "street")
    guess = Span(0, 20, "ADDRESS", SHAPE, "cue")
    name = Span(4, 8, "NAME", VALIDATED, "entity")
    beyond = Span(12, 24, "NAME", VALIDATED, "entity")
    assert resolve([street, name], text=TEXT) == [street]
    assert name in resolve([guess, name], text=TEXT)
    assert beyond in resolve([street, beyond], text=TEXT)


def test_part_of_a_value_of_the_same_type_is_no_value_of_its_own() -> None:
    whole = Span(0, 20, "NAME", CUE, "cue")
    assert resolve([whole, Span(4, 8, "NAME", VALIDATED, "entity")], text=TEXT) == [
        whole
    ]


def test_what_a_loser_covered_beside_the_winner_stays_covered() -> None:
    found = resolve(
        [Span(0, 10, "ADDRESS", CUE, "a"), Span(8, 20, "PHONE", VALIDATED, "b")],
        text=TEXT,
    )
    assert [(span.start, span.end) for span in found] == [(0, 8), (8, 20)]


@st.composite
def edited(draw: st.DrawFn) -> Case:
    text = draw(st.text("abcXYZ", max_size=40))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    edits = [
        (start, end, "[" + draw(st.text("X", max_size=6)) + "]")
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, len(text)))
    return text, edits, start, end


def by_hand(text: str, edits: list[tuple[int, int, str]], start: int, end: int) -> str:
    """Give what a stretch reads after the edits, edits it touches taken whole."""
    touched = [e for e in edits if e[0] < end and start < e[1]]
    low = min([start, *(e[0] for e in touched)])
    high = max([end, *(e[1] for e in touched)])
    reads, position = "", low
    for first, last, replacement in touched:
        reads += text[position:first] + replacement
        position = last
    return reads + text[position:high]


@given(edited())
def test_alignment_equals_counting_by_hand(case: Case) -> None:
    text, edits, start, end = case
    alignment = Alignment(text, edits)
    if start < end:
        new_start, new_end = alignment.span(start, end)
        assert alignment.text[new_start:new_end] == by_hand(text, edits, start, end)
        assert alignment.touches(start, end) == any(
            first < end and start < last for first, last, _ in edits
        )


@given(edited())
def test_empty_stretch_stays_empty_and_inside(case: Case) -> None:
    text, edits, start, _ = case
    alignment = Alignment(text, edits)
    new_start, new_end = alignment.span(start, start)
    assert new_start == new_end
    assert 0 <= new_start <= len(alignment.text)


def test_entity_inside_a_value_widens_to_the_token() -> None:
    alignment = Alignment("soy Ana Luna hoy", [(4, 12, "[NAME]")])
    assert alignment.text == "soy [NAME] hoy"
    start, end = alignment.span(4, 7)
    assert alignment.text[start:end] == "[NAME]"
    start, end = alignment.span(13, 16)
    assert alignment.text[start:end] == "hoy"
