"""Batches that wait for the database: in order per person, in memory and on disk.

Rasa-free, and for several threads. What the disk holds survives the process; what the
disk cannot take still waits in memory, and an alarm says so.
"""

import json
import logging
import threading
from collections import deque
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.engine import URL

from rasa_qa_plugin.batches import Batch, Event
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import StorageError
from rasa_qa_plugin.opening import Opened, connection_url
from rasa_qa_plugin.privacy.vault import Vault
from rasa_qa_plugin.storage import spool
from rasa_qa_plugin.storage.spool import Claim, Spool, Spooled, claim, files

logger = logging.getLogger(__name__)

_CONTEXT = "spool"
_ALARM_SHARE = 0.8
_MOST_AT_ONCE = 50  # a message waits while they are written


# One for each database, shared by all stores of a process: a swapped model brings a new
# store, and what the former one could not write is that one's to write.
_BACKLOGS: dict[str, "Backlog"] = {}


def spool_of(bot: Bot) -> Path:
    """Give where the spool of a bot lies, whether or not anything waits."""
    return spool_base(connection_url(bot.connection()), bot.folder)


def spool_base(url: URL, folder: Path) -> Path:
    """Give where the spool of a database lies: beside it, or in the bot's *folder*."""
    if url.drivername.startswith("sqlite"):
        return folder / f"{url.database}.spool"
    return folder / f"{Path(url.database or 'rasa').name}.spool"


def backlog_of(opened: Opened, folder: Path) -> "Backlog":
    """Give the backlog of a database, with what former processes left of it."""
    url = opened.engine.url
    backlog = _BACKLOGS.get(str(url))
    if backlog is None:
        backlog = _BACKLOGS[str(url)] = Backlog(
            spool_base(url, folder),
            opened.vault,
            most_bytes=int(opened.settings.storage.spool_megabytes * 1e6),
        )
        try:
            backlog.recover()
        except StorageError as error:
            logger.critical("rasa_qa_plugin: the spool is left alone: %s", error)
    return backlog


