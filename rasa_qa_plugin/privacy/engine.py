"""The detector: our recognizers behind cheap gates, or inside a real AnalyzerEngine."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rasa_qa_plugin.privacy.allow_list import AllowList
from rasa_qa_plugin.privacy.gate import Gate
from rasa_qa_plugin.privacy.passage import Composition, Passage, around, is_apart
from rasa_qa_plugin.privacy.recognizers.address import AddressRecognizer
from rasa_qa_plugin.privacy.recognizers.base import LANGUAGES, ChatRecognizer
from rasa_qa_plugin.privacy.recognizers.contact import EmailAddressRecognizer
from rasa_qa_plugin.privacy.recognizers.names import NameRecognizer
from rasa_qa_plugin.privacy.recognizers.network import (
    IpAddressRecognizer,
    WebAddressRecognizer,
)
from rasa_qa_plugin.privacy.recognizers.numbers import NumberRecognizer
from rasa_qa_plugin.privacy.spans import Span, resolve
from rasa_qa_plugin.settings import PrivacySettings

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

    from rasa_qa_plugin.privacy.guests import Guests

ENTITY_TYPES: Final = ("PHONE", "EMAIL", "CARD", "ACCOUNT", "ID", "ADDRESS", "NAME")

_OPTIONAL: Final[dict[str, type[ChatRecognizer]]] = {
    "IP": IpAddressRecognizer,
    "URL": WebAddressRecognizer,
}

_WINDOW = 4000
_OVERLAP = 400
_MOST_ROUNDS = 4
_REMEMBERED_TEXTS = 4096
_LONGEST_REMEMBERED = 300
_REMEMBERED_LONG_TEXTS = 16
_REMEMBERED_NAMES = 1024


class PrivacyEngine:
    """Finds personal data in Spanish and English chat.

    Build it once; it is stateless apart from a memory of recent short texts, and any
    number of threads may use it. It never opens a connection, and loads no model but
    those that the settings name.

    Attributes:
        is_clear: Tells of a text, in about a microsecond, that :meth:`find` would find
            nothing; False means that it has to look.
        is_clear_name: The same, remembered, for names that come again and again.
    """

    def __init__(self, settings: PrivacySettings) -> None:
        """Compile the allow-list of *settings*, open what else they name.

        Raises:
            ConfigError: A term of ``privacy.allow`` would let personal data through, or
                the file of ``privacy.recognizers`` or a model of ``privacy.ner`` is
                missing or unusable.
        """
        self._settings = settings
        self._recognizers = tuple(_recognizers(settings))
        self._guests = _guests(settings)
        self._allow = AllowList(
            settings.allow, scan=lambda term: self.candidates(Passage(term))
        )
        gate = Gate(self._recognizers)
        # Nothing is known beforehand about what foreign recognizers look for.
        self.is_clear: Callable[[str], bool] = (
            gate.is_shut if self._guests is None else _unclear
        )
        # The names of entities and keys come again and again.
        self.is_clear_name = lru_cache(_REMEMBERED_NAMES)(self.is_clear)
        self._remembered = lru_cache(_REMEMBERED_TEXTS)(self._find)
        # One event asks for its text several times.
        self._remembered_long = lru_cache(_REMEMBERED_LONG_TEXTS)(self._find)

    def find(self, text: str) -> list[Span]:
        """Give what is personal in *text*: sorted, without overlap.

        What is found is final: scanning the masked text again finds nothing more.
        """
        if self.is_clear(text):
            return []
        if is_apart(text):
            composition = Composition(text)
            return [composition.span(span) for span in self._find(composition.text)]
        if len(text) <= _LONGEST_REMEMBERED:
            return list(self._remembered(text))
        return list(self._remembered_long(text))

    def without_terms(self, spans: list[Span], *, text: str) -> list[Span]:
        """Give the spans that do not lie inside a term of the allow-list."""
        return self._allow.without_terms(spans, text=text)

    def _find(self, text: str) -> tuple[Span, ...]:
        if len(text) <= _WINDOW:
            return tuple(self.settle(text, self.candidates))
        found: list[Span] = []
        for start, window in windows(text):
            found += (
                Span(s.start + start, s.end + start, s.entity_type, s.score, s.rule)
                for s in self.settle(window, self.candidates)
            )
        return tuple(resolve(found, text=text))

    def settle(
        self, text: str, scan: Callable[[Passage], Iterable[Span]]
    ) -> list[Span]:
        """Scan until nothing more turns up, each time without what was found before.

        A number beside a masked one may look different from the same number beside the
        original; without this, masking twice could mask more than masking once.
        """
        found: list[Span] = []
        passage = Passage(text)
        for _ in range(_MOST_ROUNDS):
            more = self._allow.without_terms(list(scan(passage)), text=passage.text)
            if not more:
                break
            found = resolve([*found, *more], text=text)
            if self.is_clear(around(text, found)):
                break
            passage = passage.without(found)
        return found

    def candidates(self, passage: Passage) -> list[Span]:
        """Give what all recognizers find, overlaps and all.

        The same set, but for spans inside others of their type, as
        ``AnalyzerEngine.analyze`` gives for both languages.
        """
        spans: list[Span] = []
        for recognizer in self._recognizers:
            if recognizer.may_hold(passage):
                spans += recognizer.find(passage)
        if self._guests is not None:
            spans += self._guests.find(passage.text, passage.words)
        return spans

    def sources(self, text: str) -> list[tuple[str, Span]]:
        """Give every candidate with the name of its recognizer, for explanations."""
        passage = Passage(text)
        found = [
            (recognizer.name, span)
            for recognizer in self._recognizers
            for span in recognizer.find(passage)
        ]
        if self._guests is not None:
            found += [
                (span.rule.partition(": ")[0], span)
                for span in self._guests.find(passage.text, passage.words)
            ]
        return found

    def analyzer(self) -> "AnalyzerEngine":
        """Build a Presidio ``AnalyzerEngine`` with the same recognizers.

        It runs on blank spaCy pipelines unless the settings name models. It gives the
        candidates; :meth:`settle` makes them what :meth:`find` gives.
        """
        from rasa_qa_plugin.privacy.presidio import (  # spaCy, on demand
            build_analyzer,
        )

        guests = self._guests
        return build_analyzer(
            [
                *(
                    recognizer
                    for language in LANGUAGES
                    for recognizer in _recognizers(self._settings, language)
                ),
                *(guests.recognizers if guests else ()),
                *(guests.name_recognizers() if guests else ()),
            ],
            languages=LANGUAGES,
            models=guests.models if guests else None,
        )


def _recognizers(
    settings: PrivacySettings, language: str = LANGUAGES[0]
) -> list[ChatRecognizer]:
    return [
        NumberRecognizer(language, countries=settings.countries),
        EmailAddressRecognizer(language),
        AddressRecognizer(language),
        NameRecognizer(language),
        *(_OPTIONAL[name](language) for name in settings.detect_also),
    ]


def _guests(settings: PrivacySettings) -> "Guests | None":
    if settings.recognizers is None and not settings.ner:
        return None
    from rasa_qa_plugin.privacy.guests import open_guests  # on demand, as above

    return open_guests(settings)


def _unclear(_text: str) -> bool:
    return False


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
