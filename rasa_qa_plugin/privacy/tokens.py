"""The numbering of masked values in one conversation: same value, same token."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from rasa_qa_plugin.privacy.passage import TOKEN, Passage, plain_text, word_table
from rasa_qa_plugin.privacy.spans import KNOWN, Span

MOST_VALUES = 500

_ATOM = re.compile(r"\d+|[^\W\d_]+")
_FEWEST_CHARACTERS = 3
_FEWEST_DIGITS = 4
_WIDEST_GAP = 3
_MOST_DIGITS = 40

# A slot may hold these by mistake; masking them everywhere would wipe the conversation.
_COMMON: frozenset[str] = frozenset(
    word_table("""
        acepto adios algo alguien anonimo ayuda ayer buenas buenos bueno bye camaron
        cancel cancelar casa chao chat claro cliente comprar confirmar correcto
        correo cual cuando cuanto customer dale del desconocido dias direccion email
        esta este false first gerente gracias hello help here hey him hola hoy info
        listo los las manana mas menu mismo misma mucho muy nada nadie name ninguna
        ninguno nobody nombre none null okay oficina otra otro para pedido perdon
        pero phone please por precio producto que quiero quien restart salir salud
        sales señor senor sería skip sorry start stop tarde tardes telefono test
        text thank thanks the todo true una uno user usuario usted ventas yeah yes
        you
    """)
)


class _Value(msgspec.Struct, frozen=True, array_like=True):
    """A known value: its normal form, how it is told apart, and its token's number."""

    entity_type: str
    key: str
    number: int


