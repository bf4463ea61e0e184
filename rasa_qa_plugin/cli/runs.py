"""`rasa-qa runs`: what was trained, from what, and what became of it."""

from collections.abc import Sequence
from typing import Any

import click
from sqlalchemy.engine import Connection

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    json_option,
    local_time,
    print_json,
    printable,
    say,
)
from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.storage import runs as stored
from rasa_qa_plugin.storage.engine import reading
from rasa_qa_plugin.storage.runs import TrainingRun
from rasa_qa_plugin.training.comparison import shown_p
from rasa_qa_plugin.training.outcome import Retraining

_FIGURES = (
    ("accuracy", "accuracy"),
    ("in-scope accuracy", "in_scope_accuracy"),
    ("macro-F1", "macro_f1"),
    ("weighted F1", "weighted_f1"),
    ("calibration error", "calibration_error"),
)
_SHOWN_ROWS = 10


@click.group()
def runs() -> None:
    """List, show and compare training runs.

    \b
    Examples:
      rasa-qa runs list
      rasa-qa runs show 20261120-101500-9f3c
      rasa-qa runs compare 20261120-101500-9f3c 20261121-093000-01ab
    """


@runs.command("list")
@bot_option
@json_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many at most.",
)
def list_(bot: Bot, *, limit: int, as_json: bool) -> None:
    """List runs, the newest first.

    \b
    Examples:
      rasa-qa runs list
      rasa-qa runs list --limit 5 --json
    """
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        found = stored.latest(connection, limit=limit)
    if as_json:
        print_json([_as_json(run) for run in found])
        return
    if not found:
        say("No run yet. Start one with: rasa-qa retrain")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("run", "started", "verdict", "macro-F1", "went live", "trained from")
    for run in found:
        made_from = run.report.get("made_from") or {}
        table.add_row(
            run.run_id,
            local_time(run.started_at),
            run.verdict,
            _from_to(run, "macro_f1"),
            _live(run),
            made_from.get("data", "-"),
        )
    Console().print(table)


@runs.command()
@bot_option
@json_option
@click.argument("run", metavar="RUN")
def show(bot: Bot, run: str, *, as_json: bool) -> None:
    """Show what a run found, what it was made from, and who let it go live.

    \b
    Examples:
      rasa-qa runs show 20261120-101500-9f3c
      rasa-qa runs show 20261120-101500-9f3c --json
    """
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        found = found_run(connection, run)
    if as_json:
        print_json(_as_json(found))
        return
    report = found.report
    _table(
        f"Run {found.run_id}",
        ("current", report.get("current")),
        ("candidate", report.get("candidate")),
    )
    click.echo(found.verdict)
    for reason in report.get("reasons", ()):
        click.echo(f"  {printable(reason)}")
    for name, value in (report.get("made_from") or {}).items():
        click.echo(f"{name}: {_plain(value)}")
    for stage, seconds in (report.get("seconds") or {}).items():
        click.echo(f"{stage}: {seconds:g} s")
    click.echo(f"went live: {_live(found)}")


@runs.command()
@bot_option
@json_option
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="OTHER")
def compare(bot: Bot, first: str, second: str, *, as_json: bool) -> None:
    """Compare the candidates of two runs.

    \b
    Examples:
      rasa-qa runs compare 20261120-101500-9f3c 20261121-093000-01ab
    """
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        found = [found_run(connection, name) for name in (first, second)]
    if as_json:
        print_json([_as_json(run) for run in found])
        return
    made_from = [run.report.get("made_from") or {} for run in found]
    _table("Candidates", *((run.run_id, run.report.get("candidate")) for run in found))
    for name in ("data", "config", "test_set", "version"):
        values = [one.get(name) for one in made_from]
        if values[0] != values[1]:
            click.echo(f"{name} differs: {values[0]} and {values[1]}")
    if made_from[0].get("test_set") != made_from[1].get("test_set"):
        say("The test sets differ, so the figures do not compare.")
    for intent, before, after in _intent_changes(found):
        click.echo(f"{intent}: F1 {before:.2f} and {after:.2f}")


def found_run(connection: Connection, run_id: str) -> TrainingRun:
    """Give a run by its id.

    Raises:
        TrainingError: There is none.
    """
    found = stored.find(connection, run_id)
    if found is None:
        raise TrainingError("run: unknown; `rasa-qa runs list` shows them")
    return found


def last_seconds(opened: Opened) -> dict[str, float]:
    """Give how long each stage of the last run took; the next takes about as long."""
    with reading(opened.engine) as connection:
        last = next(iter(stored.latest(connection, limit=1)), None)
    return {} if last is None else dict(last.report.get("seconds") or {})


def message_of(outcome: Retraining) -> tuple[str, str]:
    """Give title and body of a message to the team: figures and names, no texts."""
    judgement = outcome.judgement
    live = "live now" if outcome.promoted is not None else "not live"
    lines = [*judgement.reasons, f"run: {outcome.run_id}", f"candidate: {live}"]
    return f"Retraining: {judgement.verdict}", "\n".join(lines)


