"""Nothing planted is anywhere: not in bytes, rows, logs, broker messages or exports.

A real bot in a process of its own is told over fifty kinds of personal values, in a
chat and in events of every kind, by people who agreed and by people who did not, on
SQLite and on PostgreSQL. Its action server crashes over them. Then all of it is read.
"""

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from rasa.shared.core.domain import Domain
from sqlalchemy.engine import URL, Connection, make_url

from rasa_qa_plugin import cli
from rasa_qa_plugin.privacy.vault import open_vault
from rasa_qa_plugin.tracker_store import QATrackerStore
from tests.acceptance.servers import QUIET, answers, free_port
from tests.conftest import SECRET
from tests.contract.test_notifier import Receiver
from tests.data.carriers import CARRIERS, story
from tests.data.planted import HARMLESS, PLANTED, Planted, is_short, traces
from tests.rasa.talking_bot import sender_of, write_bot
from tests.searching import Search, base64_forms, notations, quoted

_ZEROS = re.compile(rb"\0{16,}")


class Run(NamedTuple):
    """One bot's worth of conversations."""

    name: str
    backend: str
    consent: bool
    without_consent: str
    chat: bool

    @property
    def keeps_words(self) -> bool:
        """Whether masked words may be in the archive."""
        return self.consent or self.without_consent == "anonymized"

    @property
    def talks(self) -> list[str]:
        """Names of the conversations."""
        kinds = [row.kind for row in PLANTED]
        chats = [f"chat {kind}" for kind in kinds] if self.chat else []
        return [*chats, *kinds, *(carrier.__name__ for carrier in CARRIERS)]


RUNS = [
    Run("sqlite_granted", "sqlite", True, "structure", True),
    Run("sqlite_structure", "sqlite", False, "structure", False),
    Run("sqlite_anonymized", "sqlite", False, "anonymized", False),
    Run("sqlite_nothing", "sqlite", False, "nothing", False),
    Run("postgresql_granted", "postgresql", True, "structure", False),
    Run("postgresql_structure", "postgresql", False, "structure", True),
    Run("postgresql_anonymized", "postgresql", False, "anonymized", False),
]
by_run = pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)


class Remains(NamedTuple):
    """What the bot's process left behind."""

    folder: Path
    urls: dict[str, URL]

    def engine(self, run: Run) -> sa.engine.Engine:
        return sa.create_engine(self.urls[run.name], future=True)


