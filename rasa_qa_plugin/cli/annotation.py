"""`rasa-qa merge`: corrections into the training data."""

import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import click

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    say,
    yes_option,
)
from rasa_qa_plugin.errors import AnnotationError, RasaQAError, StorageError
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.review import approval, merging
from rasa_qa_plugin.review.exporting import WITH_SURROGATES
from rasa_qa_plugin.review.importing import item_of
from rasa_qa_plugin.review.items import Item
from rasa_qa_plugin.review.nlu_file import fingerprint
from rasa_qa_plugin.review.objections import ALREADY_TRAINED
from rasa_qa_plugin.review.rasa_syntax import read_examples
from rasa_qa_plugin.review.recall import stored_path
from rasa_qa_plugin.review.surrogates import Surrogates
from rasa_qa_plugin.storage import annotations, batches, copies, queue, runs, turns
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.copies import Written
from rasa_qa_plugin.storage.engine import reading, transaction


@click.command()
@bot_option
@yes_option("Write without asking.")
@click.option(
    "--surrogates/--tokens",
    default=None,
    help="Write invented values, or tokens; without either, as each turn went out.",
)
def merge(bot: Bot, *, yes: bool, surrogates: bool | None) -> None:
    """Add corrections to the training data.

    Shows the diff first. One line per example is added, nothing else in your files
    changes; Rasa's own parser must read the result as meant before it is written.
    Former files are kept under .rasa_qa/backups. With `review.approval: true` in qa.yml
    only what `rasa-qa approve` let through is added.

    \b
    Examples:
      rasa-qa merge
      rasa-qa merge --yes
      rasa-qa merge --surrogates
    """
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        waiting = approval.ready(connection, opened.settings.review)
        undecided = len(annotations.waiting(connection)) - len(waiting)
        sent_so = batches.last_sent_as(connection, WITH_SURROGATES)
    if undecided:
        say(f"{undecided} corrections wait for approval: rasa-qa approve")
    if not waiting:
        say("Nothing to merge. Corrections come in with: rasa-qa import FILE")
        return
    values = Surrogates()

    def wording(item: Item) -> Item:
        wanted = item.turn_id in sent_so if surrogates is None else surrogates
        return values.applied(item) if wanted else item

    plan = merging.plan_merge(
        [item_of(annotation) for annotation in waiting],
        data=bot.data,
        domain_intents=bot.domain_names("intents"),
        held_out=held_out(bot, opened.settings.training.test_set),
        wording=wording,
    )
    click.echo(plan.diff(), nl=False)
    for item, reason in plan.held_back:
        say(f"held back {item.turn_id}: {reason}")
    if plan.added and not yes:
        if not sys.stdin.isatty():
            say("Nothing was written; add --yes to write these changes.")
            return
        click.confirm(f"Add {len(plan.added)} examples?", abort=True, err=True)
    now = time.time()
    done = [addition.item.turn_id for addition in plan.added]
    written = [
        Written(
            turn_id=addition.item.turn_id,
            file=stored_path(addition.file, bot.folder),
            line=fingerprint(addition.line),
        )
        for addition in plan.added
    ]
    done += [item.turn_id for item, why in plan.held_back if why == ALREADY_TRAINED]
    # Before the files: a merge that is killed leaves no line that nobody could recall.
    with transaction(opened.engine) as connection:
        copies.record(connection, written, now=now)
    try:
        _write(opened, plan, waiting, done, bot=bot, now=now)
    except StorageError:
        raise  # the files may be written: then the lines must stay on record
    except RasaQAError:
        with transaction(opened.engine) as connection:
            copies.take_back(connection, written, now=now)
        raise
    if plan.added:
        say(f"Added {len(plan.added)} examples. Next: rasa-qa retrain")
    else:
        say("Nothing was added; the reasons stand above.")


def _write(  # noqa: PLR0913 - what a merge leaves behind
    opened: Opened,
    plan: merging.MergePlan,
    waiting: Sequence[Annotation],
    done: Sequence[str],
    *,
    bot: Bot,
    now: float,
) -> None:
    """Write the files and say so in the database, or neither."""
    with transaction(opened.engine) as connection:
        queue.hold(connection, done)  # nobody takes consent back while files change
        # Somebody may have taken consent back while the diff was being read.
        if approval.ready(connection, opened.settings.review) != waiting:
            raise RasaQAError(
                "corrections: changed while you were looking; run the command again"
            )
        merging.apply_merge(
            plan,
            backup_dir=bot.workspace / "backups",
            now=datetime.fromtimestamp(now, timezone.utc),
        )
        annotations.mark_merged(connection, done)
        turns.set_status(connection, done, "merged")
        runs.note(connection, "merge", now=now, turns=len(plan.added))


def read_text(path: Path) -> str:
    """Read a file that people edited."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read ({type(error).__name__}); save it as UTF-8 text"
        raise AnnotationError(path.name, problem) from None


def held_out(bot: Bot, test_set: str) -> list[str]:
    """Give the texts of the test set, which no model may learn."""
    path = bot.folder / test_set
    if not path.is_file():
        return []
    return [example.text for example in read_examples(read_text(path))]
