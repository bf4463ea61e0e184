"""Why a turn is worth reading: pure rules on what the NLU said about it."""

from rasa_qa_plugin.settings import ReviewSettings

LOW_CONFIDENCE = "low_confidence"
AMBIGUOUS = "ambiguous"
FALLBACK = "fallback"
NEGATIVE_FEEDBACK = "negative_feedback"
MANUAL = "manual"

FLAGS = (LOW_CONFIDENCE, AMBIGUOUS, FALLBACK, NEGATIVE_FEEDBACK, MANUAL)


def flags_for(
    *,
    confidence: float | None,
    margin: float | None,
    fell_back: bool,
    settings: ReviewSettings,
) -> list[str]:
    """Give the flags of a turn from its top intent before any fallback.

    Args:
        confidence: Of the top intent, 0..1; None where nothing was predicted.
        margin: Its distance to the second intent, 0..1; None without a second.
        fell_back: Whether the bot used `nlu_fallback` instead.
        settings: The limits.
    """
    flags = []
    if confidence is not None and confidence < settings.low_confidence:
        flags.append(LOW_CONFIDENCE)
    if margin is not None and margin < settings.ambiguity_margin:
        flags.append(AMBIGUOUS)
    if fell_back:
        flags.append(FALLBACK)
    return flags
