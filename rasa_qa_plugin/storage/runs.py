"""Training runs and the audit trail."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import activity, training_runs


class TrainingRun(msgspec.Struct, frozen=True, kw_only=True):
    """One `rasa-qa retrain`: when, with what verdict, and why.

    Attributes:
        report: Metrics of both models and the reasons for the verdict; no texts.
    """

    run_id: str
    started_at: float
    finished_at: float
    verdict: str
    promoted: bool
    current_model: str | None
    candidate_model: str | None
    report: dict[str, Any]


def record(connection: Connection, run: TrainingRun) -> None:
    """Keep a finished run."""
    values = msgspec.structs.asdict(run)
    values["report"] = msgspec.json.encode(run.report).decode()
    connection.execute(training_runs.insert().values(values))


def note(
    connection: Connection, action: str, *, now: float, **detail: str | int | bool
) -> None:
    """Append to the audit trail; *detail* holds counts and names, never a user."""
    note_each(connection, action, [detail], now=now)


def note_each(
    connection: Connection,
    action: str,
    details: Sequence[Mapping[str, str | int | bool]],
    *,
    now: float,
) -> None:
    """Append one row for each of *details* to the audit trail; as :func:`note`."""
    rows = [
        {
            "happened_at": now,
            "action": action,
            "detail": msgspec.json.encode(detail).decode(),
        }
        for detail in details
    ]
    if rows:
        connection.execute(activity.insert(), rows)


def noted(connection: Connection, action: str, **detail: str | int | bool) -> bool:
    """Tell whether the audit trail holds exactly this."""
    query = sa.select(activity.c.id).where(
        activity.c.action == action,
        activity.c.detail == msgspec.json.encode(detail).decode(),
    )
    return connection.execute(query.limit(1)).first() is not None
