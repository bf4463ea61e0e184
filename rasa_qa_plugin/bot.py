"""The bot folder as Rasa lays it out: where its files are and what they say."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.settings import Connection, read_yaml

STORE_TYPE = "rasa_qa_plugin.QATrackerStore"
CHANNEL = "rasa_qa_plugin.QAChannel"
COMPONENT = "rasa_qa_plugin.ConfidenceLogger"
_IMPORT = re.compile(
    rb"^\s*(import rasa_qa_plugin\.actions|from rasa_qa_plugin(\.actions\b.* import"
    rb"| import .*\bactions\b))",
    re.MULTILINE,
)
_VARIABLE = re.compile(r"\$\{(?P<name>[^}]+)\}")


class Bot:
    """A bot folder; reading it imports neither Rasa nor the database."""

    def __init__(self, folder: Path) -> None:
        """Look at *folder*.

        Raises:
            ConfigError: There is no bot in it.
        """
        self.folder = folder
        if not (folder / "config.yml").is_file():
            near = sorted(path.parent.name for path in folder.glob("*/config.yml"))
            example = near[0] if near else "my_bot"
            raise ConfigError(
                "config.yml",
                "not found; run this in a bot folder, or name it: --bot DIR, for "
                f"example `rasa-qa check --bot {example}`",
            )

    @property
    def config(self) -> Path:
        """The pipeline and policies."""
        return self.folder / "config.yml"

    @property
    def endpoints(self) -> Path:
        """Where the tracker store is named."""
        return self.folder / "endpoints.yml"

    @property
    def domain(self) -> Path:
        """The domain file or folder; Rasa prefers the file."""
        single = self.folder / "domain.yml"
        several = self.folder / "domain"
        if not single.is_file() and several.is_dir():
            return several
        return single

    @property
    def data(self) -> Path:
        """The training data folder."""
        return self.folder / "data"

    @property
    def models(self) -> Path:
        """Where Rasa looks for the newest model."""
        return self.folder / "models"

    @property
    def workspace(self) -> Path:
        """Where this package keeps runs and backups."""
        return self.folder / ".rasa_qa"

    def domain_files(self) -> list[Path]:
        """Give the files that make up the domain.

        Raises:
            ConfigError: There is no domain.
        """
        if self.domain.is_file():
            return [self.domain]
        files = sorted(
            p for p in self.domain.rglob("*") if p.suffix in {".yml", ".yaml"}
        )
        if not files:
            raise ConfigError("domain.yml", "not found; a bot needs a domain")
        return files

    def domain_names(self, section: str) -> set[str]:
        """Give the names under a key of the domain such as ``intents`` or ``slots``."""
        return self.domain_index()[section]

    def domain_index(self) -> Mapping[str, set[str]]:
        """Give the names under every key of the domain, each file read once."""
        found: dict[str, set[str]] = defaultdict(set)
        for _, content in self.domain_contents():
            for section, entries in content.items():
                found[str(section)].update(_names(entries))
        return found

    def domain_contents(self) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """Give each file of the domain, parsed."""
        for file in self.domain_files():
            content = read_yaml(file)
            if isinstance(content, Mapping):
                yield file, content

    def domain_entries(self, section: str) -> dict[str, Any]:
        """Give what a section of the domain maps names to, such as ``slots``."""
        found: dict[str, Any] = {}
        for _, content in self.domain_contents():
            entries = content.get(section)
            if isinstance(entries, Mapping):
                found.update(entries)
        return found

    def data_contents(self, section: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """Give the items of a list in the training data: ``nlu``, ``rules``."""
        for file in sorted(self.data.rglob("*")):
            if file.suffix not in {".yml", ".yaml"} or not file.is_file():
                continue
            content = read_yaml(file)
            items = content.get(section) if isinstance(content, Mapping) else None
            for item in items if isinstance(items, list) else []:
                if isinstance(item, Mapping):
                    yield file, item

    def config_value(self, key: str) -> Any:
        """Give what a key of config.yml holds; None where it is missing.

        Raises:
            ConfigError: config.yml holds no keys.
        """
        content = read_yaml(self.config)
        if content is None:
            return None
        if not isinstance(content, Mapping):
            raise ConfigError(
                "config.yml", "expected keys such as `pipeline:`; see Rasa's docs"
            )
        return content.get(key)

    def components(self, section: str) -> list[str]:
        """Give the names below ``pipeline``, ``policies`` or ``importers``.

        Raises:
            ConfigError: config.yml holds no keys.
        """
        entries = self.config_value(section)
        return [
            str(entry.get("name") if isinstance(entry, Mapping) else entry)
            for entry in (entries if isinstance(entries, list) else [])
        ]

    def actions_module(self) -> Path:
        """Give the file that `rasa run actions` imports, whether or not it is there.

        As Python does, a package goes before a file, a file before a bare folder.
        """
        single = self.folder / "actions.py"
        package = self.folder / "actions" / "__init__.py"
        return single if single.is_file() and not package.is_file() else package

    def actions_import(self) -> Path | None:
        """Give the file that imports our actions for the action server, if one does."""
        module = self.actions_module()
        package = module.parent.rglob("*.py") if module.name == "__init__.py" else ()
        for source in (module, *sorted(package)):
            if source.is_file() and _IMPORT.search(source.read_bytes()):
                return source
        return None

    def connection(self) -> Connection:
        """Read `tracker_store` from endpoints.yml, with ``${VARIABLES}`` filled in.

        Raises:
            ConfigError: There is no such section, it names another store, or a
                variable is not set.
        """
        content = read_yaml(self.endpoints)
        store = content.get("tracker_store") if isinstance(content, Mapping) else None
        if not isinstance(store, Mapping):
            raise ConfigError(
                "endpoints.yml: tracker_store", "missing; run `rasa-qa init`"
            )
        if store.get("type") != STORE_TYPE:
            raise ConfigError(
                "endpoints.yml: tracker_store.type",
                f"is not {STORE_TYPE}; run `rasa-qa init`",
            )
        return Connection.from_mapping(
            {
                key: _filled(value, f"endpoints.yml: tracker_store.{key}")
                for key, value in store.items()
            }
        )

    def channel_token(self) -> str | None:
        """Read the token of the plugin's own channel; None where it is not named.

        Raises:
            ConfigError: credentials.yml is not YAML, or a variable is not set.
        """
        section = self._credentials().get(CHANNEL)
        token = section.get("token") if isinstance(section, Mapping) else None
        place = f"credentials.yml: {CHANNEL}.token"
        return _filled(token, place) if isinstance(token, str) else None

    def names_channel(self) -> bool:
        """Tell whether credentials.yml names the plugin's own channel."""
        return CHANNEL in self._credentials()

    def _credentials(self) -> Mapping[str, Any]:
        path = self.folder / "credentials.yml"
        content = read_yaml(path) if path.is_file() else None
        return content if isinstance(content, Mapping) else {}


def _names(section: Any) -> Iterator[str]:
    """Read a domain section: names, or one-key maps, or a map by name."""
    if isinstance(section, Mapping):
        yield from (str(name) for name in section)
    elif isinstance(section, list):
        for entry in section:
            if isinstance(entry, Mapping):
                yield from (str(name) for name in entry)
            else:
                yield str(entry)


def _filled(value: Any, place: str) -> Any:
    """Fill ``${VARIABLES}`` in as Rasa does."""
    if isinstance(value, Mapping):
        return {name: _filled(inner, place) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, place) for inner in value]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        try:
            return os.environ[match.group("name")]
        except KeyError:
            raise ConfigError(
                place, f"the environment variable {match.group('name')} is not set"
            ) from None

    return _VARIABLE.sub(variable, value)
