"""Reading a batch of Rasa events as turns and ratings."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rasa_qa_plugin.consent import said_in
from rasa_qa_plugin.privacy.vault import message_ref
from rasa_qa_plugin.privacy.withheld import is_bot_name, is_name, is_reference
from rasa_qa_plugin.review.flags import flags_for
from rasa_qa_plugin.review.prediction import read_prediction
from rasa_qa_plugin.settings import ReviewSettings
from rasa_qa_plugin.storage.turns import Turn

FEEDBACK_SLOT = "qa_feedback"
# Rasa writes these itself: a button's payload, an event from outside the chat.
_NOT_TYPED = ("/", "EXTERNAL: ")

Event = Mapping[str, Any]


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback found in an event; *message_ref* None means the latest answer."""

    message_ref: str | None
    value: int
    comment: str | None


def turns_in(  # noqa: PLR0913 - what a turn is made of
    events: Sequence[Event],
    masked: Sequence[Event],
    *,
    first_seq: int,
    sender_id: str,
    turn_id: Callable[[str, int, str], str],
    capture: bool,
    settings: ReviewSettings,
) -> Iterator[Turn]:
    """Give a turn for each message that a person typed.

    Args:
        events: Raw events; only ids, names and numbers are read from them.
        masked: The same events, masked; texts come from here.
        first_seq: Number of the first event in its conversation.
        sender_id: Pseudonym.
        turn_id: Makes the id from pseudonym, number and message.
        capture: Whether the person agreed that masked words are kept.
        settings: Limits for the flags.
    """
    for index, event in enumerate(events):
        if not _is_typed(event):
            continue
        prediction = read_prediction(event.get("parse_data") or {})
        seq = first_seq + index
        metadata = event.get("metadata") or {}
        message_id = event.get("message_id")
        model_id = metadata.get("model_id")
        form = masked[index]
        yield Turn(
            turn_id=turn_id(sender_id, seq, f"{message_id}:{event.get('timestamp')}"),
            sender_id=sender_id,
            seq=seq,
            message_ref=message_ref(message_id)
            if isinstance(message_id, str)
            else None,
            recorded_at=float(event.get("timestamp") or 0.0),
            channel=_name(event.get("input_channel")),
            model_id=model_id if is_bot_name(model_id) else None,
            text=_storable(form.get("text")) if capture else None,
            entities=_entities(form) if capture else None,
            answer=_answer(events, masked, index) if capture else None,
            intent=prediction.intent,
            confidence=prediction.confidence,
            second_intent=prediction.second_intent,
            margin=prediction.margin,
            entropy=prediction.entropy,
            flags=flags_for(
                confidence=prediction.confidence,
                margin=prediction.margin,
                fell_back=prediction.fell_back,
                settings=settings,
            ),
        )


def rating_of(
    message_id: str, *, good: bool, comment: str | None, now: float
) -> dict[str, Any]:
    """Give the event that the feedback actions would make of a rating."""
    value = {
        "turn": message_ref(message_id),
        "rating": "up" if good else "down",
        "comment": comment,
    }
    return {"event": "slot", "name": FEEDBACK_SLOT, "value": value, "timestamp": now}


def ratings_in(masked: Iterable[Event]) -> Iterator[Rating]:
    """Give the ratings that the feedback actions left in the slot `qa_feedback`."""
    for event in said_in(masked):
        value = event.get("value")
        if (
            event.get("event") != "slot"
            or event.get("name") != FEEDBACK_SLOT
            or not isinstance(value, Mapping)
        ):
            continue
        rating = {"up": 1, "down": -1}.get(str(value.get("rating")))
        if rating is not None:
            comment = value.get("comment")
            yield Rating(
                message_ref=turn if is_reference(turn := value.get("turn")) else None,
                value=rating,
                comment=_storable(comment),
            )


def _is_typed(event: Event) -> bool:
    text = event.get("text")
    return (
        event.get("event") == "user"
        and isinstance(text, str)
        and text.strip() != ""
        and not text.startswith(_NOT_TYPED)
    )


def _entities(form: Event) -> list[dict[str, Any]]:
    return [
        {
            key: entity[key]
            for key in ("start", "end", "entity", "value", "role", "group")
            if entity.get(key) is not None
        }
        for entity in (form.get("parse_data") or {}).get("entities") or []
    ]


def _answer(events: Sequence[Event], masked: Sequence[Event], index: int) -> str | None:
    """Join what the bot said until the next message."""
    said = []
    for event, form in zip(events[index + 1 :], masked[index + 1 :], strict=True):
        if event.get("event") == "user":
            break
        if event.get("event") == "bot" and isinstance(form.get("text"), str):
            said.append(form["text"])
    return _storable("\n".join(said)) or None


def _storable(text: Any) -> str | None:
    """Replace what no database takes: lone surrogates and NUL."""
    if not isinstance(text, str):
        return None
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")


def _name(value: Any) -> str | None:
    return value if is_name(value) else None
