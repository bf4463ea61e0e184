"""The detector: our recognizers behind cheap gates, or inside a real AnalyzerEngine."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from presidio_analyzer import RecognizerResult

from rasa_qa_plugin.privacy.allow_list import AllowList
from rasa_qa_plugin.privacy.passage import Passage, fill
from rasa_qa_plugin.privacy.recognizers.address import AddressRecognizer
from rasa_qa_plugin.privacy.recognizers.base import ChatRecognizer
from rasa_qa_plugin.privacy.recognizers.contact import EmailRecognizer
from rasa_qa_plugin.privacy.recognizers.names import NameRecognizer
from rasa_qa_plugin.privacy.recognizers.numbers import NumberRecognizer
from rasa_qa_plugin.privacy.spans import Span, resolve
from rasa_qa_plugin.settings import PrivacySettings

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

ENTITY_TYPES: Final = ("PHONE", "EMAIL", "CARD", "ACCOUNT", "ID", "ADDRESS", "NAME")
LANGUAGES: Final = ("es", "en")

# Presidio's names for what we have a shorter word for.
_FROM_PRESIDIO: Final = {
    "PERSON": "NAME",
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "ACCOUNT",
    "US_BANK_NUMBER": "ACCOUNT",
    "LOCATION": "ADDRESS",
}

_RECOGNIZERS: Final[tuple[type[ChatRecognizer], ...]] = (
    NumberRecognizer,
    EmailRecognizer,
    AddressRecognizer,
    NameRecognizer,
)

_WINDOW = 4000
_OVERLAP = 400
_MOST_ROUNDS = 4
_REMEMBERED_TEXTS = 4096
_LONGEST_REMEMBERED = 300


class PrivacyEngine:
    """Finds personal data in Spanish and English chat.

    Build it once; it is stateless apart from a memory of recent short texts, and any
    number of threads may use it. It never loads a model and never opens a connection.
    """

    def __init__(self, settings: PrivacySettings) -> None:
        """Compile the allow-list of *settings*.

        Raises:
            ConfigError: A term of ``privacy.allow`` would let personal data through.
        """
        self._recognizers = tuple(make() for make in _RECOGNIZERS)
        self._allow = AllowList(settings.allow, scan=self._candidates)
        self._remembered = lru_cache(_REMEMBERED_TEXTS)(self._find)

    def find(self, text: str) -> list[Span]:
        """Give what is personal in *text*: sorted, without overlap.

        What is found is final: scanning the masked text again finds nothing more.
        """
        if len(text) <= _LONGEST_REMEMBERED:
            return list(self._remembered(text))
        return list(self._find(text))

    def without_terms(self, spans: list[Span], *, text: str) -> list[Span]:
        """Give the spans that do not lie inside a term of the allow-list."""
        return self._allow.without_terms(spans, text=text)

    def _find(self, text: str) -> tuple[Span, ...]:
        if len(text) <= _WINDOW:
            return tuple(self.settle(text, self._candidates))
        found: list[Span] = []
        for start, window in windows(text):
            found += (
                Span(s.start + start, s.end + start, s.entity_type, s.score, s.rule)
                for s in self.settle(window, self._candidates)
            )
        return tuple(resolve(found, text=text))

    def settle(self, text: str, scan: Callable[[str], Iterable[Span]]) -> list[Span]:
        """Scan until nothing more turns up, each time without what was found before.

        A number beside a masked one may look different from the same number beside the
        original; without this, masking twice could mask more than masking once.
        """
        found: list[Span] = []
        rest = text
        for _ in range(_MOST_ROUNDS):
            more = self.without_terms(list(scan(rest)), text=rest)
            if not more:
                break
            found = resolve([*found, *more], text=text)
            rest = fill(text, found)
        return found

    def _candidates(self, text: str) -> list[Span]:
        passage = Passage(text)
        spans: list[Span] = []
        for recognizer in self._recognizers:
            if recognizer.may_hold(passage):
                spans += recognizer.find(passage)
        return spans

    def analyzer(self) -> "AnalyzerEngine":
        """Build a Presidio ``AnalyzerEngine`` with the same recognizers.

        It runs on blank spaCy pipelines: no model is loaded or fetched. It gives the
        candidates; :meth:`settle` makes them what :meth:`find` gives.
        """
        from rasa_qa_plugin.privacy.presidio import (  # spaCy, on demand
            build_analyzer,
        )

        return build_analyzer(
            [make(language) for language in LANGUAGES for make in _RECOGNIZERS],
            languages=LANGUAGES,
        )


def spans_of(results: Iterable[RecognizerResult]) -> list[Span]:
    """Read Presidio's results as spans, in our names for the types."""
    return [
        Span(
            result.start,
            result.end,
            _FROM_PRESIDIO.get(result.entity_type, result.entity_type),
            float(result.score),
            getattr(result.analysis_explanation, "pattern_name", None) or "presidio",
        )
        for result in results
    ]


def windows(text: str) -> Iterable[tuple[int, str]]:
    """Cut a long text into overlapping pieces, at blanks where there are any."""
    start = 0
    while True:
        end = start + _WINDOW
        if end >= len(text):
            yield start, text[start:]
            return
        blank = text.rfind(" ", end - _OVERLAP // 2, end)
        end = blank if blank > 0 else end
        yield start, text[start:end]
        start = end - _OVERLAP
