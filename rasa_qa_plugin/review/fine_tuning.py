"""Corrections as training material for a language model, traced like any export."""

import contextlib
import hashlib
import secrets
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec
from sqlalchemy.engine import Engine

from rasa_qa_plugin import changes
from rasa_qa_plugin.errors import RasaQAError, StorageError
from rasa_qa_plugin.privacy.tokens import is_token
from rasa_qa_plugin.review.exporting import WITH_SURROGATES
from rasa_qa_plugin.review.formats import llm
from rasa_qa_plugin.review.formats.llm import Layout
from rasa_qa_plugin.review.items import Entity, Item, same_text_key, tidy
from rasa_qa_plugin.review.nlu_file import fingerprint
from rasa_qa_plugin.review.recall import stored_path
from rasa_qa_plugin.review.surrogates import Surrogates
from rasa_qa_plugin.storage import batches, copies, queue, runs
from rasa_qa_plugin.storage.batches import Batch
from rasa_qa_plugin.storage.copies import Written
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.lessons import Lesson, lessons


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which corrections go out, and how.

    Attributes:
        train_split: Share of the conversations to train with; the others go into a
            file of their own. All into one file without it.
        min_confidence: Only turns of which the bot was at least so sure.
        approved_only: Leave out what nobody approved.
        surrogates: Gives invented values for tokens; tokens stay without it.
    """

    layout: Layout
    train_split: float | None = None
    min_confidence: float | None = None
    approved_only: bool = False
    surrogates: Surrogates | None = None


class FineTuning(msgspec.Struct, frozen=True, kw_only=True):
    """What went out: rows by file, and the file that names the turn of each row."""

    batch_id: str
    rows: dict[Path, int]
    manifest: Path


def export_lessons(  # noqa: PLR0913 - what `rasa-qa export` says
    engine: Engine,
    path: Path,
    selection: Selection,
    *,
    held_out: Collection[str],
    root: Path,
    people: Sequence[str] = (),
    now: float,
) -> FineTuning | None:
    """Write corrections that count to *path*; None when there are none.

    A text goes out once, whoever said it, with the latest answer. All of a conversation
    goes into the same file, the same one each time. That the words may stand there is
    on record before, relative to the bot folder *root*. No text of *held_out* goes out.

    Raises:
        RasaQAError: A file exists already or cannot be written, or corrections changed
            meanwhile.
        StorageError: The database refused.
    """
    going = _Going(engine, path, selection, held_out, root=root, now=now)
    if not going.lessons:
        return None
    form = selection.layout + (WITH_SURROGATES if selection.surrogates else "")
    try:
        going.record()
        with changes.drafts() as drafts:
            batch = Batch(
                batch_id=f"b_{secrets.token_hex(8)}",
                format=form,
                file_name=path.name,
                sha256=_write(going, drafts),
                turns=going.ids,
                created_at=now,
                file=stored_path(path, root),
                items=len(going.ids),
                filters={
                    name: value
                    for name in ("train_split", "min_confidence")
                    if (value := getattr(selection, name)) is not None
                },
                people=list(people),
            )
            going.send(batch, drafts)
    except RasaQAError:
        going.take_back()
        raise
    return FineTuning(
        batch_id=batch.batch_id,
        rows={file: len(part) for file, part in going.parts.items()},
        manifest=going.manifest,
    )


class _Going:
    """Corrections on their way into files."""

    def __init__(  # noqa: PLR0913 - what `rasa-qa export` says
        self,
        engine: Engine,
        path: Path,
        selection: Selection,
        held_out: Collection[str],
        *,
        root: Path,
        now: float,
    ) -> None:
        self._engine = engine
        self._root = root
        self._now = now
        self._held_out = {same_text_key(text) for text in held_out}
        self.selection = selection
        self.lessons = self._chosen()
        self.parts = _parts(path, self.lessons, selection.train_split)
        self.manifest = path.with_name(f"{path.stem}.manifest.json")

    @property
    def files(self) -> list[Path]:
        return [*self.parts, self.manifest]

    @property
    def ids(self) -> list[str]:
        return [lesson.turn_id for lesson in self.lessons]

    def record(self) -> None:
        """Say whose words will stand where, before they do."""
        index = stored_path(self.manifest, self._root)
        written = [Written(turn_id=turn_id, file=index) for turn_id in self.ids]
        for file, part in self.parts.items():
            place = stored_path(file, self._root)
            written += [
                Written(
                    turn_id=one.turn_id,
                    file=place,
                    line=fingerprint(self.item(one).text),
                )
                for one in part
            ]
        with transaction(self._engine) as connection:
            copies.record(connection, written, now=self._now)

    def take_back(self) -> None:
        """Forget about copies that were not made; a record too many does no harm."""
        places = [stored_path(file, self._root) for file in self.files]
        written = [Written(turn_id="", file=place) for place in places]
        with contextlib.suppress(StorageError), transaction(self._engine) as connection:
            copies.take_back(connection, written, now=self._now)

    def send(self, batch: Batch, drafts: changes.Drafts) -> None:
        """Put the files in their places, and remember the batch, or neither."""
        with transaction(self._engine) as connection:
            queue.hold(connection, self.ids)
            self._require_unchanged()
            batches.record(connection, batch)
            runs.note(
                connection,
                "export",
                now=self._now,
                turns=len(self.ids),
                batch=batch.batch_id,
            )
            drafts.put()

    def item(self, lesson: Lesson) -> Item:
        """Give a correction as it is written."""
        entities = msgspec.convert(lesson.entities, tuple[Entity, ...])
        item = tidy(Item(lesson.turn_id, lesson.text, lesson.intent, entities))
        surrogates = self.selection.surrogates
        return item if surrogates is None else surrogates.applied(item)

    def _require_unchanged(self) -> None:
        """Refuse where somebody left, or corrected again, since it was read."""
        if self._chosen() != self.lessons:
            raise RasaQAError(
                "corrections: changed while they were exported; run the command again"
            )

    def _chosen(self) -> list[Lesson]:
        """Give what goes out, oldest first: of texts that are alike, the latest."""
        seen = set(self._held_out)
        found: list[Lesson] = []
        with reading(self._engine) as connection:
            for lesson in lessons(
                connection,
                min_confidence=self.selection.min_confidence,
                approved_only=self.selection.approved_only,
            ):
                key = same_text_key(lesson.text)
                if key not in seen and not is_token(lesson.text.strip()):
                    seen.add(key)
                    found.append(lesson)
        return found[::-1]


def _parts(
    path: Path, chosen: Sequence[Lesson], share: float | None
) -> dict[Path, list[Lesson]]:
    """Share the rows out by conversation: a hash says where each goes, always."""
    if share is None:
        return {path: list(chosen)}
    parts: dict[Path, list[Lesson]] = {
        path.with_name(f"{path.stem}.{part}{path.suffix}"): []
        for part in ("train", "valid")
    }
    train, valid = parts.values()
    for lesson in chosen:
        digest = hashlib.sha256(f"rasa-qa\0{lesson.sender_id}".encode()).digest()
        part = int.from_bytes(digest[:8], "big") / 2**64
        (train if part < share else valid).append(lesson)
    return parts


def _write(going: _Going, drafts: changes.Drafts) -> str:
    """Write the files; give the hash of all rows."""
    digest = hashlib.sha256()
    layout = going.selection.layout
    system = llm.instruction({lesson.intent for lesson in going.lessons})

    def rows(part: Sequence[Lesson]) -> Iterator[bytes]:
        for lesson in part:
            row = llm.row(going.item(lesson), layout, system=system)
            digest.update(row)
            yield row

    for file, part in going.parts.items():
        drafts.write(file, rows(part))
    named = {file.name: [x.turn_id for x in part] for file, part in going.parts.items()}
    drafts.write(going.manifest, [llm.manifest(named)])
    return digest.hexdigest()
