"""What the model that is live now makes of the turns that wait for a reader."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COLUMNS = (
    sa.Column("live_intent", sa.String(255)),
    sa.Column("live_confidence", sa.Float(53)),
    sa.Column("live_margin", sa.Float(53)),
)


def upgrade() -> None:
    """Add the columns; they stay empty until a model is promoted."""
    for column in _COLUMNS:
        op.add_column("qa_turns", column)
