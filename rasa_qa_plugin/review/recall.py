"""Words of people who are forgotten, taken out of files: exports, data, backups.

The files are looked at, not the names alone: a file that was renamed, copied or backed
up within the bot folder is found by the turns it names and by the lines it holds.
"""

import codecs
import glob
import io
import os
import re
import zipfile
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from rasa_qa_plugin import changes
from rasa_qa_plugin.changes import FileChange
from rasa_qa_plugin.errors import AnnotationError, MergeError
from rasa_qa_plugin.review.formats import catalogue, llm
from rasa_qa_plugin.review.formats.kept import UnusableError
from rasa_qa_plugin.review.formats.records import SPOILED_ZIP
from rasa_qa_plugin.review.items import TURN_ID
from rasa_qa_plugin.review.nlu_file import holds_nlu, without_lines
from rasa_qa_plugin.storage.copies import Copy

_TURN_ID = re.compile(TURN_ID.pattern.encode())
_NOT_OURS = frozenset(
    {".git", ".rasa", ".venv", "__pycache__", "models", "node_modules", "venv"}
)
_LARGEST = 512_000_000
_ZIP = b"PK\x03\x04"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DATABASE = b"SQLite format 3\0"
_BESIDE_DATABASE = ("-wal", "-shm", "-journal", ".lock")


