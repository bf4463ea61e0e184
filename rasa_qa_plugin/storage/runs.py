"""Training runs and the audit trail."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import activity, plain, training_runs


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


def promoted(connection: Connection, run_id: str, *, model: str) -> None:
    """Say that a run's candidate went live, under the name *model*."""
    connection.execute(
        training_runs.update()
        .where(training_runs.c.run_id == run_id)
        .values(promoted=True, candidate_model=model)
    )


def extend(connection: Connection, run_id: str, **facts: Any) -> None:
    """Add facts to the report of a run."""
    run = find(connection, run_id)
    if run is not None:
        report = msgspec.json.encode({**run.report, **facts}).decode()
        connection.execute(
            training_runs.update()
            .where(training_runs.c.run_id == run_id)
            .values(report=report)
        )


def find(connection: Connection, run_id: str) -> TrainingRun | None:
    """Give a run by its id."""
    found = _read(connection, training_runs.c.run_id == run_id, limit=1)
    return found[0] if found else None


def latest(connection: Connection, *, limit: int) -> list[TrainingRun]:
    """Give the last runs, the newest first."""
    return _read(connection, sa.true(), limit=limit)


def _read(connection: Connection, condition: Any, *, limit: int) -> list[TrainingRun]:
    columns = [training_runs.c[name] for name in TrainingRun.__struct_fields__]
    rows = connection.execute(
        sa.select(*columns)
        .where(condition)
        .order_by(training_runs.c.started_at.desc(), training_runs.c.run_id.desc())
        .limit(limit)
    ).mappings()
    return [
        msgspec.convert(
            {**plain(row), "report": msgspec.json.decode(row["report"])}, TrainingRun
        )
        for row in rows
    ]


def merged_since(connection: Connection, moment: float) -> int:
    """Count the corrections that went into the training data after *moment*."""
    query = sa.select(activity.c.detail).where(
        activity.c.action == "merge", activity.c.happened_at > moment
    )
    details = connection.execute(query).scalars()
    return sum(int(msgspec.json.decode(one).get("turns", 0)) for one in details)


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
