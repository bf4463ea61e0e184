"""What an import promises, with several people too, on every database."""

from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.review.answering import Session
from rasa_qa_plugin.review.formats import Problem
from rasa_qa_plugin.review.importing import import_items
from rasa_qa_plugin.review.intake import Imported
from rasa_qa_plugin.review.items import Entity, Item
from rasa_qa_plugin.review.queue import page
from rasa_qa_plugin.review.statistics import statistics
from rasa_qa_plugin.review.validation import Vocabulary
from rasa_qa_plugin.storage import annotations, schema, search, turns
from rasa_qa_plugin.storage.engine import reading, transaction
from tests.conftest import Events, Open

NOW = 1_700_000_100.0
NAMES = Vocabulary(
    intents=frozenset({"greet", "price", "faq"}), entities=frozenset({"size"})
)


@pytest.fixture
def opened(open_store: Open, events: Events) -> Opened:
    """Three turns of one who agreed: `hola`, `precio 16/20` and `adiós`."""
    opened = open_store()
    said = [events.user(text) for text in ("hola", "precio 16/20", "adiós")]
    batch = [events.slot("qa_consent", "granted"), *said]
    opened.recorder.record(Batch(sender_id="a", events=batch), now=NOW)
    return opened


def turn(opened: Opened, text: str) -> turns.Turn:
    with reading(opened.engine) as connection:
        return next(one for one in search.find(connection) if one.text == text)


def item(opened: Opened, text: str, intent: str, who: str, **fields: Any) -> Item:
    given = {"text": text, "intent": intent, "annotator": who, **fields}
    return Item(turn_id=turn(opened, text).turn_id, **given)


def pair(opened: Opened, first: str, second: str) -> list[Item]:
    """Give what Ana and Bo say of `hola`."""
    return [item(opened, "hola", first, "Ana"), item(opened, "hola", second, "Bo")]


def take(opened: Opened, *items: Item, source: str = "review.yml") -> Imported:
    return import_items(
        opened.engine, items, privacy=opened.privacy, source=source,
        vocabulary=NAMES, now=NOW,
    )  # fmt: skip


def opinions(opened: Opened, text: str) -> list[tuple[str, str, str]]:
    """Give who said what of a turn, and what that counts."""
    with reading(opened.engine) as connection:
        ids = [turn(opened, text).turn_id]
        found = annotations.of_turns(connection, ids).get(ids[0], [])
    return [(one.annotator, one.intent, one.status) for one in found]


def everything(opened: Opened) -> list[Any]:
    with reading(opened.engine) as connection:
        return [
            connection.execute(sa.select(table)).all()
            for table in (schema.turns, schema.annotations, schema.flags)
        ]


def waiting(opened: Opened) -> list[str]:
    with reading(opened.engine) as connection:
        return [one.turn.text or "" for one in page(connection)]


def test_two_who_agree_are_one_correction(opened: Opened) -> None:
    done = take(opened, *pair(opened, "price", "price"))

    assert len(done.recorded) == 2
    assert turn(opened, "hola").status == "annotated"
    assert opinions(opened, "hola") == [
        ("Ana", "price", "annotated"),
        ("Bo", "price", "seconded"),
    ]
    with reading(opened.engine) as connection:
        assert len(annotations.waiting(connection)) == 1


def test_two_who_do_not_agree_send_the_turn_back(opened: Opened) -> None:
    take(opened, item(opened, "hola", "price", "Ana"))
    assert "hola" not in waiting(opened)

    done = take(opened, item(opened, "hola", "greet", "Bo"))

    found = turn(opened, "hola")
    assert done.disputed == [found.turn_id]
    assert (found.status, found.flags) == ("new", ["disagreement"])
    assert "hola" in waiting(opened)
    assert {status for *_, status in opinions(opened, "hola")} == {"disputed"}
    with reading(opened.engine) as connection:
        assert annotations.waiting(connection) == []


def test_an_import_that_is_repeated_changes_nothing(opened: Opened) -> None:
    items = [
        item(opened, "hola", "price", "Ana"),
        item(opened, "hola", "greet", "Bo"),
        item(opened, "adiós", "", "Bo", verdict="reject"),
        item(opened, "precio 16/20", "price", "Ana"),
    ]
    first = take(opened, *items)
    before = everything(opened)

    again = take(opened, *items)

    assert (len(first.recorded), len(again.recorded), len(again.known)) == (4, 0, 4)
    assert again.disputed == []
    assert everything(opened) == before


def test_a_third_reader_settles_a_dispute_and_the_flag_goes(opened: Opened) -> None:
    take(opened, *pair(opened, "price", "greet"))

    take(opened, item(opened, "hola", "greet", "Cy"))

    assert (turn(opened, "hola").status, turn(opened, "hola").flags) == (
        "annotated",
        [],
    )
    assert opinions(opened, "hola") == [
        ("Ana", "price", "overruled"),
        ("Bo", "greet", "annotated"),
        ("Cy", "greet", "seconded"),
    ]


