"""The routes on Rasa's own server: a real Sanic app, a real store, real requests."""

import asyncio
import contextlib
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import sqlalchemy as sa
import yarl
from rasa.core.agent import Agent
from rasa.core.run import configure_app, create_http_input_channels
from rasa.core.tracker_store import InMemoryTrackerStore, TrackerStore
from rasa.shared.core.events import BotUttered, SlotSet, UserUttered
from rasa.shared.exceptions import RasaException
from sanic import Sanic
from sanic.log import LOGGING_CONFIG_DEFAULTS
from sqlalchemy.engine import URL

from rasa_qa_plugin import QAChannel, rights
from rasa_qa_plugin.backlog import backlog_of
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.insights.prometheus import Latency
from rasa_qa_plugin.storage import consents, schema
from rasa_qa_plugin.storage.engine import reading
from rasa_qa_plugin.tracker_store import QATrackerStore
from tests.conftest import SECRET
from tests.rasa.test_tracker_store import DOMAIN, SESSION, WHO, make, turn

TOKEN = "a-token-for-tests-long-enough"
PHONE = "0991234567"
MESSAGE = "message-of-ana"

Answer = tuple[int, Any]
Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture(autouse=True)
def bot_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    monkeypatch.setenv("RASA_QA_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "credentials.yml").write_text(
        "rasa_qa_plugin.QAChannel:\n  token: ${RASA_QA_TOKEN}\n"
    )
    # Rasa gives all its apps one name, and Sanic keeps a list.
    monkeypatch.setattr(Sanic, "test_mode", True)


@pytest.fixture
def store(database_url: URL) -> QATrackerStore:
    return make(database_url)


@contextlib.asynccontextmanager
async def serving(store: TrackerStore) -> AsyncIterator[Ask]:
    """Start Rasa's server as credentials.yml says; give what asks it."""
    app = configure_app(create_http_input_channels(None, "credentials.yml"))
    app.ctx.agent = Agent(domain=DOMAIN, tracker_store=store)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        base = f"{address}/webhooks/qa/"
        server = await app.create_server(sock=listening, return_asyncio_server=True)
        await server.startup()
        await server.start_serving()

        async def ask(
            method: str,
            path: str,
            body: Any = None,
            authorization: str | None = f"Bearer {TOKEN}",
        ) -> Answer:
            headers = {"Authorization": authorization} if authorization else {}
            data = body if body is None or isinstance(body, bytes) else json.dumps(body)
            async with session.request(
                method, yarl.URL(base + path, encoded=True), data=data, headers=headers
            ) as answer:
                read = (
                    answer.json
                    if answer.content_type == "application/json"
                    else answer.text
                )
                return answer.status, await read()

        ask.address = address  # type: ignore[attr-defined]
        async with aiohttp.ClientSession() as session:
            try:
                yield ask
            finally:
                await session.close()
                server.close()
                await server.wait_closed()


def said(text: str, message_id: str = MESSAGE) -> UserUttered:
    return UserUttered(
        text, {"name": "greet"}, input_channel="rest", message_id=message_id
    )


async def chat(store: TrackerStore, *, consent: str | None = "granted") -> None:
    await turn(store, *SESSION)
    if consent:
        await turn(store, SlotSet("qa_consent", consent))
    await turn(store, said(f"llámame al {PHONE}"), BotUttered("claro"))


def rows(store: QATrackerStore, table: sa.Table) -> list[Any]:
    with reading(store.opened.engine) as connection:
        return list(connection.execute(sa.select(table)).all())


@contextlib.contextmanager
def database_away(store: QATrackerStore) -> Iterator[None]:
    """Take the tables away from the store, as a server that is gone does."""
    engine = store.opened.engine

    def refuse(*_: Any) -> None:
        raise sa.exc.OperationalError("connect", {}, ConnectionError())

    sa.event.listen(engine, "begin", refuse)
    try:
        yield
    finally:
        sa.event.remove(engine, "begin", refuse)


