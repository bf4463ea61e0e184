"""When a part fails, words are withheld, the fault is counted and the chat goes on."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.engine import URL

from rasa_qa_plugin.privacy.recognizers.numbers import NumberRecognizer
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.tracker_store import QATrackerStore
from tests.conftest import SECRET
from tests.searching import Search, base64_forms, notations

WHO = "593991112233"
PHONE = "0987712345"
OTHER = "0987754321"
NAME = "wenceslao pumacahua"
PLANTED = Search(
    (form, value)
    for value in (WHO, PHONE, OTHER, NAME)
    for form in notations(value) | base64_forms(value)
)
DOMAIN = Domain.from_yaml(
    """
    version: "3.1"
    intents: [greet]
    slots:
      qa_consent:
        {type: text, influence_conversation: false, mappings: [{type: custom}]}
      nombre: {type: text, influence_conversation: false, mappings: [{type: custom}]}
    """
)


# From then on a person may have one turn only; the error names the row it refused.
REFUSE = "CREATE UNIQUE INDEX full_up ON qa_turns (sender_id)"


class ListBroker(EventBroker):
    """A real broker of the simplest kind: it keeps what it is given."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []

    @classmethod
    async def from_endpoint_config(cls, _: Any, __: Any = None) -> "ListBroker":
        return cls()

    def publish(self, event: dict[str, Any]) -> None:
        self.published.append(event)


@pytest.fixture
def broker() -> ListBroker:
    return ListBroker()


@pytest.fixture
def store(
    database_url: URL, broker: ListBroker, monkeypatch: pytest.MonkeyPatch
) -> QATrackerStore:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    url = database_url.render_as_string(hide_password=False)
    return QATrackerStore(DOMAIN, host=url, event_broker=broker)


def talk(
    store: QATrackerStore, work: Callable[[Any], Awaitable[None]]
) -> DialogueStateTracker:
    """Let *work* say things, then read the conversation as another server would."""

    async def say(*events: Event) -> None:
        wrapped = FailSafeTrackerStore(store)
        tracker = await wrapped.get_or_create_tracker(WHO)
        tracker.update_with_events(list(events), DOMAIN)
        await wrapped.save(tracker)

    async def run() -> Any:
        await work(say)
        store._cache.clear()
        return await store.retrieve(WHO)

    tracker: DialogueStateTracker = asyncio.run(run())
    return tracker


def stored(store: QATrackerStore) -> str:
    """Give all that can be read in the database without the secret."""
    with reading(store._recorder._engine) as connection:
        tables = sa.MetaData()
        tables.reflect(connection)
        rows = [
            [value if isinstance(value, (int, float, str)) else "" for value in row]
            for table in tables.sorted_tables
            for row in connection.execute(sa.select(table))
        ]
    return json.dumps(rows, ensure_ascii=False)


class Broken:
    """A detector that fails with what it was reading in the message of its error."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        self.asked += 1
        raise RuntimeError(f"cannot read {[str(a) for a in arguments]} {PHONE} {NAME}")


def test_a_detector_that_fails_costs_words_and_nothing_else(
    store: QATrackerStore,
    broker: ListBroker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = Broken()
    masker = store._recorder._masker

    async def work(say: Any) -> None:
        await say(SlotSet("qa_consent", "granted"), UserUttered("hola, buen día"))
        with monkeypatch.context() as patch:
            patch.setattr(NumberRecognizer, "find", broken)
            await say(
                UserUttered(f"mi celular es {PHONE}"),
                SlotSet("nombre", NAME),
                BotUttered(f"¿Llamo al {PHONE}, {NAME}?"),
            )
        await say(UserUttered(f"mejor al {OTHER}"))

    with caplog.at_level(logging.DEBUG):
        tracker = talk(store, work)

    assert broken.asked > 0
    assert masker.failures >= 2
    # The dialogue itself lost nothing.
    assert tracker.get_slot("nombre") == NAME
    said = [e.text for e in tracker.events if isinstance(e, UserUttered)]
    assert said == ["hola, buen día", f"mi celular es {PHONE}", f"mejor al {OTHER}"]
    # The archive and the broker lost exactly what could not be masked.
    for kept in (stored(store), json.dumps(broker.published, ensure_ascii=False)):
        assert PLANTED.found_in(kept.encode()) == set()
        assert "mi celular" not in kept
        assert "[WITHHELD]" in kept
        assert "hola, buen día" in kept
        assert "mejor al [PHONE]" in kept
    assert PLANTED.found_in(caplog.text.encode()) == set()


def test_a_detector_that_fails_leaves_nothing_in_the_log_either(
    store: QATrackerStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert store
    monkeypatch.setattr(NumberRecognizer, "find", Broken())

    with caplog.at_level(logging.DEBUG):
        logging.getLogger("rasa.core").debug("user said llamen al %s", PHONE)

    assert caplog.messages == ["[WITHHELD]"]


def test_a_database_that_refuses_keeps_structure_and_tells_no_value(
    store: QATrackerStore, broker: ListBroker, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(say: Any) -> None:
        await say(SlotSet("qa_consent", "granted"), UserUttered("hola, buen día"))
        with transaction(store._recorder._engine) as connection:
            connection.execute(sa.text(REFUSE))
        await say(
            UserUttered(f"mi celular es {PHONE}"),
            SlotSet("nombre", NAME),
            BotUttered(f"¿Llamo al {PHONE}, {NAME}?"),
        )

    with caplog.at_level(logging.DEBUG):
        tracker = talk(store, work)

    assert tracker.get_slot("nombre") == NAME
    assert "refused the operation" in caplog.text
    kept = [stored(store), json.dumps(broker.published), caplog.text]
    assert [PLANTED.found_in(text.encode()) for text in kept] == [set(), set(), set()]
    assert "[WITHHELD]" in kept[0]