def test_the_order_in_which_files_come_in_does_not_decide(opened: Opened) -> None:
    """Three opinions at once, or one by one: the same one counts."""
    for text in ("hola", "adiós"):
        three = [
            item(opened, text, "price", "Ana"),
            item(opened, text, "greet", "Bo"),
            item(opened, text, "price", "Cy"),
        ]
        for part in [three] if text == "hola" else [[one] for one in three]:
            take(opened, *part)

    assert opinions(opened, "hola") == opinions(opened, "adiós")


def test_who_changes_their_mind_has_one_opinion(opened: Opened) -> None:
    take(opened, *pair(opened, "price", "greet"))

    take(opened, item(opened, "hola", "greet", "Ana"))

    assert turn(opened, "hola").status == "annotated"
    assert Counter(status for *_, status in opinions(opened, "hola")) == {
        "superseded": 1,
        "annotated": 1,
        "seconded": 1,
    }
    # And back again, as somebody who edits one file several times.
    take(opened, item(opened, "hola", "price", "Ana"))
    assert turn(opened, "hola").status == "new"


def test_an_answer_on_the_screen_settles_a_dispute_and_can_be_undone(
    opened: Opened,
) -> None:
    take(opened, *pair(opened, "price", "faq/x"))
    session = Session(opened.engine, flag="disagreement", annotator="Cy")
    session.refresh()
    assert session.current is not None
    assert session.current.disputed == ["price", "faq/x"]

    session.answer("faq/x", (), alike=True, seconds=1.0, now=NOW)

    settled = [
        ("Ana", "price", "overruled"),
        ("Bo", "faq/x", "seconded"),
        ("Cy", "faq/x", "annotated"),
    ]
    assert opinions(opened, "hola") == settled
    assert turn(opened, "hola").flags == []
    session.undo()
    assert opinions(opened, "hola") == [
        ("Ana", "price", "disputed"),
        ("Bo", "faq/x", "disputed"),
    ]
    assert turn(opened, "hola").flags == ["disagreement"]
    # The files once more: they say nothing new.
    session.answer("faq/x", (), alike=True, seconds=1.0, now=NOW)
    take(opened, item(opened, "hola", "price", "Ana"))
    assert opinions(opened, "hola") == settled


@pytest.mark.parametrize("settled", ["merged", "held_out"])
def test_what_is_merged_or_in_the_test_set_stands(opened: Opened, settled: str) -> None:
    take(opened, item(opened, "hola", "price", "Ana"))
    with transaction(opened.engine) as connection:
        ids = [turn(opened, "hola").turn_id]
        getattr(annotations, f"mark_{settled}")(connection, ids)
        turns.set_status(connection, ids, "merged")

    done = take(
        opened, item(opened, "hola", "greet", "Bo"), item(opened, "hola", "price", "Cy")
    )

    assert done.settled == ids
    assert (turn(opened, "hola").status, turn(opened, "hola").flags) == ("merged", [])
    assert opinions(opened, "hola") == [
        ("Ana", "price", settled),
        ("Bo", "greet", "overruled"),
        ("Cy", "price", "seconded"),
    ]


def test_who_has_no_name_gives_way(opened: Opened) -> None:
    take(opened, item(opened, "hola", "price", ""))
    take(opened, item(opened, "hola", "greet", "Ana"))

    assert opinions(opened, "hola") == [
        ("", "price", "superseded"),
        ("Ana", "greet", "annotated"),
    ]


def test_a_turn_rejected_in_a_tool_leaves_the_queue_until_it_is_flagged(
    opened: Opened,
) -> None:
    done = take(opened, item(opened, "hola", "", "Ana", verdict="reject"))

    assert done.refused == [turn(opened, "hola").turn_id]
    assert turn(opened, "hola").status == "rejected"
    with transaction(opened.engine) as connection:
        assert turns.reopen(connection, done.refused) == 1
    take(opened, item(opened, "hola", "price", "Bo"))
    assert turn(opened, "hola").status == "annotated"


def test_rejecting_and_correcting_is_a_dispute(opened: Opened) -> None:
    take(
        opened,
        item(opened, "hola", "", "Ana", verdict="reject"),
        item(opened, "hola", "price", "Bo"),
    )

    assert turn(opened, "hola").status == "new"
    assert turn(opened, "hola").flags == ["disagreement"]


def test_a_turn_that_was_skipped_waits_again(opened: Opened) -> None:
    ids = [turn(opened, text).turn_id for text in ("hola", "adiós")]
    with transaction(opened.engine) as connection:
        turns.set_status(connection, ids, "exported")

    done = take(
        opened,
        item(opened, "hola", "", "Ana", verdict="skip"),
        item(opened, "adiós", "", "Ana", verdict="skip"),
        item(opened, "adiós", "price", "Bo"),
    )

    assert done.skipped == ids[:1]
    assert turn(opened, "hola").status == "new"
    assert turn(opened, "adiós").status == "annotated"
    assert take(opened, item(opened, "adiós", "", "Ana", verdict="skip")).skipped
    assert turn(opened, "adiós").status == "annotated"


