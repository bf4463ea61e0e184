"""Keeping the queue in order: from the database through the ranking and back.

Runs beside a reader: it reads once, thinks without a transaction, and writes some
hundred rows at a time.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from sqlalchemy.engine import Engine

from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.privacy.tokens import is_token
from rasa_qa_plugin.review.grouping import leaders
from rasa_qa_plugin.review.proxy_intents import Example
from rasa_qa_plugin.review.queue import priority
from rasa_qa_plugin.review.ranking import Answer, Judgement, Ranking, Seen
from rasa_qa_plugin.review.wording import duplicate_key
from rasa_qa_plugin.storage import queue
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.queue import Answered, Rank, Waiting

logger = logging.getLogger(__name__)

MOST_TURNS = 20_000
_MOST_ANSWERS = 4000
# Near-duplicates are looked for where people will read soon.
_NEAR_DUPLICATES_AMONG = 2000
_BATCH = 500
# Words that the ranking has not read weigh nothing; with more new texts than this
# share, it reads all again.
_MOST_UNREAD = 0.2


class Reranker:
    """Puts the queue in order again, as often as asked."""

    def __init__(
        self, engine: Engine, training: Callable[[], Sequence[Example]]
    ) -> None:
        """Work on *engine*.

        Args:
            engine: The database.
            training: Reads the bot's training data; called once, when first needed.
        """
        self._engine = engine
        self._read_training = training
        self._training: Sequence[Example] | None = None
        self._ranking: Ranking | None = None
        self._known: set[str] = set()

    def run(self) -> list[Judgement]:
        """Rank what waits from all that is known now, and give what was thought of it.

        Raises:
            StorageError: The database refused; turns keep the place they had.
        """
        with reading(self._engine) as connection:
            waiting = queue.waiting(connection, most=MOST_TURNS)
            answered = queue.answered(connection, most=_MOST_ANSWERS)
        if not waiting:
            return []
        if self._training is None:
            self._training = self._read_training()
        ranking = self._current_ranking(waiting, answered)
        judgements = ranking.judge(
            [_seen(turn) for turn in waiting],
            [
                Answer(seen=_seen(answer.turn), intent=answer.right_intent)
                for answer in answered
            ],
        )
        ranks = _ranks(waiting, judgements, self._training, answered)
        for start in range(0, len(ranks), _BATCH):
            with transaction(self._engine) as connection:
                queue.write_ranks(connection, ranks[start : start + _BATCH])
        return judgements

    def _current_ranking(
        self, waiting: Sequence[Waiting], answered: Sequence[Answered]
    ) -> Ranking:
        texts = {turn.text for turn in waiting}
        unread = len(texts - self._known)
        if self._ranking is None or unread > _MOST_UNREAD * len(texts):
            # What was merged stands in the training data; as an answer it counts once,
            # and then its own prediction without itself is honest.
            merged = {
                (duplicate_key(answer.turn.text), answer.right_intent)
                for answer in answered
                if answer.merged
            }
            self._ranking = Ranking(
                [
                    example
                    for example in self._training or ()
                    if (duplicate_key(example.text), example.intent) not in merged
                ],
                [*texts, *(answer.turn.text for answer in answered)],
            )
            self._known = texts
        return self._ranking


class BackgroundReranker:
    """Reranks in a thread of its own; asking while it works asks for one more round."""

    def __init__(self, reranker: Reranker) -> None:
        """Start the thread; it ends with :meth:`close`, or with the process."""
        self._reranker = reranker
        self._asked = threading.Event()
        self._closed = False
        self._judgements: dict[str, Judgement] = {}
        self._thread = threading.Thread(
            target=self._work, name="qa-reranker", daemon=True
        )
        self._thread.start()

    def ask(self) -> None:
        """Ask for a new order; gives back at once."""
        self._asked.set()

    def judgement(self, turn_id: str) -> Judgement | None:
        """Give what the latest round thought of a turn."""
        return self._judgements.get(turn_id)

    def close(self) -> None:
        """Ask for nothing more; a round under way is left to itself."""
        self._closed = True
        self._asked.set()

    def _work(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            if self._closed:
                return
            try:
                judgements = self._reranker.run()
            except RasaQAError as error:
                # The reader goes on in the order there is.
                logger.warning("rasa_qa_plugin: the queue keeps its order: %s", error)
                continue
            self._judgements = {one.turn_id: one for one in judgements}


def _seen(turn: Waiting) -> Seen:
    return Seen(
        turn_id=turn.turn_id,
        text=turn.text,
        intent=turn.intent,
        confidence=turn.confidence,
        margin=turn.margin,
        novelty=turn.novelty,
        flags=turn.flags,
    )


def _ranks(
    waiting: Sequence[Waiting],
    judgements: Sequence[Judgement],
    training: Sequence[Example],
    answered: Sequence[Answered],
) -> list[Rank]:
    """Group what says the same; one turn of each group gets a place in the queue."""
    settled: dict[str, set[str | None]] = {}
    for example in training:
        settled.setdefault(duplicate_key(example.text), set()).add(example.intent)
    answered_keys = {duplicate_key(answer.turn.text) for answer in answered}

    key_of = {turn.turn_id: duplicate_key(turn.text) for turn in waiting}
    score_of = {one.turn_id: one.error_score for one in judgements}
    order = sorted(waiting, key=lambda turn: -score_of[turn.turn_id])
    first: dict[str, Waiting] = {}
    for turn in order:
        first.setdefault(key_of[turn.turn_id], turn)
    top = list(first.values())[:_NEAR_DUPLICATES_AMONG]
    joined = {
        key_of[turn.turn_id]: key_of[top[leader].turn_id]
        for turn, leader in zip(top, leaders([turn.text for turn in top]), strict=True)
    }
    group_of = {name: joined.get(key, key) for name, key in key_of.items()}
    sizes: dict[str, int] = {}
    for key in group_of.values():
        sizes[key] = sizes.get(key, 0) + 1

    def place(turn: Waiting, group: str) -> float | None:
        own = key_of[turn.turn_id]
        if (
            own != group
            or first[group] is not turn
            or own in answered_keys
            or turn.intent in settled.get(own, ())
            or is_token(turn.text.strip())
        ):
            return None
        return priority(score_of[turn.turn_id], turn.text, size=sizes[group])

    reasons_of = {one.turn_id: one.reasons for one in judgements}
    return [
        Rank(
            turn_id=turn.turn_id,
            error_score=score_of[turn.turn_id],
            reasons=reasons_of[turn.turn_id],
            duplicate_key=group_of[turn.turn_id],
            priority=place(turn, group_of[turn.turn_id]),
        )
        for turn in order
    ]
