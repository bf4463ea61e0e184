"""`rasa-qa tickets`: the conversations that wait for a person."""

import time
from collections.abc import Callable, Sequence

import click
import msgspec

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    json_option,
    local_time,
    print_json,
    printable,
    say,
)
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.storage import escalations
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.escalations import STATUSES, Status, Ticket

_WAITING: tuple[Status, ...] = ("open", "in_progress")
_LONGEST_NAME = 100


@click.group()
def tickets() -> None:
    """List and work off conversations that were handed over to people.

    A ticket says why, since when, for which queue, and, with consent, what was said
    last, masked. Closing it lets the bot go on.

    \b
    Examples:
      rasa-qa tickets list --queue support
      rasa-qa tickets show h_0123456789ab
      rasa-qa tickets assign h_0123456789ab Marta
      rasa-qa tickets close h_0123456789ab
      rasa-qa tickets reopen h_0123456789ab
    """


@tickets.command("list")
@bot_option
@json_option
@click.option(
    "--status",
    "statuses",
    type=click.Choice(STATUSES),
    multiple=True,
    default=_WAITING,
    show_default=True,
    help="Only these; may be given several times.",
)
@click.option("--queue", metavar="QUEUE", help="Only tickets of this queue.")
@click.option("--assignee", metavar="NAME", help="Only tickets that NAME has.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="How many at most.",
)
def list_(  # noqa: PLR0913 - one per option
    bot: Bot,
    *,
    statuses: tuple[Status, ...],
    queue: str | None,
    assignee: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List tickets, the most pressing first and of those the oldest.

    \b
    Examples:
      rasa-qa tickets list
      rasa-qa tickets list --status closed --limit 10
      rasa-qa tickets list --queue support --json | jq '.[].ticket_id'
    """
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        found = escalations.listed(
            connection,
            statuses=statuses,
            queue=queue,
            assignee=assignee,
            limit=limit,
        )
    if as_json:
        print_json([_shown(ticket) for ticket in found])
        return
    for ticket in found:
        click.echo(
            f"{ticket.ticket_id}  {local_time(ticket.created_at)}  "
            f"{ticket.priority:6}  {ticket.queue:12}  {ticket.status:11}  "
            f"{_why(ticket)}" + (f"  {_name(ticket)}" if ticket.assignee else "")
        )
    if not found:
        say("No such tickets.")


@tickets.command()
@bot_option
@json_option
@click.argument("ticket_ids", metavar="TICKET...", nargs=-1, required=True)
def show(bot: Bot, ticket_ids: Sequence[str], *, as_json: bool) -> None:
    """Show tickets with what was said last, if the person agreed to that.

    \b
    Examples:
      rasa-qa tickets show h_0123456789ab
      rasa-qa tickets show h_0123456789ab --json | jq '.[0].history'
    """
    opened = open_bot(bot)
    found = [_find(opened, ticket_id) for ticket_id in ticket_ids]
    if as_json:
        print_json([_shown(ticket) for ticket in found])
        return
    for ticket in found:
        click.echo(f"{ticket.ticket_id}  {ticket.status}")
        for label, value in (
            ("person", ticket.sender_id),
            ("since", local_time(ticket.created_at)),
            ("why", _why(ticket)),
            ("priority", ticket.priority),
            ("queue", ticket.queue),
            ("assignee", _name(ticket) or "nobody"),
            ("bot", _bot_state(ticket)),
        ):
            click.echo(f"  {label:9} {value}")
        for said in ticket.history or ():
            click.echo(f"  {local_time(said.recorded_at)}")
            click.echo(f"    user  {printable(said.text)}")
            if said.answer:
                click.echo(f"    bot   {printable(said.answer)}")
        if ticket.history is None:
            click.echo("  what was said is not kept: there is no consent to it")


@tickets.command()
@bot_option
@json_option
@click.argument("ticket_id", metavar="TICKET")
@click.argument("name")
def assign(bot: Bot, ticket_id: str, name: str, *, as_json: bool) -> None:
    """Give a ticket to somebody of the team; it is in progress then.

    \b
    Examples:
      rasa-qa tickets assign h_0123456789ab Marta
    """
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise click.BadParameter(
            f"write 1 to {_LONGEST_NAME} characters", param_hint="NAME"
        )
    opened = open_bot(bot)
    _find(opened, ticket_id)
    with transaction(opened.engine) as connection:
        done = escalations.assign(connection, ticket_id, name.strip(), now=time.time())
    if not done:
        raise RasaQAError("ticket: closed; reopen it first: rasa-qa tickets reopen")
    _tell(opened, [ticket_id], as_json=as_json)


@tickets.command()
@bot_option
@json_option
@click.argument("ticket_ids", metavar="TICKET...", nargs=-1, required=True)
def close(bot: Bot, ticket_ids: Sequence[str], *, as_json: bool) -> None:
    """Close tickets; the bot takes a conversation over with its last one.

    Running servers notice at the person's next message. Closing twice changes nothing.

    \b
    Examples:
      rasa-qa tickets close h_0123456789ab
    """
    opened = open_bot(bot)
    recorder = opened.recorder
    _each(
        opened,
        ticket_ids,
        lambda one: recorder.close_ticket(one, now=time.time()),
        "was closed before",
    )
    _tell(opened, ticket_ids, as_json=as_json)


@tickets.command()
@bot_option
@json_option
@click.argument("ticket_ids", metavar="TICKET...", nargs=-1, required=True)
def reopen(bot: Bot, ticket_ids: Sequence[str], *, as_json: bool) -> None:
    """Open tickets again; the bot goes on meanwhile, and is not paused again.

    \b
    Examples:
      rasa-qa tickets reopen h_0123456789ab
    """
    opened = open_bot(bot)

    def back(ticket_id: str) -> bool:
        with transaction(opened.engine) as connection:
            ticket = escalations.find(connection, ticket_id)
            if ticket is None or ticket.status != "closed":
                return False
            return escalations.move(connection, ticket_id, "open", now=time.time())

    _each(opened, ticket_ids, back, "was not closed")
    _tell(opened, ticket_ids, as_json=as_json)


def _each(
    opened: Opened, ticket_ids: Sequence[str], do: Callable[[str], bool], not_done: str
) -> None:
    """Do something to all tickets, or to none when one is not there."""
    for ticket_id in ticket_ids:
        _find(opened, ticket_id)
    for number, ticket_id in enumerate(dict.fromkeys(ticket_ids), start=1):
        if not do(ticket_id):
            say(f"Ticket {number} {not_done}.")


def _find(opened: Opened, ticket_id: str) -> Ticket:
    with reading(opened.engine) as connection:
        ticket = escalations.find(connection, ticket_id)
    if ticket is None:
        raise RasaQAError(
            "ticket: there is none with this id; look it up: rasa-qa tickets list "
            "--status open --status in_progress --status closed"
        )
    return ticket


def _tell(opened: Opened, ticket_ids: Sequence[str], *, as_json: bool) -> None:
    found = [_find(opened, ticket_id) for ticket_id in dict.fromkeys(ticket_ids)]
    if as_json:
        print_json([_shown(ticket) for ticket in found])
        return
    for ticket in found:
        click.echo(
            f"{ticket.ticket_id}  {ticket.status}"
            + (f"  {_name(ticket)}" if ticket.assignee else "")
        )


def _shown(ticket: Ticket) -> object:
    return msgspec.to_builtins(ticket)


def _why(ticket: Ticket) -> str:
    tags = f" ({', '.join(ticket.tags)})" if ticket.tags else ""
    return ticket.reason.replace("_", " ") + tags


def _name(ticket: Ticket) -> str:
    return printable(ticket.assignee or "")


def _bot_state(ticket: Ticket) -> str:
    if not ticket.paused:
        return "goes on"
    return (
        "goes on since the ticket was closed"
        if ticket.status == "closed"
        else ("silent until the ticket is closed or the session ends")
    )
