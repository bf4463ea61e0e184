"""First schema: our tables, and `events` made or completed."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.Float(53)


def upgrade() -> None:
    """Create what is missing; an `events` table of Rasa's own store keeps its rows."""
    _events()
    _people()
    _review()
    _history()


def _events() -> None:
    inspector = sa.inspect(op.get_bind())
    if inspector.has_table("events"):
        present = {column["name"] for column in inspector.get_columns("events")}
        for column in (
            sa.Column("seq", sa.BigInteger),
            sa.Column("session", sa.Integer),
        ):
            if column.name not in present:
                op.add_column("events", column)
        indexes = {index["name"] for index in inspector.get_indexes("events")}
    else:
        op.create_table(
            "events",
            sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
            sa.Column("sender_id", sa.String(255), nullable=False),
            sa.Column("type_name", sa.String(255), nullable=False),
            sa.Column("timestamp", _TIME),
            sa.Column("intent_name", sa.String(255)),
            sa.Column("action_name", sa.String(255)),
            sa.Column("data", sa.Text),
            sa.Column("seq", sa.BigInteger),
            sa.Column("session", sa.Integer),
        )
        indexes = set()
    if "ix_events_sender_id" not in indexes:
        op.create_index("ix_events_sender_id", "events", ["sender_id"])
    op.create_index("ix_events_sender_id_id", "events", ["sender_id", "id"])
    op.create_index(
        "uq_events_sender_id_seq", "events", ["sender_id", "seq"], unique=True
    )


def _people() -> None:
    op.create_table(
        "qa_conversations",
        sa.Column("sender_id", sa.String(255), primary_key=True),
        sa.Column("event_count", sa.BigInteger, nullable=False),
        sa.Column("session", sa.Integer, nullable=False),
        sa.Column("session_start_seq", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("channel", sa.String(255)),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("last_event_at", _TIME, nullable=False),
        sa.Column("token_map", sa.LargeBinary),
    )
    op.create_index(
        "ix_qa_conversations_last_event_at", "qa_conversations", ["last_event_at"]
    )
    op.create_table(
        "qa_originals",
        sa.Column("sender_id", sa.String(255), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
    )
    op.create_index("ix_qa_originals_expires_at", "qa_originals", ["expires_at"])
    op.create_table(
        "qa_consents",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("sender_id", sa.String(255), nullable=False),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("policy_version", sa.String(64), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
    )
    op.create_index(
        "ix_qa_consents_sender_id", "qa_consents", ["sender_id", "purpose", "id"]
    )


def _review() -> None:
    op.create_table(
        "qa_turns",
        sa.Column("turn_id", sa.String(32), primary_key=True),
        sa.Column("sender_id", sa.String(255), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("message_ref", sa.String(32)),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.Column("channel", sa.String(255)),
        sa.Column("model_id", sa.String(64)),
        sa.Column("text", sa.Text),
        sa.Column("entities", sa.Text),
        sa.Column("answer", sa.Text),
        sa.Column("intent", sa.String(255)),
        sa.Column("confidence", _TIME),
        sa.Column("second_intent", sa.String(255)),
        sa.Column("margin", _TIME),
        sa.Column("entropy", _TIME),
        sa.Column("status", sa.String(16), nullable=False),
    )
    op.create_index("ix_qa_turns_recorded_at", "qa_turns", ["recorded_at"])
    op.create_index("ix_qa_turns_status", "qa_turns", ["status"])
    op.create_index(
        "uq_qa_turns_sender_id_seq", "qa_turns", ["sender_id", "seq"], unique=True
    )
    op.create_index("ix_qa_turns_message_ref", "qa_turns", ["sender_id", "message_ref"])
    op.create_table(
        "qa_flags",
        sa.Column("turn_id", sa.String(32), primary_key=True),
        sa.Column("flag", sa.String(32), primary_key=True),
        sa.Column("flagged_at", _TIME, nullable=False),
    )
    op.create_table(
        "qa_feedback",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("sender_id", sa.String(255), nullable=False),
        sa.Column("message_ref", sa.String(32), nullable=False),
        sa.Column("turn_id", sa.String(32)),
        sa.Column("rating", sa.SmallInteger, nullable=False),
        sa.Column("comment", sa.Text),
        sa.Column("given_at", _TIME, nullable=False),
    )
    op.create_index("ix_qa_feedback_turn_id", "qa_feedback", ["turn_id"])
    op.create_index(
        "uq_qa_feedback_message",
        "qa_feedback",
        ["sender_id", "message_ref"],
        unique=True,
    )
    op.create_table(
        "qa_annotations",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("turn_id", sa.String(32), nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("intent", sa.String(255), nullable=False),
        sa.Column("entities", sa.Text),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("annotated_at", _TIME, nullable=False),
    )
    op.create_index("ix_qa_annotations_turn_id", "qa_annotations", ["turn_id"])
    op.create_index("ix_qa_annotations_status", "qa_annotations", ["status"])
    op.create_index(
        "uq_qa_annotations_content",
        "qa_annotations",
        ["turn_id", "content_hash"],
        unique=True,
    )


def _history() -> None:
    op.create_table(
        "qa_batches",
        sa.Column("batch_id", sa.String(32), primary_key=True),
        sa.Column("format", sa.String(32), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("turns", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_table(
        "qa_training_runs",
        sa.Column("run_id", sa.String(32), primary_key=True),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("promoted", sa.Boolean, nullable=False),
        sa.Column("current_model", sa.String(255)),
        sa.Column("candidate_model", sa.String(255)),
        sa.Column("report", sa.Text, nullable=False),
    )
    op.create_table(
        "qa_activity",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("happened_at", _TIME, nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
