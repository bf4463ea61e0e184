"""What our recognizers share: a gate, a pure finder, Presidio's way to call them."""

from typing import ClassVar, Final

from presidio_analyzer import AnalysisExplanation, EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from rasa_qa_plugin.privacy.passage import Passage
from rasa_qa_plugin.privacy.spans import Span

# What our cue words are written in, and what a recognizer may be registered for.
LANGUAGES: Final = ("es", "en")


class ChatRecognizer(EntityRecognizer):
    """A Presidio recognizer that needs no model and reads Spanish and English at once.

    :meth:`find` works on a :class:`Passage`; it is stateless, linear in the length of
    the text, and may run in several threads. :meth:`may_hold` is a necessary condition
    of it: callers with their own passage test it first. A text without a digit, without
    an ``@`` and without any of ``gate_words`` (plain, ASCII) holds nothing to find, nor
    does one whose words do not satisfy :meth:`opens`.
    """

    entity_types: ClassVar[tuple[str, ...]] = ()
    gate_words: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, supported_language: str = "es") -> None:
        """Register for one language; the rules are the same for every language."""
        super().__init__(
            supported_entities=list(self.entity_types),
            supported_language=supported_language,
        )

    def load(self) -> None:
        """Nothing to load: tables are compiled at import."""

    def opens(self, text: str, words: frozenset[str]) -> bool:  # noqa: ARG002 - others read it
        """Tell whether *text*, which has neither digit nor ``@``, may hold something.

        *words* are those of the text in plain writing.
        """
        return not self.gate_words.isdisjoint(words)

    def may_hold(self, passage: Passage) -> bool:
        """Tell cheaply whether :meth:`find` could find anything."""
        raise NotImplementedError

    def find(self, passage: Passage) -> list[Span]:
        """Give all matches; they may overlap."""
        raise NotImplementedError

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,  # noqa: ARG002 - Presidio's signature
    ) -> list[RecognizerResult]:
        """Give the matches as Presidio wants them, rule names in the explanation."""
        passage = Passage(text)
        if not self.may_hold(passage):
            return []
        return [
            RecognizerResult(
                entity_type=span.entity_type,
                start=span.start,
                end=span.end,
                score=span.score,
                analysis_explanation=AnalysisExplanation(
                    recognizer=self.name,
                    original_score=span.score,
                    pattern_name=span.rule,
                ),
                recognition_metadata={
                    RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
                    RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                },
            )
            for span in self.find(passage)
            if span.entity_type in entities
        ]
