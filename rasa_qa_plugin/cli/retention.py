"""`rasa-qa purge` and `scrub`: what goes by age, and what was never masked."""

import re
import time
from collections import Counter

import click

from rasa_qa_plugin import cluster, scrubbing
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    erasing_options,
    json_option,
    print_json,
    say,
)
from rasa_qa_plugin.cli.progress import row_progress
from rasa_qa_plugin.errors import StorageError
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.storage import retention, stock
from rasa_qa_plugin.storage.engine import reading
from rasa_qa_plugin.storage.purge_rounds import KINDS, USUAL, Kind, Purge

_DAY = 86_400.0
_UNITS = {"h": 3_600.0, "d": _DAY, "w": 7 * _DAY, "m": 30 * _DAY, "y": 365 * _DAY}
_AGE = re.compile(rf"(?P<number>[0-9]{{1,5}})(?P<unit>[{''.join(_UNITS)}])")


def _seconds(_context: click.Context, _parameter: click.Parameter, age: str) -> float:
    match = _AGE.fullmatch(age)
    if match is None or not int(match["number"]):
        raise click.BadParameter(
            "not an age; write 90d, a number above zero and h, d, w, m (30 days) or y"
        )
    return int(match["number"]) * _UNITS[match["unit"]]


@click.command()
@bot_option
@json_option
@click.option(
    "--older-than",
    "age",
    required=True,
    metavar="AGE",
    callback=_seconds,
    help="Such as 90d: a number and h, d, w, m (30 days) or y (365 days).",
)
@click.option(
    "--what",
    type=click.Choice(KINDS),
    multiple=True,
    default=USUAL,
    show_default=True,
    help="What to delete; may be given several times.",
)
@erasing_options("Delete; without it, only count.")
def purge(
    bot: Bot, *, age: float, what: tuple[Kind, ...], yes: bool, as_json: bool
) -> None:
    """Delete what is older than an age.

    A conversation goes whole, once its last event is older; a younger one keeps every
    event. Turns go with their flags, ratings and corrections. Corrections that were
    merged stay, without the way back to a person. Decisions about consent always stay.

    Runs beside a live bot, in small transactions; broken off, it goes on where it
    stopped when run again.

    \b
    Examples:
      rasa-qa purge --older-than 90d
      rasa-qa purge --older-than 90d --yes
      rasa-qa purge --older-than 1y --what turns --what feedback --yes
    """
    opened = open_bot(bot)
    now = time.time()
    wanted = Purge(cutoff=now - age, now=now, what=frozenset(what))
    with reading(opened.engine) as connection:
        receipt = retention.count(connection, wanted)
    rows = receipt.rows
    if yes:
        done = Counter(dict.fromkeys(rows, 0))
        with row_progress("purging", receipt.total) as advance:
            for step in retention.run(opened.engine, wanted):
                done.update(step.rows)
                advance(step.total)
        rows = dict(done)
    if as_json:
        print_json({"purged": yes, "rows": rows})
        return
    for table, number in rows.items():
        click.echo(f"{number:8d}  {table}")
    if not any(rows.values()):
        say("Nothing is that old.")
        return
    say("Purged." if yes else "Nothing was deleted; add --yes to delete these rows.")


@click.command()
@bot_option
@json_option
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes, each with its own database connection.",
)
@click.option(
    "--dask",
    "scheduler",
    metavar="ADDRESS",
    help="Scheduler of a Dask cluster that does it instead; PostgreSQL only.",
)
@erasing_options("Take them over; without it, only count.")
def scrub(
    bot: Bot, *, workers: int, scheduler: str | None, yes: bool, as_json: bool
) -> None:
    """Mask the conversations that Rasa's own tracker store wrote.

    They stay the bot's memory: each gets its pseudonym, its events are masked in place,
    and originals of the live window are sealed. Nobody is taken to have agreed.

    Runs beside a live bot, one person at a time; broken off, it goes on where it
    stopped when run again. At the end SQLite's file is written anew, which takes its
    size once more on the disk.

    Dask's workers need this release, this bot folder at the same path, and the same
    environment (RASA_QA_SECRET and what endpoints.yml names): they read the database
    themselves, and the scheduler sees numbers only.

    \b
    Examples:
      rasa-qa scrub
      rasa-qa scrub --yes
      rasa-qa scrub --yes --workers 4 --json
      rasa-qa scrub --yes --dask tcp://scheduler:8786
    """
    if scheduler is not None and workers > 1:
        raise click.UsageError("--dask: contradicts --workers; give one of them")
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        waiting = stock.count(connection)
    found = {"conversations": waiting.conversations, "events": waiting.events}
    if yes:
        found = {"conversations": 0, "events": 0, "refused": 0}
        with row_progress("scrubbing", waiting.events) as advance:
            if scheduler is not None:
                steps = cluster.scrub_on_dask(
                    opened, bot.folder, address=scheduler, waiting=waiting
                )
            else:
                steps = scrubbing.scrub_with(opened, bot.folder, workers=workers)
            for step in steps:
                for what in found:
                    found[what] += getattr(step, what)
                advance(step.events)
        if not scrubbing.finish(
            opened,
            conversations=found["conversations"],
            events=found["events"],
            now=time.time(),
        ):
            say("The file is busy; run it again to clear scraps of old rows out of it.")
    if as_json:
        print_json({"scrubbed": yes, **found})
    else:
        click.echo("\n".join(f"{found[what]:8d}  {what}" for what in found))
    if not (yes or as_json) and waiting.events:
        say("Nothing was changed; add --yes to mask them.")
    if found.get("refused"):
        raise StorageError(
            "scrub: the database refused some conversations; see `rasa-qa check`, then "
            "run it again"
        )
