"""The forms in which a known value may come again: parts, cores, country codes.

A slot of a form may hold the whole message in which its value was said. What is then
sought is the value inside; the common words around it stay free.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

import msgspec

from rasa_qa_plugin.privacy.passage import plain_text, word_table
from rasa_qa_plugin.privacy.recognizers.names_lexicon import (
    DOUBTFUL_GIVEN,
    GIVEN,
    LEXICON,
    PARTICLES,
)
from rasa_qa_plugin.privacy.recognizers.names_limits import LIMITS, SURNAMES_TOO

ATOM: Final = re.compile(r"\d+|[^\W\d_]+")
_FEWEST_CHARACTERS: Final = 3
_FEWEST_DIGITS: Final = 4
# In a sentence, a shorter number may be anything: "necesito 2000 libras".
_FEWEST_DIGITS_IN_WORDS: Final = 5
_DIGITS_OF_A_MESSAGE: Final = 7
_LONGEST_NAME: Final = 6
_CLAUSE_ENDS: Final = re.compile(r"[,;:!?()\n]+")
_SHORT_VALUES: Final = frozenset(("NAME", "PHONE", "ID", "ACCOUNT", "CARD"))
_EMAIL: Final = re.compile(r"[^\s,;:<>()]+[@.][^\s,;:<>()]+")
_DIGIT_WORDS: Final = frozenset(
    word_table("""
        cero uno dos tres cuatro cinco seis siete ocho nueve diez veinte treinta
        cuarenta cincuenta sesenta setenta ochenta noventa cien doble zero oh one two
        three four five six seven eight nine ten twenty thirty forty fifty sixty seventy
        eighty ninety hundred double triple
    """)
)

# A slot may hold these by mistake; masking them everywhere would wipe the conversation.
_COMMON: Final = frozenset(
    word_table("""
        acepto adios algo alguien anonimo ayuda ayer buenas buenos bueno bye camaron
        cancel cancelar casa chao chat claro cliente comprar confirmar correcto
        correo cual cuando cuanto customer dale del desconocido dias direccion email
        esta este false first gerente gracias hello help here hey him hola hoy info
        listo los las manana mas menu mismo misma mucho muy nada nadie name ninguna
        ninguno nobody nombre none null okay oficina otra otro para pedido perdon
        pero phone please por precio producto que quiero quien restart salir salud
        sales senor seria skip sorry start stop tarde tardes telefono test
        text thank thanks the todo true una uno user usuario usted ventas yeah yes
        you
    """)
)
_NO_PART: Final = (_COMMON | (LIMITS - DOUBTFUL_GIVEN - SURNAMES_TOO)) - _DIGIT_WORDS
# A name with one of these is a sentence; initials and "Bueno" are in many names.
_SENTENCE: Final = frozenset(
    word for word in _NO_PART - PARTICLES - SURNAMES_TOO if len(word) > 1
)

# Country codes by the structure of ITU-T E.164; Argentina and Mexico put a digit more
# before mobile numbers.
_COUNTRY_CODE: Final = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|2[1-689]\d|3[578]\d"
    r"|42\d|5[09]\d|6[789]\d|8[0578]\d|9[679]\d|549|521"
)
FEWEST_PHONE_DIGITS: Final = 8


class Form(msgspec.Struct, frozen=True, gc=False):
    """One form of a value.

    Attributes:
        atoms: Its words and numbers, in plain writing; a number alone is one of them
            however it was spaced, and may end in a letter.
        capital: It counts only where it is capitalized.
        alone: It counts only as a whole message.
        key: Its normal form, if that is not its atoms.
    """

    atoms: tuple[str, ...]
    capital: bool = False
    alone: bool = False
    key: str = ""


def normal_form(entity_type: str, value: str) -> str:
    """Give what is left of a value when only its writing differs.

    A message in place of a value keeps its punctuation, and its type in front: what is
    personal in it is another thing for each type.
    """
    if value.isascii():
        if value.isdigit():
            return value
    else:
        if not value.isprintable():  # perhaps half a surrogate pair
            value = value.encode("utf-8", "replace").decode()
        value = unicodedata.normalize("NFC", value)
    if entity_type == "EMAIL":
        return value.strip().casefold()
    plain = plain_text(value)
    atoms = ATOM.findall(plain)
    joined = "".join(atoms)
    if joined.isdigit():
        return joined
    if entity_type in _SHORT_VALUES and _is_message(atoms):
        return f"{entity_type}:{' '.join(plain.split())}"
    return " ".join(atoms)


def _is_message(atoms: Sequence[str]) -> bool:
    return not _SENTENCE.isdisjoint(atoms) or (
        len(_number(atoms)) >= _DIGITS_OF_A_MESSAGE
        and any(len(a) >= _FEWEST_CHARACTERS and a.isalpha() for a in atoms)
    )


def forms_of(entity_type: str, key: str) -> Iterator[Form]:
    """Give the forms to seek of a value, its normal form being *key*; maybe none."""
    if key.isdigit():
        atoms, joined = (key,), key
    else:  # plain already, or an e-mail address
        key = key.removeprefix(f"{entity_type}:")
        atoms = tuple(ATOM.findall(plain_text(key)))
        joined = "".join(atoms)
    if joined.isdigit():
        if len(joined) >= _FEWEST_DIGITS:
            yield Form((joined,))
        elif entity_type == "SECRET":
            yield Form((joined,), alone=True)
        return
    if len(joined) < _FEWEST_CHARACTERS or joined in _COMMON:
        return
    if entity_type == "SECRET":
        yield Form(atoms)
    elif not _NO_PART.issuperset(atoms):  # "no tengo" is no value at all
        yield from _FORMS.get(entity_type, _whole)(atoms, key)


def _whole(atoms: tuple[str, ...], _key: str) -> Iterator[Form]:
    yield Form(atoms)


def _emails(atoms: tuple[str, ...], key: str) -> Iterator[Form]:
    found = [email.rstrip(".") for email in _EMAIL.findall(key)]
    for email in found:
        yield Form(tuple(ATOM.findall(plain_text(email))), key=email)
    if not found and not _is_message(atoms):
        yield Form(atoms)


def _addresses(atoms: tuple[str, ...], _key: str) -> Iterator[Form]:
    core = _trimmed(atoms)
    if len(core) > 1:  # one word is a city, most likely: it is in half of all messages
        yield Form(core)


def _numbers(atoms: tuple[str, ...], _key: str) -> Iterator[Form]:
    joined = "".join(atoms)
    if joined[:-1].isdigit():
        yield Form((joined,))  # its check letter, with or without a hyphen
    number = _number(atoms)
    if len(number) >= _FEWEST_DIGITS_IN_WORDS:
        yield Form((number,))
    if not _is_message(atoms):
        yield Form(atoms)
    elif 0 < len(number) < _FEWEST_DIGITS_IN_WORDS or _is_spelled(atoms):
        yield Form(_trimmed(atoms))


def _is_spelled(atoms: tuple[str, ...]) -> bool:
    return sum(atom in _DIGIT_WORDS for atom in atoms) >= _FEWEST_DIGITS_IN_WORDS


def _names(atoms: tuple[str, ...], key: str) -> Iterator[Form]:
    names = [atoms]
    if _is_message(atoms) or len(atoms) > _LONGEST_NAME:
        names = [
            run
            for clause in _CLAUSE_ENDS.split(_EMAIL.sub(",", key))
            for run in _runs(ATOM.findall(clause))
            if len(run) <= _LONGEST_NAME
            and (len(run) > 1 or not LEXICON.isdisjoint(run))
        ]
    if not names:
        yield Form(atoms)  # said to be a name, and nobody knows which word of it
    for name in names:
        yield Form(name)
        for part in name if len(name) > 1 else ():
            if len(part) >= _FEWEST_CHARACTERS and part not in _NO_PART:
                yield Form((part,), capital=part not in GIVEN)


def _runs(atoms: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Give the stretches between common words and numbers."""
    for is_name, run in groupby(
        atoms, key=lambda atom: atom not in _SENTENCE and not atom.isdigit()
    ):
        words = list(run)
        while words and words[0] in PARTICLES:
            del words[0]
        while words and words[-1] in PARTICLES:
            del words[-1]
        if is_name and words:
            yield tuple(words)