@pytest.fixture(scope="module")
def remains(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server: URL
) -> Remains:
    folder = tmp_path_factory.mktemp("no_leak") / "bot"
    folder.mkdir()
    write_bot(folder)
    urls = {run.name: _database(run, folder, postgresql_server) for run in RUNS}
    port = free_port()
    plan = {"actions": f"http://127.0.0.1:{port}/webhook", "runs": []}
    receiver = Receiver()
    for run in RUNS:
        settings = folder / f"{run.name}.yml"
        settings.write_text(
            f"consent: {{without_consent: {run.without_consent}}}\n"
            f"escalation: {{notify: {_notify(run, receiver)}, include_message: true}}\n"
        )
        url = urls[run.name].render_as_string(hide_password=False)
        plan["runs"].append(  # type: ignore[attr-defined]
            {**run._asdict(), "url": url, "settings": settings.name}
        )
    (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
    with _process(
        folder, "actions", "-m", "rasa_sdk", "--actions", "actions", "--debug",
        "-p", str(port), "--log-file", str(folder / "actions.log"),
    ):  # fmt: skip
        deadline = time.monotonic() + 60
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        with _process(folder, "bot", "-m", "tests.rasa.talking_bot", ".") as bot:
            assert bot.wait(300) == 0, (folder / "bot.stderr").read_text()[-3000:]
    (folder / "notices.log").write_text("\n".join(receiver.received), "utf-8")
    receiver.close()
    return Remains(folder, urls)


def _notify(run: Run, receiver: Receiver) -> list[str]:
    """Let one bot tell of its tickets; the others would tell the same."""
    told = run.name == "sqlite_granted"
    return [f"json://{receiver.address}/token-of-the-hook"] if told else []


def _database(run: Run, folder: Path, server: URL) -> URL:
    if run.backend == "sqlite":
        return make_url(f"sqlite:///{folder / run.name}.db")
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", future=True)
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {run.name}"))
    admin.dispose()
    return server.set(database=run.name)


@contextmanager
def _process(
    folder: Path, name: str, *arguments: str
) -> Iterator["subprocess.Popen[bytes]"]:
    paths = os.pathsep.join((str(Path(__file__).parents[2]), str(folder)))
    with (
        (folder / f"{name}.stdout").open("wb") as out,
        (folder / f"{name}.stderr").open("wb") as err,
    ):
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, stdout=out, stderr=err,
            env={**os.environ, **QUIET, "RASA_QA_SECRET": SECRET, "PYTHONPATH": paths,
                 "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def needles(row: Planted) -> Iterator[tuple[bytes, str]]:
    for trace in traces(row):
        if is_short(row):
            forms = quoted(trace)
        else:
            forms = notations(trace) | base64_forms(trace)
        for form in forms:
            yield form, row.kind


def senders(run: Run) -> Iterator[tuple[bytes, str]]:
    for talk in run.talks:
        sender = sender_of(run.name, talk)
        for form in notations(sender) | base64_forms(sender):
            yield form, f"sender of {talk}"


PLANTED_SEARCH = Search(needle for row in PLANTED for needle in needles(row))
EVERYTHING = Search(
    [
        *(needle for row in PLANTED for needle in needles(row)),
        *(needle for run in RUNS for needle in senders(run)),
    ]
)
# An invented street may bear the name of a real one; the whole address is chance.
WHOLE_VALUES = Search(
    (form, row.kind)
    for row in PLANTED
    if not is_short(row)
    for form in notations(row.value)
)
WORDS = Search((form, "words") for form in notations("ajolotes congelados"))


def rows_of(connection: Connection) -> Iterator[tuple[str, bytes]]:
    """Give every row of every table, all columns, as a full dump would."""
    tables = sa.MetaData()
    tables.reflect(connection)
    assert "qa_originals" in tables.tables
    for table in tables.sorted_tables:
        for row in connection.execute(sa.select(table)):
            parts = (
                bytes(value)
                if isinstance(value, (bytes, memoryview))
                else str(value).encode()
                for value in row
            )
            yield table.name, b"\n".join(parts)


def database_files(remains: Remains, run: Run) -> Iterator[tuple[str, bytes]]:
    """Give the bytes that the database server keeps, the log it writes ahead too."""
    if run.backend == "sqlite":
        for folder in (remains.folder / "open", remains.folder):
            for path in sorted(folder.glob(f"{run.name}.db*")):
                yield str(path.relative_to(remains.folder)), path.read_bytes()
        return
    engine = remains.engine(run).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("CHECKPOINT"))
        folder = Path(connection.execute(sa.text("SHOW data_directory")).scalar_one())
        number = connection.execute(
            sa.text("SELECT oid FROM pg_database WHERE datname = current_database()")
        ).scalar_one()
    engine.dispose()
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).parts
        if path.is_file() and (place[0] != "base" or place[1] == str(number)):
            yield "/".join(place), _ZEROS.sub(b"\0", path.read_bytes())


@by_run
def test_database_bytes_hold_nothing_planted(remains: Remains, run: Run) -> None:
    if run.backend == "sqlite":
        assert (remains.folder / "open" / f"{run.name}.db-wal").stat().st_size > 0
    found = set()
    has_words = False
    for name, content in database_files(remains, run):
        found |= {(name, what) for what in EVERYTHING.found_in(content)}
        # PostgreSQL's write-ahead log is one for all databases.
        has_words |= "pg_wal" not in name and bool(WORDS.found_in(content))

    assert found == set()
    assert has_words == run.keeps_words  # the bytes can be read, and are the right ones

    if run.backend == "sqlite":  # and once more when the journal is written back
        with sqlite3.connect(remains.folder / f"{run.name}.db") as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        content = (remains.folder / f"{run.name}.db").read_bytes()
        assert EVERYTHING.found_in(content) == set()


