"""`rasa-qa approve`: a second look at corrections."""

import sys
import time
from collections.abc import Sequence

import click

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    json_option,
    me,
    name_option,
    print_json,
    printable,
    say,
    yes_option,
)
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.review import approval
from rasa_qa_plugin.review.approval import Candidate, Decided, Rules


@click.command()
@bot_option
@json_option
@yes_option("Decide about all of them without asking.")
@click.option("--agreed", is_flag=True, help="Only what two people said alike.")
@click.option("--confirmed", is_flag=True, help="Only what finds the bot right.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0.0, 1.0),
    help="Only where the bot was at least so sure.",
)
@click.option("--annotator", metavar="NAME", help="Only what this person annotated.")
@click.option(
    "--refuse",
    is_flag=True,
    help="Refuse instead, also what was approved before: the turns wait again.",
)
@name_option("Who decides.")
@click.argument("what", metavar="[BATCH|FILE|TURN]...", nargs=-1)
def approve(  # noqa: PLR0913 - one per option
    bot: Bot,
    what: Sequence[str],
    *,
    agreed: bool,
    confirmed: bool,
    min_confidence: float | None,
    annotator: str | None,
    refuse: bool,
    name: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Approve corrections, of batches or imported files or all, or refuse them.

    In a terminal they are shown one by one; with --yes, or by a rule, all at once. With
    `review.approval: true` in qa.yml, `rasa-qa merge` takes approved ones only; with
    `review.two_people: true`, nobody approves what they annotated themselves. Every
    decision is noted with your name in the audit trail.

    \b
    Examples:
      rasa-qa approve
      rasa-qa approve review.yml
      rasa-qa approve b_0123456789abcdef --agreed --yes
      rasa-qa approve --confirmed --min-confidence 0.9 --name Luis --yes
      rasa-qa approve t_0123456789abcdef0123 --refuse --yes
    """
    who = me(name)
    opened = open_bot(bot)
    rules = Rules(
        agreed=agreed,
        confirmed=confirmed,
        min_confidence=min_confidence,
        annotator=annotator,
    )
    found = approval.candidates(opened.engine, what, rules=rules, approved_too=refuse)
    if not found:
        if as_json:
            print_json(Decided())
        say("No such corrections wait for approval.")
        return
    verb = "refuse" if refuse else "approve"
    if yes:
        done = _decide(opened, found, who, approve=not refuse)
    elif not (sys.stdin.isatty() and sys.stdout.isatty()):
        say(f"{len(found)} to {verb}. Nothing was decided; add --yes to {verb} them.")
        return
    elif rules or refuse:
        click.confirm(f"{verb.capitalize()} {len(found)}?", abort=True, err=True)
        done = _decide(opened, found, who, approve=not refuse)
    else:
        done = _one_by_one(opened, found, who)
    if as_json:
        print_json(done)
    _tell(done)


def _decide(
    opened: Opened, chosen: Sequence[Candidate], name: str, *, approve: bool
) -> Decided:
    return approval.decide(
        opened.engine,
        chosen,
        approve=approve,
        name=name,
        review=opened.settings.review,
        now=time.time(),
    )


def _one_by_one(opened: Opened, found: Sequence[Candidate], name: str) -> Decided:
    """Ask about each; every decision is kept at once."""
    total = Decided()
    for number, one in enumerate(found, start=1):
        for label, value in _lines(one, f"{number} of {len(found)}"):
            click.echo(f"{label:9} {printable(value)}")
        key = click.prompt(
            "a approve, r refuse, s skip, q quit",
            type=click.Choice(["a", "r", "s", "q"]),
            show_choices=False,
            err=True,
        )
        if key == "q":
            break
        if key == "s":
            continue
        done = _decide(opened, [one], name, approve=key == "a")
        for field in Decided.__struct_fields__:
            getattr(total, field).extend(getattr(done, field))
        for problem in _problems(done):
            say(problem)
    return total


def _lines(one: Candidate, place: str) -> list[tuple[str, str]]:
    given, turn = one.given, one.turn
    text = given.text or ""
    marks = ", ".join(
        f"{mark['entity']}: {text[mark['start'] : mark['end']]}"
        for mark in given.entities
    )
    sure = "" if turn.confidence is None else f" {turn.confidence:.2f}"
    people = [given.annotator or "nobody named", *one.seconded_by]
    lines = [
        (place, given.turn_id),
        ("text", text),
        ("bot", f"{turn.intent or 'none'}{sure}"),
        ("now", f"{given.intent}{'' if one.confirmed else ' (corrected)'}"),
        ("entities", marks or "none"),
        ("by", ", ".join(people)),
    ]
    return [*lines, ("edited", turn.text or "")] if text != turn.text else lines


def _tell(done: Decided) -> None:
    say(f"Approved {len(done.approved)}, refused {len(done.refused)}.")
    for problem in _problems(done):
        say(problem)
    if done.approved:
        say("Next: rasa-qa merge")


def _problems(done: Decided) -> list[str]:
    return [
        f"{len(ids)} {what}."
        for ids, what in (
            (done.own, "left alone: you annotated them, so somebody else approves"),
            (
                done.nameless,
                "left alone: nobody said who annotated them; import again with --name",
            ),
            (done.changed, "changed meanwhile; run the command again"),
        )
        if ids
    ]
