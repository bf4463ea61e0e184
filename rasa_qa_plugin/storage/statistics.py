"""Counting turns, flags and ratings, and reading what people decided about turns."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.annotations import COUNTING
from rasa_qa_plugin.storage.ratings import STARS
from rasa_qa_plugin.storage.schema import annotations, feedback, flags, turns

_REVIEWED = (*COUNTING, "rejected")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many turns there are, of which kinds.

    Attributes:
        with_text: Of people who agreed; only these can be reviewed.
        reviewed: Of those with a text, how many somebody decided about.
        stars: Conversations that got one to five.
        stars_mean: Of these; None without any.
    """

    turns: int
    with_text: int
    reviewed: int
    flagged: int
    rated_good: int
    rated_bad: int
    stars: int
    stars_mean: float | None
    mean_confidence: float | None
    by_status: dict[str, int]
    by_flag: dict[str, int]
    by_intent: dict[str, int]


class Decision(msgspec.Struct, frozen=True):
    """What people gave as the right intent of a turn, beside what the bot thought.

    Attributes:
        error_score: As it was before the decision.
        seconds: How long the decision took; None where nobody measured.
        judged_intent: What *error_score* is about: what the live model made of the turn
            if it had read it again, else *intent*.
    """

    intent: str | None
    right_intent: str
    confidence: float | None
    error_score: float | None
    seconds: float | None
    judged_intent: str | None


def counts(connection: Connection, *, since: float | None = None) -> Counts:
    """Count turns said, and ratings given, since a moment in seconds, or all."""
    said = sa.true() if since is None else turns.c.recorded_at >= since
    given = sa.true() if since is None else feedback.c.given_at >= since
    count = sa.func.count()

    def by(key: Any, *conditions: Any) -> dict[str, int]:
        query = sa.select(key, count).where(*conditions).group_by(key)
        ordered = query.order_by(count.desc(), key)
        return {str(name): number for name, number in connection.execute(ordered)}

    total, with_text, mean = connection.execute(
        sa.select(count, sa.func.count(turns.c.text), sa.func.avg(turns.c.confidence))
        .select_from(turns)
        .where(said)
    ).one()
    flagged = [flags.c.turn_id == turns.c.turn_id, said] if since is not None else []
    of_turns = feedback.c.message_ref.not_like(f"{STARS}%")
    ratings = by(feedback.c.rating, given, of_turns)
    stars, stars_mean = connection.execute(
        sa.select(count, sa.func.avg(feedback.c.rating)).where(given, ~of_turns)
    ).one()
    return Counts(
        turns=total,
        with_text=with_text,
        reviewed=connection.execute(
            sa.select(sa.func.count(turns.c.text)).where(
                turns.c.status.in_(_REVIEWED), said
            )
        ).scalar_one(),
        flagged=connection.execute(
            sa.select(sa.func.count(sa.distinct(flags.c.turn_id))).where(*flagged)
        ).scalar_one(),
        rated_good=ratings.get("1", 0),
        rated_bad=ratings.get("-1", 0),
        stars=stars,
        # PostgreSQL gives the mean of integers as a Decimal.
        stars_mean=None if stars_mean is None else float(stars_mean),
        mean_confidence=mean,
        by_status=by(turns.c.status, said),
        by_flag=by(flags.c.flag, *flagged),
        by_intent=by(turns.c.intent, turns.c.intent.is_not(None), said),
    )


def decisions(connection: Connection, *, since: float | None = None) -> list[Decision]:
    """Give the decisions that count and were taken since a moment, or all."""
    query = (
        sa.select(
            turns.c.intent,
            annotations.c.intent,
            turns.c.confidence,
            turns.c.error_score,
            annotations.c.seconds,
            sa.func.coalesce(turns.c.live_intent, turns.c.intent),
        )
        .join(turns, turns.c.turn_id == annotations.c.turn_id)
        .where(annotations.c.status.in_(COUNTING))
    )
    if since is not None:
        query = query.where(annotations.c.annotated_at >= since)
    return [Decision(*row) for row in connection.execute(query)]


def opinions(
    connection: Connection, *, since: float | None = None
) -> list[dict[str, str]]:
    """Give who gave which intent, for each turn that several people read."""
    voiced = sa.and_(
        annotations.c.annotator != "",
        annotations.c.status.not_in(["superseded", "withdrawn"]),
        sa.true() if since is None else annotations.c.annotated_at >= since,
    )
    several = (
        sa.select(annotations.c.turn_id)
        .where(voiced)
        .group_by(annotations.c.turn_id)
        .having(sa.func.count(sa.distinct(annotations.c.annotator)) > 1)
    )
    by_turn: dict[str, dict[str, str]] = {}
    for row in connection.execute(
        sa.select(annotations.c.turn_id, annotations.c.annotator, annotations.c.intent)
        .where(voiced, annotations.c.turn_id.in_(several))
        .order_by(annotations.c.id)
    ):
        by_turn.setdefault(row.turn_id, {})[row.annotator] = row.intent
    return list(by_turn.values())
