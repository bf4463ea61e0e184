"""Telling all about single turns, and marking them by hand."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.review.error_score import ErrorScore, Signals
from rasa_qa_plugin.storage import dossiers, queue, runs, turns
from rasa_qa_plugin.storage.dossiers import Dossier
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.turns import Turn

_BATCH = 500


class Shown(Dossier, frozen=True, kw_only=True):
    """A turn with all that is known of it.

    Attributes:
        reasons: Signal to what it adds to the log-odds of an error, largest first.
        ranked: Whether a ranking gave the reasons; before the first one they come from
            the starting weights and what is known of the turn now.
    """

    reasons: dict[str, float]
    ranked: bool


def show(connection: Connection, turn_ids: Sequence[str]) -> list[Shown]:
    """Give all that is known of some turns, in the order asked for.

    Raises:
        RasaQAError: There is no such turn.
    """
    found = turns.by_id(connection, turn_ids)
    _require(turn_ids, found)
    shown = []
    for turn_id in dict.fromkeys(turn_ids):
        dossier = dossiers.read(connection, found[turn_id])
        turn = dossier.turn
        shown.append(
            Shown(
                **{name: getattr(dossier, name) for name in dossier.__struct_fields__},
                reasons=turn.reasons
                if turn.reasons is not None
                else starting_reasons(turn),
                ranked=turn.reasons is not None,
            )
        )
    return shown


def starting_reasons(turn: Turn) -> dict[str, float]:
    """Give what speaks for an error before anybody answered anything."""
    signals = Signals(
        confidence=turn.confidence,
        margin=turn.margin,
        novelty=turn.novelty,
        flags=turn.flags,
    )
    _, (reasons,) = ErrorScore().estimate([signals])
    return reasons


class Marked(NamedTuple):
    """How many turns got or lost the flag, and how many rejected ones wait again."""

    changed: int
    reopened: int


def mark(
    engine: Engine, turn_ids: Sequence[str], flag: str, *, off: bool, now: float
) -> Marked:
    """Raise or lower a flag on turns, and note it.

    Whoever flags a turn that was rejected wants it read after all: it waits again.

    Some hundreds at a time, each noted with its count; broken off, it does the rest
    when run again.

    Raises:
        RasaQAError: There is no such turn; then nothing is changed.
    """
    wanted = list(dict.fromkeys(turn_ids))
    with reading(engine) as connection:
        _require(wanted, turns.existing(connection, wanted))
    changed = reopened = 0
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        with transaction(engine) as connection:
            queue.hold(connection, part)  # an erasure at work would miss a new flag
            if off:
                noted = {"lowered": turns.lower_flag(connection, part, flag)}
            else:
                noted = {
                    "raised": turns.raise_flag(connection, part, flag, now=now),
                    "reopened": turns.reopen(connection, part),
                }
            noted = {how: done for how, done in noted.items() if done}
            if noted:
                runs.note(connection, "flag", now=now, flag=flag, **noted)
        changed += noted.get("lowered", 0) + noted.get("raised", 0)
        reopened += noted.get("reopened", 0)
    return Marked(changed, reopened)


def _require(turn_ids: Sequence[str], found: Mapping[str, object] | set[str]) -> None:
    missing = sum(turn_id not in found for turn_id in turn_ids)
    if missing:
        raise RasaQAError(
            f"turns: {missing} of {len(turn_ids)} ids not found; "
            "`rasa-qa turns` lists those there are"
        )
