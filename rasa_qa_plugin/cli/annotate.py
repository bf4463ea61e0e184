"""`rasa-qa annotate`: read what waits and answer at a keypress."""

import os
import sys

import click

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import bot_option, me, name_option
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.review.flags import FLAGS


@click.command()
@bot_option
@click.option("--flag", type=click.Choice(FLAGS), help="Only turns with this flag.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many answers.")
@name_option("Who answers.")
def annotate(
    bot: Bot, *, flag: str | None, limit: int | None, name: str | None
) -> None:
    """Read what waits, turn by turn, and answer at a keypress.

    The likeliest errors come first; the order learns from your answers while you read.
    Each answer is saved at once and holds for all turns that say the same. Texts are
    masked, and shown only of people who agreed. An answer settles what others could
    not agree upon. Press ? for the keys.

    \b
    Examples:
      rasa-qa annotate
      rasa-qa annotate --limit 30
      rasa-qa annotate --flag negative_feedback
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") in (
        "",
        "dumb",
    ):
        raise RasaQAError(
            "terminal: this one cannot show a screen; use another, or rasa-qa export"
        )
    from rasa_qa_plugin.cli.annotation_sitting import sit  # takes seconds

    sit(bot, flag=flag, limit=limit, annotator=me(name))
