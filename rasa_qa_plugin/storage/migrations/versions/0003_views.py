"""Views for dashboards: numbers by day, by intent and by decision, and no words."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# A moment in seconds since the epoch as its day in UTC.
_DAY = {
    "sqlite": "date({0}, 'unixepoch')",
    "postgresql": "CAST(to_timestamp({0}) AT TIME ZONE 'UTC' AS date)",
}
_TURNS = """
    FROM qa_turns AS turn
    LEFT JOIN qa_flags AS flag
        ON flag.turn_id = turn.turn_id AND flag.flag = 'fallback'
    LEFT JOIN qa_feedback AS said ON said.turn_id = turn.turn_id
"""
_VIEWS = {
    "qa_daily_sessions": """
        SELECT {day_of_event} AS day,
            COUNT(DISTINCT sender_id) AS people,
            SUM(CASE WHEN type_name = 'session_started' THEN 1 ELSE 0 END) AS sessions,
            SUM(CASE WHEN type_name = 'user' THEN 1 ELSE 0 END) AS messages
        FROM events WHERE timestamp IS NOT NULL AND seq IS NOT NULL
        GROUP BY {day_of_event}""",
    "qa_daily_turns": """
        SELECT {day_of_turn} AS day,
            COUNT(*) AS turns,
            COUNT(flag.flag) AS fallbacks,
            1.0 * COUNT(flag.flag) / COUNT(*) AS fallback_rate,
            COUNT(said.rating) AS ratings,
            1.0 * COUNT(said.rating) / COUNT(*) AS feedback_rate,
            AVG(CASE WHEN said.rating > 0 THEN 1.0 WHEN said.rating < 0 THEN 0.0 END)
                AS positive_rate
        {turns}
        GROUP BY {day_of_turn}""",
    "qa_intent_confidence": """
        SELECT turn.intent AS intent,
            COUNT(*) AS turns,
            AVG(turn.confidence) AS mean_confidence,
            MIN(turn.confidence) AS lowest_confidence,
            1.0 * COUNT(flag.flag) / COUNT(*) AS fallback_rate,
            AVG(CASE WHEN said.rating > 0 THEN 1.0 WHEN said.rating < 0 THEN 0.0 END)
                AS positive_rate
        {turns}
        WHERE turn.intent IS NOT NULL
        GROUP BY turn.intent""",
    "qa_consent_states": """
        SELECT latest.state AS state,
            COUNT(*) AS people,
            1.0 * COUNT(*) / (SELECT COUNT(DISTINCT sender_id) FROM qa_consents)
                AS share
        FROM qa_consents AS latest
        WHERE latest.id IN (
            SELECT MAX(id) FROM qa_consents GROUP BY sender_id, purpose)
        GROUP BY latest.state""",
}


def upgrade() -> None:
    """Create the views."""
    day = _DAY[op.get_bind().dialect.name]
    for name, query in _VIEWS.items():
        filled = query.format(
            day_of_event=day.format("timestamp"),
            day_of_turn=day.format("turn.recorded_at"),
            turns=_TURNS,
        )
        op.execute(f"CREATE VIEW {name} AS {filled}")
