"""Writes for a live bot: what is refused holds up nobody, what expired goes."""

import contextlib
import logging
import math
import time

from rasa_qa_plugin.batches import Batch, Recorded
from rasa_qa_plugin.errors import (
    RasaQAError,
    StorageDamagedError,
    StorageError,
    StorageUnavailableError,
)
from rasa_qa_plugin.recording import Recorder

logger = logging.getLogger(__name__)

_SWEEP_SECONDS = 60.0


class Writer:
    """Writes batches whole; what cannot be written as it is, bare; or not yet."""

    def __init__(self, recorder: Recorder) -> None:
        """Sweep the database of *recorder* soon."""
        self._recorder = recorder
        self._swept_at = -math.inf

    def write(self, batch: Batch) -> Recorded | None:
        """Give what a batch left behind, or None when it was refused for good.

        Raises:
            StorageUnavailableError: The database is away, or takes nothing at all in
                the state it is in; the batch must wait.
        """
        written = self._write(batch)
        # No clock that somebody sets back may keep the sweep from its work.
        if time.monotonic() - self._swept_at > _SWEEP_SECONDS:
            self._swept_at = time.monotonic()
            with contextlib.suppress(StorageError):
                self._recorder.drop_expired(now=time.time())
        return written

    def _write(self, batch: Batch) -> Recorded | None:
        fault: Exception | None = None
        # As it is once more: where two servers met a person at once, one of them was
        # refused, and both can write by now.
        for bare in (False, False, True):
            try:
                return self._recorder.record(batch, now=batch.saved_at, bare=bare)
            except Exception as error:  # Rasa would keep it raw
                fault = error
                damaged = isinstance(error, StorageDamagedError)
                if isinstance(error, StorageUnavailableError) and not damaged:
                    raise
                report(error)
        if isinstance(fault, StorageDamagedError):  # not even bare, so nothing can be
            raise fault
        logger.critical("rasa_qa_plugin: %d events were refused", len(batch.events))
        return None


def report(error: Exception) -> None:
    """Log a fault: our own errors hold no values, of others only the kind is told."""
    shown = error if isinstance(error, RasaQAError) else type(error).__name__
    logger.error("rasa_qa_plugin: %s", shown)
