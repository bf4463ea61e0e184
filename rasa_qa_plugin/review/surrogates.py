"""Surrogates: invented values where a text has tokens, and the way back.

Our tables hold tokens only. Surrogates are made when a file is written, for people to
read or for the bot to learn from, and turned back into tokens when a file comes in.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from rasa_qa_plugin.privacy.passage import TOKEN, plain_text, word_table
from rasa_qa_plugin.privacy.spans import Alignment
from rasa_qa_plugin.review.inventor import Inventor, Language
from rasa_qa_plugin.review.items import Entity, Item, clean, tidy

_KEPT = "[WITHHELD]"
_MOST_ATTEMPTS = 20
_BRACKETS = frozenset("[](){}")
_WORD = re.compile(r"\w+")

# Words that are in one language only, accents left out.
_SPANISH = frozenset(
    word_table("""
        a al como con cual cuando cuanto de del donde el en es esta este favor gracias
        hola la las lo los mas mi mis muy necesito numero para pero por porque puede
        que quiero se si soy su te tengo tiene un una vivo y yo
    """)
)
_ENGLISH = frozenset(
    word_table("""
        am an and any are at be but call can could do does for from get have hello help
        hi how i if in is it live my name need not of on or please price send thanks
        that the this to want we what when where which who will with would you your
    """)
)


class Surrogates:
    """Gives turns the look of real traffic.

    One turn always gets the same values, one token the same value all through the
    turn, two tokens different ones; another turn gets others.
    """

    def __init__(self) -> None:
        """Start without Faker: it is loaded when the first token turns up."""
        self._inventors: dict[Language, Inventor] = {}

    def applied(self, item: Item) -> Item:
        """Give *item*, tidy, with a value for each token, entities moved along.

        ``surrogates`` of the result says which value stands for which token.
        """
        item = tidy(item)
        texts = [item.text, *(entity.value or "" for entity in item.entities)]
        tokens = dict.fromkeys(token for text in texts for token in TOKEN.findall(text))
        tokens.pop(_KEPT, None)
        if not tokens:
            return item
        values = self._values(tokens, item)
        return msgspec.structs.replace(
            _moved(
                item,
                _tokens_in(item.text, values),
                values=[_filled(entity.value, values) for entity in item.entities],
            ),
            surrogates=tuple(values.items()),
        )

    def _values(self, tokens: Iterable[str], item: Item) -> dict[str, str]:
        """Find a value for every token that cannot be taken for anything else here."""
        language = language_of(item.text)
        inventor = self._inventors.get(language)
        if inventor is None:
            inventor = self._inventors[language] = Inventor(language)
        values: dict[str, str] = {}
        for token in tokens:
            entity_type = token.strip("[]").partition("_")[0]
            for attempt in range(_MOST_ATTEMPTS):
                seed = _seed(item.turn_id, token, attempt)
                value = inventor.value(entity_type, seed=seed)
                if _is_fit(value) and not _is_taken(value, item.text, values.values()):
                    values[token] = value
                    break
        return values


class Restored(NamedTuple):
    """An item with its tokens back.

    Attributes:
        widened: Whether an entity covered a part of a value; it covers the token now,
            since half a token would mean nothing.
    """

    item: Item
    widened: bool = False


def restored(item: Item, *, masked: str) -> Restored:
    """Turn the surrogates of *item* back into tokens, entities moved along.

    A text that nobody edited becomes *masked*, which is what went out, to the letter.
    In an edited one the values are looked for.
    """
    values = dict(item.surrogates)
    if not values:
        return Restored(item)
    sent = Alignment(masked, _tokens_in(masked, values))
    edits = (
        [
            (*sent.span(start, end), masked[start:end])
            for start, end, _ in _tokens_in(masked, values)
        ]
        if sent.text == item.text
        else _values_in(item.text, values)
    )
    widened = any(
        start < entity.start < end or start < entity.end < end
        for start, end, _ in edits
        for entity in item.entities
    )
    back = _moved(
        msgspec.structs.replace(item, surrogates=()),
        edits,
        values=[
            entity.value
            and Alignment(entity.value, _values_in(entity.value, values)).text
            for entity in item.entities
        ],
    )
    return Restored(back, widened)


def language_of(text: str) -> Language:
    """Guess the language by counting small words; Spanish when they do not tell."""
    words = _WORD.findall(plain_text(TOKEN.sub(" ", text)))
    spanish = sum(word in _SPANISH for word in words)
    english = sum(word in _ENGLISH for word in words)
    return "en" if english > spanish else "es"


_Edits = Sequence[tuple[int, int, str]]


def _tokens_in(text: str, values: Mapping[str, str]) -> _Edits:
    """Give the edits that put *values* in."""
    return [
        (*found.span(), values[found.group()])
        for found in TOKEN.finditer(text)
        if found.group() in values
    ]


def _values_in(text: str, values: Mapping[str, str]) -> _Edits:
    """Give the edits that put tokens in; a value inside a longer word is not one."""
    tokens = {value: token for token, value in values.items()}
    longest_first = sorted(tokens, key=lambda value: (-len(value), value))
    pattern = re.compile("|".join(map(_standing_free, longest_first)))
    return [(*found.span(), tokens[found.group()]) for found in pattern.finditer(text)]


def _standing_free(value: str) -> str:
    """Give a pattern with no letter beside a letter at its edge, nor digit by digit."""
    return f"(?<!{_kin(value[0])}){re.escape(value)}(?!{_kin(value[-1])})"


def _kin(character: str) -> str:
    if character.isdigit():
        return r"\d"
    return r"[^\W\d_]" if character.isalpha() else r"[^\s\S]"


def _filled(text: str | None, values: Mapping[str, str]) -> str | None:
    return text and Alignment(text, _tokens_in(text, values)).text


def _moved(item: Item, edits: _Edits, *, values: Sequence[str | None]) -> Item:
    """Apply *edits* to the text; *values* are the new values of the entities."""
    aligned = Alignment(item.text, edits)
    entities: list[Entity] = []
    for entity, value in zip(item.entities, values, strict=True):
        start, end = aligned.span(entity.start, entity.end)
        entities.append(
            msgspec.structs.replace(entity, start=start, end=end, value=value)
        )
    return tidy(
        msgspec.structs.replace(item, text=aligned.text, entities=tuple(entities))
    )


def _seed(turn_id: str, token: str, attempt: int) -> int:
    """Depend on nothing but the turn and the token: an edited text keeps its values."""
    source = f"{turn_id}\0{token}\0{attempt}".encode()
    return int.from_bytes(hashlib.sha256(source).digest()[:8], "big")


def _is_fit(value: str) -> bool:
    """Tell whether *value* may stand in a training example without meaning anything."""
    return value == clean(value) != "" and _BRACKETS.isdisjoint(value)


def _is_taken(value: str, text: str, others: Iterable[str]) -> bool:
    return value in text or any(value in other or other in value for other in others)
