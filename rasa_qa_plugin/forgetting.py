"""Forgetting a person everywhere: running server, database, what waits, files.

Killed at any point and run again, it does the rest: rows go before files, and what is
still to be taken out of files stays on record, under nobody's name, until it is done.
"""

from collections import Counter
from datetime import datetime, timezone

import msgspec

from rasa_qa_plugin import rights
from rasa_qa_plugin.backlog import spool_of
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.review.recall import Recall, apply_recall, plan_recall
from rasa_qa_plugin.server import Server
from rasa_qa_plugin.storage import copies, erasure, runs, spool, stock
from rasa_qa_plugin.storage.engine import reading, transaction


class Person(msgspec.Struct, frozen=True):
    """Whom to forget: as the channel sends the id, and as it is stored."""

    sender_id: str
    pseudonym: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was, or would be, forgotten: numbers, and nothing that names anybody.

    Attributes:
        erased: Whether it was done.
        date: When, in UTC.
        policy_version: Of the wording that counted then.
        rows: Rows by table, and batches that waited for the database.
        files: What stood in files, by place.
    """

    erased: bool
    date: str
    policy_version: str
    rows: dict[str, int]
    files: dict[str, int]

    def __bool__(self) -> bool:
        """Whether there was anything at all."""
        return any(self.rows.values()) or any(self.files.values())


class Forgotten(msgspec.Struct, frozen=True):
    """A receipt, and what is left to be done by hand."""

    receipt: Receipt
    unreadable: tuple[str, ...]


def count(bot: Bot, opened: Opened, person: Person | None, *, now: float) -> Forgotten:
    """Count what :func:`forget` would forget; changes nothing.

    Raises:
        StorageError: The database cannot be reached.
    """
    rows: dict[str, int] = {}
    with reading(opened.engine) as connection:
        left = copies.recalled(connection)
        if person is not None:
            rows = erasure.count(connection, person.pseudonym).rows
            rows["events"] += len(stock.read(connection, person.sender_id))
            left += copies.of_person(connection, person.pseudonym)
    if person is not None:
        rows["spool"] = spool.count(spool_of(bot), person.pseudonym)
    return _forgotten(opened, rows, _plan(bot, left), erased=False, now=now)


def forget(  # noqa: PLR0913 - what a run may be asked
    bot: Bot,
    opened: Opened,
    person: Person | None,
    *,
    server: Server | None,
    missing_is_gone: bool = False,
    now: float,
) -> Forgotten:
    """Forget a person, and take out of files whoever was forgotten before.

    Args:
        bot: The bot folder.
        opened: Its database.
        person: None for files alone.
        server: Reaches the memory of the running bot; None works on the database.
        missing_is_gone: Whether files that are not found need not be looked for again.
        now: Seconds since the epoch.

    Raises:
        RasaQAError: Something could not be reached or written; running it again does
            the rest.
    """
    rows = {} if person is None else _erase_rows(bot, opened, person, server, now=now)
    with reading(opened.engine) as connection:
        left = copies.recalled(connection)
    plan = _plan(bot, left)
    moment = datetime.fromtimestamp(now, timezone.utc)
    apply_recall(plan, root=bot.folder, now=moment)
    done = [*plan.settled, *(plan.absent if missing_is_gone else ())]
    if done:
        with transaction(opened.engine) as connection:
            copies.drop(connection, done)
            runs.note(connection, "erase_files", now=now, **_counts(plan))
        erasure.compact(opened.engine)
    return _forgotten(opened, rows, plan, erased=True, now=now)


def _erase_rows(
    bot: Bot, opened: Opened, person: Person, server: Server | None, *, now: float
) -> dict[str, int]:
    # First what waits: a running server would write it back.
    rows = Counter(server.erase(person.sender_id) if server else {})
    rows["spool"] += spool.forget(spool_of(bot), person.pseudonym)
    with reading(opened.engine) as connection:
        more = erasure.count(connection, person.pseudonym).total
        more += stock.holds(connection, person.sender_id)
    if more or server is None:
        rows.update(
            rights.erase(opened, person.pseudonym, now, sender_id=person.sender_id)
        )
    return dict(rows)


def _plan(bot: Bot, left: list[copies.Copy]) -> Recall:
    return plan_recall(left, root=bot.folder, backups=bot.workspace / "backups")


def _forgotten(
    opened: Opened, rows: dict[str, int], plan: Recall, *, erased: bool, now: float
) -> Forgotten:
    date = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="seconds")
    receipt = Receipt(
        erased=erased,
        date=date,
        policy_version=opened.settings.consent.policy_version,
        rows=rows,
        files=_counts(plan),
    )
    return Forgotten(receipt, plan.unreadable)


def _counts(plan: Recall) -> dict[str, int]:
    return {
        "exported_turns": plan.turns,
        "training_lines": plan.lines,
        "backup_lines": plan.backup_lines,
        "lines_not_found": plan.lines_absent,
        "files_not_found": plan.absent_files,
        "files_unreadable": len(plan.unreadable),
    }