def _trimmed(atoms: tuple[str, ...]) -> tuple[str, ...]:
    """*atoms* without common words at the ends."""
    first, last = 0, len(atoms)
    while first < last and atoms[first] in _NO_PART:
        first += 1
    while last > first and atoms[last - 1] in _NO_PART:
        last -= 1
    return atoms[first:last]


def _number(atoms: Sequence[str]) -> str:
    """Give the longest number among *atoms*, however it is spaced."""
    if "".join(atoms).isalpha():
        return ""
    runs = ("".join(run) for digits, run in groupby(atoms, key=str.isdigit) if digits)
    return max(runs, key=len, default="")


_FORMS: Final = {
    "NAME": _names,
    "EMAIL": _emails,
    "ADDRESS": _addresses,
    "PHONE": _numbers,
    "ID": _numbers,
    "ACCOUNT": _numbers,
    "CARD": _numbers,
}


def same_phone(one: str, other: str) -> bool:
    """Tell whether two strings of digits are one telephone, told with and without code.

    ``593991234567``, ``0991234567`` and ``991234567`` are.
    """
    short, long = sorted((one.lstrip("0"), other.lstrip("0")), key=len)
    if len(short) < FEWEST_PHONE_DIGITS or not long.endswith(short):
        return False
    code = long[: len(long) - len(short)]
    return not code or _COUNTRY_CODE.fullmatch(code) is not None
