"""The numbers of a bot in the text format that Prometheus reads. Numbers only."""

from collections.abc import Iterable, Iterator

import msgspec
import sqlalchemy as sa
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import conversations, flags, turns


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What the database holds, and how long it took to say so."""

    conversations: int
    turns: int
    by_flag: dict[str, int]
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
