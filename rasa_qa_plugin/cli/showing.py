"""`rasa-qa show` and `flag`: single turns."""

import sys
import time
from collections.abc import Sequence

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
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.review import showing
from rasa_qa_plugin.review.flags import MANUAL, USER_REPORTED
from rasa_qa_plugin.review.showing import Shown
from rasa_qa_plugin.storage.engine import reading
from rasa_qa_plugin.storage.turns import Turn

# What people say of a turn; the other flags are what was seen in it.
_BY_HAND = (MANUAL, USER_REPORTED)


@click.command()
@bot_option
@json_option
@click.argument("turn_ids", metavar="TURN...", nargs=-1, required=True)
def show(bot: Bot, turn_ids: Sequence[str], *, as_json: bool) -> None:
    """Show turns with what was said around them, and why they may be wrong.

    Each signal's part is in log-odds: above zero it speaks for an error, below against.

    \b
    Examples:
      rasa-qa show t_0123456789abcdef0123
      rasa-qa show t_0123456789abcdef0123 --json | jq '.[0].reasons'
    """
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        shown = showing.show(connection, turn_ids)
    if as_json:
        print_json([msgspec.to_builtins(one) for one in shown])
        return
    from rich.console import Console  # only for people
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for one in shown:
        console.rule(Text(one.turn.turn_id), align="left")
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for label, value in (*_talk(one), ("", ""), *_facts(one)):
            table.add_row(Text(label), Text(printable(value)))
        console.print(table)


def _talk(shown: Shown) -> list[tuple[str, str]]:
    def lines(turn: Turn, mark: str) -> list[tuple[str, str]]:
        said = [(f"{mark} user", turn.text or "(no consent)")]
        return [*said, ("  bot", turn.answer)] if turn.answer else said

    return [
        *(line for turn in shown.before for line in lines(turn, " ")),
        *lines(shown.turn, ">"),
        *(line for turn in shown.after for line in lines(turn, " ")),
    ]


def _facts(shown: Shown) -> list[tuple[str, str]]:
    turn = shown.turn

    def number(value: float | None) -> str:
        return "" if value is None else f" {value:.2f}"

    guesses = [f"{turn.intent or 'none'}{number(turn.confidence)}"]
    if turn.second_intent:
        guesses.append(f"then {turn.second_intent}")
    guesses += [
        f"{name}{number(value)}"
        for name, value in (
            ("margin", turn.margin),
            ("entropy", turn.entropy),
            ("novelty", turn.novelty),
        )
        if value is not None
    ]
    rating = {1: "good", -1: "bad", None: "none"}[turn.rating]
    chances = "unknown" if turn.error_score is None else f"{turn.error_score:.0%}"
    source = "" if shown.ranked else ", before any ranking"
    where = [part for part in (turn.channel, turn.language, turn.model_id) if part]
    return [
        ("said", ", ".join([local_time(turn.recorded_at), *where])),
        ("conversation", f"{turn.sender_id}, event {turn.seq}"),
        ("status", turn.status),
        ("intent", ", ".join(guesses)),
        *(
            [("now", f"{turn.intent_now}{number(turn.live_confidence)}")]
            if turn.intent_now
            else []
        ),
        ("flags", ", ".join(turn.flags) or "none"),
        ("rating", f"{rating}: {turn.comment}" if turn.comment else rating),
        ("error score", f"{chances}{source}"),
        *((f"  {name}", f"{part:+.2f}") for name, part in shown.reasons.items()),
        *(
            (
                "annotation",
                f"{given.intent or 'no intent'}, {given.status}, "
                f"{local_time(given.annotated_at)}, {given.source}"
                + (f", by {given.annotator}" if given.annotator else "")
                + (f", decided by {given.approver}" if given.approver else "")
                + ("" if given.seconds is None else f", {given.seconds:.1f} s"),
            )
            for given in shown.annotations
        ),
        *(
            (
                "exported",
                f"{sent.file_name}, {sent.format}, {local_time(sent.created_at)}",
            )
            for sent in shown.batches
        ),
    ]


@click.command()
@bot_option
@json_option
@click.argument("turn_ids", metavar="TURN...|-", nargs=-1, required=True)
@click.option(
    "--reason",
    type=click.Choice(_BY_HAND),
    default=MANUAL,
    show_default=True,
    help="Which flag.",
)
@click.option("--off", is_flag=True, help="Lower the flag instead of raising it.")
def flag(
    bot: Bot, turn_ids: Sequence[str], *, reason: str, off: bool, as_json: bool
) -> None:
    """Flag turns by hand, or take the flag back.

    A rejected turn that is flagged waits to be read again. `-` reads ids from the
    standard input, one per line. Doing it twice changes nothing.

    \b
    Examples:
      rasa-qa flag t_0123456789abcdef0123
      rasa-qa flag t_0123456789abcdef0123 --off
      rasa-qa turns --text factura --json | jq -r '.[].turn_id' | rasa-qa flag -
    """
    ids: list[str] = []
    for turn_id in turn_ids:
        ids += sys.stdin.read().split() if turn_id == "-" else [turn_id]
    opened = open_bot(bot)
    marked = showing.mark(opened.engine, ids, reason, off=off, now=time.time())
    if as_json:
        print_json({"flag": reason, "raised": not off, **marked._asdict()})
        return
    say(f"{'Lowered' if off else 'Raised'} on {marked.changed} turns: {reason}.")
    if marked.reopened:
        say(f"{marked.reopened} rejected turns wait to be read again.")
