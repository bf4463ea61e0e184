"""`rasa-qa consent`, `erase` and `subject-access`: the rights of one person."""

import time

import click
import msgspec

from rasa_qa_plugin import rights, subject
from rasa_qa_plugin.backlog import spool_of
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    erasing_options,
    json_option,
    local_time,
    print_json,
    say,
)
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.privacy.vault import PSEUDONYM_PREFIX
from rasa_qa_plugin.storage import consents, erasure, spool, stock
from rasa_qa_plugin.storage.engine import reading

_STATES = [state.value for state in ConsentState if state is not ConsentState.UNKNOWN]


def _pseudonym(opened: Opened, sender_id: str) -> str:
    """Accept what the channel sends, or the pseudonym of a stored conversation."""
    if sender_id.startswith(PSEUDONYM_PREFIX):
        with reading(opened.engine) as connection:
            if erasure.count(connection, sender_id).total:
                return sender_id
    return opened.vault.pseudonym(sender_id)


@click.command()
@bot_option
@json_option
@click.argument("sender_id")
@click.option(
    "--set", "state", type=click.Choice(_STATES), help="Record a decision for them."
)
def consent(bot: Bot, sender_id: str, *, state: str | None, as_json: bool) -> None:
    """Show or set what a person agreed to.

    SENDER_ID is the id the channel uses, or the pseudonym from a table. Taking consent
    back deletes the captured texts at once.

    \b
    Examples:
      rasa-qa consent 593990000000
      rasa-qa consent 593990000000 --set withdrawn
    """
    opened = open_bot(bot)
    pseudonym = _pseudonym(opened, sender_id)
    if state is not None:
        lost = opened.recorder.set_consent(
            pseudonym, ConsentState(state), source="cli", now=time.time()
        )
        say(
            f"Recorded: {state}." + (f" Texts of {lost} turns deleted." if lost else "")
        )
    with reading(opened.engine) as connection:
        history = consents.history(connection, pseudonym)
    if as_json:
        print_json([msgspec.to_builtins(entry) for entry in history])
        return
    if not history:
        click.echo("unknown: never asked, or never answered")
    for entry in history:
        click.echo(
            f"{local_time(entry.recorded_at)}  {entry.state.value}  "
            f"(policy {entry.policy_version}, {entry.source})"
        )


@click.command()
@bot_option
@json_option
@click.argument("sender_id")
@erasing_options("Erase; without it, only count.")
def erase(bot: Bot, sender_id: str, *, yes: bool, as_json: bool) -> None:
    """Forget one person: every row, original, turn, rating and decision.

    What waits for the database is forgotten too. Prints a receipt that holds no id.
    What was exported to files or merged into training data before is not touched: call
    those back by hand.

    \b
    Examples:
      rasa-qa erase 593990000000
      rasa-qa erase 593990000000 --yes
    """
    opened = open_bot(bot)
    pseudonym = _pseudonym(opened, sender_id)
    base = spool_of(bot)
    if yes:
        # First what waits: a running server would write it back.
        waiting = spool.forget(base, pseudonym)
        rows = rights.erase(opened, pseudonym, time.time(), sender_id=sender_id)
    else:
        waiting = spool.count(base, pseudonym)
        with reading(opened.engine) as connection:
            rows = erasure.count(connection, pseudonym).rows
            rows["events"] += len(stock.read(connection, sender_id))
    rows = {**rows, "spool": waiting}
    if as_json:
        print_json({"erased": yes, "rows": rows})
        return
    for table, count in rows.items():
        click.echo(f"{count:6d}  {table}")
    if not any(rows.values()):
        say("Nothing is stored under this id.")
        return
    say("Erased." if yes else "Nothing was erased; add --yes to erase these rows.")


@click.command()
@bot_option
@click.argument("sender_id")
@click.option(
    "--originals/--without-originals",
    default=True,
    help="Show, or leave out, what is kept encrypted for the live window.",
)
def subject_access(bot: Bot, sender_id: str, *, originals: bool) -> None:
    """Print everything held about one person as JSON.

    SENDER_ID is the id the channel uses, or the pseudonym from a table. Events that
    are still kept encrypted are opened and marked `live_original`: the output holds
    personal data in clear, and where it goes is yours to guard.

    \b
    Examples:
      rasa-qa subject-access 593990000000
      rasa-qa subject-access 593990000000 --without-originals
    """
    opened = open_bot(bot)
    pseudonym = _pseudonym(opened, sender_id)
    found = subject.document(
        opened.engine,
        pseudonym,
        vault=opened.vault,
        live_ttl=opened.settings.privacy.live_ttl_hours * 3600,
        originals=originals,
        now=time.time(),
    )
    click.echo(subject.as_json(found))
    with reading(opened.engine) as connection:
        if stock.holds(connection, sender_id):
            say(
                "Rows of Rasa's own store are not shown; run `rasa-qa scrub --yes`, "
                "then ask again."
            )
    waiting = spool.count(spool_of(bot), pseudonym)
    if waiting:
        say(f"{waiting} messages more wait for the database; ask again later.")
    elif not found:
        say("Nothing is stored under this id.")