class TokenMap:
    """Tokens of one conversation, and where its known values appear again.

    The first value of a type is ``[PHONE]``, the second ``[PHONE_2]``. Telephone, card
    and identity numbers are the same value however they are spaced; names whatever
    their case and accents. Holds at most :data:`MOST_VALUES` values; any further one
    becomes the token of its type without a number. Not for several threads at once.
    """

    def __init__(self) -> None:
        """Start a conversation that knows no value."""
        self._values: list[_Value] = []
        self._tokens: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._numbers: dict[str, Span] = {}
        self._phrases: dict[str, list[tuple[tuple[str, ...], Span, bool]]] = {}

    def __len__(self) -> int:
        """Count the known values."""
        return len(self._values)

    def token(self, entity_type: str, value: str) -> str:
        """Give the token of *value*, and remember the value.

        A value already known keeps its token, even when it now comes as another type.
        """
        key = _key(entity_type, value)
        known = self._tokens.get(key)
        if known is not None:
            return known
        if not key or len(self._values) >= MOST_VALUES:
            return f"[{entity_type}]"
        number = self._counts.get(entity_type, 0) + 1
        return self._add(_Value(entity_type, key, number))

    def learn(self, entity_type: str, value: str) -> None:
        """Remember *value*, so that it is masked wherever it appears."""
        self.token(entity_type, value)

    def known_values(self) -> list[tuple[str, str]]:
        """Give token and normal form of every known value, in order of appearance."""
        return [(self._tokens[value.key], value.key) for value in self._values]

    def find(self, text: str) -> list[Span]:
        """Give where known values stand in *text*; ``rule`` is the token of each.

        Numbers are found with any spacing, words in any case and with any accents, but
        only whole. Not sought: values of less than three characters or four digits,
        common words, single-word addresses. Of a name of several words, each word of
        three letters is found too where it is capitalized.
        """
        atoms_here = _ATOM.findall(plain_text(text)) if self._values else ()
        if self._phrases.keys().isdisjoint(atoms_here) and not (
            self._numbers and any(map(str.isdigit, atoms_here))
        ):
            return []
        passage = Passage(text)
        atoms = [
            (match.group(), match.start(), match.end())
            for match in _ATOM.finditer(passage.plain)
        ]
        found: list[Span] = []
        index = 0
        while index < len(atoms):
            hit = self._number_at(atoms, index) or self._phrase_at(
                atoms, index, passage.raw
            )
            if hit is None:
                index += 1
                continue
            size, known = hit
            found.append(
                msgspec.structs.replace(
                    known, start=atoms[index][1], end=atoms[index + size - 1][2]
                )
            )
            index += size
        return found

    def to_bytes(self) -> bytes:
        """Write the map; it holds personal data, so encrypt it before storing."""
        return msgspec.json.encode(self._values)

    @classmethod
    def from_bytes(cls, data: bytes) -> "TokenMap":
        """Read what :meth:`to_bytes` wrote; no bytes are an empty map."""
        tokens = cls()
        if data:
            for value in msgspec.json.decode(data, type=list[_Value]):
                tokens._add(value)
        return tokens

    def _add(self, value: _Value) -> str:
        token = (
            f"[{value.entity_type}]"
            if value.number == 1
            else f"[{value.entity_type}_{value.number}]"
        )
        self._values.append(value)
        self._tokens[value.key] = token
        self._counts[value.entity_type] = max(
            value.number, self._counts.get(value.entity_type, 0)
        )
        self._index(value, Span(0, 0, value.entity_type, KNOWN, token))
        return token

    def _index(self, value: _Value, known: Span) -> None:
        atoms = tuple(_ATOM.findall(plain_text(value.key)))
        joined = "".join(atoms)
        if joined.isdigit():
            if len(joined) >= _FEWEST_DIGITS:
                self._numbers.setdefault(joined, known)
            return
        if len(joined) < _FEWEST_CHARACTERS or joined in _COMMON:
            return
        if value.entity_type == "ADDRESS" and len(atoms) == 1:
            return  # a city, most likely: it is in half of all messages
        self._add_phrase(atoms, known, capital=False)
        if value.entity_type == "NAME" and len(atoms) > 1:
            for part in atoms:
                if len(part) >= _FEWEST_CHARACTERS and part not in _COMMON:
                    self._add_phrase((part,), known, capital=True)

    def _add_phrase(
        self, atoms: tuple[str, ...], known: Span, *, capital: bool
    ) -> None:
        phrases = self._phrases.setdefault(atoms[0], [])
        phrases.append((atoms, known, capital))
        phrases.sort(key=lambda phrase: -len(phrase[0]))

    def _number_at(
        self, atoms: list[tuple[str, int, int]], index: int
    ) -> tuple[int, Span] | None:
        """Give how many atoms from *index* make a known number, the most first."""
        if not self._numbers or not atoms[index][0].isdigit():
            return None
        digits = ""
        best = None
        end = atoms[index][1]
        for size, (atom, start, stop) in enumerate(atoms[index : index + 12], start=1):
            if not atom.isdigit() or start - end > _WIDEST_GAP:
                break
            digits += atom
            end = stop
            if len(digits) > _MOST_DIGITS:
                break
            known = self._numbers.get(digits)
            if known is not None:
                best = size, known
        return best

    def _phrase_at(
        self, atoms: list[tuple[str, int, int]], index: int, raw: str
    ) -> tuple[int, Span] | None:
        for phrase, known, capital in self._phrases.get(atoms[index][0], ()):
            size = len(phrase)
            here = atoms[index : index + size]
            if (
                tuple(atom for atom, _, _ in here) == phrase
                and all(
                    after[1] - before[2] <= _WIDEST_GAP
                    for before, after in pairwise(here)
                )
                and (not capital or raw[here[0][1]].isupper())
            ):
                return size, known
        return None


def _key(entity_type: str, value: str) -> str:
    """Give the normal form of a value: what is left when only writing differs."""
    if entity_type == "EMAIL":
        return value.strip().casefold()
    atoms = _ATOM.findall(plain_text(value))
    joined = "".join(atoms)
    return joined if joined.isdigit() else " ".join(atoms)


def is_token(value: str) -> bool:
    """Tell whether *value* is a token and nothing else."""
    return TOKEN.fullmatch(value) is not None


def holds_token(value: Any) -> bool:
    """Tell whether a slot value, however nested, holds a token."""
    return any(TOKEN.search(text) for text in _strings(value))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(key)
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)
