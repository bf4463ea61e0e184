"""`rasa-qa stats`: what reviewing has shown so far."""

from itertools import islice
from typing import Any

import click

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    json_option,
    print_json,
    printable,
    since_option,
)
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.review.calibration import BINS, Calibration
from rasa_qa_plugin.review.statistics import Statistics, statistics
from rasa_qa_plugin.storage.engine import reading

_MOST_INTENTS = 20
_MOST_CONFUSIONS = 10
_MOST_PAIRS = 10


@click.command()
@bot_option
@json_option
@since_option("Only turns said, and decisions taken, on that day or later.")
def stats(bot: Bot, *, since: float | None, as_json: bool) -> None:
    """Count turns, and sum up what reviewing them has shown.

    How much is reviewed and how fast, how often the bot's intent was accepted, which
    intents it takes for which, and how far confidence and error score are from what
    people found, in ten bins and as expected calibration error (ECE), and how far
    people agree who read the same turns, as Cohen's kappa.

    \b
    Examples:
      rasa-qa stats
      rasa-qa stats --since 2026-11-01
      rasa-qa stats --json | jq .by_flag
    """
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        found = statistics(connection, since=since)
    if as_json:
        print_json(found)
        return
    from rich.console import Console  # only for tables

    console = Console()
    for table in _tables(found):
        console.print(table)
    if len(found.by_intent) > _MOST_INTENTS or len(found.confusions) > _MOST_CONFUSIONS:
        console.print("The rest is in --json.")


def _tables(found: Statistics) -> list[Any]:
    from rich.table import Table
    from rich.text import Text  # names are not markup

    overview = Table(title="Turns", show_header=False)
    for label, value in (
        ("turns", found.turns),
        ("with text (consent given)", found.with_text),
        ("reviewed", f"{found.reviewed} ({_percent(found.reviewed_share)})"),
        ("seconds a decision, median", _number(found.seconds_median)),
        ("seconds a decision, mean", _number(found.seconds_mean)),
        ("bot's intent accepted", _percent(found.accepted_share)),
        ("flagged", found.flagged),
        ("rated good / bad", f"{found.rated_good} / {found.rated_bad}"),
        ("stars, mean", _mean_of(found.stars_mean, found.stars)),
        ("mean confidence", _number(found.mean_confidence)),
        *((f"flag: {name}", count) for name, count in found.by_flag.items()),
        *((f"status: {name}", count) for name, count in found.by_status.items()),
    ):
        overview.add_row(label, str(value))
    tables = [overview]
    if found.by_intent:
        intents = _columns("Intents", ("bot's intent",), ("turns", "decided", "right"))
        for name, count in islice(found.by_intent.items(), _MOST_INTENTS):
            record = found.accuracy.get(name)
            intents.add_row(
                Text(name),
                str(count),
                str(record.decided) if record else "0",
                _percent(record.accuracy if record else None),
            )
        tables.append(intents)
    if found.confusions:
        confusions = _columns("Taken for", ("bot's intent", "right intent"), ("turns",))
        for pair in found.confusions[:_MOST_CONFUSIONS]:
            confusions.add_row(Text(pair.bot), Text(pair.right), str(pair.turns))
        tables.append(confusions)
    if found.agreement:
        pairs = _columns("Agreement", ("annotators",), ("turns", "same", "kappa"))
        for both in found.agreement[:_MOST_PAIRS]:
            names = Text(printable(", ".join(both.annotators)))
            pairs.add_row(names, str(both.turns), str(both.same), _number(both.kappa))
        tables.append(pairs)
    if found.decided:
        tables.append(_calibration_table(found.error_score, found.confidence))
    return tables


def _calibration_table(error_score: Calibration, confidence: Calibration) -> Any:
    sides = (error_score, confidence)
    table = _columns(
        "Calibration",
        ("between",),
        ("n", "error score", "errors", "n", "confidence", "right"),
    )
    for number in range(BINS):
        low = number / BINS
        row = [f"{low:.1f}-{low + 1 / BINS:.1f}"]
        for side in sides:
            held = next((one for one in side.bins if one.low == low), None)
            row += (
                [str(held.count), f"{held.stated:.2f}", f"{held.observed:.2f}"]
                if held
                else ["", "", ""]
            )
        if any(row[1:]):
            table.add_row(*row)
    errors = [_number(side.expected_error, digits=3) for side in sides]
    table.add_section()
    table.add_row("ECE", "", errors[0], "", "", errors[1], "")
    return table


def _columns(title: str, names: tuple[str, ...], numbers: tuple[str, ...]) -> Any:
    from rich.table import Table

    table = Table(title=title)
    for name in names:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _mean_of(mean: float | None, count: int) -> str:
    return "-" if mean is None else f"{mean:.1f} of {count}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _number(value: float | None, *, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
