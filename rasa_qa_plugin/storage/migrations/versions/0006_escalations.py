"""Tickets: who waits for a person, why, and whether the team was told."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLE = "qa_escalations"
# A moment in seconds since the epoch as its day in UTC.
_DAY = {
    "sqlite": "date(created_at, 'unixepoch')",
    "postgresql": "CAST(to_timestamp(created_at) AT TIME ZONE 'UTC' AS date)",
}
_VIEW = """
    CREATE VIEW qa_daily_tickets AS
    SELECT {day} AS day,
        COUNT(*) AS tickets,
        SUM(CASE WHEN status = 'closed' THEN 1 ELSE 0 END) AS closed,
        AVG(CASE WHEN status = 'closed' THEN (updated_at - created_at) / 3600.0 END)
            AS mean_hours
    FROM qa_escalations
    GROUP BY {day}"""


def upgrade() -> None:
    """Add the table and its view."""
    op.create_table(
        _TABLE,
        sa.Column("ticket_id", sa.String(32), primary_key=True),
        sa.Column("sender_id", sa.String(255), nullable=False),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("updated_at", sa.Float(53), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("priority", sa.String(16), nullable=False),
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("assignee", sa.String(255)),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("history", sa.Text),
        sa.Column("notify_at", sa.Float(53)),
        sa.Column("notified_at", sa.Float(53)),
        sa.Column("attempts", sa.Integer, nullable=False),
    )
    for columns in (["sender_id"], ["created_at"], ["notify_at"]):
        op.create_index(f"ix_{_TABLE}_{columns[0]}", _TABLE, columns)
    op.create_index(f"ix_{_TABLE}_status", _TABLE, ["status", "created_at"])
    op.execute(_VIEW.format(day=_DAY[op.get_bind().dialect.name]))
