"""Flagged turns into a file for people: each turn once, traced as a batch."""

import contextlib
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from sqlalchemy.engine import Engine

from rasa_qa_plugin import changes
from rasa_qa_plugin.errors import RasaQAError, StorageError
from rasa_qa_plugin.privacy.tokens import is_token
from rasa_qa_plugin.review.formats import rasa_nlu
from rasa_qa_plugin.review.items import Entity, Item
from rasa_qa_plugin.review.recall import stored_path
from rasa_qa_plugin.review.surrogates import Surrogates
from rasa_qa_plugin.storage import batches, copies, queue, runs, search, turns
from rasa_qa_plugin.storage.batches import Batch
from rasa_qa_plugin.storage.copies import Written
from rasa_qa_plugin.storage.engine import transaction
from rasa_qa_plugin.storage.search import Filters
from rasa_qa_plugin.storage.turns import Turn

UNKNOWN_INTENT = "unknown"

_OFFSETS = ("start", "end")
_FORMAT = "rasa_nlu"
FORMAT_WITH_SURROGATES = "rasa_nlu+surrogates"
_SURROGATES_NOTE = (
    "Names, numbers and addresses are invented. Where a turn lists `surrogates`, leave "
    "that line alone: it says what they stand for."
)


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What went out."""

    batch_id: str
    items: int


def export(  # noqa: PLR0913 - the filters of `rasa-qa export`
    engine: Engine,
    path: Path,
    *,
    root: Path,
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
    may stand in it is on record before, relative to the bot folder *root*. *people* is
    whom the file is handed to.

    Raises:
        RasaQAError: The file exists already or cannot be written, or turns changed
            meanwhile.
        StorageError: The database refused.
    """
    if path.exists():
        raise RasaQAError(f"{path.name}: exists already; name another file")
    batch_id = f"b_{secrets.token_hex(8)}"
    with transaction(engine) as connection:
        # A turn that is nothing but a masked value teaches nobody anything.
        found = [
            turn
            for turn in search.find(
                connection,
                Filters(
                    flagged=not all_turns and flag is None,
                    flag=flag,
                    statuses=("new", "exported") if again else ("new",),
                    with_text=True,
                ),
                limit=limit,
            )
            if not is_token((turn.text or "").strip())
        ]
        ids = [turn.turn_id for turn in found]
        file = stored_path(path, root)
        written = [Written(turn_id=turn_id, file=file) for turn_id in ids]
        copies.record(connection, written, now=now)
    if not found:
        return None
    content = _content(found, surrogates).encode()
    try:
        with transaction(engine) as connection:
            queue.hold(connection, ids)
            _require_unchanged(found, turns.by_id(connection, ids))
            turns.set_status(connection, ids, "exported")
            batches.record(
                connection,
                Batch(
                    batch_id=batch_id,
                    format=_FORMAT if surrogates is None else FORMAT_WITH_SURROGATES,
                    file_name=path.name,
                    sha256=hashlib.sha256(content).hexdigest(),
                    turns=ids,
                    created_at=now,
                    file=file,
                    items=len(ids),
                    filters=_named(flag=flag, all=all_turns, again=again, limit=limit),
                    people=list(people),
                ),
            )
            runs.note(connection, "export", now=now, turns=len(ids), batch=batch_id)
            changes.replace(path, content)
    except OSError as error:
        _take_back(engine, written, now=now)
        raise RasaQAError(
            f"{path.name}: cannot be written ({type(error).__name__}); "
            "choose another folder"
        ) from None
    except RasaQAError:
        path.unlink(missing_ok=True)
        _take_back(engine, written, now=now)
        raise
    return Exported(batch_id=batch_id, items=len(found))


def _named(**filters: str | int | None) -> dict[str, str | int]:
    """Give the filters that were used, by the name of their option."""
    return {name: value for name, value in filters.items() if value}


def _require_unchanged(found: Sequence[Turn], left: Mapping[str, Turn]) -> None:
    def state(turn: Turn | None) -> object:
        return turn and (turn.text, turn.status)  # it may be answered by now

    if any(state(left.get(turn.turn_id)) != state(turn) for turn in found):
        raise RasaQAError(
            "turns: changed while they were exported; run the command again"
        )


def _take_back(engine: Engine, written: Sequence[Written], *, now: float) -> None:
    """Forget about copies that were not made; a record too many does no harm."""
    with contextlib.suppress(StorageError), transaction(engine) as connection:
        copies.take_back(connection, written, now=now)


def _content(found: Sequence[Turn], surrogates: Surrogates | None) -> str:
    items = [item_of(turn) for turn in found]
    if surrogates is None:
        return rasa_nlu.dump(items)
    return rasa_nlu.dump(
        [surrogates.applied(item) for item in items],
        head=(*rasa_nlu.INSTRUCTIONS, _SURROGATES_NOTE),
    )


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
    if turn.comment:
        # With the turn's id, words that are erased later are found wherever they move.
        reasons.append(f"the user said: {turn.comment} ({turn.turn_id})")
    return reasons
