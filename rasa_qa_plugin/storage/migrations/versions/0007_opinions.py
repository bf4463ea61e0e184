"""Who annotated and approved what, and how and to whom batches went out."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ANNOTATIONS = (
    sa.Column("annotator", sa.String(255), nullable=False, server_default=""),
    sa.Column("approver", sa.String(255)),
    sa.Column("decided_at", sa.Float(53)),
)
_BATCHES = (
    sa.Column("file", sa.Text),
    sa.Column("items", sa.Integer, nullable=False, server_default="0"),
    sa.Column("filters", sa.Text, nullable=False, server_default="{}"),
    sa.Column("people", sa.Text, nullable=False, server_default="[]"),
    sa.Column("withdrawn_at", sa.Float(53)),
)


def upgrade() -> None:
    """Add the columns; of old batches, count what they still list."""
    for column in _ANNOTATIONS:
        op.add_column("qa_annotations", column)
    op.drop_index("uq_qa_annotations_content", "qa_annotations")
    op.create_index(
        "uq_qa_annotations_opinion",
        "qa_annotations",
        ["turn_id", "annotator", "content_hash"],
        unique=True,
    )
    for column in _BATCHES:
        op.add_column("qa_batches", column)
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT batch_id, turns FROM qa_batches"))
    for batch_id, turns in rows.fetchall():
        connection.execute(
            sa.text("UPDATE qa_batches SET items = :items WHERE batch_id = :batch_id"),
            {"items": len(json.loads(turns)), "batch_id": batch_id},
        )
