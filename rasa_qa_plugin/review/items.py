"""What people annotate: a turn's text with the intent and entities it should have."""

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

Verdict = Literal["correct", "skip", "reject"]

TURN_ID = re.compile(r"t_[0-9a-f]{20}")
"""A turn's id, as `Vault.turn_id` makes it."""

# What cannot stand in an intent's name, since Rasa could not read it back.
_NO_INTENT = re.compile(r"[\x00-\x1f\x7f-\x9f{}\[\]@\"'`\\<>|]|^[/ ]|[/ ]$")
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


class Entity(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A marked piece of a text.

    Attributes:
        value: What the bot should understand; None when it is the covered text itself.
    """

    start: int
    end: int
    entity: str
    value: str | None = None
    role: str | None = None
    group: str | None = None

    def stored(self) -> dict[str, Any]:
        """Give what an annotation keeps of it: only what is said."""
        values = msgspec.structs.asdict(self)
        return {name: value for name, value in values.items() if value is not None}


class Item(msgspec.Struct, frozen=True, gc=False):
    """One turn on its way to a person and back.

    Attributes:
        turn_id: The key; texts may be edited, this may not.
        intent: What the model said on the way out, what is right on the way back.
        comment: Why a person should look; shown to them and not read back.
        confidence: How sure the model was, if known.
        flags: Names of the flags the turn carries.
        surrogates: Tokens, each with the invented value that stands for it in the text.
        verdict: What a person decided; only ``correct`` says how the turn should have
            been understood, the text and marks of the others mean nothing.
        annotator: Who decided, as the tool names them; None where it does not say.
        seconds: How long the decision took; None where the tool does not say.
        line: Where it stands in the file, in a form to show; None on the way out.
    """

    turn_id: str
    text: str
    intent: str
    entities: tuple[Entity, ...] = ()
    comment: str = ""
    confidence: float | None = None
    flags: tuple[str, ...] = ()
    surrogates: tuple[tuple[str, str], ...] = ()
    verdict: Verdict = "correct"
    annotator: str | None = None
    seconds: float | None = None
    line: int | None = None


class Example(msgspec.Struct, frozen=True):
    """A row of training data, as Rasa's own parser reads it."""

    text: str
    intent: str
    entities: tuple[Entity, ...] = ()


def clean(text: str) -> str:
    """Give *text* on one line, without what YAML forbids; clean text stays as it is."""
    return _clean(text)[0]


def tidy(item: Item) -> Item:
    """Give *item* in the form all formats write: clean text, entities in order.

    Offsets follow the text, without blanks at the ends of an entity. One that covered
    nothing but blanks or removed characters goes; one that points outside the text is
    kept as it is, for others to refuse.
    """
    text, moved = _clean(item.text)
    entities = []
    for entity in item.entities:
        start, end = entity.start, entity.end
        if 0 <= start < end <= len(item.text):
            start, end = moved[start], moved[end]
            # A marked blank is a slip of the mouse.
            start += text[start:end].startswith(" ")
            end -= text[start:end].endswith(" ")
            if start >= end:
                continue
            value = entity.value or None
            if value == text[start:end]:
                value = None
            entity = msgspec.structs.replace(  # noqa: PLW2901
                entity, start=start, end=end, value=value
            )
        entities.append(entity)
    entities.sort(key=lambda entity: (entity.start, entity.end))
    return msgspec.structs.replace(item, text=text, entities=tuple(entities))


def intent_objection(name: str) -> str | None:
    """Say why *name* cannot name an intent, and what to do; None if it can."""
    if not name.strip():
        return "intent is empty; name it, or delete the example"
    if _NO_INTENT.search(name):
        return (
            "intent name has characters Rasa cannot use; "
            "use letters, digits, `_`, `-` and `/`"
        )
    return None


def same_text_key(text: str) -> str:
    """Give a key that is equal for texts a model cannot learn to tell apart.

    Case, width and punctuation do not count; accents and emoji do. A text that is all
    punctuation keeps it.
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    folded = plain.casefold()
    bare = folded.translate(_BLANK_FOR_PUNCTUATION)
    return " ".join(bare.split()) or " ".join(folded.split())


def quoted(value: object) -> str:
    """Give *value* as JSON that is YAML too: readable letters, no forbidden ones."""
    plain = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", plain)


class _Punctuation(dict[int, int]):
    """Maps code points for `str.translate`; each is looked up once."""

    def __missing__(self, code: int) -> int:
        is_punctuation = unicodedata.category(chr(code)).startswith("P")
        self[code] = ord(" ") if is_punctuation else code
        return self[code]


_BLANK_FOR_PUNCTUATION = _Punctuation()


def _clean(text: str) -> tuple[str, Sequence[int]]:
    """Give the clean text and, for every old offset, the new one."""
    # Of the printable characters only the space separates words.
    if text.isprintable() and "  " not in text and text == text.strip():
        return text, range(len(text) + 1)
    out: list[str] = []
    moved = []
    for char in text:
        moved.append(len(out))
        if not _is_blank(char):
            out.append(char)
        elif out and out[-1] != " ":
            out.append(" ")
    moved.append(len(out))
    if out and out[-1] == " ":
        out.pop()
    return "".join(out), [min(offset, len(out)) for offset in moved]


def _is_blank(char: str) -> bool:
    """Tell whether *char* separates words or may not stand in a YAML file."""
    return (
        char.isspace()
        or unicodedata.category(char) in ("Cc", "Cs")
        or char in "\ufeff\ufffe\uffff"
    )
