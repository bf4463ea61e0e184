"""`rasa-qa export`: turns for people to correct, corrections to train a model with."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.held_out import held_out
from rasa_qa_plugin.cli.options import bot_option, say
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.review import exporting
from rasa_qa_plugin.review.domain_names import domain_names
from rasa_qa_plugin.review.fine_tuning import Selection, export_lessons
from rasa_qa_plugin.review.flags import FLAGS
from rasa_qa_plugin.review.formats import catalogue
from rasa_qa_plugin.review.formats.llm import LAYOUTS
from rasa_qa_plugin.review.surrogates import Surrogates

_FRACTION = click.FloatRange(0.0, 1.0)


@click.command()
@bot_option
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice([*catalogue.NAMES, *LAYOUTS]),
    help="For which tool; without it, the file's name says it, or it is rasa_nlu.",
)
@click.option("--flag", type=click.Choice(FLAGS), help="Only turns with this flag.")
@click.option("--all", "all_turns", is_flag=True, help="Turns without a flag too.")
@click.option("--again", is_flag=True, help="Also turns that were exported before.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="How many, the doubtful ones first."
)
@click.option(
    "--for",
    "people",
    metavar="NAME",
    multiple=True,
    help="Who gets the file; may be given several times.",
)
@click.option(
    "--surrogates", is_flag=True, help="Invented names and numbers instead of tokens."
)
@click.option(
    "--train-split",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    help="llm_*: share of the conversations to train with; the rest validates.",
)
@click.option(
    "--min-confidence",
    type=_FRACTION,
    help="llm_*: only turns of which the bot was at least so sure.",
)
def export(  # noqa: PLR0913 - one per option
    bot: Bot,
    file: Path,
    *,
    form: str | None,
    flag: str | None,
    all_turns: bool,
    again: bool,
    limit: int | None,
    people: Sequence[str],
    surrogates: bool,
    train_split: float | None,
    min_confidence: float | None,
) -> None:
    """Write flagged turns to FILE, for people to correct in the tool they like.

    A Rasa NLU file (.yml) for any editor, CSV (.csv) for spreadsheets, tasks for Label
    Studio (.json, with the labeling setup beside it), or, named with --format, doccano
    or Prodigy.

    Only masked texts of people who agreed go out, each turn once. With --surrogates,
    "call me at [PHONE]" goes out as "call me at 212-555-0147": the number is invented,
    `rasa-qa import` puts the token back, and `rasa-qa merge` writes the number.

    With --format llm_chat or llm_completion, corrections go out instead, to train a
    language model with: each text once, none of the test set, the turns named in a
    file beside.

    \b
    Examples:
      rasa-qa export review.yml
      rasa-qa export review.json --format label_studio
      rasa-qa export review.jsonl --format doccano
      rasa-qa export review.yml --surrogates
      rasa-qa export bad.yml --flag negative_feedback --limit 50 --for Marta
      rasa-qa export tune.jsonl --format llm_chat --train-split 0.9
    """
    values = Surrogates() if surrogates else None
    filters = {"flag": flag, "all_turns": all_turns, "again": again, "limit": limit}
    if form in LAYOUTS:
        _refuse(filters, "not with --format llm_*, which exports corrections")
        selection = Selection(
            layout=form,
            train_split=train_split,
            min_confidence=min_confidence,
            surrogates=values,
        )
        _export_lessons(bot, file, selection, people)
        return
    _refuse(
        {"train_split": train_split, "min_confidence": min_confidence},
        "only with --format llm_chat or llm_completion",
    )
    exported = exporting.export(
        open_bot(bot).engine,
        file,
        root=bot.folder,
        form=catalogue.format_named(form) if form else catalogue.format_for(file),
        names=domain_names(bot),
        surrogates=values,
        people=people,
        now=time.time(),
        **cast("dict[str, Any]", filters),
    )
    if exported is None:
        say("Nothing to export: no such turns with consent that did not go out before.")
        return
    names = " and ".join(path.name for path in exported.files)
    say(
        f"Exported {exported.items} turns to {names}. "
        f"Correct it, then: rasa-qa import {file.name}"
    )


def _refuse(options: dict[str, Any], problem: str) -> None:
    """Refuse options that mean nothing in this format."""
    for name, value in options.items():
        if value not in (None, False):
            option = "all" if name == "all_turns" else name.replace("_", "-")
            raise click.UsageError(f"--{option}: {problem}")


def _export_lessons(
    bot: Bot, file: Path, selection: Selection, people: Sequence[str]
) -> None:
    opened = open_bot(bot)
    exported = export_lessons(
        opened.engine,
        file,
        msgspec.structs.replace(
            selection, approved_only=opened.settings.review.needs_approval
        ),
        held_out=held_out(bot, opened.settings.training.test_set),
        root=bot.folder,
        people=people,
        now=time.time(),
    )
    if exported is None:
        say("Nothing to export: no corrections yet. They come in with: rasa-qa import")
        return
    for path, rows in exported.rows.items():
        say(f"Exported {rows} rows to {path.name}.")
    say(f"Which turns they come from stands in {exported.manifest.name}.")
