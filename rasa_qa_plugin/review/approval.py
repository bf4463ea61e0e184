"""A second look at corrections before they become training data."""

from collections.abc import Collection, Sequence
from pathlib import PurePath

import msgspec
from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.review.batches import turns_of
from rasa_qa_plugin.review.flags import DISAGREEMENT
from rasa_qa_plugin.review.meaning import SOURCE as DID_YOU_MEAN
from rasa_qa_plugin.review.tasks import read_item
from rasa_qa_plugin.settings import ReviewSettings
from rasa_qa_plugin.storage import annotations, queue, runs, turns
from rasa_qa_plugin.storage.annotations import Kept
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.turns import Turn

_PAGE = 500


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a correction must be like; all that is asked for must hold.

    Attributes:
        agreed: Another person said the same.
        confirmed: It finds the bot right, entities included.
        min_confidence: The bot was at least so sure.
        annotator: Who annotated it.
    """

    agreed: bool = False
    confirmed: bool = False
    min_confidence: float | None = None
    annotator: str | None = None

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return self != Rules()


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A correction that waits for approval, beside what the bot made of the turn.

    Attributes:
        seconded_by: Names of the others who said the same.
        confirmed: Whether it finds the bot right, entities included.
    """

    given: Kept
    turn: Turn
    seconded_by: list[str]
    confirmed: bool

    def meets(self, rules: Rules) -> bool:
        """Tell whether all that is asked for holds."""
        least = rules.min_confidence
        return (
            (not rules.agreed or bool(self.seconded_by))
            and (not rules.confirmed or self.confirmed)
            and (least is None or (self.turn.confidence or 0.0) >= least)
            and (rules.annotator is None or rules.annotator == self.given.annotator)
        )


class Decided(msgspec.Struct, kw_only=True):
    """What was decided, as turn ids.

    Attributes:
        approved: May be merged.
        refused: Wait again, with the flag `disagreement`.
        own: Left alone: whoever annotated them may not approve them.
        nameless: Left alone: nobody said who annotated them.
        changed: Left alone: they were decided, replaced or withdrawn meanwhile.
    """

    approved: list[str] = []
    refused: list[str] = []
    own: list[str] = []
    nameless: list[str] = []
    changed: list[str] = []


def candidates(
    engine: Engine,
    what: Sequence[str] = (),
    *,
    rules: Rules = Rules(),  # noqa: B008 - frozen
    approved_too: bool = False,
) -> list[Candidate]:
    """Give the corrections that nobody approved yet, oldest first.

    Args:
        engine: The database.
        what: Ids of batches or turns, or names of files they were imported from; all
            corrections without any.
        rules: What they must be like.
        approved_too: Whether to give approved ones that are not merged yet.

    Raises:
        RasaQAError: There is no such batch, or nothing came from such a file.
    """
    with reading(engine) as connection:
        waiting = annotations.waiting(connection)
        known = {one.source for one in waiting} | {one.turn_id for one in waiting}
        ids, files = _wanted(connection, what, known)
        chosen = [
            one
            for one in waiting
            if (not what or one.turn_id in ids or one.source in files)
            and (approved_too or one.status == "annotated")
        ]
        found: list[Candidate] = []
        for start in range(0, len(chosen), _PAGE):
            found += _read(connection, chosen[start : start + _PAGE])
    return [one for one in found if one.meets(rules)]


