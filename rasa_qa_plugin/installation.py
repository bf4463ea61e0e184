"""`rasa-qa init`: adding the plugin to a bot by splicing lines into its files.

Nothing is dumped again: comments, order and layout of the user's files stay, and what
is already there is not added twice.
"""

import importlib.util
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML

from rasa_qa_plugin.bot import COMPONENT, STORE_TYPE, Bot
from rasa_qa_plugin.changes import FileChange, read
from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.settings import parser, read_yaml

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
_TRACKER_STORE = f"""\
tracker_store:
  type: {STORE_TYPE}
  dialect: sqlite
  db: conversations.db
  settings: qa.yml
"""
_ACTION_ENDPOINT = """\
action_endpoint:
  url: http://localhost:5055/webhook
"""


class Installation(msgspec.Struct, frozen=True):
    """What `rasa-qa init` would write, and what it wants to say."""

    changes: list[FileChange]
    notes: list[str]


def plan_installation(bot: Bot) -> Installation:
    """Work out what a bot still lacks; writes nothing.

    Raises:
        ConfigError: A file of the bot is not what Rasa would accept, or names a
            tracker store that cannot be converted.
    """
    notes: list[str] = []
    texts = {
        bot.config: _config(bot, notes),
        bot.endpoints: _endpoints(bot, notes),
        bot.folder / "qa.yml": _text(bot.folder / "qa.yml") or _SETTINGS,
        bot.folder / ".gitignore": _gitignore(bot),
        **_domain(bot),
        **_data(bot),
        **_actions(bot),
    }
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


def _bot_file(name: str) -> str:
    return (resources.files("rasa_qa_plugin") / "bot_files" / name).read_text("utf-8")


def _config(bot: Bot, notes: list[str]) -> str:
    text = _text(bot.config) or ""
    config = _mapping(bot.config)
    names = _component_names(config.get("pipeline"))
    if COMPONENT not in names:
        if not names:
            text = append_entries(text, "pipeline", _default_pipeline())
            notes.append(
                "config.yml had no pipeline: Rasa's default one is written out, so "
                "that the plugin can stand at its end"
            )
        text = append_entries(text, "pipeline", [f"  - name: {COMPONENT}\n"])
    policies = _component_names(config.get("policies"))
    if policies and not any(name.endswith("RulePolicy") for name in policies):
        text = append_entries(text, "policies", ["  - name: RulePolicy\n"])
        notes.append("config.yml: RulePolicy added, the plugin's rules need it")
    return text


def _component_names(section: Any) -> list[str]:
    if not isinstance(section, list):
        return []
    return [str(entry.get("name")) for entry in section if isinstance(entry, Mapping)]


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


def _endpoints(bot: Bot, notes: list[str]) -> str:
    text = _text(bot.endpoints) or ""
    endpoints = _mapping(bot.endpoints) if bot.endpoints.is_file() else {}
    if not endpoints.get("action_endpoint"):
        text = _append_block(text, _ACTION_ENDPOINT)
        notes.append("the plugin's actions need an action server: `rasa run actions`")
    store = endpoints.get("tracker_store")
    if not store:
        return _append_block(text, _TRACKER_STORE)
    if not isinstance(store, Mapping):
        raise ConfigError(
            "endpoints.yml: tracker_store",
            "expected keys such as `type:`; see Rasa's docs",
        )
    kind = str(store.get("type") or "")
    if kind == STORE_TYPE:
        return text
    if kind.lower() != "sql":
        raise ConfigError(
            "endpoints.yml: tracker_store",
            "its type cannot be converted, only Rasa's SQL store can; remove the "
            "section, or give the plugin a database of its own",
        )
    notes.append(
        "endpoints.yml: the SQL store becomes the plugin's, on the same database; "
        "rows that are there stay as they are"
    )
    return _with_our_type(text)


def _with_our_type(text: str) -> str:
    """Rewrite the type of `tracker_store` where it stands, and name the settings."""
    section = YAML().load(text)["tracker_store"]
    if section.fa.flow_style():
        raise ConfigError(
            "endpoints.yml: tracker_store",
            "is written in one line; write one key per line, then try again",
        )
    row, column = section.lc.value("type")
    indent = " " * section.lc.key("type")[1]
    lines = text.splitlines(keepends=True)
    line = lines[row]
    rest = re.sub(r"^[\"']?sql[\"']?", "", line[column:], flags=re.IGNORECASE)
    newline = "\r\n" if line.endswith("\r\n") else "\n"
    lines[row] = line[:column] + STORE_TYPE + (rest if rest.strip() else newline)
    if "settings" not in section:
        lines.insert(row + 1, f"{indent}settings: qa.yml{newline}")
    return "".join(lines)


