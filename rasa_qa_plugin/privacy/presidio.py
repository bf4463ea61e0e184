"""A Presidio AnalyzerEngine that never loads a model and never opens a connection."""

from collections.abc import Sequence

import spacy
import tldextract.tldextract
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
from spacy.tokens import Doc


class BlankNlpEngine(SpacyNlpEngine):
    """Tokenizers only, one per language."""

    engine_name = "blank_spacy"

    def __init__(self, languages: Sequence[str]) -> None:
        """Remember the languages; :meth:`load` makes the pipelines."""
        super().__init__(
            models=[{"lang_code": code, "model_name": "blank"} for code in languages]
        )
        self._languages = tuple(languages)

    def load(self) -> None:
        """Make blank pipelines; Presidio's own method would download models."""
        self.nlp = {language: spacy.blank(language) for language in self._languages}

    def _doc_to_nlp_artifact(self, doc: Doc, language: str) -> NlpArtifacts:
        # A blank pipeline has empty lemmas, and Presidio compares context words with
        # lemmas: without this, no context word would ever count.
        return NlpArtifacts(
            entities=[],
            tokens=doc,
            tokens_indices=[token.idx for token in doc],
            lemmas=[token.lemma_ or token.lower_ for token in doc],
            nlp_engine=self,
            language=language,
            scores=[],
        )


def build_analyzer(
    recognizers: Sequence[EntityRecognizer], *, languages: Sequence[str]
) -> AnalyzerEngine:
    """Give an engine with exactly these recognizers."""
    # Presidio's e-mail recognizer, should someone add it, asks tldextract, which would
    # fetch its list over the network while the first message waits.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(
        suffix_list_urls=(), cache_dir=None
    )
    return AnalyzerEngine(
        registry=RecognizerRegistry(
            recognizers=list(recognizers), supported_languages=list(languages)
        ),
        nlp_engine=BlankNlpEngine(languages),
        supported_languages=list(languages),
    )
