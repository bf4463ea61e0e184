"""A bot that comes from Rasa's own SQL store keeps its conversations, masked."""

import asyncio
import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from distributed import Client, LocalCluster, SchedulerPlugin
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    BotUttered,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.engine import URL

from rasa_qa_plugin import cli
from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.privacy.vault import message_ref
from rasa_qa_plugin.privacy.withheld import WITHHELD
from rasa_qa_plugin.scrubbing import scrub as scrub_all
from rasa_qa_plugin.scrubbing import scrub_in_processes
from rasa_qa_plugin.settings import ConsentSettings, Settings
from rasa_qa_plugin.storage import schema, search, stock
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.runs import note
from rasa_qa_plugin.tracker_store import QATrackerStore
from tests.conftest import SECRET, Events, Open

ANA, LUIS = "593998765432", "luis.paz@example.com"
PHONE = "0991234567"
NAME = "Rosalinda Quintanilla"
PASSWORD = "a-password-nobody-sees"
ANONYMIZED = Settings(consent=ConsentSettings(without_consent="anonymized"))
DOMAIN = Domain.from_yaml(
    """
    version: "3.1"
    intents: [give_phone]
    slots:
      qa_consent:
        {type: text, influence_conversation: false, mappings: [{type: custom}]}
      contact_phone: {type: text, mappings: [{type: custom}]}
    """
)


@pytest.fixture(autouse=True)
def bot_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)


