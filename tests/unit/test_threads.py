"""Patience with a database: for a line that moves, not for one that stands still."""

import asyncio
import threading
import time

import pytest

from rasa_qa_plugin import threads
from rasa_qa_plugin.errors import StorageUnavailableError
from rasa_qa_plugin.threads import DatabaseThreads


def test_a_long_line_at_a_database_that_answers_is_no_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "_PATIENCE_SECONDS", 1.0)
    database = DatabaseThreads(1)

    async def crowd() -> list[None]:
        return await asyncio.gather(*(database.run(time.sleep, 0.2) for _ in range(10)))

    assert asyncio.run(crowd()) == [None] * 10


def test_who_stands_in_line_behind_work_that_hangs_gives_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "_PATIENCE_SECONDS", 0.5)
    database = DatabaseThreads(1)
    thawed = threading.Event()

    async def crowd() -> list[BaseException | bool]:
        try:
            return await asyncio.gather(
                *(database.run(thawed.wait, 60) for _ in range(3)),
                return_exceptions=True,
            )
        finally:
            thawed.set()

    outcomes = asyncio.run(crowd())
    assert [type(outcome) for outcome in outcomes] == [StorageUnavailableError] * 3
