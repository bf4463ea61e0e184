"""`rasa-qa export` and `rasa-qa import`."""

import time
from pathlib import Path

import click

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    json_option,
    print_json,
    say,
)
from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.review.exporting import export as export_turns
from rasa_qa_plugin.review.flags import FLAGS
from rasa_qa_plugin.review.formats import rasa_nlu
from rasa_qa_plugin.review.importing import import_items
from rasa_qa_plugin.review.surrogates import Surrogates


@click.command()
@bot_option
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--flag", type=click.Choice(FLAGS), help="Only turns with this flag.")
@click.option("--all", "all_turns", is_flag=True, help="Turns without a flag too.")
@click.option("--again", is_flag=True, help="Also turns that were exported before.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="How many, the doubtful ones first."
)
@click.option(
    "--surrogates", is_flag=True, help="Invented names and numbers instead of tokens."
)
def export(  # noqa: PLR0913 - one per option
    bot: Bot,
    file: Path,
    *,
    flag: str | None,
    all_turns: bool,
    again: bool,
    limit: int | None,
    surrogates: bool,
) -> None:
    """Write flagged turns to FILE, a Rasa NLU file that people correct in any editor.

    Only masked texts of people who agreed go out, each turn once. With --surrogates,
    "call me at [PHONE]" goes out as "call me at 212-555-0147": the number is invented,
    `rasa-qa import` puts the token back, and `rasa-qa merge` writes the number.

    \b
    Examples:
      rasa-qa export review.yml
      rasa-qa export review.yml --surrogates
      rasa-qa export bad.yml --flag negative_feedback --limit 50
    """
    opened = open_bot(bot)
    exported = export_turns(
        opened.engine,
        file,
        root=bot.folder,
        flag=flag,
        all_turns=all_turns,
        again=again,
        limit=limit,
        surrogates=Surrogates() if surrogates else None,
        now=time.time(),
    )
    if exported is None:
        say("Nothing to export: no such turns with consent that did not go out before.")
        return
    say(
        f"Exported {exported.items} turns to {file.name}. "
        f"Correct it, then: rasa-qa import {file.name}"
    )


@click.command("import")
@bot_option
@json_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(bot: Bot, file: Path, *, as_json: bool) -> None:
    """Read a corrected FILE back.

    Doing it twice changes nothing. Turns of people who took their consent back are
    dropped and counted.

    \b
    Examples:
      rasa-qa import review.yml
    """
    items = rasa_nlu.load(read_text(file), file=file.name)
    opened = open_bot(bot)
    imported = import_items(
        opened.engine,
        items,
        privacy=opened.privacy,
        source=file.name,
        now=time.time(),
    )
    if as_json:
        print_json(imported)
        return
    say(f"Recorded {len(imported.recorded)} corrections.")
    for count, what in (
        (len(imported.known), "were known already"),
        (len(imported.edited), "have an edited text"),
        (len(imported.masked), "held personal data, which was masked"),
        (
            len(imported.widened),
            "mark a part of an invented value; the mark covers all of it now",
        ),
        (len(imported.unknown), "belong to turns that are not in this database"),
        (len(imported.withdrawn), "dropped: consent was taken back"),
    ):
        if count:
            say(f"{count} {what}.")
    if imported.recorded:
        say("Next: rasa-qa merge")


def read_text(path: Path) -> str:
    """Read a file that people edited."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read ({type(error).__name__}); save it as UTF-8 text"
        raise AnnotationError(path.name, problem) from None