def decide(  # noqa: PLR0913 - the parts of one decision
    engine: Engine,
    chosen: Sequence[Candidate],
    *,
    approve: bool,
    name: str,
    review: ReviewSettings,
    now: float,
) -> Decided:
    """Approve corrections, or refuse them, in one transaction.

    Each decision is a row of the audit trail, with the number of the correction and no
    word of anybody. What is refused waits again.

    Args:
        engine: The database.
        chosen: As :func:`candidates` gave them; what changed since is left alone.
        approve: Whether to approve.
        name: Who decides.
        review: Says whether that must be somebody else than who annotated.
        now: Seconds since the epoch.

    Raises:
        StorageError: The database refused; nothing was decided.
    """
    done = Decided()
    ids = [one.given.turn_id for one in chosen]
    with transaction(engine) as connection:
        queue.hold(connection, ids)
        there = annotations.of_turns(connection, ids)
        rows: list[Kept] = []
        for one in chosen:
            same = [row for row in there.get(one.given.turn_id, []) if row == one.given]
            objection = _objection(one.given, name, review) if approve else None
            if not same:
                done.changed.append(one.given.turn_id)
            elif objection is not None:
                objection_list: list[str] = getattr(done, objection)
                objection_list.append(one.given.turn_id)
            else:
                rows += same
        settled = [row.turn_id for row in rows]
        verdict = "approved" if approve else "refused"
        numbers = [row.id for row in rows]
        if not approve:
            # Who said the same is refused with it.
            hashes = {row.turn_id: row.content_hash for row in rows}
            annotations.set_status(
                connection,
                [
                    row.id
                    for turn_id, content in hashes.items()
                    for row in there[turn_id]
                    if row.status == "seconded" and row.content_hash == content
                ],
                "refused",
            )
        annotations.decide(connection, numbers, verdict, approver=name, now=now)
        if approve:
            done.approved += settled
            turns.set_status(connection, settled, "approved")
        else:
            done.refused += settled
            turns.set_status(connection, settled, "new")
            turns.raise_flag(connection, settled, DISAGREEMENT, now=now)
        runs.note_each(
            connection,
            "approve" if approve else "refuse",
            [{"annotation": number, "by": name} for number in numbers],
            now=now,
        )
    return done


def ready(connection: Connection, review: ReviewSettings) -> list[Kept]:
    """Give the corrections that may be merged, oldest first.

    With `two_people`, whoever approved one must not have annotated it, whatever the
    setting was then.
    """
    waiting = annotations.waiting(connection, approved_only=review.needs_approval)
    return [one for one in waiting if not _objection(one, one.approver or "", review)]


def _objection(given: Kept, name: str, review: ReviewSettings) -> str | None:
    """Say why *name* may not approve a correction, as a list of :class:`Decided`."""
    if not review.two_people:
        return None
    if not given.annotator:
        # Who clicked "did you mean" in the chat is nobody of the team.
        return None if given.source == DID_YOU_MEAN else "nameless"
    return "own" if given.annotator.casefold() == name.casefold() else None


def _wanted(
    connection: Connection, what: Sequence[str], known: Collection[str]
) -> tuple[set[str], set[str]]:
    """Give the turns and the files that are meant."""
    ids: set[str] = set()
    files: set[str] = set()
    for name in what:
        if name.startswith("b_"):
            ids.update(turns_of(connection, name))
        elif name in known and name.startswith("t_"):
            ids.add(name)
        elif PurePath(name).name in known:
            files.add(PurePath(name).name)
        else:
            raise RasaQAError(
                "approve: nothing waits for approval under one of these names; give "
                "batches (rasa-qa batches list), turns or imported files"
            )
    return ids, files


def _read(connection: Connection, chosen: Sequence[Kept]) -> list[Candidate]:
    ids = [one.turn_id for one in chosen]
    found = turns.by_id(connection, ids)
    said = annotations.of_turns(connection, ids)
    return [
        Candidate(
            given=one,
            turn=found[one.turn_id],
            seconded_by=[
                row.annotator
                for row in said[one.turn_id]
                if row.status == "seconded" and row.content_hash == one.content_hash
            ],
            confirmed=_confirms(one, found[one.turn_id]),
        )
        for one in chosen
        if one.turn_id in found
    ]


def _confirms(given: Kept, turn: Turn) -> bool:
    bot = [entity.stored() for entity in read_item(turn).entities]
    return (given.intent, given.entities) == (turn.intent, bot)
