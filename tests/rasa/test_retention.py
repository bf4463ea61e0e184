"""What a running server makes of a conversation that was purged under its feet."""

import asyncio
import time
from typing import Any

import pytest
import sqlalchemy as sa
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.engine import URL

from rasa_qa_plugin.storage import retention, schema
from rasa_qa_plugin.storage.engine import open_engine, transaction
from rasa_qa_plugin.storage.purge_rounds import Purge
from rasa_qa_plugin.tracker_store import QATrackerStore
from tests.conftest import SECRET

WHO = "593998765432"
DOMAIN = Domain.from_yaml(
    """
    version: "3.1"
    intents: [greet]
    slots:
      color: {type: text, mappings: [{type: custom}]}
    """
)


@pytest.mark.parametrize("what", ["events", "turns events"])
def test_a_running_server_does_not_go_on_from_memory_after_a_purge(
    database_url: URL, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    store = QATrackerStore(
        DOMAIN, host=database_url.render_as_string(hide_password=False)
    )
    server = FailSafeTrackerStore(store)
    engine = open_engine(database_url)

    def purge() -> None:
        with transaction(engine) as connection:
            connection.execute(schema.conversations.update().values(last_event_at=0.0))
            connection.execute(schema.turns.update().values(recorded_at=0.0))
        now = time.time()
        kinds: Any = frozenset(what.split())
        for _ in retention.run(engine, Purge(cutoff=now - 60, now=now, what=kinds)):
            pass

    async def fetch() -> DialogueStateTracker:
        # As Rasa's processor does; an empty tracker starts a session.
        return await server.get_or_create_tracker(WHO, append_action_listen=False)

    async def talk() -> None:
        first = await fetch()
        first.update_with_events(
            [
                ActionExecuted("action_session_start"),
                SessionStarted(),
                UserUttered("hola", {"name": "greet", "confidence": 1.0}),
                SlotSet("color", "rojo"),
            ],
            DOMAIN,
        )
        await server.save(first)
        cached = await fetch()
        assert cached.get_slot("color") == "rojo"
        await server.save(cached)
        in_flight = await fetch()

        purge()

        # A message that was being answered meanwhile is kept, and it alone.
        in_flight.update_with_events([SlotSet("color", "verde")], DOMAIN)
        await server.save(in_flight)
        after = await fetch()
        assert [event.as_dict()["event"] for event in after.events] == ["slot"]
        assert after.get_slot("color") == "verde"

        purge()

        anew = await fetch()
        assert list(anew.events) == []
        assert anew.get_slot("color") is None
        said = UserUttered("otra vez", {"name": "greet", "confidence": 1.0})
        anew.update_with_events([said], DOMAIN)
        await server.save(anew)

    asyncio.run(talk())

    with engine.connect() as connection:
        found = connection.execute(
            sa.select(schema.events.c.type_name).order_by(schema.events.c.id)
        )
        assert found.scalars().all() == ["user"]
    engine.dispose()
