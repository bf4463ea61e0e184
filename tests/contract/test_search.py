"""Searching turns: every filter, order and page, on every database."""

import itertools
from typing import Any

import pytest

from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.review import queue, showing
from rasa_qa_plugin.review.statistics import statistics
from rasa_qa_plugin.storage import (
    annotations,
    batches,
    ratings,
    runs,
    schema,
    search,
    turns,
)
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.search import Filters
from rasa_qa_plugin.storage.turns import Turn
from tests.conftest import Open

START = 1_793_500_000.0
DAY = 86_400.0


def turn(name: str, **fields: Any) -> Turn:
    values = {
        "turn_id": f"t_{name}",
        "sender_id": "qa_ana",
        "seq": sum(ord(char) << 8 * place for place, char in enumerate(name[:4])),
        "recorded_at": START,
        "text": f"texto {name}",
        "intent": "greet",
        "confidence": 0.9,
        "priority": 0.1,
        **fields,
    }
    return Turn(**values)


@pytest.fixture
def opened(open_store: Open) -> Opened:
    return open_store()


def keep(opened: Opened, *new: Turn) -> None:
    with transaction(opened.engine) as connection:
        turns.record(connection, new)


def names(opened: Opened, filters: Filters | None = None, **how: Any) -> list[str]:
    with reading(opened.engine) as connection:
        return [
            found.turn_id.removeprefix("t_")
            for found in search.find(connection, filters, **how)
        ]


def rate(opened: Opened, name: str, rating: int, **how: Any) -> None:
    with transaction(opened.engine) as connection:
        ratings.rate(
            connection, sender_id="qa_ana", message_ref=name, rating=rating,
            comment=None, now=START, **how,
        )  # fmt: skip


def test_each_order_puts_first_what_it_says_and_leaves_nothing_out(
    opened: Opened,
) -> None:
    keep(
        opened,
        turn("a", priority=0.2, confidence=0.9, recorded_at=START),
        turn("b", priority=None, confidence=None, recorded_at=START + 1),
        turn("c", priority=0.5, confidence=0.8, recorded_at=START + 2),
        turn("d", priority=None, confidence=0.1, text=None, recorded_at=START + 3),
    )

    assert names(opened) == ["c", "a", "d", "b"]
    assert names(opened, order="recent") == ["d", "c", "b", "a"]
    assert names(opened, order="confidence") == ["d", "c", "a", "b"]
    assert names(opened, limit=3) == ["c", "a", "d"]


@pytest.mark.parametrize("order", search.ORDERS)
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_pages_join_into_the_whole_list_whatever_ties_there_are(
    opened: Opened, order: search.Order, size: int
) -> None:
    values = itertools.product((0.5, 0.25, None), (0.5, 0.75, None), (0.0, 1.0))
    keep(
        opened,
        *(
            turn(
                f"{number:03d}", priority=priority, confidence=confidence,
                recorded_at=START + at,
            )
            for number, (priority, confidence, at) in enumerate(values)
        ),
    )  # fmt: skip
    whole = names(opened, order=order)

    paged: list[str] = []
    after = None
    with reading(opened.engine) as connection:
        while found := list(
            search.find(connection, order=order, after=after, limit=size)
        ):
            paged += [one.turn_id.removeprefix("t_") for one in found]
            after = found[-1]

    assert len(set(whole)) == len(whole) == 18
    assert paged == whole


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), ["plain", "odd"]),
        (Filters(since=START + DAY), ["odd"]),
        (Filters(until=START + DAY), ["plain"]),
        (Filters(intent="price"), ["odd"]),
        (Filters(min_confidence=0.9), ["plain"]),
        (Filters(max_confidence=0.5), ["odd"]),
        (Filters(min_confidence=0.5, max_confidence=0.6), ["odd"]),
        (Filters(min_confidence=0.6, max_confidence=0.7), []),
        (Filters(flagged=True), ["odd"]),
        (Filters(flag="novel"), ["odd"]),
        (Filters(flag="manual"), []),
        (Filters(channel="telegram"), ["odd"]),
        (Filters(language="es-EC"), ["odd"]),
        (Filters(rating="bad"), ["odd"]),
        (Filters(rating="good"), []),
        (Filters(rating="none"), ["plain"]),
        (Filters(statuses=("rejected", "merged")), ["odd"]),
        (Filters(sender_id="qa_ana", intent="greet"), ["plain"]),
        (Filters(sender_id="qa_luis"), []),
        (Filters(words="texto"), ["plain"]),
        (Filters(with_text=True), ["plain"]),
    ],
)
def test_a_filter_leaves_what_meets_it(
    opened: Opened, filters: Filters, found: list[str]
) -> None:
    keep(
        opened,
        turn("plain"),
        turn(
            "odd", recorded_at=START + DAY, intent="price", confidence=0.5, text=None,
            flags=["novel"], channel="telegram", language="es-EC", message_ref="odd",
            status="rejected", priority=None,
        ),
    )  # fmt: skip
    rate(opened, "odd", -1)

    assert names(opened, filters) == found


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("¿Cuánto CUESTA el camarón?", "cuanto camaron", True),
        ("¿Cuánto CUESTA el camarón?", "CUÁNTO", True),
        ("cuanto cuesta", "cuánto cuésta", True),
        ("¿Cuánto cuesta?", "cuanto vale", False),
        ("el niño", "NINO", True),
        ("el nin\u0303o", "niño", True),
        ("llamen al [PHONE]", "[phone]", True),
        ("100% seguro", "0%", True),
        ("1000 seguro", "0%", False),
        ("a_b", "a_", True),
        ("acb", "a_", False),
        ("ПРИВЕТ", "привет", True),
        ("(a|b) \\d", "(a|b) \\d", True),
        ("7", "\\d", False),
        ("日本語", "本", True),
        ("x\ny", "y x", True),
        ("hola", "\ud800\0", False),
        ("hola", "-", False),
    ],
)
def test_words_are_found_without_case_and_accents(
    opened: Opened, text: str, words: str, *, found: bool
) -> None:
    keep(opened, turn("a", text=text))

    assert names(opened, Filters(words=words)) == (["a"] if found else [])


