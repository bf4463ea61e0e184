"""Why a turn is worth reading: pure rules on what was noted about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from rasa_qa_plugin.own_intents.utterances import OWN_INTENTS
from rasa_qa_plugin.prediction import Prediction
from rasa_qa_plugin.review.wording import folded, similarity
from rasa_qa_plugin.settings import ReviewSettings

LOW_CONFIDENCE = "low_confidence"
AMBIGUOUS = "ambiguous"
FALLBACK = "fallback"
NOVEL = "novel"
NEGATIVE_FEEDBACK = "negative_feedback"
USER_REPORTED = "user_reported"
REPEATED = "repeated"
UNLIKELY_INTENT = "unlikely_intent"
ACTION_FAILED = "action_failed"
ESCALATED = "escalated"
DISAGREEMENT = "disagreement"
MANUAL = "manual"

FLAGS = (
    LOW_CONFIDENCE,
    AMBIGUOUS,
    FALLBACK,
    NOVEL,
    NEGATIVE_FEEDBACK,
    USER_REPORTED,
    REPEATED,
    UNLIKELY_INTENT,
    ACTION_FAILED,
    ESCALATED,
    DISAGREEMENT,
    MANUAL,
)

HANDOVER_ACTION = "action_qa_escalate"
_UNLIKELY_INTENT_ACTION = "action_unlikely_intent"
# "yes" and "two" are said again and again, and nobody is annoyed.
_FEWEST_WORDS = 2

Event = Mapping[str, Any]


def flags_for(
    prediction: Prediction, followers: Sequence[Event], *, settings: ReviewSettings
) -> list[str]:
    """Give the flags that a turn has once the bot has answered.

    Args:
        prediction: What the NLU said before any fallback.
        followers: Rasa's events after the message, up to the next one.
        settings: The limits.
    """
    flags = []
    confidence, margin = prediction.confidence, prediction.margin
    if confidence is not None and confidence < settings.low_confidence:
        flags.append(LOW_CONFIDENCE)
    if margin is not None and margin < settings.ambiguity_margin:
        flags.append(AMBIGUOUS)
    if prediction.fell_back:
        flags.append(FALLBACK)
    if prediction.novelty is not None and prediction.novelty >= settings.novelty:
        flags.append(NOVEL)
    actions = {str(event.get("name")) for event in followers if _is(event, "action")}
    if _UNLIKELY_INTENT_ACTION in actions:
        flags.append(UNLIKELY_INTENT)
    # A form that makes way for one of our intents rejects, too.
    if prediction.intent not in OWN_INTENTS and any(
        _is(event, "action_execution_rejected") for event in followers
    ):
        flags.append(ACTION_FAILED)
    if actions.intersection((HANDOVER_ACTION, *settings.handoff_actions)) or any(
        _is(event, "pause") for event in followers
    ):
        flags.append(ESCALATED)
    return flags


def is_repeated(
    text: str, following: str, *, seconds: float, settings: ReviewSettings
) -> bool:
    """Tell whether a person said again what they had just said.

    Args:
        text: What they said first, masked.
        following: What they said next, masked.
        seconds: Between the two.
        settings: The limits.
    """
    if not 0 <= seconds <= settings.repeated_within_minutes * 60:
        return False
    plain = folded(text)
    if len(plain.split()) < _FEWEST_WORDS:
        return False
    return similarity(plain, folded(following)) >= settings.repeated


def _is(event: Event, kind: str) -> bool:
    return event.get("event") == kind
