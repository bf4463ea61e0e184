"""What clicks and stars leave in the database, on every database."""

from typing import Any

import pytest
import sqlalchemy as sa

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.privacy.vault import message_ref
from rasa_qa_plugin.settings import ConsentSettings, Settings
from rasa_qa_plugin.storage import annotations, schema, statistics, turns
from rasa_qa_plugin.storage.engine import reading, transaction
from tests.conftest import Events, Open

WHO = "593998765432"
NOW = 1_700_000_100.0
WORDS = "precio del atún para el 0991234567"
REF = message_ref("m1")


def save(opened: Opened, *said: dict[str, Any], now: float = NOW) -> None:
    opened.recorder.record(Batch(sender_id=WHO, events=list(said)), now=now)


def ask(opened: Opened, events: Events, *, consent: bool = True) -> turns.Turn:
    """Let somebody say something unclear; give the turn."""
    granted = [events.slot("qa_consent", "granted")] if consent else []
    save(opened, *granted, events.user(WORDS, confidence=0.4, message_id="m1"))
    return stored(opened)


def stored(opened: Opened) -> turns.Turn:
    with reading(opened.engine) as connection:
        rows = connection.execute(sa.select(schema.turns)).mappings().all()
        (turn,) = turns.complete(connection, rows)
    return turn


def rows(opened: Opened, table: sa.Table) -> list[Any]:
    with reading(opened.engine) as connection:
        return connection.execute(sa.select(table)).all()


def meant(events: Events, intent: str | None, turn: str = REF) -> dict[str, Any]:
    return events.slot("qa_meant", {"turn": turn, "intent": intent})


def test_what_was_meant_is_a_correction_of_the_masked_turn(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    ask(opened, events)

    save(opened, meant(events, "ask_freight"))

    assert stored(opened).status == "annotated"
    with reading(opened.engine) as connection:
        (kept,) = annotations.waiting(connection)
    assert (kept.intent, kept.source) == ("ask_freight", "did_you_mean")
    assert kept.text == "precio del atún para el [PHONE]"


def test_without_consent_nothing_is_labelled(open_store: Open, events: Events) -> None:
    opened = open_store()
    ask(opened, events, consent=False)

    save(opened, meant(events, "ask_freight"))

    assert rows(opened, schema.annotations) == []
    assert stored(opened).status == "new"


def test_a_label_goes_with_the_consent(open_store: Open, events: Events) -> None:
    opened = open_store()
    ask(opened, events)
    save(opened, meant(events, "ask_freight"))

    save(opened, events.slot("qa_consent", "withdrawn"))

    with reading(opened.engine) as connection:
        assert annotations.waiting(connection) == []
    (left,) = rows(opened, schema.annotations)
    assert (left.text, left.status) == (None, "withdrawn")


def test_what_people_decided_about_a_turn_stays(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    turn = ask(opened, events)
    with transaction(opened.engine) as connection:
        turns.set_status(connection, [turn.turn_id], "rejected")

    save(opened, meant(events, "ask_freight"))

    assert rows(opened, schema.annotations) == []
    assert stored(opened).status == "rejected"


def test_none_of_these_flags_the_turn_also_without_consent(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    ask(opened, events, consent=False)

    save(opened, meant(events, None))

    assert "user_reported" in stored(opened).flags


def test_a_turn_of_somebody_else_is_out_of_reach(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    ask(opened, events)
    other = [events.slot("qa_consent", "granted"), meant(events, "ask_freight")]
    opened.recorder.record(Batch(sender_id="593990000001", events=other), now=NOW)

    assert rows(opened, schema.annotations) == []


def test_what_makes_no_sense_labels_nothing(open_store: Open, events: Events) -> None:
    opened = open_store()
    ask(opened, events)

    save(
        opened,
        events.slot("qa_meant", "ask_freight"),
        events.slot("qa_meant", {"turn": 7, "intent": "ask_freight"}),
        meant(events, "ask freight of 0991234567"),
        meant(events, "ask_freight", turn=message_ref("unheard of")),
    )

    assert rows(opened, schema.annotations) == []


def test_stars_rate_a_conversation_and_count_as_no_thumb(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    ask(opened, events)

    for stars in (1, 4, 9, "many"):
        save(opened, events.slot("qa_feedback", {"turn": REF, "stars": stars}))

    (given,) = rows(opened, schema.feedback)
    assert given.message_ref == f"stars:{REF}"
    assert (given.rating, given.turn_id, given.comment) == (4, None, None)
    save(opened, events.slot("qa_feedback", {"turn": REF, "stars": 1}))
    with reading(opened.engine) as connection:
        counted = statistics.counts(connection)
    assert (counted.rated_good, counted.rated_bad) == (0, 0)
    assert (counted.stars, counted.stars_mean) == (1, 1.0)
    assert stored(opened).rating is None


def test_stars_are_summed_up_beside_the_thumbs(
    open_store: Open, events: Events
) -> None:
    opened = open_store()

    def counted(since: float | None = None) -> statistics.Counts:
        with reading(opened.engine) as connection:
            return statistics.counts(connection, since=since)

    assert (counted().stars, counted().stars_mean) == (0, None)
    ask(opened, events)
    save(opened, events.slot("qa_feedback", {"turn": REF, "rating": "up"}))
    for turn, stars in (("first", 5), ("second", 4), ("third", 1)):
        given = {"turn": message_ref(turn), "stars": stars}
        save(opened, events.slot("qa_feedback", given), now=NOW + stars)

    assert (counted().stars, counted().rated_good) == (3, 1)
    assert counted().stars_mean == pytest.approx(10 / 3)
    assert (counted(NOW + 4).stars, counted(NOW + 4).stars_mean) == (2, 4.5)


def test_the_wording_that_people_decided_about_is_known(
    open_store: Open, events: Events
) -> None:
    first = open_store(Settings(consent=ConsentSettings(policy_version="1")))
    second = open_store(Settings(consent=ConsentSettings(policy_version="2")))

    def asked(opened: Opened) -> tuple[bool | None, bool | None]:
        loaded = opened.recorder.load(WHO, all_sessions=False, now=NOW)
        assert loaded is not None
        return loaded.asked, opened.recorder.newcomer(WHO).asked

    save(first, events.user("hola", message_id="m0"))
    assert asked(first) == asked(second) == (None, None)
    save(first, events.slot("qa_consent", "denied"))
    assert asked(first) == (True, True)
    assert asked(second) == (False, False)
    save(second, events.slot("qa_consent", "denied"))
    assert asked(second) == (True, True)