ROUTES = [
    ("GET", "health", None),
    ("GET", "metrics", None),
    ("GET", f"consent/{WHO}", None),
    ("POST", f"consent/{WHO}", {"state": "denied"}),
    ("DELETE", f"conversations/{WHO}", None),
    ("POST", "feedback", {"sender": WHO, "message_id": MESSAGE, "rating": 1}),
]

MODEL_ROUTES = [("GET", "model", None), ("POST", "model", {"file": "m.tar.gz"})]


@pytest.mark.parametrize(
    "authorization",
    [None, "", TOKEN, "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}"],
)
def test_no_route_answers_without_the_token(
    store: QATrackerStore, authorization: str | None
) -> None:
    async def ask_all() -> list[Answer]:
        await chat(store)
        async with serving(store) as ask:
            routes = [*ROUTES, *MODEL_ROUTES]
            return [await ask(*route, authorization) for route in routes]

    answers = asyncio.run(ask_all())

    assert {status for status, _ in answers} == {401}
    assert all("Bearer TOKEN" in body["error"] for _, body in answers)
    assert rows(store, schema.turns)
    assert rows(store, schema.feedback) == []


def test_a_server_without_a_model_says_so_and_names_what_is_wrong_with_a_request(
    store: QATrackerStore,
) -> None:
    async def ask_all() -> list[Answer]:
        async with serving(store) as ask:
            return [
                await ask("GET", "model"),
                await ask("POST", "model", {"file": "m.tar.gz"}),
                await ask("POST", "model", {"file": 1}),
                await ask("POST", "model", b"{"),
            ]

    (status, running), *refused = asyncio.run(ask_all())

    assert (status, running) == (200, {"file": None, "model_id": None})
    assert [status for status, _ in refused] == [404, 400, 400]
    errors = [body["error"] for _, body in refused]
    assert "has no model loaded" in errors[0]
    assert errors[1].startswith("file: ")


def test_every_route_answers_with_the_token(store: QATrackerStore) -> None:
    async def ask_all() -> list[int]:
        await chat(store)
        async with serving(store) as ask:
            order = [*ROUTES[:2], ROUTES[5], *ROUTES[2:5]]
            return [(await ask(*route))[0] for route in order]

    assert asyncio.run(ask_all()) == [200] * len(ROUTES)


@pytest.mark.parametrize(
    "section", [None, {}, {"token": None}, {"token": ""}, {"token": "short"},
                {"token": 1234567890123456}, {"token": "${RASA_QA_TOKEN}"}, "token"],
)  # fmt: skip
def test_rasa_does_not_start_without_a_usable_token(section: Any) -> None:
    with pytest.raises(RasaException, match="write `token: ") as raised:
        QAChannel.from_credentials(section)

    assert "short" not in str(raised.value)


def test_health_tells_whether_the_database_is_there(store: QATrackerStore) -> None:
    async def look() -> tuple[Answer, Answer]:
        async with serving(store) as ask:
            well = await ask("GET", "health")
            with database_away(store):
                await chat(store)
                return well, await ask("GET", "health")

    (well, body), (ill, later) = asyncio.run(look())

    assert (well, ill) == (200, 503)
    assert body == {
        "database": "reachable",
        "error": None,
        "schema": rows(store, sa.table("qa_schema_version", sa.column("version_num")))[
            0
        ][0],
        "identity": rights.identity(store.opened),
        "events_waiting": 0,
        "masking_failures": 0,
    }
    assert WHO not in body["identity"]
    assert later["database"] == "away"
    assert later["events_waiting"] == len(backlog_of(store.opened, Path())) > 0


