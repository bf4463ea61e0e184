"""Migrations make what `schema.py` says, once, and refuse what they do not know."""

import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import URL

from rasa_qa_plugin.errors import SchemaMismatchError, StorageError
from rasa_qa_plugin.storage import migrations
from rasa_qa_plugin.storage.engine import open_engine, reading, transaction
from rasa_qa_plugin.storage.schema import metadata


def test_the_migrations_make_exactly_the_schema(database_url: URL) -> None:
    engine = open_engine(database_url)
    migrations.upgrade(engine)

    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)

    # Alembic's own table of versions is not ours to describe.
    assert [(kind, table.name) for kind, table in differences] == [
        ("remove_table", migrations.VERSION_TABLE)
    ]
    assert migrations.revision(engine) == migrations.HEAD
    engine.dispose()


def test_servers_that_start_at_once_upgrade_once(database_url: URL) -> None:
    failures: list[StorageError] = []

    def start() -> None:
        engine = open_engine(database_url)
        try:
            migrations.upgrade(engine)
        except StorageError as error:
            failures.append(error)
        engine.dispose()

    servers = [threading.Thread(target=start) for _ in range(4)]
    for server in servers:
        server.start()
    for server in servers:
        server.join()

    assert failures == []


def test_a_database_of_a_later_release_is_refused(database_url: URL) -> None:
    engine = open_engine(database_url)
    migrations.upgrade(engine)
    with transaction(engine) as connection:
        connection.execute(sa.text("UPDATE qa_schema_version SET version_num = '9999'"))

    with pytest.raises(SchemaMismatchError, match=r"9999.*upgrade rasa_qa_plugin"):
        migrations.upgrade(engine)
    engine.dispose()
