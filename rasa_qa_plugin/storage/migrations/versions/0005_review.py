"""What the review queue orders by, and how long people take to decide."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TURN_COLUMNS = (
    ("novelty", sa.Float(53)),
    ("language", sa.String(16)),
    ("duplicate_key", sa.String(32)),
    ("error_score", sa.Float(53)),
    ("reasons", sa.Text),
    ("priority", sa.Float(53)),
)


def upgrade() -> None:
    """Add the columns and their indexes; old turns wait for the next ranking."""
    for name, kind in _TURN_COLUMNS:
        op.add_column("qa_turns", sa.Column(name, kind))
    op.create_index("ix_qa_turns_duplicate_key", "qa_turns", ["duplicate_key"])
    op.create_index("ix_qa_turns_queue", "qa_turns", ["status", "priority"])
    op.add_column("qa_annotations", sa.Column("seconds", sa.Float(53)))
