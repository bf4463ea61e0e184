"""Corrected files back into the database; doing it twice is doing it once."""

from collections.abc import Sequence

import msgspec
from sqlalchemy.engine import Engine

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.spans import Alignment
from rasa_qa_plugin.review.items import Item, clean, tidy
from rasa_qa_plugin.review.surrogates import restored
from rasa_qa_plugin.storage import annotations, queue, runs, turns
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.engine import transaction


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did, as turn ids.

    Attributes:
        recorded: Corrections that count now.
        known: Corrections that were there already.
        edited: Those of *recorded* whose text people changed.
        masked: Those of *recorded* whose text held personal data and was masked.
        widened: Those of *recorded* with an entity on a part of an invented value; it
            covers the whole value now.
        unknown: Turns this database does not have, or erased.
        withdrawn: Turns of people who took their consent back.
    """

    recorded: list[str] = []
    known: list[str] = []
    edited: list[str] = []
    masked: list[str] = []
    widened: list[str] = []
    unknown: list[str] = []
    withdrawn: list[str] = []


def import_items(
    engine: Engine,
    items: Sequence[Item],
    *,
    privacy: PrivacyEngine,
    source: str,
    now: float,
) -> Imported:
    """Record corrections in one transaction.

    Args:
        engine: The database.
        items: What people decided.
        privacy: Finds personal data in texts that people edited.
        source: Name of the file, for the record.
        now: Seconds since the epoch.

    Raises:
        StorageError: The database refused; nothing was recorded.
    """
    done = Imported(
        recorded=[],
        known=[],
        edited=[],
        masked=[],
        widened=[],
        unknown=[],
        withdrawn=[],
    )
    with transaction(engine) as connection:
        # Nobody may take consent back between the look and the record.
        queue.hold(connection, [item.turn_id for item in items])
        found = turns.by_id(connection, [item.turn_id for item in items])
        for returned in items:
            turn = found.get(returned.turn_id)
            if turn is None:
                done.unknown.append(returned.turn_id)
                continue
            if turn.status == "withdrawn" or turn.text is None:
                done.withdrawn.append(turn.turn_id)
                continue
            sent = clean(turn.text)
            original, widened = restored(returned, masked=sent)
            edited = original.text != sent
            item = _masked(original, privacy) if edited else original
            annotation = Annotation(
                turn_id=item.turn_id,
                text=item.text,
                intent=item.intent,
                entities=[entity.stored() for entity in item.entities],
                source=source[:255],
                annotated_at=now,
            )
            if not annotations.record(connection, annotation):
                done.known.append(turn.turn_id)
                continue
            done.recorded.append(turn.turn_id)
            if edited:
                done.edited.append(turn.turn_id)
            if item.text != original.text:
                done.masked.append(turn.turn_id)
            if widened:
                done.widened.append(turn.turn_id)
        turns.set_status(connection, done.recorded, "annotated")
        runs.note(connection, "import", now=now, turns=len(done.recorded))
    return done


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
