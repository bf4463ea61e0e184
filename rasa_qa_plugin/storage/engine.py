"""Database URL → engine, and the only place that catches SQLAlchemy's errors."""

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.pool import QueuePool

from rasa_qa_plugin.errors import (
    ConfigError,
    StorageDamagedError,
    StorageError,
    StorageUnavailableError,
)
from rasa_qa_plugin.settings import ServerOptions

_DIALECTS = ("sqlite", "postgresql")
_DRIVERS = ("pysqlite", "psycopg2")
# Nobody waits longer than this for another writer, on either database.
_LOCK_SECONDS = 15
_POOL_SECONDS = 5.0
# A server that vanished without a word (network, power) is noticed within seconds, not
# within the quarter of an hour that TCP would take. Keys of `query` win over these.
_NETWORK = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
# read_only_sql_transaction: a standby, or a server that ran out of disk and was locked.
_READ_ONLY = "25006"
# Whatever is written: a table, a column or a right is missing, a page is damaged.
_DAMAGED = ("42", "3F", "XX")
_DAMAGED_SQLITE = ("no such table", "no such column", "no such view")
_FILE = "qa_file"
_WAL_ATTEMPTS = 100
_WAL_PAUSE_SECONDS = 0.05


def database_url(  # noqa: PLR0913 - these are Rasa's connection keys
    *,
    dialect: str = "sqlite",
    host: str | None = None,
    port: int | str | None = None,
    db: str = "rasa.db",
    username: str | None = None,
    password: str | None = None,
    query: Mapping[str, Any] | None = None,
) -> URL:
    """Build the URL that Rasa's own ``type: SQL`` would build from the same keys.

    A whole URL as *host* takes *query* too, which Rasa's store forgets.

    Raises:
        ConfigError: A key has a value that no URL can be made of, or the dialect is
            not one this package supports.
    """
    # Numbers are text to the driver: `connect_timeout: 10`.
    options = {
        key: str(value) if isinstance(value, int) else value
        for key, value in (query or {}).items()
    }
    if host and "://" in host:
        try:
            return _supported(make_url(host).update_query_dict(options))
        except exc.ArgumentError:
            problem = "not a database URL; write dialect://user:password@host/db"
            raise ConfigError("tracker_store.url", problem) from None
    if host:
        try:
            parsed = urlsplit(f"scheme://{host}")
            port = parsed.port or port
        except ValueError:
            raise ConfigError(
                "tracker_store.url", "its port is not a number; write host:5432"
            ) from None
        host = parsed.hostname or host
    try:
        number = int(port) if port is not None else None
    except (TypeError, ValueError):
        raise ConfigError("tracker_store.port", "not a number; write 5432") from None
    url = URL.create(
        dialect, username, password, host, number, database=db, query=options
    )
    return _supported(url)


def _supported(url: URL) -> URL:
    backend = url.drivername.partition("+")[0]
    if backend not in _DIALECTS:
        raise ConfigError(
            "tracker_store.dialect",
            f"not supported; choose from {', '.join(_DIALECTS)}",
        )
    return url


