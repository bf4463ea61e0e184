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
_INDEXES = (
    ("ix_qa_turns_queue", "qa_turns", ["status", "priority"]),
    ("ix_qa_turns_alike", "qa_turns", ["duplicate_key", "status", "recorded_at"]),
    (
        "ix_qa_turns_priority",
        "qa_turns",
        ["priority", "recorded_at", "confidence", "language", "channel"],
    ),
    ("ix_qa_turns_intent", "qa_turns", ["intent", "priority"]),
    ("ix_qa_turns_confidence", "qa_turns", ["confidence"]),
    ("ix_qa_flags_flag", "qa_flags", ["flag", "turn_id"]),
)


def upgrade() -> None:
    """Add the columns and their indexes; old turns wait for the next ranking."""
    for name, kind in _TURN_COLUMNS:
        op.add_column("qa_turns", sa.Column(name, kind))
    op.drop_index("ix_qa_turns_status", "qa_turns")  # the queue's begins with it
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)
    op.add_column("qa_annotations", sa.Column("seconds", sa.Float(53)))
