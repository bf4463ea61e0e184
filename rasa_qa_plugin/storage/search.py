"""Searching turns: filters, orders and pages that stay quick in a large table.

Every order walks an index and stops after a page. The next page goes on after the last
turn of the one before, so that a late page costs what the first one costs.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rasa_qa_plugin.storage.schema import feedback, flags, turns
from rasa_qa_plugin.storage.turns import Status, Turn, complete

Order = Literal["queue", "recent", "confidence"]
ORDERS: tuple[Order, ...] = ("queue", "recent", "confidence")
Rating = Literal["good", "bad", "none"]
RATINGS: tuple[Rating, ...] = ("good", "bad", "none")

_PAGE = 500
# Letters of European languages that may carry an accent, and the marks themselves.
_LETTERS = (*range(0x20, 0x250), *range(0x370, 0x530), *range(0x1E00, 0x1F00))
_MARKS = "[\u0300-\u036f]*"


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What turns must be like; what is None or empty is not asked for.

    Attributes:
        since: Said then or later, in seconds since the epoch.
        until: Said before then.
        intent: What the bot took them for.
        min_confidence: At least; turns without a confidence do not meet it.
        max_confidence: At most, likewise.
        flagged: Whether they have any flag.
        flag: A flag that they have.
        language: As the channel names it.
        rating: What the person thought of the answer.
        words: Words or parts of them that the masked text holds, all of them, in any
            case and with any accents.
        sender_id: Pseudonym.
        with_text: Whether only turns with a text are asked for.
    """

    since: float | None = None
    until: float | None = None
    intent: str | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    flagged: bool = False
    flag: str | None = None
    channel: str | None = None
    language: str | None = None
    rating: Rating | None = None
    words: str | None = None
    statuses: tuple[Status, ...] = ()
    sender_id: str | None = None
    with_text: bool = False


class _Leg(NamedTuple):
    """A part of an order that one index gives; turns outside of *where* come later."""

    key: sa.Column[Any]
    descending: bool
    where: Any


# What was answered keeps its place, for when the answer is taken back.
_WAITS = sa.and_(turns.c.status == "new", turns.c.priority.is_not(None))


def _legs(order: Order) -> tuple[_Leg, ...]:
    latest_first = turns.c.recorded_at, True
    if order == "recent":
        return (_Leg(*latest_first, sa.true()),)
    if order == "queue":
        return (_Leg(turns.c.priority, True, _WAITS), _Leg(*latest_first, ~_WAITS))
    known = turns.c.confidence.is_not(None)
    return (_Leg(turns.c.confidence, False, known), _Leg(*latest_first, ~known))


def find(
    connection: Connection,
    filters: Filters | None = None,
    *,
    order: Order = "queue",
    after: Turn | None = None,
    limit: int | None = None,
) -> Iterator[Turn]:
    """Give the turns that meet the filters.

    Args:
        connection: The database.
        filters: All turns without it.
        order: `queue`: most errors expected per second of reading first, and the latest
            of those without a place in the queue behind them; `recent`: latest first;
            `confidence`: the unsure ones first.
        after: Go on after this turn, by the same order.
        limit: How many at most.
    """
    query = sa.select(turns).where(*_conditions(filters or Filters()))
    # A turn that loses its place while this reads must not come twice.
    seen: set[str] = set()
    for leg in _legs(order):
        if after is not None and not _is_in(leg, after):
            continue
        left = None if limit is None else limit - len(seen)
        if left == 0:
            return
        page = query.where(leg.where)
        if after is not None:
            page = page.where(_beyond(leg, after))
            after = None
        by = (leg.key, turns.c.turn_id)
        page = page.order_by(*(one.desc() if leg.descending else one for one in by))
        rows = connection.execute(page.limit(left)).mappings().all()
        for start in range(0, len(rows), _PAGE):
            for turn in complete(connection, rows[start : start + _PAGE]):
                if turn.turn_id not in seen:
                    seen.add(turn.turn_id)
                    yield turn


