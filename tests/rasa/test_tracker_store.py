"""The adapter to Rasa: real trackers, real databases, no model needed."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rasa.core.actions.action import ActionSessionStart
from rasa.core.brokers.broker import EventBroker
from rasa.core.channels.channel import CollectingOutputChannel
from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.core.tracker_store import FailSafeTrackerStore, SQLTrackerStore, TrackerStore
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
from rasa.shared.exceptions import RasaException
from rasa.utils.endpoints import EndpointConfig
from sqlalchemy.engine import URL

from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.storage import schema
from rasa_qa_plugin.storage.engine import open_engine, reading, transaction
from rasa_qa_plugin.tracker_store import MaskingBroker, QATrackerStore
from tests.conftest import ROOT, SECRET

WHO = "593998765432"
PHONE = "0991234567"
DOMAIN = Domain.from_yaml(
    """
    version: "3.1"
    intents: [greet]
    slots:
      qa_consent:
        {type: text, influence_conversation: false, mappings: [{type: custom}]}
      contact_phone: {type: text, mappings: [{type: custom}]}
    """
)


class ListBroker(EventBroker):
    """A real broker of the simplest kind: it keeps what it is given."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []
        self.broken = False

    @classmethod
    async def from_endpoint_config(cls, _: Any, __: Any = None) -> "ListBroker":
        return cls()

    def publish(self, event: dict[str, Any]) -> None:
        if self.broken:
            raise ConnectionError("the broker is away")
        self.published.append(event)


@pytest.fixture(autouse=True)
def bot_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def broker() -> ListBroker:
    return ListBroker()


@pytest.fixture
def store(database_url: URL, broker: ListBroker) -> QATrackerStore:
    return make(database_url, broker)


def make(url: URL, broker: EventBroker | None = None) -> QATrackerStore:
    return QATrackerStore(
        DOMAIN, host=url.render_as_string(hide_password=False), event_broker=broker
    )


def run(work: Any) -> Any:
    return asyncio.run(work)


async def turn(store: TrackerStore, *said: Event) -> DialogueStateTracker:
    """Do what Rasa does for a message: fetch or make the tracker, append, save."""
    wrapped = FailSafeTrackerStore(store)
    tracker = await wrapped.get_or_create_tracker(WHO)
    tracker.update_with_events(list(said), DOMAIN)
    await wrapped.save(tracker)
    return tracker


def dicts(tracker: DialogueStateTracker) -> list[dict[str, Any]]:
    return [event.as_dict() for event in tracker.events]


SESSION = (ActionExecuted("action_session_start"), SessionStarted())


def test_a_conversation_goes_on_from_memory_and_from_the_database(
    store: QATrackerStore, database_url: URL
) -> None:
    async def talk() -> tuple[Any, Any, Any]:
        await turn(store, *SESSION, UserUttered("hola", {"name": "greet"}))
        kept = await turn(store, BotUttered("¡Hola!"), SlotSet("contact_phone", PHONE))
        cached = await store.retrieve(WHO)
        fresh = await make(database_url).retrieve(WHO)
        return kept, cached, fresh

    kept, cached, fresh = run(talk())

    assert cached is kept
    assert dicts(fresh) == dicts(kept)
    assert dicts(fresh)[0]["event"] == "session_started"
    assert fresh.get_slot("contact_phone") == PHONE


def test_saving_twice_stores_once(store: QATrackerStore) -> None:
    async def talk() -> Any:
        tracker = await turn(store, UserUttered("hola"))
        await store.save(tracker)
        await store.save(tracker)
        return tracker, await store.retrieve_full_tracker(WHO)

    tracker, full = run(talk())

    assert dicts(full) == dicts(tracker)


