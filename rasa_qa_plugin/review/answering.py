"""A session of reading and answering, without a screen.

Every answer is one transaction: it is kept whole or not at all, and never over the
answer of somebody else.
"""

import contextlib
import random
from collections.abc import Sequence
from typing import Literal

import msgspec
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin.errors import StorageError
from rasa_qa_plugin.review.flags import DISAGREEMENT
from rasa_qa_plugin.review.items import Entity, Item, clean, tidy
from rasa_qa_plugin.review.marking import carried
from rasa_qa_plugin.review.queue import page
from rasa_qa_plugin.review.tasks import Task, read_task
from rasa_qa_plugin.storage import annotations, queue, runs, turns
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.turns import Turn

SOURCE = "annotate"
_PAGE = 8

Kind = Literal["right", "corrected", "rejected", "skipped"]


class _Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What undoing needs to know.

    Attributes:
        disputes: Rows of opinions that the decision settled, each with its turn.
    """

    task: Task
    kind: Kind
    turn_ids: list[str]
    recorded: list[Annotation]
    disputes: dict[int, str] = {}
    seconds: float


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a session did; what was undone does not count.

    Attributes:
        turns: How many turns the answers settled, those alike included.
        seconds: Mean time of a decision; None before the first one.
    """

    right: int
    corrected: int
    rejected: int
    skipped: int
    turns: int
    seconds: float | None

    @property
    def answers(self) -> int:
        """Decisions that settled something."""
        return self.right + self.corrected + self.rejected


