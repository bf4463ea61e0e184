"""`rasa-qa init --undo`: what init wrote is kept on record, and taken out again.

A file that is as init left it comes back byte for byte. From one that was edited since
only init's own lines are taken, where they still stand; else it stays as it is.
"""

import contextlib
import difflib
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from rasa_qa_plugin import changes
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.changes import FileChange, read
from rasa_qa_plugin.errors import RasaQAError

_RECORD = "init.json"
_AROUND = 1  # lines kept above a change, to find it again


class Hunk(msgspec.Struct, frozen=True):
    """Lines as init found them and as it left them, with a line above."""

    found: list[str]
    left: list[str]


class Written(msgspec.Struct, frozen=True):
    """One file that init wrote.

    Attributes:
        path: Below the bot folder.
        found: Digest of what was there; None where there was no file.
        left: Digest of what init wrote.
    """

    path: str
    found: str | None
    left: str
    hunks: list[Hunk]


class Run(msgspec.Struct, frozen=True):
    """One run of init, recorded before it wrote.

    Attributes:
        backups: Folder of the former files, below the bot folder.
    """

    backups: str
    files: list[Written]


class Undoing(msgspec.Struct, frozen=True):
    """What `rasa-qa init --undo` would write, and what is left to do by hand.

    Attributes:
        notes: One line for each file that does not simply come back.
        left: What stays on record, since it could not be undone.
    """

    changes: list[FileChange]
    notes: list[str]
    left: list[Run]


def install(planned: Sequence[FileChange], *, bot: Bot, now: datetime) -> Path | None:
    """Write what init planned, all or nothing; give the folder of the former files.

    It is recorded first, so that `undo` finds its way however this ends.

    Raises:
        RasaQAError: A file changed meanwhile or cannot be written; then every file is
            as it was.
    """
    backups = bot.workspace / "backups"
    folder = changes.backup_folder(planned, backups=backups, now=now)
    before = _record(bot)
    files = [
        Written(
            path=change.path.relative_to(bot.folder).as_posix(),
            found=None if change.before is None else _digest(change.before),
            left=_digest(change.after),
            hunks=_hunks(change.before or b"", change.after),
        )
        for change in planned
        if change.after is not None
    ]
    run = Run(folder.relative_to(bot.folder).as_posix(), files)
    _keep(bot, [*before, run])
    try:
        return changes.write(planned, root=bot.folder, backups=backups, now=now)
    except BaseException:
        with contextlib.suppress(OSError):
            _keep(bot, before)
        raise


def plan_undoing(bot: Bot) -> Undoing:
    """Work out how the bot comes back to what it was before init; writes nothing.

    Raises:
        RasaQAError: No init is on record, or the record cannot be read.
    """
    runs = _record(bot)
    if not runs:
        raise RasaQAError(
            ".rasa_qa/init.json: no `rasa-qa init` is on record here; nothing to undo"
        )
    undone: list[FileChange] = []
    notes: list[str] = []
    stuck: set[str] = set()
    for name in dict.fromkeys(file.path for run in runs for file in run.files):
        path = bot.folder / name
        before = read(path)
        try:
            after, edited = _undone(bot, name, before, runs)
        except _StuckError as error:
            stuck.add(name)
            notes.append(f"{name}: {error}")
            continue
        if edited:
            notes.append(
                f"{name}: edited since; only the lines that init added are taken out"
            )
        undone.append(FileChange(path, before, after))
    left = [
        msgspec.structs.replace(
            run, files=[file for file in run.files if file.path in stuck]
        )
        for run in runs
    ]
    return Undoing(
        [change for change in undone if change.changes],
        notes,
        [run for run in left if run.files],
    )