def test_a_full_tracker_saved_again_adds_only_what_is_new(
    store: QATrackerStore,
) -> None:
    async def talk() -> Any:
        await turn(store, *SESSION, UserUttered("uno"))
        await turn(store, *SESSION, UserUttered("dos"))
        full = await store.retrieve_full_tracker(WHO)
        assert full is not None
        full.update(SlotSet("contact_phone", PHONE), DOMAIN)
        await store.save(full)
        return full, await store.retrieve_full_tracker(WHO)

    before, after = run(talk())

    assert dicts(after) == dicts(before)


def test_bounded_history_loses_no_event(store: QATrackerStore) -> None:
    async def talk() -> Any:
        tracker = DialogueStateTracker(WHO, DOMAIN.slots, max_event_history=3)
        for number in range(6):
            tracker.update_with_events(
                [UserUttered(str(number)), BotUttered("b")], DOMAIN
            )
            await store.save(tracker)
        return await store.retrieve_full_tracker(WHO)

    full = run(talk())

    texts = [e.text for e in full.events if isinstance(e, UserUttered)]
    assert texts == ["0", "1", "2", "3", "4", "5"]


def test_put_tracker_events_replaces_the_conversation(store: QATrackerStore) -> None:
    async def talk() -> Any:
        await turn(store, UserUttered("con un dato"), BotUttered("y su eco"))
        edited = DialogueStateTracker.from_dict(
            WHO, [UserUttered("sin el dato").as_dict()], DOMAIN.slots
        )
        await store.save(edited)
        return await store.retrieve_full_tracker(WHO)

    assert [e.text for e in run(talk()).events] == ["sin el dato"]


def test_another_server_s_messages_are_seen(
    store: QATrackerStore, database_url: URL
) -> None:
    other = make(database_url)

    async def talk() -> Any:
        await turn(store, UserUttered("aquí"))
        await turn(other, UserUttered("allá"))
        return await store.retrieve(WHO)

    texts = [e.text for e in run(talk()).events if isinstance(e, UserUttered)]
    assert texts == ["aquí", "allá"]


def test_the_slot_shows_what_the_ledger_says(store: QATrackerStore) -> None:
    async def talk() -> Any:
        tracker = await turn(
            store, UserUttered("/qa_consent_grant"), SlotSet("qa_consent", "granted")
        )
        before = tracker.get_slot("qa_consent")
        pseudonym = (await store.keys())[0]
        store._recorder.set_consent(
            pseudonym, ConsentState.WITHDRAWN, source="cli", now=1.0
        )
        return before, (await store.retrieve(WHO)).get_slot("qa_consent")

    assert run(talk()) == ("granted", "withdrawn")


def test_keys_and_exports_never_show_a_sender_id(store: QATrackerStore) -> None:
    async def talk() -> Any:
        await turn(
            store,
            SlotSet("qa_consent", "granted"),
            UserUttered(f"mi celular es {PHONE}"),
            SlotSet("contact_phone", PHONE),
        )
        (key,) = await store.keys()
        return key, await store.retrieve(key), await store.retrieve_full_tracker(key)

    key, taken_over, exported = run(talk())

    assert key.startswith("qa_")
    assert taken_over is None  # nobody continues a conversation by its pseudonym
    shown = json.dumps(dicts(exported))
    assert PHONE not in shown
    assert "mi celular es [PHONE]" in shown


def test_the_broker_gets_masked_events_and_its_faults_cost_nothing(
    store: QATrackerStore, broker: ListBroker
) -> None:
    async def talk() -> None:
        await turn(store, SlotSet("qa_consent", "granted"), UserUttered(f"cel {PHONE}"))
        broker.broken = True
        await turn(store, UserUttered("otra"))

    run(talk())

    shown = json.dumps(broker.published)
    assert "cel [PHONE]" in shown
    assert PHONE not in shown
    assert WHO not in shown
    tracker = run(store.retrieve_full_tracker(WHO))
    assert tracker.latest_message.text == "otra"


