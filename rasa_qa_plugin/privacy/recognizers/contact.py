"""E-mail addresses, also with ``arroba`` spelled out."""

import re
from collections.abc import Iterator
from typing import ClassVar

from rasa_qa_plugin.privacy.passage import Passage, word_table
from rasa_qa_plugin.privacy.recognizers.base import ChatRecognizer
from rasa_qa_plugin.privacy.spans import CUE, VALIDATED, Span

_LOCAL_SIGNS = frozenset(".!#$%&'*+/=?^_`{|}~-")
_OPENING_SIGNS = "'`{|.!?/=*&#"
_DOMAIN = re.compile(r"[^\W_][\w-]*(?:\.[^\W_][\w-]*)*")
_NUMERIC_DOMAIN = re.compile(r"\[?\d{1,3}(?:\.\d{1,3}){3}\]?(?![\w.])")
_LETTERS = re.compile(r"[^\W\d_]{2}|xn--")
# "ana@gmail,com", "ana@empresa. com": the ending came off.
_LOST_ENDING = re.compile(
    r"(?:(?: ?[.,] ?| (?:dot|punto) |(?P<blank> ))(?:com|net|org|edu|gob|gov)"
    r"|(?:,| (?:dot|punto) )(?:es|ec|gt|mx))(?:\.[a-z]{2})?(?![\w@])"
)

# Written without their ending often enough.
_PROVIDERS = frozenset(word_table("gmail hotmail outlook yahoo icloud live protonmail"))
_DOT = r"(?:\.| ?(?:\bpunto\b|\bdot\b|[(\[{] ?(?:dot|punto) ?[)\]}]) ?)"
_SIGN = r" (?:punto|dot|guion(?: bajo)?|underscore|underline|dash|barra baja) "
_SPELLED = re.compile(
    rf"(?<![\w.+-])[\w.+-]{{1,64}}(?:{_SIGN}[\w.+-]{{1,64}}){{0,3}}"
    r" ?(?:\barroba\b|[(\[{] ?(?:at|arroba) ?[)\]}]|"
    # "we are at work": only with a dot that is spelled out as well.
    r"\bat\b(?= ?[\w-]{2,63} dot [a-z]{2,24}(?!\w))) ?"
    # "una arroba de camarón" is a weight: there must be a dot, or a known provider.
    rf"(?:(?:{'|'.join(sorted(_PROVIDERS))})(?!\w)(?:{_DOT}[a-z]{{2,24}}){{0,2}}"
    rf"|[\w-]{{2,63}}(?:{_DOT}[a-z]{{2,24}}){{1,3}})"
)
_SPELLED_WORDS = frozenset(("arroba", "at"))
_BRACKET = re.compile(r"[(\[{]")


class EmailAddressRecognizer(ChatRecognizer):
    """Finds e-mail addresses of any top-level domain, ``.local`` and typos included.

    A leaked address costs more than a masked ``@`` too many, so no public-suffix list
    decides.
    """

    entity_types: ClassVar[tuple[str, ...]] = ("EMAIL",)
    gate_words: ClassVar[frozenset[str]] = _SPELLED_WORDS

    def opens(self, text: str, words: frozenset[str]) -> bool:
        """The word for ``@``; the English one with a dot in words, or in brackets."""
        return "arroba" in words or (
            "at" in words and ("dot" in words or _BRACKET.search(text) is not None)
        )

    def may_hold(self, passage: Passage) -> bool:
        """An ``@``, or the word for it."""
        return "@" in passage.plain or self.opens(passage.plain, passage.words)

    def find(self, passage: Passage) -> list[Span]:
        """Give every address."""
        plain = passage.plain
        spans = list(_signed(plain))
        if not _SPELLED_WORDS.isdisjoint(passage.words):
            spans += (
                Span(match.start(), match.end(), "EMAIL", CUE, "spelled")
                for match in _SPELLED.finditer(plain)
            )
        return spans


def _signed(plain: str) -> Iterator[Span]:
    """Grow an address to both sides of each ``@``: every character is read once."""
    floor = 0
    at = plain.find("@")
    while at >= 0:
        start = _local_start(plain, floor, at)
        end = _domain_end(plain, at + 1)
        if plain[at - 1 : at] == " " and plain.startswith("@", end):
            end = 0  # "cel 2345678 @ ana@example.org": the first only says "at"
        if start < at and end:
            yield Span(start, end, "EMAIL", VALIDATED, "address")
        floor = max(at + 1, end)
        at = plain.find("@", at + 1)


def _local_start(plain: str, floor: int, at: int) -> int:
    end = at
    while end > floor and at - end < 1 and plain[end - 1] == " ":
        end -= 1  # "ana @ example.org"
    start = end
    while start > floor and (
        plain[start - 1].isalnum() or plain[start - 1] in _LOCAL_SIGNS
    ):
        start -= 1
    while start < end and plain[start] in _OPENING_SIGNS:
        start += 1
    return start if start < end else at


def _domain_end(plain: str, start: int) -> int:
    """Give where the domain ends, or 0 when there is none."""
    start += plain.startswith(" ", start)
    numeric = _NUMERIC_DOMAIN.match(plain, start)
    if numeric is not None:
        return numeric.end()
    match = _DOMAIN.match(plain, start)
    if match is None:
        return 0
    domain = match.group().rstrip("-_")
    end = start + len(domain)
    labels = domain.split(".")
    if len(labels) > 1:
        return end if _LETTERS.match(labels[-1]) else 0
    ending = _LOST_ENDING.match(plain, end)
    if labels[0] in _PROVIDERS:
        return end if ending is None else ending.end()
    return 0 if ending is None or ending["blank"] else ending.end()
