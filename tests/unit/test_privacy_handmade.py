"""The engine measured on our own list of chat messages (tests/data/privacy)."""

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.settings import PrivacySettings

DATA = Path(__file__).parents[1] / "data" / "privacy" / "handmade.jsonl"
GROUPS = frozenset({"PHONE", "EMAIL", "CARD", "ACCOUNT", "ID", "ADDRESS"})
PERSON = "PERSON"
# The engine's name for a group, where it differs from the list's.
GROUP_OF_TYPE = {"NAME": PERSON, "IBAN": "ACCOUNT"}


class Span(NamedTuple):
    start: int
    end: int
    group: str

    def meets(self, other: "Span") -> bool:
        return (
            self.group == other.group
            and self.start < other.end
            and other.start < self.end
        )


class Row(NamedTuple):
    id: str
    lang: str
    kind: str
    text: str
    gold: tuple[Span, ...]
    quoted: tuple[str, ...]


class Measured(NamedTuple):
    row: Row
    detected: tuple[Span, ...]

    def missed(self, groups: frozenset[str]) -> list[Span]:
        return [
            gold
            for gold in self.row.gold
            if gold.group in groups and not any(map(gold.meets, self.detected))
        ]

    def false_alarms(self, groups: frozenset[str]) -> list[Span]:
        return [
            span
            for span in self.detected
            if span.group in groups and not any(map(span.meets, self.row.gold))
        ]


def read(line: str) -> Row:
    raw = json.loads(line)
    spans = raw["spans"]
    return Row(
        id=raw["id"],
        lang=raw["lang"],
        kind=raw["kind"],
        text=raw["text"],
        gold=tuple(Span(span["start"], span["end"], span["label"]) for span in spans),
        quoted=tuple(span["text"] for span in spans),
    )


ROWS = [read(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def measured() -> list[Measured]:
    engine = PrivacyEngine(PrivacySettings())
    return [
        Measured(
            row,
            tuple(
                Span(
                    found.start,
                    found.end,
                    GROUP_OF_TYPE.get(found.entity_type, found.entity_type),
                )
                for found in engine.find(row.text)
            ),
        )
        for row in ROWS
    ]


def report(measured: list[Measured], groups: frozenset[str]) -> str:
    """The mistakes one a line; the rows are ours, so their text may be shown."""
    lines = []
    for one in measured:
        mistakes = [("missed", span) for span in one.missed(groups)]
        mistakes += [("false alarm", span) for span in one.false_alarms(groups)]
        lines += [
            f"{mistake} {span.group} {one.row.text[span.start : span.end]!r}"
            f" in {one.row.id}: {one.row.text!r}"
            for mistake, span in mistakes
        ]
    return "\n".join(lines)


def recall(measured: list[Measured], groups: frozenset[str]) -> float:
    gold = sum(span.group in groups for one in measured for span in one.row.gold)
    return 1 - sum(len(one.missed(groups)) for one in measured) / gold


def precision(measured: list[Measured], groups: frozenset[str]) -> float:
    found = sum(span.group in groups for one in measured for span in one.detected)
    return 1 - sum(len(one.false_alarms(groups)) for one in measured) / max(found, 1)


def test_every_marked_span_quotes_its_text_and_overlaps_no_other() -> None:
    for row in ROWS:
        quoted = tuple(row.text[span.start : span.end] for span in row.gold)
        ends = [0, *(span.end for span in row.gold)]

        assert quoted == row.quoted, row.id
        assert all(text.strip() == text != "" for text in quoted), row.id
        assert all(
            end <= span.start for end, span in zip(ends, row.gold, strict=False)
        ), row.id
        assert {span.group for span in row.gold} <= {*GROUPS, PERSON}, row.id


def test_the_list_is_large_without_repeats_and_in_both_languages() -> None:
    languages = Counter(row.lang for row in ROWS)

    assert len(ROWS) >= 450
    assert len({row.id for row in ROWS}) == len(ROWS)
    assert len({row.text for row in ROWS}) == len(ROWS)
    assert set(languages) == {"es", "en"}
    assert min(languages.values()) >= 0.35 * len(ROWS)


def test_at_least_150_rows_hold_nothing_personal_and_their_kind_says_so() -> None:
    plain = [row for row in ROWS if not row.gold]

    assert len(plain) >= 150
    assert {row.kind.split("_")[0] for row in plain} == {"commercial", "prose"}
    assert not any(
        row.gold for row in ROWS if row.kind.startswith(("commercial_", "prose_"))
    )


def test_the_engine_finds_ninety_nine_in_a_hundred_values(
    measured: list[Measured],
) -> None:
    assert recall(measured, GROUPS) >= 0.99, report(measured, GROUPS)


def test_ninety_nine_in_a_hundred_findings_are_right(measured: list[Measured]) -> None:
    assert precision(measured, GROUPS) >= 0.99, report(measured, GROUPS)


def test_no_commercial_term_is_masked(measured: list[Measured]) -> None:
    masked = [
        f"{span.group} {one.row.text[span.start : span.end]!r} in {one.row.id}"
        for one in measured
        if one.row.kind.startswith("commercial_")
        for span in one.detected
    ]

    assert not masked, "\n".join(masked)


def test_names_after_a_cue_are_found_and_little_else_is_called_a_name(
    measured: list[Measured],
) -> None:
    person = frozenset({PERSON})

    assert recall(measured, person) >= 0.95, report(measured, person)
    assert precision(measured, person) >= 0.95, report(measured, person)
