"""A Presidio AnalyzerEngine that never downloads and never opens a connection."""

from collections.abc import Mapping, Sequence

import spacy
import tldextract.tldextract
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import (
    NerModelConfiguration,
    NlpArtifacts,
    SpacyNlpEngine,
)
from presidio_analyzer.nlp_engine.ner_model_configuration import (
    MODEL_TO_PRESIDIO_ENTITY_MAPPING,
)
from spacy.tokens import Doc

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.privacy.spans import SHAPE


class LocalNlpEngine(SpacyNlpEngine):
    """Installed spaCy models where they are named, tokenizers alone elsewhere."""

    engine_name = "local_spacy"

    def __init__(
        self, languages: Sequence[str], models: Mapping[str, str] | None = None
    ) -> None:
        """Remember languages and models; :meth:`load` opens them."""
        self._models = dict(models or {})
        super().__init__(
            models=[
                {"lang_code": code, "model_name": self._models.get(code, "blank")}
                for code in languages
            ],
            ner_model_configuration=NerModelConfiguration(
                # A model is no surer than the look of a number: our own rules win.
                default_score=SHAPE,
                model_to_presidio_entity_mapping=MODEL_TO_PRESIDIO_ENTITY_MAPPING,
                low_score_entity_names=(),
                labels_to_ignore=(),
            ),
        )
        self._languages = tuple(languages)

    def load(self) -> None:
        """Open the models; Presidio's own method would download missing ones.

        Raises:
            ConfigError: A model is not installed, or cannot be opened.
        """
        self.nlp = {
            language: _open(language, self._models.get(language))
            for language in self._languages
        }

    def _doc_to_nlp_artifact(self, doc: Doc, language: str) -> NlpArtifacts:
        read = super()._doc_to_nlp_artifact(doc, language)
        # A blank pipeline has empty lemmas, and Presidio compares context words with
        # lemmas: without this, no context word would ever count.
        return NlpArtifacts(
            entities=read.entities,
            tokens=doc,
            tokens_indices=read.tokens_indices,
            lemmas=[token.lemma_ or token.lower_ for token in doc],
            nlp_engine=self,
            language=language,
            scores=read.scores,
        )


def _open(language: str, model: str | None) -> spacy.language.Language:
    if model is None:
        return spacy.blank(language)
    try:
        return spacy.load(model)
    except (OSError, ImportError, ValueError):
        raise ConfigError(
            f"privacy.ner.{language}",
            "no spaCy model of this name is installed, or it is for another version; "
            "install it with `python -m spacy download`, or name its folder",
        ) from None


def build_analyzer(
    recognizers: Sequence[EntityRecognizer],
    *,
    languages: Sequence[str],
    models: Mapping[str, str] | None = None,
) -> AnalyzerEngine:
    """Give an engine with exactly these recognizers.

    Raises:
        ConfigError: A spaCy model of *models* is not installed.
    """
    # Presidio's e-mail recognizer, should someone add it, asks tldextract, which would
    # fetch its list over the network while the first message waits.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(
        suffix_list_urls=(), cache_dir=None
    )
    tldextract.extract = tldextract.tldextract.TLD_EXTRACTOR.__call__
    return AnalyzerEngine(
        registry=RecognizerRegistry(
            recognizers=list(recognizers), supported_languages=list(languages)
        ),
        nlp_engine=LocalNlpEngine(languages, models),
        supported_languages=list(languages),
    )