def undo(plan: Undoing, *, bot: Bot, now: datetime) -> Path | None:
    """Write what :func:`plan_undoing` gave, all or nothing; give the backups' folder.

    Killed half-way, it goes on when it is run again.
    """
    folder = changes.write(
        plan.changes, root=bot.folder, backups=bot.workspace / "backups", now=now
    )
    for change in plan.changes:
        if change.after is None:
            # A folder that was made for the file alone goes with it.
            with contextlib.suppress(OSError):
                if change.path.parent != bot.folder:
                    change.path.parent.rmdir()
    _keep(bot, plan.left)
    return folder


class _StuckError(Exception):
    """A file cannot be brought back without harm to later edits."""


def _undone(
    bot: Bot, name: str, content: bytes | None, runs: Sequence[Run]
) -> tuple[bytes | None, bool]:
    """Give a file as it was before the first run, and whether later edits stay in."""
    edited = False
    for run in reversed(runs):
        for file in run.files:
            if file.path != name or _same(content, file.found):
                continue
            if not _same(content, file.left):
                content = _without(file, content, run.backups)
                edited = True
            elif file.found is None:
                content = None
            else:
                backup = read(bot.folder / run.backups / name)
                if not _same(backup, file.found):
                    backup = _without(file, content, run.backups)
                content = backup
    return content, edited


def _without(file: Written, content: bytes | None, backups: str) -> bytes:
    """Take init's lines out of an edited file.

    Raises:
        _StuckError: They do not stand as they did; the message says what to do.
    """
    if content is None:
        where = f"; the former file is in {backups}" if file.found else ""
        raise _StuckError(f"deleted since; it stays away{where}")
    if file.found is None:
        raise _StuckError(
            "made by init and edited since; delete it, if nothing in it is yours"
        )
    lines = _lines(content.decode("utf-8", "surrogateescape"))
    for hunk in file.hunks:
        for found, left in ((hunk.found, hunk.left), _bare(hunk)):
            places = [
                at
                for at in range(len(lines) - len(left) + 1)
                if left and lines[at : at + len(left)] == left
            ]
            if len(places) == 1:
                lines[places[0] : places[0] + len(left)] = found
                break
        else:
            if not _ours(hunk) & set(lines):
                continue  # taken out by hand
            raise _StuckError(
                "edited since among the lines that init added; take those out by "
                f"hand: diff {backups}/{file.path} {file.path}"
            )
    return "".join(lines).encode("utf-8", "surrogateescape")


def _ours(hunk: Hunk) -> set[str]:
    """Give the lines that only init can have written."""
    return {line for line in hunk.left if line.strip()} - set(hunk.found)


def _bare(hunk: Hunk) -> tuple[list[str], list[str]]:
    """Give a hunk without the line above, which may have been edited."""
    above = hunk.found[:_AROUND] == hunk.left[:_AROUND]
    start = _AROUND if above else 0
    return hunk.found[start:], hunk.left[start:]


def _hunks(before: bytes, after: bytes) -> list[Hunk]:
    found, left = (
        _lines(text.decode("utf-8", "surrogateescape")) for text in (before, after)
    )
    matcher = difflib.SequenceMatcher(None, found, left, autojunk=False)
    return [
        Hunk(found[max(0, i1 - _AROUND) : i2], left[max(0, j1 - _AROUND) : j2])
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _same(content: bytes | None, digest: str | None) -> bool:
    return digest is None if content is None else digest == _digest(content)


def _record(bot: Bot) -> list[Run]:
    content = read(bot.workspace / _RECORD)
    if content is None:
        return []
    try:
        return msgspec.json.decode(content, type=list[Run])
    except msgspec.DecodeError:
        raise RasaQAError(
            ".rasa_qa/init.json: cannot be read; the former files are in "
            ".rasa_qa/backups"
        ) from None


def _keep(bot: Bot, runs: Iterable[Run]) -> None:
    path = bot.workspace / _RECORD
    kept = list(runs)
    if kept:
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)  # a line of endpoints.yml may be a password
        changes.replace(path, msgspec.json.encode(kept))
    else:
        path.unlink(missing_ok=True)
