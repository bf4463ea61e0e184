"""What the NLU thought of a message before any fallback rule changed it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

FALLBACK_INTENT = "nlu_fallback"
QA_KEY = "qa"
"""Key of our annotation in Rasa's parse data."""
UNDERSTOOD = "understood"
"""Key in that annotation: true where a message means one of the plugin's intents."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The two best intents and how sure the model was.

    Attributes:
        confidence: Of *intent*, 0..1.
        margin: Distance to the confidence of *second_intent*, 0..1.
        entropy: Shannon entropy of the ranking divided by its maximum, 0 (sure) to 1
            (all alike). DIET cuts its ranking at ten names, so this is a hint.
        fell_back: Whether FallbackClassifier put `nlu_fallback` in front.
        novelty: How unlike the training data the text is, 0..1.
        unknown_words: Share of its words that the training data lacks, 0..1.
        agreement: Share of the most similar training examples that carry *intent*.
        response_key: What ResponseSelector chose, as "faq/opening_hours", where
            *intent* is a retrieval intent.
        response_confidence: Of *response_key*, 0..1.
    """

    intent: str | None = None
    confidence: float | None = None
    second_intent: str | None = None
    margin: float | None = None
    entropy: float | None = None
    fell_back: bool = False
    novelty: float | None = None
    unknown_words: float | None = None
    agreement: float | None = None
    response_key: str | None = None
    response_confidence: float | None = None


def read_prediction(parse_data: Mapping[str, Any]) -> Prediction:
    """Give what ConfidenceLogger noted; without it, what the ranking still shows."""
    noted = parse_data.get(QA_KEY)
    if isinstance(noted, Mapping):
        try:
            return msgspec.convert(dict(noted), Prediction)
        except msgspec.ValidationError:
            pass  # another release's note: the ranking says the same
    return predict_from_ranking(
        parse_data.get("intent"), parse_data.get("intent_ranking")
    )


def predict_from_ranking(
    intent: Mapping[str, Any] | None, ranking: Sequence[Mapping[str, Any]] | None
) -> Prediction:
    """Find the two best real intents behind what Rasa decided on.

    Args:
        intent: Rasa's top intent: ``{"name": …, "confidence": …}``.
        ranking: Rasa's intent ranking; classifiers without one leave it empty.
    """
    top = intent or {}
    fell_back = top.get("name") == FALLBACK_INTENT
    entries = sorted(
        (
            (str(entry["name"]), float(entry.get("confidence") or 0.0))
            for entry in ranking or [top]
            if entry.get("name") and entry["name"] != FALLBACK_INTENT
        ),
        key=lambda entry: -entry[1],
    )
    if not entries:
        return Prediction(fell_back=fell_back)
    name, confidence = entries[0]
    if len(entries) == 1:
        return Prediction(intent=name, confidence=confidence, fell_back=fell_back)
    return Prediction(
        intent=name,
        confidence=confidence,
        second_intent=entries[1][0],
        margin=confidence - entries[1][1],
        entropy=normalized_entropy([score for _, score in entries]),
        fell_back=fell_back,
    )


def chosen_response(
    selectors: Mapping[str, Any] | None, intent: str | None
) -> tuple[str | None, float | None]:
    """Give the response key that was chosen for a retrieval intent, and how surely.

    Args:
        selectors: Rasa's `response_selector`, by retrieval intent or under "default".
        intent: What the message is taken for; others choose nothing.
    """
    if not selectors or intent is None:
        return None, None
    if intent not in (selectors.get("all_retrieval_intents") or ()):
        return None, None
    chosen = (selectors.get(intent) or selectors.get("default") or {}).get("response")
    if not chosen or not chosen.get("intent_response_key"):
        return None, None
    return chosen["intent_response_key"], chosen.get("confidence")


def normalized_entropy(scores: Sequence[float]) -> float:
    """Give Shannon's entropy of *scores*, normalized to sum 1, over log(len(scores)).

    Source: C. E. Shannon, A Mathematical Theory of Communication (1948); the division
    by the maximum makes rankings of different length comparable (Pielou's evenness).
    """
    total = sum(scores)
    if total <= 0.0 or len(scores) < 2:  # noqa: PLR2004 - nothing to be unsure about
        return 0.0
    shares = [score / total for score in scores]
    information = sum(share * math.log(share) for share in shares if share > 0.0)
    return -information / math.log(len(scores))
