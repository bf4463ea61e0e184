"""`rasa-qa init`: adding the plugin to a bot by splicing lines into its files.

Nothing is dumped again: comments, order and layout of the user's files stay, and what
is already there, wherever it is, is not added twice.
"""

import importlib.util
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from rasa_qa_plugin import parts
from rasa_qa_plugin.bot import COMPONENT, Bot
from rasa_qa_plugin.changes import FileChange, read
from rasa_qa_plugin.endpoints import plan_endpoints
from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.examples import missing_examples
from rasa_qa_plugin.settings import parser, read_yaml
from rasa_qa_plugin.splicing import add_missing, newline_of
from rasa_qa_plugin.wiring import MissingPartError, fallback

ACTIONS_IMPORT = "import rasa_qa_plugin.actions  # noqa: F401\n"

_SETTINGS = """\
# Settings of rasa_qa_plugin; every default is the private one.
# privacy:
#   live_ttl_hours: 24        # encrypted originals, so that a restart changes nothing
#   slots: {customer: NAME}   # always masked, whatever the value looks like
#   allow: []                 # business terms that are never masked
# consent:
#   without_consent: structure   # or anonymized, nothing
# review:
#   low_confidence: 0.7
#   ambiguity_margin: 0.15
# training:
#   test_set: tests/nlu_test.yml
#   max_f1_drop: 0.02
"""
_NEVER_COMMIT = ("conversations.db*", "*.spool*", ".rasa_qa/")
# By itself the policy would answer what no other policy knows with a fallback.
_RULE_POLICY = """\
  - name: RulePolicy
    enable_fallback_prediction: false
"""
_MULTI_SKILL = "MultiProjectImporter"


class Installation(msgspec.Struct, frozen=True):
    """What `rasa-qa init` would write, and what it wants to say."""

    changes: list[FileChange]
    notes: list[str]


def plan_installation(bot: Bot, *, replace_store: bool = False) -> Installation:
    """Work out what a bot still lacks; writes nothing.

    Args:
        bot: The bot.
        replace_store: Whether a tracker store that cannot be converted is commented
            out, and a new database begun.

    Raises:
        ConfigError: A file of the bot is not what Rasa would accept, or is laid out so
            that nothing can be added, or names a store that cannot be converted.
    """
    notes: list[str] = []
    endpoints = _text(bot.endpoints) or ""
    texts = {
        bot.config: _config(bot, notes),
        bot.endpoints: plan_endpoints(
            bot, endpoints, notes, replace_store=replace_store
        ),
        bot.folder / "qa.yml": _text(bot.folder / "qa.yml") or _SETTINGS,
        bot.folder / ".gitignore": _gitignore(bot),
        **_domain(bot),
        **_data(bot, notes),
        **_actions(bot),
    }
    notes += _remarks(bot)
    changes = [
        FileChange(path, read(path), text.encode()) for path, text in texts.items()
    ]
    return Installation([change for change in changes if change.changes], notes)


def _text(path: Path) -> str | None:
    content = read(path)
    try:
        return None if content is None else content.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(path.name, "not UTF-8; save it as UTF-8 text") from None


def _config(bot: Bot, notes: list[str]) -> str:
    text = _text(bot.config) or ""
    if "graph.v1" in str(bot.config_value("recipe")):
        raise ConfigError(
            "config.yml: recipe",
            "is a graph of your own, which no command can add to; copy the nodes that "
            "the recipe default.v1 makes for the component at the end of the pipeline",
        )
    missing: dict[str, list[str]] = {}
    names = bot.components("pipeline")
    if COMPONENT not in names:
        if not names:
            missing["pipeline"] = _default_pipeline()
            notes.append(
                "config.yml had no pipeline: Rasa's default one is written out, so "
                "that the plugin can stand at its end"
            )
        missing.setdefault("pipeline", []).append(f"  - name: {COMPONENT}\n")
    policies = bot.components("policies")
    if policies and not any(name.endswith("RulePolicy") for name in policies):
        missing["policies"] = [_RULE_POLICY]
        notes.append(
            "config.yml: RulePolicy added, the plugin's rules need it; it predicts no "
            "fallback, since this bot had none, but /restart and /back now work"
        )
    return add_missing(text, missing, file="config.yml")


def _default_pipeline() -> list[str]:
    """Give the entries of Rasa's own default pipeline, read from its package."""
    spec = importlib.util.find_spec("rasa")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            "config.yml: pipeline",
            "missing, and Rasa is not installed to look its default up; "
            "pip install rasa==3.6.21",
        )
    recipe = Path(spec.submodule_search_locations[0]).joinpath(
        "engine", "recipes", "config_files", "default_config.yml"
    )
    entries = []
    for component in read_yaml(recipe)["pipeline"]:
        lines = [f"    {key}: {_scalar(value)}\n" for key, value in component.items()]
        entries.append("  - " + "".join(lines).lstrip())
    return entries


def _scalar(value: Any) -> str:
    return (
        msgspec.json.encode(value).decode() if isinstance(value, bool) else str(value)
    )