def test_a_flag_raised_by_hand_is_noted_with_counts_and_can_be_taken_back(
    opened: Opened,
) -> None:
    keep(opened, turn("a"), turn("b", flags=["manual"]))

    def mark(*ids: str, off: bool = False) -> int:
        return showing.mark(opened.engine, ids, "manual", off=off, now=START).changed

    assert mark("t_a", "t_b", "t_a") == 1
    assert mark("t_a", "t_b") == 0
    assert names(opened, Filters(flag="manual")) == ["b", "a"]
    assert mark("t_a", off=True) == 1
    assert names(opened, Filters(flag="manual")) == ["b"]
    with pytest.raises(RasaQAError, match=r"^turns: 1 of 2 ids not found; "):
        mark("t_a", "t_c")
    assert names(opened, Filters(flag="manual")) == ["b"]
    with reading(opened.engine) as connection:
        assert len(connection.execute(schema.activity.select()).all()) == 2
        assert runs.noted(connection, "flag", flag="manual", raised=1)
        assert runs.noted(connection, "flag", flag="manual", lowered=1)


def test_a_rejected_turn_that_is_flagged_waits_to_be_read_again(
    opened: Opened,
) -> None:
    keep(opened, turn("a", flags=["manual"]), turn("b"))
    with transaction(opened.engine) as connection:
        turns.set_status(connection, ["t_a", "t_b"], "rejected")
    assert names(opened, Filters(statuses=("new",))) == []

    marked = showing.mark(opened.engine, ["t_a"], "manual", off=False, now=START)

    assert marked == (0, 1)
    assert names(opened, Filters(statuses=("new",))) == ["a"]
    assert showing.mark(opened.engine, ["t_a"], "manual", off=True, now=START) == (1, 0)
    assert names(opened, Filters(statuses=("new",))) == ["a"]


def test_more_turns_than_one_transaction_takes_are_all_flagged(opened: Opened) -> None:
    ids = [f"{number:04d}" for number in range(1100)]
    keep(opened, *(turn(name, seq=number) for number, name in enumerate(ids)))

    done = showing.mark(
        opened.engine, [f"t_{name}" for name in ids], "manual", off=False, now=START
    )

    assert done.changed == 1100
    assert sorted(names(opened, Filters(flag="manual"))) == ids


def test_a_report_flags_its_turn_and_stays_when_the_rating_changes(
    opened: Opened,
) -> None:
    keep(opened, turn("a", message_ref="a"))
    rate(opened, "a", -1, reported=True)
    rate(opened, "a", 1)

    assert names(opened, Filters(flag="user_reported")) == ["a"]
    assert names(opened, Filters(flag="negative_feedback")) == []


def annotate(opened: Opened, name: str, intent: str) -> None:
    with transaction(opened.engine) as connection:
        annotations.record(
            connection,
            annotations.Annotation(
                turn_id=f"t_{name}", text=name, intent=intent, entities=[],
                source="review.yml", annotated_at=START,
            ),
        )  # fmt: skip
        turns.set_status(connection, [f"t_{name}"], "annotated")


