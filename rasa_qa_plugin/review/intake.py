"""Taking in what people decided, a page of turns at a time."""

from collections.abc import Collection, Mapping, Sequence

import msgspec
from sqlalchemy.engine import Connection

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.spans import Alignment
from rasa_qa_plugin.review.agreement import Agreement
from rasa_qa_plugin.review.flags import DISAGREEMENT
from rasa_qa_plugin.review.formats import Problem
from rasa_qa_plugin.review.items import TURN_ID, Item, tidy
from rasa_qa_plugin.review.opinions import Weighed, weigh
from rasa_qa_plugin.review.surrogates import restored
from rasa_qa_plugin.review.tasks import read_item
from rasa_qa_plugin.review.validation import Vocabulary
from rasa_qa_plugin.storage import annotations, turns
from rasa_qa_plugin.storage.annotations import Annotation, Kept
from rasa_qa_plugin.storage.turns import Status, Turn


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was not taken.

    Attributes:
        line: Where it stands in the file; None where nobody can tell.
        message: What is wrong and what to do, without any text of a user.
        rejected: Whether it can be mended; dropped for good otherwise.
    """

    line: int | None
    message: str
    rejected: bool = True


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did, as turn ids.

    Attributes:
        recorded: Decisions that were new; a turn stands here once for each person.
        known: Decisions that were there already.
        confirmed: Those of *recorded* that found the bot right.
        corrected: Those of *recorded* that did not.
        refused: Those of *recorded* that rejected the turn.
        edited: Those of *recorded* whose text people changed.
        masked: Those of *recorded* whose text held personal data and was masked.
        widened: Those of *recorded* with an entity on a part of an invented value; it
            covers the whole value now.
        repaired: Those of *recorded* with an entity on a part of a word; it covers
            whole words now.
        skipped: Turns that people left undecided; they wait again.
        disputed: Turns of which people said different things; they wait again.
        settled: Turns that were approved or merged before; they stay as they are.
        unknown: Turns this database does not have, or erased.
        withdrawn: Turns of people who took their consent back.
        complaints: What was not taken, in the order of the file.
        agreement: How far people agree about turns in this file.
    """

    recorded: list[str] = []
    known: list[str] = []
    confirmed: list[str] = []
    corrected: list[str] = []
    refused: list[str] = []
    edited: list[str] = []
    masked: list[str] = []
    widened: list[str] = []
    repaired: list[str] = []
    skipped: list[str] = []
    disputed: list[str] = []
    settled: list[str] = []
    unknown: list[str] = []
    withdrawn: list[str] = []
    complaints: list[Complaint] = []
    agreement: list[Agreement] = []


class _Page:
    """What is to be written for a page of turns, in few statements."""

    def __init__(self) -> None:
        self.new: list[Annotation] = []
        self.again: dict[int, Annotation] = {}
        self.moved: dict[str, list[int]] = {}
        self.statuses: dict[Status, list[str]] = {}
        self.disputed: list[str] = []
        self.settled: list[str] = []

    def add(self, turn_id: str, weighed: Weighed) -> None:
        """Take note of what becomes of a turn."""
        self.new += weighed.new
        self.again |= weighed.again
        for status, ids in weighed.moved.items():
            self.moved.setdefault(status, []).extend(ids)
        if weighed.outcome == "disputed":
            self.disputed.append(turn_id)
            self.set(turn_id, "new")
        elif weighed.outcome in ("annotated", "rejected"):
            self.settled.append(turn_id)
            self.set(turn_id, weighed.outcome)

    def set(self, turn_id: str, status: Status) -> None:
        """Take note of a turn's new status."""
        self.statuses.setdefault(status, []).append(turn_id)

    def write(self, connection: Connection, *, now: float) -> None:
        """Write all of it."""
        for status, ids in self.moved.items():
            annotations.set_status(connection, ids, status)
        annotations.revive(connection, self.again)
        annotations.insert(connection, self.new)
        for status, turn_ids in self.statuses.items():
            turns.set_status(connection, turn_ids, status)
        turns.raise_flag(connection, self.disputed, DISAGREEMENT, now=now)
        turns.lower_flag(connection, self.settled, DISAGREEMENT)


class _Read(msgspec.Struct, frozen=True):
    """A decision as it will be kept, and the lists of an import it belongs in."""

    said: Annotation
    lists: tuple[str, ...]


