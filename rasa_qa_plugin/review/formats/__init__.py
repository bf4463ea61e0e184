"""Annotation formats: one module per tool, all behind :class:`Format`."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from rasa_qa_plugin.review.items import Item


class Problem(msgspec.Struct, frozen=True):
    """A record of a file that people gave back and that cannot be used.

    Attributes:
        line: Where it stands, counted from 1; in a list without lines, its number.
        message: What is wrong and what to do, without any text of a user.
        raw: The record as it stands in the file.
    """

    line: int | None
    message: str
    raw: str | bytes


class Loaded(msgspec.Struct, frozen=True):
    """What people made of a file, in its order.

    Attributes:
        items: What can be used, each with its ``line``. One turn may come several
            times, each time from another annotator.
        problems: What cannot be used; the rest can all the same.
    """

    items: list[Item]
    problems: list[Problem]


class Names(msgspec.Struct):
    """Names that people may choose from in a tool, in an order to show.

    Attributes:
        notes: What people should know first; only formats with comments show it.
    """

    intents: dict[str, None] = {}
    entities: dict[str, None] = {}
    roles: dict[str, None] = {}
    groups: dict[str, None] = {}
    notes: tuple[str, ...] = ()

    def add(self, item: Item) -> None:
        """Let people choose what an item has already."""
        self.intents.setdefault(item.intent)
        for entity in item.entities:
            self.entities.setdefault(entity.entity)
            if entity.role is not None:
                self.roles.setdefault(entity.role)
            if entity.group is not None:
                self.groups.setdefault(entity.group)


class Format(NamedTuple):
    """How one tool's files are written, read and changed.

    Attributes:
        name: As ``--format`` takes it, and as a batch remembers it.
        title: As people call the tool.
        suffixes: File name endings that choose this format on export.
        recognises: Tells by the content whether a file is of this format.
        dump: Gives the file in pieces, and reads the items as it goes. Loading them
            gives the items in ``tidy`` form, without comments, and with their lines.
        load: Gives what people made of a file (content, name): good items, and problems
            by line. Raises AnnotationError when the file as a whole is unreadable.
        only: Gives the file with the records of these ``line`` numbers alone, the rest
            as it stood: what goes into a ``.rejected`` file, to be mended and imported.
            Nothing where they cannot be told from other people's words.
        without_turns: Gives the file without these turns, the rest as it stood.
        beside: Gives what else the tool needs, by what is put behind the file's stem;
            the names are complete once *dump* is exhausted.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    dump: Callable[[Iterable[Item], Names], Iterator[bytes]]
    load: Callable[[bytes, str], Loaded]
    only: Callable[[bytes, Collection[int], str], bytes]
    without_turns: Callable[[bytes, Collection[str], str], bytes]
    beside: Callable[[Names], Mapping[str, bytes]] = lambda _: {}
