"""`rasa-qa data-check`."""

import importlib.util
import os
from collections.abc import Sequence
from typing import Any

import click

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    json_option,
    print_json,
    printable,
    say,
)
from rasa_qa_plugin.errors import ConfigError, MergeError, StorageError
from rasa_qa_plugin.opening import look
from rasa_qa_plugin.review.data_check import DataCheck, Row, check_data
from rasa_qa_plugin.review.importing import item_of
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.training_data import read_training
from rasa_qa_plugin.settings import SECRET_VARIABLE, ReviewSettings, load_settings
from rasa_qa_plugin.storage import annotations
from rasa_qa_plugin.storage.engine import reading
from rasa_qa_plugin.storage.migrations import HEAD, revision

_MOST_ROWS = 15


@click.command("data-check")
@bot_option
@json_option
@click.option(
    "--fewest",
    type=click.IntRange(min=2),
    default=10,
    show_default=True,
    help="How many examples an intent should have.",
)
@click.option(
    "--strict", is_flag=True, help="Give exit status 3 when anything is found."
)
@click.pass_context
def data_check(
    context: click.Context, bot: Bot, *, fewest: int, strict: bool, as_json: bool
) -> None:
    """Look for what may be wrong with the training data.

    Small models are trained, each without a fifth of the examples, and asked about
    those. Shown are examples that probably carry the wrong intent, the same text under
    several intents, examples that are unlike all others, intents that are mixed up,
    with examples that make it so, and intents with few examples. Corrections that
    wait for `rasa-qa merge` are looked at too, where there is a database. These are
    suspicions for people to judge; nothing is changed.

    \b
    Examples:
      rasa-qa data-check
      rasa-qa data-check --fewest 20
      rasa-qa data-check --json | jq .label_errors
    """
    if importlib.util.find_spec("rasa") is None:
        raise MergeError(
            "rasa: not installed here, and its parser must read the training data; "
            "run this where the bot is trained"
        )
    waiting, review = _waiting(bot)
    rows = [Row(example, where) for example, where in read_training(bot.data).places()]
    if not rows and not waiting:
        raise MergeError("data: has no training examples; run this in a bot folder")
    found = check_data([*rows, *waiting], fewest=fewest, novelty=review.novelty)
    if as_json:
        print_json(found)
    else:
        _show(found)
    if strict and not found.clean:
        context.exit(3)


def _waiting(bot: Bot) -> tuple[list[Row], ReviewSettings]:
    """Read the corrections that wait; makes no database where there is none yet."""
    try:
        connection = bot.connection()
        name = connection.settings
        settings = load_settings(bot.folder / name if name else None)
        secret = os.environ.get(SECRET_VARIABLE)
        engine = look(connection, folder=bot.folder, secret=secret)
    except (ConfigError, StorageError) as error:
        say(f"Only the training data is checked, no corrections: {error}")
        return [], ReviewSettings()
    if engine is None or revision(engine) != HEAD:
        return [], settings.review
    with reading(engine) as opened:
        items = [item_of(one) for one in annotations.waiting(opened)]
    rows = [
        Row(Example(item.text, item.intent, item.entities), f"turn {item.turn_id}")
        for item in items
    ]
    return rows, settings.review


def _show(found: DataCheck) -> None:
    from rich.console import Console  # only for tables

    console = Console()
    for table in _tables(found):
        console.print(table)
    repeated = f", {found.repeated} of them repeated" if found.repeated else ""
    told = (
        ""
        if found.accuracy is None
        else f"; {found.accuracy:.0%} can be told from the others"
    )
    say(f"{found.examples} examples of {found.intents} intents{repeated}{told}.")
    if found.clean:
        say("Nothing to complain of.")


def _tables(found: DataCheck) -> list[Any]:
    sections = (
        (
            "Probably the wrong intent",
            ("where", "example", "intent", "rather", "clearly"),
            [
                (one.where, one.text, one.intent, one.suggested, f"{one.margin:.2f}")
                for one in found.label_errors
            ],
        ),
        (
            "The same text under several intents",
            ("where", "example", "intents"),
            [
                (" ".join(one.where), one.text, ", ".join(one.intents))
                for one in found.contradictions
            ],
        ),
        (
            "Unlike all other examples",
            ("where", "example", "intent"),
            [(one.where, one.text, one.intent) for one in found.unlike],
        ),
        (
            "Intents that are mixed up",
            ("intents", "share", "for example"),
            [
                (
                    "\n".join(one.intents),
                    f"{one.share:.0%}",
                    "\n".join(f"{a} / {b}" for a, b in one.pairs),
                )
                for one in found.confusable
            ],
        ),
        (
            "Intents with few examples",
            ("intent", "examples"),
            [(one.intent, str(one.examples)) for one in found.thin],
        ),
    )
    return [_table(*section) for section in sections if section[2]]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    from rich.table import Table
    from rich.text import Text  # what people wrote is not markup

    shown = rows[:_MOST_ROWS]
    rest = len(rows) - len(shown)
    caption = f"and {rest} more; see --json" if rest else None
    table = Table(title=title, title_justify="left", caption=caption)
    table.min_width = len(title)
    for number, column in enumerate(columns):
        # A place is there to be copied.
        width = max(len(row[number]) for row in shown) if column == "where" else None
        table.add_column(column, overflow="fold", min_width=width)
    for row in shown:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table