def test_a_raw_event_published_past_the_store_is_withheld(
    store: QATrackerStore, broker: ListBroker
) -> None:
    assert isinstance(store.event_broker, MaskingBroker)
    body = {"sender_id": WHO, **UserUttered(f"cel {PHONE}").as_dict()}

    store.event_broker.publish(body)

    shown = json.dumps(broker.published)
    assert (PHONE in shown, WHO in shown) == (False, False)
    assert broker.published[0]["event"] == "user"


def test_a_database_that_goes_away_costs_no_answer_and_no_event(
    database_url: URL, postgresql_server: URL
) -> None:
    store = make(database_url)

    async def talk() -> Any:
        await turn(store, UserUttered("antes"))
        with outage(store, postgresql_server):
            during = dicts(await turn(store, UserUttered("durante")))
            newcomer = FailSafeTrackerStore(store)
            stranger = await newcomer.get_or_create_tracker("someone-else")
            stranger.update(UserUttered("nueva"), DOMAIN)
            await newcomer.save(stranger)
        await turn(store, UserUttered("después"))
        await drained(store)
        full = await store.retrieve_full_tracker(WHO)
        other = await store.retrieve_full_tracker("someone-else")
        return during, full, other

    during, full, other = run(talk())

    said = [event["text"] for event in during if event["event"] == "user"]
    assert said == ["antes", "durante"]
    said = [e.text for e in full.events if isinstance(e, UserUttered)]
    assert said == ["antes", "durante", "después"]
    assert other.latest_message.text == "nueva"


def test_a_session_that_has_just_begun_is_remembered_as_it_would_be_read(
    database_url: URL, postgresql_server: URL
) -> None:
    store = make(database_url)

    async def talk() -> Any:
        await turn(store, *SESSION, UserUttered("ayer"))
        phone = SlotSet("contact_phone", PHONE)
        await turn(store, *SESSION, phone, UserUttered("hoy"))
        read = await make(database_url).retrieve(WHO)
        with outage(store, postgresql_server):
            await store.retrieve_full_tracker(WHO)
            tracker = await turn(store, UserUttered("durante"))
        await drained(store)
        return read, tracker

    read, tracker = run(talk())

    assert dicts(tracker)[:-1] == dicts(read)
    assert texts(tracker) == ["hoy", "durante"]
    assert tracker.get_slot("contact_phone") == read.get_slot("contact_phone") == PHONE


@contextlib.contextmanager
def outage(store: QATrackerStore, server: URL) -> Iterator[None]:
    """Let the store talk to a server that is not there."""
    working = store._recorder._engine
    store._recorder._engine = open_engine(server.set(query={"host": "/nonexistent"}))
    yield
    store._recorder._engine = working


def texts(tracker: DialogueStateTracker) -> list[str | None]:
    return [e.text for e in tracker.events if isinstance(e, UserUttered)]


def test_a_conversation_that_memory_lost_in_an_outage_is_not_replaced(
    store: QATrackerStore, postgresql_server: URL
) -> None:
    async def talk() -> Any:
        await turn(store, UserUttered("antes"))
        with outage(store, postgresql_server):
            await store.retrieve_full_tracker(WHO)
            await turn(store, UserUttered("uno"))
            store._cache.clear()
            await turn(store, UserUttered("dos"))
            await store.retrieve(WHO)  # somebody looks, and does not save
        await turn(store, UserUttered("después"))
        await drained(store)
        return await store.retrieve_full_tracker(WHO)

    assert texts(run(talk())) == ["antes", "uno", "dos", "después"]


def other_domain() -> Domain:
    """Give the domain of a new model: a slot more, another initial value."""
    described = DOMAIN.as_dict()
    custom = [{"type": "custom"}]
    described["slots"]["size"] = {
        "type": "text", "initial_value": "16/20", "mappings": custom,
    }  # fmt: skip
    return Domain.from_dict(described)


