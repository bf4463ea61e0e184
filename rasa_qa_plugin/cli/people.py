"""`rasa-qa consent`, `erase` and `subject-access`: the rights of one person."""

import time

import click
import msgspec

from rasa_qa_plugin import forgetting, rights, subject
from rasa_qa_plugin.backlog import spool_of
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    erasing_options,
    json_option,
    local_time,
    print_json,
    say,
    server_option,
)
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.privacy.vault import PSEUDONYM_PREFIX
from rasa_qa_plugin.server import NO_SERVER, AbsentError, Server, running_server
from rasa_qa_plugin.storage import consents, erasure, spool
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
@server_option
def consent(
    bot: Bot, sender_id: str, *, state: str | None, server: str, as_json: bool
) -> None:
    """Show or set what a person agreed to.

    SENDER_ID is the id the channel uses, or the pseudonym from a table. Taking consent
    back deletes the captured texts at once. A decision goes through the running server
    where there is one.

    \b
    Examples:
      rasa-qa consent 593990000000
      rasa-qa consent 593990000000 --set withdrawn
    """
    opened = open_bot(bot)
    pseudonym = _pseudonym(opened, sender_id)
    if state is not None:
        person = forgetting.Person(sender_id, pseudonym)
        running = _server(bot, opened, server, person)
        lost = (
            running.set_consent(sender_id, ConsentState(state))
            if running
            else opened.recorder.set_consent(
                pseudonym, ConsentState(state), source="cli", now=time.time()
            )
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
@click.argument("sender_id", required=False)
@server_option
@click.option(
    "--missing-is-gone",
    is_flag=True,
    help="Files that are not found have been deleted: do not look for them again.",
)
@erasing_options("Erase; without it, only count.")
def erase(  # noqa: PLR0913 - one per option
    bot: Bot,
    sender_id: str | None,
    *,
    server: str,
    missing_is_gone: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Forget one person: rows, originals, what waits, exported turns, merged lines.

    A running server forgets them first, through QAChannel. Then exported files, lines
    of the training data and backups of it are cleared, here and where files were
    exported to; nothing else in them changes, and no former file is kept. Prints a
    receipt that holds no id. Broken off, it does the rest when run again.

    Without SENDER_ID it clears files of those who were forgotten in the chat or over
    HTTP.

    \b
    Examples:
      rasa-qa erase 593990000000
      rasa-qa erase 593990000000 --yes
      rasa-qa erase --yes
    """
    opened = open_bot(bot)
    now = time.time()
    person = None
    if sender_id is not None:
        person = forgetting.Person(sender_id, _pseudonym(opened, sender_id))
    if yes:
        done = forgetting.forget(
            bot,
            opened,
            person,
            server=_server(bot, opened, server, person),
            missing_is_gone=missing_is_gone,
            now=now,
        )
    else:
        done = forgetting.count(bot, opened, person, now=now)
    receipt = done.receipt
    if as_json:
        print_json(receipt)
    else:
        for place, number in (*receipt.rows.items(), *receipt.files.items()):
            click.echo(f"{number:6d}  {place}")
        _sum_up(receipt)
    _say_what_is_left(receipt)
    if done.unreadable:
        raise RasaQAError(
            f"{', '.join(done.unreadable)}: holds words of people who are forgotten in "
            "a form that cannot be changed; delete it by hand"
            + (", then run this again" if yes else "")
        )


def _sum_up(receipt: forgetting.Receipt) -> None:
    if receipt:
        say("Erased." if receipt.erased else "Nothing was erased; add --yes to do so.")
    elif receipt.rows:
        say("Nothing is stored under this id.")
    else:
        say("Nothing of people who are forgotten is left in files.")


def _say_what_is_left(receipt: forgetting.Receipt) -> None:
    files = receipt.files
    if files["files_not_found"]:
        say(
            "exports and data recorded but not found: "
            f"{files['files_not_found']} files; delete them where they are, then add "
            "--missing-is-gone"
        )
    if files["lines_not_found"]:
        say(f"{files['lines_not_found']} merged lines were edited or removed before.")
    if receipt.erased and files["training_lines"]:
        say("Models trained before have learned from them. Next: rasa-qa retrain")


def _server(
    bot: Bot, opened: Opened, url: str, person: forgetting.Person | None
) -> Server | None:
    """Give the running server, or say in one line why the database alone is used."""
    if person is None:
        return None
    try:
        if person.sender_id == person.pseudonym:
            url = NO_SERVER  # servers know people by the channel's id
        return running_server(bot, url, identity=rights.identity(opened))
    except AbsentError as error:
        say(f"Working on the database alone: {error}.")
        return None


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
    are still kept encrypted are opened and marked `live_original`; `stock_events` are
    those that Rasa's own store wrote. The output holds personal data in clear, and
    where it goes is yours to guard.

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
        sender_id=sender_id,
        vault=opened.vault,
        live_ttl=opened.settings.privacy.live_ttl_hours * 3600,
        originals=originals,
        now=time.time(),
    )
    click.echo(subject.as_json(found))
    waiting = spool.count(spool_of(bot), pseudonym)
    if waiting:
        say(f"{waiting} messages more wait for the database; ask again later.")
    elif not found:
        say("Nothing is stored under this id.")
