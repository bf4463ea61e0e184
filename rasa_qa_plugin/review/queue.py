"""The review queue: what to read next, and how turns get their place in it."""

import math
from collections.abc import Sequence

import msgspec
from sqlalchemy.engine import Connection

from rasa_qa_plugin.review.wording import folded, similarity
from rasa_qa_plugin.storage import queue, turns
from rasa_qa_plugin.storage.turns import Turn

# How long a decision takes: a key, and a look that grows with the text. 238 words a
# minute is how fast people read silently (Brysbaert 2019, Journal of Memory and
# Language 109); two seconds is what the quick half of binary decisions takes.
_SECONDS_A_DECISION = 2.0
_SECONDS_A_WORD = 60 / 238

# Pages are chosen out of this many times as many turns, so that they are not all alike.
_CHOICE = 4
_TOO_ALIKE = 0.6
_SHARE_OF_ONE_INTENT = 1 / 3
# What is said more often than this has been answered often enough; the rest leaves the
# queue with the next ranking.
_MOST_ALIKE = 500


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A turn to read, with those that one answer settles too.

    Attributes:
        others: Waiting turns that say the same, as ids with texts.
    """

    turn: Turn
    others: list[tuple[str, str]]

    @property
    def size(self) -> int:
        """How many turns an answer settles."""
        return 1 + len(self.others)


def priority(error_score: float, text: str, *, size: int = 1) -> float:
    """Give the errors that a reader may expect to find per second.

    Args:
        error_score: Probability that the bot's intent is wrong.
        text: What must be read.
        size: How many turns say the same.
    """
    seconds = _SECONDS_A_DECISION + _SECONDS_A_WORD * len(text.split())
    return error_score * size / seconds


def page(
    connection: Connection,
    *,
    size: int = 10,
    flag: str | None = None,
    without: Sequence[str] = (),
) -> list[Group]:
    """Give what to read next; empty when nothing waits.

    The best come first, but no page is about one thing only: likely errors come in
    shoals, and a reader who has seen three of one kind learns more from another.

    Args:
        connection: The database.
        size: Groups on a page.
        flag: Only turns with this flag.
        without: Turns that the reader saw already.
    """
    seen = set(without)
    ids = queue.first_in_line(
        connection, flag=flag, limit=len(seen) + max(_CHOICE * size, 40)
    )
    found = turns.by_id(connection, [name for name in ids if name not in seen])
    in_line = [found[name] for name in ids if name in found]
    distinct: dict[str, Turn] = {}
    for turn in in_line:
        # Turns that came after the last ranking are not grouped yet.
        distinct.setdefault(turn.duplicate_key or turn.turn_id, turn)
    chosen = _varied(list(distinct.values()), size=size)
    alike = queue.duplicates(
        connection,
        [turn.duplicate_key for turn in chosen if turn.duplicate_key],
        most=_MOST_ALIKE,
    )
    return [
        Group(
            turn=turn,
            others=[
                (name, text)
                for name, text in alike.get(turn.duplicate_key or "", [])
                if name != turn.turn_id
            ],
        )
        for turn in chosen
    ]


def _varied(in_line: Sequence[Turn], *, size: int) -> list[Turn]:
    """Choose a page in order, passing over what is like a turn on it already."""
    most = math.ceil(size * _SHARE_OF_ONE_INTENT)
    chosen: list[Turn] = []
    plain = {turn.turn_id: folded(turn.text or "") for turn in in_line}

    def is_new(turn: Turn) -> bool:
        return all(
            similarity(plain[turn.turn_id], plain[other.turn_id]) < _TOO_ALIKE
            for other in chosen
        )

    def is_rare(turn: Turn) -> bool:
        own = turn.live_intent or turn.intent
        return sum((one.live_intent or one.intent) == own for one in chosen) < most

    # Rather one intent again than the same words again, and rather these than nothing.
    rest = list(in_line)
    for conditions in ((is_new, is_rare), (is_new,), ()):
        passed = []
        for turn in rest:
            if len(chosen) < size and all(holds(turn) for holds in conditions):
                chosen.append(turn)
            else:
                passed.append(turn)
        rest = passed
    return chosen
