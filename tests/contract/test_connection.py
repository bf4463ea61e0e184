"""The way to the database: Rasa's keys and variables, start-up, and bounded waits."""

import itertools
import logging
import secrets
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from sqlalchemy.engine import URL, make_url

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import ConfigError, StorageError, StorageUnavailableError
from rasa_qa_plugin.opening import Opened, open_bot, open_recorder
from rasa_qa_plugin.settings import Connection, ServerOptions
from rasa_qa_plugin.storage import engine as engines
from rasa_qa_plugin.storage import startup
from rasa_qa_plugin.storage.engine import reading, transaction
from tests.conftest import SECRET, Events, running_postgresql

VARIABLES = ("POSTGRESQL_SCHEMA", "SQL_POOL_SIZE", "SQL_MAX_OVERFLOW")
# The ways in which endpoints.yml can name the same database.
WAYS = ("postgresql", "postgresql+psycopg2", "url", "url+psycopg2")
AWKWARD = 'Ventas "2026" 100% ñ-bot'


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


_numbers = itertools.count()


@pytest.fixture
def postgresql(postgresql_server: URL) -> URL:
    """An empty database on the shared server."""
    name = f"connection_{next(_numbers)}"
    execute(postgresql_server, f"CREATE DATABASE {name}")
    return postgresql_server.set(database=name)


def execute(url: URL, *statements: str) -> None:
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT", future=True)
    with admin.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    admin.dispose()


def keys_of(url: URL, way: str = "postgresql", **more: Any) -> Connection:
    """Name a database as endpoints.yml would."""
    if way.startswith("url"):
        driver = "postgresql" + way.removeprefix("url")
        whole = url.set(drivername=driver).render_as_string(hide_password=False)
        return Connection.from_mapping({"url": whole, **more})
    query = {**url.query, **more.pop("query", {})}
    return Connection.from_mapping(
        {
            "dialect": way,
            "username": url.username,
            "password": url.password,
            "db": url.database,
            "query": query,
            **more,
        }
    )


Open = Callable[..., Opened]


@pytest.fixture
def open_it() -> Iterator[Open]:
    """Open what the keys name, as a server does unless told otherwise."""
    opened: list[Opened] = []

    def open_one(connection: Connection, *, as_server: bool = True) -> Opened:
        one = open_recorder(
            connection, folder=Path(), secret=SECRET, as_server=as_server
        )
        opened.append(one)
        return one

    yield open_one
    for one in opened:
        one.engine.dispose()


def ask(opened: Opened, query: str) -> Any:
    with transaction(opened.engine) as connection:
        return connection.execute(sa.text(query)).scalar()


def say(opened: Opened, events: Events, who: str = "someone") -> None:
    batch = Batch(sender_id=who, events=[events.user("hola")])
    opened.recorder.record(batch, now=1.7e9)


# --- keys ------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_login_db_makes_the_missing_database_under_any_name(
    way: str, postgresql_server: URL, open_it: Open, events: Events
) -> None:
    name = f"{AWKWARD} {way}"
    keys = keys_of(postgresql_server.set(database=name), way, login_db="postgres")

    say(open_it(keys), events)
    again = open_it(keys)

    assert ask(again, "SELECT current_database()") == name
    assert len(again.recorder.senders()) == 1


def test_servers_that_start_at_once_make_the_database_once(
    postgresql_server: URL, open_it: Open
) -> None:
    url = postgresql_server.set(database="made-by-many")
    failures: list[Exception] = []

    def start() -> None:
        try:
            open_it(keys_of(url, login_db="postgres"))
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    servers = [threading.Thread(target=start) for _ in range(4)]
    for server in servers:
        server.start()
    for server in servers:
        server.join()

    assert failures == []


def test_a_database_that_may_not_be_made_is_one_clear_line(
    postgresql_server: URL, open_it: Open
) -> None:
    execute(postgresql_server, "CREATE ROLE modest LOGIN")
    url = postgresql_server.set(username="modest", database="never-made")

    with pytest.raises(ConfigError, match=r"tracker_store\.db: does not exist and"):
        open_it(keys_of(url, login_db="postgres"))


def test_login_db_is_for_postgresql_only(tmp_path: Path, open_it: Open) -> None:
    keys = Connection(db=str(tmp_path / "bot.db"), login_db="postgres")

    with pytest.raises(ConfigError, match=r"login_db: can only be used with Postgre"):
        open_it(keys)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", WAYS)