def _domain(bot: Bot) -> dict[Path, str]:
    ours = _bot_file("domain.yml")
    if bot.domain.is_dir():
        path = bot.domain / "qa.yml"
        return {path: _text(path) or ours}
    text = _text(bot.domain)
    if text is None:
        raise ConfigError("domain.yml", "not found; a bot needs a domain")
    for section, entries in sections(ours).items():
        present = bot.domain_names(section)
        missing = [entry for entry in entries if _entry_name(entry) not in present]
        if missing:
            text = append_entries(text, section, missing)
    return {bot.domain: text}


def _data(bot: Bot) -> dict[Path, str]:
    return {
        path: _text(path) or _bot_file(source)
        for path, source in (
            (bot.data / "qa_nlu.yml", "nlu.yml"),
            (bot.data / "qa_rules.yml", "rules.yml"),
        )
    }


def _actions(bot: Bot) -> dict[Path, str]:
    single = bot.folder / "actions.py"
    package = bot.folder / "actions" / "__init__.py"
    path = single if single.is_file() and not package.parent.is_dir() else package
    text = _text(path) or ""
    if "rasa_qa_plugin.actions" in text:
        return {path: text}
    if text and not text.endswith("\n"):
        text += "\n"
    return {path: text + ACTIONS_IMPORT}


def _gitignore(bot: Bot) -> str:
    """Keep what people said, and the key to it, out of version control."""
    text = _text(bot.folder / ".gitignore") or ""
    present = set(text.splitlines())
    missing = [line for line in _NEVER_COMMIT if line not in present]
    if missing and text and not text.endswith("\n"):
        text += "\n"
    return text + "".join(f"{line}\n" for line in missing)


def _mapping(path: Path) -> dict[str, Any]:
    content = read_yaml(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(
            path.name, "expected keys such as `pipeline:`; see Rasa's docs"
        )
    return content


def _append_block(text: str, block: str, *, newline: str = "\n") -> str:
    if text and not text.endswith("\n"):
        text += newline
    return text + (newline if text else "") + block


def sections(text: str) -> dict[str, list[str]]:
    """Split a file of ours into its sections' entries, with the comments above them."""
    found: dict[str, list[str]] = {}
    for match in re.finditer(
        r"(?m)^(?P<key>\w+):[ ]*\n(?P<body>(?:[ ]+.*\n|\n)+)", text
    ):
        entries: list[str] = []
        pending = ""
        for line in match["body"].splitlines(keepends=True):
            starts = re.match(r"  (- )?[\w\"']", line) is not None
            comment = re.match(r"  #", line) is not None
            if comment:
                pending += line
            elif starts:
                entries.append(pending + line)
                pending = ""
            elif entries and line.strip():
                entries[-1] += line
        found[match["key"]] = entries
    return found


def _entry_name(entry: str) -> str:
    """Read the name of a domain entry: a list item, a one-key map in one, or a key."""
    parsed = parser().load(entry)
    (first,) = parsed
    if isinstance(first, Mapping):
        (first,) = first
    return str(first)


def append_entries(text: str, key: str, entries: Sequence[str]) -> str:
    """Add entries, written at two spaces, at the end of a top-level section.

    Raises:
        ConfigError: The section is written in one line and not empty.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    head = re.compile(
        rf"{re.escape(key)}[ ]*:(?P<value>[^#\r\n]*)(?P<rest>.*)", re.DOTALL
    )
    heads = ((at, head.match(line)) for at, line in enumerate(lines))
    number, match = next((found for found in heads if found[1]), (0, None))
    if match is None:
        block = "".join([f"{key}:\n", *entries]).replace("\n", newline)
        return _append_block(text, block, newline=newline)
    value = match["value"].strip()
    if value in {"[]", "{}", "null", "~"}:
        lines[number] = f"{key}:{' ' if match['rest'].strip() else ''}{match['rest']}"
    elif value:
        raise ConfigError(
            f"{key}", "is written in one line; write one entry per line, then try again"
        )
    last, indent = number, 2
    for at in range(number + 1, len(lines)):
        stripped = lines[at].strip()
        if not stripped or stripped.startswith("#"):
            continue
        at_indent = len(lines[at]) - len(lines[at].lstrip(" "))
        if at_indent == 0 and not stripped.startswith("- "):
            break
        if last == number:
            indent = at_indent
        last = at
    if not lines[last].endswith(("\n", "\r")):
        lines[last] += newline
    shifted = [
        " " * (len(line) - len(line.lstrip(" ")) - 2 + indent) + line.lstrip(" ")
        for entry in entries
        for line in entry.splitlines(keepends=True)
    ]
    lines[last + 1 : last + 1] = [line.replace("\n", newline) for line in shifted]
    return "".join(lines)
