"""The numbers of a bot in the text format that Prometheus reads. Numbers only."""

import functools
import time
from bisect import bisect_left
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, ParamSpec, TypeVar

import msgspec
import sqlalchemy as sa
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage import escalations
from rasa_qa_plugin.storage.schema import conversations, flags, turns

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

P = ParamSpec("P")
T = TypeVar("T")


class Latency:
    """How long something took, by bucket, since this process started.

    The client library's own histogram takes locks, and with them as long as a tenth of
    a cached retrieve. Only the event loop's thread may add to this one.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self._seconds += seconds

    def observed(
        self, work: Callable[P, Coroutine[Any, Any, T]]
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        """Give *work*, observed; it stays a coroutine function."""

        @functools.wraps(work)
        async def observed(*args: P.args, **kwargs: P.kwargs) -> T:
            started = time.perf_counter()
            try:
                return await work(*args, **kwargs)
            finally:
                self.observe(time.perf_counter() - started)

        return observed

    def buckets(self) -> list[tuple[str, float]]:
        """Give how many took at most as long as each bound, as Prometheus has it."""
        total = 0
        found: list[tuple[str, float]] = []
        for bound, number in zip((*_BOUNDS, float("inf")), self._counts, strict=True):
            total += number
            found.append(("+Inf" if bound == float("inf") else str(bound), total))
        return found

    @property
    def seconds(self) -> float:
        """All that was observed, added up."""
        return self._seconds


SAVING, RETRIEVING = Latency(), Latency()
"""Of this process, whatever stores it has: a swapped model brings a new one."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What the database holds, and how long it took to say so."""

    conversations: int
    turns: int
    by_flag: dict[str, int]
    tickets: dict[str, int]
    seconds: float


class ServerCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What one server process knows of itself."""

    events_waiting: int
    masking_failures: int


def count(connection: Connection, known_flags: Iterable[str]) -> Counts:
    """Count in the database; *seconds* is left at 0 for who holds the clock.

    Each known flag has a number, others have none: a label for each thing that is in a
    database would be too many for Prometheus.
    """
    raised = dict.fromkeys(known_flags, 0)
    number = sa.func.count()
    by_flag = sa.select(flags.c.flag, number.label("number")).group_by(flags.c.flag)
    for row in connection.execute(by_flag):
        if row.flag in raised:
            raised[row.flag] = row.number
    return Counts(
        conversations=connection.execute(
            sa.select(number).select_from(conversations)
        ).scalar_one(),
        turns=connection.execute(sa.select(number).select_from(turns)).scalar_one(),
        by_flag=raised,
        tickets=escalations.count_by_status(connection),
        seconds=0.0,
    )


def exposition(counts: Counts, server: ServerCounts) -> bytes:
    """Write the numbers as Prometheus reads them, without those of the process."""
    registry = CollectorRegistry()
    registry.register(_Collector(counts, server))
    return generate_latest(registry)


class _Collector:
    """Gives the numbers it was made with, once."""

    def __init__(self, counts: Counts, server: ServerCounts) -> None:
        self._counts = counts
        self._server = server

    def collect(self) -> Iterator[Metric]:
        """Give one family per number."""
        counts, server = self._counts, self._server
        yield GaugeMetricFamily(
            "rasa_qa_conversations",
            "Conversations in the database.",
            value=counts.conversations,
        )
        yield GaugeMetricFamily(
            "rasa_qa_turns", "Turns in the database.", value=counts.turns
        )
        flagged = GaugeMetricFamily(
            "rasa_qa_flagged_turns",
            "Turns in the database by the reason to read them.",
            labels=["flag"],
        )
        for flag, raised in counts.by_flag.items():
            flagged.add_metric([flag], raised)
        yield flagged
        tickets = GaugeMetricFamily(
            "rasa_qa_tickets",
            "Conversations handed over to people, by status.",
            labels=["status"],
        )
        for status, number in counts.tickets.items():
            tickets.add_metric([status], number)
        yield tickets
        yield GaugeMetricFamily(
            "rasa_qa_count_seconds",
            "How long the database took to count the above.",
            value=counts.seconds,
        )
        yield GaugeMetricFamily(
            "rasa_qa_events_waiting",
            "Events of this server process that wait for the database.",
            value=server.events_waiting,
        )
        yield GaugeMetricFamily(
            "rasa_qa_masking_failures",
            "Events withheld since this process started, for masking them failed.",
            value=server.masking_failures,
        )
        took = HistogramMetricFamily(
            "rasa_qa_store_seconds",
            "How long this process's tracker store took, waiting included.",
            labels=["operation"],
        )
        for operation, latency in (("save", SAVING), ("retrieve", RETRIEVING)):
            took.add_metric([operation], latency.buckets(), latency.seconds)
        yield took