def test_query_reaches_the_driver_and_wins_over_our_waits(
    way: str, postgresql: URL, open_it: Open
) -> None:
    query = {
        "application_name": "my-bot",
        "connect_timeout": 17,
        "sslmode": "prefer",
        "sslrootcert": "/nowhere/ca.pem",
        "options": "-cwork_mem=5MB",
    }
    opened = open_it(keys_of(postgresql, way, query=query))

    raw = opened.engine.raw_connection()
    used = raw.dbapi_connection.info.dsn_parameters
    raw.close()

    assert {key: used[key] for key in query} == {**query, "connect_timeout": "17"}
    assert used["tcp_user_timeout"] == "10000"
    assert ask(opened, "SHOW work_mem") == "5MB"


@pytest.mark.parametrize("query", [{"sslmode": "requir"}, {"ssl_mode": "require"}])
@pytest.mark.parametrize("as_server", [False, True])
def test_a_mistyped_query_is_not_waited_for(
    *, query: dict[str, str], as_server: bool, postgresql: URL, open_it: Open
) -> None:
    with pytest.raises(ConfigError, match=r"tracker_store\.query: holds a key or val"):
        open_it(keys_of(postgresql, query=query), as_server=as_server)


def test_a_query_that_is_no_text_is_one_clear_line() -> None:
    with pytest.raises(ConfigError, match=r"tracker_store\.query: has a value of the"):
        Connection.from_mapping({"query": {"sslmode": {"a": 1}}})


def test_a_driver_we_never_tried_is_refused(open_it: Open) -> None:
    with pytest.raises(ConfigError, match=r"tracker_store\.dialect: "):
        open_it(Connection(dialect="postgresql+asyncpg", url="127.0.0.1"))


def test_commands_fill_variables_in_where_rasa_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CA_FILE", "ca.pem")
    monkeypatch.setenv("WAIT", "5")
    (tmp_path / "config.yml").write_text("pipeline: []\n", "utf-8")
    (tmp_path / "endpoints.yml").write_text(
        "tracker_store:\n"
        "  type: rasa_qa_plugin.QATrackerStore\n"
        "  startup_wait_seconds: ${WAIT}\n"
        "  query: {sslrootcert: '/etc/${CA_FILE}', host: ['${CA_FILE}:1']}\n",
        "utf-8",
    )

    keys = Bot(tmp_path).connection()

    assert keys.query == {"sslrootcert": "/etc/ca.pem", "host": ["ca.pem:1"]}
    assert keys.startup_wait_seconds == 5.0


# --- environment -----------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_every_table_goes_into_the_schema_that_is_named(
    way: str,
    postgresql: URL,
    open_it: Open,
    events: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = 'Mi "bot" \\ 1'
    execute(postgresql, 'CREATE SCHEMA "Mi ""bot"" \\ 1"')
    execute(postgresql, "CREATE TABLE events (id int)")  # another one's
    monkeypatch.setenv("POSTGRESQL_SCHEMA", name)

    opened = open_it(keys_of(postgresql, way))
    say(opened, events)
    say(open_it(keys_of(postgresql, way)), events)

    with reading(opened.engine) as connection:
        here = sa.inspect(connection).get_table_names(schema=name)
        public = sa.inspect(connection).get_table_names(schema="public")
    assert {"events", "qa_conversations", "qa_schema_version"} <= set(here)
    assert public == ["events"]
    assert ask(opened, "SELECT count(*) FROM events") == 2