def test_metrics_are_numbers_for_prometheus(store: QATrackerStore) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    async def look() -> Answer:
        await chat(store)
        async with serving(store) as ask:
            await ask(
                "POST", "feedback", {"sender": WHO, "message_id": MESSAGE, "rating": -1}
            )
            return await ask("GET", "metrics")

    status, text = asyncio.run(look())
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    types = {f.name: f.type for f in text_string_to_metric_families(text)}

    assert status == 200
    assert samples["rasa_qa_conversations",] == 1
    assert samples["rasa_qa_turns",] == 1
    assert samples["rasa_qa_flagged_turns", "negative_feedback"] == 1
    assert samples["rasa_qa_flagged_turns", "manual"] == 0
    assert samples["rasa_qa_events_waiting",] == 0
    assert samples["rasa_qa_masking_failures",] == 0
    assert samples["rasa_qa_count_seconds",] > 0
    assert types["rasa_qa_store_seconds"] == "histogram"
    for operation in ("save", "retrieve"):
        took = [
            samples["rasa_qa_store_seconds_bucket", bound, operation]
            for bound in ("0.001", "0.05", "5.0", "+Inf")
        ]
        assert took == sorted(took)
        assert took[-1] == samples["rasa_qa_store_seconds_count", operation] > 0
        assert samples["rasa_qa_store_seconds_sum", operation] > 0


def test_what_a_store_took_is_counted_even_where_it_failed() -> None:
    latency = Latency()

    @latency.observed
    async def work(error: Exception | None) -> int:
        if error is not None:
            raise error
        return 7

    assert asyncio.iscoroutinefunction(work)  # or Rasa would wrap the store
    assert asyncio.run(work(None)) == 7
    with pytest.raises(KeyError):
        asyncio.run(work(KeyError("x")))
    latency.observe(0.001)
    latency.observe(7.0)
    assert latency.buckets()[0] == ("0.001", 3)
    assert latency.buckets()[-2:] == [("5.0", 3), ("+Inf", 4)]


def test_metrics_count_once_for_many_who_ask(store: QATrackerStore) -> None:
    counted = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        counted.extend(["qa_flags"] if "qa_flags" in statement else [])

    async def look() -> list[Answer]:
        async with serving(store) as ask:
            sa.event.listen(store.opened.engine, "before_cursor_execute", note)
            return list(
                await asyncio.gather(*(ask("GET", "metrics") for _ in range(8)))
            )

    assert [status for status, _ in asyncio.run(look())] == [200] * 8
    assert counted == ["qa_flags"]


def test_consent_is_shown_and_set_and_counts_at_once(store: QATrackerStore) -> None:
    async def decide() -> tuple[list[Answer], Any]:
        async with serving(store) as ask:
            answers = [await ask("GET", f"consent/{WHO}")]
            await chat(store)
            answers.append(await ask("GET", f"consent/{WHO}"))
            answers.append(await ask("POST", f"consent/{WHO}", {"state": "withdrawn"}))
            answers.append(await ask("GET", f"consent/{WHO}"))
            return answers, await store.retrieve(WHO)

    answers, tracker = asyncio.run(decide())

    assert answers == [
        (200, {"state": "unknown"}),
        (200, {"state": "granted"}),
        (200, {"state": "withdrawn", "turns_without_text": 1}),
        (200, {"state": "withdrawn"}),
    ]
    assert tracker.get_slot("qa_consent") == "withdrawn"
    assert [row.text for row in rows(store, schema.turns)] == [None]


def test_a_decision_that_cannot_be_written_is_not_confirmed(
    store: QATrackerStore,
) -> None:
    async def decide() -> tuple[Answer, Answer]:
        await turn(store, *SESSION)
        async with serving(store) as ask:
            with database_away(store):
                # What waits is older than the decision and must not undo it later.
                await turn(store, SlotSet("qa_consent", "granted"))
                return (
                    await ask("POST", f"consent/{WHO}", {"state": "withdrawn"}),
                    await ask("GET", f"consent/{WHO}"),
                )

    for status, body in asyncio.run(decide()):
        assert status == 503
        assert body["error"].startswith("database: ")