class Backlog:
    """What the database does not have yet. While nothing waits, it makes no file."""

    def __init__(self, base: Path, vault: Vault, *, most_bytes: int) -> None:
        """Keep the spool at *base*, of up to *most_bytes* sealed bytes."""
        self._base = base
        self._vault = vault
        self._most_bytes = most_bytes
        self._waiting: dict[str, deque[Batch]] = {}
        self._events = 0
        # Batches that wait in memory only, and the sizes of those on the disk.
        self._unsaved: dict[str, Batch] = {}
        self._sizes: dict[str, int] = {}
        # What the database has, and the disk would not let go of.
        self._written: list[str] = []
        self._bytes = 0
        self._claim: Claim | None = None
        self._spool: Spool | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Count the events that wait."""
        return self._events

    def __contains__(self, sender_id: str) -> bool:
        """Tell whether anything of a person waits."""
        return sender_id in self._waiting

    def people(self) -> list[str]:
        """Give the sender ids of those who wait, who came first first."""
        return list(self._waiting)

    def events_of(self, sender_id: str) -> list[Event]:
        """Give the events of a person that wait, in order."""
        with self._lock:
            waiting = self._waiting.get(sender_id, ())
            return [event for batch in waiting for event in batch.events]

    def recover(self) -> int:
        """Take over what processes that are gone have left; give how many batches.

        Raises:
            StorageError: A spool is there and cannot be read.
        """
        recovered = 0
        with self._lock:
            for path in files(self._base):
                try:
                    theirs = Claim(path)
                except OSError:  # its process lives, or it is not ours to write
                    continue
                recovered += self._take_over(theirs)
        return recovered

    def _take_over(self, theirs: Claim) -> int:
        left = Spool(theirs.path)
        spooled = left.read()
        batches = [self._opened(one) for one in spooled]
        if None in batches:
            logger.critical(
                "rasa_qa_plugin: %s holds batches of another secret; set "
                "RASA_QA_SECRET to the one they were saved with, too",
                theirs.path.name,
            )
        if self._spool is None:
            self._claim, self._spool = theirs, left
        for one, batch in zip(spooled, batches, strict=True):
            if batch is None:
                continue  # it stays where it is until its secret is back
            if self._spool is not left:
                self._spool.add(one)
                left.remove([one.batch_id])
            self._remember(batch)
            self._count(one)
        if self._spool is not left:
            if None in batches:
                left.close()
            else:
                left.delete()
            theirs.release()
        return len(batches) - batches.count(None)

    def add(self, batch: Batch) -> None:
        """Let a batch wait: on the disk when this returns, if the disk takes it.

        Once the disk has room again, it also takes what had to wait in memory.
        """
        batch = msgspec.structs.replace(batch, waited=True)
        with self._lock:
            self._remember(batch)
            self._unsaved[batch.batch_id] = batch
            for unsaved in list(self._unsaved.values())[:_MOST_AT_ONCE]:  # in order
                try:
                    self._keep(unsaved)
                except StorageError as error:  # the next one would not fit either
                    self._warn(error)
                    return
                except Exception as error:  # noqa: BLE001 - JSON refuses what it likes
                    self._warn(type(error))
                del self._unsaved[unsaved.batch_id]
            if self._unsaved:
                self._warn("the spool has room again and is catching up")

    def _warn(self, shown: object) -> None:
        logger.critical(
            "rasa_qa_plugin: %s; events wait in memory only, restarting now would lose "
            "them",
            shown,
        )

    def first(self, sender_id: str) -> Batch | None:
        """Give the batch of a person that is to be written next.

        Batches that somebody has erased from the spool are dropped.
        """
        with self._lock:
            waiting = self._waiting.get(sender_id)
            while waiting:
                batch = waiting[0]
                if batch.batch_id not in self._sizes or self._is_there(batch):
                    return batch
                self._drop(batch)
            return None

    def _is_there(self, batch: Batch) -> bool:
        try:
            return self._spool is None or self._spool.holds(batch.batch_id)
        except StorageError as error:  # the disk fails: what memory holds counts
            logger.error("rasa_qa_plugin: %s", error)  # noqa: TRY400
            return True

    def done(self, batch: Batch) -> None:
        """Let go of a batch that the database has, or has refused for good."""
        with self._lock:
            waiting = self._waiting.get(batch.sender_id)
            if not waiting or waiting[0].batch_id != batch.batch_id:
                return  # another one was quicker
            if self._spool is not None and batch.batch_id in self._sizes:
                self._written.append(batch.batch_id)
                try:
                    self._spool.remove(self._written)
                except StorageError as error:  # tried again; it is known as written
                    logger.error("rasa_qa_plugin: %s", error)  # noqa: TRY400
                else:
                    self._written.clear()
            self._drop(batch)

    def forget(self, sender_id: str) -> int:
        """Drop what waits of a person, in all spools of the bot; give how many batches.

        Raises:
            StorageError: A spool cannot be read; then nothing is dropped here.
        """
        with self._lock:
            batches = spool.forget(self._base, self._vault.pseudonym(sender_id))
            while waiting := self._waiting.get(sender_id):
                batches += waiting[0].batch_id not in self._sizes  # in memory only
                self._drop(waiting[0])
            return batches

    def _remember(self, batch: Batch) -> None:
        self._waiting.setdefault(batch.sender_id, deque()).append(batch)
        self._events += len(batch.events)

    def _drop(self, batch: Batch) -> None:
        waiting = self._waiting[batch.sender_id]
        waiting.popleft()
        if not waiting:
            del self._waiting[batch.sender_id]
        self._events -= len(batch.events)
        self._bytes -= self._sizes.pop(batch.batch_id, 0)
        self._unsaved.pop(batch.batch_id, None)

    def _count(self, spooled: Spooled) -> None:
        self._sizes[spooled.batch_id] = len(spooled.payload)
        self._bytes += len(spooled.payload)

    def _keep(self, batch: Batch) -> None:
        """Write a batch to the disk."""
        spooled = self._sealed(batch)
        share = (self._bytes + len(spooled.payload)) / self._most_bytes
        if share > 1:
            raise StorageError(
                "storage.spool_megabytes: the spool is full; bring the database back"
            )
        if self._spool is None:
            self._claim = claim(self._base)
            self._spool = Spool(self._claim.path)
        self._spool.add(spooled)
        self._count(spooled)
        if share > _ALARM_SHARE:
            logger.critical(
                "rasa_qa_plugin: the spool is %d %% full; bring the database back",
                int(100 * share),
            )

    def _sealed(self, batch: Batch) -> Spooled:
        content = {
            "sender_id": batch.sender_id,
            "events": batch.events,
            "replaces": batch.replaces,
        }
        return Spooled(
            batch_id=batch.batch_id,
            sender_id=self._vault.pseudonym(batch.sender_id),
            saved_at=batch.saved_at,
            payload=self._vault.seal(
                json.dumps(content, default=_plain).encode(), context=_CONTEXT
            ),
        )

    def _opened(self, spooled: Spooled) -> Batch | None:
        content = self._vault.unseal(spooled.payload, context=_CONTEXT)
        if content is None:
            return None
        return Batch(
            **json.loads(content),
            batch_id=spooled.batch_id,
            saved_at=spooled.saved_at,
            waited=True,
        )


def _plain(value: Any) -> Any:
    """Give NumPy's numbers as Python's; anything else that JSON lacks as text."""
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else str(value)
