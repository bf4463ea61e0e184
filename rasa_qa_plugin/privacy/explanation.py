"""What would be masked in a text, and why; nothing is stored."""

import msgspec

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.field_types import FieldTypes
from rasa_qa_plugin.privacy.spans import CUE, KNOWN, SHAPE, VALIDATED, Span
from rasa_qa_plugin.privacy.tokens import TokenMap
from rasa_qa_plugin.privacy.values import ValueMasker
from rasa_qa_plugin.settings import PrivacySettings

_SURENESS = {
    VALIDATED: "check digit or unmistakable form",
    CUE: "a cue word beside it, or several parts that fit",
    SHAPE: "looks like one",
    KNOWN: "known from elsewhere",
}


class Reason(msgspec.Struct, frozen=True):
    """One stretch of the text that a recognizer marked.

    Attributes:
        text: What stands there.
        start: First character, counted from 0.
        end: The character after the last.
        entity_type: ``PHONE``, ``NAME`` and so on.
        token: What takes its place; None when it stays as it is.
        recognizer: The recognizer that marked it.
        rule: The rule of that recognizer.
        score: How sure the rule is, 0 to 1.
        why: The same in words, or why it stays.
    """

    text: str
    start: int
    end: int
    entity_type: str
    token: str | None
    recognizer: str
    rule: str
    score: float
    why: str


class Explanation(msgspec.Struct, frozen=True):
    """A masked text and the reasons."""

    masked: str
    reasons: list[Reason]


def explain(text: str, settings: PrivacySettings) -> Explanation:
    """Mask *text* as the first message of a conversation, and say why.

    Raises:
        ConfigError: As for :class:`~rasa_qa_plugin.privacy.engine.PrivacyEngine`.
    """
    engine = PrivacyEngine(settings)
    tokens = TokenMap()
    masker = ValueMasker(engine, FieldTypes(settings), tokens)
    masked = masker.string(text)
    sources = engine.sources(text)
    kept = engine.find(text)
    reasons = [_kept(span, text, sources, tokens) for span in kept]
    for recognizer, span in sources:
        if not any(span.start < other.end and other.start < span.end for other in kept):
            reasons.append(_allowed(recognizer, span, text))
    return Explanation(masked, sorted(reasons, key=lambda reason: reason.start))


def _kept(
    span: Span, text: str, sources: list[tuple[str, Span]], tokens: TokenMap
) -> Reason:
    value = text[span.start : span.end]
    recognizer = next(
        (
            name
            for name, other in sources
            if (other.rule, other.entity_type) == (span.rule, span.entity_type)
            and other.start < span.end
            and span.start < other.end
        ),
        "second look",  # found only once the rest was masked
    )
    return Reason(
        value,
        span.start,
        span.end,
        span.entity_type,
        tokens.token(span.entity_type, value),
        recognizer,
        span.rule,
        span.score,
        _SURENESS.get(span.score, "score of a recognizer of yours"),
    )


def _allowed(recognizer: str, span: Span, text: str) -> Reason:
    return Reason(
        text[span.start : span.end],
        span.start,
        span.end,
        span.entity_type,
        None,
        recognizer,
        span.rule,
        span.score,
        "stays: inside a term of privacy.allow",
    )