def test_what_waits_is_written_before_a_decision(store: QATrackerStore) -> None:
    async def decide() -> Answer:
        await turn(store, *SESSION)
        with database_away(store):
            await turn(store, SlotSet("qa_consent", "granted"))
        store._run.__self__._away_until = 0.0  # type: ignore[attr-defined]
        async with serving(store) as ask:
            return await ask("POST", f"consent/{WHO}", {"state": "withdrawn"})

    assert asyncio.run(decide())[0] == 200
    with reading(store.opened.engine) as connection:
        history = consents.history(connection, store.opened.vault.pseudonym(WHO))
    assert [entry.state for entry in history] == [
        ConsentState.GRANTED, ConsentState.WITHDRAWN,
    ]  # fmt: skip
    assert [entry.source for entry in history] == ["chat", "api"]


def test_erasing_reaches_rows_and_memory_and_gives_a_receipt(
    store: QATrackerStore,
) -> None:
    async def erase() -> tuple[Answer, Any, Answer, Any]:
        await chat(store)
        async with serving(store) as ask:
            await turn(store, SlotSet("contact_phone", PHONE))
            assert WHO in store._cache
            first = await ask("DELETE", f"conversations/{WHO}")
            cached = dict(store._cache)
            second = await ask("DELETE", f"conversations/{WHO}")
            return first, cached, second, await store.retrieve(WHO)

    (status, receipt), cached, (again, body), tracker = asyncio.run(erase())

    assert status == 200
    assert receipt["erased"] is True
    assert receipt["rows"]["qa_turns"] == 1
    assert receipt["rows"]["events"] > 0
    assert WHO not in json.dumps(receipt)
    assert store.opened.vault.pseudonym(WHO) not in json.dumps(receipt)
    assert cached == {}
    assert (again, tracker) == (404, None)
    assert body["error"].startswith("conversation: nothing")
    for table in schema.PERSONAL_TABLES:
        assert rows(store, table) == [], table.name


def test_erasing_reaches_what_waits_and_it_never_comes_back(
    store: QATrackerStore,
) -> None:
    async def erase() -> tuple[Answer, Answer, Any]:
        await chat(store)
        with database_away(store):
            await turn(store, said("espera", "waiting"))
            store._run.__self__._away_until = 0.0  # type: ignore[attr-defined]
            async with serving(store) as ask:
                away = await ask("DELETE", f"conversations/{WHO}")
        store._run.__self__._away_until = 0.0  # type: ignore[attr-defined]
        waiting = len(backlog_of(store.opened, Path()))
        async with serving(store) as ask:
            done = await ask("DELETE", f"conversations/{WHO}")
        await store._catch_up(WHO, [])
        return away, done, waiting

    away, done, waiting = asyncio.run(erase())

    assert away[0] == 503
    assert waiting == 0
    assert done[0] == 200
    for table in schema.PERSONAL_TABLES:
        assert rows(store, table) == [], table.name


def test_the_receipt_counts_what_waited(store: QATrackerStore) -> None:
    async def erase() -> Answer:
        with database_away(store):
            await turn(store, said("espera", "waiting"))
        store._run.__self__._away_until = 0.0  # type: ignore[attr-defined]
        async with serving(store) as ask:
            return await ask("DELETE", f"conversations/{WHO}")

    status, receipt = asyncio.run(erase())

    assert status == 200
    assert receipt["rows"]["spool"] >= 1


def test_erasing_waits_for_the_message_that_is_being_answered(
    store: QATrackerStore,
) -> None:
    async def race() -> Answer:
        await chat(store)
        async with serving(store) as ask:
            app = Sanic.get_app()
            async with app.ctx.agent.lock_store.lock(WHO):
                erasing = asyncio.create_task(ask("DELETE", f"conversations/{WHO}"))
                await asyncio.sleep(0.2)
                assert not erasing.done()
                await turn(store, said("otra cosa", "in-flight"))
            return await erasing

    assert asyncio.run(race())[0] == 200
    assert rows(store, schema.events) == []


