"""The names that a bot's domain knows, for people to choose from in a tool."""

from collections.abc import Iterator, Mapping
from typing import Any

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.prediction import FALLBACK_INTENT
from rasa_qa_plugin.review.formats import Names


def domain_names(bot: Bot) -> Names:
    """Give all of them but the plugin's own."""
    names = Names(
        intents=_sorted(bot.domain_names("intents") - {FALLBACK_INTENT}),
        entities=_sorted(bot.domain_names("entities")),
    )
    for entity in _entities(bot):
        names.roles.update(_sorted(map(str, entity.get("roles") or ())))
        names.groups.update(_sorted(map(str, entity.get("groups") or ())))
    return names


def _sorted(found: Any) -> dict[str, None]:
    return dict.fromkeys(sorted(one for one in found if not one.startswith("qa_")))


def _entities(bot: Bot) -> Iterator[Mapping[str, Any]]:
    """Give what the domain says of entities that have roles or groups."""
    for _, content in bot.domain_contents():
        listed = content.get("entities")
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, Mapping):
                yield from (one for one in entry.values() if isinstance(one, Mapping))
