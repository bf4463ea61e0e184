"""`rasa-qa`: each command parses, calls one function of the core, and prints.

stdout is data, stderr is chatter. Exit status: 0 done, 1 an error of ours in one line,
2 usage or settings, 3 the gate refused a model.
"""

import sys
from importlib import import_module
from typing import Any

import click

from rasa_qa_plugin.errors import ConfigError, RasaQAError

# Command → module, function and the line that `rasa-qa --help` shows. The modules load
# the database and Rich, so they are imported when their command runs.
_COMMANDS = {
    "init": ("setup", "init", "Add the plugin to a bot; shows the changes first."),
    "check": ("setup", "check", "Say what works and what is missing."),
    "help": ("handbook", "help_", "Explain an action, slot, intent, setting ..."),
    "explain": ("privacy", "explain", "Show what would be masked in a text, and why."),
    "stats": ("statistics", "stats", "Count turns, and sum up the review."),
    "turns": ("turns", "turns", "List turns, the doubtful ones first."),
    "show": ("showing", "show", "Show single turns, and why they may be wrong."),
    "flag": ("showing", "flag", "Flag turns by hand."),
    "annotate": ("annotate", "annotate", "Read what waits, answer at a keypress."),
    "export": ("exporting", "export", "Write flagged turns to an annotation file."),
    "import": ("importing", "import_", "Read a corrected annotation file back."),
    "batches": ("batches", "batches", "See what went out, or take it back."),
    "approve": ("approval", "approve", "Approve corrections, or refuse them."),
    "merge": ("merging", "merge", "Add corrections to the training data."),
    "data-check": (
        "data_check",
        "data_check",
        "Look for what may be wrong with the training data.",
    ),
    "test-set": ("test_set", "test_set", "Look after the rows that judge a model."),
    "retrain": ("models", "retrain", "Train, compare with the current model, promote."),
    "promote": ("models", "promote", "Let the candidate of a former run go live."),
    "rollback": ("models", "rollback", "Return to the model before."),
    "runs": ("runs", "runs", "List, show and compare training runs."),
    "tickets": ("tickets", "tickets", "Work off what was handed over to people."),
    "consent": ("people", "consent", "Show or set what a person agreed to."),
    "erase": ("people", "erase", "Forget one person."),
    "subject-access": (
        "people",
        "subject_access",
        "Print everything held about one person.",
    ),
    "purge": ("retention", "purge", "Delete what is older than an age."),
    "scrub": ("retention", "scrub", "Mask what Rasa's own tracker store wrote."),
}


class _Commands(click.Group):
    """Loads commands when they are needed, and turns our errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Keep the order in which people use them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        if cmd_name not in _COMMANDS:
            return None
        module, function, summary = _COMMANDS[cmd_name]
        if ctx.resilient_parsing:
            return click.Command(cmd_name, short_help=summary)
        command: click.Command = getattr(
            import_module(f"rasa_qa_plugin.cli.{module}"), function
        )
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[2]) for name, row in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; our errors become one line and an exit status."""
        try:
            return super().invoke(ctx)
        except RasaQAError as error:
            click.echo(f"rasa-qa: {error}", err=True)
            ctx.exit(2 if isinstance(error, ConfigError) else 1)


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
    epilog="Each command has examples: rasa-qa COMMAND --help",
)
@click.version_option(package_name="rasa-qa-plugin", prog_name="rasa-qa")
def root() -> None:
    """The quality loop for Rasa Open Source: review, correct, retrain, promote.

    Run it in a bot folder, or name one with --bot after the command.
    """


def main() -> None:
    """Entry point of the console script."""
    try:
        root(prog_name="rasa-qa")
    except BrokenPipeError:
        # `rasa-qa turns | head` closes our stdout; that is no error.
        sys.stderr.close()
        sys.exit(0)
