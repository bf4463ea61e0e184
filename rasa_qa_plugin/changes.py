"""Changing the user's files: shown first, backed up, all written or none."""

import contextlib
import difflib
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from rasa_qa_plugin.errors import RasaQAError

_LINES = re.compile(r"[^\n]*\n|[^\n]+\Z")


class FileChange(msgspec.Struct, frozen=True):
    """A file before and after.

    Attributes:
        before: Bytes found; None where there was no file.
        after: Bytes to write; None to delete the file.
    """

    path: Path
    before: bytes | None
    after: bytes | None

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after


def read(path: Path) -> bytes | None:
    """Give the bytes of a file, or None where there is none."""
    return path.read_bytes() if path.is_file() else None


def diff(changes: Sequence[FileChange], *, root: Path) -> str:
    """Give the changes as one unified diff with paths relative to *root*."""
    pieces: list[str] = []
    for change in changes:
        name = change.path.relative_to(root).as_posix()
        for line in difflib.unified_diff(
            _LINES.findall((change.before or b"").decode("utf-8", "replace")),
            _LINES.findall((change.after or b"").decode("utf-8", "replace")),
            fromfile="/dev/null" if change.before is None else f"a/{name}",
            tofile="/dev/null" if change.after is None else f"b/{name}",
        ):
            pieces.append(line)
            if not line.endswith("\n"):
                pieces.append("\n\\ No newline at end of file\n")
    return "".join(pieces)


def write(
    changes: Sequence[FileChange], *, root: Path, backups: Path | None, now: datetime
) -> Path | None:
    """Write all changes, or none; give the folder with the former files, if any.

    Without *backups* no former file is kept: what is erased must not stay in one.
    Everything is safely on disk beside its target before the first file is replaced.

    Raises:
        RasaQAError: A file is no longer what the change was made from, or cannot be
            written; then every file is as it was.
    """
    pending = [change for change in changes if change.changes]
    written: list[FileChange] = []
    beside: dict[Path, Path] = {}
    try:
        for change in pending:
            _check_unchanged(change)
        folder = backups and _back_up(pending, root=root, backups=backups, now=now)
        for change in pending:
            if change.after is not None:
                beside[change.path] = draft(change.path, [change.after])
        for change in pending:
            _check_unchanged(change)
            written.append(change)
            if change.after is None:
                change.path.unlink()
            else:
                beside[change.path].replace(change.path)
    except BaseException as error:
        for change in written:
            _restore(change)
        if isinstance(error, OSError):
            raise RasaQAError(
                f"{root.name}: files cannot be written ({type(error).__name__}); "
                "nothing was changed; check permissions and space"
            ) from error
        raise
    finally:
        for written_draft in beside.values():
            written_draft.unlink(missing_ok=True)
    return folder


def replace(path: Path, content: bytes) -> None:
    """Put *content* in the place of a file at once, keeping its permissions.

    Raises:
        OSError: It cannot be written; then the file is as it was.
    """
    written = draft(path, [content])
    try:
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def draft(path: Path, pieces: Iterable[bytes]) -> Path:
    """Write *pieces* to a file beside *path* that is safely on disk.

    Raises:
        OSError: It cannot be written; then there is no such file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
        # A new file gets the rights that the account's umask leaves; another's are its
        # own, and nobody reads before they are set.
        known = path.stat().st_mode & 0o777 if path.exists() else None
        rights = 0o666 if known is None else 0o600
        handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, rights)
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if known is not None:
            written.chmod(known)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
    return written


class Drafts:
    """New files, written beside their places, that are put there all or none."""

    def __init__(self) -> None:
        """Begin without any."""
        self._drafts: dict[Path, Path] = {}
        self._put: list[Path] = []

    @property
    def files(self) -> list[Path]:
        """The places, in the order in which the files were written."""
        return list(self._drafts)

    def write(self, path: Path, pieces: Iterable[bytes]) -> None:
        """Write what is to stand at *path*.

        Raises:
            RasaQAError: There is such a file, or it cannot be written.
        """
        if path.exists():
            raise RasaQAError(f"{path.name}: exists already; name another file")
        try:
            self._drafts[path] = draft(path, pieces)
        except OSError as error:
            raise _unwritable(path, error) from None

    def put(self) -> None:
        """Put all files in their places.

        Raises:
            RasaQAError: They cannot be put there.
        """
        for path, written in self._drafts.items():
            try:
                written.replace(path)
            except OSError as error:
                raise _unwritable(path, error) from None
            self._put.append(path)

    def take_out(self) -> None:
        """Undo :meth:`put`."""
        for path in self._put:
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Leave nothing beside the places."""
        for written in self._drafts.values():
            written.unlink(missing_ok=True)


@contextlib.contextmanager
def drafts() -> Iterator[Drafts]:
    """Give files to write; an error in the ``with`` block takes all out again."""
    made = Drafts()
    try:
        yield made
    except BaseException:
        made.take_out()
        raise
    finally:
        made.clear()


def _unwritable(path: Path, error: OSError) -> RasaQAError:
    return RasaQAError(
        f"{path.name}: cannot be written ({type(error).__name__}); "
        "choose another folder"
    )


def _check_unchanged(change: FileChange) -> None:
    if read(change.path) != change.before:
        raise RasaQAError(
            f"{change.path.name}: changed since it was read; run the command again"
        )


def _restore(change: FileChange) -> None:
    """Put the old content back, as well as the disk allows."""
    with contextlib.suppress(OSError):
        if change.before is None:
            change.path.unlink(missing_ok=True)
        else:
            replace(change.path, change.before)


def backup_folder(
    changes: Sequence[FileChange], *, backups: Path, now: datetime
) -> Path:
    """Give the folder below *backups* where :func:`write` keeps the former files."""
    stamp = now.strftime("%Y%m%d-%H%M%S")
    digest = hashlib.sha256(b"".join(change.before or b"" for change in changes))
    return backups / f"{stamp}-{digest.hexdigest()[:6]}"


def _back_up(
    changes: Sequence[FileChange], *, root: Path, backups: Path, now: datetime
) -> Path | None:
    existing = [change for change in changes if change.before is not None]
    if not existing:
        return None
    folder = backup_folder(existing, backups=backups, now=now)
    # A file that only its owner may read must not lie here for all to see.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for change in existing:
        replace(folder / change.path.relative_to(root), change.before or b"")
    return folder