def open_engine(url: URL, server: ServerOptions | None = None) -> Engine:
    """Give an engine whose errors and logs hold no parameters; connects to nothing yet.

    Raises:
        ConfigError: The driver that the URL asks for is not installed or not one we
            work with.
    """
    server = server or ServerOptions()
    options: dict[str, Any] = {}
    if url.drivername.startswith("sqlite"):
        options.update(
            # SQLAlchemy would open the file anew for each transaction, and closing it
            # means a checkpoint: most of the time of a save.
            poolclass=QueuePool,
            # One writer thread and any number of readers share the file.
            connect_args={
                "check_same_thread": False,
                "timeout": float(_LOCK_SECONDS),
            },
        )
    else:
        options.update(
            pool_size=server.pool_size,
            max_overflow=server.max_overflow,
            pool_timeout=_POOL_SECONDS,
            pool_pre_ping=True,
            connect_args=server_arguments(url, server),
            # Otherwise each changed row of many is a round trip of its own.
            executemany_mode="values_plus_batch",
            # A column that somebody made JSON is text to us all the same.
            json_deserializer=str,
        )
    try:
        engine: Engine = sa.create_engine(
            url, future=True, hide_parameters=True, **options
        )
    except (ImportError, exc.NoSuchModuleError):
        # Rasa would take an ImportError for "no such store" and keep everything in
        # memory without a word.
        raise ConfigError(
            "tracker_store.dialect",
            f"the driver for {url.drivername} is not installed; use sqlite or "
            "postgresql, or pip install the driver",
        ) from None
    except (exc.ArgumentError, TypeError):
        raise ConfigError(
            "tracker_store",
            "its keys make no database URL; see `rasa-qa help tracker_store`",
        ) from None
    if engine.dialect.driver not in _DRIVERS:
        raise ConfigError(
            "tracker_store.dialect",
            "names a driver that is not supported; write sqlite or postgresql",
        )
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def server_arguments(url: URL, server: ServerOptions) -> dict[str, Any]:
    """Give what PostgreSQL's driver is told beyond the URL; what the URL says wins."""
    arguments: dict[str, Any] = {
        key: value for key, value in _NETWORK.items() if key not in url.query
    }
    if server.schema:
        # Quoted as SQL, then escaped as an option: the name means itself, as it is.
        quoted = '"' + server.schema.replace('"', '""') + '"'
        escaped = quoted.replace("\\", "\\\\").replace(" ", "\\ ")
        given = url.query.get("options", "")
        arguments["options"] = f"{given} -csearch_path={escaped}".strip()
    return arguments


def bound_lock_waits(engine: Engine) -> None:
    """Let no later write wait endlessly for another one's lock.

    For servers: an answer must not hang on somebody's forgotten transaction. It bounds
    waiting, not working: a limit on whole statements would cut the sweep of a large
    database for ever, and no limit of the server's helps against a frozen server.
    """
    if engine.dialect.name == "postgresql":
        sa.event.listen(engine, "begin", _limit_lock_wait)


def hold_to_file(engine: Engine) -> None:
    """Let no later work go to a SQLite file that its path does not name any more.

    For servers: a file that somebody deletes or replaces lives on without a name for
    whoever has it open, and would take all that nobody will ever find. Until there is a
    file again the database is away; a new and empty one is made by nobody.
    """
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "do_connect", _require_file)
        sa.event.listen(engine, "connect", _remember_file)
        sa.event.listen(engine, "checkout", _require_same_file)
        engine.dispose()  # what is open now was not remembered


class _FileGoneError(sqlite3.OperationalError):
    """Somebody deleted the file under a running server."""


def _file(path: str) -> tuple[int, int] | None:
    """Tell files apart, whatever they are called; None for one that holds nothing."""
    try:
        found = os.stat(path)  # noqa: PTH116 - with every transaction
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_size else None


def _require_file(
    _dialect: Any, _record: Any, arguments: Sequence[str], _options: Any
) -> None:
    if _file(arguments[0]) is None:
        raise _FileGoneError


def _remember_file(connection: Any, record: Any) -> None:
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    record.info[_FILE] = (path, _file(path))


def _require_same_file(_connection: Any, record: Any, _proxy: Any) -> None:
    path, file = record.info[_FILE]
    if _file(path) != file:
        raise exc.DisconnectionError  # the pool opens it anew


def _limit_lock_wait(connection: Connection) -> None:
    # Per transaction, not per connection: PgBouncer refuses settings at the start, and
    # hands on to strangers what is set later. Readers wait for nobody.
    if not connection.get_execution_options().get("qa_reading", False):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")


