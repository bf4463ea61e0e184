"""`rasa-qa turns`: searching what people said, by page, as a table, JSON or CSV."""

import csv
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta

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
    since_option,
    spreadsheet_cell,
)
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.privacy.vault import PSEUDONYM_PREFIX
from rasa_qa_plugin.review.flags import FLAGS
from rasa_qa_plugin.storage import search
from rasa_qa_plugin.storage import turns as stored
from rasa_qa_plugin.storage.engine import reading
from rasa_qa_plugin.storage.search import Filters, Order, Rating
from rasa_qa_plugin.storage.turns import Status, Turn

# Narrower terminals show what a reader needs; --json has everything.
_WIDE = 130
_RATINGS = {1: "good", -1: "bad", None: None}
_CSV = (
    *("turn_id", "said_at", "sender_id", "channel", "language", "text", "answer"),
    *("intent", "confidence", "second_intent", "margin", "entropy", "novelty"),
    *("live_intent", "live_confidence", "live_margin"),
    *("error_score", "priority", "status", "flags", "rating", "comment"),
)
_FRACTION = click.FloatRange(0.0, 1.0)


def _next_day(
    _context: click.Context, _parameter: click.Parameter, value: datetime | None
) -> float | None:
    return None if value is None else (value + timedelta(days=1)).timestamp()


@click.command()
@bot_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV for a spreadsheet.")
@since_option("Only turns said on that day or later.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_next_day,
    metavar="DATE",
    help="Only turns said on that day or earlier.",
)
@click.option("--intent", help="Only turns taken for this intent.")
@click.option("--min-confidence", type=_FRACTION, help="Only turns at least so sure.")
@click.option("--max-confidence", type=_FRACTION, help="Only turns at most so sure.")
@click.option("--flag", type=click.Choice(FLAGS), help="Only turns with this flag.")
@click.option("--flagged", is_flag=True, help="Only turns with any flag.")
@click.option("--channel", help="Only turns of this channel.")
@click.option(
    "--language", help="Only turns in this language, as the channel names it."
)
@click.option(
    "--rating",
    type=click.Choice(search.RATINGS),
    help="Only turns that people rated so, or not at all.",
)
@click.option(
    "--text",
    "words",
    metavar="WORDS",
    help="Only turns with all these words or parts of words, accents or not.",
)
@click.option(
    "--status", type=click.Choice(stored.STATUSES), help="Only turns in this status."
)
@click.option(
    "--conversation",
    metavar="PSEUDONYM",
    help="Only turns of this conversation; the channel's id will do too.",
)
@click.option(
    "--order",
    type=click.Choice(search.ORDERS),
    default="queue",
    show_default=True,
    help="Most errors per second of reading, latest, or least sure first.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many at most.",
)
@click.option("--after", metavar="TURN", help="Go on after this turn: the next page.")
def turns(  # noqa: PLR0913 - one per option
    bot: Bot,
    *,
    as_json: bool,
    as_csv: bool,
    since: float | None,
    until: float | None,
    intent: str | None,
    min_confidence: float | None,
    max_confidence: float | None,
    flag: str | None,
    flagged: bool,
    channel: str | None,
    language: str | None,
    rating: Rating | None,
    words: str | None,
    status: Status | None,
    conversation: str | None,
    order: Order,
    limit: int,
    after: str | None,
) -> None:
    """List turns, those first that are most worth reading.

    Texts are masked, and shown only of people who agreed. Days are those of this
    computer's time zone.

    \b
    Examples:
      rasa-qa turns --flagged
      rasa-qa turns --flag negative_feedback --json
      rasa-qa turns --intent request_quote --max-confidence 0.6 --limit 100
      rasa-qa turns --text "cuanto cuesta" --since 2026-11-01 --order recent
      rasa-qa turns --rating bad --csv > bad.csv
    """
    if as_json and as_csv:
        raise click.UsageError("--csv: contradicts --json; give one of them")
    opened = open_bot(bot)
    filters = Filters(
        since=since,
        until=until,
        intent=intent,
        min_confidence=min_confidence,
        max_confidence=max_confidence,
        flagged=flagged,
        flag=flag,
        channel=channel,
        language=language,
        rating=rating,
        words=words,
        statuses=(status,) if status else (),
        sender_id=_pseudonym(opened, conversation),
    )
    with reading(opened.engine) as connection:
        last = stored.by_id(connection, [after]).get(after) if after else None
        if after and last is None:
            raise RasaQAError("--after: no such turn; begin without it")
        found = list(
            search.find(connection, filters, order=order, after=last, limit=limit)
        )
    if as_json:
        print_json([msgspec.to_builtins(turn) for turn in found])
    elif as_csv:
        _print_csv(found)
    elif found:
        _print_table(found)
    if not found:
        say("No more such turns." if after else "No such turns.")
    elif len(found) == limit:
        say(f"There may be more: add --after {found[-1].turn_id}")


def _pseudonym(opened: Opened, conversation: str | None) -> str | None:
    if conversation is None or conversation.startswith(PSEUDONYM_PREFIX):
        return conversation
    return opened.vault.pseudonym(conversation)


def _print_csv(found: Sequence[Turn]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_CSV)
    for turn in found:
        values = {
            **msgspec.structs.asdict(turn),
            "said_at": local_time(turn.recorded_at),
            "flags": " ".join(turn.flags),
            "rating": _RATINGS[turn.rating],
        }
        writer.writerow([spreadsheet_cell(values[name]) for name in _CSV])


def _print_table(found: Sequence[Turn]) -> None:
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
        # What people write is not markup.
        said = Text(printable(turn.text)) if turn.text else Text("no consent", "dim")
        facts = (turn.status, local_time(turn.recorded_at), turn.turn_id)
        if not wide:
            said.append(f"\n{turn.turn_id} {turn.status}", "dim")
        table.add_row(
            said,
            Text(f"{printable(turn.intent or '')}{confidence}"),
            "\n".join(turn.flags),
            *(facts if wide else ()),
        )
    console.print(table)
