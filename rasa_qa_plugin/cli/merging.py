"""`rasa-qa merge`."""

import importlib.util
import os
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import click
import msgspec
from sqlalchemy.engine import Connection

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.held_out import held_out
from rasa_qa_plugin.cli.options import bot_option, printable, say, yes_option
from rasa_qa_plugin.errors import MergeError, RasaQAError, StorageError
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.repository import Repository
from rasa_qa_plugin.review import approval
from rasa_qa_plugin.review.exporting import WITH_SURROGATES
from rasa_qa_plugin.review.importing import item_of
from rasa_qa_plugin.review.items import Item
from rasa_qa_plugin.review.merging import (
    ALIKE,
    HeldBack,
    MergePlan,
    apply_merge,
    plan_merge,
)
from rasa_qa_plugin.review.new_intents import declare
from rasa_qa_plugin.review.nlu_file import fingerprint
from rasa_qa_plugin.review.objections import ALREADY_TRAINED
from rasa_qa_plugin.review.recall import stored_path
from rasa_qa_plugin.review.surrogates import Surrogates
from rasa_qa_plugin.settings import ReviewSettings
from rasa_qa_plugin.storage import annotations, batches, copies, queue, runs, turns
from rasa_qa_plugin.storage.annotations import Annotation, Kept
from rasa_qa_plugin.storage.copies import Written
from rasa_qa_plugin.storage.engine import reading, transaction

# Lines that are shown for one reason; the others are counted.
_MOST_SHOWN = 10


@click.command()
@bot_option
@yes_option("Write without asking.")
@click.option(
    "--surrogates/--tokens",
    default=None,
    help="Write invented values, or tokens; without either, as each turn went out.",
)
@click.option(
    "--new-intents",
    is_flag=True,
    help="Take unknown intents into the domain, with a rule that waits for its answer.",
)
@click.option(
    "--alike",
    type=click.FloatRange(min=0.5, max=1),
    default=ALIKE,
    show_default=True,
    help="Hold back what shares this much of its wording with an example; 1 for none.",
)
@click.option("--git", is_flag=True, help="Commit the changed files, and them alone.")
@click.option(
    "--validate/--no-validate",
    "validated",
    default=True,
    help="Let `rasa data validate` pass the result first; takes some 20 seconds.",
)
def merge(  # noqa: PLR0913 - one per option
    bot: Bot,
    *,
    yes: bool,
    surrogates: bool | None,
    new_intents: bool,
    alike: float,
    git: bool,
    validated: bool,
) -> None:
    """Add corrections to the training data.

    Shows the diff first. One line per example is added, nothing else in your files
    changes; Rasa's own parser must read the result as meant, and `rasa data validate`
    must find no new fault, before it is written. Former files are kept under
    .rasa_qa/backups. Held back, with file and line, is what the bot's examples or the
    test set hold already, the same or nearly so, and what contradicts them.

    With --new-intents an intent that people declared comes into the domain, and
    data/qa_new_intents.yml gets a rule for it: until you write the answer there, the
    bot does as when it understands nothing. With --git the changed files become one
    commit; what else is staged stays staged. `rasa-qa erase` does not reach commits.
    With `review.approval: true` in qa.yml only what `rasa-qa approve` let through is
    taken.

    \b
    Examples:
      rasa-qa merge
      rasa-qa merge --yes --git
      rasa-qa merge --new-intents
      rasa-qa merge --surrogates --alike 1 --no-validate
    """
    if importlib.util.find_spec("rasa") is None:
        raise MergeError(
            "rasa: not installed here, and its parser must read what is merged; "
            "run this where the bot is trained"
        )
    opened = open_bot(bot)
    repository = Repository(bot.folder) if git else None
    with reading(opened.engine) as connection:
        waiting = _mergeable(connection, opened.settings.review)
        sent_so = batches.last_sent_as(connection, WITH_SURROGATES)
    if not waiting:
        say("Nothing to merge. Corrections come in with: rasa-qa import FILE")
        return
    values = Surrogates()

    def wording(item: Item) -> Item:
        wanted = item.turn_id in sent_so if surrogates is None else surrogates
        return values.applied(item) if wanted else item

    plan = _planned(
        bot,
        plan_merge(
            [item_of(annotation) for annotation in waiting],
            data=bot.data,
            domain_intents=bot.domain_names("intents"),
            held_out=held_out(bot, opened.settings.training.test_set),
            wording=wording,
            may_declare=new_intents,
            alike=alike,
        ),
    )
    click.echo(plan.diff(), nl=False)
    _tell(plan.held_back)
    if plan.added:
        if repository:
            repository.check_ready([change.path for change in plan.changes])
        if not yes and not _agreed(plan):
            return
        if validated:
            _validate(bot, plan)
    _merge(opened, plan, waiting, bot=bot, now=time.time())
    if not plan.added:
        say("Nothing was added; the reasons stand above.")
        return
    if repository:
        files = [change.path for change in plan.changes]
        say(f"Committed as {repository.commit(files, _message(plan))}.")
    say(f"Added {len(plan.added)} examples. Next: rasa-qa retrain")