@by_run
def test_no_row_holds_anything_planted(remains: Remains, run: Run) -> None:
    with remains.engine(run).connect() as connection:
        rows = list(rows_of(connection))
    found = {(table, what) for table, row in rows for what in EVERYTHING.found_in(row)}

    assert found == set()
    assert sum(table == "qa_originals" for table, _ in rows) > len(PLANTED) * 20


@by_run
def test_words_are_kept_only_of_people_who_agreed(remains: Remains, run: Run) -> None:
    with remains.engine(run).connect() as connection:
        holding = {table for table, row in rows_of(connection) if WORDS.found_in(row)}
        events = sa.text("SELECT data FROM events")
        kept = [json.loads(data) for (data,) in connection.execute(events)]
        turns = sa.text("SELECT text, entities, answer FROM qa_turns")
        told = [value for row in connection.execute(turns) for value in row if value]

    expected = {"events"} if run.keeps_words else set()
    of_people = {"qa_turns", "qa_escalations"} if run.consent else set()
    assert holding == expected | of_people
    assert bool(told) == run.consent
    assert bool(kept) == (run.consent or run.without_consent != "nothing")
    if not run.keeps_words:
        said = {event.get("text") for event in kept if event["event"] == "user"}
        assert said <= {"[WITHHELD]"}


@by_run
def test_the_broker_got_nothing_planted(remains: Remains, run: Run) -> None:
    content = (remains.folder / f"{run.name}.broker.log").read_bytes()
    bodies = [json.loads(line) for line in content.decode().splitlines()]

    assert EVERYTHING.found_in(content) == set()
    assert bool(WORDS.found_in(content)) == run.keeps_words
    if run.without_consent != "nothing":
        assert {"user", "bot", "slot", "reminder", "vendor_note"} <= {
            body["event"] for body in bodies
        }
        assert all(body["sender_id"].startswith("qa_") for body in bodies)


def test_the_team_was_told_nothing_planted(remains: Remains) -> None:
    content = (remains.folder / "notices.log").read_bytes()
    told = [json.loads(line)["message"] for line in content.decode().splitlines()]

    assert EVERYTHING.found_in(content) == set()
    assert len(told) >= len(PLANTED)
    assert all("reason: keyword" in one and "urgent" in one for one in told)
    assert any("last message: " in one and "[PHONE" in one for one in told)
    assert b"token-of-the-hook" not in (remains.folder / "rasa.log").read_bytes()


@pytest.mark.parametrize(
    "name",
    ["rasa.log", "bot.stdout", "bot.stderr", "actions.log", "actions.stdout",
     "actions.stderr"],
)  # fmt: skip
def test_logs_and_output_hold_nothing_planted(remains: Remains, name: str) -> None:
    found = EVERYTHING.found_in((remains.folder / name).read_bytes())

    assert found == set()


def test_the_logs_were_worth_searching(remains: Remains) -> None:
    rasa = (remains.folder / "rasa.log").read_text("utf-8")
    actions = (remains.folder / "actions.stderr").read_text("utf-8")
    actions += (remains.folder / "actions.log").read_text("utf-8")

    chats = sum(run.chat for run in RUNS) * len(PLANTED)
    assert rasa.count("processor.message.parse") >= chats
    assert rasa.count("processor.slots.log") >= chats
    assert rasa.count("while running action 'action_crash'") >= chats // 4
    assert "ClientResponseError: [WITHHELD]" in rasa
    assert "ValueError: [WITHHELD]" in actions
    assert "LookupError: [WITHHELD]" in actions
    assert "Contents of ignored event: [WITHHELD]" in actions


