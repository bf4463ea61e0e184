"""`rasa-qa explain`."""

import sys
from typing import TYPE_CHECKING

import click

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import bot_option, json_option, print_json, say
from rasa_qa_plugin.settings import PrivacySettings, load_settings

if TYPE_CHECKING:
    from rasa_qa_plugin.privacy.explanation import Explanation


@click.command()
@click.argument("text", required=False)
@click.option(
    "--names", is_flag=True, help="List which slots and entities are masked by name."
)
@bot_option
@json_option
def explain(text: str | None, *, names: bool, bot: Bot, as_json: bool) -> None:
    """Show what would be masked in a text, and why. Nothing is stored.

    Without TEXT, or with -, the text is read from standard input, so that it does not
    end up in the history of your shell.

    \b
    Examples:
      rasa-qa explain "mi celular es 0991234567"
      rasa-qa explain --names
      rasa-qa explain --json - < message.txt
    """
    settings = _settings(bot)
    if names:
        if text is not None:
            raise click.UsageError("--names takes no text; leave one of them out.")
        _print_names(bot, settings, as_json=as_json)
        return
    from rasa_qa_plugin.privacy import explanation  # brings Presidio

    if text is None or text == "-":
        # A file in another encoding is read as far as it goes, by both forms alike.
        text = sys.stdin.buffer.read().decode(errors="replace").rstrip("\n")
    found = explanation.explain(text, settings)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _settings(bot: Bot) -> PrivacySettings:
    """Give the settings of a bot; the defaults where it has no endpoints.yml yet."""
    if not bot.endpoints.is_file():
        say("No endpoints.yml here yet: explaining with the default settings.")
        return PrivacySettings()
    name = bot.connection().settings
    return load_settings(bot.folder / name if name else None).privacy


def _print(found: "Explanation") -> None:
    click.echo(found.masked)
    if not found.reasons:
        say("Nothing personal found.")
        return
    from rich.console import Console  # only for a table
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for column in ("text", "token", "recognizer", "rule", "why"):
        table.add_column(column)
    for reason in found.reasons:
        row = (reason.text, reason.token or "-", reason.recognizer, reason.rule)
        table.add_row(*map(escape, row), reason.why)
    Console().print(table)


def _print_names(bot: Bot, settings: PrivacySettings, *, as_json: bool) -> None:
    from rasa_qa_plugin.privacy.field_types import FieldTypes  # with its word lists

    fields = FieldTypes(settings)
    rows = [
        {"kind": kind, "name": name, "masked_as": type_of(name)}
        for kind, section, type_of in (
            ("slot", "slots", fields.of_slot),
            ("entity", "entities", fields.of_entity),
        )
        for name in sorted(bot.domain_names(section))
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(
            f"{row['kind']:7} {row['name']:32} {row['masked_as'] or 'as any text'}"
        )
    say("Change this in qa.yml: privacy.slots, privacy.entities, privacy.exclude.")
