"""What this package brings into a bot: read from `bot_files`, its only source."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import msgspec

import rasa_qa_plugin
from rasa_qa_plugin.bot import CHANNEL, COMPONENT, STORE_TYPE
from rasa_qa_plugin.settings import parser
from rasa_qa_plugin.splicing import entry_name, sections

TRACKER_STORE = f"""\
tracker_store:
  type: {STORE_TYPE}
  dialect: sqlite
  db: conversations.db
  settings: qa.yml
"""
# The action that never runs; naming texts beside it tells Rasa that they are in use.
TEXTS_ACTION = "action_qa_texts"
# Where a public class is named: file and lines. A class of the package `policy`
# needs no row: it goes below `policies:`, and `init`, `check` and `help` offer it.
_PLACES = {
    STORE_TYPE: ("endpoints.yml", TRACKER_STORE),
    COMPONENT: (
        "config.yml",
        f"pipeline:\n  # ... your components; this one last\n  - name: {COMPONENT}\n",
    ),
    CHANNEL: ("credentials.yml", f"{CHANNEL}:\n  token: ${{RASA_QA_TOKEN}}\n"),
}


class Place(msgspec.Struct, frozen=True):
    """Where a bot names a class of ours, and how.

    Attributes:
        path: Dotted path, as the bot's file has it.
        module: The module that holds the class.
    """

    path: str
    module: str
    file: str
    yaml: str


def public_classes() -> list[Place]:
    """Give the classes that a bot's files may name."""
    found = []
    for name, module in rasa_qa_plugin._PUBLIC.items():  # noqa: SLF001 - ours
        path = f"rasa_qa_plugin.{name}"
        file, lines = _PLACES.get(
            path, ("config.yml", f"policies:\n  - name: {path}\n")
        )
        found.append(Place(path, module, file, lines))
    return found


def optional_policies() -> list[str]:
    """Give the dotted paths of policies that a bot may add to config.yml."""
    return [
        place.path
        for place in public_classes()
        if place.module.startswith("rasa_qa_plugin.policy.")
    ]


@cache
def bot_file(name: str) -> str:
    """Give the text of a file that `rasa-qa init` writes."""
    return (resources.files("rasa_qa_plugin") / "bot_files" / name).read_text("utf-8")


@cache
def entries(file: str, section: str) -> Mapping[str, str]:
    """Give the entries of a section of ours by name, as they are written."""
    found = sections(bot_file(file)).get(section, [])
    return {entry_name(entry): entry for entry in found}


@cache
def content(file: str) -> Any:
    """Give a file of ours, parsed."""
    return parser().load(bot_file(file))


def domain_sections() -> list[str]:
    """Give the sections of our domain, in order."""
    return list(sections(bot_file("domain.yml")))


def intents() -> list[str]:
    """Give the names of our intents."""
    return list(entries("domain.yml", "intents"))


def response_groups() -> dict[str, list[str]]:
    """Give our responses without the language at their end, and those languages."""
    found: dict[str, list[str]] = {}
    for name in entries("domain.yml", "responses"):
        named = re.fullmatch(r"(?P<group>.+)_(?P<language>[a-z]{2})", name)
        group, language = named.groups() if named else (name, "")
        found.setdefault(group, []).append(language)
    return found


def composed(file: str, wanted: Mapping[str, Sequence[str]]) -> str:
    """Give one of our files with those entries alone; as it is, if that is all."""
    whole = bot_file(file)
    if all(list(wanted.get(key, ())) == own for key, own in sections(whole).items()):
        return whole
    first = re.search(r"(?m)^(?!version)\w+:", whole)
    head = whole[: first.start()] if first else ""
    return head + "\n".join(
        f"{key}:\n{''.join(own)}" for key, own in wanted.items() if own
    )
