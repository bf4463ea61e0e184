"""The bot folder as Rasa lays it out: where its files are and what they say."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.settings import Connection, read_yaml

STORE_TYPE = "rasa_qa_plugin.QATrackerStore"
CHANNEL = "rasa_qa_plugin.QAChannel"
COMPONENT = "rasa_qa_plugin.ConfidenceLogger"
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
            raise ConfigError(
                "config.yml",
                "not found; run this in a bot folder, or name it: --bot DIR",
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
        names: set[str] = set()
        for file in self.domain_files():
            content = read_yaml(file)
            if isinstance(content, Mapping):
                names.update(_names(content.get(section)))
        return names

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
        path = self.folder / "credentials.yml"
        content = read_yaml(path) if path.is_file() else None
        section = content.get(CHANNEL) if isinstance(content, Mapping) else None
        token = section.get("token") if isinstance(section, Mapping) else None
        place = f"credentials.yml: {CHANNEL}.token"
        return _filled(token, place) if isinstance(token, str) else None


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
