"""Corrected files back into the database; doing it twice is doing it once."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec
from sqlalchemy.engine import Engine

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.review.agreement import agreement
from rasa_qa_plugin.review.formats import Problem
from rasa_qa_plugin.review.intake import Complaint, Imported, Intake
from rasa_qa_plugin.review.items import Item
from rasa_qa_plugin.review.rejects import Rejects
from rasa_qa_plugin.review.validation import Vocabulary
from rasa_qa_plugin.storage import queue, runs
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.engine import transaction

_PAGE = 500
_COUNTED = ("confirmed", "corrected", "refused", "disputed", "complaints")


def import_items(  # noqa: PLR0913 - what a file and its reader say
    engine: Engine,
    items: Sequence[Item],
    *,
    privacy: PrivacyEngine,
    source: str,
    now: float,
    annotator: str = "",
    handed_to: Mapping[str, str] = MappingProxyType({}),
    vocabulary: Vocabulary = Vocabulary(),  # noqa: B008 - frozen
    problems: Sequence[Problem] = (),
    rejects: Rejects | None = None,
) -> Imported:
    """Record in one transaction what people decided; the rest is complained about.

    Args:
        engine: The database.
        items: What people decided.
        privacy: Finds personal data in texts that people edited.
        source: Name of the file, for the record.
        now: Seconds since the epoch.
        annotator: Who decided where neither an item nor *handed_to* says it.
        handed_to: Who got a turn, where one person did.
        vocabulary: The names that exist.
        problems: What the format could not read.
        rejects: Keeps what is to be mended; the caller writes it afterwards.

    Raises:
        StorageError: The database refused; nothing was recorded.
    """
    by_turn: dict[str, list[Item]] = {}
    for item in items:
        by_turn.setdefault(item.turn_id, []).append(item)
    done = Imported()
    intake = Intake(
        done,
        privacy=privacy,
        source=source[:255],
        now=now,
        annotator=annotator,
        handed_to=handed_to,
        vocabulary=vocabulary,
    )
    with transaction(engine) as connection:
        # Nobody may take consent back between the look and the record.
        queue.hold(connection, by_turn)
        intake.complain_about(connection, problems)
        for page in _pages(by_turn):
            intake.take(connection, page)
        done.agreement.extend(agreement(intake.read_by_several))
        if rejects is not None:
            rejects.announce(connection, intake.to_mend, now=now)
        counts = {name: len(getattr(done, name)) for name in _COUNTED}
        runs.note(
            connection,
            "import",
            now=now,
            turns=len(done.recorded),
            **{name: count for name, count in counts.items() if count},
        )
    done.complaints.sort(key=_line)
    return done


def item_of(annotation: Annotation) -> Item:
    """Give a recorded correction the form that merging takes."""
    return msgspec.convert(
        {
            "turn_id": annotation.turn_id,
            "text": annotation.text or "",
            "intent": annotation.intent,
            "entities": annotation.entities,
        },
        Item,
    )


def _pages(by_turn: Mapping[str, list[Item]]) -> Iterator[dict[str, list[Item]]]:
    ids = list(by_turn)
    for start in range(0, len(ids), _PAGE):
        yield {turn_id: by_turn[turn_id] for turn_id in ids[start : start + _PAGE]}


def _line(complaint: Complaint) -> int:
    return complaint.line or 0
