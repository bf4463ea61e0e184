"""Recognizers of the bot's developer: patterns in Presidio's YAML, names from spaCy."""

import contextlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import regex
from presidio_analyzer import (
    AnalyzerEngine,
    EntityRecognizer,
    PatternRecognizer,
    RemoteRecognizer,
)
from presidio_analyzer.predefined_recognizers import SpacyRecognizer
from presidio_analyzer.recognizer_registry.recognizers_loader_utils import (
    RecognizerListLoader,
)
from spacy.lang.en.stop_words import STOP_WORDS as ENGLISH
from spacy.lang.es.stop_words import STOP_WORDS as SPANISH

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.privacy.passage import plain_text
from rasa_qa_plugin.privacy.presidio import build_analyzer
from rasa_qa_plugin.privacy.recognizers.base import LANGUAGES
from rasa_qa_plugin.privacy.spans import Span
from rasa_qa_plugin.settings import PrivacySettings, read_yaml

# Presidio's own floor for a weak pattern that a context word confirms.
LEAST_SCORE: Final = 0.4
_FLAGS: Final = re.DOTALL | re.MULTILINE | re.IGNORECASE
_KEY: Final = "privacy.recognizers"
_PERSON: Final = "PERSON"
# These need time that grows with the square of the text, or a model.
_REFUSED: Final = {
    "UrlRecognizer": "set `privacy.detect_also: [URL]` instead",
    "IpRecognizer": "set `privacy.detect_also: [IP]` instead",
    "SpacyRecognizer": "name the model under `privacy.ner` instead",
}
_SMALL_WORDS: Final = {
    "es": frozenset(map(plain_text, SPANISH)),
    "en": frozenset(map(plain_text, ENGLISH)),
}

# Presidio's names for what we have a shorter word for.
_OUR_TYPES: Final = {
    "PERSON": "NAME",
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "ACCOUNT",
    "US_BANK_NUMBER": "ACCOUNT",
    "CRYPTO": "ACCOUNT",
    "LOCATION": "ADDRESS",
    "IP_ADDRESS": "IP",
    "US_SSN": "ID",
    "US_PASSPORT": "ID",
    "US_DRIVER_LICENSE": "ID",
    "US_ITIN": "ID",
    "ES_NIF": "ID",
    "ES_NIE": "ID",
    **{name: name for name in ("PHONE", "EMAIL", "CARD", "ACCOUNT", "ID", "ADDRESS")},
    **{name: name for name in ("NAME", "SECRET", "IP", "URL")},
}


class Guests:
    """Foreign recognizers with exactly the results of an ``AnalyzerEngine``.

    Their patterns run alone first; Presidio with its tokenizer, the slow part, is asked
    only when one of them hits. spaCy's memory of words is emptied after each text: it
    grows with every new word otherwise. Any number of threads may call it; they take
    turns.
    """

    def __init__(
        self, recognizers: Sequence[EntityRecognizer], *, models: Mapping[str, str]
    ) -> None:
        """Prepare an engine of its own for *recognizers*, each of one language.

        Args:
            recognizers: Any of Presidio's, with Presidio's names for the types.
            models: Language to the spaCy model that finds names in it.

        Raises:
            ConfigError: A model is not installed.
        """
        self.recognizers = tuple(recognizers)
        self.models = dict(models)
        self._analyzer: AnalyzerEngine = build_analyzer(
            [*self.recognizers, *self.name_recognizers()],
            languages=LANGUAGES,
            models=models,
        )
        self._lock = threading.Lock()
        self._inside = threading.local()

    def name_recognizers(self) -> list[EntityRecognizer]:
        """Give what reads names from the models, one for each."""
        return [
            SpacyRecognizer(supported_language=language, supported_entities=[_PERSON])
            for language in self.models
        ]

    def find(self, text: str, words: frozenset[str]) -> list[Span]:
        """Give all matches of at least :data:`LEAST_SCORE`; *words* are plain."""
        if getattr(self._inside, "now", False):
            # Presidio logs while it works, and our log masking asks us about that.
            raise RuntimeError("guests: called from inside themselves")
        self._inside.now = True
        try:
            return self._find(text, words)
        finally:
            self._inside.now = False

    def _find(self, text: str, words: frozenset[str]) -> list[Span]:
        found: list[Span] = []
        named = self._languages_of(words)
        for language in LANGUAGES:
            hit = any(
                recognizer.analyze(text, recognizer.supported_entities, None)
                for recognizer in self.recognizers
                if recognizer.supported_language == language
            )
            if not hit and language not in named:
                continue
            with self._lock, _zone(self._analyzer, language):
                found += spans_of(
                    self._analyzer.analyze(
                        text,
                        language=language,
                        score_threshold=LEAST_SCORE,
                        return_decision_process=True,
                    )
                )
        return found

    def _languages_of(self, words: frozenset[str]) -> set[str]:
        """Choose the model by the small words; all of them when these do not tell."""
        counts = {
            language: len(words & _SMALL_WORDS[language]) for language in self.models
        }
        most = max(counts.values(), default=0)
        return {language for language, count in counts.items() if count == most}