def test_a_rating_is_bound_to_its_turn_and_its_comment_masked(
    store: QATrackerStore,
) -> None:
    async def rate() -> Answer:
        await chat(store)
        await turn(store, said("otra pregunta", "later"))
        async with serving(store) as ask:
            return await ask(
                "POST",
                "feedback",
                {
                    "sender": WHO,
                    "message_id": MESSAGE,
                    "rating": -1,
                    "comment": f"mal, mi número es {PHONE}",
                },
            )

    assert asyncio.run(rate()) == (200, {"recorded": True})
    (given,) = rows(store, schema.feedback)
    rated = [
        row.turn_id
        for row in rows(store, schema.turns)
        if row.text and "PHONE" in row.text
    ]
    assert [given.turn_id] == rated
    assert given.rating == -1
    assert given.comment == "mal, mi número es [PHONE]"
    assert [
        row.flag for row in rows(store, schema.flags) if row.turn_id == given.turn_id
    ].count("negative_feedback") == 1


@pytest.mark.parametrize("consent", [None, "denied", "withdrawn"])
def test_without_consent_a_rating_counts_and_its_comment_is_dropped(
    store: QATrackerStore, consent: str | None
) -> None:
    async def rate() -> Answer:
        await chat(store, consent=consent)
        async with serving(store) as ask:
            body = {
                "sender": WHO,
                "message_id": MESSAGE,
                "rating": 1,
                "comment": "bien",
            }
            return await ask("POST", "feedback", body)

    assert asyncio.run(rate())[0] == 200
    assert [(row.rating, row.comment) for row in rows(store, schema.feedback)] == [
        (1, None)
    ]


@pytest.mark.parametrize(("sender", "message"), [(WHO, "none"), ("nobody-1", MESSAGE)])
def test_a_rating_of_an_unknown_turn_is_not_kept(
    store: QATrackerStore, sender: str, message: str
) -> None:
    async def rate() -> Answer:
        await chat(store)
        async with serving(store) as ask:
            body = {"sender": sender, "message_id": message, "rating": 1}
            return await ask("POST", "feedback", body)

    status, body = asyncio.run(rate())

    assert status == 404
    assert body["error"].startswith("message_id: ")
    assert rows(store, schema.feedback) == []


GOOD = {"sender": WHO, "message_id": MESSAGE, "rating": 1}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (f"consent/{WHO}", {"state": "maybe"}, "state"),
        (f"consent/{WHO}", {"state": "unknown"}, "state"),
        (f"consent/{WHO}", {"state": 1}, "state"),
        (f"consent/{WHO}", {}, "state"),
        (f"consent/{WHO}", {"state": "granted", "secreto": 1}, "body"),
        (f"consent/{WHO}", None, "body"),
        (f"consent/{WHO}", b"{", "body"),
        (f"consent/{WHO}", b'{"state": "\xff"}', "body"),
        (f"consent/{WHO}", ["granted"], "body"),
        ("feedback", {**GOOD, "sender": ""}, "sender"),
        ("feedback", {**GOOD, "sender": 5}, "sender"),
        ("feedback", {**GOOD, "message_id": ""}, "message_id"),
        ("feedback", {"sender": WHO, "rating": 1}, "message_id"),
        ("feedback", {**GOOD, "rating": 0}, "rating"),
        ("feedback", {**GOOD, "rating": True}, "rating"),
        ("feedback", {**GOOD, "rating": "secreto"}, "rating"),
        ("feedback", {**GOOD, "comment": "secreto" * 1000}, "comment"),
        ("feedback", {**GOOD, "comment": ["secreto"]}, "comment"),
    ],
)
def test_bad_input_is_named_by_field_and_never_quoted(
    tmp_path: Path, path: str, body: Any, field: str
) -> None:
    store = make(URL.create("sqlite", database=str(tmp_path / "bot.db")))

    async def send() -> Answer:
        await chat(store)
        async with serving(store) as ask:
            return await ask("POST", path, body)

    status, answer = asyncio.run(send())

    assert status == 400
    assert answer["error"].startswith(f"{field}: ")
    assert "secreto" not in answer["error"]
    assert rows(store, schema.feedback) == []


