"""`rasa-qa init` and `rasa-qa check`."""

import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from rasa_qa_plugin import changes as files
from rasa_qa_plugin import undoing
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    json_option,
    print_json,
    say,
    yes_option,
)
from rasa_qa_plugin.health import Finding, examine
from rasa_qa_plugin.installation import Installation, plan_installation
from rasa_qa_plugin.undoing import Undoing, plan_undoing


@click.command()
@bot_option
@click.option("--undo", is_flag=True, help="Take out again what init added.")
@click.option(
    "--replace-store",
    is_flag=True,
    help="Comment out a store that cannot be converted (Redis, MongoDB, MySQL ...).",
)
@yes_option("Write without asking.")
@click.option("--dry-run", is_flag=True, help="Only show the changes.")
@click.option(
    "--ci", is_flag=True, help="Print a GitHub Actions workflow that retrains."
)
@json_option
def init(  # noqa: PLR0913 - one for each option
    bot: Bot,
    *,
    undo: bool,
    replace_store: bool,
    yes: bool,
    dry_run: bool,
    ci: bool,
    as_json: bool,
) -> None:
    """Add the plugin to a bot: store, component, consent and feedback.

    Shows every change as a diff and asks before it writes, all files or none. Comments
    and layout of your files stay; running it again adds nothing twice. Former files are
    kept under .rasa_qa/backups, and --undo brings them back: byte for byte, or without
    init's lines where you edited them since.

    \b
    Examples:
      rasa-qa init
      rasa-qa init --bot my_bot --yes
      rasa-qa init --dry-run --json
      rasa-qa init --undo
      rasa-qa init --ci > .github/workflows/rasa-qa.yml
    """
    if ci:
        from rasa_qa_plugin.training.workflow import WORKFLOW

        click.echo(WORKFLOW, nl=False)
        return
    if yes and dry_run:
        raise click.UsageError("--dry-run: contradicts --yes; give one of them")
    if undo and replace_store:
        raise click.UsageError("--undo: contradicts --replace-store; give one of them")
    plan = (
        plan_undoing(bot)
        if undo
        else plan_installation(bot, replace_store=replace_store)
    )
    if not as_json:
        click.echo(files.diff(plan.changes, root=bot.folder), nl=False)
        for note in plan.notes:
            say(f"note: {note}")
    written = yes or (not dry_run and not as_json and _agreed(plan))
    backups = None
    if written:
        now = datetime.now(timezone.utc)
        backups = (
            undoing.undo(plan, bot=bot, now=now)
            if isinstance(plan, Undoing)
            else _install(plan, bot=bot, now=now)
        )
    if as_json:
        print_json(_as_json(plan, bot=bot, written=written, backups=backups))
    elif dry_run:
        say("Nothing was written.")
    elif written:
        say(_what_was_done(plan, bot=bot, backups=backups))


def _install(plan: Installation, *, bot: Bot, now: datetime) -> Path | None:
    return undoing.install(plan.changes, bot=bot, now=now) if plan.changes else None


def _agreed(plan: Installation | Undoing) -> bool:
    """Ask, where there is anything to write and somebody to ask."""
    if not plan.changes:
        return True
    if not sys.stdin.isatty():
        say("Nothing was written; add --yes to write these changes.")
        return False
    return click.confirm("Write these changes?", abort=True, err=True)


def _what_was_done(
    plan: Installation | Undoing, *, bot: Bot, backups: Path | None
) -> str:
    undone = isinstance(plan, Undoing)
    if not plan.changes:
        return (
            "Nothing to take out."
            if undone
            else "Nothing to do: the plugin is in this bot. Next: rasa-qa check"
        )
    lines = [f"Wrote {len(plan.changes)} files."]
    if backups is not None:
        lines.append(f"Former files: {backups.relative_to(bot.folder)}")
    lines.append(
        "Conversations stay in the database, with its key. Next: rasa train"
        if undone
        else "Next: call action_qa_ask_consent in a story or rule of yours, then\n"
        "  rasa train\n  rasa run actions &\n  rasa run"
    )
    return "\n".join(lines)


def _as_json(
    plan: Installation | Undoing, *, bot: Bot, written: bool, backups: Path | None
) -> dict[str, Any]:
    return {
        "written": written and bool(plan.changes),
        "changes": [
            {
                "file": change.path.relative_to(bot.folder).as_posix(),
                "was_there": change.before is not None,
                "stays": change.after is not None,
                "diff": files.diff([change], root=bot.folder),
            }
            for change in plan.changes
        ],
        "notes": plan.notes,
        "backups": None if backups is None else str(backups.relative_to(bot.folder)),
    }


@click.command()
@bot_option
@json_option
@click.pass_context
def check(context: click.Context, bot: Bot, *, as_json: bool) -> None:
    """Walk from settings to database and say what works and what is missing.

    Exit status 1 when something is missing.

    \b
    Examples:
      rasa-qa check
      rasa-qa check --bot my_bot --json
    """
    findings = list(examine(bot))
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            click.echo(_line(finding))
    if any(not finding.ok for finding in findings):
        context.exit(1)


def _line(finding: Finding) -> str:
    mark = (
        click.style("OK  ", fg="green") if finding.ok else click.style("FAIL", fg="red")
    )
    return f"{mark}  {finding.subject}: {finding.detail}"