def test_the_schema_is_found_after_login_db_and_beside_options(
    postgresql: URL, open_it: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(postgresql, "CREATE SCHEMA ventas")
    monkeypatch.setenv("POSTGRESQL_SCHEMA", "ventas")

    opened = open_it(
        keys_of(postgresql, login_db="postgres", query={"options": "-cwork_mem=5MB"})
    )

    assert ask(opened, "SELECT current_schema()") == "ventas"
    assert ask(opened, "SHOW work_mem") == "5MB"


@pytest.mark.parametrize("exists", [False, True])
def test_a_schema_that_is_missing_or_not_ours_is_one_clear_line(
    *, exists: bool, postgresql: URL, open_it: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"outsider_{next(_numbers)}"
    execute(postgresql, f"CREATE ROLE {role} LOGIN")
    if exists:
        execute(postgresql, "CREATE SCHEMA private_one")
    monkeypatch.setenv("POSTGRESQL_SCHEMA", "private_one")

    with pytest.raises(ConfigError) as caught:
        open_it(keys_of(postgresql.set(username=role)))

    assert str(caught.value) == (
        "POSTGRESQL_SCHEMA: no such schema in the database, or not one that this user "
        'may use; run CREATE SCHEMA "$POSTGRESQL_SCHEMA"; there, or unset the variable'
    )


@pytest.mark.parametrize("way", WAYS)
def test_the_pool_is_as_large_as_rasa_s_variables_say(
    way: str, postgresql: URL, open_it: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = open_it(keys_of(postgresql, way)).engine.pool
    monkeypatch.setenv("SQL_POOL_SIZE", "7")
    monkeypatch.setenv("SQL_MAX_OVERFLOW", "2")
    asked = open_it(keys_of(postgresql, way)).engine.pool

    sizes = [(p.size(), p._max_overflow) for p in (small, asked)]  # type: ignore[attr-defined]
    assert sizes == [(4, 4), (7, 2)]


@pytest.mark.parametrize("variable", ["SQL_POOL_SIZE", "SQL_MAX_OVERFLOW"])
@pytest.mark.parametrize("value", ["many", "1.5", "-2"])
def test_a_pool_of_no_number_is_a_wrong_setting(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{variable}: ") as caught:
        ServerOptions.from_environment({variable: value})

    assert value not in str(caught.value)


def test_an_empty_variable_is_not_set() -> None:
    empty = dict.fromkeys(VARIABLES, "")

    assert ServerOptions.from_environment(empty) == ServerOptions()


def test_sqlite_ignores_what_is_meant_for_postgresql(
    tmp_path: Path, open_it: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "x")

    opened = open_it(Connection(db=str(tmp_path / "bot.db")))

    assert opened.recorder.senders() == []


# --- start-up --------------------------------------------------------------------


class Log(logging.Handler):
    """Keeps what is said about waiting, and does something at the first line."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._then = then

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self._then()


@contextmanager
def listening(then: Callable[[], None] = lambda: None) -> Iterator[Log]:
    log = Log(then)
    startup.logger.addHandler(log)
    yield log
    startup.logger.removeHandler(log)


@pytest.fixture
def stopped_server() -> Iterator[Any]:
    """A PostgreSQL server that is not running."""
    with running_postgresql() as server:
        server.stop()
        yield server


def url_of(server: Any) -> URL:
    return make_url(server.get_uri()).set(drivername="postgresql")


def test_a_server_that_starts_with_us_is_waited_for_with_one_line(
    stopped_server: Any, open_it: Open, events: Events
) -> None:
    starting = threading.Thread(target=stopped_server.ensure_postgres_running)

    with listening(then=starting.start) as log:
        opened = open_it(
            keys_of(url_of(stopped_server).set(database="b"), login_db="postgres")
        )
    starting.join()

    say(opened, events)
    assert log.lines == [
        "rasa_qa_plugin: the database does not answer yet; waiting up to 30 s"
    ]


def test_a_server_that_never_comes_is_given_up_with_one_line(
    stopped_server: Any, open_it: Open
) -> None:
    url = url_of(stopped_server)

    with listening() as log, pytest.raises(StorageUnavailableError) as caught:
        open_it(keys_of(url, startup_wait_seconds=1))

    assert len(log.lines) == 1
    assert str(caught.value) == (
        "database: cannot be reached within 1 s; check tracker_store in endpoints.yml "
        "and that the server runs"
    )


def test_commands_and_swapped_models_do_not_wait(
    stopped_server: Any, open_it: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    url = url_of(stopped_server)
    (tmp_path / "config.yml").write_text("pipeline: []\n", "utf-8")
    (tmp_path / "endpoints.yml").write_text(
        "tracker_store:\n"
        "  type: rasa_qa_plugin.QATrackerStore\n"
        f"  url: {url.render_as_string(hide_password=False)}\n"
        "  startup_wait_seconds: 600\n",
        "utf-8",
    )

    with listening() as log, pytest.raises(StorageUnavailableError):
        open_bot(Bot(tmp_path))
    stopped_server.ensure_postgres_running()
    open_it(keys_of(url)).engine.dispose()
    stopped_server.stop()
    with listening() as later, pytest.raises(StorageUnavailableError):
        open_it(keys_of(url, startup_wait_seconds=600))

    assert log.lines + later.lines == []


@pytest.fixture
def guarded(postgresql_server: URL, postgresql: URL) -> URL:
    """A database and a user whom the server lets in with the password only."""
    role, password = f"guarded_{next(_numbers)}", secrets.token_urlsafe()
    execute(postgresql_server, f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
    admin = sa.create_engine(postgresql_server, future=True)
    with admin.connect() as connection:
        rules = Path(connection.exec_driver_sql("SHOW hba_file").scalar_one())
        text = rules.read_text("utf-8")
        rules.write_text(f"local all {role} scram-sha-256\n{text}", "utf-8")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
        loaded = "SELECT count(*) FROM pg_hba_file_rules WHERE :role = ANY(user_name)"
        assert connection.execute(sa.text(loaded), {"role": role}).scalar() == 1
    admin.dispose()
    execute(
        postgresql_server, f'GRANT ALL ON DATABASE "{postgresql.database}" TO {role}'
    )
    execute(postgresql, f"GRANT ALL ON SCHEMA public TO {role}")
    return postgresql.set(username=role, password=password)


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "bad-9912"},
        {"database": "bad-9912"},
        {"username": "bad-9912"},
    ],
    ids=str,
)
@pytest.mark.parametrize("as_server", [False, True])
def test_who_is_refused_is_told_at_once(
    *, wrong: dict[str, str], as_server: bool, guarded: URL, open_it: Open
) -> None:
    open_it(keys_of(guarded))

    with listening() as log, pytest.raises(StorageError) as caught:
        open_it(keys_of(guarded.set(**wrong)), as_server=as_server)

    assert log.lines == []
    assert str(caught.value) == (
        "database: the server runs but refuses us; check username, password, db and "
        "query of tracker_store in endpoints.yml, or whether it has connections left"
    )


class Doorman(socketserver.ThreadingTCPServer):
    """Says what a PostgreSQL server in another language says to everybody."""

    daemon_threads = True
    sqlstate = b"28P01"


class Refusal(socketserver.BaseRequestHandler):
    server: Doorman

    def handle(self) -> None:
        length, code = struct.unpack("!ii", self.request.recv(8))
        while code in (80877103, 80877104):  # "will you encrypt?"
            self.request.sendall(b"N")
            length, code = struct.unpack("!ii", self.request.recv(8))
        self.request.recv(length - 8)
        text = "la autentificación falló".encode("latin-1")
        body = b"SFATAL\0VFATAL\0C%s\0M%s\0\0" % (self.server.sqlstate, text)
        self.request.sendall(b"E" + struct.pack("!i", len(body) + 4) + body)


@pytest.mark.parametrize(
    ("sqlstate", "error", "lines"),
    [
        (b"28P01", r"refuses us; check username", 0),
        (b"3D000", r"refuses us; check username", 0),
        (b"57P03", r"cannot be reached within 1 s", 1),  # it is still starting
    ],
)
def test_the_server_s_language_does_not_matter(
    sqlstate: bytes, error: str, lines: int, open_it: Open
) -> None:
    with Doorman(("127.0.0.1", 0), Refusal) as server:
        server.sqlstate = sqlstate
        threading.Thread(target=server.serve_forever, daemon=True).start()
        keys = Connection(
            dialect="postgresql",
            url=f"127.0.0.1:{server.server_address[1]}",
            username="bot",
            startup_wait_seconds=1,
        )
        with listening() as log, pytest.raises(StorageError, match=error):
            open_it(keys)
        server.shutdown()

    assert len(log.lines) == lines


def certificate(folder: Path, name: str) -> Path:
    """Make a self-signed certificate for 127.0.0.1, and its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(whose)
        .issuer_name(whose)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1))  # noqa: DTZ001 - UTC is meant
        .not_valid_after(datetime(2100, 1, 1))  # noqa: DTZ001
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.crt"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    secret = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    file.with_suffix(".key").write_bytes(key.private_bytes(*secret))
    return file


class Gate(socketserver.ThreadingTCPServer):
    """Stands before a PostgreSQL server that cannot encrypt, and does it for it."""

    daemon_threads = True
    tls: ssl.SSLContext | None = None
    behind = ""


class Passage(socketserver.BaseRequestHandler):
    """Carries one connection through the gate."""

    server: Gate

    def handle(self) -> None:
        outside = self.request
        first = outside.recv(8)
        while first == struct.pack("!ii", 8, 80877103):  # "will you encrypt?"
            outside.sendall(b"S" if self.server.tls else b"N")
            if self.server.tls:
                try:
                    outside = self.server.tls.wrap_socket(outside, server_side=True)
                except ssl.SSLError:
                    return
            first = outside.recv(8)
        with socket.socket(socket.AF_UNIX) as inside:
            inside.connect(self.server.behind)
            inside.sendall(first)
            back = threading.Thread(target=carry, args=(inside, outside), daemon=True)
            back.start()
            carry(outside, inside)
            back.join()


def carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def gate(postgresql_server: URL) -> Iterator[Gate]:
    with Gate(("127.0.0.1", 0), Passage) as server:
        server.behind = f"{postgresql_server.query['host']}/.s.PGSQL.5432"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_ssl_keys_count_and_are_not_waited_for_when_they_do_not_fit(
    gate: Gate, postgresql: URL, tmp_path: Path, open_it: Open
) -> None:
    right, other = (certificate(tmp_path, name) for name in ("right", "other"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(right, right.with_suffix(".key"))

    def connect(sslmode: str, root: Path | None = None) -> bool:
        query = {"sslmode": sslmode, **({"sslrootcert": str(root)} if root else {})}
        opened = open_it(
            Connection(
                dialect="postgresql",
                url=f"127.0.0.1:{gate.server_address[1]}",
                username="postgres",
                db=str(postgresql.database),
                query=query,
            )
        )
        raw: Any = opened.engine.raw_connection()
        encrypted: bool = raw.dbapi_connection.info.ssl_in_use
        raw.close()
        return encrypted

    misfit = r"tracker_store\.query: its ssl keys do not fit the server; check sslmode"
    with listening() as log:
        assert connect("disable") is False
        with pytest.raises(ConfigError, match=misfit):
            connect("require")
        gate.tls = tls
        assert connect("verify-full", right) is True
        for wrong in (other, tmp_path / "missing.crt"):
            with pytest.raises(ConfigError, match=misfit):
                connect("verify-full", wrong)
    assert log.lines == []


def test_a_driver_that_cannot_be_asked_is_waited_for(
    stopped_server: Any, open_it: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg2._psycopg  # type: ignore[import-untyped]

    monkeypatch.setattr(psycopg2._psycopg, "__file__", "/nowhere.so")

    with listening() as log, pytest.raises(StorageUnavailableError):
        open_it(keys_of(url_of(stopped_server), startup_wait_seconds=1))

    assert len(log.lines) == 1


# --- a running server ------------------------------------------------------------


def test_a_server_does_not_wait_for_ever_for_somebody_s_lock(
    postgresql: URL, open_it: Open, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_LOCK_SECONDS", 1)
    opened = open_it(keys_of(postgresql))
    say(opened, events)
    other = open_it(keys_of(postgresql), as_server=False)

    with transaction(other.engine) as connection:
        connection.execute(sa.text("SELECT 1 FROM qa_conversations FOR UPDATE"))
        with pytest.raises(StorageUnavailableError):
            say(opened, events)
    say(opened, events)

    assert ask(opened, "SELECT count(*) FROM events") == 2


def test_commands_wait_and_work_as_long_as_they_need(
    postgresql: URL, open_it: Open
) -> None:
    server = open_it(keys_of(postgresql))
    command = open_it(keys_of(postgresql), as_server=False)

    limits = ("lock_timeout", "statement_timeout")
    assert [ask(server, f"SHOW {name}") for name in limits] == ["15s", "0"]
    assert [ask(command, f"SHOW {name}") for name in limits] == ["0", "0"]


def test_an_exhausted_pool_is_an_error_within_seconds(
    postgresql: URL, open_it: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engines._POOL_SECONDS <= 5
    monkeypatch.setattr(engines, "_POOL_SECONDS", 0.1)
    monkeypatch.setenv("SQL_POOL_SIZE", "1")
    monkeypatch.setenv("SQL_MAX_OVERFLOW", "0")
    opened = open_it(keys_of(postgresql))

    with reading(opened.engine), pytest.raises(StorageUnavailableError):
        opened.recorder.senders()

    assert opened.recorder.senders() == []