class Intake:
    """Reads decisions about turns and sums up in an :class:`Imported`.

    Attributes:
        to_mend: Lines that were not taken and can be mended, each with its turns.
        read_by_several: By turn that several people read, who gave which intent.
    """

    def __init__(  # noqa: PLR0913 - what a file and its reader say
        self,
        done: Imported,
        *,
        privacy: PrivacyEngine,
        source: str,
        now: float,
        annotator: str,
        handed_to: Mapping[str, str],
        vocabulary: Vocabulary,
    ) -> None:
        """Take in what one file says; arguments as for `import_items`."""
        self._done = done
        self._privacy = privacy
        self._source = source
        self._now = now
        self._annotator = annotator
        self._handed_to = handed_to
        self._vocabulary = vocabulary
        self.to_mend: dict[int, set[str]] = {}
        self._barred: set[int] = set()
        self.read_by_several: list[dict[str, str]] = []

    def complain(
        self,
        line: int | None,
        message: str,
        *,
        turn_ids: Collection[str] = (),
        rejected: bool = True,
    ) -> None:
        """Note a record that is not taken."""
        complaint = Complaint(line=line, message=message, rejected=rejected)
        self._done.complaints.append(complaint)
        if line is None:
            return
        if not rejected:
            # Where another record shares its line, both stay out of the rejects.
            self._barred.add(line)
            self.to_mend.pop(line, None)
        elif line not in self._barred:
            self.to_mend.setdefault(line, set()).update(turn_ids)

    def complain_about(
        self, connection: Connection, problems: Sequence[Problem]
    ) -> None:
        """Note what the format could not read; it may hold words of who is gone."""
        raw = [
            one.raw if isinstance(one.raw, str) else one.raw.decode("utf-8", "replace")
            for one in problems
        ]
        named = [set(TURN_ID.findall(text)) for text in raw]
        found = turns.by_id(connection, {name for names in named for name in names})
        for problem, names in zip(problems, named, strict=True):
            gone = [name for name in names if not _may_be_kept(found.get(name))]
            self.complain(
                problem.line,
                problem.message,
                turn_ids=names,
                rejected=not gone,
            )

    def take(self, connection: Connection, page: Mapping[str, Sequence[Item]]) -> None:
        """Record what was decided about some turns, which the caller holds."""
        found = turns.by_id(connection, page)
        known = annotations.of_turns(connection, page)
        written = _Page()
        for turn_id, items in page.items():
            turn = found.get(turn_id)
            if turn is not None and _may_be_kept(turn):
                self._weigh(turn, items, known.get(turn_id, []), written)
            else:
                self._drop(turn_id, turn, items)
        written.write(connection, now=self._now)

    def _drop(self, turn_id: str, turn: Turn | None, items: Sequence[Item]) -> None:
        """Leave out whose words may not be kept; a mistyped id can be mended."""
        names = self._done.unknown if turn is None else self._done.withdrawn
        for item in items:
            names.append(turn_id)
            if turn is not None:
                message = "consent was taken back; dropped"
            elif TURN_ID.fullmatch(turn_id):
                message = "turn: not in this database, or erased; dropped"
            else:
                self.complain(item.line, "turn: no such id; put back the exported one")
                continue
            self.complain(item.line, message, rejected=False)

    def _weigh(
        self, turn: Turn, items: Sequence[Item], known: Sequence[Kept], written: _Page
    ) -> None:
        """Find out what counts of a turn."""
        # Of one person the last decision counts.
        read = {
            one.said.annotator: one
            for one in (self._read(turn, item) for item in items)
            if one is not None
        }
        said = [one.said for one in read.values()]
        if not said:
            if any(item.verdict == "skip" for item in items):
                self._done.skipped.append(turn.turn_id)
                if turn.status == "exported":
                    written.set(turn.turn_id, "new")
            return
        weighed = weigh(known, said, out_again=turn.status == "exported")
        written.add(turn.turn_id, weighed)
        for name, one in read.items():
            lists = ("recorded", *one.lists) if name in weighed.people else ("known",)
            for attribute in lists:
                getattr(self._done, attribute).append(turn.turn_id)
        if weighed.outcome in ("disputed", "settled"):
            getattr(self._done, weighed.outcome).append(turn.turn_id)
        opinions = {
            one.annotator: one.intent
            for one in (*known, *said)
            if one.annotator and one.status != "superseded"
        }
        if len(opinions) > 1:
            self.read_by_several.append(opinions)

    def _read(self, turn: Turn, item: Item) -> _Read | None:
        """Give a decision as it will be kept; None where there is none, or none fit."""
        if item.verdict == "skip":
            return None
        if item.verdict == "reject":
            return _Read(self._annotation(item, None, "", []), ("refused",))
        valid = self._vocabulary.check(item, turn)
        if isinstance(valid, str):
            self.complain(item.line, valid, turn_ids=[turn.turn_id])
            return None
        bot = read_item(turn)
        sent = bot.text
        original, widened = restored(valid.item, masked=sent)
        edited = original.text != sent
        right = _masked(original, self._privacy) if edited else original
        confirmed = (right.intent, right.entities) == (turn.intent, bot.entities)
        lists = {
            "confirmed" if confirmed else "corrected": True,
            "edited": edited,
            "masked": right.text != original.text,
            "widened": widened,
            "repaired": valid.repaired,
        }
        entities = [entity.stored() for entity in right.entities]
        said = self._annotation(item, right.text, right.intent, entities)
        return _Read(said, tuple(name for name, holds in lists.items() if holds))

    def _annotation(
        self,
        item: Item,
        text: str | None,
        intent: str,
        entities: list[dict[str, object]],
    ) -> Annotation:
        name = item.annotator
        if name is None:
            name = self._handed_to.get(item.turn_id, self._annotator)
        return Annotation(
            turn_id=item.turn_id,
            text=text,
            intent=intent,
            entities=entities,
            source=self._source,
            annotated_at=self._now,
            seconds=None if item.seconds is None else round(item.seconds, 2),
            annotator=" ".join(name.split())[:255],
        )


def _may_be_kept(turn: Turn | None) -> bool:
    return turn is not None and turn.status != "withdrawn" and turn.text is not None


def _masked(item: Item, privacy: PrivacyEngine) -> Item:
    """Mask what people typed into a text; entities move with it."""
    spans = privacy.find(item.text)
    if not spans:
        return item
    aligned = Alignment(
        item.text, [(span.start, span.end, f"[{span.entity_type}]") for span in spans]
    )
    entities = []
    for entity in item.entities:
        start, end = aligned.span(entity.start, entity.end)
        changed = aligned.text[start:end] != item.text[entity.start : entity.end]
        entities.append(
            msgspec.structs.replace(
                entity, start=start, end=end, value=None if changed else entity.value
            )
        )
    return tidy(
        msgspec.structs.replace(item, text=aligned.text, entities=tuple(entities))
    )