def test_a_turn_is_shown_with_its_neighbours_and_what_became_of_it(
    opened: Opened,
) -> None:
    keep(
        opened,
        *(turn(name, seq=seq) for seq, name in enumerate("abcdef")),
        turn("z", seq=3, sender_id="qa_luis"),
        turn("t_x", seq=9, turn_id="t_dd"),
    )
    annotate(opened, "d", "price")
    annotate(opened, "d", "greet")
    batch = batches.Batch(
        batch_id="b_1", format="rasa_nlu", file_name="review.yml", sha256="0",
        turns=["t_c", "t_d"], created_at=START,
    )  # fmt: skip
    with transaction(opened.engine) as connection:
        batches.record(connection, batch)
        batches.record(
            connection, batches.Batch(**{
                **{name: getattr(batch, name) for name in batch.__struct_fields__},
                "batch_id": "b_2", "turns": ["t_dd"],
            }),
        )  # fmt: skip

    with reading(opened.engine) as connection:
        first, second = showing.show(connection, ["t_d", "t_a"])

    assert [one.turn_id for one in first.before] == ["t_b", "t_c"]
    assert [one.turn_id for one in first.after] == ["t_e"]
    assert [(one.intent, one.status) for one in first.annotations] == [
        ("price", "superseded"),
        ("greet", "annotated"),
    ]
    assert [one.batch_id for one in first.batches] == ["b_1"]
    assert (second.before, second.annotations, second.batches) == ([], [], [])


def test_reasons_come_from_the_ranking_or_from_what_is_known_before_it(
    opened: Opened,
) -> None:
    keep(
        opened,
        turn("a", reasons={"learned": 1.5}),
        turn("b", margin=0.1, flags=["repeated"]),
    )

    with reading(opened.engine) as connection:
        ranked, fresh = showing.show(connection, ["t_a", "t_b"])

    assert (ranked.reasons, ranked.ranked) == ({"learned": 1.5}, True)
    assert not fresh.ranked
    assert fresh.reasons == {"margin": 0.8, "repeated": 0.8, "confidence": -0.22}


def test_statistics_sum_up_what_people_decided(opened: Opened) -> None:
    keep(
        opened,
        turn("a", confidence=0.95, error_score=0.05, message_ref="a"),
        turn("b", confidence=0.85, error_score=0.35),
        turn("c", confidence=0.85, error_score=0.65, flags=["novel"]),
        turn("d", confidence=0.85, recorded_at=START - DAY),
        turn("e", intent="price", confidence=None, text=None),
    )
    rate(opened, "a", 1)
    for name, intent in (("a", "greet"), ("b", "greet"), ("c", "price")):
        annotate(opened, name, intent)
    with transaction(opened.engine) as connection:
        for name, seconds in (("a", 1.0), ("b", 2.0), ("c", 9.0)):
            connection.execute(
                schema.annotations.update()
                .where(schema.annotations.c.turn_id == f"t_{name}")
                .values(seconds=seconds)
            )

    with reading(opened.engine) as connection:
        found = statistics(connection)
        later = statistics(connection, since=START)
        none = statistics(connection, since=START + 1)

    assert (found.turns, found.with_text, found.reviewed) == (5, 4, 3)
    assert (found.reviewed_share, found.flagged, found.rated_good) == (0.75, 1, 1)
    assert (found.seconds_median, found.seconds_mean) == (2.0, 4.0)
    assert found.accepted_share == pytest.approx(2 / 3)
    assert found.by_intent == {"greet": 4, "price": 1}
    assert (found.accuracy["greet"].decided, found.accuracy["greet"].right) == (3, 2)
    assert [(c.bot, c.right, c.turns) for c in found.confusions] == [
        ("greet", "price", 1)
    ]
    # |.05 - 0|, |.35 - 0| and |.65 - 1|, of one turn each
    assert found.error_score.expected_error == pytest.approx((0.05 + 0.35 + 0.35) / 3)
    assert [(one.low, one.count) for one in found.confidence.bins] == [
        (0.8, 2),
        (0.9, 1),
    ]
    assert found.confidence.expected_error == pytest.approx((2 * 0.35 + 0.05) / 3)
    assert (later.turns, later.decided, later.by_flag) == (4, 3, {"novel": 1})
    assert (none.turns, none.decided, none.by_flag) == (0, 0, {})
    assert (none.accepted_share, none.confidence.expected_error) == (None, None)


def test_an_answer_settles_what_says_the_same_but_no_endless_crowd(
    opened: Opened,
) -> None:
    crowd = range(700)
    keep(
        opened,
        turn("lead", duplicate_key="k", seq=9999, recorded_at=START - DAY),
        turn("done", duplicate_key="k", seq=9998, status="merged"),
        *(
            turn(
                f"{number:04d}", seq=number, duplicate_key="k", priority=None,
                recorded_at=START + number,
            )
            for number in crowd
        ),
        turn("alone", duplicate_key="a", text="otra cosa", seq=9997, priority=0.05),
    )  # fmt: skip

    with reading(opened.engine) as connection:
        first, second = queue.page(connection)

    assert (first.turn.turn_id, second.turn.turn_id) == ("t_lead", "t_alone")
    assert [name for name, _ in first.others] == [
        f"t_{number:04d}" for number in crowd[:499]
    ]
    assert second.others == []
