"""`rasa-qa import`: corrected files back."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec
from click.core import ParameterSource

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    json_option,
    me,
    name_option,
    print_json,
    printable,
    say,
)
from rasa_qa_plugin.errors import AnnotationError, RasaQAError
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.review.batches import handed_to
from rasa_qa_plugin.review.domain_names import domain_names
from rasa_qa_plugin.review.formats import catalogue
from rasa_qa_plugin.review.importing import import_items
from rasa_qa_plugin.review.intake import Imported
from rasa_qa_plugin.review.items import Item
from rasa_qa_plugin.review.rejects import Rejects, original_name
from rasa_qa_plugin.review.validation import Vocabulary
from rasa_qa_plugin.storage import annotations
from rasa_qa_plugin.storage.engine import reading


def _pairs(
    _context: click.Context, _parameter: click.Parameter, values: Sequence[str]
) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if not all(user.strip() and name.strip() for user, _, name in pairs):
        raise click.BadParameter("write USER=NAME, such as 1=Marta")
    return {user.strip(): name.strip() for user, _, name in pairs}


@click.command("import")
@bot_option
@json_option
@name_option("Who annotated, where the file does not say it and it was handed to none.")
@click.option(
    "--who",
    "people",
    metavar="USER=NAME",
    multiple=True,
    callback=_pairs,
    help="Name of a user that the file names by number or mail; may be repeated.",
)
@click.option(
    "--new-intent",
    "new_intents",
    metavar="NAME",
    multiple=True,
    help="An intent that the domain does not have yet; may be given several times.",
)
@click.option(
    "--new-entity",
    "new_entities",
    metavar="NAME",
    multiple=True,
    help="Likewise an entity.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(catalogue.NAMES),
    help="Of which tool; without it, the content says it.",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(  # noqa: PLR0913 - one per option
    bot: Bot,
    file: Path,
    *,
    name: str | None,
    people: Mapping[str, str],
    new_intents: Sequence[str],
    new_entities: Sequence[str],
    form: str | None,
    as_json: bool,
) -> None:
    """Read a corrected FILE back, in whatever of our formats it is.

    Sound corrections are recorded, all at once; doing it twice changes nothing. What is
    not sound is told with its line and written to FILE.rejected: mend it there, and
    import that file. Of turns that several people read, what more than half of them say
    counts; otherwise they wait again, flagged `disagreement`. Turns of people who took
    their consent back, or were erased, are dropped and counted.

    \b
    Examples:
      rasa-qa import review.yml
      rasa-qa import project-3-at-2026-11-30.json --who 1=Marta --who 2=Luis
      rasa-qa import review.csv --name Marta --new-intent ask_discount
      rasa-qa import review.yml.rejected
    """
    content = read_bytes(file)
    source = original_name(file.name)
    tool = (
        catalogue.format_named(form)
        if form
        else catalogue.format_of(content, file.with_name(source))
    )
    loaded = tool.load(content, file.name)
    opened = open_bot(bot)
    context = click.get_current_context()
    # A name in the environment says who imports, not who was handed the file.
    is_said = context.get_parameter_source("name") is ParameterSource.COMMANDLINE
    with reading(opened.engine) as connection:
        given = {} if is_said else handed_to(connection, source)
    rejects = Rejects(file, content, tool, root=bot.folder)
    imported = import_items(
        opened.engine,
        [_named(item, people) for item in loaded.items],
        privacy=opened.privacy,
        source=source,
        now=time.time(),
        annotator=me(name),
        handed_to=given,
        vocabulary=_vocabulary(bot, opened, new_intents, new_entities),
        problems=loaded.problems,
        rejects=rejects,
    )
    left = rejects.write(opened.engine)
    if as_json:
        rejected = {"rejected_file": None if left is None else left.name}
        print_json({**msgspec.to_builtins(imported), **rejected})
    _tell(imported, file, needs_approval=opened.settings.review.needs_approval)
    to_mend = sum(one.rejected for one in imported.complaints)
    if to_mend:
        where = "there" if left is None else f"them in {left.name} and import that"
        raise RasaQAError(f"{file.name}: {to_mend} not taken; mend {where}")
    if source != file.name:
        say(f"{file.name} is worked off; delete it.")


def read_bytes(path: Path) -> bytes:
    """Read a file that people edited.

    Raises:
        AnnotationError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        problem = f"cannot be read ({type(error).__name__}); check its permissions"
        raise AnnotationError(path.name, problem) from None


def _named(item: Item, people: Mapping[str, str]) -> Item:
    name = people.get(item.annotator or "", item.annotator)
    return msgspec.structs.replace(item, annotator=name)


def _vocabulary(
    bot: Bot, opened: Opened, intents: Sequence[str], entities: Sequence[str]
) -> Vocabulary:
    """Give the names of the domain, of earlier corrections and of the command line."""
    with reading(opened.engine) as connection:
        used = annotations.intents(connection)
        used_entities = annotations.entity_names(connection)
    known = domain_names(bot).entities
    return Vocabulary(
        intents=frozenset({*bot.domain_names("intents"), *used, *intents}),
        # Rasa learns entities that the domain leaves out; many list none of their own.
        entities=frozenset({*known, *used_entities, *entities}) if known else None,
    )


def _tell(done: Imported, file: Path, *, needs_approval: bool) -> None:
    if done.recorded or not done.complaints:
        say(
            f"Recorded {len(done.recorded)} corrections: "
            f"{len(done.confirmed)} found the bot right, {len(done.corrected)} did not"
            + (f", {len(done.refused)} rejected their turn." if done.refused else ".")
        )
    for names, what in (
        (done.known, "were known already"),
        (done.edited, "have an edited text"),
        (done.masked, "held personal data, which was masked"),
        (
            done.widened,
            "mark a part of an invented value; the mark covers all of it now",
        ),
        (done.repaired, "mark a part of a word; the mark covers all of it now"),
        (done.skipped, "were left undecided and wait again"),
        (
            done.disputed,
            "are disputed and wait again: rasa-qa turns --flag disagreement",
        ),
        (done.settled, "were approved or merged before and stay as they are"),
        (done.unknown, "belong to turns that are not in this database"),
        (done.withdrawn, "dropped: consent was taken back"),
    ):
        if names:
            say(f"{len(names)} {what}.")
    for pair in done.agreement:
        kappa = "" if pair.kappa is None else f", Cohen's kappa {pair.kappa:.2f}"
        names_of = " and ".join(map(printable, pair.annotators))
        say(f"{names_of} agree on {pair.same} of {pair.turns} turns{kappa}.")
    for one in done.complaints:
        line = "" if one.line is None else f", line {one.line}"
        say(f"{file.name}{line}: {one.message}")
    if done.recorded:
        say(f"Next: rasa-qa {'approve' if needs_approval else 'merge'}")
