"""From `tracker_store` in endpoints.yml to an open database, for server and CLI."""

import logging
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy.engine import Engine
from sqlalchemy.engine.url import URL

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.privacy.vault import Vault, open_vault
from rasa_qa_plugin.settings import (
    SECRET_VARIABLE,
    Connection,
    ServerOptions,
    Settings,
    load_settings,
)
from rasa_qa_plugin.storage.conversations import senders
from rasa_qa_plugin.storage.engine import (
    bound_lock_waits,
    database_url,
    hold_to_file,
    open_engine,
    reading,
)
from rasa_qa_plugin.storage.migrations import revision, upgrade
from rasa_qa_plugin.storage.startup import (
    create_database,
    is_made,
    reach,
    require_schema,
)

if TYPE_CHECKING:
    from rasa_qa_plugin.privacy.engine import PrivacyEngine
    from rasa_qa_plugin.privacy.events import EventMasker
    from rasa_qa_plugin.recording import Recorder

logger = logging.getLogger(__name__)


class Opened(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything that works on one database.

    The detectors, and what needs them, are loaded when first asked for: Presidio takes
    seconds, and most commands mask nothing.
    """

    engine: Engine
    settings: Settings
    vault: Vault
    is_sqlite: bool

    @cached_property
    def privacy(self) -> "PrivacyEngine":
        """What finds personal data.

        Raises:
            ConfigError: As for :class:`PrivacyEngine`.
        """
        from rasa_qa_plugin.privacy.engine import PrivacyEngine

        return PrivacyEngine(self.settings.privacy)

    @cached_property
    def masker(self) -> "EventMasker":
        """What masks events."""
        from rasa_qa_plugin.privacy.events import EventMasker

        return EventMasker(self.privacy, self.settings.privacy)

    @cached_property
    def recorder(self) -> "Recorder":
        """What writes and reads conversations."""
        from rasa_qa_plugin.recording import Recorder

        return Recorder(self.engine, self.vault, self.masker, self.settings)


def open_bot(bot: Bot) -> Opened:
    """Open the database of a bot folder; as :func:`open_recorder`."""
    return open_recorder(
        bot.connection(), folder=bot.folder, secret=os.environ.get(SECRET_VARIABLE)
    )


def open_recorder(
    connection: Connection,
    *,
    folder: Path,
    secret: str | None,
    as_server: bool = False,
) -> Opened:
    """Open the database that endpoints.yml names, upgrading its schema if needed.

    Args:
        connection: The keys of `tracker_store`.
        folder: The bot folder; relative paths start there.
        secret: Value of `RASA_QA_SECRET`, if set.
        as_server: Wait for a database that starts at the same time, and let no answer
            hang on somebody else's lock or go into a file that was deleted.

    Raises:
        ConfigError: Settings, driver or secret are missing or wrong.
        StorageError: The database cannot be reached or used.
    """
    settings = load_settings(
        folder / connection.settings if connection.settings else None
    )
    url, key_file = _place(connection, folder)
    is_sqlite = key_file is not None
    if not secret and key_file is not None and not os.path.exists(key_file):  # noqa: PTH110 - never raises
        _refuse_to_lose_people(url, key_file)
        logger.warning(
            "rasa_qa_plugin: made the key file %s beside the database; keep a copy, "
            "or set RASA_QA_SECRET",
            key_file.name,
        )
    server = None if is_sqlite else ServerOptions.from_environment(os.environ)
    opened = open_database(
        url,
        settings,
        secret=secret,
        key_file=key_file,
        server=server,
        login_db=connection.login_db,
        wait_seconds=connection.startup_wait_seconds if as_server else 0.0,
    )
    if as_server:
        bound_lock_waits(opened.engine)
        hold_to_file(opened.engine)
    return opened


def look(connection: Connection, *, folder: Path, secret: str | None) -> Engine | None:
    """Give the database as it is, making and upgrading nothing; None before it is made.

    Raises:
        ConfigError: As for :func:`open_recorder`.
        StorageError: As for :func:`open_recorder`.
    """
    url, key_file = _place(connection, folder)
    if key_file is not None:
        if secret or os.path.exists(key_file):  # noqa: PTH110 - as above
            open_vault(secret=secret, key_file=key_file)
        else:
            _refuse_to_lose_people(url, key_file)
        return open_engine(url) if os.path.exists(url.database or "") else None  # noqa: PTH110
    open_vault(secret=secret, key_file=None)
    server = ServerOptions.from_environment(os.environ)
    if connection.login_db is not None and not is_made(
        url, connection.login_db, server
    ):
        return None
    engine = open_engine(url, server)
    reach(engine, wait_seconds=0.0)
    if server.schema:
        require_schema(engine)
    return engine


def _place(connection: Connection, folder: Path) -> tuple[URL, Path | None]:
    """Give where the database is, and the key file of one that has a place for it."""
    url = connection_url(connection)
    if not url.drivername.startswith("sqlite"):
        return url, None
    if connection.login_db is not None:
        raise ConfigError(
            "endpoints.yml: tracker_store.login_db",
            "can only be used with PostgreSQL; remove it",
        )
    if not url.database or url.database == ":memory:":
        raise ConfigError(
            "endpoints.yml: tracker_store.db",
            "an in-memory database cannot be shared; name a file",
        )
    path = folder / url.database
    if not path.parent.is_dir():
        raise ConfigError(
            "endpoints.yml: tracker_store.db",
            "its folder does not exist; make the folder first",
        )
    return url.set(database=str(path)), path.with_name(f"{path.name}.key")


def connection_url(connection: Connection) -> URL:
    """Give the URL of a database as the keys name it, relative paths and all.

    Raises:
        ConfigError: The keys make no URL.
    """
    return database_url(
        dialect=connection.dialect,
        host=connection.url,
        port=connection.port,
        db=connection.db,
        username=connection.username,
        password=connection.password,
        query=connection.query,
    )


def _refuse_to_lose_people(url: URL, key_file: Path) -> None:
    """Stop before a new key is made for conversations that only the old one finds."""
    if not url.database or not Path(url.database).exists():
        return
    engine = open_engine(url)
    try:
        if revision(engine) is None:
            return
        with reading(engine) as connection:
            known = senders(connection)
    finally:
        engine.dispose()
    if known:
        raise ConfigError(
            key_file.name,
            "missing, though the database holds conversations that only it can find; "
            f"put it back, or set {SECRET_VARIABLE}",
        )


def open_database(  # noqa: PLR0913 - what a database may need before it is usable
    url: URL,
    settings: Settings,
    *,
    secret: str | None,
    key_file: Path | None = None,
    server: ServerOptions | None = None,
    login_db: str | None = None,
    wait_seconds: float = 0.0,
) -> Opened:
    """Open a database by its URL, upgrading its schema if needed.

    Args:
        url: The database.
        settings: The whole of `qa.yml`.
        secret: Value of `RASA_QA_SECRET`, if set.
        key_file: Where the secret is kept instead, beside a SQLite file.
        server: Pool and schema, for PostgreSQL.
        login_db: Database from which a missing one is created.
        wait_seconds: How long a database may take to answer.

    Raises:
        ConfigError: Driver or secret are missing or wrong.
        StorageError: The database cannot be reached or used.
    """
    vault = open_vault(secret=secret, key_file=key_file)
    server = server or ServerOptions()
    engine = open_engine(url, server)
    if engine.dialect.name == "postgresql":
        if login_db is not None:
            create_database(url, login_db, server, wait_seconds=wait_seconds)
        reach(engine, wait_seconds=wait_seconds)
        if server.schema:
            require_schema(engine)
    upgrade(engine)
    return Opened(
        engine=engine,
        settings=settings,
        vault=vault,
        is_sqlite=engine.dialect.name == "sqlite",
    )