def test_bad_items_are_told_by_line_and_the_good_ones_are_kept(opened: Opened) -> None:
    entity = Entity(start=7, end=12, entity="size")
    done = import_items(
        opened.engine,
        [
            item(opened, "precio 16/20", "price", "Ana", entities=(entity,), line=1),
            item(opened, "hola", "prize", "Ana", line=5),
            item(opened, "adiós", "greet", "Ana", line=9, entities=(
                Entity(start=2, end=99, entity="size"),
            )),
            item(opened, "adiós", "greet", "Bo", line=11, entities=(
                Entity(start=0, end=5, entity="sise"),
            )),
            Item(turn_id="t_mistyped", text="x", intent="greet", line=13),
            Item(turn_id="t_" + "0" * 20, text="x", intent="greet", line=15),
        ],
        problems=[Problem(7, "text: empty", "")],
        privacy=opened.privacy, source="f.yml", vocabulary=NAMES, now=NOW,
    )  # fmt: skip

    told = {one.line: one.message for one in done.complaints}
    assert told == {
        5: "intent: the domain has no prize; did you mean price? "
        "mend it, or import with --new-intent prize",
        7: "text: empty",
        9: "entities: number 1 lies outside of the text; mark it anew",
        11: "entity: the domain has no sise; did you mean size? "
        "mend it, or import with --new-entity sise",
        13: "turn: no such id; put back the exported one",
        15: "turn: not in this database, or erased; dropped",
    }
    assert [one.line for one in done.complaints if not one.rejected] == [15]
    assert len(done.recorded) == 1
    assert turn(opened, "precio 16/20").status == "annotated"
    assert {turn(opened, "hola").status, turn(opened, "adiós").status} == {"new"}


def test_names_that_are_known_need_no_declaration(opened: Opened) -> None:
    """A retrieval intent by its group; what people used before."""
    assert take(opened, item(opened, "hola", "faq/hours", "Ana")).recorded
    with transaction(opened.engine) as connection:
        annotations.record(
            connection,
            annotations.Annotation(
                turn_id=turn(opened, "adiós").turn_id, text="adiós", intent="brand_new",
                entities=[{"start": 0, "end": 5, "entity": "new_entity"}],
                source="annotate", annotated_at=NOW,
            ),
        )  # fmt: skip
        assert annotations.intents(connection) >= {"brand_new"}
        assert annotations.entity_names(connection) == {"new_entity"}


def test_what_the_bot_was_right_about_is_told_apart(opened: Opened) -> None:
    done = take(
        opened,
        item(opened, "hola", "greet", "Ana"),
        item(opened, "adiós", "price", "Ana"),
        item(opened, "precio 16/20", "greet", "Ana", entities=(
            Entity(start=7, end=12, entity="size"),
        )),
    )  # fmt: skip

    assert done.confirmed == [turn(opened, "hola").turn_id]
    assert len(done.corrected) == 2
    with reading(opened.engine) as connection:
        noted = connection.execute(
            sa.select(schema.activity.c.detail).where(
                schema.activity.c.action == "import"
            )
        ).scalar_one()
    assert noted == '{"turns":3,"confirmed":1,"corrected":2}'


def test_a_mark_on_half_a_word_is_kept_on_the_word(opened: Opened) -> None:
    half = Entity(start=8, end=11, entity="size")
    done = take(opened, item(opened, "precio 16/20", "price", "Ana", entities=(half,)))

    assert len(done.repaired) == 1
    with reading(opened.engine) as connection:
        (kept,) = annotations.waiting(connection)
    assert kept.entities == [{"start": 7, "end": 12, "entity": "size"}]


def test_agreement_is_measured_over_a_file_and_over_all(opened: Opened) -> None:
    done = take(
        opened,
        *(item(opened, text, "price", "Ana") for text in ("hola", "adiós")),
        item(opened, "hola", "price", "Bo"),
        item(opened, "adiós", "greet", "Bo"),
        item(opened, "precio 16/20", "price", "Ana"),
    )

    (found,) = done.agreement
    # Chance alone gives as much: Ana always says the same.
    assert (found.annotators, found.turns, found.same) == (("Ana", "Bo"), 2, 1)
    assert found.kappa == 0.0
    with reading(opened.engine) as connection:
        assert statistics(connection).agreement == [found]


def test_whoever_took_their_words_back_is_dropped_and_nobody_hears_of_them(
    opened: Opened, events: Events
) -> None:
    items = [item(opened, "hola", "price", "Ana", line=3)]
    withdrawn = [events.slot("qa_consent", "withdrawn")]
    opened.recorder.record(Batch(sender_id="a", events=withdrawn), now=NOW)

    done = take(opened, *items)

    assert (len(done.withdrawn), done.recorded) == (1, [])
    (complaint,) = done.complaints
    assert (complaint.line, complaint.rejected) == (3, False)
    assert "hola" not in complaint.message
