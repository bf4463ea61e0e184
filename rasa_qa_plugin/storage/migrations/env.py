"""Alembic's entry point; the connection comes from `migrations.upgrade`."""

from alembic import context

from rasa_qa_plugin.storage.migrations import VERSION_TABLE
from rasa_qa_plugin.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
