"""`rasa-qa erase` and `consent` reach a running server's memory by its channel."""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rasa.shared.core.events import SlotSet
from sqlalchemy.engine import URL

from rasa_qa_plugin import cli, rights
from rasa_qa_plugin.backlog import backlog_of
from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import ConfigError, StorageUnavailableError
from rasa_qa_plugin.server import AbsentError, running_server
from rasa_qa_plugin.storage import consents, schema
from rasa_qa_plugin.storage.engine import reading
from rasa_qa_plugin.tracker_store import QATrackerStore
from tests.conftest import SECRET
from tests.rasa.test_channel import (
    MESSAGE,
    PHONE,
    TOKEN,
    bot_folder,
    chat,
    database_away,
    rows,
    said,
    serving,
    store,
)
from tests.rasa.test_tracker_store import WHO, make, turn

__all__ = ["bot_folder", "store"]  # fixtures


@pytest.fixture
def bot(tmp_path: Path, database_url: URL) -> Path:
    address = database_url.render_as_string(hide_password=False)
    (tmp_path / "config.yml").write_text("pipeline: []\n")
    (tmp_path / "endpoints.yml").write_text(
        f"tracker_store:\n  type: rasa_qa_plugin.QATrackerStore\n  url: {address}\n"
        if database_url.get_backend_name() == "postgresql"
        else "tracker_store:\n  type: rasa_qa_plugin.QATrackerStore\n"
        "  db: conversations.db\n"
    )
    return tmp_path


async def call(bot: Path, command: str, *arguments: str) -> Result:
    """Run a command beside the server, as another process would."""
    return await asyncio.to_thread(
        CliRunner().invoke,
        cli.root,
        [command, "--bot", str(bot), *arguments],
        catch_exceptions=False,
    )


def test_erasing_from_the_command_line_empties_the_server_s_memory(
    store: QATrackerStore,
    bot: Path,
) -> None:
    backlog = backlog_of(store.opened, Path())

    async def erase() -> tuple[Result, Result]:
        await chat(store)
        async with serving(store) as ask:
            await turn(store, SlotSet("contact_phone", PHONE))
            assert WHO in store._cache
            server = ("--server", ask.address)  # type: ignore[attr-defined]
            # What waits in memory alone: no spool on the disk holds it.
            waiting = Batch(sender_id=WHO, events=[said("espera").as_dict()])
            backlog._remember(waiting)
            first = await call(bot, "erase", WHO, *server, "--yes", "--json")
            assert store._cache == {}
            assert len(backlog) == 0
            return first, await call(bot, "erase", WHO, *server, "--yes")

    first, second = asyncio.run(erase())

    assert (first.exit_code, first.stderr) == (0, "")
    receipt = json.loads(first.stdout)
    assert receipt["rows"]["spool"] == 1
    assert receipt["rows"]["qa_turns"] == 1
    for secret in (WHO, store.opened.vault.pseudonym(WHO), TOKEN, PHONE):
        assert secret not in first.output + second.output
    assert "Nothing is stored under this id." in second.stderr
    for table in schema.PERSONAL_TABLES:
        assert rows(store, table) == [], table.name


def test_a_decision_from_the_command_line_counts_in_the_server_at_once(
    store: QATrackerStore,
    bot: Path,
) -> None:
    async def decide() -> tuple[Result, object]:
        await chat(store)
        async with serving(store) as ask:
            server = ("--server", ask.address)  # type: ignore[attr-defined]
            done = await call(bot, "consent", WHO, *server, "--set", "withdrawn")
            return done, await store.retrieve(WHO)

    done, tracker = asyncio.run(decide())

    assert done.exit_code == 0
    assert done.stderr == "Recorded: withdrawn. Texts of 1 turns deleted.\n"
    assert tracker.get_slot("qa_consent") == "withdrawn"  # type: ignore[attr-defined]
    with reading(store.opened.engine) as connection:
        name = store.opened.vault.pseudonym(WHO)
        sources = [entry.source for entry in consents.history(connection, name)]
    assert sources == ["chat", "api"]


