"""What people say they meant: a correction of a turn by the one who knows."""

from collections.abc import Iterable

from sqlalchemy.engine import Connection

from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.review.flags import USER_REPORTED
from rasa_qa_plugin.review.tasks import read_item
from rasa_qa_plugin.review.transcript import Event, meanings_in
from rasa_qa_plugin.storage import annotations, queue, turns
from rasa_qa_plugin.storage.annotations import Annotation

SOURCE = "did_you_mean"


def keep_meanings(
    connection: Connection,
    pseudonym: str,
    masked: Iterable[Event],
    consent: ConsentState,
    *,
    now: float,
) -> None:
    """Record what the buttons in these events said about earlier turns.

    With consent it becomes the correction of a turn that still waits for one. Where
    nothing that was offered fits, the turn is flagged for people to read.
    """
    for meaning in meanings_in(masked):
        turn_id = turns.id_of(connection, pseudonym, meaning.message_ref)
        if turn_id is None:
            continue
        if meaning.intent is None:
            turns.raise_flag(connection, [turn_id], USER_REPORTED, now=now)
        elif consent.allows_capture:
            _correct(connection, turn_id, meaning.intent, now=now)


def _correct(connection: Connection, turn_id: str, intent: str, *, now: float) -> None:
    queue.hold(connection, [turn_id])
    turn = turns.by_id(connection, [turn_id]).get(turn_id)
    if turn is None or turn.text is None or turn.status != "new":
        return
    item = read_item(turn)
    recorded = annotations.record(
        connection,
        Annotation(
            turn_id=turn_id,
            text=item.text,
            intent=intent,
            entities=[one.stored() for one in item.entities],
            source=SOURCE,
            annotated_at=now,
        ),
    )
    if recorded:
        turns.set_status(connection, [turn_id], "annotated")
