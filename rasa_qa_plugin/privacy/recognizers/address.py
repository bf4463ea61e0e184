"""Addresses of Latin America, Spain and the English-speaking countries."""

import re
from typing import ClassVar

from rasa_qa_plugin.privacy.passage import Passage
from rasa_qa_plugin.privacy.recognizers import (
    address_anchors,
    address_cues,
    street_english,
    street_spanish,
)
from rasa_qa_plugin.privacy.recognizers.address_text import (
    AddressText,
    holds_stuck_word,
)
from rasa_qa_plugin.privacy.recognizers.base import ChatRecognizer
from rasa_qa_plugin.privacy.spans import CUE, SHAPE, Span

_STUCK_WORDS = street_spanish.WORDS | address_anchors.WORDS
_WORDS = _STUCK_WORDS | street_english.WORDS | address_cues.WORDS
_UNNUMBERED = street_spanish.WORDS | street_english.UNNUMBERED_WORDS | {"n"}
# "s/n", for no house number
_NONE = frozenset(("s", "n"))
# "5avenida", "5c.", a crossing, a postcode, "av5": most texts have nothing like them,
# and one search shows it.
_SHAPE = re.compile(
    r"[0-9](?<![0-9].)(?:(?<=[a-zªº].)|[0-9]*(?![0-9])"
    r"(?:av|c|(?<=[0-9]{3}) y |(?<=[ ,.-][0-9]{5}),? [^\W\d_]))"
)
_RULES = (street_spanish, street_english, address_anchors, address_cues)


class AddressRecognizer(ChatRecognizer):
    """Finds streets with a house number, and what follows "vivo en …".

    A city or a quarter alone is no address.
    """

    entity_types: ClassVar[tuple[str, ...]] = ("ADDRESS",)
    gate_words: ClassVar[frozenset[str]] = _UNNUMBERED

    def opens(self, text: str, words: frozenset[str]) -> bool:  # noqa: ARG002
        """Tell whether there may be an address that holds no digit."""
        return not _UNNUMBERED.isdisjoint(words) and (
            street_spanish.opens_unnumbered(words)
            or street_english.opens_unnumbered(words)
            or words >= _NONE
        )

    def may_hold(self, passage: Passage) -> bool:
        """Tell whether a word names a way, a flat, or announces an address."""
        words = passage.words
        if passage.digits == 0:
            return self.opens(passage.plain, words)
        if not _WORDS.isdisjoint(words) or words >= _NONE:
            return True
        return _SHAPE.search(passage.plain) is not None and (
            holds_stuck_word(passage.mixed, _STUCK_WORDS)
            or address_anchors.holds_shape(passage.plain)
        )

    def find(self, passage: Passage) -> list[Span]:
        """Give every address; an announced one may overlap with a street."""
        text = AddressText(passage)
        streets: list[tuple[int, int, str]] = []
        announced: list[tuple[int, int, str]] = []
        for rules in _RULES:
            if rules is address_anchors or not rules.WORDS.isdisjoint(text.words):
                found = announced if rules is address_cues else streets
                found += rules.find(text)
        spans = [Span(a, b, "ADDRESS", CUE, rule) for a, b, rule in _joined(streets)]
        spans += [Span(a, b, "ADDRESS", SHAPE, rule) for a, b, rule in announced]
        return spans


def _joined(streets: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Make one of streets that overlap: two rules saw two halves of an address."""
    if len(streets) < 2:  # noqa: PLR2004
        return streets
    joined: list[tuple[int, int, str]] = []
    for start, end, rule in sorted(streets):
        if joined and start < joined[-1][1]:
            first, last, known = joined[-1]
            joined[-1] = (first, max(last, end), known)
        else:
            joined.append((start, end, rule))
    return joined
