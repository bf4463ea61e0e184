"""What makes forgetting whole: copies in files, and marks that late writes meet."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "qa_copies",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("sender_id", sa.String(255)),
        sa.Column("turn_id", sa.String(32), nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("line", sa.String(64)),
        sa.Column("written_at", sa.Float(53), nullable=False),
    )
    op.create_index("ix_qa_copies_sender_id", "qa_copies", ["sender_id"])
    op.create_index("ix_qa_copies_turn_id", "qa_copies", ["turn_id"])
    op.create_table(
        "qa_erasures",
        sa.Column("mark", sa.String(64), primary_key=True),
        sa.Column("erased_at", sa.Float(53), nullable=False),
    )
    op.create_index("ix_qa_erasures_erased_at", "qa_erasures", ["erased_at"])
