"""What the review screen works with: the bot, its database, the ranking beside it."""

import time
from collections.abc import Sequence

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.annotation_keys import Names
from rasa_qa_plugin.cli.annotation_screen import Screen
from rasa_qa_plugin.cli.options import say
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.review.answering import Session, Summary
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.reranking import BackgroundReranker, Reranker
from rasa_qa_plugin.review.training_data import training_examples
from rasa_qa_plugin.settings import ReviewSettings
from rasa_qa_plugin.storage import annotations
from rasa_qa_plugin.storage.engine import reading

_OURS = "qa_"


def sit(bot: Bot, *, flag: str | None, limit: int | None, annotator: str) -> None:
    """Show the screen, and say at the end what was done and what comes next.

    Raises:
        ConfigError: The bot's files say something that cannot be.
        StorageError: The database cannot be used.
    """
    domain = bot.domain_names("intents")
    entities = bot.domain_names("entities")
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        answered = annotations.intents(connection)
    training = _Training(bot)
    ranking = BackgroundReranker(Reranker(opened.engine, training))
    session = Session(opened.engine, flag=flag, annotator=annotator)
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
        _tell(session.summary(), review=opened.settings.review)
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
        return found


def _searchable(names: set[str]) -> list[str]:
    """Give the names to choose from; `faq` is none where `faq/hours` is one."""
    parents = {name.partition("/")[0] for name in names if "/" in name}
    return sorted(
        name for name in names - parents if name and not name.startswith(_OURS)
    )


def _tell(summary: Summary, *, review: ReviewSettings) -> None:
    """Say what a session did, and what comes next."""
    if not summary.answers:
        say("Nothing was answered.")
        return
    pace = "" if summary.seconds is None else f", {summary.seconds:.1f} seconds each"
    say(
        f"{_counted(summary.answers, 'answer')} for {_counted(summary.turns, 'turn')}: "
        f"{summary.right} right, "
        f"{summary.corrected} corrected, {summary.rejected} rejected{pace}."
    )
    if summary.right or summary.corrected:
        say(f"Next: rasa-qa {'approve' if review.needs_approval else 'merge'}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