def test_a_conversation_goes_on_with_the_slots_of_a_new_model(
    store: QATrackerStore,
) -> None:
    async def talk() -> list[DialogueStateTracker]:
        await turn(store, SlotSet("qa_consent", "granted"), UserUttered("uno"))
        await turn(store, SlotSet("contact_phone", PHONE))
        seen = [await store.get_or_create_tracker(WHO)]
        await store.save(seen[0])
        store.domain = other_domain()
        for text in ("dos", "tres"):
            seen.append(await store.get_or_create_tracker(WHO))
            seen[-1].update(UserUttered(text))
            await store.save(seen[-1])
        store._cache.clear()
        return [*seen, await store.get_or_create_tracker(WHO)]

    before, first, second, read = run(talk())

    assert "size" not in before.slots
    for tracker in (first, second, read):
        assert tracker.get_slot("size") == "16/20"
        assert tracker.get_slot("contact_phone") == PHONE
        assert tracker.get_slot("qa_consent") == "granted"
    assert second is first  # from memory, told anew only once
    assert texts(read) == texts(second) == ["uno", "dos", "tres"]


def test_a_message_answered_while_the_model_changes_is_stored_once(
    store: QATrackerStore,
) -> None:
    async def talk() -> list[DialogueStateTracker]:
        await turn(store, UserUttered("antes"))
        old = await store.get_or_create_tracker(WHO)
        old.update(UserUttered("durante"))
        store.domain = other_domain()
        await store.save(old)
        new = await store.get_or_create_tracker(WHO)
        new.update(UserUttered("después"))
        await store.save(new)
        store._cache.clear()
        return [old, new, await store.get_or_create_tracker(WHO)]

    old, new, read = run(talk())

    assert "size" not in old.slots
    assert new.get_slot("size") == read.get_slot("size") == "16/20"
    assert texts(new) == texts(read) == ["antes", "durante", "después"]


def test_a_new_model_during_an_outage_forgets_nobody(
    store: QATrackerStore, postgresql_server: URL
) -> None:
    async def talk() -> tuple[Any, Any]:
        await turn(store, UserUttered("antes"))
        with outage(store, postgresql_server):
            await turn(store, UserUttered("uno"))
            store.domain = other_domain()
            during = await store.get_or_create_tracker(WHO)
            during.update(UserUttered("dos"))
            await store.save(during)
        await drained(store)
        return during, await store.retrieve_full_tracker(WHO)

    during, read = run(talk())

    assert during.get_slot("size") == "16/20"
    assert texts(during) == texts(read) == ["antes", "uno", "dos"]


def test_a_row_that_cannot_be_read_costs_no_other_row(store: QATrackerStore) -> None:
    async def talk() -> int:
        await turn(store, UserUttered("antes"))
        with transaction(store._recorder._engine) as connection:
            connection.execute(schema.originals.delete())
            connection.execute(schema.events.update().values(data="{"))
        store._cache.clear()
        await turn(store, UserUttered("después"))
        with reading(store._recorder._engine) as connection:
            return len(connection.execute(sa.select(schema.events)).all())

    assert run(talk()) == 4  # a listen and a message, twice


def test_a_database_that_lacks_its_tables_costs_no_event(
    store: QATrackerStore, caplog: pytest.LogCaptureFixture
) -> None:
    def rename(old: str, new: str) -> None:
        with transaction(store._recorder._engine) as connection:
            connection.execute(sa.text(f"ALTER TABLE {old} RENAME TO {new}"))

    async def talk() -> Any:
        await turn(store, UserUttered("antes"))
        rename("qa_conversations", "elsewhere")
        await turn(store, UserUttered("durante"))
        rename("elsewhere", "qa_conversations")
        await turn(store, UserUttered("después"))
        await drained(store)
        return await store.retrieve_full_tracker(WHO)

    assert texts(run(talk())) == ["antes", "durante", "después"]
    assert "lacks a table or a right, or is damaged" in caplog.text
    assert WHO not in caplog.text


