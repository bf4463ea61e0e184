"""Copies of people's words in files: exported turns, lines of the training data.

A row belongs to a person until they are erased; then it belongs to nobody and is
recalled: `rasa-qa erase` takes the words out of the file and drops the row. So whoever
is forgotten in the chat, or over HTTP, is found in files later too.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage import queue
from rasa_qa_plugin.storage.schema import copies, plain, turns

_MOST_IDS = 500


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that goes into a file.

    Attributes:
        file: Path, relative to the bot folder where it lies in it.
        line: Fingerprint of a line of the training data; None for an exported turn.
    """

    turn_id: str
    file: str
    line: str | None = None


class Copy(Written, frozen=True, kw_only=True):
    """A turn that stands in a file, as far as we know."""

    id: int
    written_at: float


def record(connection: Connection, written: Sequence[Written], *, now: float) -> None:
    """Remember copies, before they are made, under the people whose turns they are.

    A turn that is gone by now is recalled at once. Who is being erased finds the rows:
    their turns are held until the transaction ends.
    """
    owners: dict[str, str] = {}
    ids = [one.turn_id for one in written]
    queue.hold(connection, ids)
    for start in range(0, len(ids), _MOST_IDS):
        query = sa.select(turns.c.turn_id, turns.c.sender_id).where(
            turns.c.turn_id.in_(ids[start : start + _MOST_IDS])
        )
        owners.update((row.turn_id, row.sender_id) for row in connection.execute(query))
    rows = [
        {
            **msgspec.structs.asdict(one),
            "sender_id": owners.get(one.turn_id),
            "written_at": now,
        }
        for one in written
    ]
    if rows:
        connection.execute(copies.insert(), rows)


def take_back(
    connection: Connection, written: Sequence[Written], *, now: float
) -> None:
    """Forget copies recorded at *now* that were not made after all."""
    files = {one.file for one in written}
    for file in files:
        connection.execute(
            copies.delete().where(copies.c.file == file, copies.c.written_at == now)
        )


def lines(connection: Connection) -> set[str]:
    """Give the fingerprints of the lines that people said.

    In whatever file: a line that was moved, or whose file was renamed, is theirs still.
    """
    query = sa.select(copies.c.line).where(copies.c.line.is_not(None))
    return set(connection.execute(query).scalars())


def of_person(connection: Connection, sender_id: str) -> list[Copy]:
    """Give the copies of a pseudonym's words."""
    return _read(connection, copies.c.sender_id == sender_id)


def turns_in(connection: Connection, file: str) -> set[str]:
    """Give the turns that stand in a file under somebody's name."""
    query = sa.select(copies.c.turn_id).where(
        copies.c.file == file, copies.c.sender_id.is_not(None)
    )
    return set(connection.execute(query).scalars())


def recalled(connection: Connection) -> list[Copy]:
    """Give the copies of those who are erased, which are to be taken out of files."""
    return _read(connection, copies.c.sender_id.is_(None))


def recall(connection: Connection, sender_id: str) -> None:
    """Let a person's copies belong to nobody."""
    connection.execute(
        copies.update().where(copies.c.sender_id == sender_id).values(sender_id=None)
    )


def drop_file(connection: Connection, file: str) -> None:
    """Forget the copies in a file that is not there any more."""
    connection.execute(copies.delete().where(copies.c.file == file))


def drop(connection: Connection, ids: Sequence[int]) -> None:
    """Forget copies that are not there any more."""
    for start in range(0, len(ids), _MOST_IDS):
        some = list(ids[start : start + _MOST_IDS])
        connection.execute(copies.delete().where(copies.c.id.in_(some)))


def _read(connection: Connection, condition: Any) -> list[Copy]:
    columns = [copies.c[name] for name in Copy.__struct_fields__]
    rows = connection.execute(
        sa.select(*columns).where(condition).order_by(copies.c.id)
    ).mappings()
    return [msgspec.convert(plain(row), Copy) for row in rows]