@by_run
def test_the_bot_itself_lost_nothing(
    remains: Remains, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Originals are there, encrypted: in another process the dialogue goes on."""
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    store = QATrackerStore(
        Domain.load(str(remains.folder / "domain.yml")),
        host=remains.urls[run.name].render_as_string(hide_password=False),
        settings=str(remains.folder / f"{run.name}.yml"),
    )

    async def read() -> dict[str, Any]:
        found = {}
        for talk in run.talks:
            tracker = await store.retrieve_full_tracker(sender_of(run.name, talk))
            assert tracker is not None, talk
            found[talk] = [event.as_dict() for event in tracker.events]
        return found

    found = asyncio.run(read())

    for row in PLANTED:
        planned = [_timeless(event.as_dict()) for event in story(row)]
        stored = [_timeless(event) for event in found[row.kind]]
        assert stored[-len(planned) :] == planned
        if run.chat:
            chat = json.dumps(found[f"chat {row.kind}"], ensure_ascii=False)
            assert row.text in chat
    assert HARMLESS in json.dumps(found, ensure_ascii=False)


def _timeless(event: dict[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(json.dumps(event))
    del form["timestamp"]
    return form


@by_run
def test_originals_are_sealed_and_open_with_the_secret(
    remains: Remains, run: Run
) -> None:
    vault = open_vault(secret=SECRET, key_file=None)
    query = "SELECT sender_id, seq, payload FROM qa_originals"
    with remains.engine(run).connect() as connection:
        sealed = list(connection.execute(sa.text(query)))
    opened = [
        vault.unseal(bytes(payload), context=f"{sender}:{seq}")
        for sender, seq, payload in sealed
    ]

    assert None not in opened
    found = PLANTED_SEARCH.found_in(b"\n".join(plain or b"" for plain in opened))
    assert found == {row.kind for row in PLANTED}


@pytest.mark.parametrize("run", [run for run in RUNS if run.consent],
                         ids=lambda run: run.name)  # fmt: skip
def test_what_commands_print_and_write_holds_nothing_planted(
    remains: Remains, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    url = remains.urls[run.name].render_as_string(hide_password=False)
    (tmp_path / "config.yml").write_text("pipeline: []\n")
    (tmp_path / "domain.yml").write_text("intents: [greet]\n")
    (tmp_path / "endpoints.yml").write_text(
        json.dumps(
            {"tracker_store": {"type": "rasa_qa_plugin.QATrackerStore", "url": url}}
        )
    )
    printed = b""
    listed = CliRunner().invoke(cli.root, ["turns", "--bot", str(tmp_path), "--json"])
    turn_ids = [turn["turn_id"] for turn in json.loads(listed.stdout)]
    assert turn_ids
    cases = CliRunner().invoke(
        cli.root, ["tickets", "list", "--bot", str(tmp_path), "--json"]
    )
    ticket_ids = [ticket["ticket_id"] for ticket in json.loads(cases.stdout)]
    assert ticket_ids
    for command in (
        ["export", str(tmp_path / "one.yml"), "--all"],
        ["export", str(tmp_path / "two.yml"), "--all", "--again", "--surrogates"],
        *(
            [
                "export",
                str(tmp_path / f"in.{name}"),
                "--again",
                "--all",
                "--format",
                name,
            ]
            for name in ("label_studio", "doccano", "prodigy", "csv")
        ),
        ["turns"],
        ["turns", "--json", "--limit", "1000"],
        ["turns", "--csv", "--limit", "1000"],
        ["show", *turn_ids],
        ["show", *turn_ids, "--json"],
        ["flag", *turn_ids],
        ["stats"],
        ["stats", "--json"],
        ["tickets", "list"],
        ["tickets", "list", "--json", "--limit", "1000"],
        ["tickets", "show", *ticket_ids],
    ):
        result = CliRunner().invoke(cli.root, [*command, "--bot", str(tmp_path)])
        assert result.exit_code == 0, result.output
        printed += result.output.encode()
    exported = [
        path
        for path in (tmp_path / "one.yml", *tmp_path.glob("in.*"))
        if path.suffix != ".xml"  # what Label Studio shows, without a turn
    ]

    assert len(exported) >= 5
    assert EVERYTHING.found_in(printed) == set()
    for file in exported:
        content = file.read_bytes()
        assert EVERYTHING.found_in(content) == set(), file.name
        assert b"[PHONE]" in content
        assert b"ajolotes" in content
    assert WHOLE_VALUES.found_in((tmp_path / "two.yml").read_bytes()) == set()


def test_the_search_finds_each_value_in_each_notation() -> None:
    for row in PLANTED:
        for form, kind in needles(row):
            assert PLANTED_SEARCH.found_in(b"\0before" + form + b"after\0") >= {kind}
    for carrier in CARRIERS:
        for row in PLANTED:
            raw = json.dumps([event.as_dict() for event in carrier(row)])
            assert row.kind in PLANTED_SEARCH.found_in(raw.encode()) or is_short(row)