def address(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def session(age: float = 0.0, phone: str = PHONE) -> list[Event]:
    at = time.time() - age
    intent = {"name": "give_phone", "confidence": 0.9}
    return [
        ActionExecuted("action_session_start", timestamp=at),
        SessionStarted(timestamp=at + 0.01),
        ActionExecuted("action_listen", timestamp=at + 0.02),
        UserUttered(
            f"me llamo {NAME}, mi celular es {phone}",
            intent,
            parse_data={"intent": intent, "entities": [], "text": f"tel {phone}"},
            timestamp=at + 0.03,
            input_channel="rest",
            message_id=f"{ANA}-1",
        ),
        SlotSet("contact_phone", phone, timestamp=at + 0.04),
        SlotSet("qa_consent", "granted", timestamp=at + 0.05),
        BotUttered(f"Anotado: {phone}", timestamp=at + 0.06),
    ]


@pytest.fixture
def say(database_url: URL) -> Iterator[Callable[..., DialogueStateTracker]]:
    """Talk under Rasa's own store, on the database that ours opens later."""
    stores: list[SQLTrackerStore] = []

    def talk(sender_id: str, *said: Sequence[Event]) -> DialogueStateTracker:
        if not stores:
            stores.append(SQLTrackerStore(DOMAIN, host=address(database_url)))
        for events in said:
            tracker = asyncio.run(
                stores[0].get_or_create_tracker(sender_id, append_action_listen=False)
            )
            for event in events:
                tracker.update(event)
            asyncio.run(stores[0].save(tracker))
        tracker = asyncio.run(stores[0].retrieve(sender_id))
        assert tracker is not None
        # SQLite's file is anybody's again, as after a restart with other endpoints.
        stores[0].engine.dispose()
        return tracker

    yield talk
    for store in stores:
        store.engine.dispose()


@pytest.fixture
def folder(database_url: URL, tmp_path: Path) -> Path:
    bot = tmp_path / "bot"
    bot.mkdir()
    (bot / "config.yml").write_text("pipeline: []\n", "utf-8")
    (bot / "endpoints.yml").write_text(
        "tracker_store:\n  type: rasa_qa_plugin.QATrackerStore\n"
        f"  url: {json.dumps(address(database_url))}\n",
        "utf-8",
    )
    return bot


def scrub(folder: Path, *arguments: str) -> Any:
    done = CliRunner().invoke(
        cli.root,
        ["scrub", "--bot", str(folder), "--json", *arguments],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.stderr
    for person in (ANA, LUIS, "qa_"):
        assert person not in done.stdout + done.stderr
    return json.loads(done.stdout)


def rows(opened: Opened, table: sa.Table = schema.events) -> list[Any]:
    with reading(opened.engine) as connection:
        order = table.c.id if "id" in table.c else sa.text("1")
        return connection.execute(sa.select(table).order_by(order)).all()


def everything(opened: Opened) -> str:
    """Read every text and readable blob of every table, and SQLite's files."""
    found = [
        str(bytes(value) if isinstance(value, memoryview) else value)
        for table in schema.metadata.sorted_tables
        for row in rows(opened, table)
        for value in row
    ]
    if opened.is_sqlite:
        path = Path(str(opened.engine.url.database))
        found.extend(
            file.read_bytes().decode("latin-1")
            for file in path.parent.glob(f"{path.name}*")
        )
    return "\n".join(found)


def dicts(tracker: DialogueStateTracker | None) -> list[dict[str, Any]]:
    assert tracker is not None
    return [event.as_dict() for event in tracker.events]


def test_neither_values_nor_ids_stay_in_any_row_or_byte(
    say: Callable[..., Any], folder: Path, open_store: Open
) -> None:
    people = [f"59399{number:07d}" for number in range(30)]
    for sender_id in people:
        say(sender_id, session(age=9e6), session())
    for sender_id in people[::2]:  # rows of many people stand between one another
        say(sender_id, session())
    before = everything(open_store())
    assert PHONE in before
    assert people[7] in before

    counted = scrub(folder)
    assert everything(open_store()).count(PHONE) == before.count(PHONE)
    done = scrub(folder, "--yes")

    assert counted == {"scrubbed": False, "conversations": 30, "events": 525}
    assert done == {
        "scrubbed": True, "conversations": 30, "events": 525, "refused": 0,
    }  # fmt: skip
    after = everything(open_store())
    for value in (PHONE, NAME, *people):
        assert value not in after


def test_the_bot_goes_on_with_the_same_tracker(
    say: Callable[..., Any], open_store: Open, database_url: URL
) -> None:
    stocks = say(ANA, session(age=3600, phone="0987654321"), session())
    store = QATrackerStore(DOMAIN, host=address(database_url))

    async def go_on() -> Any:
        assert await store.exists(ANA)
        tracker = await store.retrieve(ANA)
        assert tracker is not None
        taken = dicts(tracker), tracker.slots["contact_phone"].value
        tracker.update(BotUttered("Gracias."))
        await store.save(tracker)
        return taken, await store.retrieve_full_tracker(ANA)

    (events, phone), full = asyncio.run(go_on())

    assert events == dicts(stocks)
    assert phone == PHONE
    assert [e.get("text") for e in dicts(full)][-2:] == [
        f"Anotado: {PHONE}",
        "Gracias.",
    ]
    assert len(full.events) == 15
    opened = open_store()
    kept = rows(opened)
    assert [row.seq for row in kept] == list(range(15))
    assert [row.session for row in kept] == [0] + [1] * 7 + [2] * 7
    assert ANA not in {row.sender_id for row in kept}
    (conversation,) = rows(opened, schema.conversations)
    assert (conversation.event_count, conversation.session) == (15, 2)
    assert (conversation.session_start_seq, conversation.channel) == (8, "rest")


def test_nobody_is_taken_to_have_agreed(
    say: Callable[..., Any], folder: Path, open_store: Open
) -> None:
    say(ANA, session())
    scrub(folder, "--yes")

    opened = open_store()
    assert rows(opened, schema.consents) == []
    (turn,) = rows(opened, schema.turns)
    assert (turn.text, turn.entities, turn.answer) == (None, None, None)
    loaded = opened.recorder.load(ANA, all_sessions=True, now=time.time())
    assert loaded is not None
    assert loaded.consent is ConsentState.UNKNOWN
    assert json.loads(rows(opened)[3].data)["text"] == WITHHELD
    assert rows(opened)[3].intent_name == "give_phone"


def test_what_is_older_than_the_live_window_has_no_original(
    say: Callable[..., Any], open_store: Open
) -> None:
    now = time.time()
    say(ANA, session(age=90_000), session(age=80_000))
    opened = open_store(ANONYMIZED)

    loaded = opened.recorder.load(ANA, all_sessions=True, now=now)

    assert loaded is not None
    assert loaded.events[3]["text"] == "me llamo [NAME], mi celular es [PHONE]"
    assert loaded.events[4]["value"] is None  # the bot asks again
    assert loaded.events[11]["value"] == PHONE
    kept = rows(opened, schema.originals)
    assert kept
    for row in kept:
        assert row.seq >= 7
        assert now < row.expires_at <= now - 80_000 + 86_400 + 1
    (conversation,) = rows(opened, schema.conversations)
    assert conversation.last_event_at < now - 79_000  # a purge counts from here
    assert conversation.token_map is None


def test_a_bot_that_may_keep_nothing_keeps_no_row(
    say: Callable[..., Any], open_store: Open
) -> None:
    stocks = say(ANA, session())
    opened = open_store(Settings(consent=ConsentSettings(without_consent="nothing")))

    loaded = opened.recorder.load(ANA, all_sessions=False, now=time.time())

    assert loaded is not None
    assert loaded.events == dicts(stocks)
    assert rows(opened) == []


def test_a_second_scrub_changes_nothing(
    say: Callable[..., Any], folder: Path, open_store: Open
) -> None:
    for sender_id in (ANA, LUIS):
        say(sender_id, session(age=60), session())
    scrub(folder, "--yes")
    opened = open_store()
    before = [rows(opened, table) for table in (schema.events, schema.conversations)]

    again = scrub(folder, "--yes")

    assert (again["conversations"], again["events"]) == (0, 0)
    assert before == [
        rows(opened, table) for table in (schema.events, schema.conversations)
    ]


def test_a_scrub_that_was_killed_goes_on_where_it_stopped(
    say: Callable[..., Any], folder: Path, open_store: Open
) -> None:
    people = [ANA, LUIS, "carla", "diego", "elena"]
    for sender_id in people:
        say(sender_id, session())
    begun: list[str] = []

    class KilledError(Exception):
        pass

    def kill(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("INSERT INTO qa_originals"):
            begun.append(statement)
            if len(begun) == 3:
                raise KilledError

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", kill)
    try:
        with pytest.raises(KilledError):
            scrub(folder, "--yes")
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", kill)

    opened = open_store()
    assert len(rows(opened, schema.conversations)) == 2
    assert len(rows(opened, schema.turns)) == 2
    assert [row.sender_id for row in rows(opened) if row.seq is None] == [
        person for person in people[2:] for _ in range(7)
    ]  # the third is whole, not half
    assert scrub(folder, "--yes")["conversations"] == 3
    assert len(rows(opened, schema.conversations)) == 5
    assert len(rows(opened, schema.turns)) == 5
    assert [row.seq for row in rows(opened)] == list(range(7)) * 5


def test_workers_share_the_people_out(
    say: Callable[..., Any], folder: Path, open_store: Open
) -> None:
    people = [f"59399{number:07d}" for number in range(8)]
    for sender_id in people:
        say(sender_id, session())

    done = scrub(folder, "--yes", "--workers", "2")

    assert (done["conversations"], done["events"]) == (8, 56)
    opened = open_store()
    assert len(rows(opened, schema.conversations)) == 8
    after = everything(opened)
    for value in (PHONE, NAME, *people):
        assert value not in after


def test_two_servers_take_a_conversation_over_once(
    say: Callable[..., Any], open_store: Open
) -> None:
    stocks = say(ANA, session(age=60), session())
    servers = [open_store() for _ in range(4)]
    together = threading.Barrier(len(servers))
    loaded: list[Any] = []

    def answer(opened: Opened) -> None:
        together.wait()
        loaded.append(opened.recorder.load(ANA, all_sessions=False, now=time.time()))

    threads = [threading.Thread(target=answer, args=(one,)) for one in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [one.events for one in loaded] == [dicts(stocks)] * len(servers)
    assert len({one.version for one in loaded}) == 1
    assert [row.seq for row in rows(servers[0])] == list(range(14))


def test_rasa_s_own_store_still_reads_the_masked_rows(
    say: Callable[..., Any], open_store: Open
) -> None:
    said = session()
    say(ANA, said)
    opened = open_store(ANONYMIZED)
    opened.recorder.adopt(ANA, now=time.time())

    back = say(opened.vault.pseudonym(ANA))

    assert [event.type_name for event in back.events] == [
        event.type_name for event in said[1:]
    ]
    assert back.slots["contact_phone"].value == "[PHONE]"
    assert back.latest_message is not None
    assert back.latest_message.text == "me llamo [NAME], mi celular es [PHONE]"


def test_a_damaged_row_is_withheld_and_not_lost(
    say: Callable[..., Any], open_store: Open, database_url: URL
) -> None:
    say(ANA, session())
    opened = open_store(ANONYMIZED)
    damaged = {
        "user": f'{{"event": "user", "text": "{PHONE}',
        "slot": "[]",
        "bot": f'{{"event": "bot", "timestamp": "{PHONE}", "text": "x"}}',
    }
    with transaction(opened.engine) as connection:
        for kind, data in damaged.items():
            connection.execute(
                schema.events.update()
                .where(
                    schema.events.c.type_name == kind,
                    sa.or_(
                        schema.events.c.action_name.is_(None),
                        schema.events.c.action_name != "qa_consent",
                    ),
                )
                .values(data=data)
            )
    store = QATrackerStore(DOMAIN, host=address(database_url))

    tracker = asyncio.run(store.retrieve_full_tracker(ANA))

    assert tracker is not None
    assert len(tracker.events) == 7
    assert tracker.latest_message is not None
    assert tracker.latest_message.intent["name"] == "give_phone"
    assert tracker.slots["contact_phone"].value != PHONE
    kept = [json.loads(row.data) for row in rows(opened)]
    assert (kept[3]["text"], kept[4]["name"]) == (WITHHELD, "contact_phone")
    assert PHONE not in "".join(row.data for row in rows(opened))


def test_old_rows_stay_out_of_a_conversation_that_began_without_them(
    say: Callable[..., Any], folder: Path, open_store: Open, events: Events
) -> None:
    opened = open_store()
    new = [events.session(), events.user("hola")]
    opened.recorder.record(Batch(sender_id=ANA, events=new), now=time.time())
    say(ANA, session())

    loaded = opened.recorder.load(ANA, all_sessions=True, now=time.time())
    assert scrub(folder, "--yes")["events"] == 7

    assert loaded is not None
    assert loaded == opened.recorder.load(ANA, all_sessions=True, now=time.time())
    assert loaded.events == new
    after = everything(open_store())
    for value in (PHONE, NAME, ANA):
        assert value not in after
    assert {row.sender_id for row in rows(opened)} == {opened.vault.pseudonym(ANA)}
    assert [row.seq for row in rows(opened)] == [0, 1] + [None] * 7
    assert [row.seq for row in rows(opened, schema.turns)] == [1]
    assert scrub(folder, "--yes")["events"] == 0


def asked(text: str, confidence: float, ref: str, **parse_data: Any) -> UserUttered:
    intent = {"name": "give_phone", "confidence": confidence}
    return UserUttered(
        text,
        intent,
        parse_data={"intent": intent, "entities": [], "text": text, **parse_data},
        timestamp=time.time(),
        input_channel="rest",
        message_id=ref,
    )


def talk() -> list[Event]:
    """Four typed messages, a button, and a rating of the first."""
    ranking = [
        {"name": name, "confidence": confidence}
        for name, confidence in (("nlu_fallback", 0.7), ("greet", 0.4), ("bye", 0.38))
    ]
    fallen = asked("mmm", 0.7, "m2", intent_ranking=ranking)
    fallen.parse_data["intent"] = dict(ranking[0])
    return [
        *session(),
        asked("y el precio de hoy", 0.5, "m1"),
        asked("y el precio de hoyyy", 0.9, "m4"),
        fallen,
        ActionExecuted("action_human_handoff"),
        asked("/affirm", 1.0, "m3"),
        SlotSet("qa_feedback", {"turn": message_ref(f"{ANA}-1"), "rating": "down"}),
    ]


@pytest.mark.parametrize("way", ["scrub", "contact"])
@pytest.mark.parametrize("agreed", [False, True])
def test_every_message_typed_becomes_a_turn_with_its_flags(
    say: Callable[..., Any], folder: Path, open_store: Open, *, way: str, agreed: bool
) -> None:
    say(ANA, talk())
    say(LUIS, session())
    opened = open_store()
    if agreed:
        pseudonym = opened.vault.pseudonym(ANA)
        opened.recorder.set_consent(
            pseudonym, ConsentState.GRANTED, source="cli", now=time.time()
        )

    if way == "scrub":
        scrub(folder, "--yes")
        scrub(folder, "--yes")
    else:
        for _ in range(2):
            opened.recorder.load(ANA, all_sessions=False, now=time.time())
            opened.recorder.load(LUIS, all_sessions=False, now=time.time())

    with reading(opened.engine) as connection:
        found = sorted(search.find(connection), key=lambda turn: turn.seq)
    hers = [turn for turn in found if turn.sender_id == opened.vault.pseudonym(ANA)]
    assert len(found) == len(hers) + 1
    assert [turn.flags for turn in hers] == [
        ["negative_feedback"],
        ["low_confidence", "repeated"] if agreed else ["low_confidence"],
        [],
        ["ambiguous", "escalated", "fallback", "low_confidence"],
    ]
    assert [turn.intent for turn in hers] == ["give_phone"] * 3 + ["greet"]
    assert [turn.seq for turn in hers] == [3, 7, 8, 9]
    assert all(turn.error_score is not None for turn in found)
    texts = [turn.text for turn in hers]
    assert texts == (
        [
            "me llamo [NAME], mi celular es [PHONE]",
            "y el precio de hoy",
            "y el precio de hoyyy",
            "mmm",
        ]
        if agreed
        else [None] * 4
    )
    assert (hers[0].answer == "Anotado: [PHONE]") is agreed


def test_who_may_leave_no_row_leaves_no_turn(
    say: Callable[..., Any], open_store: Open
) -> None:
    say(ANA, talk())
    opened = open_store(Settings(consent=ConsentSettings(without_consent="nothing")))

    assert opened.recorder.adopt(ANA, now=time.time())

    for table in (schema.turns, schema.flags, schema.feedback):
        assert rows(opened, table) == []


@pytest.mark.parametrize(
    "parse_data",
    [
        None,
        [],
        "text",
        {"intent": "greet"},
        {"intent": {"name": ["greet"], "confidence": {}}},
        {"intent": {"name": "a" * 400, "confidence": float("nan")}},
        {"intent_ranking": [None, 3, {"name": "x", "confidence": "high"}]},
        {"intent": {"name": "greet\0\ud800", "confidence": 0.1}, "entities": 7},
        {"entities": [3, {"entity": "x", "value": {"\ud800": float("inf")}}]},
        {"qa": {"intent": "greet", "confidence": 10**400}},
        {"intent": {"name": "greet", "confidence": 10**400}},
    ],
)
def test_odd_predictions_of_old_rows_stop_nobody(
    say: Callable[..., Any], open_store: Open, parse_data: Any
) -> None:
    say(ANA, session())
    opened = open_store()
    opened.recorder.set_consent(
        opened.vault.pseudonym(ANA), ConsentState.GRANTED, source="cli", now=time.time()
    )
    (row,) = (one for one in rows(opened) if one.type_name == "user")
    odd = {**json.loads(row.data), "parse_data": parse_data, "metadata": [1]}
    with transaction(opened.engine) as connection:
        connection.execute(
            schema.events.update()
            .where(schema.events.c.id == row.id)
            .values(data=json.dumps(odd))
        )

    assert opened.recorder.adopt(ANA, now=time.time()) == 7

    with reading(opened.engine) as connection:
        (turn,) = search.find(connection)
    assert turn.text is not None
    assert turn.error_score is not None


def test_a_message_saved_unread_comes_after_what_was_said_before(
    say: Callable[..., Any], open_store: Open, events: Events
) -> None:
    say(ANA, session())
    opened = open_store()

    opened.recorder.record(
        Batch(sender_id=ANA, events=[events.user("sigo aquí")]), now=time.time()
    )

    loaded = opened.recorder.load(ANA, all_sessions=True, now=time.time())
    assert loaded is not None
    assert len(loaded.events) == 8
    assert loaded.events[4]["value"] == PHONE
    assert loaded.events[-1]["text"] == "sigo aquí"


def test_somebody_known_is_not_looked_up_under_the_raw_id(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    asked: list[Any] = []

    def note(_: Any, __: Any, ___: str, parameters: Any, *____: Any) -> None:
        asked.append(parameters)

    def contact(sender_id: str) -> int:
        asked.clear()
        now = time.time()
        opened.recorder.load(sender_id, all_sessions=False, now=now)
        opened.recorder.version(sender_id)
        said = Batch(sender_id=sender_id, events=[events.user("hola")])
        opened.recorder.record(said, now=now)
        return sum(sender_id in str(parameters) for parameters in asked)

    sa.event.listen(opened.engine, "before_cursor_execute", note)

    assert contact(ANA) == 3  # load, version and record each ask once
    assert contact(ANA) == 0


@pytest.mark.parametrize("odd", ["a\0b", "\ud83d", "x" * 300])
def test_ids_that_no_database_holds_do_no_harm(
    open_store: Open, events: Events, odd: str
) -> None:
    opened = open_store()

    assert opened.recorder.version(odd) is None
    assert opened.recorder.load(odd, all_sessions=True, now=time.time()) is None
    said = Batch(sender_id=odd, events=[events.user("hola")])
    assert opened.recorder.record(said, now=time.time()).version


def test_scraps_of_rows_that_were_deleted_before_are_cleared_too(
    say: Callable[..., Any], folder: Path, tmp_path: Path, database_url: URL
) -> None:
    if database_url.drivername != "sqlite":
        pytest.skip("PostgreSQL: VACUUM FULL is the administrator's")
    say(ANA, session())
    say(LUIS, session())
    file = sqlite3.connect(tmp_path / "conversations.db")
    file.execute("PRAGMA secure_delete=OFF")
    file.execute("DELETE FROM events WHERE sender_id = ?", (LUIS,))
    file.commit()
    file.close()
    path = tmp_path / "conversations.db"
    assert LUIS.encode() in path.read_bytes()

    assert scrub(folder, "--yes")["conversations"] == 1

    for left in tmp_path.glob("conversations.db*"):
        for value in (ANA, LUIS, PHONE, NAME):
            assert value.encode() not in left.read_bytes()


def test_who_is_erased_leaves_no_row_of_the_stock_store(
    say: Callable[..., Any], folder: Path, open_store: Open
) -> None:
    say(ANA, session())
    say(LUIS, session())

    def erase(*arguments: str) -> Any:
        done = CliRunner().invoke(
            cli.root, ["erase", "--bot", str(folder), ANA, "--json", *arguments]
        )
        return json.loads(done.stdout)["rows"]

    assert erase()["events"] == 7
    assert len(rows(open_store())) == 14
    assert erase("--yes")["events"] == 7
    assert {row.sender_id for row in rows(open_store())} == {LUIS}


def test_a_running_server_forgets_rows_of_the_stock_store_too(
    say: Callable[..., Any], database_url: URL, open_store: Open
) -> None:
    say(ANA, session())
    say(LUIS, session())
    store = QATrackerStore(DOMAIN, host=address(database_url))

    erased = asyncio.run(store.forget(ANA))

    assert erased["events"] == 7
    assert {row.sender_id for row in rows(open_store())} == {LUIS}


def test_a_worker_that_ends_early_is_told_and_its_part_is_done_the_next_time(
    say: Callable[..., Any], folder: Path
) -> None:
    for sender_id in (ANA, LUIS):
        say(sender_id, session())
    endpoints = (folder / "endpoints.yml").read_text("utf-8")
    scrub(folder)  # the key and the tables are there
    (folder / "endpoints.yml").unlink()

    with pytest.raises(RasaQAError, match=r"endpoints\.yml"):
        list(scrub_in_processes(folder, workers=2))

    (folder / "endpoints.yml").write_text(endpoints, "utf-8")
    assert scrub(folder, "--yes", "--workers", "2")["conversations"] == 2


def test_rows_of_the_stock_store_are_counted_by_person(
    say: Callable[..., Any], open_store: Open
) -> None:
    say(ANA, session())
    say(LUIS, session())

    with reading(open_store().engine) as connection:
        waiting = stock.count(connection)

    assert (waiting.conversations, waiting.events) == (2, 14)


@pytest.fixture
def dask_cluster(say: Any) -> Iterator[Any]:
    """A scheduler, and two workers in processes of their own as on two machines."""
    _ = say  # the secret is in the environment by now, and workers inherit it
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as started:
        yield started


@pytest.fixture
def shared_folder(folder: Path, database_url: URL) -> Path:
    """A bot folder whose database has a password, on the one kind that is shared."""
    if database_url.drivername == "sqlite":
        pytest.skip("refused, and tested below")
    url = address(database_url.set(password=PASSWORD))
    (folder / "endpoints.yml").write_text(
        "tracker_store:\n  type: rasa_qa_plugin.QATrackerStore\n"
        f"  url: {json.dumps(url)}\n",
        "utf-8",
    )
    return folder


def start_on_dask(folder: Path, scheduler: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "rasa_qa_plugin", "scrub", "--bot", str(folder),
         "--json", "--yes", "--dask", scheduler],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


class Ear(SchedulerPlugin):  # type: ignore[misc]
    """Hears what the scheduler is asked to do."""

    name = "ear"

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def update_graph(self, *_: Any, **asked: Any) -> None:
        self.heard.append(asked)


def in_words(cluster: Any) -> str:
    """Give all that the scheduler ever heard, the workers' part of it unpacked."""
    heard: list[Any] = [
        cluster.scheduler.transition_log,
        cluster.scheduler.events,
        cluster.get_logs(),
    ]
    for message in cluster.scheduler.plugins["ear"].heard:
        heard.extend((message, pickle.dumps(message)))
    return "\n".join(map(repr, heard))


def test_a_dask_cluster_takes_over_and_hears_of_numbers_only(
    say: Callable[..., Any], shared_folder: Path, open_store: Open, dask_cluster: Any
) -> None:
    people = [f"59399{number:07d}" for number in range(8)]
    for sender_id in people:
        say(sender_id, session())
    ear = Ear()
    dask_cluster.scheduler.add_plugin(ear)

    out, err = start_on_dask(shared_folder, dask_cluster.scheduler_address).communicate(
        timeout=120
    )

    assert json.loads(out) == {
        "scrubbed": True, "conversations": 8, "events": 56, "refused": 0,
    }, err  # fmt: skip
    opened = open_store()
    assert len(rows(opened, schema.conversations)) == 8
    heard = in_words(dask_cluster)
    assert str(shared_folder) in heard  # so we did listen to what workers are told
    after = everything(opened)
    for value in (PHONE, NAME, *people):
        assert value not in after + heard + out + err
    for value in (PASSWORD, SECRET, "postgresql", "qa_originals"):
        assert value not in heard + out + err


def test_killed_dask_workers_neither_lose_nor_repeat_anything(
    say: Callable[..., Any], shared_folder: Path, open_store: Open, dask_cluster: Any
) -> None:
    people = [f"59399{number:07d}" for number in range(12)]
    for sender_id in people:
        say(sender_id, session())
    opened = open_store()

    def wait_for(conversations: int) -> None:
        deadline = time.monotonic() + 60
        while len(rows(opened, schema.conversations)) < conversations:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    with opened.engine.connect() as locking:
        last = rows(opened)[-1].sender_id
        locking.execute(
            sa.select(schema.events)
            .where(schema.events.c.sender_id == last)
            .with_for_update()
        )
        running = start_on_dask(shared_folder, dask_cluster.scheduler_address)
        # Whoever has the last person waits for the lock, which is when it is killed.
        wait_for(1)
        with Client(dask_cluster, set_as_default=False) as client:
            before = set(client.run(os.getpid).values())
            wait_for(len(people) - 1)
            for pid in before:
                os.kill(pid, signal.SIGKILL)
        assert running.poll() is None
    out, err = running.communicate(timeout=120)

    assert json.loads(out)["conversations"] == len(people), err
    assert json.loads(out)["events"] == 7 * len(people)
    assert [row.seq for row in rows(opened)] == list(range(7)) * len(people)
    assert len(rows(opened, schema.conversations)) == len(people)


def test_a_dask_worker_with_another_secret_touches_nothing(
    say: Callable[..., Any],
    shared_folder: Path,
    open_store: Open,
    dask_cluster: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    say(ANA, session())
    monkeypatch.setenv("RASA_QA_SECRET", "another-secret-long-enough")

    running = start_on_dask(shared_folder, dask_cluster.scheduler_address)
    out, err = running.communicate(timeout=120)

    assert running.returncode != 0
    assert out == ""
    assert err.count("\n") == 1
    assert "another database, secret, qa.yml or release" in err
    assert {row.sender_id for row in rows(open_store())} == {ANA}


def test_a_cluster_that_cannot_be_used_is_told_in_one_line(
    say: Callable[..., Any], folder: Path, database_url: URL
) -> None:
    say(ANA, session())
    started = start_on_dask(folder, "tcp://127.0.0.1:9")

    out, err = started.communicate(timeout=120)

    assert started.returncode != 0
    assert out == ""
    assert err.strip().count("\n") == 0
    assert "127.0.0.1" not in err
    is_sqlite = database_url.drivername == "sqlite"
    assert ("cannot share" if is_sqlite else "no scheduler answers") in err


def test_without_dask_scrub_says_what_to_install(
    say: Callable[..., Any],
    shared_folder: Path,
    open_store: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    say(ANA, session())
    monkeypatch.setitem(sys.modules, "distributed", None)

    done = CliRunner().invoke(
        cli.root,
        ["scrub", "--bot", str(shared_folder), "--yes", "--dask", "tcp://here:8786"],
    )

    assert done.exit_code == 2
    assert 'pip install "rasa-qa-plugin[dask]"' in done.stderr
    assert done.stderr.count("\n") == 1
    assert {row.sender_id for row in rows(open_store())} == {ANA}


def test_only_a_scrub_goes_on_before_the_disk_has_what_it_did(
    say: Callable[..., Any], open_store: Open
) -> None:
    say(ANA, session())
    say(LUIS, session())
    opened = open_store()
    query = "PRAGMA synchronous" if opened.is_sqlite else "SHOW synchronous_commit"

    def setting() -> str:
        with transaction(opened.engine) as connection:
            return str(connection.exec_driver_sql(query).scalar())

    relaxed, strict = ("1", "2") if opened.is_sqlite else ("off", "on")

    assert setting() == strict
    assert [setting() for _ in scrub_all(opened)] == [relaxed, relaxed]
    assert setting() == strict


def test_reading_leaves_the_next_transaction_whole(open_store: Open) -> None:
    opened = open_store()
    with reading(opened.engine) as connection:
        stock.count(connection)

    def break_off() -> None:
        with transaction(opened.engine) as connection:
            note(connection, "half", now=time.time())
            raise LookupError

    with pytest.raises(LookupError):
        break_off()

    assert rows(opened, schema.activity) == []