def _domain(bot: Bot) -> dict[Path, str]:
    several = bot.domain.is_dir()
    if not several and not bot.domain.is_file():
        if not _is_multi_skill(bot):
            raise ConfigError("domain.yml", "not found; a bot needs a domain")
        return {bot.domain: parts.bot_file("domain.yml")}
    missing: dict[str, list[str]] = {}
    index = bot.domain_index()
    for section in parts.domain_sections():
        present = index[section]
        missing[section] = [
            entry
            for name, entry in parts.entries("domain.yml", section).items()
            if name not in present
        ]
    path = bot.domain / "qa.yml" if several else bot.domain
    return _with_missing(path, missing, source="domain.yml")


def _with_missing(
    path: Path, missing: dict[str, list[str]], *, source: str
) -> dict[Path, str]:
    """Add entries to a file, or begin it with them; nothing where none is missing."""
    if not any(missing.values()):
        return {}
    text = _text(path)
    if text is None:
        return {path: parts.composed(source, missing)}
    return {path: add_missing(text, missing, file=path.name)}


def _data(bot: Bot, notes: list[str]) -> dict[Path, str]:
    if (bot.folder / "data.yml").is_file() and not bot.data.is_dir():
        notes.append(
            "your training data is data.yml, the plugin's comes into data/: name both, "
            "`rasa train --data data.yml data`"
        )
    return {**_nlu(bot, notes), **_rules(bot)}


def _nlu(bot: Bot, notes: list[str]) -> dict[Path, str]:
    missing, lost = missing_examples(bot)
    if lost:
        notes.append(
            f"{lost} of the plugin's training examples are left out: they would clash "
            "with those of this bot"
        )
    path = bot.data / "qa_nlu.yml"
    return _with_missing(path, {"nlu": missing}, source="nlu.yml")


def _rules(bot: Bot) -> dict[Path, str]:
    """Add rules that neither a name nor the same steps show to be there already."""
    names: set[str] = set()
    shapes: list[Any] = []
    texts_rule: tuple[Path, Mapping[str, Any]] | None = None
    for file, item in bot.data_contents("rules"):
        names.add(str(item.get("rule")))
        shapes.append(_shape(item))
        if {"action": parts.TEXTS_ACTION} in (item.get("steps") or ()):
            texts_rule = file, item
    missing = []
    for name, entry in parts.entries("rules.yml", "rules").items():
        (own,) = parser().load(entry)
        is_texts = {"action": parts.TEXTS_ACTION} in own["steps"]
        there = texts_rule is not None if is_texts else name in names
        if not there and _shape(own) not in shapes:
            missing.append(entry)
    path = bot.data / "qa_rules.yml"
    changed = _with_missing(path, {"rules": missing}, source="rules.yml")
    if texts_rule is not None:
        file, item = texts_rule
        changed.update(_with_texts(changed.get(file) or _text(file) or "", file, item))
    return changed


def _shape(rule: Mapping[str, Any]) -> Any:
    return rule.get("condition"), rule.get("steps")


def _with_texts(text: str, file: Path, rule: Mapping[str, Any]) -> dict[Path, str]:
    """Name responses that came with a newer release beside the action of all texts."""
    named = {str(step.get("action")) for step in rule["steps"]}
    responses = parts.entries("domain.yml", "responses")
    missing = [name for name in responses if name not in named]
    match = re.search(rf"(?m)^([ ]*- action: ){parts.TEXTS_ACTION}\b.*\n", text)
    if not missing or match is None:
        return {}
    lines = [f"{match[1]}{name}{newline_of(text)}" for name in missing]
    return {file: text[: match.end()] + "".join(lines) + text[match.end() :]}


def _actions(bot: Bot) -> dict[Path, str]:
    if bot.actions_import() is not None:
        return {}
    path = bot.actions_module()
    text = _text(path) or ""
    newline = newline_of(text)
    if text and not text.endswith("\n"):
        text += newline
    return {path: text + ACTIONS_IMPORT.replace("\n", newline)}


def _gitignore(bot: Bot) -> str:
    """Keep what people said, and the key to it, out of version control."""
    text = _text(bot.folder / ".gitignore") or ""
    present, newline = set(text.splitlines()), newline_of(text)
    missing = [line for line in _NEVER_COMMIT if line not in present]
    if missing and text and not text.endswith("\n"):
        text += newline
    return text + "".join(f"{line}{newline}" for line in missing)


def _is_multi_skill(bot: Bot) -> bool:
    return any(name.endswith(_MULTI_SKILL) for name in bot.components("importers"))


def _remarks(bot: Bot) -> Iterator[str]:
    """Say what is left to the developer."""
    others = [
        name
        for name in bot.components("importers")
        if not name.endswith((_MULTI_SKILL, "RasaFileImporter"))
    ]
    if _is_multi_skill(bot):
        yield (
            "a project of several skills: the plugin goes into the domain and data of "
            "this folder, which Rasa joins with those below `imports:`; intents or "
            "examples of the same name there are not seen"
        )
    if others:
        yield (
            f"config.yml: {', '.join(others)} decides what is read; see that it reads "
            "the domain and data/ of this folder"
        )
    try:
        fallback(bot)
    except MissingPartError as error:
        yield str(error)
    policies = bot.components("policies")
    offered = [name for name in parts.optional_policies() if name not in policies]
    if offered:
        topics = ", ".join(f"`rasa-qa help {n.rpartition('.')[2]}`" for n in offered)
        yield f"optional policies: {topics}"
