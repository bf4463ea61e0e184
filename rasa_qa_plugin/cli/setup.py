"""`rasa-qa init` and `rasa-qa check`."""

import sys
from datetime import datetime, timezone

import click

from rasa_qa_plugin import changes as files
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    json_option,
    print_json,
    say,
    yes_option,
)
from rasa_qa_plugin.health import Finding, examine
from rasa_qa_plugin.installation import plan_installation


@click.command()
@bot_option
@yes_option("Write without asking.")
def init(bot: Bot, *, yes: bool) -> None:
    """Add the plugin to a bot: store, component, consent and feedback.

    Shows every change as a diff and asks before it writes. Comments and layout of your
    files stay; running it again adds nothing twice. Former files are kept under
    .rasa_qa/backups.

    \b
    Examples:
      rasa-qa init
      rasa-qa init --bot my_bot --yes
    """
    plan = plan_installation(bot)
    if not plan.changes:
        say("Nothing to do: the plugin is in this bot. Next: rasa-qa check")
        return
    click.echo(files.diff(plan.changes, root=bot.folder), nl=False)
    for note in plan.notes:
        say(f"note: {note}")
    if not yes:
        if not sys.stdin.isatty():
            say("Nothing was written; add --yes to write these changes.")
            return
        click.confirm("Write these changes?", abort=True, err=True)
    backups = files.write(
        plan.changes,
        root=bot.folder,
        backups=bot.workspace / "backups",
        now=datetime.now(timezone.utc),
    )
    say(f"Wrote {len(plan.changes)} files.")
    if backups is not None:
        say(f"Former files: {backups.relative_to(bot.folder)}")
    say(
        "Next: call action_qa_ask_consent in a story or rule of yours, then\n"
        "  rasa train\n  rasa run actions &\n  rasa run"
    )


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
