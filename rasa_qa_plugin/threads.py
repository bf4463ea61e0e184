"""Threads for the database, and patience with one that is away. Rasa-free."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from rasa_qa_plugin.errors import StorageUnavailableError

_PATIENCE_SECONDS = 5.0
_REST_PER_SECOND_LOST = 10.0
_LONGEST_REST_SECONDS = 15.0

T = TypeVar("T")


class DatabaseThreads:
    """Keeps database work off the event loop, and the loop free of a database's faults.

    A message waits for the database some seconds at most, and once that was in vain,
    the next ones do not wait at all for ten times as long: nine tenths of the messages
    of an outage are as fast as ever.
    """

    def __init__(self, count: int) -> None:
        """Start *count* threads, when there is work for them."""
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="rasa-qa")
        self._away_until = 0.0
        self._answered_at = 0.0

    async def run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Give what *work* gives.

        Raises:
            StorageUnavailableError: *work* raised it, or does not answer, or had no
                chance to a moment ago. It may still get through later.
        """
        started: list[float] = []

        def attempt() -> T:
            self._refuse_while_away()
            started.append(time.monotonic())
            try:
                return work(*args, **kwargs)
            except StorageUnavailableError:
                self._leave_alone(time.monotonic() - started[0])
                raise
            finally:
                self._answered_at = time.monotonic()

        self._refuse_while_away()
        running = asyncio.get_running_loop().run_in_executor(self._threads, attempt)
        running.add_done_callback(_forget_outcome)
        asked_at = time.monotonic()
        while not running.done():
            # In a line that moves on, the database does answer: others, for now.
            since = started[0] if started else max(asked_at, self._answered_at)
            patience = since + _PATIENCE_SECONDS - time.monotonic()
            if patience <= 0:
                self._leave_alone(_PATIENCE_SECONDS)
                raise StorageUnavailableError(
                    "database: does not answer; check that the server runs"
                )
            await asyncio.wait({running}, timeout=patience)
        return running.result()

    def _refuse_while_away(self) -> None:
        if time.monotonic() < self._away_until:
            raise StorageUnavailableError("database: away; it is tried again soon")

    def _leave_alone(self, lost: float) -> None:
        rest = min(_REST_PER_SECOND_LOST * lost, _LONGEST_REST_SECONDS)
        self._away_until = time.monotonic() + rest


def _forget_outcome(done: "asyncio.Future[Any]") -> None:
    """Look at an outcome that maybe nobody waits for, so that asyncio logs nothing."""
    if not done.cancelled():
        done.exception()
