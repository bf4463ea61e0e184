"""Why a settings file was rejected, said so that whoever wrote it finds the place."""

import re
from typing import Any, Literal, get_args, get_origin

import msgspec

from rasa_qa_plugin.errors import ConfigError

_PATH = re.compile(r" - at (?P<key>`key` in )?`\$?\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>[^`]*)`")


def explained(
    message: str, raw: Any, source: str, root: type[msgspec.Struct]
) -> ConfigError:
    """Rewrite msgspec's message as ``file: key: problem; remedy``, without values."""
    place = _PATH.search(message)
    path = place.group("path") if place else ""
    unknown = _UNKNOWN.match(message)
    if unknown:
        section = _section_type(path, root)
        known = ", ".join(section.__struct_fields__)
        key = ".".join(part for part in (path, unknown.group("field")) if part)
        return ConfigError(f"{source}: {key}", f"unknown setting; choose from {known}")
    if not isinstance(raw, dict):
        return ConfigError(
            source, "expected sections such as `privacy:`; see `rasa-qa help`"
        )
    problem = message[: place.start()] if place else message
    if place and problem.startswith("Invalid enum value"):
        # msgspec quotes the rejected value; settings may hold business terms.
        of_key = place["key"] is not None
        choices = ", ".join(_choices(path, root, of_key=of_key))
        problem = f"not one of the choices; choose from {choices}"
        problem = f"a key in it is {problem}" if of_key else problem
        return ConfigError(f"{source}: {path}", problem)
    problem = f"{problem[:1].lower()}{problem[1:]}"
    return ConfigError(f"{source}: {path}", f"{problem}; see `rasa-qa help`")


def _choices(path: str, root: type[msgspec.Struct], *, of_key: bool) -> list[str]:
    """Give what may stand at a msgspec path such as ``privacy.slots[...]``."""
    section, _, field = path.partition("[")[0].rpartition(".")
    fields = {
        f.name: f.type for f in msgspec.structs.fields(_section_type(section, root))
    }
    choices = fields[field]
    while (origin := get_origin(choices)) is not Literal:
        choices = get_args(choices)[1 if origin is dict and not of_key else 0]
    return list(map(str, get_args(choices)))


def _section_type(path: str, root: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Find the struct that a msgspec path such as ``privacy`` points at."""
    section = root
    for name in filter(None, path.replace("[...]", "[]").split(".")):
        fields = {f.name: f.type for f in msgspec.structs.fields(section)}
        key, inside, _ = name.partition("[")
        section = get_args(fields[key])[1] if inside else fields[key]
    return section
