"""One at a time: trainings share Rasa's cache, promotions the models folder."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from rasa_qa_plugin.errors import TrainingError


@contextlib.contextmanager
def held(bot: Path) -> Iterator[int]:
    """Hold the bot's lock; give its handle, for a process that shall hold it too.

    It goes with the last process that has the handle, however that ends.

    Raises:
        TrainingError: Somebody else holds it.
    """
    folder = bot / ".rasa_qa"
    folder.mkdir(exist_ok=True)
    handle = os.open(folder / "training.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(
                "training: another training or promotion of this bot is running; "
                "wait for it"
            ) from None
        yield handle
    finally:
        os.close(handle)