@pytest.mark.parametrize(
    "sender", ["29:1a/b c", "ñandú%41", "+593 99", "qa_" + "0" * 32]
)
def test_sender_ids_of_any_form_are_found(store: QATrackerStore, sender: str) -> None:
    async def decide() -> Answer:
        async with serving(store) as ask:
            path = f"consent/{quote(sender, safe='')}"
            return await ask("POST", path, {"state": "granted"})

    assert asyncio.run(decide())[0] == 200
    with reading(store.opened.engine) as connection:
        name = store.opened.vault.pseudonym(sender)
        assert consents.current(connection, name) is ConsentState.GRANTED


def test_another_store_is_told_apart() -> None:
    async def look() -> list[Answer]:
        async with serving(InMemoryTrackerStore(DOMAIN)) as ask:
            return [await ask(*route) for route in ROUTES]

    for status, body in asyncio.run(look()):
        assert status == 503
        assert body["error"].startswith("tracker_store: not rasa_qa_plugin")


def test_an_unknown_route_is_not_found(store: QATrackerStore) -> None:
    async def look() -> Answer:
        async with serving(store) as ask:
            return await ask("GET", "people")

    assert asyncio.run(look())[0] == 404


def test_database_work_never_runs_on_the_event_loop(store: QATrackerStore) -> None:
    threads = set()

    def note(*_: Any) -> None:
        threads.add(threading.current_thread().name)

    async def ask_all() -> list[int]:
        await chat(store)
        async with serving(store) as ask:
            sa.event.listen(store.opened.engine, "before_cursor_execute", note)
            order = [*ROUTES[:2], ROUTES[5], *ROUTES[2:5]]
            return [(await ask(*route))[0] for route in order]

    assert asyncio.run(ask_all()) == [200] * len(ROUTES)
    assert threads
    assert {name.rpartition("_")[0] for name in threads} == {"rasa-qa"}


def test_no_log_line_holds_a_sender_id_or_a_word(
    store: QATrackerStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Sanic prints every path in its access log once somebody turns that on."""
    who, word = "maria-jose-4711", "zarigüeya"
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Lines(logging.DEBUG)
    handler.setFormatter(
        logging.Formatter(LOGGING_CONFIG_DEFAULTS["formatters"]["access"]["format"])
    )
    access = logging.getLogger("sanic.access")
    plain = Lines(logging.DEBUG)
    loggers = [logging.getLogger(name) for name in ("sanic.root", "sanic.error")]

    async def ask_all() -> list[int]:
        async with serving(store) as ask:
            for logger in (access, *loggers):
                logger.setLevel(logging.DEBUG)
                logger.addHandler(handler if logger is access else plain)
            found = [
                await ask("GET", f"consent/{who}", None, None),
                await ask("GET", f"consent/{who}"),
                await ask("POST", f"consent/{who}", {"state": word}),
                await ask("POST", "feedback", {**GOOD, "sender": who, "comment": word}),
                await ask("DELETE", f"conversations/{who}"),
                await ask("GET", f"conversations/{who}"),
                await ask("GET", f"consent/{who}/more-{who}"),
            ]
            with database_away(store):
                found.append(await ask("DELETE", f"conversations/{who}"))
            # A fault of ours would be logged by Sanic with the path and its error.
            store.opened.masker.failures = object()  # type: ignore[assignment]
            found.append(await ask("GET", f"health?who={who}"))
            return [status for status, _ in found]

    with caplog.at_level(logging.DEBUG):
        statuses = asyncio.run(ask_all())
    for logger in (access, *loggers):
        logger.removeHandler(handler)
        logger.removeHandler(plain)
    written = "\n".join([*lines, caplog.text])

    assert statuses == [401, 200, 400, 404, 404, 405, 404, 503, 500]
    assert sum("/webhooks/qa/" in line for line in lines) >= len(statuses)
    assert who not in written
    assert word not in written
