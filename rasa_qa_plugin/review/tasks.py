"""A turn as people answer it: what they see of it, and what they may answer."""

import re
from collections.abc import Sequence

import msgspec
from sqlalchemy.engine import Connection

from rasa_qa_plugin.prediction import FALLBACK_INTENT
from rasa_qa_plugin.review.exporting import item_of
from rasa_qa_plugin.review.flags import DISAGREEMENT
from rasa_qa_plugin.review.items import Item, tidy
from rasa_qa_plugin.review.marking import without_overlaps
from rasa_qa_plugin.review.queue import Group
from rasa_qa_plugin.storage import annotations, queue
from rasa_qa_plugin.storage.queue import Exchange
from rasa_qa_plugin.storage.turns import Turn

_CONTEXT = 2
_INTENT = re.compile(r"[^\W\d_][\w.+-]{0,100}(?:/\w[\w.+-]{0,100})?")


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A turn to answer, as people see it.

    Attributes:
        item: Its text and entities in the form that training data takes.
        others: Turns that say the same, as ids with texts.
        context: What was said before, oldest first.
        disputed: Intents that people gave who could not agree, or that were refused.
    """

    turn: Turn
    item: Item
    others: list[tuple[str, str]]
    context: list[Exchange]
    disputed: list[str] = []

    @property
    def bot_intent(self) -> str | None:
        """What the bot took the turn for; None where that is no answer."""
        return None if self.turn.intent == FALLBACK_INTENT else self.turn.intent

    @property
    def turn_ids(self) -> list[str]:
        """All turns that an answer may settle, the one to read first."""
        return [self.turn.turn_id, *(turn_id for turn_id, _ in self.others)]


def read_task(connection: Connection, group: Group) -> Task:
    """Give a group of the queue with all that its reader needs."""
    turn = group.turn
    return Task(
        turn=turn,
        item=read_item(turn),
        others=group.others,
        context=queue.context(connection, turn.sender_id, turn.seq, most=_CONTEXT),
        disputed=_disputed(connection, turn),
    )


def _disputed(connection: Connection, turn: Turn) -> list[str]:
    if DISAGREEMENT not in turn.flags:
        return []
    said = annotations.of_turns(connection, [turn.turn_id]).get(turn.turn_id, [])
    return [one.intent for one in said if one.status in ("disputed", "refused")]


def read_item(turn: Turn) -> Item:
    """Give a turn's text and entities in the form that training data takes."""
    item = tidy(item_of(turn))
    fitting = [e for e in item.entities if 0 <= e.start < e.end <= len(item.text)]
    return msgspec.structs.replace(item, entities=without_overlaps(fitting))


def choices(task: Task, likely: Sequence[tuple[str, float]]) -> list[str]:
    """Give the intents to choose from at a keypress, the bot's own first."""
    named = [
        task.bot_intent,
        task.turn.live_intent,
        *task.disputed,
        task.turn.second_intent,
        *(name for name, _ in likely),
    ]
    return list(dict.fromkeys(name for name in named if name))


def intent_problem(name: str) -> str | None:
    """Say why *name* cannot be a new intent; None if it can."""
    if not _INTENT.fullmatch(name):
        return "begin with a letter; then letters, digits, _ - . + and one /"
    if name == FALLBACK_INTENT or name.startswith("qa_"):
        return "this name is reserved; choose another"
    return None
