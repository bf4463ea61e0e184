"""`rasa-qa tickets` on a small bot with a real database."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from rasa_qa_plugin import cli
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.tickets import tickets
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.storage.escalations import Ticket
from tests.conftest import Events
from tests.contract.test_tickets import CASE, asks
from tests.unit.test_cli import PHONE, WHO, folder

__all__ = ["folder"]  # a fixture


def call(folder: Path, *arguments: str) -> Result:
    """Run a command of the group; `--bot` goes behind its name."""
    given = [*arguments[:2], "--bot", str(folder), *arguments[2:]]
    return CliRunner().invoke(cli.root, given, prog_name="rasa-qa")


@pytest.fixture
def ticket(folder: Path, events: Events) -> Ticket:
    """The pressing ticket of one who agreed; another person's is not pressing."""
    opened = open_bot(Bot(folder))
    ticket = asks(opened, events, WHO, text=f"urge\x1b[2J {PHONE}")
    asks(
        opened, events, "other", agrees=False,
        case={**CASE, "priority": "low", "queue": "desk", "tags": [], "pause": False},
    )  # fmt: skip
    opened.engine.dispose()
    return ticket


def listed(folder: Path, *arguments: str) -> list[Any]:
    result = call(folder, "tickets", "list", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return list(json.loads(result.stdout))


def test_the_list_shows_what_waits_and_no_word(folder: Path, ticket: Ticket) -> None:
    result = call(folder, "tickets", "list")

    first, second = result.stdout.splitlines()
    assert first.startswith(ticket.ticket_id)
    assert "high    sales         open         keyword (urgent)" in first
    assert "low     desk          open         keyword" in second
    assert "urge" not in first.replace("urgent", "")
    assert [one["queue"] for one in listed(folder)] == ["sales", "desk"]
    assert [one["queue"] for one in listed(folder, "--queue", "desk")] == ["desk"]
    assert len(listed(folder, "--limit", "1")) == 1
    assert listed(folder, "--status", "closed") == []
    none = call(folder, "tickets", "list", "--status", "closed")
    assert (none.stdout, none.stderr) == ("", "No such tickets.\n")


def test_show_gives_the_masked_words_and_commands_no_terminal(
    folder: Path, ticket: Ticket
) -> None:
    shown = call(folder, "tickets", "show", ticket.ticket_id).stdout

    assert "[PHONE]" in shown
    assert "silent until the ticket is closed" in shown
    assert "\x1b" not in shown
    assert PHONE not in shown
    (other,) = listed(folder, "--queue", "desk")
    shown = call(folder, "tickets", "show", other["ticket_id"]).stdout
    assert "there is no consent to it" in shown
    result = call(folder, "tickets", "show", "--json", ticket.ticket_id)
    assert json.loads(result.stdout)[0]["history"][0]["answer"] == "Ya viene alguien."


def test_a_ticket_is_assigned_closed_and_reopened(folder: Path, ticket: Ticket) -> None:
    name = ticket.ticket_id
    assigned = call(folder, "tickets", "assign", name, "Marta")
    assert assigned.stdout == f"{name}  in_progress  Marta\n"
    assert len(listed(folder, "--assignee", "Marta")) == 1

    closed = call(folder, "tickets", "close", name, "--json")
    assert [one["status"] for one in json.loads(closed.stdout)] == ["closed"]
    again = call(folder, "tickets", "close", name)
    assert (again.exit_code, again.stderr) == (0, "Ticket 1 was closed before.\n")
    refused = call(folder, "tickets", "assign", name, "Ana")
    assert refused.exit_code == 1
    assert "closed; reopen it first" in refused.stderr

    assert call(folder, "tickets", "reopen", name).stdout.startswith(f"{name}  open")
    early = call(folder, "tickets", "reopen", name)
    assert early.stderr == "Ticket 1 was not closed.\n"


@pytest.mark.parametrize("command", ["show", "close", "reopen"])
def test_an_unknown_ticket_changes_nothing_and_is_not_repeated(
    folder: Path, ticket: Ticket, command: str
) -> None:
    result = call(folder, "tickets", command, ticket.ticket_id, f"h_{PHONE}")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("rasa-qa: ticket: there is none with this id")
    assert PHONE not in result.stderr
    assert [one["status"] for one in listed(folder)] == ["open", "open"]


def test_a_name_must_be_one(folder: Path, ticket: Ticket) -> None:
    for name in (" ", "x" * 101):
        result = call(folder, "tickets", "assign", ticket.ticket_id, name)
        assert result.exit_code == 2
        assert "NAME" in result.stderr


@pytest.mark.parametrize("name", tickets.commands)
def test_every_ticket_command_has_help_with_examples(name: str) -> None:
    command = tickets.commands[name]

    assert command.help is not None
    assert f"Examples:\n      rasa-qa tickets {name}" in command.help
    assert "--json" in command.get_help(click.Context(command))
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help


def test_tickets_stands_in_the_help() -> None:
    assert "tickets" in cli.root.list_commands(click.Context(cli.root))
