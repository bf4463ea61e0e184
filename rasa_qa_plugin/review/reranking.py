"""Keeping the queue in order: from the database through the ranking and back.

Runs beside a reader: it reads once, thinks without a transaction, and writes some
hundred rows at a time.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from sqlalchemy.engine import Engine

from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.privacy.tokens import is_token
from rasa_qa_plugin.review.flags import DISAGREEMENT
from rasa_qa_plugin.review.grouping import leaders
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.queue import priority
from rasa_qa_plugin.review.ranking import Judgement, Ranking
from rasa_qa_plugin.review.wording import duplicate_key, folded
from rasa_qa_plugin.storage import queue
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.queue import Answered, Rank, Waiting

logger = logging.getLogger(__name__)

MOST_TURNS = 20_000
_MOST_ANSWERS = 4000
# Near-duplicates are looked for where people will read soon.
_NEAR_DUPLICATES_AMONG = 2000
_BATCH = 1000
_UNMOVED = 0.002
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
        self._trained: dict[str, set[str]] = {}  # duplicate key to intents
        self._keys: dict[str, str] = {}

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
            for example in self._training:
                key = duplicate_key(example.text)
                self._trained.setdefault(key, set()).add(example.intent)
        ranking = self._current_ranking(waiting, answered)
        judgements = ranking.judge(waiting, answered)
        ranks = [
            rank
            for turn, rank in zip(
                waiting, self._ranks(waiting, judgements, answered), strict=True
            )
            if _moved(turn, rank)
        ]
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
            self._keys.clear()
        return self._ranking

    def _ranks(
        self,
        waiting: Sequence[Waiting],
        judgements: Sequence[Judgement],
        answered: Sequence[Answered],
    ) -> list[Rank]:
        """Group what says the same; one turn of each group gets a place in the queue.

        Gives the ranks in the order of the turns.
        """
        key_of = {turn.turn_id: self._key(turn.text) for turn in waiting}
        score_of = {one.turn_id: one.error_score for one in judgements}
        done = {self._key(answer.turn.text) for answer in answered}

        def may_stand(turn: Waiting) -> bool:
            own = key_of[turn.turn_id]
            # What people could not agree upon is read, whatever says the same.
            is_new = own not in done and turn.intent not in self._trained.get(own, ())
            return (
                (is_new or DISAGREEMENT in turn.flags)
                and folded(turn.text) != ""
                and not is_token(turn.text.strip())
            )

        first: dict[str, Waiting] = {}
        # Who cannot stand for others leads none, or nobody would ever read them.
        standing = filter(may_stand, waiting)
        for turn in sorted(standing, key=lambda turn: -score_of[turn.turn_id]):
            first.setdefault(key_of[turn.turn_id], turn)
        top = list(first.values())[:_NEAR_DUPLICATES_AMONG]
        joined = {
            key_of[turn.turn_id]: key_of[top[leader].turn_id]
            for turn, leader in zip(
                top, leaders([turn.text for turn in top]), strict=True
            )
        }
        sizes = Counter(joined.get(key, key) for key in key_of.values())

        def rank(turn: Waiting, judged: Judgement) -> Rank:
            own = key_of[turn.turn_id]
            group = joined.get(own, own)
            stands = own == group and first.get(group) is turn
            return Rank(
                turn_id=turn.turn_id,
                error_score=judged.error_score,
                reasons=judged.reasons,
                duplicate_key=group,
                priority=priority(judged.error_score, turn.text, size=sizes[group])
                if stands
                else None,
            )

        return list(map(rank, waiting, judgements))

    def _key(self, text: str) -> str:
        """Give a text's duplicate key; most texts are asked for at every round."""
        key = self._keys.get(text)
        if key is None:
            key = self._keys[text] = duplicate_key(text)
        return key


class BackgroundReranker:
    """Reranks in a thread of its own; asking while it works asks for one more round."""

    def __init__(self, reranker: Reranker) -> None:
        """Start the thread; it ends with :meth:`close`, or with the process."""
        self._reranker = reranker
        self._asked = threading.Event()
        self._requests = 0
        self._served = 0
        self._problem: str | None = None
        self._closed = False
        self._judgements: dict[str, Judgement] = {}
        self._thread = threading.Thread(
            target=self._work, name="qa-reranker", daemon=True
        )
        self._thread.start()

    def ask(self) -> None:
        """Ask for a new order; gives back at once."""
        self._requests += 1
        self._asked.set()

    @property
    def served(self) -> int:
        """How many requests are answered; it grows when a round ends."""
        return self._served

    @property
    def is_done(self) -> bool:
        """Whether all that was asked for is answered."""
        return self._served == self._requests

    @property
    def problem(self) -> str | None:
        """Why the latest round left the queue as it was, if it did."""
        return self._problem

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
            requests = self._requests
            try:
                judgements = self._reranker.run()
            except RasaQAError as error:
                # The reader goes on in the order there is.
                logger.warning("rasa_qa_plugin: the queue keeps its order: %s", error)
                self._problem = str(error)
            except Exception as error:  # noqa: BLE001 - a traceback may quote anything
                self._problem = (
                    f"ranking: failed ({type(error).__name__}); tell the maintainers "
                    "how it came about"
                )
                logger.error("rasa_qa_plugin: %s", self._problem)  # noqa: TRY400
            else:
                self._judgements = {one.turn_id: one for one in judgements}
                self._problem = None
            self._served = requests


def _moved(turn: Waiting, rank: Rank) -> bool:
    """Tell whether a turn's place differs so much that it is worth a write."""
    return (
        turn.error_score is None
        or abs(turn.error_score - rank.error_score) > _UNMOVED
        or turn.duplicate_key != rank.duplicate_key
        or (turn.priority is None) != (rank.priority is None)
        # The size of its group has changed.
        or abs((turn.priority or 0) - (rank.priority or 0)) > _UNMOVED
    )