@contextmanager
def unhurried(engine: Engine) -> Iterator[None]:
    """Let commits return before the disk has them, for work that is done again if lost.

    A power cut may undo the last transactions, whole and in order. Any other commit,
    such as the first one after this block, puts all before it on the disk as well.
    """
    if engine.dialect.name == "sqlite":
        event, relax = "checkout", _sync_at_checkpoints
    else:
        event, relax = "begin", _do_not_await_disk
    sa.event.listen(engine, event, relax)
    try:
        yield
    finally:
        sa.event.remove(engine, event, relax)
        engine.dispose()  # SQLite's connections keep what they were told


def _sync_at_checkpoints(connection: Any, *_: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")


def _do_not_await_disk(connection: Connection) -> None:
    if not connection.get_execution_options().get("qa_reading", False):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not open transactions on its own: we say BEGIN (below).
    connection.isolation_level = None
    _use_write_ahead_log(connection)
    for pragma in ("synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _use_write_ahead_log(connection: Any) -> None:
    """Switch the file to WAL, which lets people read while the bot writes.

    The switch does not wait for a lock as other statements do: where several servers
    start at once on a new file, one does it and the others find it done.
    """
    for _ in range(_WAL_ATTEMPTS - 1):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            time.sleep(_WAL_PAUSE_SECONDS)
        else:
            return
    connection.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads and then writes would fail at once when another process
    # wrote in between; taking the write lock first makes it wait its turn.
    reading = connection.get_execution_options().get("qa_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose work is committed at the end, or not at all.

    Raises:
        StorageUnavailableError: The database cannot be reached or is locked.
        StorageDamagedError: It lacks a table or a right, or its file is damaged.
        StorageError: The database refused; the message names the error's class only.
    """
    with _translated(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection for reading; never waits for a writer on SQLite.

    SQLite shows one state throughout. PostgreSQL shows each statement the latest, as it
    does in a transaction too, so it is spared the round trips of beginning and ending.

    Raises:
        StorageUnavailableError: As for :func:`transaction`.
        StorageError: As for :func:`transaction`.
    """
    with (
        _translated(),
        engine.connect().execution_options(qa_reading=True) as connection,
        _without_transaction(connection),
    ):
        yield connection


@contextmanager
def _without_transaction(connection: Connection) -> Iterator[None]:
    if connection.dialect.name == "sqlite":
        yield
        return
    # The driver's own switch: SQLAlchemy's isolation level costs as many round trips.
    driver: Any = connection.connection.dbapi_connection
    driver.autocommit = True
    try:
        yield
    finally:
        if not driver.closed:
            driver.autocommit = False


@contextmanager
def _translated() -> Iterator[None]:
    """Turn SQLAlchemy's errors into ours; drivers quote values in their messages."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise _ours(error) from None


def _ours(error: exc.SQLAlchemyError) -> StorageError:
    cause = _cause(error)
    original = getattr(error, "orig", None)
    code = getattr(original, "pgcode", None) or ""
    if isinstance(original, _FileGoneError):
        return StorageUnavailableError(
            "database: its file was deleted; put it back, or restart the server to "
            "begin with an empty one"
        )
    if _is_damage(original, code):
        return StorageDamagedError(
            f"database: lacks a table or a right, or is damaged ({cause}); restore it "
            "from a backup, or grant the right"
        )
    if isinstance(error, (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)):
        return StorageUnavailableError(
            f"database: cannot be reached ({cause}); "
            "check tracker_store in endpoints.yml and that the server runs"
        )
    if code == _READ_ONLY:
        return StorageUnavailableError(
            "database: read-only at the moment; make it writable again"
        )
    return StorageError(
        f"database: refused the operation ({cause}); run `rasa-qa check`"
    )


def _is_damage(original: BaseException | None, code: str) -> bool:
    if isinstance(original, sqlite3.OperationalError):
        return str(original).startswith(_DAMAGED_SQLITE)
    # A file that is no database, or whose pages do not fit together.
    return type(original) is sqlite3.DatabaseError or code.startswith(_DAMAGED)


def _cause(error: exc.SQLAlchemyError) -> str:
    original = getattr(error, "orig", None)
    return type(original if original is not None else error).__name__
