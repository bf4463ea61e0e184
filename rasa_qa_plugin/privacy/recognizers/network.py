"""Addresses of machines and pages: IP and URL, for those who ask for them."""

import ipaddress
import re
from typing import ClassVar

from rasa_qa_plugin.privacy.passage import BARRIER, Passage, word_table
from rasa_qa_plugin.privacy.recognizers.base import ChatRecognizer
from rasa_qa_plugin.privacy.spans import CUE, VALIDATED, Span

# RFC 791: four numbers up to 255. A port or the length of a prefix belongs to it.
_IPV4 = re.compile(
    r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)(?::\d{1,5}(?!\d)|/\d{1,2}(?!\d))?"
)
_IPV4_DOTS = 3
_OCTETS = 256
_VERSION = re.compile(r"(?<!\w)(?:version|release|build|v|ver|firmware)\.? ?:? ?$")
_VERSION_REACH = 12
# RFC 4291: what can be an IPv6 address is read as a whole, then judged.
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-f:.]{2,}(?:%[a-z0-9]{1,15})?(?:/\d{1,3})?")
_LONGEST_IPV6 = 45
_BRACKETED_PORT = re.compile(r"\]:\d{1,5}(?!\d)")

_SCHEMES = word_table("http https ftp ftps sftp ws wss ssh file")
_DOMAINS = word_table("""
    com net org edu gob gov mil int info biz io app dev me ly co ai tv cc gl gd to sh
    shop store online site xyz link page cloud club live pro tech blog news
    ar bo br ca ch cl cn cr cu de do ec es eu fr gt hk hn in it jp kr mx ni nl pa pe
    pl pr pt py ru se sv uk us uy ve
    """)
# Alone, without a path, these are hardly ever two words with a blank forgotten.
_BARE_DOMAINS = word_table("com net org edu gob gov mil info biz io app dev")
_SPACE = rf"\s<>\"{BARRIER}"
_WITH_SCHEME = re.compile(rf"(?<!\w)(?:(?:{'|'.join(_SCHEMES)})://|www\.)[^{_SPACE}]+")
_LABEL = r"[^\W_](?:[^\W_]|-){0,62}\."
_HOST = re.compile(
    rf"(?<![\w@.-])(?:{_LABEL}){{1,8}}"
    rf"(?:(?:{'|'.join(_DOMAINS)})(?![\w-])(?::\d{{1,5}})?[/?#][^{_SPACE}]*"
    rf"|(?:{'|'.join(_BARE_DOMAINS)})(?:\.[a-z]{{2}})?(?![\w@-]|\.\w))"
)
_TRAILING = ".,;:!?'\u2019\u201d\u00bb*_"
_BRACKETS = {")": "(", "]": "[", "}": "{"}


class IpAddressRecognizer(ChatRecognizer):
    """Finds IPv4 and IPv6 addresses, with port or prefix.

    Four numbers up to 255 count, unless a word says that they are a version.
    """

    entity_types: ClassVar[tuple[str, ...]] = ("IP",)

    def may_hold(self, passage: Passage) -> bool:
        """A digit, and three dots or two colons."""
        if passage.digits == 0:
            return False
        plain = passage.plain
        return plain.count(".") >= _IPV4_DOTS or plain.count(":") > 1

    def find(self, passage: Passage) -> list[Span]:
        """Give every address."""
        plain = passage.plain
        spans = [
            Span(match.start(), match.end(), "IP", VALIDATED, "ipv4")
            for match in _IPV4.finditer(plain)
            if _is_ipv4(match) and not _is_version(plain, match.start())
        ]
        for match in _IPV6.finditer(plain):
            candidate = match.group().rstrip(".")
            candidate = candidate if candidate.endswith("::") else candidate.rstrip(":")
            if _is_ipv6(candidate):
                end = match.start() + len(candidate)
                port = _BRACKETED_PORT.match(plain, end)
                end = port.end() if port is not None else end
                spans.append(Span(match.start(), end, "IP", VALIDATED, "ipv6"))
        return spans


class WebAddressRecognizer(ChatRecognizer):
    """Finds URLs with a scheme or ``www.``, and hosts of well known domains.

    User, password, port, path and query belong to the URL; a full stop behind it, or a
    bracket that was opened before it, does not.
    """

    entity_types: ClassVar[tuple[str, ...]] = ("URL",)
    gate_words: ClassVar[frozenset[str]] = frozenset((*_SCHEMES, "www", *_DOMAINS))

    def may_hold(self, passage: Passage) -> bool:
        """A scheme, ``www`` or a domain, and a sign that only a URL puts behind it."""
        return not self.gate_words.isdisjoint(passage.words) and (
            "." in passage.plain or "://" in passage.plain
        )

    def find(self, passage: Passage) -> list[Span]:
        """Give every URL; one found in two ways overlaps."""
        plain = passage.plain
        spans = []
        for pattern, score, rule in (
            (_WITH_SCHEME, VALIDATED, "scheme"),
            (_HOST, CUE, "host"),
        ):
            for match in pattern.finditer(plain):
                end = _end(plain, match.start(), match.end())
                if end > match.start() + len("ws://"):
                    spans.append(Span(match.start(), end, "URL", score, rule))
        return spans


def _is_ipv4(match: re.Match[str]) -> bool:
    address = re.split("[:/]", match.group(), maxsplit=1)[0]
    return all(int(part) < _OCTETS for part in address.split("."))


def _is_version(plain: str, start: int) -> bool:
    return _VERSION.search(plain, max(0, start - _VERSION_REACH), start) is not None


def _is_ipv6(candidate: str) -> bool:
    if ":" not in candidate or len(candidate) > _LONGEST_IPV6 + 20:
        return False
    has_digit = any(map(str.isdigit, candidate))
    if not has_digit:
        return False  # "a::b" is a name in some program
    address = re.split("[%/]", candidate, maxsplit=1)[0]
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return True


def _end(plain: str, start: int, end: int) -> int:
    """Leave out what closes the sentence, and brackets opened before the URL."""
    while end > start:
        last = plain[end - 1]
        opening = _BRACKETS.get(last)
        if last not in _TRAILING and (
            opening is None
            or plain.count(opening, start, end) >= plain.count(last, start, end)
        ):
            break
        end -= 1
    return end
