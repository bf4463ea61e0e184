"""What became of an exported file, and taking it back."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin import changes
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.storage import batches, copies, queue, runs, turns
from rasa_qa_plugin.storage.batches import Batch
from rasa_qa_plugin.storage.engine import reading, transaction

FileState = Literal["as exported", "edited", "not there", "unknown"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A batch, and what became of its turns.

    Attributes:
        by_status: How many of its turns are in which status now.
        gone: How many are erased or purged.
        file_state: Whether the file is as it was written; ``unknown`` for batches from
            before its place was kept.
    """

    batch: Batch
    by_status: dict[str, int]
    gone: int
    file_state: FileState


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """What taking a batch back does, or would do.

    Attributes:
        waiting: Turns that nobody answered; they wait again.
        elsewhere: Turns that nobody answered and that another batch holds too; they
            stay out.
        answered: Turns that were decided; they stay as they are.
        before: Whether the batch was taken back before.
        file_deleted: Whether its file was deleted.
    """

    standing: Standing
    waiting: list[str]
    elsewhere: list[str]
    answered: int
    before: bool
    file_deleted: bool = False


def overview(engine: Engine, *, root: Path) -> list[Standing]:
    """Give all batches, the latest first; files are looked for from *root*.

    Raises:
        StorageError: The database refused.
    """
    with reading(engine) as connection:
        return [_standing(connection, one, root) for one in batches.listed(connection)]


def show(engine: Engine, batch_id: str, *, root: Path) -> Standing:
    """Give one batch.

    Raises:
        RasaQAError: There is no such batch.
    """
    with reading(engine) as connection:
        return _standing(connection, _found(connection, batch_id), root)


def plan_withdrawal(engine: Engine, batch_id: str, *, root: Path) -> Withdrawal:
    """Count what :func:`withdraw` would do; changes nothing.

    Raises:
        RasaQAError: There is no such batch.
    """
    with reading(engine) as connection:
        return _plan(connection, _found(connection, batch_id), root)


def withdraw(
    engine: Engine,
    batch_id: str,
    *,
    root: Path,
    delete_file: bool = False,
    now: float,
) -> Withdrawal:
    """Take a batch back: its turns that nobody answered wait again.

    The file stays on record for `rasa-qa erase`, unless it is deleted here.

    Raises:
        RasaQAError: There is no such batch, or its file is not what was exported, so
            that somebody's work would be deleted; then nothing is changed.
    """
    with transaction(engine) as connection:
        batch = _found(connection, batch_id, for_update=True)
        queue.hold(connection, batch.turns)
        plan = _plan(connection, batch, root)
        if delete_file and plan.standing.file_state not in ("as exported", "not there"):
            raise RasaQAError(
                f"{batch.file_name}: is not what was exported; import it first, or "
                "delete it by hand"
            )
        if not plan.before:
            turns.set_status(connection, plan.waiting, "new")
            batches.withdraw(connection, batch_id, now=now)
            runs.note(
                connection,
                "withdraw",
                now=now,
                batch=batch_id,
                turns=len(plan.waiting),
            )
        deleted = delete_file and _delete(connection, batch, root)
    return msgspec.structs.replace(plan, file_deleted=deleted)


def handed_to(connection: Connection, file_name: str) -> dict[str, str]:
    """Give who got the turns of a file, where it was one person, by turn.

    Later batches of the same name count more.
    """
    found: dict[str, str] = {}
    for batch in reversed(batches.listed(connection)):
        if batch.file_name == file_name and len(batch.people) == 1:
            found.update(dict.fromkeys(batch.turns, batch.people[0]))
    return found


def turns_of(connection: Connection, batch_id: str) -> Sequence[str]:
    """Give the turns of a batch.

    Raises:
        RasaQAError: There is no such batch.
    """
    return _found(connection, batch_id).turns


def _found(connection: Connection, batch_id: str, *, for_update: bool = False) -> Batch:
    batch = batches.find(connection, batch_id, for_update=for_update)
    if batch is None:
        raise RasaQAError("batch: there is none with this id; rasa-qa batches list")
    return batch


def _standing(connection: Connection, batch: Batch, root: Path) -> Standing:
    statuses = batches.statuses(connection, batch.turns)
    return Standing(
        batch=batch,
        by_status=dict(Counter(statuses.values()).most_common()),
        gone=max(batch.items, len(batch.turns)) - len(statuses),
        file_state=_file_state(batch, root),
    )


def _plan(connection: Connection, batch: Batch, root: Path) -> Withdrawal:
    statuses = batches.statuses(connection, batch.turns)
    out = [turn_id for turn_id in batch.turns if statuses.get(turn_id) == "exported"]
    # A batch that was taken back holds nothing any more: others may have its turns.
    before = batch.withdrawn_at is not None
    elsewhere = batches.out_elsewhere(connection, batch.batch_id, out)
    return Withdrawal(
        standing=_standing(connection, batch, root),
        waiting=[] if before else [one for one in out if one not in elsewhere],
        elsewhere=[] if before else sorted(elsewhere),
        answered=sum(
            status not in ("new", "exported", "withdrawn")
            for status in statuses.values()
        ),
        before=before,
    )


def _file_state(batch: Batch, root: Path) -> FileState:
    if batch.file is None:
        return "unknown"
    try:
        content = changes.read(root / batch.file)
    except OSError:
        return "unknown"
    if content is None:
        return "not there"
    same = hashlib.sha256(content).hexdigest() == batch.sha256
    return "as exported" if same else "edited"


def _delete(connection: Connection, batch: Batch, root: Path) -> bool:
    """Delete the file, and forget that words of people stand in it.

    One that is not there may have been moved: then it stays on record.
    """
    path = root / (batch.file or "")
    if batch.file is None or not path.is_file():
        return False
    try:
        path.unlink()
    except OSError as error:
        raise RasaQAError(
            f"{batch.file_name}: cannot be deleted ({type(error).__name__}); "
            "check permissions"
        ) from None
    copies.drop_file(connection, batch.file)
    return True