class Recall(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be taken out of which files.

    Attributes:
        files: Files before and after.
        turns: Turns found in annotation files.
        lines: Lines found in training data.
        backup_lines: Lines found in backups of it.
        settled: Ids of copies that are gone once *files* are written.
        absent: Ids of copies whose file is not here, nor found under another name.
        absent_files: How many files these are.
        lines_absent: Lines that are not where they were put, nor anywhere else.
        unreadable: Names of files that hold such words in a form we cannot change.
    """

    files: tuple[FileChange, ...]
    turns: int
    lines: int
    backup_lines: int
    settled: tuple[int, ...]
    absent: tuple[int, ...]
    absent_files: int
    lines_absent: int
    unreadable: tuple[str, ...]


class _Found:
    """What a walk through the files has brought up so far."""

    def __init__(self, backups: Path) -> None:
        self._backups = backups
        self.files: list[FileChange] = []
        self.turns: list[str] = []
        self.lines: list[str] = []
        self.backup_lines: list[str] = []
        self.unreadable: set[Path] = set()

    def look_into(self, path: Path, content: bytes | None, copies: "_Wanted") -> None:
        """Take what is wanted out of one file."""
        if content is None:
            self.unreadable.add(path)
            return
        here, whole = _turns_in(content)
        if not whole and path in copies.files:
            self.unreadable.add(path)
            return
        named = copies.turn_ids & here
        # In an annotation file the same words are other people's turns.
        has_lines = path in copies.data_files or not here
        try:
            after = _without_turns(content, named, path) if named else content
            gone: Sequence[str] = ()
            if copies.lines and has_lines:
                after, gone, stuck = _without_lines(after, copies.lines)
                if stuck:
                    self.unreadable.add(path)
        except (AnnotationError, MergeError, UnusableError, ValueError, RecursionError):
            # A broken file that nothing of theirs is known to be in is not our affair.
            if named or path in copies.data_files:
                self.unreadable.add(path)
            return
        self.turns += named
        kept_apart = path.is_relative_to(self._backups)
        (self.backup_lines if kept_apart else self.lines).extend(gone)
        if after != content:
            self.files.append(FileChange(path, content, after))


def _turns_in(content: bytes) -> tuple[set[str], bool]:
    """Give the turns that a file names, packed or in whatever encoding.

    Also whether all of it could be looked into: an archive may be spoiled.
    """
    parts = [content]
    whole = True
    if content.startswith(_ZIP):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                whole = sum(one.file_size for one in archive.infolist()) <= _LARGEST
                parts += [archive.read(one) for one in archive.namelist() if whole]
        except SPOILED_ZIP:
            whole = False
    elif content.startswith(_UTF16):
        parts.append(content.replace(b"\0", b""))
    named = {found.decode() for part in parts for found in _TURN_ID.findall(part)}
    return named, whole


def _without_turns(content: bytes, named: Collection[str], path: Path) -> bytes:
    if llm.is_manifest(content):
        return llm.manifest_without(content, named, path.name)
    return catalogue.format_of(content, path).without_turns(content, named, path.name)


def _without_lines(
    content: bytes, lines: Collection[str]
) -> tuple[bytes, Sequence[str], int]:
    """Take lines out of training data; give what is left, what went, and what stuck."""
    if llm.is_lesson_file(content):
        return *llm.without_lines(content, lines), 0
    text = content.decode("utf-8")
    if not holds_nlu(text):
        return content, (), 0
    stripped = without_lines(text, lines)
    return stripped.text.encode("utf-8"), stripped.gone, stripped.stuck


class _Wanted(msgspec.Struct, frozen=True):
    """What is looked for, and the files where it was put."""

    turn_ids: frozenset[str]
    lines: frozenset[str]
    files: frozenset[Path]
    data_files: frozenset[Path]


def stored_path(path: Path, root: Path) -> str:
    """Give a path as it is recorded: relative where it lies below *root*."""
    path, root = path.resolve(), root.resolve()
    inside = path.is_relative_to(root)
    return (path.relative_to(root) if inside else path).as_posix()


def plan_recall(copies: Sequence[Copy], *, root: Path, backups: Path) -> Recall:
    """Look for *copies* in the bot folder *root* and in the files that were recorded.

    Nothing is written. Other people's turns and lines stay, byte for byte.
    """
    places = {copy.file: (root / copy.file).resolve() for copy in copies}
    wanted = _Wanted(
        frozenset(copy.turn_id for copy in copies if copy.line is None),
        frozenset(copy.line for copy in copies if copy.line is not None),
        frozenset(places.values()),
        frozenset(places[copy.file] for copy in copies if copy.line is not None),
    )
    found = _Found(backups.resolve())
    if copies:
        for path, content in _contents(root, set(places.values())):
            found.look_into(path, content, wanted)
    turns, lines = set(found.turns), {*found.lines, *found.backup_lines}
    readable = [one for one in copies if places[one.file] not in found.unreadable]
    here = {
        one.id: (one.turn_id in turns) if one.line is None else (one.line in lines)
        for one in readable
    }
    # A file that was renamed holds some of its turns; people took the others out.
    known = {one.file for one in readable if here[one.id]} | {
        file for file, place in places.items() if place.is_file()
    }
    absent = [one for one in readable if one.file not in known]
    return Recall(
        files=tuple(found.files),
        turns=len(found.turns),
        lines=len(found.lines),
        backup_lines=len(found.backup_lines),
        settled=tuple(one.id for one in readable if one.file in known),
        absent=tuple(one.id for one in absent),
        absent_files=len({one.file for one in absent}),
        lines_absent=sum(
            one.line is not None and one.file in known and not here[one.id]
            for one in readable
        ),
        unreadable=tuple(sorted(path.name for path in found.unreadable)),
    )


def apply_recall(plan: Recall, *, root: Path, now: datetime) -> None:
    """Write the files, all or none, and keep no former ones.

    Raises:
        RasaQAError: A file changed since the plan was made, or cannot be written.
    """
    changes.write(plan.files, root=root.resolve(), backups=None, now=now)


def _contents(
    root: Path, recorded: Collection[Path]
) -> Iterator[tuple[Path, bytes | None]]:
    """Give the files that could hold a copy, each once; None for what cannot be read.

    Of files that were not recorded, only those that can be read.
    """
    seen: set[Path] = set()
    for path in _paths(root, recorded):
        real = Path(os.path.realpath(path))
        if real in seen or real.name.endswith(_BESIDE_DATABASE):
            continue
        seen.add(real)
        try:
            if not real.is_file():
                continue
            content = real.read_bytes() if real.stat().st_size <= _LARGEST else None
        except OSError:
            content = None
        if content is None and real not in recorded:
            continue
        if content is None or not content.startswith(_DATABASE):
            yield real, content


def _paths(root: Path, recorded: Collection[Path]) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        below[:] = sorted(set(below) - _NOT_OURS)
        for name in sorted(names):
            yield Path(folder) / name
    # Elsewhere, only the file itself and what an editor keeps beside it.
    for path in sorted(recorded):
        yield from sorted(path.parent.glob(f"*{glob.escape(path.name)}*"))