def ids(
    connection: Connection,
    filters: Filters,
    *,
    order: Order = "queue",
    limit: int | None = None,
) -> list[str]:
    """Give the ids of the turns that :func:`find` gives, however many there are."""
    found: dict[str, None] = {}
    query = sa.select(turns.c.turn_id).where(*_conditions(filters))
    for leg in _legs(order):
        left = None if limit is None else limit - len(found)
        by = (leg.key, turns.c.turn_id)
        some = query.where(leg.where).limit(left)
        some = some.order_by(*(one.desc() if leg.descending else one for one in by))
        found.update(dict.fromkeys(connection.execute(some).scalars()))
    return list(found)


def _is_in(leg: _Leg, turn: Turn) -> bool:
    """Tell whether a turn is in this leg of an order; the last leg takes all."""
    if leg.key is turns.c.recorded_at:
        return True
    waits = leg.key is not turns.c.priority or turn.status == "new"
    return waits and getattr(turn, leg.key.name) is not None


def _beyond(leg: _Leg, turn: Turn) -> Any:
    key, value = leg.key, getattr(turn, leg.key.name)
    name = turns.c.turn_id
    if leg.descending:
        return sa.and_(key <= value, sa.or_(key < value, name < turn.turn_id))
    return sa.and_(key >= value, sa.or_(key > value, name > turn.turn_id))


def _conditions(filters: Filters) -> Iterator[Any]:
    for name, condition in _CONDITIONS.items():
        value = getattr(filters, name)
        if value is not None:
            yield condition(value)
    if filters.statuses:
        yield turns.c.status.in_(list(filters.statuses))
    if filters.flagged:
        yield sa.exists().where(flags.c.turn_id == turns.c.turn_id)
    if filters.with_text or filters.words:
        yield turns.c.text.is_not(None)
    for word in (filters.words or "").split():
        yield turns.c.text.regexp_match(_pattern(word))


def _has_flag(flag: str) -> Any:
    own = flags.c.turn_id == turns.c.turn_id
    return sa.exists().where(sa.and_(own, flags.c.flag == flag))


def _is_rated(rating: Rating) -> Any:
    own = feedback.c.turn_id == turns.c.turn_id
    if rating == "none":
        return ~sa.exists().where(own)
    is_so = feedback.c.rating > 0 if rating == "good" else feedback.c.rating < 0
    return sa.exists().where(sa.and_(own, is_so))


_CONDITIONS: dict[str, Callable[[Any], Any]] = {
    "since": turns.c.recorded_at.__ge__,
    "until": turns.c.recorded_at.__lt__,
    "intent": turns.c.intent.__eq__,
    "min_confidence": turns.c.confidence.__ge__,
    "max_confidence": turns.c.confidence.__le__,
    "flag": _has_flag,
    "channel": turns.c.channel.__eq__,
    "language": turns.c.language.__eq__,
    "rating": _is_rated,
    "sender_id": turns.c.sender_id.__eq__,
}


def _pattern(word: str) -> str:
    """Give the regular expression of a word in any case and with any accents.

    Both databases read it alike, whatever their locale says about letters.
    """
    return "".join(
        f"[{variants}]{_MARKS}"
        if (variants := _variants().get(char))
        else _quoted(char)
        for char in _plain(word)
    )


def _plain(text: str) -> str:
    """Give a text without case and accents; what no database takes becomes "?"."""
    storable = text.encode("utf-8", "replace").decode().replace("\0", "?")
    letters = unicodedata.normalize("NFKD", storable.casefold())
    return "".join(char for char in letters if not unicodedata.combining(char))


def _quoted(char: str) -> str:
    return re.escape(char) if char.isascii() else char


@lru_cache(maxsize=1)
def _variants() -> dict[str, str]:
    """Give the letters that differ in case and accents only, by their plain form."""
    found: dict[str, str] = {}
    for number in _LETTERS:
        char = chr(number)
        plain = _plain(char)
        if len(plain) == 1 and plain.isalpha():
            found[plain] = found.get(plain, "") + char
    return found