def _mergeable(connection: Connection, review: ReviewSettings) -> list[Kept]:
    """Give what may be merged, and say how much may not yet."""
    ready = approval.ready(connection, review)
    undecided = len(annotations.waiting(connection)) - len(ready)
    if undecided:
        say(f"{undecided} corrections wait for approval: rasa-qa approve")
    return ready


def _planned(bot: Bot, plan: MergePlan) -> MergePlan:
    """Add what new intents need elsewhere, and show paths from the bot on."""
    declaration = declare(bot, plan.declared)
    for note in declaration.notes:
        say(note)
    complete = msgspec.structs.replace(plan, others=declaration.files)
    paths = [bot.folder.resolve(), *(change.path for change in complete.changes)]
    root = Path(os.path.commonpath(paths))
    return msgspec.structs.replace(complete, root=root)


def _agreed(plan: MergePlan) -> bool:
    """Ask whether to write; without a terminal nobody can answer."""
    if not sys.stdin.isatty():
        say("Nothing was written; add --yes to write these changes.")
        return False
    click.confirm(f"Add {len(plan.added)} examples?", abort=True, err=True)
    return True


def _tell(held_back: Sequence[HeldBack]) -> None:
    """Say what stays out and why; of many for the same reason, some."""
    by_reason: defaultdict[str, list[HeldBack]] = defaultdict(list)
    for held in held_back:
        by_reason[held.reason].append(held)
    for reason, several in by_reason.items():
        for held in several[:_MOST_SHOWN]:
            place = f" ({held.where})" if held.where else ""
            say(f"held back {held.item.turn_id}: {reason}{place}")
        if len(several) > _MOST_SHOWN:
            say(f"held back {len(several) - _MOST_SHOWN} more: {reason}")


def _validate(bot: Bot, plan: MergePlan) -> None:
    """Ask Rasa about the result; what it says may quote, so it goes with the diff."""
    from rasa_qa_plugin.cli.progress import working  # Rich
    from rasa_qa_plugin.training.validation import validate

    with working("rasa data validate, some 20 seconds"):
        verdict = validate(bot, plan.changes)
    for finding in verdict.new:
        click.echo(printable(f"Rasa: {finding}"))
    if not verdict.acceptable:
        raise MergeError(
            "data: `rasa data validate` fails with these changes; nothing was written"
        )
    if not verdict.passed:
        say("rasa data validate failed before this merge, and fails no more than then.")


def _merge(
    opened: Opened,
    plan: MergePlan,
    waiting: Sequence[Annotation],
    *,
    bot: Bot,
    now: float,
) -> None:
    """Write the files, and note in the database whose words are in them."""
    done = [addition.item.turn_id for addition in plan.added]
    names = {change.path: stored_path(change.path, bot.folder) for change in plan.files}
    written = [
        Written(
            turn_id=addition.item.turn_id,
            file=names[addition.file],
            line=fingerprint(addition.line),
        )
        for addition in plan.added
    ]
    done += [
        held.item.turn_id for held in plan.held_back if held.reason == ALREADY_TRAINED
    ]
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


def _write(  # noqa: PLR0913 - what a merge leaves behind
    opened: Opened,
    plan: MergePlan,
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
        apply_merge(
            plan,
            backup_dir=bot.workspace / "backups",
            now=datetime.fromtimestamp(now, timezone.utc),
        )
        annotations.mark_merged(connection, done)
        turns.set_status(connection, done, "merged")
        runs.note(connection, "merge", now=now, turns=len(plan.added))


def _message(plan: MergePlan) -> str:
    """Give a commit message of numbers and names of intents; no words of anybody."""
    count = len(plan.added)
    lines = [f"Add {count} reviewed example{'s' if count > 1 else ''} (rasa-qa merge)"]
    if plan.declared:
        lines += ["", f"New intents: {', '.join(plan.declared)}"]
    return "\n".join(lines)
