"""The tables. `events` keeps the names and columns of Rasa's own SQL tracker store.

Changing anything here needs a new migration in `storage/migrations/versions`.
Times are seconds since the epoch as doubles, like Rasa's event timestamps.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

metadata = sa.MetaData()

BigId = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
Time = sa.Float(53).with_variant(postgresql.DOUBLE_PRECISION(), "postgresql")

# `sender_id` is always the pseudonym of storage rows, never what the channel sent.
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("sender_id", sa.String(255), nullable=False, index=True),
    sa.Column("type_name", sa.String(255), nullable=False),
    sa.Column("timestamp", Time),
    sa.Column("intent_name", sa.String(255)),
    sa.Column("action_name", sa.String(255)),
    sa.Column("data", sa.Text),
    sa.Column("seq", sa.BigInteger),
    sa.Column("session", sa.Integer),
    sa.Index("ix_events_sender_id_id", "sender_id", "id"),
    sa.Index("uq_events_sender_id_seq", "sender_id", "seq", unique=True),
)

conversations = sa.Table(
    "qa_conversations",
    metadata,
    sa.Column("sender_id", sa.String(255), primary_key=True),
    sa.Column("event_count", sa.BigInteger, nullable=False),
    sa.Column("session", sa.Integer, nullable=False),
    sa.Column("session_start_seq", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("channel", sa.String(255)),
    sa.Column("started_at", Time, nullable=False),
    sa.Column("last_event_at", Time, nullable=False, index=True),
    sa.Column("token_map", sa.LargeBinary),
    sa.Column("last_batch", sa.String(32)),
)

originals = sa.Table(
    "qa_originals",
    metadata,
    sa.Column("sender_id", sa.String(255), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", Time, nullable=False, index=True),
)

consents = sa.Table(
    "qa_consents",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("sender_id", sa.String(255), nullable=False),
    sa.Column("purpose", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("policy_version", sa.String(64), nullable=False),
    sa.Column("source", sa.String(32), nullable=False),
    sa.Column("recorded_at", Time, nullable=False),
    sa.Index("ix_qa_consents_sender_id", "sender_id", "purpose", "id"),
)

turns = sa.Table(
    "qa_turns",
    metadata,
    sa.Column("turn_id", sa.String(32), primary_key=True),
    sa.Column("sender_id", sa.String(255), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("message_ref", sa.String(32)),
    sa.Column("recorded_at", Time, nullable=False, index=True),
    sa.Column("channel", sa.String(255)),
    sa.Column("model_id", sa.String(64)),
    sa.Column("text", sa.Text),
    sa.Column("entities", sa.Text),
    sa.Column("answer", sa.Text),
    sa.Column("intent", sa.String(255)),
    sa.Column("confidence", Time),
    sa.Column("second_intent", sa.String(255)),
    sa.Column("margin", Time),
    sa.Column("entropy", Time),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("novelty", Time),
    sa.Column("language", sa.String(16)),
    sa.Column("duplicate_key", sa.String(32)),
    sa.Column("error_score", Time),
    sa.Column("reasons", sa.Text),
    sa.Column("priority", Time),
    sa.Column("live_intent", sa.String(255)),
    sa.Column("live_confidence", Time),
    sa.Column("live_margin", Time),
    sa.Index("uq_qa_turns_sender_id_seq", "sender_id", "seq", unique=True),
    sa.Index("ix_qa_turns_message_ref", "sender_id", "message_ref"),
    sa.Index("ix_qa_turns_queue", "status", "priority"),
    sa.Index("ix_qa_turns_alike", "duplicate_key", "status", "recorded_at"),
    # Behind the first: what a search leaves out without a look at the row.
    sa.Index(
        "ix_qa_turns_priority",
        *("priority", "recorded_at", "confidence", "language", "channel"),
    ),
    sa.Index("ix_qa_turns_intent", "intent", "priority"),
    sa.Index("ix_qa_turns_confidence", "confidence"),
)

flags = sa.Table(
    "qa_flags",
    metadata,
    sa.Column("turn_id", sa.String(32), primary_key=True),
    sa.Column("flag", sa.String(32), primary_key=True),
    sa.Column("flagged_at", Time, nullable=False),
    sa.Index("ix_qa_flags_flag", "flag", "turn_id"),
)

feedback = sa.Table(
    "qa_feedback",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("sender_id", sa.String(255), nullable=False),
    sa.Column("message_ref", sa.String(32), nullable=False),
    sa.Column("turn_id", sa.String(32), index=True),
    sa.Column("rating", sa.SmallInteger, nullable=False),
    sa.Column("comment", sa.Text),
    sa.Column("given_at", Time, nullable=False),
    sa.Index("uq_qa_feedback_message", "sender_id", "message_ref", unique=True),
)

annotations = sa.Table(
    "qa_annotations",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("turn_id", sa.String(32), nullable=False, index=True),
    sa.Column("text", sa.Text),
    sa.Column("intent", sa.String(255), nullable=False),
    sa.Column("entities", sa.Text),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("source", sa.String(255), nullable=False),
    sa.Column("annotated_at", Time, nullable=False),
    sa.Column("seconds", Time),
    # Names of staff, not of users: empty where nobody said who it was.
    sa.Column("annotator", sa.String(255), nullable=False, server_default=""),
    sa.Column("approver", sa.String(255)),
    sa.Column("decided_at", Time),
    sa.Index(
        "uq_qa_annotations_opinion",
        *("turn_id", "annotator", "content_hash"),
        unique=True,
    ),
)

batches = sa.Table(
    "qa_batches",
    metadata,
    sa.Column("batch_id", sa.String(32), primary_key=True),
    sa.Column("format", sa.String(32), nullable=False),
    sa.Column("file_name", sa.String(255), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("turns", sa.Text, nullable=False),
    sa.Column("created_at", Time, nullable=False),
    # As it lies on disk; NULL for batches from before it was kept.
    sa.Column("file", sa.Text),
    sa.Column("items", sa.Integer, nullable=False, server_default="0"),
    sa.Column("filters", sa.Text, nullable=False, server_default="{}"),
    sa.Column("people", sa.Text, nullable=False, server_default="[]"),
    sa.Column("withdrawn_at", Time),
)

training_runs = sa.Table(
    "qa_training_runs",
    metadata,
    sa.Column("run_id", sa.String(32), primary_key=True),
    sa.Column("started_at", Time, nullable=False),
    sa.Column("finished_at", Time, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("promoted", sa.Boolean, nullable=False),
    sa.Column("current_model", sa.String(255)),
    sa.Column("candidate_model", sa.String(255)),
    sa.Column("report", sa.Text, nullable=False),
)

activity = sa.Table(
    "qa_activity",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("happened_at", Time, nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)

replays = sa.Table(
    "qa_replays",
    metadata,
    sa.Column("batch_id", sa.String(32), primary_key=True),
    sa.Column("replayed_at", Time, nullable=False, index=True),
)

copies = sa.Table(
    "qa_copies",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("sender_id", sa.String(255), index=True),
    sa.Column("turn_id", sa.String(32), nullable=False, index=True),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("line", sa.String(64)),
    sa.Column("written_at", Time, nullable=False),
)

escalations = sa.Table(
    "qa_escalations",
    metadata,
    sa.Column("ticket_id", sa.String(32), primary_key=True),
    sa.Column("sender_id", sa.String(255), nullable=False, index=True),
    sa.Column("created_at", Time, nullable=False, index=True),
    sa.Column("updated_at", Time, nullable=False),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("tags", sa.Text, nullable=False),
    sa.Column("priority", sa.String(16), nullable=False),
    sa.Column("queue", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("assignee", sa.String(255)),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("history", sa.Text),
    # When to send the notification, or to try again; NULL when there is none to send.
    sa.Column("notify_at", Time, index=True),
    sa.Column("notified_at", Time),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Index("ix_qa_escalations_status", "status", "created_at"),
)

erasures = sa.Table(
    "qa_erasures",
    metadata,
    sa.Column("mark", sa.String(64), primary_key=True),
    sa.Column("erased_at", Time, nullable=False, index=True),
)

PERSONAL_TABLES = (
    events,
    conversations,
    originals,
    consents,
    turns,
    feedback,
    escalations,
)
"""Tables with a row per person; `qa_flags` and `qa_annotations` hang on `qa_turns`.

`qa_copies` says where else a person's words stand: it is worked off, not just deleted.
"""


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row as a plain dict; SQLAlchemy's keys are no plain strings."""
    return {str(key): value for key, value in row.items()}
