"""Masked copies of texts and nested values, whatever event they come from."""

from bisect import bisect_right
from collections.abc import Sequence
from numbers import Integral, Real
from operator import attrgetter
from typing import Any, Final

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.field_types import FieldTypes
from rasa_qa_plugin.privacy.passage import TOKEN, fill, without_barriers
from rasa_qa_plugin.privacy.payloads import read_payload, write_entities
from rasa_qa_plugin.privacy.spans import KNOWN, Alignment, Span, resolve
from rasa_qa_plugin.privacy.tokens import TokenMap, is_token
from rasa_qa_plugin.privacy.withheld import (
    BOT_NAMES,
    WITHHELD,
    hashed_message_id,
    is_bot_name,
    is_reference,
)

# Numbers below this are no telephone number without its spaces.
_LEAST_NUMBER: Final = 1_000_000
_TIMES: Final = frozenset(
    ("timestamp", "time", "date", "ts", "created_at", "updated_at")
)
# A bot's own JSON calls templates and buttons "name" as well.
_BARE_NAMES: Final = frozenset(("name", "nombre", "person", "persona"))


class ValueMasker:
    """Masks texts and JSON values of one conversation, and teaches its tokens.

    Values are never changed in place; what holds nothing personal comes back as the
    very same object.
    """

    __slots__ = ("_engine", "_fields", "_is_clear", "_tokens")

    def __init__(
        self, engine: PrivacyEngine, fields: FieldTypes, tokens: TokenMap
    ) -> None:
        """Detect with *engine*, type with *fields*, number with *tokens*."""
        self._engine = engine
        self._is_clear = engine.is_clear
        self._fields = fields
        self._tokens = tokens

    def string(self, text: str) -> str:
        """Mask a text of any kind."""
        return text if self.is_plain(text) else self.align(text).text

    def name(self, name: Any) -> Any:
        """Mask a name: most are the developer's, but somebody may have typed it."""
        if (
            isinstance(name, str)
            and "/" not in name
            and self._engine.is_clear_name(name)
            and not self._tokens.find(name)
        ):
            return name
        return self.anything(name)

    def is_plain(self, text: str) -> bool:
        """Tell whether *text* is chat in which nothing would be masked."""
        if "/" in text and text.lstrip().startswith("/"):
            return False
        if not self._is_clear(text):
            text = without_barriers(text)
            if self._engine.find(text):
                return False
        return not self._tokens.find(text)

    def align(self, text: str, hints: Sequence[Span] = ()) -> Alignment:
        """Mask a text and tell where everything went.

        *hints* are spans known from elsewhere. In a button payload the values inside
        the JSON are masked one by one, so that it stays JSON.
        """
        payload = read_payload(text) if text.lstrip().startswith("/") else None
        if payload is None:
            return Alignment(text, self._edits(text, hints))
        entities = write_entities(payload, self.named_values)
        edits = self._edits(text[: payload.start])
        if entities is not None:
            edits.append((payload.start, payload.end, entities))
        edits += (
            (start + payload.end, end + payload.end, token)
            for start, end, token in self._edits(text[payload.end :])
        )
        return Alignment(text, edits)

    def _edits(
        self, text: str, hints: Sequence[Span] = ()
    ) -> list[tuple[int, int, str]]:
        text = without_barriers(text)
        found = self._engine.find(text)
        known = self._tokens.find(text, found)
        if known:
            known = self._engine.without_terms(known, text=text)
        further = [span for span in (*known, *hints) if not _is_in(span, found)]
        if further:
            found = resolve([*found, *further], text=text)
            # Beside what is masked now, the rest may look different.
            more = self._engine.find(fill(text, found))
            found = resolve([*found, *more], text=text) if more else found
        return [(span.start, span.end, self._token(span, text)) for span in found]

    def _token(self, span: Span, text: str) -> str:
        if is_token(span.rule):
            return span.rule  # a known value brings its token
        return self._tokens.token(span.entity_type, text[span.start : span.end])

    def typed(self, kind: str, value: Any) -> Any:
        """Mask a value whatever it looks like, because its name says what it is."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, dict):
            return {
                self.anything(key): self.typed(
                    self._fields.of_key(str(key)) or kind, item
                )
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.typed(kind, item) for item in value]
        text = str(value)
        if not text.strip() or ("[" in text and TOKEN.search(text)):
            return self.anything(value)  # masked before
        return self._tokens.token(kind, text)

    def named_values(self, entities: dict[str, Any]) -> dict[str, Any]:
        """Mask a mapping of entity names to values, as in a button payload."""
        form = {}
        for name, value in entities.items():
            kind = self._fields.of_entity(name)
            if name == "qa_turn" and is_reference(value):
                form[name] = value
            elif kind is None:
                form[self.name(name)] = self.anything(value)
            else:
                form[self.name(name)] = self.typed(kind, value)
        return form

    def anything(self, value: Any, *, by_bot: bool = False) -> Any:
        """Mask a value of unknown meaning.

        *by_bot* values were put together by the bot's developer: there, "name" and
        "card" are as likely parts of a layout as of a person.

        Raises:
            TypeError: The value is not JSON, so what it would print is unknown.
        """
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, dict):
            return self._mapping(value, by_bot=by_bot)
        if isinstance(value, (list, tuple)):
            items = [self.anything(item, by_bot=by_bot) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return value if same else items
        return self._scalar(value)

    def metadata(self, value: Any) -> Any:
        """Mask what a channel sends beside words.

        A rating in it names its message as the rest of the archive does: by a hash, for
        some channels build message ids from the telephone number.
        """
        given = value.get("qa_feedback") if isinstance(value, dict) else None
        if not isinstance(given, dict) or "message_id" not in given:
            return self.anything(value)
        hashed = hashed_message_id(given["message_id"])
        rest = {key: item for key, item in given.items() if key != "message_id"}
        return {
            **self.anything({k: v for k, v in value.items() if k != "qa_feedback"}),
            "qa_feedback": {"message_id": hashed, **self.anything(rest)},
        }

    def _scalar(self, value: Any) -> Any:
        # The abstract classes take in NumPy's numbers.
        if value is None or isinstance(value, bool):
            return value
        if not isinstance(value, Real):
            raise TypeError("value: not JSON; store plain values in slots")
        if not isinstance(value, Integral):
            value = float(value)
            if not value.is_integer():
                return value
        number = str(abs(int(value)))
        # Small ones are counts, unless the conversation knows better: a PIN.
        if int(number) < _LEAST_NUMBER and not self._tokens.find(number):
            return value
        masked = self.string(number)
        return masked if is_token(masked) else value

    def _mapping(self, value: dict[Any, Any], *, by_bot: bool) -> dict[Any, Any]:
        form = {}
        changed = False
        for key, item in value.items():
            new_key, new = self._item(key, item, by_bot=by_bot)
            changed = changed or new is not item or new_key != key
            form[new_key] = new
        return form if changed else value

    def _item(self, key: Any, item: Any, *, by_bot: bool) -> tuple[Any, Any]:
        if not isinstance(key, str):
            return self.anything(key), self.anything(item, by_bot=by_bot)
        if (key in BOT_NAMES and is_bot_name(item)) or (
            key in _TIMES and isinstance(item, (int, float))
        ):
            return key, item
        kind = self._fields.of_key(key)
        if by_bot and (key.lower() in _BARE_NAMES or isinstance(item, (dict, list))):
            kind = None
        if kind is not None:
            return self.name(key), self.typed(kind, item)
        return self.name(key), self.anything(item, by_bot=by_bot)


def is_measure(value: Any) -> bool:
    """Tell whether *value* is true, false, or a float no telephone number can be."""
    return isinstance(value, bool) or (
        isinstance(value, float) and abs(value) < _LEAST_NUMBER
    )


def scrubbed(value: Any) -> Any:
    """Withhold what an extractor noted about a masked value, in any notation."""
    if value is None or is_measure(value):
        return value
    if isinstance(value, dict):
        return {key: scrubbed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrubbed(item) for item in value]
    return WITHHELD


def _is_in(span: Span, found: list[Span]) -> bool:
    """Tell whether *span* says nothing that one of *found* does not say.

    Inside of what is found, a known value says no more, whatever its type.
    """
    index = bisect_right(found, span.start, key=attrgetter("start")) - 1
    return (
        index >= 0
        and span.end <= found[index].end
        and (span.score <= KNOWN or span.entity_type == found[index].entity_type)
    )
