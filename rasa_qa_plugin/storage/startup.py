"""The way to a PostgreSQL database that may not be up, or not be there, yet."""

import ctypes
import importlib
import logging
import re
import time
from enum import IntEnum

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Engine
from sqlalchemy.engine.url import URL

from rasa_qa_plugin.errors import ConfigError, StorageError, StorageUnavailableError
from rasa_qa_plugin.settings import ServerOptions
from rasa_qa_plugin.storage.engine import open_engine, reading, server_arguments

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
# libpq's own words, in whose place no server says anything: time will not help.
_BAD_ENCRYPTION = re.compile(
    "does not support SSL|certificate verify failed|server certificate for"
    "|root certificate|certificate file|private key file"
)
# A swapped model opens the database again in the middle of conversations: a process
# waits for a database only until it has had it once.
_reached: set[URL] = set()


class _Answer(IntEnum):
    """What libpq's PQping says."""

    READY = 0
    STARTING = 1
    SILENT = 2
    NOT_ASKED = 3


def reach(engine: Engine, *, wait_seconds: float) -> None:
    """Return once the database can be used, waiting for a server that starts.

    A server that answers and refuses us is not waited for.

    Raises:
        ConfigError: The driver does not accept what `query` holds.
        StorageUnavailableError: No server answered in time.
        StorageError: The server refuses us: user, password, database, or no
            connection left.
    """
    if engine.url in _reached:
        wait_seconds = 0.0
    deadline = time.monotonic() + wait_seconds
    waiting = False
    refused = False
    while not _connects(engine):
        answer = _ask(engine)
        if answer is _Answer.NOT_ASKED:
            raise _bad_query()
        if answer is _Answer.READY:
            if refused:
                raise StorageError(
                    "database: the server runs but refuses us; check username, "
                    "password, db and query of tracker_store in endpoints.yml, or "
                    "whether it has connections left"
                )
            # It may have come up between the two questions: one more try tells.
            refused = True
            continue
        refused = False
        if time.monotonic() >= deadline:
            waited = f" within {wait_seconds:g} s" if wait_seconds else ""
            raise StorageUnavailableError(
                f"database: cannot be reached{waited}; check tracker_store in "
                "endpoints.yml and that the server runs"
            )
        if not waiting:
            waiting = True
            logger.warning(
                "rasa_qa_plugin: the database does not answer yet; waiting up to %g s",
                wait_seconds,
            )
        time.sleep(_RETRY_SECONDS)
    _reached.add(engine.url)


def _connects(engine: Engine) -> bool:
    try:
        engine.connect().close()
    except exc.OperationalError as error:
        if _BAD_ENCRYPTION.search(str(error.orig)):
            raise ConfigError(
                "endpoints.yml: tracker_store.query",
                "its ssl keys do not fit the server; check sslmode and sslrootcert",
            ) from None
        return False
    except exc.ProgrammingError:
        raise _bad_query() from None
    except exc.SQLAlchemyError:
        return False
    return True


def _bad_query() -> ConfigError:
    return ConfigError(
        "endpoints.yml: tracker_store.query",
        "holds a key or value that the driver does not know; see libpq's "
        "connection parameters",
    )


def _ask(engine: Engine) -> _Answer:
    """Ask whether a server is there, whatever it thinks of our password.

    Errors of a failed connection carry no SQLSTATE in psycopg2, and their text is in
    the server's language; libpq itself reads the SQLSTATE, and this is its question.
    """
    keys = dict(engine.dialect.create_connect_args(engine.url)[1])
    keys.update(server_arguments(engine.url, ServerOptions()))
    keys.pop("password", None)
    library = importlib.import_module("psycopg2._psycopg").__file__
    make_dsn = importlib.import_module("psycopg2.extensions").make_dsn
    try:
        ping = ctypes.CDLL(library).PQping
    except (OSError, AttributeError):
        return _Answer.SILENT  # a driver built without it: then we wait in any case
    ping.argtypes = [ctypes.c_char_p]
    return _Answer(ping(make_dsn(**keys).encode()))


def create_database(
    url: URL, login_db: str, server: ServerOptions, *, wait_seconds: float
) -> None:
    """Create the database that *url* names, from *login_db*, unless it is there.

    Raises:
        ConfigError: It is missing and this user may not create it.
        StorageError: As for :func:`reach`.
    """
    # The schema belongs to the database that is still to be made.
    server = ServerOptions(pool_size=server.pool_size, max_overflow=server.max_overflow)
    engine = open_engine(url.set(database=login_db), server)
    try:
        reach(engine, wait_seconds=wait_seconds)
        if _has_database(engine, url):
            return
        name = engine.dialect.identifier_preparer.quote_identifier(url.database)
        try:
            with engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
        except exc.SQLAlchemyError:
            # Another server that started with us may have been quicker.
            if not _has_database(engine, url):
                raise ConfigError(
                    "endpoints.yml: tracker_store.db",
                    "does not exist and could not be created from login_db; create "
                    "it, or allow it: ALTER ROLE ... CREATEDB",
                ) from None
    finally:
        engine.dispose()


def is_made(url: URL, login_db: str, server: ServerOptions) -> bool:
    """Tell whether the database that *url* names is there, asking *login_db*.

    Raises:
        StorageError: As for :func:`reach`.
    """
    server = ServerOptions(pool_size=server.pool_size, max_overflow=server.max_overflow)
    engine = open_engine(url.set(database=login_db), server)
    try:
        reach(engine, wait_seconds=0.0)
        return _has_database(engine, url)
    finally:
        engine.dispose()


def _has_database(engine: Engine, url: URL) -> bool:
    with reading(engine) as connection:
        found = connection.execute(
            sa.text("SELECT 1 FROM pg_catalog.pg_database WHERE datname = :name"),
            {"name": url.database},
        ).first()
    return found is not None


def require_schema(engine: Engine) -> None:
    """Return if the schema that the search path names can be used.

    Raises:
        ConfigError: It is missing, or this user may not use it.
    """
    with reading(engine) as connection:
        current = connection.execute(sa.text("SELECT current_schema()")).scalar()
    if current is None:
        raise ConfigError(
            "POSTGRESQL_SCHEMA",
            "no such schema in the database, or not one that this user may use; run "
            'CREATE SCHEMA "$POSTGRESQL_SCHEMA"; there, or unset the variable',
        )
