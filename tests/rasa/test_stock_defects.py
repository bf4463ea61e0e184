"""The stock store's defects, each in the situation that shows it: ours has none.

The numbers are those of a study of Rasa 3.6.21's `SQLTrackerStore`. Where the stock
store runs beside ours, the test would tell if the situation no longer showed anything.
Shown elsewhere: D9 (pool and schema with `postgresql+psycopg2`), D10 (`login_db`) and
how D12's wait goes are in tests/contract/test_connection.py; D5's other rows and D15's
events, which are stored once the database is back, in test_tracker_store.py.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import alembic.command
import pytest
import sqlalchemy as sa
from rasa.core.tracker_store import FailSafeTrackerStore, SQLTrackerStore, TrackerStore
from rasa.shared.core.events import BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from rasa.utils.endpoints import EndpointConfig
from sqlalchemy.engine import URL, Engine

from rasa_qa_plugin.storage import schema
from rasa_qa_plugin.tracker_store import QATrackerStore
from tests.conftest import SECRET
from tests.rasa.test_tracker_store import (
    DOMAIN,
    PHONE,
    SESSION,
    WHO,
    ListBroker,
    dicts,
    make,
    outage,
    run,
    turn,
)


@pytest.fixture(autouse=True)
def bot_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store(database_url: URL) -> QATrackerStore:
    return make(database_url)


@pytest.fixture
def stock(database_url: URL, tmp_path: Path) -> Iterator[SQLTrackerStore]:
    """Rasa's own store on a database of the same kind, empty like ours."""
    if database_url.drivername == "sqlite":
        url = database_url.set(database=str(tmp_path / "stock.db"))
    else:
        admin = sa.create_engine(database_url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {database_url.database}_stock")
        admin.dispose()
        url = database_url.set(database=f"{database_url.database}_stock")
    one = SQLTrackerStore(DOMAIN, host=url.render_as_string(hide_password=False))
    yield one
    one.engine.dispose()


def engine_of(store: TrackerStore) -> Engine:
    if isinstance(store, SQLTrackerStore):
        return store.engine
    assert isinstance(store, QATrackerStore)
    return store._recorder._engine


def words(tracker: DialogueStateTracker | None) -> list[str | None]:
    """Give what was said in a conversation, by whomever."""
    events = tracker.events if tracker is not None else ()
    return [e.text for e in events if isinstance(e, (UserUttered, BotUttered))]


@contextmanager
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Note what the database is asked."""
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        asked.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(engine, "before_cursor_execute", note)


def test_d1_replaced_words_are_gone(
    store: QATrackerStore, stock: SQLTrackerStore
) -> None:
    async def redact(store: TrackerStore) -> Any:
        await turn(store, UserUttered("con un dato"), BotUttered("y su eco"))
        said = [UserUttered("sin el dato").as_dict()]
        edited = DialogueStateTracker.from_dict(WHO, said, DOMAIN.slots)
        await store.save(edited)
        return await store.retrieve_full_tracker(WHO)

    assert words(run(redact(stock))) == ["con un dato", "y su eco"]
    assert words(run(redact(store))) == ["sin el dato"]


def test_d2_a_saved_full_tracker_is_not_there_twice(
    store: QATrackerStore, stock: SQLTrackerStore
) -> None:
    async def save_all(store: TrackerStore) -> Any:
        await turn(store, *SESSION, UserUttered("uno"))
        await turn(store, *SESSION, UserUttered("dos"))
        full = await store.retrieve_full_tracker(WHO)
        assert full is not None
        await store.save(full)
        return await store.retrieve_full_tracker(WHO)

    assert words(run(save_all(stock))) != ["uno", "dos"]
    assert words(run(save_all(store))) == ["uno", "dos"]


def test_d4_a_bounded_history_loses_nothing(
    store: QATrackerStore, stock: SQLTrackerStore
) -> None:
    said = [str(number) for number in range(6)]

    async def chat(store: TrackerStore) -> Any:
        tracker = DialogueStateTracker(WHO, DOMAIN.slots, max_event_history=3)
        for text in said:
            tracker.update_with_events([UserUttered(text)], DOMAIN)
            await store.save(tracker)
        return await store.retrieve_full_tracker(WHO)

    assert words(run(chat(stock))) == said[:3]
    assert words(run(chat(store))) == said


def test_d5_a_corrupt_row_does_not_end_the_server(
    store: QATrackerStore, stock: SQLTrackerStore
) -> None:
    async def corrupt(store: TrackerStore) -> Any:
        await turn(store, UserUttered("antes"))
        with engine_of(store).begin() as connection:
            connection.execute(schema.events.update().values(data="{"))
            if isinstance(store, QATrackerStore):
                connection.execute(schema.originals.delete())
                store._cache.clear()
        await FailSafeTrackerStore(store).retrieve(WHO)
        await FailSafeTrackerStore(store).retrieve_full_tracker(WHO)
        return await turn(store, UserUttered("después"))

    with pytest.raises(SystemExit):
        run(corrupt(stock))
    assert words(run(corrupt(store)))[-1] == "después"


def test_d6_a_json_column_is_read_like_text(
    store: QATrackerStore, stock: SQLTrackerStore
) -> None:
    if engine_of(store).dialect.name == "sqlite":
        pytest.skip("SQLite gives JSON columns as text")

    async def talk(store: TrackerStore) -> Any:
        with engine_of(store).begin() as connection:
            kind = "ALTER TABLE events ALTER COLUMN data TYPE jsonb USING data::jsonb"
            connection.execute(sa.text(kind))
        await turn(store, SlotSet("qa_consent", "granted"), UserUttered("uno"))
        if isinstance(store, QATrackerStore):
            store._cache.clear()
            with engine_of(store).begin() as connection:
                connection.execute(schema.originals.delete())
        return await turn(store, UserUttered("dos"))

    assert words(run(talk(stock))) == ["dos"]
    assert words(run(talk(store))) == ["uno", "dos"]


def test_d11_a_schema_costs_no_question_per_message(
    postgresql_server: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [postgresql_server.set(database=f"d11_{kind}") for kind in ("us", "stock")]
    admin = sa.create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    for url in urls:
        admin.execute(f"CREATE DATABASE {url.database}")
        sa.create_engine(url).execute("CREATE SCHEMA bot")
    admin.dispose()
    monkeypatch.setenv("POSTGRESQL_SCHEMA", "bot")
    ours = make(urls[0])
    stock = SQLTrackerStore(DOMAIN, host=urls[1].render_as_string(hide_password=False))

    async def ask(store: TrackerStore) -> list[str]:
        with statements(engine_of(store)) as asked:
            await turn(store, UserUttered("hola"))
            await store.retrieve_full_tracker(WHO)
            await store.keys()
        return [statement for statement, _ in asked]

    catalogue = ("information_schema", "pg_namespace", "current_schema")
    for store, questions in ((stock, True), (ours, False)):
        asked = " ".join(run(ask(store)))
        assert "FROM events" in asked
        assert any(name in asked for name in catalogue) == questions


def test_d12_a_database_that_stays_away_stops_rasa_with_one_line() -> None:
    endpoint = EndpointConfig.from_dict(
        {
            "type": "rasa_qa_plugin.QATrackerStore",
            "dialect": "postgresql",
            "url": "127.0.0.1:1",
            "startup_wait_seconds": 1,
        }
    )

    with pytest.raises(RasaException) as caught:
        TrackerStore.create(endpoint, DOMAIN)

    assert str(caught.value) == (
        "rasa_qa_plugin: database: cannot be reached within 1 s; check tracker_store "
        "in endpoints.yml and that the server runs"
    )


def plans(engine: Engine, asked: list[tuple[str, Any]]) -> list[str]:
    """Give how the database goes about each query, line by line."""
    lines = []
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # A small table is read whole whatever there is; we want to know what could
            # be done with a large one.
            for way in ("seqscan", "bitmapscan"):
                connection.exec_driver_sql(f"SET enable_{way} = off")
            explain = "EXPLAIN "
        else:
            explain = "EXPLAIN QUERY PLAN "
        for statement, parameters in asked:
            if statement.startswith("SELECT"):
                rows = connection.exec_driver_sql(explain + statement, parameters)
                lines += [str(row[-1]).strip() for row in rows]
    return [line for line in lines if "Scan" in line or "SCAN" in line or "SEA" in line]


def test_d13_every_read_uses_an_index(store: QATrackerStore) -> None:
    async def read() -> tuple[list[Any], list[Any]]:
        await turn(store, UserUttered("hola"))
        store._cache.clear()
        with statements(engine_of(store)) as of_one:
            await store.retrieve(WHO)
            await store.retrieve_full_tracker(WHO)
            await store.exists(WHO)
        with statements(engine_of(store)) as of_all:
            await store.keys()
        return of_one, of_all

    of_one, of_all = run(read())
    one = plans(engine_of(store), of_one)
    (all_keys,) = plans(engine_of(store), of_all)

    assert any("events" in line for line in one)
    if engine_of(store).dialect.name == "sqlite":
        assert [line for line in one if not line.startswith("SEARCH")] == []
        assert "qa_conversations USING COVERING INDEX" in all_keys
    else:
        assert [line for line in one if "Seq Scan" in line] == []
        assert "Index Only Scan using qa_conversations_pkey" in all_keys


def test_d15_an_outage_streams_nothing_raw_and_fills_no_memory(
    database_url: URL, postgresql_server: URL
) -> None:
    broker = ListBroker()
    store = make(database_url, broker)
    said: list[Event] = [
        SlotSet("qa_consent", "granted"),
        UserUttered(f"cel {PHONE}"),
        SlotSet("contact_phone", PHONE),
    ]

    async def talk() -> Any:
        wrapped = FailSafeTrackerStore(store)
        with outage(store, postgresql_server):
            tracker = await wrapped.get_or_create_tracker(WHO)
            tracker.update_with_events(said, DOMAIN)
            await wrapped.save(tracker)
            going_on = await wrapped.retrieve(WHO)
        return wrapped._fallback_tracker_store, going_on

    fallback, going_on = run(talk())

    assert fallback is None
    assert dicts(going_on)[-1]["value"] == PHONE
    streamed = json.dumps(broker.published)
    assert (PHONE in streamed, WHO in streamed) == (False, False)


@pytest.mark.parametrize("missing", ["module", "name"])
def test_d16_a_broken_installation_is_no_store_in_memory(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "module":
        monkeypatch.setitem(sys.modules, "alembic", None)
    else:
        monkeypatch.delattr(alembic.command, "upgrade")
    endpoint = EndpointConfig.from_dict(
        {
            "type": "rasa_qa_plugin.QATrackerStore",
            "dialect": "sqlite",
            "db": str(tmp_path / "bot.db"),
        }
    )

    with pytest.raises(RasaException, match=r"cannot start .* reinstall rasa-qa-plug"):
        TrackerStore.create(endpoint, DOMAIN)
