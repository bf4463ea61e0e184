"""`rasa-qa annotate`: read what waits and answer at a keypress."""

import os
import sys
import time
from collections.abc import Sequence

import click

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import bot_option, say
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.review.answering import Session, Summary
from rasa_qa_plugin.review.flags import FLAGS
from rasa_qa_plugin.review.merging import training_examples
from rasa_qa_plugin.review.proxy_intents import Example
from rasa_qa_plugin.review.reranking import BackgroundReranker, Reranker
from rasa_qa_plugin.storage import annotations
from rasa_qa_plugin.storage.engine import reading

_OURS = "qa_"


@click.command()
@bot_option
@click.option("--flag", type=click.Choice(FLAGS), help="Only turns with this flag.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many answers.")
def annotate(bot: Bot, *, flag: str | None, limit: int | None) -> None:
    """Read what waits, turn by turn, and answer at a keypress.

    The likeliest errors come first; the order learns from your answers while you read.
    Each answer is saved at once and holds for all turns that say the same. Texts are
    masked, and shown only of people who agreed. Press ? for the keys.

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
    from rasa_qa_plugin.cli.annotation_keys import Names
    from rasa_qa_plugin.cli.annotation_screen import Screen

    domain = bot.domain_names("intents")
    entities = bot.domain_names("entities")
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        answered = annotations.intents(connection)
    training = _Training(bot)
    ranking = BackgroundReranker(Reranker(opened.engine, training))
    session = Session(opened.engine, flag=flag)
    names = Names(
        domain=domain,
        intents=lambda: _searchable(domain | answered | training.intents),
        entities=[name for name in entities if not name.startswith(_OURS)],
        out_of_scope=opened.settings.review.out_of_scope_intent,
    )
    try:
        Screen(session, ranking, names, limit=limit).run()
    finally:
        ranking.close()
        _tell(session.summary())
        session.close(now=time.time())


class _Training:
    """Reads the training data in the thread that needs it: Rasa's import takes long."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self.intents: frozenset[str] = frozenset()

    def __call__(self) -> Sequence[Example]:
        try:
            found = training_examples(self._bot.data)
        except ImportError:
            # Without Rasa, as on a reviewer's own computer, answers alone teach.
            return []
        self.intents = frozenset(example.intent for example in found)
        return [Example(text=one.text, intent=one.intent) for one in found]


def _searchable(names: set[str]) -> list[str]:
    """Give the names to choose from; `faq` is none where `faq/hours` is one."""
    parents = {name.partition("/")[0] for name in names if "/" in name}
    return sorted(
        name for name in names - parents if name and not name.startswith(_OURS)
    )


def _tell(summary: Summary) -> None:
    """Say what a session did, and what comes next."""
    if not summary.answers:
        say("Nothing was answered.")
        return
    pace = "" if summary.seconds is None else f", {summary.seconds:.1f} seconds each"
    say(
        f"{summary.answers} answers for {summary.turns} turns: {summary.right} right, "
        f"{summary.corrected} corrected, {summary.rejected} rejected{pace}."
    )
    if summary.right or summary.corrected:
        say("Next: rasa-qa merge")
