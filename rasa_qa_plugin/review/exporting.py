"""Flagged turns into a file for people: each turn once, traced as a batch."""

import contextlib
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin import changes
from rasa_qa_plugin.errors import RasaQAError, StorageError
from rasa_qa_plugin.privacy.tokens import is_token
from rasa_qa_plugin.review.formats import Format, Names, rasa_nlu
from rasa_qa_plugin.review.items import Entity, Item
from rasa_qa_plugin.review.recall import stored_path
from rasa_qa_plugin.review.surrogates import Surrogates
from rasa_qa_plugin.storage import batches, copies, queue, runs, search, turns
from rasa_qa_plugin.storage.batches import Batch
from rasa_qa_plugin.storage.copies import Written
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.search import Filters
from rasa_qa_plugin.storage.turns import Turn

UNKNOWN_INTENT = "unknown"
WITH_SURROGATES = "+surrogates"
"""Ends the format of a batch that went out with invented values."""

_OFFSETS = ("start", "end")
_PAGE = 500
_SURROGATES_NOTE = (
    "Names, numbers and addresses are invented. Where a turn lists `surrogates`, leave "
    "that line alone: it says what they stand for."
)


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What went out.

    Attributes:
        files: The file, and what its tool needs besides.
    """

    batch_id: str
    items: int
    files: list[Path]


class _Going:
    """The turns on their way into a file, a page at a time.

    Each is on record, under the person whose words it has, before it is written.
    """

    def __init__(
        self, engine: Engine, filters: Filters, limit: int | None, file: str, now: float
    ) -> None:
        self._engine = engine
        self._filters = filters
        self._limit = limit
        self._file = file
        self._now = now
        self._states: dict[str, int] = {}

    @property
    def ids(self) -> list[str]:
        return list(self._states)

    def turns(self) -> Iterator[Turn]:
        with reading(self._engine) as connection:
            wanted = search.ids(connection, self._filters, limit=self._limit)
        for start in range(0, len(wanted), _PAGE):
            page = wanted[start : start + _PAGE]
            with transaction(self._engine) as connection:
                found = turns.by_id(connection, page)
                fresh = [turn for one in page if (turn := found.get(one))]
                fresh = [turn for turn in fresh if self._goes(turn)]
                written = [Written(turn_id=t.turn_id, file=self._file) for t in fresh]
                copies.record(connection, written, now=self._now)
            self._states |= {t.turn_id: hash((t.text, t.status)) for t in fresh}
            yield from fresh

    def _goes(self, turn: Turn) -> bool:
        """Tell whether a turn is still to go out, and teaches anybody anything.

        One that is nothing but a masked value does not.
        """
        waits = turn.text is not None and turn.status in self._filters.statuses
        return waits and not is_token((turn.text or "").strip())

    def require_unchanged(self, connection: Connection) -> None:
        """Refuse where somebody left, or a turn was answered, since it was read."""
        left = {
            turn_id: hash((text, status))
            for turn_id, text, status in batches.texts(connection, self.ids)
        }
        if left != self._states:
            raise RasaQAError(
                "turns: changed while they were exported; run the command again"
            )

    def take_back(self) -> None:
        """Forget about copies that were not made; a record too many does no harm."""
        with contextlib.suppress(StorageError), transaction(self._engine) as connection:
            copies.take_back(
                connection, [Written(turn_id="", file=self._file)], now=self._now
            )


def export(  # noqa: PLR0913 - the filters of `rasa-qa export`
    engine: Engine,
    path: Path,
    *,
    root: Path,
    form: Format = rasa_nlu.FORMAT,
    names: Names | None = None,
    flag: str | None = None,
    all_turns: bool = False,
    again: bool = False,
    limit: int | None = None,
    surrogates: Surrogates | None = None,
    people: Sequence[str] = (),
    now: float,
) -> Exported | None:
    """Write turns whose texts may be read to *path*; None when there are none.

    A turn goes out once, unless *again* is set; with tokens, unless *surrogates* are
    given. The file is there if and only if its turns are marked as exported; that they
    may stand in it is on record before, relative to the bot folder *root*. *names* is
    what people may choose from, *people* whom the file is handed to.

    Raises:
        RasaQAError: The file exists already or cannot be written, or turns changed
            meanwhile.
        StorageError: The database refused.
    """
    names = names or Names()
    if surrogates is not None:
        names.notes += (_SURROGATES_NOTE,)
    filters = Filters(
        flagged=not all_turns and flag is None,
        flag=flag,
        statuses=("new", "exported") if again else ("new",),
        with_text=True,
    )
    going = _Going(engine, filters, limit, stored_path(path, root), now)
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for piece in form.dump(_items(going, names, surrogates), names):
            digest.update(piece)
            yield piece

    try:
        with changes.drafts() as drafts:
            drafts.write(path, pieces())
            if not going.ids:
                return None
            for ending, content in form.beside(names).items():
                drafts.write(path.with_name(path.stem + ending), [content])
            batch = Batch(
                batch_id=f"b_{secrets.token_hex(8)}",
                format=form.name + (WITH_SURROGATES if surrogates else ""),
                file_name=path.name,
                sha256=digest.hexdigest(),
                turns=going.ids,
                created_at=now,
                file=stored_path(path, root),
                items=len(going.ids),
                filters=_named(flag=flag, all=all_turns, again=again, limit=limit),
                people=list(people),
            )
            _send(engine, going, batch, drafts)
    except RasaQAError:
        going.take_back()
        raise
    return Exported(batch_id=batch.batch_id, items=len(going.ids), files=drafts.files)


def _send(engine: Engine, going: _Going, batch: Batch, drafts: changes.Drafts) -> None:
    """Put the files in their places and mark the turns, or neither."""
    with transaction(engine) as connection:
        queue.hold(connection, batch.turns)
        going.require_unchanged(connection)
        turns.set_status(connection, batch.turns, "exported")
        batches.record(connection, batch)
        runs.note(
            connection,
            "export",
            now=batch.created_at,
            turns=batch.items,
            batch=batch.batch_id,
        )
        drafts.put()


def _items(
    going: _Going, names: Names, surrogates: Surrogates | None
) -> Iterator[Item]:
    for turn in going.turns():
        item = item_of(turn)
        names.add(item)
        yield item if surrogates is None else surrogates.applied(item)


def _named(**filters: str | int | None) -> dict[str, str | int]:
    """Give the filters that were used, by the name of their option."""
    return {name: value for name, value in filters.items() if value}


def item_of(turn: Turn) -> Item:
    """Give a turn the form in which people correct it."""
    return Item(
        turn_id=turn.turn_id,
        text=turn.text or "",
        intent=turn.intent or UNKNOWN_INTENT,
        entities=tuple(
            msgspec.convert(
                # A value may be a number: Duckling gives some.
                {
                    key: entity[key] if key in _OFFSETS else str(entity[key])
                    for key in Entity.__struct_fields__
                    if isinstance(entity.get(key), (str, int, float))
                },
                Entity,
            )
            for entity in turn.entities or []
        ),
        comment=" · ".join(_reasons(turn)),
        confidence=None if turn.confidence is None else round(turn.confidence, 4),
        flags=tuple(turn.flags),
    )


def _reasons(turn: Turn) -> Sequence[str]:
    reasons = [flag.replace("_", " ") for flag in turn.flags]
    if turn.confidence is not None:
        reasons.append(f"confidence {turn.confidence:.2f}")
    if turn.second_intent:
        reasons.append(f"second guess {turn.second_intent}")
    if turn.intent_now:
        reasons.append(f"the bot now says {turn.intent_now}")
    if turn.comment:
        # With the turn's id, words that are erased later are found wherever they move.
        reasons.append(f"the user said: {turn.comment} ({turn.turn_id})")
    return reasons
