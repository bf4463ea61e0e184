"""Annotations: what people say that a turn should have been.

Of one turn there are as many as people read it, and one of them counts at most. The
statuses of those that do: annotated, then approved, merged or held_out (in the test
set); or rejected, where a person said that the turn is worth nothing. Of the others:
seconded (says the same as the one that counts), disputed (nothing counts until somebody
settles it), overruled, refused (by an approver), superseded (by the same person) and
withdrawn.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import annotations, plain

TEACHING = ("annotated", "approved", "merged")
COUNTING = (*TEACHING, "held_out")
VOICES = ("annotated", "approved", "seconded", "disputed", "rejected")
"""Statuses of opinions that are weighed when another one comes."""

_MOST_IDS = 500


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """What one person says of one turn.

    Attributes:
        text: Masked text as annotated; None once withdrawn, and for a rejected turn.
        intent: Empty where the turn is rejected.
        entities: Entity spans with offsets into *text*.
        status: As the module says.
        source: File name it was imported from, or ``annotate`` for the review screen.
        annotated_at: Seconds since the epoch.
        seconds: How long the decision took; None where nobody measured it, or where an
            answer to another turn settled this one.
        annotator: Name of a member of the team; empty where nobody said it.
        approver: Who approved or refused it.
        decided_at: When, in seconds since the epoch.
    """

    turn_id: str
    text: str | None
    intent: str
    entities: list[dict[str, Any]]
    status: str = "annotated"
    source: str
    annotated_at: float
    seconds: float | None = None
    annotator: str = ""
    approver: str | None = None
    decided_at: float | None = None

    @property
    def content_hash(self) -> str:
        """Hash of what was decided, so that importing a file twice changes nothing."""
        content = msgspec.json.encode((self.text, self.intent, self.entities))
        return hashlib.sha256(content).hexdigest()


class Kept(Annotation, frozen=True, kw_only=True):
    """An annotation with the number of its row, which names it in the audit trail."""

    id: int


def record(connection: Connection, annotation: Annotation) -> bool:
    """Keep a decision that settles its turn; False if it is known.

    Whatever was said of the turn before counts no more, whoever said it.
    """
    known = of_turns(connection, [annotation.turn_id]).get(annotation.turn_id, [])
    mine = _same(known, annotation)
    if mine is not None and mine.status in COUNTING:
        return False
    moved: dict[str, list[int]] = {}
    for row in known:
        if row.status in VOICES and row is not mine:
            moved.setdefault(_after(row, annotation), []).append(row.id)
    for status, ids in moved.items():
        set_status(connection, ids, status)
    if mine is None:
        insert(connection, [annotation])
    else:
        revive(connection, {mine.id: annotation})
    return True


def record_many(
    connection: Connection, decisions: Sequence[Annotation]
) -> dict[int, str]:
    """Keep decisions as :func:`record` does, with few round trips.

    Give the opinions whose dispute they settled, as rows with their turns: what
    :func:`retract` needs to open it again.
    """
    known = of_turns(connection, [one.turn_id for one in decisions])
    for annotation in decisions:
        if annotation.turn_id in known:
            record(connection, annotation)
    insert(connection, [one for one in decisions if one.turn_id not in known])
    return {
        row.id: row.turn_id
        for rows in known.values()
        for row in rows
        if row.status == "disputed"
    }


def retract(
    connection: Connection,
    decisions: Sequence[Annotation],
    disputes: Mapping[int, str] | None = None,
) -> set[str]:
    """Take decisions back as if they had never been made; give their turns.

    Those that do not count any more stay: merged, replaced or withdrawn meanwhile.
    *disputes*, which they settled, are open again.
    """
    known = of_turns(connection, [one.turn_id for one in decisions])
    gone: dict[str, int] = {}
    open_again: list[int] = []
    for annotation in decisions:
        rows = known.get(annotation.turn_id, [])
        mine = _same(rows, annotation)
        if mine is None or mine.status != "annotated":
            continue
        gone[annotation.turn_id] = mine.id
        open_again += [row.id for row in rows if row.id in (disputes or {})]
    set_status(connection, open_again, "disputed")
    deleted = [number for number in gone.values() if number not in open_again]
    for part in _parts(deleted):
        connection.execute(annotations.delete().where(annotations.c.id.in_(part)))
    return set(gone)


def of_turns(connection: Connection, turn_ids: Iterable[str]) -> dict[str, list[Kept]]:
    """Give what was ever said of these turns, oldest first; turns without are left out.

    What was withdrawn is not given.
    """
    found: dict[str, list[Kept]] = {}
    for part in _parts(sorted(set(turn_ids))):
        for row in _read(
            connection,
            annotations.c.turn_id.in_(part),
            annotations.c.status != "withdrawn",
        ):
            found.setdefault(row.turn_id, []).append(row)
    return found


def insert(connection: Connection, new: Sequence[Annotation]) -> None:
    """Add annotations as they are."""
    rows = []
    for annotation in new:
        values = msgspec.structs.asdict(annotation)
        values["entities"] = msgspec.json.encode(annotation.entities).decode()
        rows.append({"content_hash": annotation.content_hash, **values})
    if rows:
        connection.execute(annotations.insert(), rows)


def revive(connection: Connection, said_again: Mapping[int, Annotation]) -> None:
    """Let rows count as they do in these annotations, which say the same."""
    for number, annotation in said_again.items():
        connection.execute(
            annotations.update()
            .where(annotations.c.id == number)
            .values(
                status=annotation.status,
                source=annotation.source,
                annotated_at=annotation.annotated_at,
                seconds=annotation.seconds,
                approver=None,
                decided_at=None,
            )
        )


def set_status(connection: Connection, ids: Sequence[int], status: str) -> None:
    """Move annotations on."""
    for part in _parts(ids):
        connection.execute(
            annotations.update().where(annotations.c.id.in_(part)).values(status=status)
        )


def decide(
    connection: Connection,
    ids: Sequence[int],
    status: str,
    *,
    approver: str,
    now: float,
) -> None:
    """Note who approved, or refused, these annotations."""
    for part in _parts(ids):
        connection.execute(
            annotations.update()
            .where(annotations.c.id.in_(part))
            .values(status=status, approver=approver, decided_at=now)
        )


def intents(connection: Connection) -> set[str]:
    """Give every intent that people gave to turns."""
    query = sa.select(annotations.c.intent).distinct()
    return set(
        connection.execute(query.where(annotations.c.text.is_not(None))).scalars()
    )


def entity_names(connection: Connection) -> set[str]:
    """Give the name of every entity that people marked."""
    query = sa.select(annotations.c.entities).distinct()
    rows = connection.execute(query.where(annotations.c.entities != "[]")).scalars()
    return {mark["entity"] for row in rows for mark in msgspec.json.decode(row or "[]")}


def waiting(connection: Connection, *, approved_only: bool = False) -> list[Kept]:
    """Give the corrections that count and are not merged yet, oldest first.

    Args:
        connection: The database.
        approved_only: Leave out those that nobody approved.
    """
    statuses = ["approved"] if approved_only else ["annotated", "approved"]
    return list(
        _read(
            connection,
            annotations.c.status.in_(statuses),
            annotations.c.text.is_not(None),
        )
    )


def mark_merged(connection: Connection, turn_ids: Sequence[str]) -> None:
    """Say that the corrections of these turns are in the training data now."""
    _settle(connection, turn_ids, "merged")


def mark_held_out(connection: Connection, turn_ids: Sequence[str]) -> None:
    """Say that the corrections of these turns are in the test set, and never train."""
    _settle(connection, turn_ids, "held_out")


def _settle(connection: Connection, turn_ids: Sequence[str], status: str) -> None:
    for part in _parts(turn_ids):
        connection.execute(
            annotations.update()
            .where(
                annotations.c.turn_id.in_(part),
                annotations.c.status.in_(["annotated", "approved"]),
            )
            .values(status=status)
        )


def _read(connection: Connection, *conditions: Any) -> Iterator[Kept]:
    columns = [annotations.c[name] for name in Kept.__struct_fields__]
    rows = connection.execute(
        sa.select(*columns).where(*conditions).order_by(annotations.c.id)
    ).mappings()
    for row in rows:
        entities = msgspec.json.decode(row["entities"] or "[]")
        yield msgspec.convert({**plain(row), "entities": entities}, Kept)


def _same(known: Sequence[Kept], annotation: Annotation) -> Kept | None:
    """Find what the same person said before in the same way."""
    return next(
        (
            row
            for row in known
            if row.annotator == annotation.annotator
            and row.content_hash == annotation.content_hash
        ),
        None,
    )


def _after(row: Kept, decision: Annotation) -> str:
    """Give what becomes of an opinion once its turn is settled."""
    if not row.annotator or row.annotator == decision.annotator:
        return "superseded"
    if row.content_hash == decision.content_hash:
        return "seconded"
    return "overruled"


def _parts(values: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), _MOST_IDS):
        yield list(values[start : start + _MOST_IDS])
