"""Schema upgrades: Alembic, run by the store itself at start-up."""

import threading
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin.errors import SchemaMismatchError
from rasa_qa_plugin.storage.engine import reading, transaction

HEAD = "0008"
VERSION_TABLE = "qa_schema_version"
# Any number will do, as long as it is ours: two servers starting at once take turns.
_ADVISORY_LOCK = 7_223_114_901
# Alembic keeps its context in module globals, so threads take turns as well.
_one_at_a_time = threading.Lock()


def upgrade(engine: Engine) -> None:
    """Bring the database to this release's schema; safe to run from several servers.

    A database of Rasa's own SQL tracker store keeps its rows: the columns that are
    missing in `events` are added.

    Raises:
        SchemaMismatchError: The database was upgraded by a later release.
        StorageError: The database cannot be reached or refuses the upgrade.
    """
    found = revision(engine)
    if found == HEAD:
        return
    from alembic import command  # 0.2 s, needed once in a database's life
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    known = {
        script.revision
        for script in ScriptDirectory.from_config(config).walk_revisions()
    }
    if found is not None and found not in known:
        raise SchemaMismatchError(found=found, supported=HEAD)
    with _one_at_a_time, transaction(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(
                sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK}
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def revision(engine: Engine) -> str | None:
    """Give the schema revision of the database, or None before the first upgrade."""
    with reading(engine) as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(
        sa.text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - our constant
    ).scalar_one_or_none()
    return found
