"""`rasa-qa export` and `rasa-qa merge`."""

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
from rasa_qa_plugin.review.domain_names import domain_names
from rasa_qa_plugin.review.exporting import WITH_SURROGATES
from rasa_qa_plugin.review.exporting import export as export_turns
from rasa_qa_plugin.review.flags import FLAGS
from rasa_qa_plugin.review.formats import catalogue
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
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(catalogue.NAMES),
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
) -> None:
    """Write flagged turns to FILE, for people to correct in the tool they like.

    A Rasa NLU file (.yml) for any editor, CSV (.csv) for spreadsheets, tasks for Label
    Studio (.json, with the labeling setup beside it), or, named with --format, doccano
    or Prodigy.

    Only masked texts of people who agreed go out, each turn once. With --surrogates,
    "call me at [PHONE]" goes out as "call me at 212-555-0147": the number is invented,
    `rasa-qa import` puts the token back, and `rasa-qa merge` writes the number.

    \b
    Examples:
      rasa-qa export review.yml
      rasa-qa export review.json --format label_studio
      rasa-qa export review.jsonl --format doccano
      rasa-qa export review.yml --surrogates
      rasa-qa export bad.yml --flag negative_feedback --limit 50 --for Marta
    """
    opened = open_bot(bot)
    exported = export_turns(
        opened.engine,
        file,
        root=bot.folder,
        form=catalogue.format_named(form) if form else catalogue.format_for(file),
        names=domain_names(bot),
        flag=flag,
        all_turns=all_turns,
        again=again,
        limit=limit,
        surrogates=Surrogates() if surrogates else None,
        people=people,
        now=time.time(),
    )
    if exported is None:
        say("Nothing to export: no such turns with consent that did not go out before.")
        return
    names = " and ".join(path.name for path in exported.files)
    say(
        f"Exported {exported.items} turns to {names}. "
        f"Correct it, then: rasa-qa import {file.name}"
    )


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
        held_out=_held_out(bot, opened.settings.training.test_set),
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


def _held_out(bot: Bot, test_set: str) -> list[str]:
    path = bot.folder / test_set
    if not path.is_file():
        return []
    return [example.text for example in read_examples(read_text(path))]
