"""The spool: sealed batches on the local disk, for as long as the database is away."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import URL

from rasa_qa_plugin.errors import StorageError
from rasa_qa_plugin.storage.engine import (
    hold_to_file,
    open_engine,
    reading,
    transaction,
)

_metadata = sa.MetaData()
_batches = sa.Table(
    "batches",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("batch_id", sa.String(32), nullable=False, unique=True),
    sa.Column("sender_id", sa.String(255), nullable=False, index=True),
    sa.Column("saved_at", sa.Float(53), nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
)
_MOST_PROCESSES = 64


class Spooled(msgspec.Struct, frozen=True):
    """A batch as the spool keeps it.

    Attributes:
        sender_id: Pseudonym.
        saved_at: Seconds since the epoch.
        payload: Sealed; the spool cannot read it.
    """

    batch_id: str
    sender_id: str
    saved_at: float
    payload: bytes


class Depth(msgspec.Struct, frozen=True):
    """How much waits: batches, their bytes, and the time of the oldest."""

    batches: int
    bytes: int
    oldest_at: float | None


class Spool:
    """One file of batches in the order they came, which one process writes.

    What :meth:`add` has taken survives a power cut: SQLite, write-ahead log, fsync.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, making it if there is none.

        Raises:
            StorageError: It cannot be made or read.
        """
        self.path = path
        # Its log gets the same rights as the file has when it is opened.
        with contextlib.suppress(OSError):  # told in our words below
            path.touch(mode=0o600)
        self._engine = open_engine(URL.create("sqlite", database=str(path)))
        with transaction(self._engine) as connection:
            _metadata.create_all(connection)
        hold_to_file(self._engine)

    def add(self, batch: Spooled) -> None:
        """Take a batch in; it is on the disk when this returns.

        Raises:
            StorageError: The disk is full or the file cannot be written.
        """
        with _on_disk(), transaction(self._engine) as connection:
            connection.execute(_batches.insert().values(msgspec.structs.asdict(batch)))

    def read(self) -> list[Spooled]:
        """Give all batches, the oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(_batches).order_by(_batches.c.number))
            return [
                Spooled(row.batch_id, row.sender_id, row.saved_at, bytes(row.payload))
                for row in rows
            ]

    def holds(self, batch_id: str) -> bool:
        """Tell whether a batch is still there; an erased person's are not."""
        with _on_disk(), reading(self._engine) as connection:
            query = sa.select(_batches.c.number).where(_batches.c.batch_id == batch_id)
            return connection.execute(query).first() is not None

    def remove(self, batch_ids: Sequence[str]) -> None:
        """Drop batches that the database has."""
        with _on_disk(), transaction(self._engine) as connection:
            connection.execute(
                _batches.delete().where(_batches.c.batch_id == sa.bindparam("written")),
                [{"written": batch_id} for batch_id in batch_ids],
            )

    def forget(self, sender_id: str) -> int:
        """Drop all batches of a pseudonym; give how many."""
        with transaction(self._engine) as connection:
            return connection.execute(
                _batches.delete().where(_batches.c.sender_id == sender_id)
            ).rowcount

    def count(self, sender_id: str) -> int:
        """Count the batches of a pseudonym."""
        with reading(self._engine) as connection:
            query = sa.select(sa.func.count()).where(_batches.c.sender_id == sender_id)
            found: int = connection.execute(query).scalar_one()
        return found

    def depth(self) -> Depth:
        """Count what waits."""
        with reading(self._engine) as connection:
            count, size, oldest = connection.execute(
                sa.select(
                    sa.func.count(),
                    sa.func.coalesce(
                        sa.func.sum(sa.func.length(_batches.c.payload)), 0
                    ),
                    sa.func.min(_batches.c.saved_at),
                )
            ).one()
        return Depth(count, size, oldest)

    def close(self) -> None:
        """Let go of the file; nothing is lost by not doing so."""
        self._engine.dispose()

    def delete(self) -> None:
        """Remove the file, which must be empty."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def _on_disk() -> Iterator[None]:
    """Speak of the disk, where the engine speaks of a database."""
    try:
        yield
    except StorageError:
        raise StorageError(
            "spool: its file cannot be used; is the disk full, or the file deleted?"
        ) from None


class Claim:
    """The right to write one spool file, for as long as the process lives."""

    def __init__(self, path: Path) -> None:
        """Take the right to *path*.

        Raises:
            BlockingIOError: A living process has it.
        """
        self.path = path
        descriptor = os.open(
            path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the right back."""
        os.close(self._descriptor)


def files(base: Path) -> Iterator[Path]:
    """Give the spool files of a bot that exist: one for each of its processes."""
    for path in _names(base):
        if path.exists():
            yield path


def waiting(base: Path) -> Depth:
    """Count what waits in all spool files of a bot.

    Raises:
        StorageError: One of them cannot be read.
    """
    depths = [spool.depth() for spool in _opened(base)]
    return Depth(
        batches=sum(depth.batches for depth in depths),
        bytes=sum(depth.bytes for depth in depths),
        oldest_at=min(
            (depth.oldest_at for depth in depths if depth.oldest_at is not None),
            default=None,
        ),
    )


def count(base: Path, sender_id: str) -> int:
    """Count the batches of a pseudonym that wait.

    Raises:
        StorageError: As for :func:`waiting`.
    """
    return sum(spool.count(sender_id) for spool in _opened(base))


def forget(base: Path, sender_id: str) -> int:
    """Drop what waits of a pseudonym; running servers will not write it any more.

    Raises:
        StorageError: As for :func:`waiting`.
    """
    return sum(spool.forget(sender_id) for spool in _opened(base))


def _opened(base: Path) -> Iterator[Spool]:
    for path in files(base):
        spool = Spool(path)
        yield spool
        spool.close()


def claim(base: Path) -> Claim:
    """Take the first spool file that no living process has.

    Raises:
        StorageError: The folder cannot be written, or there are too many servers.
    """
    for path in _names(base):
        try:
            return Claim(path)
        except BlockingIOError:
            continue
        except OSError:
            break
    raise StorageError(
        f"{base.name}: cannot be made beside the bot; make its folder writable"
    )


def _names(base: Path) -> Iterator[Path]:
    yield base
    for number in range(2, _MOST_PROCESSES + 1):
        yield base.with_name(f"{base.name}-{number}")
