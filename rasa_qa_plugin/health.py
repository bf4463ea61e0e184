"""`rasa-qa check`: from settings to database, one finding each, in order of cause."""

import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping

import msgspec

from rasa_qa_plugin.bot import COMPONENT, Bot
from rasa_qa_plugin.consent import CONSENT_SLOT
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.settings import load_settings, read_yaml
from rasa_qa_plugin.training.deploy import models_by_age


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    subject: str
    ok: bool
    detail: str


def examine(bot: Bot) -> Iterator[Finding]:
    """Look at a bot's files, Rasa, the database and the model."""
    yield _finding("endpoints.yml", lambda: _connection(bot))
    yield _finding("settings", lambda: _settings(bot))
    yield _finding("config.yml", lambda: _pipeline(bot))
    yield _finding("domain", lambda: _domain(bot))
    yield _finding("actions", lambda: _actions(bot))
    yield _finding("Rasa", _rasa)
    yield _finding("database", lambda: _database(bot))
    yield _finding("spool", lambda: _spool(bot))
    yield _finding("model", lambda: _model(bot))
    yield _finding("test set", lambda: _test_set(bot))


class _MissingError(RasaQAError):
    """A finding that is no error of a file."""


def _finding(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, ok=True, detail=look())
    except RasaQAError as error:
        return Finding(
            subject, ok=False, detail=str(error).removeprefix(f"{subject}: ")
        )


def _connection(bot: Bot) -> str:
    connection = bot.connection()
    return f"tracker store on {connection.dialect}"


def _settings(bot: Bot) -> str:
    name = bot.connection().settings
    privacy = load_settings(bot.folder / name if name else None).privacy
    for section, named in (("slots", privacy.slots), ("entities", privacy.entities)):
        unknown = sorted(set(named) - bot.domain_names(section))
        if unknown:
            raise _MissingError(
                f"privacy.{section}: the domain knows no {', '.join(unknown)}; "
                "correct the spelling"
            )
    return name or "defaults, no file named"


def _pipeline(bot: Bot) -> str:
    config = read_yaml(bot.config)
    pipeline = config.get("pipeline") if isinstance(config, Mapping) else None
    names = [
        str(entry.get("name")) for entry in pipeline or [] if isinstance(entry, Mapping)
    ]
    if COMPONENT not in names:
        raise _MissingError(f"pipeline lacks {COMPONENT}; run `rasa-qa init`")
    if names[-1] != COMPONENT:
        raise _MissingError(
            f"{COMPONENT} is not last; move it to the end of the pipeline"
        )
    return f"{COMPONENT} is last in the pipeline"


def _domain(bot: Bot) -> str:
    if CONSENT_SLOT not in bot.domain_names("slots"):
        raise _MissingError(f"slot {CONSENT_SLOT} is missing; run `rasa-qa init`")
    return f"slot {CONSENT_SLOT} and {len(bot.domain_names('intents'))} intents"


def _actions(bot: Bot) -> str:
    sources = [bot.folder / "actions.py", *(bot.folder / "actions").glob("*.py")]
    for source in sources:
        if source.is_file() and b"rasa_qa_plugin.actions" in source.read_bytes():
            return f"imported in {source.relative_to(bot.folder)}"
    raise _MissingError("rasa_qa_plugin.actions is not imported; run `rasa-qa init`")


def _rasa() -> str:
    if importlib.util.find_spec("rasa") is None:
        raise _MissingError("not installed here; pip install rasa==3.6.21")
    from importlib.metadata import version  # only for this line

    return f"version {version('rasa')}"


def _database(bot: Bot) -> str:
    from rasa_qa_plugin.opening import open_bot  # Presidio, spaCy
    from rasa_qa_plugin.storage.conversations import senders  # slow
    from rasa_qa_plugin.storage.engine import reading
    from rasa_qa_plugin.storage.migrations import HEAD

    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        count = len(senders(connection))
    opened.engine.dispose()
    return f"reachable, schema {HEAD}, {count} conversations"


def _spool(bot: Bot) -> str:
    from rasa_qa_plugin.backlog import spool_of  # as for the database
    from rasa_qa_plugin.storage.spool import waiting

    depth = waiting(spool_of(bot))
    if depth.oldest_at is None:
        return "nothing waits for the database"
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(depth.oldest_at))
    raise _MissingError(
        f"{depth.batches} messages wait for the database since {since} "
        f"({depth.bytes / 1e6:.1f} MB); is it reachable, and does the bot run?"
    )


def _model(bot: Bot) -> str:
    models = models_by_age(bot.models)
    if not models:
        raise _MissingError("none in models/; run `rasa train`")
    return models[0].name


def _test_set(bot: Bot) -> str:
    name = bot.connection().settings
    settings = load_settings(bot.folder / name if name else None)
    path = bot.folder / settings.training.test_set
    if not path.is_file():
        raise _MissingError(
            f"{settings.training.test_set} is missing; `rasa-qa retrain` needs "
            "examples that training never sees"
        )
    return settings.training.test_set
