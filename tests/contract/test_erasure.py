"""Who is erased stays erased, whatever was on its way, on every database."""

import json
import threading
import time
from typing import Any

import pytest
import sqlalchemy as sa

from rasa_qa_plugin import rights, subject
from rasa_qa_plugin.batches import Batch, Recorded
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.storage import conversations, copies, erasure, retention, schema
from rasa_qa_plugin.storage.copies import Written
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.purge_rounds import Purge
from tests.conftest import Events, Open

NOW = 1_700_100_000.0
DAY = 86_400.0
ANA, LUIS = "593998765432", "593990000001"


def say(opened: Opened, events: Events, who: str, text: str, *, at: float) -> Recorded:
    said = [events.slot("qa_consent", "granted"), events.user(text, confidence=0.3)]
    return opened.recorder.record(
        Batch(sender_id=who, events=[{**one, "timestamp": at} for one in said]), now=at
    )


def erase(opened: Opened, who: str, *, at: float) -> dict[str, int]:
    return rights.erase(opened, opened.vault.pseudonym(who), at, sender_id=who)


def rows(opened: Opened, *tables: sa.Table) -> int:
    with reading(opened.engine) as connection:
        return sum(
            connection.execute(
                sa.select(sa.func.count()).select_from(table)
            ).scalar_one()
            for table in tables or schema.PERSONAL_TABLES
        )


def everything(opened: Opened) -> str:
    with reading(opened.engine) as connection:
        return "\n".join(
            str(tuple(row))
            for table in schema.metadata.sorted_tables
            for row in connection.execute(sa.select(table))
        )


# Late writes