def test_a_wrong_token_stops_the_command_before_anything_is_erased(
    store: QATrackerStore,
    bot: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def erase() -> Result:
        await chat(store)
        async with serving(store) as ask:
            monkeypatch.setenv("RASA_QA_TOKEN", "another-token-for-tests")
            address = ask.address  # type: ignore[attr-defined]
            return await call(bot, "erase", WHO, "--server", address, "--yes")

    result = asyncio.run(erase())

    assert result.exit_code == 2
    assert result.stderr.startswith(
        "rasa-qa: credentials.yml: rasa_qa_plugin.QAChannel.token: the running server "
        "refuses it; "
    )
    assert result.stderr.count("\n") == 1
    assert "another-token" not in result.output
    assert TOKEN not in result.output
    assert rows(store, schema.turns)


def test_a_server_whose_database_is_away_confirms_nothing(
    store: QATrackerStore,
    bot: Path,
) -> None:
    async def erase() -> None:
        await chat(store)
        async with serving(store) as ask:
            address = ask.address  # type: ignore[attr-defined]
            identity = rights.identity(store.opened)
            server = await asyncio.to_thread(
                running_server, Bot(bot), address, identity=identity
            )
            with (
                database_away(store),
                pytest.raises(StorageUnavailableError, match="nothing is confirmed"),
            ):
                await asyncio.to_thread(server.erase, WHO)

    asyncio.run(erase())
    assert rows(store, schema.turns)


def test_a_server_of_another_bot_is_left_alone(
    store: QATrackerStore,
    bot: Path,
    tmp_path: Path,
) -> None:
    """It has the same token and other people, or another secret."""
    other = make(URL.create("sqlite", database=str(tmp_path / "other.db")))

    async def erase() -> Result:
        await chat(store)
        await chat(other)
        async with serving(other) as ask:
            address = ask.address  # type: ignore[attr-defined]
            return await call(bot, "erase", WHO, "--server", address, "--yes")

    result = asyncio.run(erase())

    assert result.exit_code == 0
    assert result.stderr.startswith(
        "Working on the database alone: the server at --server has another database"
    )
    assert rows(other, schema.turns)
    assert rows(store, schema.turns) == []


@pytest.fixture
def stranger() -> Iterator[tuple[str, list[str]]]:
    """A web server of somebody else that sends people on; it notes what it is told."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(302)
            self.send_header("Location", f"{address}/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield address, heard
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_token_is_sent_nowhere_else(
    stranger: tuple[str, list[str]], bot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, heard = stranger
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    with pytest.raises(AbsentError, match="runs without rasa_qa_plugin"):
        running_server(Bot(bot), address, identity="x")

    assert heard == ["/webhooks/qa/health"]


@pytest.mark.parametrize(
    ("credentials", "url", "why"),
    [
        (None, "http://localhost:1", "credentials.yml names no rasa_qa_plugin.QACh"),
        ("rest:\n", "http://localhost:1", "credentials.yml names no rasa_qa_plugin"),
        ("[]", "http://localhost:1", "credentials.yml names no rasa_qa_plugin.QAC"),
        ("${X}", "http://localhost:1", "credentials.yml: rasa_qa_plugin.QAChannel.tok"),
        (TOKEN, "http://localhost:1", "no server answers at --server"),
        (f'"{TOKEN}\\nx"', "http://localhost:1", "no server answers at --server"),
        ("ñandú" * 4, "http://localhost:1", "no server answers at --server"),
        (TOKEN, "none", "no server is asked"),
    ],
)
def test_without_a_server_the_database_alone_is_used_and_said_so(
    store: QATrackerStore,
    bot: Path,
    credentials: str | None,
    url: str,
    why: str,
) -> None:
    asyncio.run(chat(store))
    file = bot / "credentials.yml"
    if credentials is None:
        file.unlink()
    elif credentials.endswith("\n") or credentials == "[]":
        file.write_text(credentials)
    else:
        file.write_text(f"rasa_qa_plugin.QAChannel:\n  token: {credentials}\n", "utf-8")

    result = asyncio.run(call(bot, "erase", WHO, "--server", url, "--yes"))

    assert result.exit_code == 0
    first, *_ = result.stderr.splitlines()
    assert first.startswith(f"Working on the database alone: {why}")
    assert WHO not in result.output
    assert TOKEN not in result.output
    assert rows(store, schema.turns) == []


@pytest.mark.parametrize("url", ["localhost:5005", "ftp://x", "http://", "http://x:y"])
def test_what_is_no_address_is_refused(bot: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"^--server: not an address; write http"):
        running_server(Bot(bot), url, identity="x")


def test_a_server_that_does_not_answer_is_not_waited_for_long(bot: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(AbsentError, match="no server answers"):
            running_server(Bot(bot), url, identity="x")


def test_no_log_line_of_a_command_holds_a_person_or_the_token(
    store: QATrackerStore,
    bot: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def ask_all() -> list[int]:
        await chat(store)
        async with serving(store) as ask:
            server = ("--server", ask.address)  # type: ignore[attr-defined]
            results = [
                await call(bot, "consent", WHO, *server, "--set", "denied"),
                await call(bot, "erase", WHO, *server),
                await call(bot, "erase", WHO, *server, "--yes"),
            ]
            return [result.exit_code for result in results]

    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").debug("heard")
        assert asyncio.run(ask_all()) == [0, 0, 0]

    assert "heard" in caplog.text
    for secret in (WHO, TOKEN, PHONE, MESSAGE, SECRET):
        assert secret not in caplog.text