def show_outcome(outcome: Retraining) -> None:
    """Print how a run ended: figures, verdict, and the rows that changed."""
    report = outcome.report()
    _table(
        f"Run {outcome.run_id}",
        ("current", report["current"]),
        ("candidate", report["candidate"]),
    )
    click.echo(outcome.judgement.verdict)
    for reason in outcome.judgement.reasons:
        click.echo(f"  {printable(reason)}")
    _show_rows(outcome)
    if outcome.promoted is not None:
        servers = ", ".join(outcome.servers)
        where = f" and loaded by {servers}" if servers else ""
        say(f"Promoted: models/{outcome.promoted.name}{where}.")
    else:
        say("models/ is unchanged.")
        if outcome.judgement.verdict == "INCONCLUSIVE":
            say(
                f"Somebody has to look: rasa-qa promote {outcome.run_id} "
                "--force --reason TEXT"
            )
    if not outcome.notes:
        say(f"Report: {outcome.run_folder}/report.html")


def _show_rows(outcome: Retraining) -> None:
    """Show the rows on which the models differ: they tell more than a figure.

    Those that people said are only counted: no erasure reaches a log or a mail.
    """
    current = outcome.result.current
    judgement = outcome.judgement
    if current is None or not (judgement.fixed or judgement.broken):
        return
    after = outcome.result.candidate.predictions
    click.echo(
        f"changed rows: {len(judgement.fixed)} fixed, {len(judgement.broken)} broken "
        f"(McNemar {shown_p(judgement.mcnemar_p)})"
    )
    for mark, places in (("-", judgement.broken), ("+", judgement.fixed)):
        shown = [place for place in places if after[place].row in outcome.texts]
        for place in shown[:_SHOWN_ROWS]:
            row = after[place]
            text = printable(outcome.texts[row.row])
            said = current.predictions[place].predicted or "nothing"
            click.echo(f"  {mark} {text}: {said} → {row.predicted or 'nothing'}")
        if len(shown) > _SHOWN_ROWS:
            click.echo(f"  {mark} and {len(shown) - _SHOWN_ROWS} more")
        if len(places) > len(shown):
            hidden = len(places) - len(shown)
            click.echo(f"  {mark} and {hidden} not shown, because people said them")


def _table(title: str, *columns: tuple[str, dict[str, Any] | None]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", *(name for name, _ in columns), title=title)
    for label, figure in _FIGURES:
        table.add_row(
            label,
            *(
                "-"
                if metrics is None or figure not in metrics
                else f"{metrics[figure]:.3f}"
                for _, metrics in columns
            ),
        )
    for label, cell in (
        ("entity F1", _entities),
        ("out of scope, accepted", _strays),
        ("test conversations", _stories),
    ):
        cells = [cell(metrics or {}) for _, metrics in columns]
        if any(one != "-" for one in cells):
            table.add_row(label, *cells)
    Console().print(table)


def _entities(metrics: dict[str, Any]) -> str:
    found = metrics.get("entities")
    return f"{found['f1']:.3f}" if found else "-"


def _strays(metrics: dict[str, Any]) -> str:
    found = metrics.get("out_of_scope")
    return f"{found['accepted']} of {found['rows']}" if found else "-"


def _stories(metrics: dict[str, Any]) -> str:
    found = metrics.get("stories")
    if not found:
        return "-"
    passed = len(found["passed"])
    return f"{passed} of {passed + len(found['failed'])}"


def _intent_changes(found: Sequence[TrainingRun]) -> list[tuple[str, float, float]]:
    scores = [run.report.get("candidate", {}).get("per_intent", {}) for run in found]
    rows = [
        (intent, scores[0][intent]["f1"], scores[1][intent]["f1"])
        for intent in {*scores[0]} & {*scores[1]}
    ]
    changed = [row for row in rows if row[1] != row[2]]
    return sorted(changed, key=lambda row: (row[2] - row[1], row[0]))


def _from_to(run: TrainingRun, figure: str) -> str:
    before, after = (run.report.get(which) or {} for which in ("current", "candidate"))
    shown = [f"{one[figure]:.3f}" if figure in one else "-" for one in (before, after)]
    return " → ".join(shown)


def _live(run: TrainingRun) -> str:
    forced = run.report.get("forced")
    if not run.promoted:
        return "no"
    if not forced:
        return "yes"
    return printable(f"forced by {forced['by']}: {forced['reason']}")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={one}" for key, one in value.items()) or "-"
    return printable(str(value))


def _as_json(run: TrainingRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "verdict": run.verdict,
        "promoted": run.promoted,
        "current_model": run.current_model,
        "candidate_model": run.candidate_model,
        "report": run.report,
    }
