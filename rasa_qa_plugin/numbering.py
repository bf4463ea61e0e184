"""The sealed numbering of a conversation's masked values, and recent ones in memory.

A numbering holds real values, so it lives as long as originals do and then begins anew.
"""

import struct
from collections import OrderedDict

import msgspec

from rasa_qa_plugin.privacy.tokens import TokenMap
from rasa_qa_plugin.privacy.vault import Vault

_TIME = struct.Struct("!d")
_REMEMBERED = 1000


class Numbering(msgspec.Struct):
    """One conversation's tokens.

    Attributes:
        since: When the numbering began, in seconds since the epoch.
        known: How many values it had when it was sealed.
        sealed: As stored.
    """

    tokens: TokenMap
    since: float
    known: int = 0
    sealed: bytes | None = None


class Numberings:
    """Opens and seals numberings; one that came from here need not be decoded again."""

    def __init__(self, vault: Vault, *, ttl: float) -> None:
        """Let numberings live for *ttl* seconds."""
        self._vault = vault
        self._ttl = ttl
        self._recent: OrderedDict[str, Numbering] = OrderedDict()

    def open(self, pseudonym: str, sealed: bytes | None, *, now: float) -> Numbering:
        """Give the numbering stored as *sealed*, or a new one where that has expired.

        The stored bytes decide: what a failed transaction has taught is not used.
        """
        recent = self._recent.pop(pseudonym, None)
        if recent is None or sealed is None or recent.sealed != sealed:
            recent = read(self._vault, pseudonym, sealed)
        if recent is None or recent.since + self._ttl <= now:
            return Numbering(TokenMap(), now)
        if recent.since > now:  # begun by a clock that ran ahead
            return Numbering(recent.tokens, now)
        return recent

    def seal(self, pseudonym: str, numbering: Numbering) -> bytes | None:
        """Give what to store, and remember it; None when there is nothing to store."""
        tokens = numbering.tokens
        if self._ttl <= 0 or not len(tokens):
            return None
        if numbering.sealed is None or numbering.known != len(tokens):
            plain = _TIME.pack(numbering.since) + tokens.to_bytes()
            numbering.sealed = self._vault.seal(plain, context=pseudonym)
            numbering.known = len(tokens)
        self._recent[pseudonym] = numbering
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        return numbering.sealed

    def forget(self, pseudonym: str) -> None:
        """Remember nothing of a person any more."""
        self._recent.pop(pseudonym, None)


def read(vault: Vault, pseudonym: str, sealed: bytes | None) -> Numbering | None:
    """Open a stored numbering, or give None when no secret fits."""
    plain = sealed and vault.unseal(sealed, context=pseudonym)
    if not plain:
        return None
    (since,) = _TIME.unpack_from(plain)
    tokens = TokenMap.from_bytes(plain[_TIME.size :])
    return Numbering(tokens, since, known=len(tokens), sealed=sealed)
