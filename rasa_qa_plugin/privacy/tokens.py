"""The numbering of masked values in one conversation: same value, same token."""

import re
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from rasa_qa_plugin.privacy.known_forms import (
    ATOM,
    FEWEST_PHONE_DIGITS,
    forms_of,
    normal_form,
    same_phone,
)
from rasa_qa_plugin.privacy.passage import (
    TOKEN,
    Composition,
    around,
    barred,
    is_apart,
    plain_text,
)
from rasa_qa_plugin.privacy.spans import KNOWN, Span

MOST_VALUES = 500

_DIGIT = re.compile(r"\d")
_WIDEST_GAP = 3
_MOST_ATOMS = 120
_END = ""  # no word
_MOST_DIGITS = 40


class _Value(msgspec.Struct, frozen=True, array_like=True, gc=False):
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

    __slots__ = (
        *("_aliases", "_alone", "_counts", "_numbers", "_phones", "_phrases"),
        *("_tokens", "_unread", "_unread_atoms", "_unread_seen", "_values"),
    )

    def __init__(self) -> None:
        """Start a conversation that knows no value."""
        self._values: list[_Value] = []
        # Values are taken apart only when there is something to compare them with.
        self._unread: list[_Value] = []
        # The letters and digits of as many of them as were asked about, a line each.
        self._unread_atoms, self._unread_seen = "", 0
        self._tokens: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._numbers: dict[str, Span] = {}
        # A tree of words; at the end of each phrase, what it is, and whether it counts
        # only where it is capitalized.
        self._phrases: dict[str, Any] = {}
        # Secrets so short that they are only known when they stand alone: "917".
        self._alone: dict[str, Span] = {}
        # Parts of values, and values that stood in a sentence, to the token of it.
        self._aliases: dict[str, str] = {}
        # Telephones by their last digits: the country code may be there or not.
        self._phones: dict[str, list[tuple[str, Span]]] = {}

    def __len__(self) -> int:
        """Count the known values."""
        return len(self._values)

    def token(self, entity_type: str, value: str) -> str:
        """Give the token of *value*, and remember the value.

        A value already known keeps its token, even when it now comes as another type.
        """
        key = normal_form(entity_type, value)
        known = self._tokens.get(key)
        if known is None:
            if self._unread and self._may_be_part(entity_type, key):
                self._read()
            known = self._aliases.get(key)
        if known is not None:
            return known
        if entity_type == "PHONE" and (phone := self._phone(key)) is not None:
            return phone.rule
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

    def find(self, text: str, found: Sequence[Span] = ()) -> list[Span]:
        """Give where known values stand in *text*; ``rule`` is the token of each.

        *found* are spans known already, sorted: where no digit stands outside of them,
        no number is sought.

        Numbers are found with any spacing, telephones with and without the country
        code, words in any case and with any accents, but only whole. Not sought: values
        of less than three characters or four digits, common words, single-word
        addresses. Of a name of several words, each word of three letters is found too
        where it is capitalized or a common given name. Of a whole sentence, what is
        sought is the value in it.
        """
        if self._unread:
            self._read()
        # Words cost more than digits to look for, and are only sometimes known.
        if not (self._phrases or self._alone) and (
            not self._numbers or _DIGIT.search(around(text, found)) is None
        ):
            return []
        if is_apart(text):
            composition = Composition(text)
            return [composition.span(s) for s in self._find(composition.text, ())]
        return self._find(text, found)

    def _find(self, text: str, found: Sequence[Span]) -> list[Span]:
        alone = self._alone.get(text.strip()) if self._alone else None
        if alone is not None:
            start = len(text) - len(text.lstrip())
            end = len(text.rstrip())
            return [msgspec.structs.replace(alone, start=start, end=end)]
        raw = barred(text)
        plain = plain_text(raw)
        if not (self._numbers and _DIGIT.search(around(raw, found))) and (
            self._phrases.keys().isdisjoint(ATOM.findall(plain))
        ):
            return []
        atoms = [
            (match.group(), match.start(), match.end())
            for match in ATOM.finditer(plain)
        ]
        known_spans: list[Span] = []
        index = 0
        while index < len(atoms):
            hits = []
            if atoms[index][0].isdigit():
                hits += self._number_at(atoms, index, plain)
            if atoms[index][0] in self._phrases:
                hits += self._phrase_at(atoms, index, text)
            if not hits:
                index += 1
                continue
            size, known = max(hits, key=itemgetter(0))
            known_spans.append(
                msgspec.structs.replace(
                    known, start=atoms[index][1], end=atoms[index + size - 1][2]
                )
            )
            index += size
        return known_spans

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
        self._unread.append(value)
        return token

    def _may_be_part(self, entity_type: str, key: str) -> bool:
        """Tell, without taking them apart, whether *key* may be of an unread value.

        Its letters and digits stand in one piece in what it is a part of, and those of
        a telephone end alike.
        """
        atoms = _joined(key)
        if entity_type == "PHONE":
            atoms = atoms[-FEWEST_PHONE_DIGITS:]
        for value in self._unread[self._unread_seen :]:
            self._unread_atoms += f"{_joined(value.key)}\n"
        self._unread_seen = len(self._unread)
        return atoms in self._unread_atoms

    def _read(self) -> None:
        for value in self._unread:
            token = self._tokens[value.key]
            self._index(value, Span(0, 0, value.entity_type, KNOWN, token))
        self._unread.clear()
        self._unread_atoms, self._unread_seen = "", 0

    def _index(self, value: _Value, known: Span) -> None:
        for form in forms_of(value.entity_type, value.key):
            first = form.atoms[0]
            self._aliases.setdefault(form.key or " ".join(form.atoms), known.rule)
            if form.alone:
                self._alone.setdefault(first, known)
            elif first[0].isdigit() and len(form.atoms) == 1:
                self._numbers.setdefault(first, known)
                if value.entity_type == "PHONE":
                    tail = first[-FEWEST_PHONE_DIGITS:]
                    self._phones.setdefault(tail, []).append((first, known))
            else:
                self._add_phrase(form.atoms, known, capital=form.capital)

    def _phone(self, digits: str, *, longer: bool = True) -> Span | None:
        """Give the known telephone that *digits* are, with or without country code.

        Unless *longer*, they may not be more than were known.
        """
        for number, known in self._phones.get(digits[-FEWEST_PHONE_DIGITS:], ()):
            if (longer or len(digits.lstrip("0")) <= len(number)) and same_phone(
                number, digits
            ):
                return known
        return None

    def _add_phrase(
        self, atoms: tuple[str, ...], known: Span, *, capital: bool
    ) -> None:
        node = self._phrases
        for atom in atoms[:_MOST_ATOMS]:
            node = node.setdefault(atom, {})
        node.setdefault(_END, []).append((known, capital))

    def _number_at(
        self, atoms: list[tuple[str, int, int]], index: int, plain: str
    ) -> list[tuple[int, Span]]:
        """Give how many atoms from *index* make a known number, the most first."""
        if not self._numbers:
            return []
        digits = ""
        best: list[tuple[int, Span]] = []
        end = atoms[index][1]
        with_code = end > 0 and plain[end - 1] == "+"
        for size, (atom, start, stop) in enumerate(atoms[index : index + 12], start=1):
            if start - end > _WIDEST_GAP or not (atom.isdigit() or len(atom) == 1):
                break
            digits += atom
            end = stop
            if len(digits) > _MOST_DIGITS:
                break
            known = self._numbers.get(digits)
            if known is None:
                # Not "20 0991234567": a code is written at one with its number.
                known = self._phone(digits, longer=size == 1 or with_code)
            if known is not None:
                best = [(size, known)]
        return best

    def _phrase_at(
        self, atoms: list[tuple[str, int, int]], index: int, text: str
    ) -> list[tuple[int, Span]]:
        """Give the longest known phrase from *index*, walking the tree of all."""
        node = self._phrases
        best: list[tuple[int, Span]] = []
        end = atoms[index][1]
        capitalized = text[end].isupper()
        here = atoms[index : index + _MOST_ATOMS]
        for size, (atom, start, stop) in enumerate(here, start=1):
            if start - end > _WIDEST_GAP or atom not in node:
                break
            node = node[atom]
            for known, capital in node.get(_END, ()):
                if capitalized or not capital:
                    best = [(size, known)]
                    break
            end = stop
        return best


def _joined(key: str) -> str:
    """Give the letters and digits of a normal form in one piece, in plain writing."""
    return key if key.isdigit() else "".join(ATOM.findall(plain_text(key)))


def is_token(value: str) -> bool:
    """Tell whether *value* is a token and nothing else."""
    return value.startswith("[") and TOKEN.fullmatch(value) is not None


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
