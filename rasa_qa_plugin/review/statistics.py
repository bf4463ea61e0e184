"""What reviewing has shown: how much is read, how fast, and where the bot errs."""

import statistics as averages
from collections import Counter

import msgspec
from sqlalchemy.engine import Connection

from rasa_qa_plugin.review.agreement import Agreement, agreement
from rasa_qa_plugin.review.calibration import Calibration, calibration
from rasa_qa_plugin.storage import statistics as stored
from rasa_qa_plugin.storage.statistics import Counts

NO_INTENT = "none"


class IntentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What people thought of the turns that the bot took for one intent."""

    decided: int
    right: int
    accuracy: float


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """How often the bot took one intent for another."""

    bot: str
    right: str
    turns: int


class Statistics(Counts, frozen=True, kw_only=True):
    """All that `rasa-qa stats` tells.

    Attributes:
        reviewed_share: Of the turns with a text; None without any.
        decided: Turns whose right intent somebody gave.
        accepted_share: Of these, where it was the bot's; None without any.
        seconds_median: Per decision, where it was measured.
        seconds_mean: Likewise.
        accuracy: By the bot's intent. The queue puts doubtful turns in front, so this
            is less than over all traffic.
        confusions: Commonest first.
        error_score: How far it is from the errors that people found.
        confidence: How far it is from the share of right intents.
        agreement: How far people agree who read the same turns.
    """

    reviewed_share: float | None
    decided: int
    accepted_share: float | None
    seconds_median: float | None
    seconds_mean: float | None
    accuracy: dict[str, IntentRecord]
    confusions: list[Confusion]
    error_score: Calibration
    confidence: Calibration
    agreement: list[Agreement]


def statistics(connection: Connection, *, since: float | None = None) -> Statistics:
    """Sum up the turns said, and the decisions taken, since a moment, or all."""
    counts = stored.counts(connection, since=since)
    decisions = stored.decisions(connection, since=since)
    pairs = Counter((one.intent or NO_INTENT, one.right_intent) for one in decisions)
    decided: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for (bot, true), number in pairs.items():
        decided[bot] += number
        right[bot] += number * (bot == true)
    seconds = [one.seconds for one in decisions if one.seconds is not None]
    return Statistics(
        **msgspec.structs.asdict(counts),
        reviewed_share=counts.reviewed / counts.with_text if counts.with_text else None,
        decided=len(decisions),
        accepted_share=right.total() / len(decisions) if decisions else None,
        seconds_median=averages.median(seconds) if seconds else None,
        seconds_mean=averages.fmean(seconds) if seconds else None,
        accuracy={
            intent: IntentRecord(
                decided=number, right=right[intent], accuracy=right[intent] / number
            )
            for intent, number in decided.most_common()
        },
        confusions=[
            Confusion(bot=bot, right=true, turns=number)
            for (bot, true), number in pairs.most_common()
            if bot != true
        ],
        error_score=calibration(
            (one.error_score, one.judged_intent != one.right_intent)
            for one in decisions
            if one.error_score is not None
        ),
        confidence=calibration(
            (one.confidence, one.intent == one.right_intent)
            for one in decisions
            if one.confidence is not None
        ),
        agreement=agreement(stored.opinions(connection, since=since)),
    )