def test_a_write_in_flight_of_a_new_conversation_is_erased_with_it(
    open_store: Open, events: Events
) -> None:
    """The write has begun, nobody waits for it, and there is no row to lock."""
    opened, other = open_store(), open_store()
    in_flight, go_on = threading.Event(), threading.Event()

    def hold(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("INSERT INTO qa_conversations"):
            in_flight.set()
            go_on.wait(10)

    sa.event.listen(opened.engine, "after_cursor_execute", hold)
    writing = threading.Thread(
        target=say, args=(opened, events, ANA, "hola"), kwargs={"at": NOW}
    )
    writing.start()
    assert in_flight.wait(10)
    erasing = threading.Thread(target=erase, args=(other, ANA), kwargs={"at": NOW + 1})
    erasing.start()
    erasing.join(0.5)
    assert erasing.is_alive()  # it waits for what it cannot see
    go_on.set()
    writing.join()
    erasing.join()

    assert rows(other) == 0


def test_a_write_that_comes_after_the_erasure_brings_nobody_back(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, LUIS, "me quedo", at=NOW)
    before = rows(opened)
    erase(opened, ANA, at=NOW + 1)

    late = say(opened, events, ANA, "hola", at=NOW)

    assert late.erased
    assert (late.version, late.published) == (0, [])
    assert rows(opened) == before


def test_what_waited_in_another_server_s_memory_is_dropped_too(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    erase(opened, ANA, at=NOW + 1)
    say(opened, events, ANA, "otra vez aquí", at=NOW + 2)

    late = opened.recorder.record(
        Batch(sender_id=ANA, events=[events.user("de antes")], waited=True), now=NOW
    )

    assert late.erased
    loaded = opened.recorder.load(ANA, all_sessions=True, now=NOW + 3)
    assert loaded is not None
    assert [e.get("text") for e in loaded.events] == [None, "otra vez aquí"]


def test_what_waited_of_others_and_what_waited_since_is_kept(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    erase(opened, ANA, at=NOW)
    for number, who in enumerate((ANA, LUIS, ANA)):
        kept = opened.recorder.record(
            Batch(sender_id=who, events=[events.user(f"n {number}")], waited=True),
            now=NOW + number - (who == LUIS),
        )
        assert not kept.erased

    assert rows(opened, schema.events) == 3


def test_forgetting_in_the_chat_leaves_a_mark_too(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, ANA, "hola", at=NOW)
    forget = Batch(sender_id=ANA, events=[events.slot("qa_forget", True)])
    assert opened.recorder.record(forget, now=NOW + 1).erased

    assert say(opened, events, ANA, "tarde", at=NOW + 0.5).erased
    # Tried again since its answer was lost, it erases again.
    assert opened.recorder.record(forget, now=NOW + 1).erased
    assert rows(opened) == 0


def test_marks_name_nobody_and_go_in_time(open_store: Open, events: Events) -> None:
    opened = open_store()
    say(opened, events, ANA, "hola", at=NOW)
    erase(opened, ANA, at=NOW + 1)
    erase(opened, ANA, at=NOW + 2)

    assert rows(opened, schema.erasures) == 1
    left = everything(opened)
    assert opened.vault.pseudonym(ANA) not in left
    assert opened.vault.pseudonym(ANA).removeprefix("qa_") not in left
    assert ANA not in left
    opened.recorder.drop_expired(now=NOW + 89 * DAY)
    assert rows(opened, schema.erasures) == 1
    opened.recorder.drop_expired(now=NOW + 91 * DAY)
    assert rows(opened, schema.erasures) == 0


def test_erasing_and_beginning_at_once_locks_nobody_out(
    open_store: Open, events: Events
) -> None:
    opened, other = open_store(), open_store()
    failures: list[Exception] = []

    def often(work: Any) -> None:
        try:
            for number in range(15):
                work(number)
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [
        threading.Thread(target=often, args=(work,))
        for work in (
            lambda n: say(opened, events, ANA, f"hola {n}", at=time.time()),
            lambda _: erase(other, ANA, at=time.time()),
            lambda _: opened.recorder.record(
                Batch(sender_id=ANA, events=[events.slot("qa_forget", True)]),
                now=time.time(),
            ),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    erase(other, ANA, at=time.time())
    assert rows(opened) == 0


# Copies in files


def test_copies_belong_to_a_person_until_they_are_erased(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    for who in (ANA, LUIS):
        say(opened, events, who, "hola", at=NOW)
    with transaction(opened.engine) as connection:
        mine = connection.execute(
            sa.select(schema.turns.c.turn_id).where(
                schema.turns.c.sender_id == opened.vault.pseudonym(ANA)
            )
        ).one()
        written = [Written(turn_id=mine.turn_id, file="a.yml", line="0" * 64)]
        copies.record(connection, written, now=NOW)
        assert copies.recalled(connection) == []

    erase(opened, LUIS, at=NOW)
    with reading(opened.engine) as connection:
        assert copies.recalled(connection) == []
    erase(opened, ANA, at=NOW)
    with reading(opened.engine) as connection:
        (left,) = copies.recalled(connection)
    assert (left.turn_id, left.file) == (mine.turn_id, "a.yml")
    assert opened.vault.pseudonym(ANA) not in everything(opened)


def purge(opened: Opened, *, days: float) -> dict[str, int]:
    wanted = Purge(cutoff=NOW - days * DAY, now=NOW)
    with reading(opened.engine) as connection:
        promised = retention.count(connection, wanted).rows
    done = dict.fromkeys(promised, 0)
    for step in retention.run(opened.engine, wanted):
        for table, number in step.rows.items():
            done[table] += number
    assert done == promised
    return done


def test_a_purge_cuts_the_way_from_copies_to_people(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, ANA, "hola", at=NOW - 100 * DAY)
    say(opened, events, LUIS, "hola", at=NOW - DAY)
    with transaction(opened.engine) as connection:
        ids = connection.execute(sa.select(schema.turns.c.turn_id)).scalars().all()
        for at, turn_ids in ((NOW - 99 * DAY, ids), (NOW - 99 * DAY, ["t_old"]),
                             (NOW, ["t_new"])):  # fmt: skip
            written = [Written(turn_id=one, file="a.yml") for one in turn_ids]
            copies.record(connection, written, now=at)

    purge(opened, days=90)

    with reading(opened.engine) as connection:
        luis = copies.of_person(connection, opened.vault.pseudonym(LUIS))
        assert len(luis) == 1
        assert copies.of_person(connection, opened.vault.pseudonym(ANA)) == []
        assert [one.turn_id for one in copies.recalled(connection)] == [
            "t_old",
            "t_new",
        ]


# Rows of Rasa's own store


@pytest.fixture
def stock_rows(open_store: Open) -> Opened:
    """An old and a young conversation as the stock store writes them."""
    opened = open_store()
    with transaction(opened.engine) as connection:
        for who, at in ((ANA, NOW - 100 * DAY), (ANA, NOW - 95 * DAY),
                        (LUIS, NOW - 100 * DAY), (LUIS, NOW - DAY)):  # fmt: skip
            event = {"event": "user", "text": f"soy {who}", "timestamp": at}
            connection.execute(
                schema.events.insert().values(
                    sender_id=who, type_name="user", timestamp=at,
                    data=json.dumps(event),
                )
            )  # fmt: skip
    return opened


def test_a_purge_counts_and_takes_stock_conversations_that_are_old(
    stock_rows: Opened, events: Events
) -> None:
    say(stock_rows, events, "593977777777", "hola", at=NOW - 100 * DAY)

    assert purge(stock_rows, days=90)["events"] == 2 + 2

    with reading(stock_rows.engine) as connection:
        left = connection.execute(sa.select(schema.events.c.sender_id)).scalars().all()
    assert left == [LUIS, LUIS]


def test_subject_access_shows_what_rasa_s_own_store_wrote(stock_rows: Opened) -> None:
    def shown(who: str, *, originals: bool) -> Any:
        return subject.document(
            stock_rows.engine, stock_rows.vault.pseudonym(who), sender_id=who,
            vault=stock_rows.vault, live_ttl=DAY, originals=originals, now=NOW,
        )  # fmt: skip

    found = shown(ANA, originals=True)
    assert [row["event"]["text"] for row in found["stock_events"]] == [f"soy {ANA}"] * 2
    assert LUIS not in json.dumps(found)
    hidden = shown(ANA, originals=False)
    assert [set(row) for row in hidden["stock_events"]] == [{"type", "timestamp"}] * 2
    assert "soy" not in json.dumps(hidden)
    assert shown("nobody", originals=True) == {}


def test_a_lock_on_one_conversation_holds_up_no_other(
    open_store: Open, events: Events
) -> None:
    opened, other = open_store(), open_store()
    if opened.is_sqlite:
        pytest.skip("one writer at a time")
    with transaction(opened.engine) as connection:
        erasure.take_turns(connection, opened.vault.pseudonym(ANA))
        say(other, events, LUIS, "hola", at=NOW)
        assert conversations.find(connection, opened.vault.pseudonym(LUIS))
