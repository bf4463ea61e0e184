"""`rasa-qa test-set`: the rows that judge a model and never train it."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import click

from rasa_qa_plugin import changes
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.changes import FileChange
from rasa_qa_plugin.cli.options import (
    bot_option,
    json_option,
    print_json,
    printable,
    say,
    yes_option,
)
from rasa_qa_plugin.errors import RasaQAError, StorageError
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.review import approval, held_out
from rasa_qa_plugin.review.held_out_rows import read_test_set
from rasa_qa_plugin.review.importing import item_of
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.leakage import Leak, leaks
from rasa_qa_plugin.review.merging import MergePlan, apply_merge
from rasa_qa_plugin.review.nlu_file import fingerprint
from rasa_qa_plugin.review.recall import stored_path
from rasa_qa_plugin.review.training_data import training_examples
from rasa_qa_plugin.storage import annotations, copies, queue, runs, turns
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.copies import Written
from rasa_qa_plugin.storage.engine import reading, transaction

_FEW_ROWS = 5
_SHOWN = 20


@click.command("test-set")
@bot_option
@json_option
@yes_option("Write without asking.")
@click.option(
    "--from-approved",
    "share",
    type=click.FloatRange(min=0, max=0.5, min_open=True),
    metavar="SHARE",
    help="Move this share of the waiting corrections in, of each intent; say 0.2.",
)
@click.option(
    "--drop-leaked",
    is_flag=True,
    help="Take out the rows that stand in the training data.",
)
def test_set(
    bot: Bot,
    *,
    share: float | None,
    drop_leaked: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Look after the held-out file by which models are judged (training.test_set).

    Without options: its version, its size, and which of its rows stand in the training
    data, or nearly so. Corrections that move in never train: `merge` leaves them out,
    and what nearly says the same as well. The diff comes first; former files are kept
    under .rasa_qa/backups.

    \b
    Examples:
      rasa-qa test-set
      rasa-qa test-set --from-approved 0.2
      rasa-qa test-set --drop-leaked --yes
    """
    if share is not None and drop_leaked:
        raise click.UsageError("--from-approved: contradicts --drop-leaked; give one")
    opened = open_bot(bot)
    path = bot.folder / opened.settings.training.test_set
    trained = training_examples(bot.data)
    if share is not None:
        _move_in(bot, opened, path, share, trained=trained, yes=yes)
        return
    rows = read_test_set(path)
    found = leaks([row.text for row in rows], [row.text for row in trained])
    if drop_leaked:
        leaked = [rows[one.held_out] for one in found if one.exact]
        _drop(bot, opened, path, leaked, yes=yes)
        return
    summary = _summary(path, rows, found)
    if as_json:
        print_json(summary)
    else:
        _show(summary, rows, trained, found)


def _summary(
    path: Path, rows: Sequence[Example], found: Sequence[Leak]
) -> dict[str, object]:
    per_intent = Counter(row.intent for row in rows)
    return {
        "file": path.name,
        "version": held_out.version_of(path),
        "rows": len(rows),
        "intents": len(per_intent),
        "few_rows": sorted(name for name, n in per_intent.items() if n < _FEW_ROWS),
        "in_training_data": sum(one.exact for one in found),
        "nearly_in_training_data": sum(not one.exact for one in found),
    }


def _show(
    summary: dict[str, object],
    rows: Sequence[Example],
    trained: Sequence[Example],
    found: Sequence[Leak],
) -> None:
    if not rows:
        say(
            f"{summary['file']} has no rows yet: write some, or take them from what "
            "people corrected with --from-approved 0.2"
        )
        return
    few = summary["few_rows"]
    click.echo(
        f"{summary['file']}, version {summary['version']}: {summary['rows']} rows of "
        f"{summary['intents']} intents"
    )
    if isinstance(few, list) and few:
        click.echo(f"fewer than {_FEW_ROWS} rows: {printable(', '.join(few))}")
    for exact, what in ((True, "in"), (False, "nearly in")):
        those = [one for one in found if one.exact is exact]
        click.echo(f"{len(those)} rows are {what} the training data")
        for leak in those[:_SHOWN]:
            row, twin = rows[leak.held_out], trained[leak.trained]
            click.echo(
                printable(f"  {row.text} ({row.intent}) = {twin.text} ({twin.intent})")
            )