def open_guests(settings: PrivacySettings) -> Guests | None:
    """Give the recognizers and models that *settings* name, or None without any.

    Raises:
        ConfigError: The file or a model is missing, or a recognizer is not usable.
    """
    recognizers: list[EntityRecognizer] = []
    if settings.recognizers is not None:
        recognizers = _read(Path(settings.recognizers))
    if not recognizers and not settings.ner:
        return None
    guests = Guests(recognizers, models={str(k): v for k, v in settings.ner.items()})
    try:
        for recognizer in recognizers:
            recognizer.analyze("prueba", recognizer.supported_entities, None)
        guests.find("prueba", frozenset())
    except Exception:  # noqa: BLE001 - anything: every message would fail like this
        raise ConfigError(
            _KEY, "a recognizer fails on every text; check its context and scores"
        ) from None
    return guests


def _read(path: Path) -> list[EntityRecognizer]:
    raw = read_yaml(path)
    entries = raw.get("recognizers") if isinstance(raw, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ConfigError(
            path.name, "holds no list `recognizers:`; see Presidio's documentation"
        )
    return [
        recognizer
        for number, entry in enumerate(entries, start=1)
        for recognizer in _recognizers(entry, f"{path.name}: recognizer {number}")
    ]


def _recognizers(entry: Any, place: str) -> list[EntityRecognizer]:
    if not isinstance(entry, dict) or "name" not in entry:
        raise ConfigError(place, "needs at least a name; see Presidio's documentation")
    if entry.get("type") == "predefined" and entry["name"] in _REFUSED:
        raise ConfigError(place, f"is not run; {_REFUSED[entry['name']]}")
    try:
        made: list[EntityRecognizer] = list(
            RecognizerListLoader.get([dict(entry)], LANGUAGES, _FLAGS)
        )
        for recognizer in made:
            _try(recognizer)
    except regex.error:
        raise ConfigError(
            place, "has a pattern that is no regular expression"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, ImportError):
        raise ConfigError(
            place,
            "is not understood; it needs name, supported_entity and patterns or a "
            "deny_list, as in Presidio's documentation",
        ) from None
    if any(isinstance(one, (SpacyRecognizer, RemoteRecognizer)) for one in made):
        raise ConfigError(
            place, "needs a model or a service; only patterns and deny lists are run"
        )
    if any(map(_is_mute, made)):
        raise ConfigError(
            place,
            f"has a score below {LEAST_SCORE} and no context words that would lift it, "
            "so it finds nothing; raise the score or name its context",
        )
    if not made and entry.get("enabled", True):
        raise ConfigError(place, f"is for no language of ours; use {LANGUAGES}")
    return made


def _try(recognizer: EntityRecognizer) -> None:
    """Look at what Presidio itself looks at only when a text comes.

    Raises:
        ValueError: A score is out of range; regex.error, TypeError and AttributeError
            likewise mean that the entry is not usable.
    """
    for pattern in getattr(recognizer, "patterns", ()):
        regex.compile(pattern.regex, _FLAGS)
        if not 0 < float(pattern.score) <= 1:
            raise ValueError("score")
    for word in recognizer.context or ():
        word.lower()


def _is_mute(recognizer: EntityRecognizer) -> bool:
    """Tell whether no match of a developer's own pattern could ever count.

    Presidio's recognizers lift their scores themselves, where a check digit holds.
    """
    return (
        type(recognizer) is PatternRecognizer
        and not recognizer.context
        and any(float(p.score) < LEAST_SCORE for p in recognizer.patterns)
    )


@contextlib.contextmanager
def _zone(analyzer: AnalyzerEngine, language: str) -> Iterator[None]:
    """Forget the words that a text brings, where this spaCy can (3.8 and later)."""
    nlp = analyzer.nlp_engine.get_nlp(language)
    zone = getattr(nlp, "memory_zone", None)
    with zone() if zone is not None else contextlib.nullcontext():
        yield


def spans_of(results: Sequence[Any]) -> list[Span]:
    """Read Presidio's results as spans, in our names for the types.

    A type that is neither ours nor one of Presidio's that we know is ``OTHER``.
    """
    return [
        Span(
            result.start,
            result.end,
            _OUR_TYPES.get(result.entity_type, "OTHER"),
            float(result.score),
            _rule(result),
        )
        for result in results
    ]


def _rule(result: Any) -> str:
    explanation = result.analysis_explanation
    recognizer = getattr(explanation, "recognizer", None) or "presidio"
    pattern = getattr(explanation, "pattern_name", None)
    return f"{recognizer}: {pattern}" if pattern else str(recognizer)