class Session:
    """One person's way through the queue. Not for several threads at once.

    Every method that says something gives it as a sentence for the reader, without a
    word of anybody's text.
    """

    def __init__(
        self, engine: Engine, *, flag: str | None = None, annotator: str = ""
    ) -> None:
        """Work on *engine*; nothing is read before :meth:`refresh`.

        Args:
            engine: The database.
            flag: Only turns with this flag.
            annotator: Who answers. What they say settles what others disputed.
        """
        self._engine = engine
        self._annotator = annotator
        self._flag = flag
        self._line: list[Task] = []
        self._done: list[_Decision] = []
        self._skipped: set[str] = set()
        self.current: Task | None = None

    def refresh(self) -> None:
        """Take the queue as it is now; what is on the screen stays there.

        Raises:
            StorageError: The database refused.
        """
        with reading(self._engine) as connection:
            line = self._page(connection, [self.current] if self.current else [])
        self._line = line
        if self.current is None and self._line:
            self.current = self._line.pop(0)

    def prefetch(self) -> None:
        """Read the next page before the last one is used up.

        Raises:
            StorageError: The database refused.
        """
        if len(self._line) > _PAGE // 2:
            return
        at_hand = [*self._line, *([self.current] if self.current else [])]
        with reading(self._engine) as connection:
            self._line += self._page(connection, at_hand)

    def answer(
        self,
        intent: str,
        entities: Sequence[Entity],
        *,
        alike: bool,
        seconds: float,
        now: float,
    ) -> str:
        """Record what the current turn should have been, and go on to the next one.

        Args:
            intent: The right intent.
            entities: The right entities of the text on the screen.
            alike: Whether the answer holds for the turns that say the same. One whose
                text cannot take the entities is left to be read by itself.
            seconds: How long the decision took.
            now: Seconds since the epoch.

        Raises:
            StorageError: The database refused; nothing was recorded.
        """
        task = self._task()
        right = (intent, tuple(entities)) == (task.bot_intent, task.item.entities)
        others = task.others if alike else []
        left = 0
        with transaction(self._engine) as connection:
            found = _held(connection, task, others)
            lost = _lost(task, found.get(task.turn.turn_id))
            if lost is None:
                recorded = [self._annotation(task.item, intent, entities, now, seconds)]
                for turn_id, text in others:
                    turn = found.get(turn_id)
                    if turn is None or turn.status != "new" or turn.text != text:
                        continue
                    item = Item(turn_id=turn_id, text=clean(text), intent=intent)
                    marks = carried(entities, task.item.text, item.text)
                    if marks is None:
                        left += 1
                    else:
                        recorded.append(
                            self._annotation(item, intent, marks, now, None)
                        )
                disputes = annotations.record_many(connection, recorded)
                settled = [one.turn_id for one in recorded]
                turns.set_status(connection, settled, "annotated")
                turns.lower_flag(connection, settled, DISAGREEMENT)
        if lost is not None:
            return self._lose(lost)
        self._settle(
            _Decision(
                task=task,
                kind="right" if right else "corrected",
                turn_ids=settled,
                recorded=recorded,
                disputes=disputes,
                seconds=seconds,
            )
        )
        stays = f"; {left} alike cannot take the entities and wait" if left else ""
        return f"{intent}{_and_alike(settled)}{stays}"

    def reject(self, *, alike: bool, seconds: float) -> str:
        """Take the current turn out of the queue for good, and go on.

        Raises:
            StorageError: The database refused; the turn stays.
        """
        task = self._task()
        others = task.others if alike else []
        with transaction(self._engine) as connection:
            found = _held(connection, task, others)
            lost = _lost(task, found.get(task.turn.turn_id))
            settled = [name for name, turn in found.items() if turn.status == "new"]
            if lost is None:
                turns.set_status(connection, settled, "rejected")
        if lost is not None:
            return self._lose(lost)
        self._settle(
            _Decision(
                task=task,
                kind="rejected",
                turn_ids=settled,
                recorded=[],
                seconds=seconds,
            )
        )
        return f"rejected{_and_alike(settled)}"

    def skip(self) -> str:
        """Leave the current turn, and those alike, for another session."""
        task = self._task()
        self._skipped.update(task.turn_ids)
        self._settle(
            _Decision(task=task, kind="skipped", turn_ids=[], recorded=[], seconds=0.0)
        )
        return "skipped; it comes again next time"

    def undo(self) -> str:
        """Take the last decision back; its turn is the current one again.

        Raises:
            StorageError: The database refused; the decision stands.
        """
        if not self._done:
            return "nothing to undo"
        last = self._done[-1]
        with transaction(self._engine) as connection:
            queue.hold(connection, last.turn_ids)
            if last.kind == "rejected":
                found = turns.by_id(connection, last.turn_ids)
                back = {n for n, turn in found.items() if turn.status == "rejected"}
            else:
                back = annotations.retract(connection, last.recorded, last.disputes)
                again = [one for one in last.disputes.values() if one in back]
                moment = last.recorded[0].annotated_at if last.recorded else 0.0
                turns.raise_flag(connection, again, DISAGREEMENT, now=moment)
            turns.set_status(connection, sorted(back), "new")
        self._done.pop()
        if last.kind == "skipped":
            self._skipped.difference_update(last.task.turn_ids)
        elif last.task.turn.turn_id not in back:
            return "cannot be undone: merged, changed or withdrawn meanwhile"
        if self.current is not None:
            self._line.insert(0, self.current)
        self.current = last.task
        return f"undone{_and_alike(sorted(back))}"

    def close(self, *, now: float) -> None:
        """Note the session in the audit trail.

        Raises:
            StorageError: The database refused; the answers are kept all the same.
        """
        summary = self.summary()
        if summary.answers:
            with transaction(self._engine) as connection:
                runs.note(connection, "annotate", now=now, turns=summary.turns)

    def summary(self) -> Summary:
        """Give what was done so far."""
        kinds = [one.kind for one in self._done]
        times = [one.seconds for one in self._done if one.kind != "skipped"]
        return Summary(
            right=kinds.count("right"),
            corrected=kinds.count("corrected"),
            rejected=kinds.count("rejected"),
            skipped=kinds.count("skipped"),
            turns=sum(len(one.turn_ids) for one in self._done),
            seconds=sum(times) / len(times) if times else None,
        )

    def _task(self) -> Task:
        if self.current is None:
            raise LookupError("no turn is being shown")
        return self.current

    def _annotation(
        self,
        item: Item,
        intent: str,
        entities: Sequence[Entity],
        now: float,
        seconds: float | None,
    ) -> Annotation:
        marks = tidy(msgspec.structs.replace(item, entities=tuple(entities))).entities
        return Annotation(
            turn_id=item.turn_id,
            text=item.text,
            intent=intent,
            entities=[one.stored() for one in marks],
            source=SOURCE,
            annotated_at=now,
            seconds=None if seconds is None else round(seconds, 2),
            annotator=self._annotator,
        )

    def _settle(self, decision: _Decision) -> None:
        self._done.append(decision)
        # The answer is kept; who shows the next turn asks again and hears of it.
        with contextlib.suppress(StorageError):
            self._advance()

    def _lose(self, why: str) -> str:
        # Two people at the same queue read the same page; now they part.
        random.shuffle(self._line)
        with contextlib.suppress(StorageError):
            self._advance()
        return f"not recorded: {why}"

    def _advance(self) -> None:
        """Show the next turn that still waits."""
        self.current = None
        if not self._line:
            self.refresh()
            return
        with reading(self._engine) as connection:
            waiting = turns.by_id(connection, [t.turn.turn_id for t in self._line])
        self._line = [
            task
            for task in self._line
            if _lost(task, waiting.get(task.turn.turn_id)) is None
        ]
        if self._line:
            self.current = self._line.pop(0)
        else:
            self.refresh()

    def _page(self, connection: Connection, at_hand: Sequence[Task]) -> list[Task]:
        seen = [name for task in at_hand for name in task.turn_ids]
        groups = page(
            connection, size=_PAGE, flag=self._flag, without=[*self._skipped, *seen]
        )
        return [read_task(connection, group) for group in groups]


def _held(
    connection: Connection, task: Task, others: Sequence[tuple[str, str]]
) -> dict[str, Turn]:
    """Give the turns as they are now, and let nobody change them meanwhile."""
    ids = [task.turn.turn_id, *(name for name, _ in others)]
    queue.hold(connection, ids)
    return turns.by_id(connection, ids)


def _lost(task: Task, turn: Turn | None) -> str | None:
    """Say why the turn that was shown cannot be answered any more."""
    if turn is None or turn.status == "withdrawn":
        return "this person took their words back meanwhile"
    if turn.status != "new":
        return "somebody else took this turn meanwhile"
    if turn.text != task.turn.text:
        return "the text changed meanwhile"
    return None


def _and_alike(settled: Sequence[str]) -> str:
    return f" (and {len(settled) - 1} alike)" if len(settled) > 1 else ""
