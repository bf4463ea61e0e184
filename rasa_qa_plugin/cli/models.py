"""`rasa-qa retrain` and `rasa-qa rollback`."""

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TypeVar

import click

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import bot_option, json_option, print_json, say
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.training.promotion import Server, roll_back
from rasa_qa_plugin.training.retraining import Retraining
from rasa_qa_plugin.training.retraining import retrain as run_retraining

F = TypeVar("F", bound=Callable[..., Any])


def _server_options(function: F) -> F:
    for option in (
        click.option(
            "--token",
            envvar="RASA_QA_SERVER_TOKEN",
            help="Token of the server's API (--auth-token); env RASA_QA_SERVER_TOKEN.",
        ),
        click.option(
            "--server", metavar="URL", help="Running Rasa server that loads the model."
        ),
    ):
        function = option(function)
    return function


@click.command()
@bot_option
@json_option
@_server_options
@click.option("--no-promote", is_flag=True, help="Train and compare only.")
@click.pass_context
def retrain(  # noqa: PLR0913 - one per option
    context: click.Context,
    bot: Bot,
    *,
    server: str | None,
    token: str | None,
    no_promote: bool,
    as_json: bool,
) -> None:
    """Train a candidate, compare it with the current model, promote it if not worse.

    Both models answer the same held-out file (training.test_set in qa.yml). The
    candidate is refused when macro-F1 falls by more than training.max_f1_drop; then the
    exit status is 3 and the current model stays. With --server the running server loads
    the model at once, otherwise at its next start.

    \b
    Examples:
      rasa-qa retrain
      rasa-qa retrain --server http://localhost:5005 --token secret
      rasa-qa retrain --no-promote --json
    """
    from rasa_qa_plugin.cli.progress import training_progress  # Rich

    opened = open_bot(bot)
    with training_progress() as on_progress:
        outcome = run_retraining(
            bot,
            opened.engine,
            opened.settings.training,
            server=Server(server, token) if server else None,
            may_promote=not no_promote,
            on_progress=on_progress,
            clock=time.time,
        )
    if as_json:
        print_json(outcome.report())
    else:
        _show(outcome)
    if outcome.judgement.verdict != "PROMOTE":
        context.exit(3)


def _show(outcome: Retraining) -> None:
    from rich.console import Console  # only for a table
    from rich.table import Table

    current, candidate = outcome.result.current, outcome.result.candidate
    table = Table("", "current", "candidate", title=f"Run {outcome.run_id}")
    for label, name in (
        ("accuracy", "accuracy"),
        ("in-scope accuracy", "in_scope_accuracy"),
        ("macro-F1", "macro_f1"),
        ("weighted F1", "weighted_f1"),
    ):
        before = "-" if current is None else f"{getattr(current, name):.3f}"
        table.add_row(label, before, f"{getattr(candidate, name):.3f}")
    if current is not None:
        table.add_row(
            "rows only it gets right",
            str(len(outcome.judgement.broken)),
            str(len(outcome.judgement.fixed)),
        )
    Console().print(table)
    click.echo(outcome.judgement.verdict)
    for reason in outcome.judgement.reasons:
        click.echo(f"  {reason}")
    if outcome.promoted is not None:
        where = f" and loaded by {outcome.server}" if outcome.server else ""
        say(f"Promoted: models/{outcome.promoted.name}{where}.")
    else:
        say(f"Candidate kept in {outcome.run_folder}; models/ is unchanged.")


@click.command()
@bot_option
@_server_options
@click.argument("model", required=False)
def rollback(
    bot: Bot, model: str | None, *, server: str | None, token: str | None
) -> None:
    """Return to the model before, or to MODEL, a file name in models/.

    \b
    Examples:
      rasa-qa rollback
      rasa-qa rollback 20261120-101500.tar.gz --server http://localhost:5005
    """
    opened = open_bot(bot)
    returned = roll_back(
        bot.models,
        target=model,
        server=Server(server, token) if server else None,
        now=datetime.now(timezone.utc),
    )
    from rasa_qa_plugin.storage import runs  # after the work is done
    from rasa_qa_plugin.storage.engine import transaction

    with transaction(opened.engine) as connection:
        runs.note(connection, "rollback", now=time.time(), model=returned.name)
    say(f"Now newest: models/{returned.name}.")
