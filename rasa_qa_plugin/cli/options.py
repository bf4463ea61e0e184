"""Options that many commands share, and how they print."""

import functools
import getpass
import time
import unicodedata
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import msgspec

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import ConfigError

# A spreadsheet takes what begins so for a formula, whoever wrote it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001

_LONGEST_NAME = 100

F = TypeVar("F", bound=Callable[..., Any])


def _bot(_context: click.Context, _parameter: click.Parameter, value: Path) -> Bot:
    return Bot(value)


def bot_option(function: F) -> F:
    """Add ``--bot DIR``; the command gets a :class:`Bot`."""
    return click.option(
        "--bot",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=Path(),
        show_default="this folder",
        callback=_bot,
        help="Bot folder, the one that holds config.yml.",
    )(function)


def json_option(function: F) -> F:
    """Add ``--json``; the command gets *as_json*."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print JSON instead of a table."
    )(function)


def yes_option(what: str) -> Callable[[F], F]:
    """Add ``--yes``; without it, the command only shows or counts."""

    def add(function: F) -> F:
        return click.option("--yes", is_flag=True, help=what)(function)

    return add


def erasing_options(what: str) -> Callable[[F], F]:
    """Add ``--yes`` and ``--dry-run``, which says what happens anyway without it."""

    def add(function: F) -> F:
        @functools.wraps(function)
        def checked(*args: Any, yes: bool, dry_run: bool, **kwargs: Any) -> Any:
            if yes and dry_run:
                raise click.UsageError(
                    "--dry-run: contradicts --yes; give one of them, or none to count"
                )
            return function(*args, yes=yes, **kwargs)

        dry = click.option("--dry-run", is_flag=True, help="Only count: the default.")
        return cast("F", yes_option(what)(dry(checked)))

    return add


def server_option(function: F) -> F:
    """Add ``--server URL``; the command gets an address, or ``none``."""
    return click.option(
        "--server",
        metavar="URL",
        default="http://localhost:5005",
        show_default=True,
        help="Running bot with QAChannel, asked first; `none` for the database alone.",
    )(function)


def since_option(what: str) -> Callable[[F], F]:
    """Add ``--since DATE``; the command gets seconds since the epoch, or None."""

    def seconds(
        _context: click.Context, _parameter: click.Parameter, value: datetime | None
    ) -> float | None:
        return None if value is None else value.timestamp()

    return click.option(
        "--since",
        type=click.DateTime(["%Y-%m-%d"]),
        callback=seconds,
        metavar="DATE",
        help=what,
    )


def name_option(what: str) -> Callable[[F], F]:
    """Add ``--name NAME``; the command gets it, or None where nobody said it."""
    return click.option(
        "--name",
        metavar="NAME",
        envvar="RASA_QA_NAME",
        callback=checked_name,
        help=f"{what}  [default: $RASA_QA_NAME, or your account's name]",
    )


def checked_name(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    """Give a name on one line; nothing that would fill a table."""
    name = None if value is None else " ".join(value.split())
    if name is not None and not 0 < len(name) <= _LONGEST_NAME:
        raise click.BadParameter(f"write 1 to {_LONGEST_NAME} characters")
    return name


def me(name: str | None) -> str:
    """Give the name of who runs this command: as given, or that of the account.

    Raises:
        ConfigError: The account has no name, as in some containers.
    """
    if name is not None:
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise ConfigError(
            "RASA_QA_NAME", "not set, and your account has no name; add --name"
        ) from None


def print_json(value: Any) -> None:
    """Print a value as one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def say(message: str) -> None:
    """Tell a person something; goes to stderr, so that stdout stays data."""
    click.echo(message, err=True)


def local_time(seconds: float) -> str:
    """Show seconds since the epoch in the local time zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def printable(text: str) -> str:
    """Give a text without the characters that would command a terminal."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(char) == "Cc" and char not in "\n\t"
        else char
        for char in text
    )


def spreadsheet_cell(value: Any) -> Any:
    """Give a cell that a spreadsheet shows as it is and never runs."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