def test_words_do_not_go_into_a_file_that_somebody_deleted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "conversations.db"
    store = make(URL.create("sqlite", database=str(path)))

    async def talk() -> Any:
        await turn(store, UserUttered("antes"))
        copy = sqlite3.connect(tmp_path / "copy")
        with contextlib.closing(sqlite3.connect(path)) as original:
            original.backup(copy)
        copy.close()
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        during = texts(await turn(store, UserUttered("durante")))
        assert not path.exists()
        (tmp_path / "copy").replace(path)
        await turn(store, UserUttered("después"))
        await drained(store)
        return during, await store.retrieve_full_tracker(WHO)

    during, full = run(talk())

    assert during == ["antes", "durante"]
    assert texts(full) == ["antes", "durante", "después"]
    assert "its file was deleted; put it back" in caplog.text


def test_a_file_of_broken_pages_costs_no_event(tmp_path: Path) -> None:
    path = tmp_path / "conversations.db"
    store = make(URL.create("sqlite", database=str(path)))

    async def talk() -> Any:
        await turn(store, UserUttered("antes"))
        store._recorder._engine.dispose()  # closing empties the log into the file
        whole = path.read_bytes()
        path.write_bytes(b"x" * len(whole))
        await turn(store, UserUttered("durante"))
        store._recorder._engine.dispose()
        path.write_bytes(whole)
        await turn(store, UserUttered("después"))
        await drained(store)
        return await store.retrieve_full_tracker(WHO)

    assert texts(run(talk())) == ["antes", "durante", "después"]


def test_a_batch_the_database_refuses_holds_up_nobody(
    postgresql_server: URL, broker: ListBroker
) -> None:
    admin = sa.create_engine(
        postgresql_server, isolation_level="AUTOCOMMIT", future=True
    )
    with admin.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE refusing"))
    admin.dispose()
    store = make(postgresql_server.set(database="refusing"), broker)

    async def talk() -> Any:
        with transaction(store._recorder._engine) as connection:
            connection.execute(sa.text("DROP TABLE qa_turns CASCADE"))
        await turn(store, UserUttered("hola"))
        await turn(store, UserUttered("sigo"))
        return await store.retrieve_full_tracker(WHO)

    assert texts(run(talk())) == ["hola", "sigo"]
    assert not store._backlog


def test_forgetting_during_an_outage_forgets_in_memory_too(
    store: QATrackerStore, postgresql_server: URL
) -> None:
    async def talk() -> Any:
        await turn(store, SlotSet("contact_phone", PHONE))
        with outage(store, postgresql_server):
            await turn(store, SlotSet("qa_forget", True))
        await drained(store)
        await turn(store, UserUttered("hola"))
        return await store.retrieve(WHO)

    assert run(talk()).get_slot("contact_phone") is None


def test_people_who_write_at_once_after_an_outage_are_all_stored(
    store: QATrackerStore, postgresql_server: URL
) -> None:
    people = [f"person-{number}" for number in range(4)]

    async def speak(who: str, text: str) -> None:
        wrapped = FailSafeTrackerStore(store)
        tracker = await wrapped.get_or_create_tracker(who, append_action_listen=False)
        tracker.update(UserUttered(text), DOMAIN)
        await wrapped.save(tracker)

    async def talk() -> Any:
        with outage(store, postgresql_server):
            await asyncio.gather(*(speak(who, "uno") for who in people))
        await asyncio.gather(*(speak(who, "dos") for who in people))
        await drained(store)
        return [await store.retrieve_full_tracker(who) for who in people]

    assert [texts(tracker) for tracker in run(talk())] == [["uno", "dos"]] * 4
    assert not store._backlog


async def drained(store: QATrackerStore) -> None:
    """Wait until nothing waits for the database, without sending any message."""
    for _ in range(200):
        if not store._backlog:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("still waiting")


def test_what_waits_is_written_without_another_message(
    store: QATrackerStore, database_url: URL, postgresql_server: URL
) -> None:
    async def talk() -> Any:
        with outage(store, postgresql_server):
            await turn(store, UserUttered("durante"))
        await drained(store)
        return await make(database_url).retrieve_full_tracker(WHO)

    assert texts(run(talk())) == ["durante"]


