"""`tracker_store` in endpoints.yml: added, turned into ours, or put out of the way."""

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from rasa_qa_plugin.bot import STORE_TYPE, Bot
from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.parts import TRACKER_STORE
from rasa_qa_plugin.settings import Connection, read_yaml
from rasa_qa_plugin.splicing import (
    append_block,
    append_entries,
    block_span,
    newline_of,
)

_ACTION_SERVER = "  url: http://localhost:5055/webhook\n"
_SQL = {"sql", "rasa.core.tracker_store.sqltrackerstore"}
_DIALECTS = {"sqlite", "postgresql", "postgres"}


def plan_endpoints(
    bot: Bot, text: str, notes: list[str], *, replace_store: bool = False
) -> str:
    """Give endpoints.yml with our store and an action server; *notes* gains remarks.

    Args:
        bot: The bot.
        text: The file as it is; empty where there is none.
        notes: What to tell the developer.
        replace_store: Whether a store that cannot be converted is commented out.

    Raises:
        ConfigError: The store there cannot be converted, or its keys not be edited.
    """
    endpoints = (read_yaml(bot.endpoints) if text.strip() else None) or {}
    if not isinstance(endpoints, Mapping):
        raise ConfigError(
            "endpoints.yml", "expected keys such as `tracker_store:`; see Rasa's docs"
        )
    if not endpoints.get("action_endpoint"):
        text = append_entries(text, "action_endpoint", [_ACTION_SERVER])
        notes.append("the plugin's actions need an action server: `rasa run actions`")
    store = endpoints.get("tracker_store")
    if not store:
        _, *lines = TRACKER_STORE.splitlines(keepends=True)
        return append_entries(text, "tracker_store", lines)
    if not isinstance(store, Mapping):
        raise ConfigError(
            "endpoints.yml: tracker_store",
            "expected keys such as `type:`; see Rasa's docs",
        )
    if store.get("type") == STORE_TYPE:
        return text
    problem = _obstacle(store)
    if problem is None:
        Connection.from_mapping(store)  # a key we do not know would stop the bot
        notes.append(
            "endpoints.yml: the SQL store becomes the plugin's, on the same database; "
            "rows that are there stay as they are, `rasa-qa scrub` masks them"
        )
        if str(store.get("dialect", "sqlite")) != "sqlite":
            notes.append(
                "PostgreSQL: set RASA_QA_SECRET to a long random value before the bot "
                "starts, the same one for every server"
            )
        return _with_our_type(text, str(store["type"]))
    if not replace_store:
        raise ConfigError(
            "endpoints.yml: tracker_store",
            f"{problem}, so its conversations cannot be taken over; "
            "`rasa-qa init --replace-store` comments the section out and begins a "
            "SQLite database beside it: people are met as new, and what the former "
            "store holds stays there, unmasked, until you delete it",
        )
    notes.append(
        "endpoints.yml: the former tracker store is commented out; its conversations "
        "stay where they are, unmasked, and the bot starts anew"
    )
    return append_block(_commented_out(text), TRACKER_STORE)


def _obstacle(store: Mapping[str, Any]) -> str | None:
    """Say why a store cannot become ours on the same database; None if it can."""
    kind = str(store.get("type") or "")
    if not kind:
        return "has no `type:`, which is Rasa's store in memory"
    if kind.lower() not in _SQL:
        known = {"redis": "Redis", "mongod": "MongoDB", "dynamo": "DynamoDB"}
        name = known.get(kind.lower(), "a store of your own")
        return f"is {name}, and not Rasa's SQL store"
    url = str(store.get("url") or "")
    dialect = url.partition("://")[0] if "://" in url else store.get("dialect")
    backend = str(dialect or "sqlite").partition("+")[0]
    if backend not in _DIALECTS and not backend.startswith("${"):
        return "is an SQL database that is neither SQLite nor PostgreSQL"
    return None


def _with_our_type(text: str, kind: str) -> str:
    """Rewrite the type of `tracker_store` where it stands, and name the settings."""
    section = YAML().load(text)["tracker_store"]
    row, column = section.lc.value("type")
    indent = " " * section.lc.key("type")[1]
    lines = text.splitlines(keepends=True)
    line, newline = lines[row], newline_of(text)
    rest = re.sub(rf"^[\"']?{re.escape(kind)}[\"']?", "", line[column:])
    named = "settings" in section
    in_one_line = section.fa.flow_style()
    if in_one_line and not named:
        rest = f", settings: qa.yml{rest}"
    lines[row] = line[:column] + STORE_TYPE + (rest if rest.strip() else newline)
    if not in_one_line and not named:
        lines.insert(row + 1, f"{indent}settings: qa.yml{newline}")
    return "".join(lines)


def _commented_out(text: str) -> str:
    lines = text.splitlines(keepends=True)
    span = block_span(lines, "tracker_store")
    if span is None:
        raise ConfigError(
            "endpoints.yml: tracker_store", "cannot be found; write it without quotes"
        )
    first, last, _ = span
    for at in range(first, last + 1):
        lines[at] = f"# {lines[at]}"
    return "".join(lines)
