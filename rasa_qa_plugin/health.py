"""`rasa-qa check`: from settings to database, one finding each, in order of cause."""

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from rasa_qa_plugin import wiring
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import RasaQAError, SchemaMismatchError
from rasa_qa_plugin.settings import SECRET_VARIABLE, load_settings
from rasa_qa_plugin.training.deploy import models_by_age
from rasa_qa_plugin.wiring import MissingPartError

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    subject: str
    ok: bool
    detail: str


def examine(bot: Bot) -> Iterator[Finding]:
    """Look at a bot's files, Rasa, the database and the model; makes none of them.

    What is wrong in one place is told once, however many need it.
    """
    told: dict[str, str] = {}
    for subject, look in _LOOKS.items():
        try:
            yield Finding(subject, ok=True, detail=look(bot))
        except RasaQAError as error:
            detail = str(error).removeprefix(f"{subject}: ")
            cause = told.setdefault(str(error), subject)
            if cause != subject:
                detail = f"not looked at; see {cause}"
            yield Finding(subject, ok=False, detail=detail)


def _connection(bot: Bot) -> str:
    connection = bot.connection()
    return f"tracker store on {connection.dialect}"


def _settings(bot: Bot) -> str:
    name = bot.connection().settings
    privacy = load_settings(bot.folder / name if name else None).privacy
    for section, named in (("slots", privacy.slots), ("entities", privacy.entities)):
        unknown = sorted(set(named) - bot.domain_names(section))
        if unknown:
            raise MissingPartError(
                f"privacy.{section}: the domain knows no {', '.join(unknown)}; "
                "correct the spelling"
            )
    from rasa_qa_plugin.privacy.engine import PrivacyEngine  # Presidio

    PrivacyEngine(privacy)  # recognizers and models of one's own must load
    return name or "defaults, no file named"


def _rasa(_bot: Bot) -> str:
    if importlib.util.find_spec("rasa") is None:
        raise MissingPartError("not installed here; pip install rasa==3.6.21")
    from importlib.metadata import version  # only for this line

    return f"version {version('rasa')}"


@contextmanager
def _looked_at(bot: Bot) -> Iterator["tuple[Engine, str] | None"]:
    """Give the database and its schema; None while the bot has not made it."""
    from rasa_qa_plugin.opening import look  # Presidio, spaCy
    from rasa_qa_plugin.storage.migrations import HEAD, revision  # slow

    secret = os.environ.get(SECRET_VARIABLE)
    engine = look(bot.connection(), folder=bot.folder, secret=secret)
    try:
        found = None if engine is None else revision(engine)
        if found is not None and found > HEAD:
            raise SchemaMismatchError(found=found, supported=HEAD)
        yield None if engine is None or found is None else (engine, found)
    finally:
        if engine is not None:
            engine.dispose()


def _database(bot: Bot) -> str:
    from rasa_qa_plugin.storage.conversations import senders
    from rasa_qa_plugin.storage.engine import reading
    from rasa_qa_plugin.storage.migrations import HEAD

    with _looked_at(bot) as there:
        if there is None:
            return "not made yet; the bot makes it when it starts"
        engine, schema = there
        with reading(engine) as connection:
            count = len(senders(connection))
    upgrade = "" if schema == HEAD else f", {HEAD} from the next start on"
    return f"reachable, schema {schema}{upgrade}, {count} conversations"


def _files(bot: Bot) -> str:
    from rasa_qa_plugin.storage.copies import recalled
    from rasa_qa_plugin.storage.engine import reading
    from rasa_qa_plugin.storage.migrations import HEAD

    with _looked_at(bot) as there:
        left = []
        if there is not None and there[1] == HEAD:
            with reading(there[0]) as connection:
                left = recalled(connection)
    if left:
        raise MissingPartError(
            "words of people who are forgotten still stand in exports or training "
            f"data ({len(left)} times); run `rasa-qa erase --yes`"
        )
    return "nothing of people who are forgotten"


def _spool(bot: Bot) -> str:
    from rasa_qa_plugin.backlog import spool_of  # as for the database
    from rasa_qa_plugin.storage.spool import waiting

    depth = waiting(spool_of(bot))
    if depth.oldest_at is None:
        return "nothing waits for the database"
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(depth.oldest_at))
    raise MissingPartError(
        f"{depth.batches} messages wait for the database since {since} "
        f"({depth.bytes / 1e6:.1f} MB); is it reachable, and does the bot run?"
    )


def _model(bot: Bot) -> str:
    models = models_by_age(bot.models)
    if not models:
        raise MissingPartError("none in models/; run `rasa train`")
    return models[0].name


def _test_set(bot: Bot) -> str:
    name = bot.connection().settings
    settings = load_settings(bot.folder / name if name else None)
    path = bot.folder / settings.training.test_set
    if not path.is_file():
        raise MissingPartError(
            f"{settings.training.test_set} is missing; `rasa-qa retrain` needs "
            "examples that training never sees: write some, or let "
            "`rasa-qa test-set --from-approved 0.2` take some before a merge"
        )
    return settings.training.test_set


_LOOKS: dict[str, Callable[[Bot], str]] = {
    "endpoints.yml": _connection,
    "settings": _settings,
    "config.yml": wiring.pipeline,
    "policies": wiring.policies,
    "fallback": wiring.fallback,
    "domain": wiring.domain,
    "responses": wiring.responses,
    "training data": wiring.training_data,
    "actions": wiring.actions,
    "credentials.yml": wiring.credentials,
    "Rasa": _rasa,
    "database": _database,
    "files": _files,
    "spool": _spool,
    "model": _model,
    "test set": _test_set,
}
