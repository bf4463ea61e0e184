"""What waits while a server turns to another model."""

import asyncio
from datetime import datetime, timedelta, timezone

import pytest
from rasa.core import jobs
from rasa.core.processor import MessageProcessor

from rasa_qa_plugin.swapping import hand_over_reminders


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_reminder_that_waits_is_handled_by_the_model_that_answers_then() -> None:
    former, new, other = (MessageProcessor.__new__(MessageProcessor) for _ in range(3))
    later = datetime.now(timezone.utc) + timedelta(days=1)

    async def handled() -> None:
        scheduler = await jobs.scheduler()
        try:
            ours, theirs = (
                scheduler.add_job(
                    one.handle_reminder, "date", run_date=later, args=["r", "s", "o"]
                )
                for one in (former, other)
            )
            await hand_over_reminders(former, new)
            assert ours.func.__self__ is new
            assert (ours.args, ours.next_run_time) == (("r", "s", "o"), later)
            assert theirs.func.__self__ is other
        finally:
            jobs.kill_scheduler()

    asyncio.run(handled())
