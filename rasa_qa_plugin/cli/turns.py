"""`rasa-qa stats` and `rasa-qa turns`."""

import click
import msgspec

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    json_option,
    local_time,
    print_json,
    say,
)
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.review.flags import FLAGS
from rasa_qa_plugin.storage import turns as stored
from rasa_qa_plugin.storage.engine import reading

# Narrower terminals show what a reader needs; --json has everything.
_WIDE = 130


@click.command()
@bot_option
@json_option
def stats(bot: Bot, *, as_json: bool) -> None:
    """Count turns, flags and ratings.

    \b
    Examples:
      rasa-qa stats
      rasa-qa stats --json | jq .by_flag
    """
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        counted = stored.statistics(connection)
    if as_json:
        print_json(counted)
        return
    from rich.console import Console  # only for a table
    from rich.table import Table

    table = Table(title="Turns", show_header=False)
    confidence = counted.mean_confidence
    for label, value in (
        ("turns", counted.turns),
        ("with text (consent given)", counted.with_text),
        ("flagged", counted.flagged),
        ("rated good / bad", f"{counted.rated_good} / {counted.rated_bad}"),
        ("mean confidence", "-" if confidence is None else f"{confidence:.2f}"),
        *((f"flag: {name}", count) for name, count in counted.by_flag.items()),
        *((f"status: {name}", count) for name, count in counted.by_status.items()),
        *((f"intent: {name}", count) for name, count in counted.by_intent.items()),
    ):
        table.add_row(label, str(value))
    Console().print(table)


@click.command()
@bot_option
@json_option
@click.option("--flag", type=click.Choice(FLAGS), help="Only turns with this flag.")
@click.option("--flagged", is_flag=True, help="Only turns with any flag.")
@click.option("--intent", help="Only turns taken for this intent.")
@click.option(
    "--status", type=click.Choice(stored.STATUSES), help="Only turns in this status."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many at most.",
)
def turns(  # noqa: PLR0913 - one per option
    bot: Bot,
    *,
    as_json: bool,
    flag: str | None,
    flagged: bool,
    intent: str | None,
    status: str | None,
    limit: int,
) -> None:
    """List turns, the doubtful ones first.

    Texts are masked, and shown only of people who agreed.

    \b
    Examples:
      rasa-qa turns --flagged
      rasa-qa turns --flag negative_feedback --json
      rasa-qa turns --intent request_quote --limit 100
    """
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        found = list(
            stored.find(
                connection,
                flag=flag,
                flagged=True if flagged else None,
                intent=intent,
                statuses=[status] if status else [],
                limit=limit,
            )
        )
    if as_json:
        print_json([msgspec.to_builtins(turn) for turn in found])
        return
    if not found:
        say("No such turns.")
        return
    from rich.console import Console  # only for a table
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(expand=True)
    table.add_column("text", ratio=1)
    table.add_column("intent", overflow="fold")
    table.add_column("flags", overflow="fold")
    wide = console.width >= _WIDE
    if wide:
        for name in ("status", "when", "turn"):
            table.add_column(name, no_wrap=True)
    for turn in found:
        confidence = "" if turn.confidence is None else f" {turn.confidence:.2f}"
        row: list[Text | str] = [
            # What people write is not markup.
            Text("no consent", "dim") if turn.text is None else Text(turn.text),
            f"{turn.intent or ''}{confidence}",
            "\n".join(turn.flags),
        ]
        if wide:
            row += [turn.status, local_time(turn.recorded_at), turn.turn_id]
        table.add_row(*row)
    console.print(table)
