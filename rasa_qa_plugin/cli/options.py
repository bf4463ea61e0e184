"""Options that many commands share, and how they print."""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import msgspec

from rasa_qa_plugin.bot import Bot

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


def print_json(value: Any) -> None:
    """Print a value as one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def say(message: str) -> None:
    """Tell a person something; goes to stderr, so that stdout stays data."""
    click.echo(message, err=True)


def local_time(seconds: float) -> str:
    """Show seconds since the epoch in the local time zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
