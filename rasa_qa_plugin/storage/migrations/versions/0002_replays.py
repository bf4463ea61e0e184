"""What makes a save happen once: the last batch of a conversation, replayed batches."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("qa_conversations", sa.Column("last_batch", sa.String(32)))
    op.create_table(
        "qa_replays",
        sa.Column("batch_id", sa.String(32), primary_key=True),
        sa.Column("replayed_at", sa.Float(53), nullable=False),
    )
    op.create_index("ix_qa_replays_replayed_at", "qa_replays", ["replayed_at"])