LAST_WORDS = """
import asyncio, os, signal, sys
from sqlalchemy.engine import make_url
from tests.rasa.test_tracker_store import UserUttered, make, outage, turn

async def talk():
    store = make(make_url(sys.argv[1]))
    await turn(store, UserUttered("antes"))
    with outage(store, make_url(sys.argv[2])):
        await turn(store, UserUttered("durante"))
        await turn(store, UserUttered("justo antes del fin"))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(talk())
"""


def test_what_waits_outlives_a_killed_server(
    database_url: URL, postgresql_server: URL
) -> None:
    urls = [
        u.render_as_string(hide_password=False)
        for u in (database_url, postgresql_server)
    ]
    killed = subprocess.run(
        [sys.executable, "-c", LAST_WORDS, *urls], check=False, capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    store = make(database_url)

    async def look() -> Any:
        during = None
        with outage(store, postgresql_server):
            during = await store.retrieve(WHO)
        await turn(store, UserUttered("después"))
        await drained(store)
        return during, await store.retrieve_full_tracker(WHO)

    during, full = run(look())

    assert texts(during) == ["durante", "justo antes del fin"]
    assert texts(full) == ["antes", "durante", "justo antes del fin", "después"]


def test_a_database_that_does_not_answer_costs_no_answer(
    store: QATrackerStore, database_url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rasa_qa_plugin.threads._PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr("rasa_qa_plugin.threads._REST_PER_SECOND_LOST", 1.0)
    other = open_engine(database_url)

    async def talk() -> Any:
        await turn(store, UserUttered("antes"))
        with transaction(other) as connection:  # SQLite: nobody else may write now
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("LOCK TABLE qa_conversations"))
            during = await turn(store, UserUttered("durante"))
        await drained(store)
        return during, await make(database_url).retrieve_full_tracker(WHO)

    during, full = run(talk())
    other.dispose()

    assert texts(during) == ["antes", "durante"]
    assert texts(full) == ["antes", "durante"]


def test_a_read_only_database_costs_no_event(
    store: QATrackerStore, database_url: URL
) -> None:
    engine = store._recorder._engine

    def order(*, read_only: bool) -> None:
        """Tell every connection that the store may take from now on."""

        def tell(raw: Any, _record: Any) -> None:
            if engine.dialect.name == "sqlite":
                raw.execute(f"PRAGMA query_only = {int(read_only)}")
            else:
                raw.set_session(readonly=read_only)

        engine.dispose()
        sa.event.listen(engine, "connect", tell)

    async def talk() -> Any:
        await turn(store, UserUttered("antes"))
        order(read_only=True)
        during = await turn(store, UserUttered("durante"))
        order(read_only=False)
        await drained(store)
        return during, await make(database_url).retrieve_full_tracker(WHO)

    during, full = run(talk())

    assert texts(during) == ["antes", "durante"]
    assert texts(full) == ["antes", "durante"]


def test_a_session_that_rasa_starts_anew_keeps_a_withdrawal(
    store: QATrackerStore,
) -> None:
    async def talk() -> Any:
        await turn(store, SlotSet("qa_consent", "granted"))
        (pseudonym,) = await store.keys()
        store._recorder.set_consent(
            pseudonym, ConsentState.WITHDRAWN, source="cli", now=1.0
        )
        tracker = await store.retrieve(WHO)
        assert tracker is not None
        repeated = await ActionSessionStart().run(
            CollectingOutputChannel(),
            TemplatedNaturalLanguageGenerator({}),
            tracker,
            DOMAIN,
        )
        assert any(isinstance(event, SlotSet) for event in repeated)
        await turn(store, ActionExecuted("action_session_start"), *repeated)
        return await store.retrieve(WHO)

    assert run(talk()).get_slot("qa_consent") == "withdrawn"


def test_forgetting_drops_the_conversation_from_memory_too(
    store: QATrackerStore,
) -> None:
    async def talk() -> Any:
        await turn(store, UserUttered("hola"))
        await turn(store, SlotSet("qa_forget", True))
        return await store.retrieve(WHO), await store.exists(WHO), await store.keys()

    assert run(talk()) == (None, False, [])


def test_rasa_makes_the_store_from_endpoints_yml(tmp_path: Path) -> None:
    endpoint = EndpointConfig.from_dict(
        {
            "type": "rasa_qa_plugin.QATrackerStore",
            "dialect": "sqlite",
            "db": str(tmp_path / "bot.db"),
        }
    )

    store = TrackerStore.create(endpoint, DOMAIN)

    assert isinstance(store, QATrackerStore)
    assert (tmp_path / "bot.db").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dialet": "sqlite"}, "tracker_store.dialet: unknown setting; choose from"),
        ({"dialect": "mysql"}, "tracker_store.dialect: not supported; choose from"),
        ({"dialect": "postgresql+nodriver"}, "the driver for postgresql+nodriver"),
        ({"port": "a"}, "tracker_store.port: not a number"),
        ({"settings": "missing.yml"}, "missing.yml: file not found"),
        ({"db": ":memory:"}, "an in-memory database cannot be shared"),
        ({"db": "no/such/folder/x.db"}, "its folder does not exist"),
        ({"db": 7}, "tracker_store.db: has a value of the wrong type"),
        ({"login_db": "postgres"}, "tracker_store.login_db: can only be used with"),
        (
            {"dialect": "postgresql", "url": "127.0.0.1:1", "startup_wait_seconds": 0},
            "database: cannot be reached; check tracker_store in endpoints.yml",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_stops_rasa_with_one_line(
    options: dict[str, Any],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    endpoint = EndpointConfig.from_dict(
        {"type": "rasa_qa_plugin.QATrackerStore", "db": "x.db", **options}
    )

    with pytest.raises(RasaException) as caught:
        TrackerStore.create(endpoint, DOMAIN)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_postgresql_needs_a_secret(
    postgresql_server: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RASA_QA_SECRET")

    with pytest.raises(RasaException, match="RASA_QA_SECRET: not set"):
        make(postgresql_server)


def test_sqlite_makes_a_key_file_that_only_its_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RASA_QA_SECRET")
    url = f"sqlite:///{tmp_path / 'bot.db'}"
    run(turn(QATrackerStore(DOMAIN, host=url), UserUttered("hola")))

    again = run(QATrackerStore(DOMAIN, host=url).retrieve(WHO))

    assert again.latest_message.text == "hola"
    assert (tmp_path / "bot.db.key").stat().st_mode & 0o777 == 0o600


def test_a_lost_key_file_is_not_replaced_by_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RASA_QA_SECRET")
    url = f"sqlite:///{tmp_path / 'bot.db'}"
    run(turn(QATrackerStore(DOMAIN, host=url), UserUttered("hola")))
    key = tmp_path / "bot.db.key"
    kept = key.read_bytes()
    key.unlink()

    with pytest.raises(RasaException, match=r"bot\.db\.key: missing, though"):
        QATrackerStore(DOMAIN, host=url)

    assert not key.exists()
    key.write_bytes(kept)
    assert run(QATrackerStore(DOMAIN, host=url).retrieve(WHO)) is not None


def test_urls_are_those_of_rasas_own_store() -> None:
    from rasa_qa_plugin.storage.engine import database_url

    for keys in (
        {"dialect": "sqlite", "db": "rasa.db"},
        {"dialect": "postgresql", "host": "db.example:6543", "db": "bot",
         "username": "u", "password": "p@ss:/", "query": {"sslmode": "require"}},
        {"dialect": "postgresql", "host": "db.example", "port": 5432, "db": "bot"},
        {"host": "postgresql://u:p@db.example/bot"},
    ):  # fmt: skip
        theirs = str(SQLTrackerStore.get_db_url(**keys))
        assert database_url(**keys).render_as_string(hide_password=False) == theirs
