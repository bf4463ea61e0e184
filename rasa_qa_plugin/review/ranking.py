"""Estimating errors: signals of turns in, probabilities and reasons out.

Asks no database: `reranking.py` brings the turns and keeps the results.
"""

from collections.abc import Sequence

import msgspec

from rasa_qa_plugin.review.error_score import ErrorScore, Signals, intent_records
from rasa_qa_plugin.review.flags import FALLBACK, UNLIKELY_INTENT
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.proxy_intents import ProxyIntents
from rasa_qa_plugin.storage.queue import Answered, Waiting

LIKELY_INTENTS = 3


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the ranking thinks of a turn.

    Attributes:
        error_score: Probability that the bot's intent is wrong, 0..1.
        reasons: Signal to what it adds to the log-odds of an error, largest first.
        likely: The intents the proxy finds likeliest, with probabilities.
    """

    turn_id: str
    error_score: float
    reasons: dict[str, float]
    likely: list[tuple[str, float]]


class Ranking:
    """Judges turns again and again while answers come in; keeps what is dear."""

    def __init__(self, training: Sequence[Example], traffic: Sequence[str]) -> None:
        """Learn the training data; see :class:`ProxyIntents`."""
        self._proxy = ProxyIntents(training, traffic)

    def judge(
        self, turns: Sequence[Waiting], answers: Sequence[Answered]
    ) -> list[Judgement]:
        """Estimate the errors among *turns* from all that is known now.

        The same answers give the same estimates, whatever was asked before.
        """
        now, before = self._proxy.judge(
            [turn.text for turn in turns],
            [Example(answer.turn.text, answer.right_intent) for answer in answers],
        )
        answers = answers[len(answers) - len(before.probabilities) :]
        wrong = [answer.wrong for answer in answers]
        answered = [answer.turn for answer in answers]
        records, own_records = intent_records(
            [turn.intent for turn in turns], [turn.intent for turn in answered], wrong
        )
        score = ErrorScore()
        learned = before.of([turn.intent for turn in answered])
        score.learn(
            [
                _signals(*parts)
                for parts in zip(answered, learned, own_records, strict=True)
            ],
            wrong,
        )
        learned = now.of([turn.intent for turn in turns])
        signals = [
            _signals(*parts) for parts in zip(turns, learned, records, strict=True)
        ]
        estimates, reasons = score.estimate(signals)
        likely = now.best(LIKELY_INTENTS)
        return [
            Judgement(turn_id=turn.turn_id, error_score=one, reasons=why, likely=best)
            for turn, one, why, best in zip(
                turns, estimates, reasons, likely, strict=True
            )
        ]


# What the model that answered thought; of another one it says nothing.
_OF_ITS_MODEL = frozenset((FALLBACK, UNLIKELY_INTENT))


def _signals(turn: Waiting, learned: float, intent_record: float) -> Signals:
    flags = turn.flags
    if turn.reread:
        flags = tuple(flag for flag in flags if flag not in _OF_ITS_MODEL)
    return Signals(
        confidence=turn.confidence,
        margin=turn.margin,
        novelty=None if turn.reread else turn.novelty,
        learned=float(learned),
        intent_record=intent_record,
        flags=flags,
    )
