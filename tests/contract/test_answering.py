"""What a review session promises, on every database."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.errors import MergeError, StorageError
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.review.answering import Session
from rasa_qa_plugin.review.importing import import_items
from rasa_qa_plugin.review.items import Entity, Item
from rasa_qa_plugin.review.proxy_intents import Example
from rasa_qa_plugin.review.reranking import BackgroundReranker, Reranker
from rasa_qa_plugin.storage import annotations, erasure, queue, schema, search, turns
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.queue import Rank
from tests.conftest import Events, Open

NOW = 1_700_000_100.0
SIZE = Entity(start=8, end=13, entity="size")


def said(opened: Opened, events: Events, who: str, *texts: str, **fields: Any) -> None:
    """Let a person who agreed say something."""
    batch = [events.slot("qa_consent", "granted")]
    for text in texts:
        number = next(events._clock)
        batch += [
            events.user(text, message_id=f"m{number}", **fields),
            events.bot(f"answer {number}"),
        ]
    opened.recorder.record(Batch(sender_id=who, events=batch), now=NOW)


def begin(opened: Opened, **options: Any) -> Session:
    session = Session(opened.engine, **options)
    session.refresh()
    return session


def shown(session: Session) -> str | None:
    return session.current.item.text if session.current else None


def answer(
    session: Session,
    intent: str = "price",
    *entities: Entity,
    alike: bool = True,
    seconds: float = 2.0,
) -> str:
    return session.answer(intent, entities, alike=alike, seconds=seconds, now=NOW)


def rows(opened: Opened) -> dict[str, Any]:
    """Give what counts, by text."""
    with reading(opened.engine) as connection:
        return {one.text or "": one for one in annotations.waiting(connection)}


def statuses(opened: Opened) -> dict[str | None, str]:
    with reading(opened.engine) as connection:
        return {turn.text: turn.status for turn in search.find(connection)}


def everything_annotated(opened: Opened) -> list[Any]:
    with reading(opened.engine) as connection:
        return connection.execute(sa.select(schema.annotations)).all()


def test_an_answer_is_kept_with_its_time_and_the_next_turn_comes(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said(opened, events, "a", "quiero  16/20 \n ya", confidence=0.3)
    said(opened, events, "b", "hola", confidence=0.9)
    session = begin(opened)
    assert shown(session) == "quiero 16/20 ya"

    note = answer(session, "price", Entity(start=7, end=12, entity="size"))

    assert note == "price"
    assert shown(session) == "hola"
    kept = rows(opened)["quiero 16/20 ya"]
    assert (kept.intent, kept.source, kept.seconds) == ("price", "annotate", 2.0)
    assert kept.entities == [{"start": 7, "end": 12, "entity": "size"}]
    assert statuses(opened) == {"quiero  16/20 \n ya": "annotated", "hola": "new"}
    assert session.summary().corrected == 1


def test_an_answer_holds_for_all_that_say_the_same_each_in_its_own_words(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    for who, text in (("a", "precio, 16/20"), ("b", "PRECIO 16/20!!"), ("c", "hola")):
        said(opened, events, who, text)
    session = begin(opened)
    while shown(session) == "hola":
        session.skip()
    text = shown(session) or ""
    start = text.index("16/20")

    answer(session, "price", Entity(start=start, end=start + 5, entity="size"))

    kept = rows(opened)
    assert {t: a.entities[0]["start"] for t, a in kept.items()} == {
        "precio, 16/20": 8,
        "PRECIO 16/20!!": 7,
    }
    assert sorted(str(a.seconds) for a in kept.values()) == ["2.0", "None"]
    assert (session.summary().answers, session.summary().turns) == (1, 2)


def test_a_turn_that_cannot_take_the_entities_is_left_to_be_read(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said(opened, events, "a", "precio, 16/20", "precio, 21/25")
    with reading(opened.engine) as connection:
        found = list(search.find(connection))
    with transaction(opened.engine) as connection:
        queue.write_ranks(
            connection,
            [
                Rank(
                    turn_id=turn.turn_id, error_score=0.5, reasons={},
                    duplicate_key="alike",
                    priority=None if "21" in str(turn.text) else 1,
                )
                for turn in found
            ],
        )  # fmt: skip
    session = begin(opened)
    assert shown(session) == "precio, 16/20"

    note = answer(session, "price", SIZE)

    assert "1 alike cannot take the entities" in note
    assert list(rows(opened)) == ["precio, 16/20"]
    assert statuses(opened)["precio, 21/25"] == "new"


def test_an_answer_may_be_for_one_turn_alone(open_store: Open, events: Events) -> None:
    opened = open_store()
    said(opened, events, "a", "hola")
    said(opened, events, "b", "Hola!")
    session = begin(opened)

    answer(session, "greet", alike=False)

    assert len(rows(opened)) == 1
    assert sorted(statuses(opened).values()) == ["annotated", "new"]


def test_what_somebody_else_answered_is_never_overwritten(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said(opened, events, "a", "hola")
    said(opened, events, "b", "adiós")
    one, other = begin(opened), begin(opened)
    first = shown(one)
    assert first == shown(other)
    answer(one, "greet")

    note = answer(other, "price")

    assert note == "not recorded: somebody else took this turn meanwhile"
    assert {text: a.intent for text, a in rows(opened).items()} == {first: "greet"}
    assert shown(other) == shown(one) != first
    assert other.summary().answers == 0
    assert other.undo() == "nothing to undo"
    assert (
        "not recorded" in (answer(one, "greet"), other.reject(alike=True, seconds=1))[1]
    )
    assert "rejected" not in statuses(opened).values()


@pytest.mark.parametrize("leaves", ["withdraws", "erased"])
def test_who_leaves_while_their_turn_is_read_is_dropped_with_a_note(
    open_store: Open, events: Events, leaves: str
) -> None:
    opened = open_store()
    said(opened, events, "a", "hola")
    session = begin(opened)
    if leaves == "withdraws":
        opened.recorder.record(
            Batch(sender_id="a", events=[events.slot("qa_consent", "withdrawn")]),
            now=NOW,
        )
    else:
        rights_erase(opened, "a")

    note = answer(session, "greet")

    assert note == "not recorded: this person took their words back meanwhile"
    assert everything_annotated(opened) == []
    assert session.current is None


def rights_erase(opened: Opened, who: str) -> None:
    with transaction(opened.engine) as connection:
        erasure.erase(connection, opened.vault.pseudonym(who), now=NOW)


@pytest.mark.parametrize("leaves", [turns.withdraw, turns.discard, erasure.erase])
@pytest.mark.parametrize("how", ["answer", "import"])
def test_no_word_stays_of_who_leaves_at_the_very_moment_of_the_answer(
    open_store: Open, events: Events, leaves: Callable[..., Any], how: str
) -> None:
    opened = open_store()
    said(opened, events, "a", "hola")
    session = begin(opened)
    assert session.current is not None
    item = Item(turn_id=session.current.turn.turn_id, text="hola", intent="greet")

    def record() -> None:
        if how == "answer":
            answer(session, "greet")
        else:
            import_items(
                opened.engine, [item], privacy=opened.privacy, source="f", now=NOW
            )

    answering = threading.Thread(target=record)
    leaving = opened.engine.connect()

    def in_between(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        # Their corrections are gone now, their turns not yet.
        changed = statement.startswith(("UPDATE", "DELETE"))
        if changed and "qa_annotations" in statement and not answering.ident:
            answering.start()
            answering.join(0.5)

    sa.event.listen(leaving, "after_cursor_execute", in_between)
    more = {"now": NOW} if leaves is erasure.erase else {}
    with leaving.begin():
        leaves(leaving, opened.vault.pseudonym("a"), **more)
    leaving.close()
    answering.join(30)

    assert answering.ident is not None
    assert not answering.is_alive()
    assert [row.text for row in everything_annotated(opened) if row.text] == []


def test_every_step_can_be_undone(open_store: Open, events: Events) -> None:
    opened = open_store()
    for who in "abcd":
        said(opened, events, who, f"frase {who} distinta")
    session = begin(opened)
    order = []
    for act in (
        lambda: answer(session, "price"),
        session.skip,
        lambda: session.reject(alike=True, seconds=1.0),
    ):
        order.append(shown(session))
        act()
    last = shown(session)
    assert sorted(statuses(opened).values()) == ["annotated", "new", "new", "rejected"]

    back = [(session.undo(), shown(session)) for _ in order]

    assert back == [("undone", text) for text in reversed(order)]
    assert session.undo() == "nothing to undo"
    assert set(statuses(opened).values()) == {"new"}
    assert everything_annotated(opened) == []
    assert session.summary().seconds is None
    seen = []
    while session.current is not None:
        seen.append(shown(session))
        answer(session, "price")
    assert seen == [*order, last]


def test_undoing_takes_a_whole_group_back(open_store: Open, events: Events) -> None:
    opened = open_store()
    said(opened, events, "a", "hola")
    said(opened, events, "b", "Hola!")
    session = begin(opened)
    assert answer(session, "greet") == "greet (and 1 alike)"

    assert session.undo() == "undone (and 1 alike)"

    assert everything_annotated(opened) == []
    assert set(statuses(opened).values()) == {"new"}


def test_what_was_merged_meanwhile_is_not_undone(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said(opened, events, "a", "hola")
    session = begin(opened)
    answer(session, "greet")
    (done,) = rows(opened).values()
    with transaction(opened.engine) as connection:
        annotations.mark_merged(connection, [done.turn_id])
        turns.set_status(connection, [done.turn_id], "merged")

    note = session.undo()

    assert note == "cannot be undone: merged, changed or withdrawn meanwhile"
    assert session.current is None
    assert statuses(opened) == {"hola": "merged"}
    assert [row.status for row in everything_annotated(opened)] == ["merged"]


def test_a_rejected_turn_leaves_the_queue_with_those_alike(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said(opened, events, "a", "spam spam")
    said(opened, events, "b", "Spam, spam!")
    session = begin(opened)

    note = session.reject(alike=True, seconds=1.0)

    assert note == "rejected (and 1 alike)"
    assert set(statuses(opened).values()) == {"rejected"}
    assert begin(opened).current is None


def test_a_long_queue_is_gone_through_once_and_skipped_turns_come_next_time(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    for number in range(25):
        said(
            opened, events, f"p{number}", f"{'abcdefghijklmnopqrstuvwxy'[number] * 2} z"
        )
    session = begin(opened)
    seen = []
    while session.current is not None:
        seen.append(shown(session))
        if len(seen) % 5:
            answer(session, "price")
        else:
            session.skip()
        session.prefetch()
        if len(seen) == 12:
            session.refresh()

    assert len(seen) == len(set(seen)) == 25
    assert session.summary().skipped == 5
    assert shown(begin(opened)) in seen[4::5]


def test_new_turns_show_up_when_the_queue_had_run_empty(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    session = begin(opened, flag="low_confidence")
    assert session.current is None
    said(opened, events, "a", "sin bandera", confidence=0.99)
    said(opened, events, "a", "a cómo", confidence=0.2)

    session.refresh()

    assert shown(session) == "a cómo"
    answer(session)
    assert session.current is None


def test_a_reader_sees_two_turns_before_and_no_word_that_was_not_kept(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    opened.recorder.record(
        Batch(sender_id="a", events=[events.user("antes del sí")]), now=NOW
    )
    said(opened, events, "a", "uno", "dos", "tres", confidence=0.99)
    said(opened, events, "a", "cuatro", confidence=0.1)
    session = begin(opened)
    assert session.current is not None
    assert shown(session) == "cuatro"

    assert [one.text for one in session.current.context] == ["dos", "tres"]
    assert all(str(one.answer).startswith("answer") for one in session.current.context)
    while shown(session) != "uno":
        session.skip()
    assert session.current.context == []


def test_an_answer_that_cannot_be_kept_leaves_everything_as_it_was(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said(opened, events, "a", "hola")
    session = begin(opened)
    with opened.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE qa_annotations RENAME TO away"))

    with pytest.raises(StorageError):
        answer(session, "greet")

    assert shown(session) == "hola"
    with opened.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO qa_annotations"))
    assert statuses(opened) == {"hola": "new"}
    assert answer(session, "greet") == "greet"
    assert rows(opened)["hola"].intent == "greet"


def test_a_correction_made_before_is_replaced_not_doubled(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said(opened, events, "a", "hola")
    session = begin(opened)
    answer(session, "price")
    with transaction(opened.engine) as connection:
        turns.set_status(connection, [rows(opened)["hola"].turn_id], "new")

    again = begin(opened)
    answer(again, "greet")

    assert [(row.intent, row.status) for row in everything_annotated(opened)] == [
        ("price", "superseded"),
        ("greet", "annotated"),
    ]


def test_intents_that_people_gave_are_known_until_their_words_go(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said(opened, events, "a", "hola")
    session = begin(opened)
    answer(session, "brand_new")
    with reading(opened.engine) as connection:
        assert annotations.intents(connection) == {"brand_new"}

    opened.recorder.record(
        Batch(sender_id="a", events=[events.slot("qa_consent", "withdrawn")]), now=NOW
    )

    with reading(opened.engine) as connection:
        assert annotations.intents(connection) == set()


def test_the_ranking_beside_a_reader_says_when_it_is_done_and_why_not(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said(opened, events, "a", "hola")
    broken = [True]

    def training() -> list[Example]:
        if broken.pop():
            raise MergeError("nlu.yml: not valid YAML; check indentation and quotes")
        return [Example(text="buenas", intent="greet")]

    ranking = BackgroundReranker(Reranker(opened.engine, training))
    for problem in (True, False):
        ranking.ask()
        before = ranking.served
        while not ranking.is_done:
            time.sleep(0.01)
        assert ranking.served > before
        assert (ranking.problem is not None) is problem
        broken.append(False)
    ranking.close()

    session = begin(opened)
    assert session.current is not None
    judgement = ranking.judgement(session.current.turn.turn_id)
    assert judgement is not None
    assert [name for name, _ in judgement.likely] == ["greet"]


def test_the_audit_trail_counts_a_session_and_names_nobody(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said(opened, events, "a", "hola")
    session = begin(opened)
    session.close(now=NOW)
    answer(session, "greet")
    session.close(now=NOW)

    with reading(opened.engine) as connection:
        noted = connection.execute(
            sa.select(schema.activity.c.action, schema.activity.c.detail)
        ).all()
    assert [tuple(row) for row in noted if row.action == "annotate"] == [
        ("annotate", '{"turns":1}')
    ]
