"""Masked copies of Rasa's events: every place where a person's words end up.

Events are the dictionaries of ``Event.as_dict()``. A masked event has the keys of the
original; parts that hold nothing personal are shared with it, not copied.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.field_types import FieldTypes
from rasa_qa_plugin.privacy.harmless import (
    are_plain_responses,
    is_harmless,
    is_harmless_but_words,
    is_plain_metadata,
)
from rasa_qa_plugin.privacy.passage import TOKEN, without_barriers
from rasa_qa_plugin.privacy.payloads import read_payload
from rasa_qa_plugin.privacy.spans import VALIDATED, Alignment, Span
from rasa_qa_plugin.privacy.tokens import TokenMap
from rasa_qa_plugin.privacy.values import ValueMasker, is_measure, scrubbed
from rasa_qa_plugin.privacy.withheld import (
    COMMON,
    STRUCTURE,
    WITHHELD,
    Event,
    bare_event,
    hashed_message_id,
    is_generated_name,
    is_name,
    is_reference,
    withheld_event,
    without_words,
)
from rasa_qa_plugin.settings import PrivacySettings

__all__ = ["WITHHELD", "Event", "EventMasker"]

_MOST_PASSES = 4
_NLU_KEYS: Final = frozenset(("intent", "intent_ranking", "qa"))
_ENTITY_NAMES: Final = frozenset(("role", "group", "extractor", "processors"))


class EventMasker:
    """Masks events, or withholds all words in them; one for all conversations.

    Attributes:
        failures: How many events could not be masked and were withheld instead.
    """

    def __init__(self, engine: PrivacyEngine, settings: PrivacySettings) -> None:
        """Detect with *engine*; *settings* type the slots and entities."""
        self._engine = engine
        self._fields = FieldTypes(settings)
        self.failures = 0
        self._lock = Lock()

    def mask(self, event: Event, tokens: TokenMap) -> Event:
        """Give a masked copy of *event*; never raw, never an exception.

        What cannot be masked comes back withheld and is counted in :attr:`failures`.
        """
        values = ValueMasker(self._engine, self._fields, tokens)
        if _needs_nothing(event, values):
            return event
        return self._mask_all([event], [True], values, tokens)[0]

    def mask_all(self, events: Sequence[Event], tokens: TokenMap) -> list[Event]:
        """Give masked copies of *events*: as many, in the same order.

        An event that holds nothing personal comes back itself. All events teach before
        any is masked for good: a slot that a form sets after the message tells what the
        message held.
        """
        values = ValueMasker(self._engine, self._fields, tokens)
        needy = [not _needs_nothing(event, values) for event in events]
        if not any(needy):
            return list(events)
        return self._mask_all(events, needy, values, tokens)

    def _mask_all(
        self,
        events: Sequence[Event],
        needy: Sequence[bool],
        values: ValueMasker,
        tokens: TokenMap,
    ) -> list[Event]:
        """Mask the *needy* events; any others only if they hold what is learnt now."""
        masking = _Masking(values, self._fields)
        for event in events:
            masking.learn(event)
        for _ in range(_MOST_PASSES):
            known = len(tokens)
            forms = []
            failed = 0
            masking.start()
            for event, needs in zip(events, needy, strict=True):
                try:
                    if needs or not is_harmless(event, values):
                        forms.append(masking.event(event))
                    else:
                        masking.start()  # all offsets stay where they are
                        forms.append(event)
                except Exception:  # noqa: BLE001 - fail closed, event by event
                    forms.append(self.withhold(event))
                    failed += 1
            if len(tokens) == known:
                break
        if failed:
            with self._lock:
                self.failures += failed
        return forms

    def withhold(self, event: Event) -> Event:
        """Give the structure of *event* without a word of it; never an exception."""
        try:
            return withheld_event(event)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, nothing raw leaves
            return bare_event(event)

    def mask_text(self, text: str) -> str:
        """Give one text masked, outside of any conversation.

        Raises:
            Exception: Detection failed; the caller must not use the text then.
        """
        is_chat = "/" not in text or not text.lstrip().startswith("/")
        if is_chat and not self._engine.find(without_barriers(text)):
            return text
        return ValueMasker(self._engine, self._fields, TokenMap()).align(text).text


def _needs_nothing(event: Event, values: ValueMasker) -> bool:
    try:
        return is_harmless(event, values)
    except Exception:  # noqa: BLE001 - masking it will fail too, and be counted
        return False


class _Masking:
    """One pass over events that belong together.

    ``_heard`` is the alignment of the latest user message, since an ``entities`` event
    counts its offsets in the text of the message before it.
    """

    __slots__ = ("_fields", "_heard", "_values")

    def __init__(self, values: ValueMasker, fields: FieldTypes) -> None:
        self._values = values
        self._fields = fields
        self._heard: Alignment | None = None

    def start(self) -> None:
        """Forget what was heard last: the events come again from the first."""
        self._heard = None

    def learn(self, event: Event) -> None:
        """Remember the values of slots and entities whose names say what they are."""
        try:
            if event.get("event") == "slot":
                kind = self._fields.of_slot(str(event.get("name")))
                if kind is not None:
                    self._values.typed(kind, event.get("value"))
                return
            parsed = event.get("parse_data")
            heard = parsed.get("entities") if parsed else None
            for entities in (heard, event.get("entities")):
                if entities:
                    self._learn_entities(entities)
        except Exception:  # noqa: BLE001 - masking it will fail too, and be counted
            return

    def _learn_entities(self, entities: Any) -> None:
        for entity in entities if isinstance(entities, list) else ():
            if isinstance(entity, dict):
                kind = self._fields.of_entity(str(entity.get("entity")))
                if kind is not None:
                    self._values.typed(kind, entity.get("value"))

    def event(self, event: Event) -> Event:
        """Mask one event."""
        kind = event.get("event")
        if kind == "user":
            return self._user(event)
        structure = STRUCTURE.get(kind, frozenset()) if isinstance(kind, str) else ()
        form: Event = {}
        for key, value in event.items():
            if key in COMMON or key in structure:
                form[key] = value
            elif key == "entities":
                form[key] = self._entities(value, self._heard)
            elif key == "name" and is_generated_name(value):
                form[key] = value
            elif key == "value" and kind == "slot":
                form[key] = self._slot(str(event.get("name")), value)
            else:
                form[key] = self._values.anything(
                    value, by_bot=kind in ("bot", "agent")
                )
        return form

    def _user(self, event: Event) -> Event:
        data = event.get("parse_data")
        entities = data.get("entities") if isinstance(data, dict) else None
        self._heard = None  # should this message fail, offsets in it mean nothing
        self._heard = heard = self._message(event.get("text"), entities)
        if heard and is_harmless_but_words(event):
            return self._words(event, heard)
        form: Event = {}
        for key, value in event.items():
            if key in COMMON or value is None:
                form[key] = value
            elif key == "text":
                form[key] = heard.text if heard else self._values.anything(value)
            elif key == "parse_data" and isinstance(value, dict):
                form[key] = self._parse_data(value, event.get("text"), heard)
            elif key == "entities":
                form[key] = self._entities(value, heard)
            elif key == "input_channel" and is_name(value):
                form[key] = value
            else:
                form[key] = self._beside(key, value)
        return form

    def _words(self, event: Event, heard: Alignment) -> Event:
        """Mask what the words of a message changed; the rest is nothing personal."""
        data = {**event["parse_data"], "text": heard.text}
        if "entities" in data:
            data["entities"] = self._entities(data["entities"], heard)
        if "text_tokens" in data:
            data["text_tokens"] = _moved_tokens(data["text_tokens"], heard)
        return {**event, "text": heard.text, "parse_data": data}

    def _parse_data(self, data: Event, text: Any, heard: Alignment | None) -> Event:
        own = data.get("text")
        if own is not None and own != text:
            heard = self._message(own, data.get("entities"))
        said = text if own is None else own
        is_command = isinstance(said, str) and said.lstrip().startswith("/")
        form: Event = {}
        for key, value in data.items():
            if key in _NLU_KEYS:
                # Only a typed command can bring an intent name of its own.
                named = is_command and key != "qa"
                form[key] = self._intents(value) if named else value
            elif key == "text":
                form[key] = heard.text if heard else self._values.anything(value)
            elif key == "entities":
                form[key] = self._entities(value, heard)
            elif key == "response_selector" and isinstance(value, dict):
                plain = are_plain_responses(value, self._values)
                form[key] = value if plain else self._responses(value)
            elif key == "text_tokens":
                form[key] = _moved_tokens(value, heard)
            else:
                form[key] = self._beside(key, value)
        return form

    def _beside(self, key: str, value: Any) -> Any:
        """Mask what channels send beside the words of a message."""
        if key == "message_id":
            return hashed_message_id(value)
        if key == "metadata":
            plain = is_plain_metadata(value)
            return value if plain else self._values.metadata(value)
        return self._values.anything(value)

    def _responses(self, selectors: Event) -> Event:
        """Mask the chosen responses; rankings hold only names and confidences."""
        return {
            name: {
                key: value
                if key == "ranking"
                else self._values.anything(value, by_bot=True)
                for key, value in selector.items()
            }
            if isinstance(selector, dict)
            else selector
            for name, selector in selectors.items()
        }

    def _intents(self, value: Any) -> Any:
        """Share intents as they are, unless someone typed the name: ``/call 099…``."""
        if isinstance(value, list):
            masked = [self._intents(item) for item in value]
            return value if masked == value else masked
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            name = self._values.string(value["name"])
            return value if name == value["name"] else {**value, "name": name}
        return value

    def _message(self, text: Any, entities: Any) -> Alignment | None:
        """Mask what a person sent, with the entities found in it as further hints."""
        if not isinstance(text, str):
            return None
        if read_payload(text) is not None:
            return self._values.align(text)
        hints = []
        for entity in entities if isinstance(entities, list) else ():
            if not isinstance(entity, dict):
                continue
            kind = self._fields.of_entity(str(entity.get("entity")))
            start, end = entity.get("start"), entity.get("end")
            if (
                kind is not None
                and isinstance(start, int)
                and isinstance(end, int)
                and 0 <= start < end <= len(text)
                and not isinstance(entity.get("value"), (bool, type(None)))
                and not ("[" in text and TOKEN.search(text, start, end))  # masked
            ):
                hints.append(Span(start, end, kind, VALIDATED, "entity"))
        return self._values.align(text, hints)

    def _entities(self, value: Any, heard: Alignment | None) -> Any:
        if isinstance(value, list):
            return [
                self._entity(item, heard)
                if isinstance(item, dict) and "entity" in item
                else self._values.anything(item)
                for item in value
            ]
        if isinstance(value, dict):  # reminders may map names to values
            return self._values.named_values(value)
        return self._values.anything(value)

    def _entity(self, entity: Event, heard: Alignment | None) -> Event:
        name = str(entity.get("entity"))
        kind = self._fields.of_entity(name)
        start, end = entity.get("start"), entity.get("end")
        now_reads = None
        if heard is not None and isinstance(start, int) and isinstance(end, int):
            touched = heard.touches(start, end)
            start, end = heard.span(start, end)
            now_reads = heard.text[start:end] if touched else None
        form: Event = {}
        for key, value in entity.items():
            if key == "start":
                form[key] = start
            elif key == "end":
                form[key] = end
            elif key == "value":
                form[key] = self._entity_value(name, kind, value, now_reads)
            elif key == "entity":
                # A typed payload can name an entity as it likes.
                form[key] = self._values.name(value)
            elif key in _ENTITY_NAMES or is_measure(value):
                form[key] = value
            elif now_reads is not None or kind is not None:
                form[key] = scrubbed(value)
            else:
                form[key] = self._values.anything(value)
        return form

    def _entity_value(
        self, name: str, kind: str | None, value: Any, now_reads: str | None
    ) -> Any:
        if name == "qa_turn" and is_reference(value):
            return value
        in_payload = now_reads is not None and now_reads.startswith("{")
        if (
            now_reads is None
            or in_payload
            or isinstance(value, (bool, type(None), dict, list))
        ):
            return self._of_kind(kind, value)
        return now_reads

    def _slot(self, name: str, value: Any) -> Any:
        if name == "requested_slot":
            return value
        if name == "qa_escalation" and isinstance(value, dict):
            return without_words(value)
        if name in ("qa_feedback", "qa_meant") and isinstance(value, dict):
            return {
                key: item
                if key == "turn" and is_reference(item)
                else self._values.anything(item)
                for key, item in value.items()
            }
        if name == "session_started_metadata":
            return self._values.metadata(value)
        return self._of_kind(self._fields.of_slot(name), value)

    def _of_kind(self, kind: str | None, value: Any) -> Any:
        if kind is None:
            return self._values.anything(value)
        return self._values.typed(kind, value)


def _moved_tokens(value: Any, heard: Alignment | None) -> Any:
    """Move the offsets of words; words that are now one token become one."""
    if heard is None or not heard.changed or not isinstance(value, (list, tuple)):
        return value
    return [[start, end] for start, end in dict.fromkeys(heard.spans(value))]
