"""Plays conversations to bots, on Rasa's own tracker store and on ours.

``python -m tests.rasa.playing_bot ACTIONS`` trains the bots in the current folder, and
plays everything in `tests/data/conversations.py` to them over HTTP, once for each of
``PLAYS``. What came back, what trackers held after each step, and what the action
server was sent goes into plays.json.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import yarl
from rasa.core import jobs
from rasa.core.agent import Agent
from rasa.core.channels.rest import RestInput
from rasa.core.lock_store import InMemoryLockStore
from rasa.core.run import configure_app
from rasa.core.tracker_store import (
    FailSafeTrackerStore,
    SQLTrackerStore,
    TrackerStore,
)
from rasa.model_training import train
from rasa.shared.core.domain import SessionConfig
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity
from rasa.utils.endpoints import EndpointConfig
from rasa.utils.log_utils import configure_structlog
from sanic import Sanic

from rasa_qa_plugin import rights
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.tracker_store import QATrackerStore
from tests.data.conversations import (
    BOTS,
    CUSTOMERS,
    RESTART,
    Api,
    Say,
    Step,
)


class Play(NamedTuple):
    """A way to play all conversations.

    Attributes:
        store: Which store they begin on, Rasa's ("stock") or "ours".
        interruption: What happens half-way: nothing, a restart with "ours", or one
            after the live window is "over".
        without_consent: What is kept of people, none of whom agreed; if empty, all did.
    """

    store: str = "ours"
    interruption: str = ""
    without_consent: str = ""


PLAYS = {
    "stock": Play("stock"),
    "in memory": Play(),
    "restarted": Play(interruption="ours"),
    "restarted, nothing kept": Play(interruption="ours", without_consent="nothing"),
    "taken over": Play("stock", interruption="ours"),
    "expired": Play(interruption="over"),
    "expired, structure kept": Play(interruption="over", without_consent="structure"),
}
_MORE_THAN_A_DAY = 25 * 3600

Ask = Callable[..., Awaitable[Any]]


def sender_of(trait: str) -> str:
    """Give the sender id of a conversation: as WhatsApp's, a telephone number."""
    traits = [trait for bot in BOTS.values() for trait in bot]
    return f"5939812345{traits.index(trait):02d}"


def database_of(bot: str, play: str) -> str:
    """Give the name of the SQLite file that a play leaves behind."""
    return f"{bot}_{list(PLAYS).index(play)}.db"


def main(actions: str) -> None:
    """Train, play, and write down what happened."""
    configure_structlog(logging.WARNING)
    logging.getLogger().setLevel(logging.WARNING)
    errors = _Errors()
    logging.getLogger().addHandler(errors)
    Sanic.test_mode = True  # Rasa gives all its apps one name, and Sanic keeps a list
    for mode in ("structure", "nothing"):
        Path(f"{mode}.yml").write_text(f"consent: {{without_consent: {mode}}}\n")
    plays: dict[str, Any] = {play: {"errors": []} for play in PLAYS}
    for bot in BOTS:
        model = train(
            f"{bot}/domain.yml", f"{bot}/config.yml", f"{bot}/data", f"{bot}/models"
        ).model
        assert model is not None
        agent = Agent.load(model, action_endpoint=EndpointConfig(actions))
        for play in PLAYS:
            errors.seen.clear()
            with _calls() as calls:
                plays[play] |= asyncio.run(_play(agent, bot, play))
            plays[play]["errors"] += errors.seen
            for trait in BOTS[bot]:
                plays[play][trait]["calls"] = [
                    call for call in calls if call["sender_id"] == sender_of(trait)
                ]
    Path("plays.json").write_text(json.dumps(plays), "utf-8")


