"""Several people about one turn: which opinion counts, and when none does.

The opinion that more than half of them share counts. Where none is, the turn is
disputed: it waits again, for one more reader to settle. What was approved, merged or
put into the test set stands whatever others say later.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from rasa_qa_plugin.storage.annotations import VOICES, Annotation, Kept

_SETTLED = ("approved", "merged", "held_out")
_OPEN = ("disputed", "overruled", "refused")

Outcome = Literal["annotated", "rejected", "disputed", "settled", "known"]


class Weighed(msgspec.Struct, kw_only=True):
    """What becomes of a turn when opinions come in.

    Attributes:
        outcome: ``annotated`` or ``rejected`` where an opinion counts now, ``disputed``
            where none does, ``settled`` where the matter was closed before, ``known``
            where nothing new was said.
        new: Annotations to add, each with its status.
        again: Rows that say something again, as the annotation they become.
        moved: Rows whose status changes, by the new status.
        people: Who said something new.
    """

    outcome: Outcome
    people: frozenset[str] = frozenset()
    new: list[Annotation] = []
    again: dict[int, Annotation] = {}
    moved: dict[str, list[int]] = {}


class _Voice(msgspec.Struct, frozen=True):
    said: Annotation
    row: Kept | None
    status: str | None

    @property
    def counts(self) -> bool:
        return self.status in ("annotated", "rejected")


def weigh(
    known: Sequence[Kept], said: Sequence[Annotation], *, out_again: bool = False
) -> Weighed:
    """Decide what counts of a turn.

    Args:
        known: What was said of it before, oldest first.
        said: What people say now; of one person the last counts. Who said so before
            says nothing new, whatever became of it.
        out_again: Whether the turn went out once more since; then who repeats in
            another file what did not count means it.
    """
    latest = {one.annotator: one for one in said}
    before = {(row.annotator, row.content_hash): row for row in known}
    fresh: list[_Voice] = []
    for one in latest.values():
        row = before.get((one.annotator, one.content_hash))
        repeats = row is not None and row.status in _OPEN and row.source != one.source
        if row is None or row.status == "superseded" or (out_again and repeats):
            fresh.append(_Voice(one, row, None))
    if not fresh:
        return Weighed(outcome="known")
    people = frozenset(voice.said.annotator for voice in fresh)
    repeated = {voice.row.id for voice in fresh if voice.row}
    heard = [row for row in known if row.status in VOICES and row.id not in repeated]
    own = people | {""}  # whoever has no name gives way
    old = [row for row in heard if row.annotator not in own]
    replaced = [row for row in heard if row.annotator in own]
    standing = next(
        (
            row.content_hash
            for row in known
            if row.status in _SETTLED and row.annotator not in own
        ),
        None,
    )
    result = Weighed(outcome="settled", people=people)
    _move(result, replaced, "superseded")
    if standing is not None:
        for voice in fresh:
            agrees = voice.said.content_hash == standing
            _keep(result, voice, "seconded" if agrees else "overruled")
        return result
    voices = [*(_Voice(row, row, row.status) for row in old), *fresh]
    winner = _winner(voices)
    if winner is None:
        result.outcome = "disputed"
        for voice in voices:
            _keep(result, voice, "disputed")
        return result
    result.outcome = "annotated" if winner.said.intent else "rejected"
    for voice in voices:
        if voice is winner:
            _keep(result, voice, result.outcome)
        else:
            agrees = voice.said.content_hash == winner.said.content_hash
            _keep(result, voice, "seconded" if agrees else "overruled")
    return result


def _winner(voices: Sequence[_Voice]) -> _Voice | None:
    """Give the first voice of those that more than half share; what counts stays."""
    by_content: dict[str, list[_Voice]] = {}
    for voice in voices:
        by_content.setdefault(voice.said.content_hash, []).append(voice)
    most = max(by_content.values(), key=len)
    if 2 * len(most) <= len(voices):
        return None
    return next((voice for voice in most if voice.counts), most[0])


def _keep(result: Weighed, voice: _Voice, status: str) -> None:
    if voice.status == status:
        return
    if voice.row is None:
        result.new.append(msgspec.structs.replace(voice.said, status=status))
    elif voice.status is None:
        result.again[voice.row.id] = msgspec.structs.replace(voice.said, status=status)
    else:
        _move(result, [voice.row], status)


def _move(result: Weighed, rows: Sequence[Kept], status: str) -> None:
    for row in rows:
        result.moved.setdefault(status, []).append(row.id)