def _move_in(  # noqa: PLR0913 - what a move depends on
    bot: Bot,
    opened: Opened,
    path: Path,
    share: float,
    *,
    trained: Sequence[Example],
    yes: bool,
) -> None:
    with reading(opened.engine) as connection:
        waiting = approval.ready(connection, opened.settings.review)
    items = held_out.chosen(
        [item_of(one) for one in waiting],
        share=share,
        trained=[row.text for row in trained],
    )
    plan = held_out.plan_test_set(
        items, path=path, domain_intents=bot.domain_names("intents")
    )
    click.echo(plan.diff(), nl=False)
    for kept in plan.held_back:
        say(f"left where it was {kept.item.turn_id}: {kept.reason}")
    if not plan.added:
        say("Nothing to move: too few corrections wait that say something new.")
        return
    if not _agreed(f"Move {len(plan.added)} corrections into the test set?", yes=yes):
        return
    now = time.time()
    written = [
        Written(
            turn_id=one.item.turn_id,
            file=stored_path(one.file, bot.folder),
            line=fingerprint(one.line),
        )
        for one in plan.added
    ]
    # Before the file: a move that is killed leaves no line that nobody could recall.
    with transaction(opened.engine) as connection:
        copies.record(connection, written, now=now)
    try:
        _write(bot, opened, plan, waiting, path, now=now)
    except StorageError:
        raise  # the file may be written: then the lines must stay on record
    except RasaQAError:
        with transaction(opened.engine) as connection:
            copies.take_back(connection, written, now=now)
        raise
    say(f"Moved {len(plan.added)} rows; version {held_out.version_of(path)}.")


def _write(  # noqa: PLR0913 - what a move leaves behind
    bot: Bot,
    opened: Opened,
    plan: MergePlan,
    waiting: Sequence[Annotation],
    path: Path,
    *,
    now: float,
) -> None:
    """Write the file and say so in the database, or neither."""
    done = [one.item.turn_id for one in plan.added]
    with transaction(opened.engine) as connection:
        queue.hold(connection, done)  # nobody takes consent back while the file changes
        if approval.ready(connection, opened.settings.review) != waiting:
            raise RasaQAError(
                "corrections: changed while you were looking; run the command again"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        apply_merge(
            plan,
            backup_dir=bot.workspace / "backups",
            now=datetime.fromtimestamp(now, timezone.utc),
        )
        annotations.mark_held_out(connection, done)
        turns.set_status(connection, done, "merged")
        runs.note(
            connection,
            "test_set",
            now=now,
            turns=len(done),
            version=held_out.version_of(path) or "",
        )


def _drop(
    bot: Bot, opened: Opened, path: Path, rows: Sequence[Example], *, yes: bool
) -> None:
    if not rows:
        say("Nothing to drop: no row of the test set stands in the training data.")
        return
    change: FileChange = held_out.without_rows(path, rows)
    root = bot.folder.resolve()
    click.echo(changes.diff([change], root=root), nl=False)
    if not _agreed(f"Take {len(rows)} rows out of the test set?", yes=yes):
        return
    now = time.time()
    changes.write(
        [change],
        root=root,
        backups=bot.workspace / "backups",
        now=datetime.fromtimestamp(now, timezone.utc),
    )
    version = held_out.version_of(path) or ""
    with transaction(opened.engine) as connection:
        runs.note(connection, "test_set", now=now, dropped=len(rows), version=version)
    say(f"Took out {len(rows)} rows; version {version}.")


def _agreed(question: str, *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        say("Nothing was written; add --yes to write this.")
        return False
    click.confirm(question, abort=True, err=True)
    return True