class _Errors(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(self.format(record))


@contextlib.contextmanager
def _calls() -> Iterator[list[dict[str, Any]]]:
    """Give the calls that the action server got until the end of the block."""
    log = Path("calls.jsonl")
    log.unlink(missing_ok=True)
    calls: list[dict[str, Any]] = []
    yield calls
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    calls.extend(json.loads(line) for line in lines)


async def _play(agent: Agent, bot: str, play: str) -> dict[str, Any]:
    _fill_the_shop()
    told: dict[str, Any] = {trait: {"steps": []} for trait in BOTS[bot]}
    store = PLAYS[play].store
    await _open(agent, bot, play, store)
    for half in range(2):
        if half and PLAYS[play].interruption:
            if PLAYS[play].interruption == "over":
                later = time.time() + _MORE_THAN_A_DAY
                _primary(agent)._recorder.drop_expired(now=later)
            store = "ours"
            await _open(agent, bot, play, store)
        async with _serving(agent) as ask:
            for trait, steps in BOTS[bot].items():
                cut = steps.index(RESTART)
                for step in steps[cut + 1 :] if half else steps[:cut]:
                    answers = await _take(agent, ask, step, sender_of(trait))
                    tracker = await _seen(agent, sender_of(trait))
                    told[trait]["steps"].append(
                        {"half": half, "answers": answers, "tracker": tracker}
                    )
    await _open(agent, bot, play, store)
    for trait in BOTS[bot]:
        full = await agent.tracker_store.retrieve_full_tracker(sender_of(trait))
        told[trait]["stored"] = _told(full)
    return told


def _fill_the_shop() -> None:
    """Write the database that actions look people up in."""
    with contextlib.closing(sqlite3.connect("people.db")) as people, people:
        people.execute("CREATE TABLE IF NOT EXISTS customers (phone, name, id)")
        people.execute("CREATE TABLE IF NOT EXISTS notes (sender, note)")
        people.execute("DELETE FROM customers")
        people.execute("DELETE FROM notes")
        people.executemany("INSERT INTO customers VALUES (?, ?, ?)", CUSTOMERS)


def _primary(agent: Agent) -> Any:
    store = agent.tracker_store
    assert isinstance(store, FailSafeTrackerStore)
    return store._tracker_store


async def _open(agent: Agent, bot: str, play: str, kind: str) -> None:
    """Open the store as a server does that starts."""
    db = database_of(bot, play)
    how = PLAYS[play]
    store: TrackerStore
    if kind == "stock":
        store = SQLTrackerStore(agent.domain, db=db)
    else:
        settings = f"{how.without_consent}.yml" if how.without_consent else None
        store = QATrackerStore(agent.domain, db=db, settings=settings)
        if not how.without_consent:
            for trait in BOTS[bot]:
                granted = ConsentState.GRANTED
                await store.ask(rights.decide, sender_of(trait), granted, time.time())
    agent.tracker_store = agent._create_tracker_store(store, agent.domain)
    agent.lock_store = InMemoryLockStore()
    assert agent.processor is not None
    agent.processor.tracker_store = agent.tracker_store
    agent.processor.lock_store = agent.lock_store


@contextlib.asynccontextmanager
async def _serving(agent: Agent) -> AsyncIterator[Ask]:
    """Start Rasa's server; give what asks it."""
    app = configure_app([RestInput()])
    app.ctx.agent = agent
    with socket.create_server(("127.0.0.1", 0)) as listening:
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = await app.create_server(sock=listening, return_asyncio_server=True)
        assert server is not None
        await server.startup()
        await server.start_serving()

        async def ask(method: str, path: str, body: Any) -> Any:
            url = yarl.URL(base + path, encoded=True)
            async with session.request(method, url, json=body) as answer:
                is_json = answer.content_type == "application/json"
                read = answer.json if is_json else answer.text
                return [answer.status, await read()]

        async with aiohttp.ClientSession() as session:
            try:
                yield ask
            finally:
                await session.close()
                server.close()
                await server.wait_closed()
                jobs.kill_scheduler()


async def _take(agent: Agent, ask: Ask, step: Step, sender: str) -> Any:
    """Take a step of a conversation; give what the bot answers."""
    if isinstance(step, Api):
        method = "GET" if step.body is None else "POST"
        return await ask(method, f"/conversations/{sender}/{step.path}", step.body)
    if isinstance(step, Say):
        message = {"sender": sender, "message": step.text, "metadata": step.metadata}
        with _sessions(agent, step):
            return await ask("POST", "/webhooks/rest/webhook", message)
    scheduler = await jobs.scheduler()
    while waiting := scheduler.get_jobs():  # the first one that is due comes first
        now = datetime.now(timezone.utc)
        waiting[0].modify(next_run_time=now, misfire_grace_time=None)
        while scheduler.get_job(waiting[0].id):  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)  # now it has its place in the queue
        async with agent.lock_store.lock(sender):
            pass
    return None


@contextlib.contextmanager
def _sessions(agent: Agent, step: Say) -> Iterator[None]:
    """Let the session end before a message, where the conversation wants that."""
    domain = agent.domain
    assert domain is not None
    usual = domain.session_config
    if step.session_is_over:
        domain.session_config = SessionConfig(1e-9, step.carries_slots)
    yield
    domain.session_config = usual


async def _seen(agent: Agent, sender: str) -> Any:
    """Give the tracker that the next message will find, without touching it."""
    store = _primary(agent)
    cached = None if isinstance(store, SQLTrackerStore) else store._cache.get(sender)
    return _told(cached or await store.retrieve(sender))


def _told(tracker: DialogueStateTracker | None) -> Any:
    if tracker is None:
        return None
    return {
        **tracker.current_state(EventVerbosity.ALL),
        "is_paused": tracker.is_paused(),
        "followup_action": tracker.followup_action,
    }


if __name__ == "__main__":
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    main(sys.argv[1])
