"""`rasa-qa batches`: the files that turns went out in."""

import time
from collections.abc import Mapping

import click
import msgspec

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    erasing_options,
    json_option,
    local_time,
    print_json,
    printable,
    say,
)
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.review import batches as kept
from rasa_qa_plugin.review.batches import Standing, Withdrawal


@click.group()
def batches() -> None:
    """List the files that turns went out in, and take them back.

    Every export is a batch: what was asked for, how many turns, the file and its hash,
    and who got it (`rasa-qa export --for`).

    \b
    Examples:
      rasa-qa batches list
      rasa-qa batches show b_0123456789abcdef
      rasa-qa batches withdraw b_0123456789abcdef
      rasa-qa batches withdraw b_0123456789abcdef --delete-file --yes
    """


@batches.command("list")
@bot_option
@json_option
def list_(bot: Bot, *, as_json: bool) -> None:
    """List batches, the latest first.

    \b
    Examples:
      rasa-qa batches list
      rasa-qa batches list --json | jq '.[].batch_id'
    """
    found = kept.overview(open_bot(bot).engine, root=bot.folder)
    if as_json:
        print_json([_shown(one) for one in found])
        return
    for one in found:
        batch = one.batch
        people = f"  for {_names(batch.people)}" if batch.people else ""
        back = "  withdrawn" if batch.withdrawn_at is not None else ""
        click.echo(
            f"{batch.batch_id}  {local_time(batch.created_at)}  {batch.format:12}  "
            f"{printable(batch.file_name)}  {batch.items} turns, "
            f"{one.by_status.get('exported', 0)} out{people}{back}"
        )
    if not found:
        say("Nothing went out yet: rasa-qa export FILE")


@batches.command()
@bot_option
@json_option
@click.argument("batch_id", metavar="BATCH")
def show(bot: Bot, batch_id: str, *, as_json: bool) -> None:
    """Show a batch: how it was made, where it is, and what became of its turns.

    \b
    Examples:
      rasa-qa batches show b_0123456789abcdef
      rasa-qa batches show b_0123456789abcdef --json | jq -r '.batch.turns[]'
    """
    found = kept.show(open_bot(bot).engine, batch_id, root=bot.folder)
    if as_json:
        print_json(_shown(found))
        return
    batch = found.batch
    withdrawn = batch.withdrawn_at
    for label, value in (
        ("batch", batch.batch_id),
        ("exported", local_time(batch.created_at)),
        ("withdrawn", "no" if withdrawn is None else local_time(withdrawn)),
        ("tool", batch.format),
        ("file", f"{batch.file or batch.file_name} ({found.file_state})"),
        ("sha256", batch.sha256),
        ("for", _names(batch.people) or "nobody named"),
        ("filters", _counted(batch.filters) or "none"),
        ("turns", f"{batch.items}: {_became(found) or 'none left'}"),
    ):
        click.echo(f"{label:10} {printable(value)}")


@batches.command()
@bot_option
@json_option
@erasing_options("Take it back; without it, only count.")
@click.option(
    "--delete-file", is_flag=True, help="Delete the file too, if nobody edited it."
)
@click.argument("batch_id", metavar="BATCH")
def withdraw(
    bot: Bot, batch_id: str, *, yes: bool, delete_file: bool, as_json: bool
) -> None:
    """Take a batch back, so that turns which nobody answered wait again.

    What was answered stays answered. Counts first; --yes does it, and doing it twice
    changes nothing. The file is not touched and `rasa-qa erase` goes on looking for it,
    unless --delete-file is given; if it is imported later, it counts all the same.

    \b
    Examples:
      rasa-qa batches withdraw b_0123456789abcdef
      rasa-qa batches withdraw b_0123456789abcdef --yes
      rasa-qa batches withdraw b_0123456789abcdef --delete-file --yes
    """
    engine = open_bot(bot).engine
    if yes:
        done = kept.withdraw(
            engine,
            batch_id,
            root=bot.folder,
            delete_file=delete_file,
            now=time.time(),
        )
    else:
        done = kept.plan_withdrawal(engine, batch_id, root=bot.folder)
    if as_json:
        print_json({"withdrawn": yes, **msgspec.to_builtins(done)})
    else:
        click.echo(_summary(done))
    _say_about_file(done, yes=yes)
    if not yes:
        say("Nothing was changed; add --yes to take it back.")


def _summary(done: Withdrawal) -> str:
    if done.before:
        return "This batch was taken back before."
    elsewhere = (
        f", {len(done.elsewhere)} stay out in other batches" if done.elsewhere else ""
    )
    return (
        f"{len(done.waiting)} turns wait again{elsewhere}, "
        f"{done.answered} are answered, {done.standing.gone} are gone."
    )


def _say_about_file(done: Withdrawal, *, yes: bool) -> None:
    file = done.standing.batch.file or done.standing.batch.file_name
    state = done.standing.file_state
    if done.file_deleted:
        say(f"Deleted: {printable(file)}")
    elif state == "as exported":
        how = "again with --delete-file" if yes else "with --delete-file"
        say(f"{printable(file)} is there: delete it {how}.")
    elif state == "edited":
        say(f"{printable(file)} was edited: import it, or delete it by hand.")
    else:
        say(f"{printable(file)} is not there; wherever it is, delete it by hand.")


def _shown(standing: Standing) -> object:
    return msgspec.to_builtins(standing)


def _became(standing: Standing) -> str:
    gone = {"gone": standing.gone} if standing.gone else {}
    return ", ".join(
        f"{count} {status}" for status, count in {**standing.by_status, **gone}.items()
    )


def _counted(filters: Mapping[str, object]) -> str:
    return ", ".join(
        f"--{name}" if value is True else f"--{name} {value}"
        for name, value in filters.items()
    )


def _names(people: list[str]) -> str:
    return printable(", ".join(people))
