"""Migrations make what `schema.py` says, once, and refuse what they do not know."""

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy.engine import URL, Engine

from rasa_qa_plugin.errors import SchemaMismatchError, StorageError
from rasa_qa_plugin.storage import annotations, batches, migrations
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


def at_revision(database_url: URL, revision: str) -> Engine:
    """Give a database as an earlier release left it."""
    engine = open_engine(database_url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return engine


def test_corrections_and_batches_of_before_have_no_names_and_their_counts(
    database_url: URL,
) -> None:
    engine = at_revision(database_url, "0006")
    with transaction(engine) as connection:
        for number, turns in enumerate(('["t_a", "t_b"]', "[]")):
            connection.execute(
                sa.text(
                    "INSERT INTO qa_batches (batch_id, format, file_name, sha256,"
                    " turns, created_at)"
                    " VALUES (:id, 'rasa_nlu', 'r.yml', '0', :turns, :id)"
                ),
                {"id": number, "turns": turns},
            )
        connection.execute(
            sa.text(
                "INSERT INTO qa_annotations (turn_id, text, intent, entities,"
                " content_hash, status, source, annotated_at)"
                " VALUES ('t_a', 'hola', 'greet', '[]', 'h', 'annotated', 'r.yml', 1)"
            )
        )

    migrations.upgrade(engine)

    with reading(engine) as connection:
        found = batches.listed(connection)
        (kept,) = annotations.waiting(connection)
    assert [(one.batch_id, one.items, one.people) for one in found] == [
        ("1", 0, []),
        ("0", 2, []),
    ]
    assert (kept.text, kept.annotator, kept.approver) == ("hola", "", None)
    engine.dispose()
