"""One small bot, trained once, whoever tests beside whom."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.acceptance.small_bot import train


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small bot with its model; copy it before you run it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "trained"
    with (base / "trained.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            draft = base / "in_training"
            train(draft)
            draft.rename(folder)
    return folder
