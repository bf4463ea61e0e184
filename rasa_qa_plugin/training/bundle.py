"""A whole bot as one YAML document, the form in which a server trains it."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.settings import read_yaml

_LISTS = ("nlu", "stories", "rules")
_VERSION = "3.1"


def bundle(bot: Bot, config: Path) -> str:
    """Give *config*, domain and training data in one.

    Raises:
        ConfigError: A file is not YAML.
    """
    whole: dict[str, Any] = dict(read_yaml(config))
    for _, content in bot.domain_contents():
        _add(whole, content)
    for section in _LISTS:
        items = [item for _, item in bot.data_contents(section)]
        if items:
            whole[section] = items
    for content in _responses(bot):
        _add(whole, content)
    whole["version"] = _VERSION
    target = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.dump(whole, target)
    return target.getvalue()


def _responses(bot: Bot) -> list[dict[str, Any]]:
    """Give the responses that stand beside training data."""
    found = []
    for file in sorted(bot.data.rglob("*")):
        if file.suffix in {".yml", ".yaml"} and file.is_file():
            content = read_yaml(file)
            if isinstance(content, Mapping) and content.get("responses"):
                found.append({"responses": content["responses"]})
    return found


def _add(whole: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Join domain files as Rasa does: lists grow, maps too."""
    for key, value in more.items():
        known = whole.get(key)
        if isinstance(known, list) and isinstance(value, list):
            whole[key] = [*known, *value]
        elif isinstance(known, Mapping) and isinstance(value, Mapping):
            whole[key] = {**known, **value}
        else:
            whole[key] = value
