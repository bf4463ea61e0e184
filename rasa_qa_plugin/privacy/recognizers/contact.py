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
_LETTERS = re.compile(r"[^\W\d_]{2}|xn--")

# Written without their ending often enough.
_PROVIDERS = frozenset(word_table("gmail hotmail outlook yahoo icloud live protonmail"))
_SPELLED = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64} ?(?:\barroba\b|[(\[{] ?(?:at|arroba) ?[)\]}]) ?"
    # "una arroba de camarón" is a weight: there must be a dot, or a known provider.
    rf"(?:(?:{'|'.join(sorted(_PROVIDERS))})(?!\w)(?:_DOT_[a-z]{{2,24}}){{0,2}}"
    r"|[\w-]{2,63}(?:_DOT_[a-z]{2,24}){1,3})".replace(
        "_DOT_", r"(?:\.| ?(?:\bpunto\b|\bdot\b|[(\[{] ?(?:dot|punto) ?[)\]}]) ?)"
    )
)
_SPELLED_WORDS = frozenset(("arroba", "at"))


class EmailRecognizer(ChatRecognizer):
    """Finds e-mail addresses of any top-level domain, ``.local`` and typos included.

    A leaked address costs more than a masked ``@`` too many, so no public-suffix list
    decides.
    """

    entity_types: ClassVar[tuple[str, ...]] = ("EMAIL",)

    def may_hold(self, passage: Passage) -> bool:
        """An ``@``, or the word for it."""
        return "@" in passage.plain or not _SPELLED_WORDS.isdisjoint(passage.words)

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
    match = _DOMAIN.match(plain, start + plain.startswith(" ", start))
    if match is None:
        return 0
    labels = match.group().split(".")
    if len(labels) > 1:
        return match.end() if _LETTERS.match(labels[-1]) else 0
    return match.end() if labels[0] in _PROVIDERS else 0
