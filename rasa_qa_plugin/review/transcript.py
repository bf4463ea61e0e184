"""Reading a batch of Rasa events as turns and ratings."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rasa_qa_plugin.consent import said_in
from rasa_qa_plugin.prediction import Prediction, read_prediction
from rasa_qa_plugin.privacy.tokens import is_token
from rasa_qa_plugin.privacy.vault import message_ref
from rasa_qa_plugin.privacy.withheld import (
    WITHHELD,
    is_bot_name,
    is_name,
    is_reference,
)
from rasa_qa_plugin.review.error_score import Signals, starting_score
from rasa_qa_plugin.review.flags import flags_for
from rasa_qa_plugin.review.queue import priority
from rasa_qa_plugin.review.wording import duplicate_key, folded
from rasa_qa_plugin.settings import ReviewSettings
from rasa_qa_plugin.storage.turns import Turn

FEEDBACK_SLOT = "qa_feedback"
MEANT_SLOT = "qa_meant"
_STARS = range(1, 6)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,4}){0,2}")
_LONGEST_NAME = 255
# Rasa writes these itself: a button's payload, an event from outside the chat.
_NOT_TYPED = ("/", "EXTERNAL: ")

Event = Mapping[str, Any]


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback found in an event.

    Attributes:
        message_ref: None means the latest answer.
        value: 1 or -1; one to five where a conversation got stars.
        stars: Whether these are stars, for the conversation up to this answer.
        reported: Whether the person wants somebody to look at it.
        from_channel: Whether a channel sent it: then it may name what nobody knows.
    """

    message_ref: str | None
    value: int
    comment: str | None
    reported: bool
    stars: bool = False
    from_channel: bool = False


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said an earlier message had meant; None for nothing offered."""

    message_ref: str
    intent: str | None


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
        prediction = _prediction(event.get("parse_data"))
        seq = first_seq + index
        metadata = _mapping(event.get("metadata"))
        message_id = event.get("message_id")
        model_id = metadata.get("model_id")
        form = masked[index]
        text = _text(form) if capture else None
        answer = slice(index + 1, _next_message(events, index))
        flags = flags_for(prediction, events[answer], settings=settings)
        error_score = starting_score(
            Signals(
                confidence=prediction.confidence,
                margin=prediction.margin,
                novelty=prediction.novelty,
                flags=flags,
            )
        )
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
            text=text,
            entities=_entities(form) if capture else None,
            answer=_said(masked[answer]) if capture else None,
            intent=prediction.intent,
            confidence=prediction.confidence,
            second_intent=prediction.second_intent,
            margin=prediction.margin,
            entropy=prediction.entropy,
            novelty=prediction.novelty,
            language=_language(metadata),
            duplicate_key=duplicate_key(text) if text else None,
            error_score=error_score,
            priority=_place(error_score, text),
            flags=flags,
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
    """Give the ratings that the feedback actions left in the slot `qa_feedback`.

    Chat widgets send theirs in the metadata of a message, under the same name.
    """
    for event in said_in(masked):
        if event.get("event") == "user":
            yield from _rating_beside(event)
            continue
        value = event.get("value")
        if (
            event.get("event") != "slot"
            or event.get("name") != FEEDBACK_SLOT
            or not isinstance(value, Mapping)
        ):
            continue
        stars = value.get("stars")
        if isinstance(stars, int) and stars in _STARS:
            yield Rating(
                message_ref=turn if is_reference(turn := value.get("turn")) else None,
                value=stars,
                comment=None,
                reported=False,
                stars=True,
            )
        rating = {"up": 1, "down": -1}.get(str(value.get("rating")))
        if rating is not None:
            comment = value.get("comment")
            yield Rating(
                message_ref=turn if is_reference(turn := value.get("turn")) else None,
                value=rating,
                comment=_storable(comment),
                reported=value.get("reported") is True,
            )


def meanings_in(masked: Iterable[Event]) -> Iterator[Meaning]:
    """Give what `action_qa_meant` left in the slot `qa_meant`."""
    for event in said_in(masked):
        if event.get("event") != "slot" or event.get("name") != MEANT_SLOT:
            continue
        value = _mapping(event.get("value"))
        turn, intent = value.get("turn"), value.get("intent")
        if is_reference(turn) and (intent is None or is_name(intent)):
            yield Meaning(message_ref=str(turn), intent=intent)


def _rating_beside(event: Event) -> Iterator[Rating]:
    """Give the rating in a message's metadata, if it says what it judges, and how."""
    given = _mapping(_mapping(event.get("metadata")).get(FEEDBACK_SLOT))
    named = given.get("message_id")
    value = {"up": 1, "1": 1, "down": -1, "-1": -1}.get(str(given.get("rating")))
    if value is not None and isinstance(named, str):
        yield Rating(
            message_ref=named if is_reference(named) else message_ref(named),
            value=value,
            comment=_storable(given.get("comment")),
            reported=given.get("reported") is True,
            from_channel=True,
        )


def _is_typed(event: Event) -> bool:
    text = event.get("text")
    return (
        event.get("event") == "user"
        and isinstance(text, str)
        and text.strip() != ""
        and not text.lstrip().startswith(_NOT_TYPED)
    )


def _prediction(parse_data: Any) -> Prediction:
    """Read what the NLU said.

    A database of years may hold anything there; what makes no sense says nothing.
    """
    try:
        found = read_prediction(_mapping(parse_data))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return Prediction()
    values = {
        name: value[:_LONGEST_NAME] if isinstance(value, str) else value
        for name, value in _sound(msgspec.structs.asdict(found)).items()
    }
    return msgspec.convert(values, Prediction)


def _text(form: Event) -> str | None:
    """Give the words, unless they could not be masked or read."""
    text = form.get("text")
    return None if text == WITHHELD else _storable(text)


def _entities(form: Event) -> list[dict[str, Any]]:
    return [
        {
            key: _sound(entity[key])
            for key in ("start", "end", "entity", "value", "role", "group")
            if entity.get(key) is not None
        }
        for entity in _list(_mapping(form.get("parse_data")).get("entities"))
        if isinstance(entity, Mapping)
    ]


def _place(error_score: float, text: str | None) -> float | None:
    """Give a turn its first place in the queue; a mere masked value teaches nobody."""
    if text is None or not folded(text) or is_token(text.strip()):
        return None
    return priority(error_score, text)


def _next_message(events: Sequence[Event], index: int) -> int:
    """Give the number of the user's next message, or of the end."""
    return next(
        (
            number
            for number in range(index + 1, len(events))
            if events[number].get("event") == "user"
        ),
        len(events),
    )


def _said(masked: Sequence[Event]) -> str | None:
    """Join what the bot said."""
    said = [
        form["text"]
        for form in masked
        if form.get("event") == "bot" and isinstance(form.get("text"), str)
    ]
    return _storable("\n".join(said)) or None


def _language(metadata: Mapping[str, Any]) -> str | None:
    """Give the language that a channel names, as "es" or "pt-BR"."""
    for key in ("language", "lang", "locale"):
        value = metadata.get(key)
        if isinstance(value, str) and _LANGUAGE.fullmatch(value):
            return value
    return None


def _storable(text: Any) -> str | None:
    """Replace what no database takes: lone surrogates and NUL."""
    if not isinstance(text, str):
        return None
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")


def _sound(value: Any) -> Any:
    """Give a JSON value that every database takes."""
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {_storable(str(key)): _sound(part) for key, part in value.items()}
    return [_sound(part) for part in value] if isinstance(value, list) else value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _name(value: Any) -> str | None:
    return value if is_name(value) else None
