"""`rasa-qa retrain`, `promote` and `rollback`."""

import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

import click
from ruamel.yaml.error import YAMLError

from rasa_qa_plugin.announcing import announce, services
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.options import (
    bot_option,
    checked_name,
    json_option,
    me,
    print_json,
    say,
)
from rasa_qa_plugin.cli.runs import found_run, last_seconds, message_of, show_outcome
from rasa_qa_plugin.errors import ConfigError, RasaQAError, TrainingError
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.settings import parser
from rasa_qa_plugin.storage import copies, runs
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.training.outcome import ReadRows, Retraining, Rows
from rasa_qa_plugin.training.promotion import roll_back
from rasa_qa_plugin.training.rasa_server import Server
from rasa_qa_plugin.training.remote import check_storage, upload
from rasa_qa_plugin.training.retraining import Wanted, keep_reread, promote_run
from rasa_qa_plugin.training.retraining import retrain as run_retraining

F = TypeVar("F", bound=Callable[..., Any])

_LONGEST_REASON = 500


def _server_options(function: F) -> F:
    for option in (
        click.option(
            "--jwt",
            envvar="RASA_QA_SERVER_JWT",
            help="Signed JWT for its API (--jwt-secret); env RASA_QA_SERVER_JWT.",
        ),
        click.option(
            "--token",
            envvar="RASA_QA_SERVER_TOKEN",
            help="Token of the server's API (--auth-token); env RASA_QA_SERVER_TOKEN.",
        ),
        click.option(
            "--server",
            "urls",
            metavar="URL",
            multiple=True,
            help="Running Rasa server that loads the model; give one or several.",
        ),
    ):
        function = option(function)
    return function


def _overrides(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Any]:
    """Read ``COMPONENT.OPTION=VALUE``, the value as YAML would."""
    found: dict[str, Any] = {}
    for value in values:
        key, equals, content = value.partition("=")
        if not equals or not all(key.rpartition(".")):
            raise click.BadParameter("write COMPONENT.OPTION=VALUE")
        try:
            found[key] = parser().load(content)
        except YAMLError:
            raise click.BadParameter(
                f"{key}: write its value as in config.yml"
            ) from None
    return found


@click.command()
@bot_option
@json_option
@_server_options
@click.option("--no-promote", is_flag=True, help="Train and compare only.")
@click.option(
    "--if-due",
    is_flag=True,
    help="Only after training.retrain_after merged corrections; for cron.",
)
@click.option(
    "--finetune",
    type=click.FloatRange(min=0, max=1, min_open=True),
    metavar="SHARE",
    help="Train the current model further, with this share of its epochs.",
)
@click.option(
    "--set",
    "overrides",
    metavar="COMPONENT.OPTION=VALUE",
    multiple=True,
    callback=_overrides,
    help="Change an option of config.yml for this run; may be given several times.",
)
@click.option(
    "--train-server",
    metavar="URL",
    help="Another Rasa server that trains; its token: env RASA_QA_TRAIN_TOKEN.",
)
@click.option(
    "--upload",
    "storage",
    metavar="STORAGE",
    help="Store a promoted model for a fleet: aws, gcs, azure, or a persistor's path.",
)
@click.pass_context
def retrain(  # noqa: PLR0913 - one per option
    context: click.Context,
    bot: Bot,
    *,
    urls: tuple[str, ...],
    token: str | None,
    jwt: str | None,
    no_promote: bool,
    if_due: bool,
    finetune: float | None,
    overrides: dict[str, Any],
    train_server: str | None,
    storage: str | None,
    as_json: bool,
) -> None:
    """Train a candidate, compare it with the current model, promote it if not worse.

    Both models answer the same held-out file (training.test_set in qa.yml) and play the
    same test conversations. Only the verdict PROMOTE lets the candidate go live; REFUSE
    and INCONCLUSIVE leave the current model and give exit status 3. With --server the
    running servers load the model at once, all or none, otherwise at their next start.

    \b
    Examples:
      rasa-qa retrain
      rasa-qa retrain --server http://localhost:5005
      rasa-qa retrain --if-due --server http://one:5005 --server http://two:5005
      rasa-qa retrain --no-promote --set DIETClassifier.epochs=50 --json
      rasa-qa retrain --train-server http://gpu:5005 --upload aws
    """
    if finetune is not None and train_server is not None:
        raise click.UsageError("--finetune: contradicts --train-server; give one")
    check_storage(storage)
    opened = open_bot(bot)
    team = services(opened.settings.training.notify, key="training.notify")
    if if_due and not _is_due(opened, as_json=as_json):
        return
    try:
        wanted = Wanted(
            servers=_servers(bot, urls, token=token, jwt=jwt),
            may_promote=not no_promote,
            finetune=finetune,
            overrides=overrides,
            train_server=_trainer(train_server),
            remarks=_leaks(bot, opened),
        )
        outcome = _retrained(bot, opened, wanted)
    except RasaQAError as error:
        _announce(team, "Retraining failed", str(error))
        raise
    _announce(team, *message_of(outcome))
    for note in outcome.notes:
        say(f"note: {note}")
    if as_json:
        print_json(outcome.report())
    else:
        show_outcome(outcome)
    if storage is not None and outcome.promoted is not None:
        try:
            upload(outcome.promoted, storage)
        except RasaQAError as error:  # it is live here all the same
            _announce(team, "Model not stored for the fleet", str(error))
            raise
    if outcome.judgement.verdict != "PROMOTE":
        context.exit(3)


@click.command()
@bot_option
@_server_options
@click.argument("run", metavar="RUN")
@click.option("--force", is_flag=True, help="Against the verdict; needs --reason.")
@click.option("--reason", metavar="TEXT", help="Why; goes on record with your name.")
@click.option(
    "--by",
    metavar="NAME",
    callback=checked_name,
    help="Who forces it, if not this account.",
)
def promote(  # noqa: PLR0913 - one per option
    bot: Bot,
    run: str,
    *,
    urls: tuple[str, ...],
    token: str | None,
    jwt: str | None,
    force: bool,
    reason: str | None,
    by: str | None,
) -> None:
    """Let the candidate of RUN go live: after `retrain --no-promote`, or by force.

    An inconclusive or refused candidate needs --force and a reason, which are recorded
    with the run.

    \b
    Examples:
      rasa-qa promote 20261120-101500-9f3c
      rasa-qa promote 20261120-101500-9f3c --force --reason "looked at all changed rows"
    """
    if force and not (reason or "").strip():
        raise click.UsageError("--force: needs --reason TEXT, which goes on record")
    if reason and not force:
        raise click.UsageError("--reason: goes with --force")
    if len(reason or "") > _LONGEST_REASON:
        raise click.UsageError(f"--reason: longer than {_LONGEST_REASON} characters")
    forced = {"by": me(by), "reason": reason or ""} if force else None
    opened = open_bot(bot)
    with reading(opened.engine) as connection:
        former = found_run(connection, run)
    promoted, notes = promote_run(
        bot,
        opened.engine,
        opened.settings,
        former,
        servers=_servers(bot, urls, token=token, jwt=jwt),
        rows=_rows(bot, opened),
        forced=forced,
        clock=time.time,
    )
    say(f"Promoted: models/{promoted.name}.")
    for note in notes:
        say(f"note: {note}")


@click.command()
@bot_option
@_server_options
@click.argument("target", metavar="[RUN]", required=False)
def rollback(
    bot: Bot,
    target: str | None,
    *,
    urls: tuple[str, ...],
    token: str | None,
    jwt: str | None,
) -> None:
    """Return to the model before, to that of RUN, or to a file named in models/.

    \b
    Examples:
      rasa-qa rollback
      rasa-qa rollback 20261120-101500-9f3c
      rasa-qa rollback 20261120-101500.tar.gz --server http://localhost:5005
    """
    from rasa_qa_plugin.training.lock import held

    opened = open_bot(bot)
    path = None
    if target is not None and target.endswith(".tar.gz"):
        path = bot.models / target
    elif target is not None:
        with reading(opened.engine) as connection:
            path = _model_of(bot, found_run(connection, target))
    with held(bot.folder):
        returned = roll_back(
            bot.models,
            target=path,
            servers=_servers(bot, urls, token=token, jwt=jwt),
            now=datetime.now(timezone.utc),
        )
        notes = keep_reread(opened.engine)
    with transaction(opened.engine) as connection:
        runs.note(connection, "rollback", now=time.time(), model=returned.name)
    say(f"Now newest: models/{returned.name}.")
    for note in notes:
        say(f"note: {note}")


def _retrained(bot: Bot, opened: Opened, wanted: Wanted) -> Retraining:
    from rasa_qa_plugin.cli.progress import training_progress  # Rich

    with training_progress(last_seconds(opened)) as on_progress:
        return run_retraining(
            bot,
            opened.engine,
            opened.settings,
            wanted,
            rows=_rows(bot, opened),
            on_progress=on_progress,
            clock=time.time,
        )


def _trainer(url: str | None) -> Server | None:
    return Server(url, os.environ.get("RASA_QA_TRAIN_TOKEN")) if url else None


def _announce(team: Sequence[Any], title: str, body: str) -> None:
    failed = announce(team, title=title, body=body) if team else 0
    if failed:
        say(
            f"note: training.notify: {failed} of {len(team)} addresses not reached; "
            "check them"
        )


def _model_of(bot: Bot, run: runs.TrainingRun) -> Path:
    """Give the model that a run made live."""
    folder = bot.workspace / "runs" / run.run_id / "candidate"
    places = [bot.models / (run.candidate_model or ""), *sorted(folder.glob("*.gz"))]
    for path in places if run.promoted else ():
        if path.is_file():
            return path
    raise TrainingError(
        "rollback: this run's model never went live, or is not kept any more; "
        "`rasa-qa runs list` shows those that are"
    )


def _is_due(opened: Opened, *, as_json: bool) -> bool:
    """Say whether enough was merged since the last run."""
    needed = opened.settings.training.retrain_after
    with reading(opened.engine) as connection:
        last = next(iter(runs.latest(connection, limit=1)), None)
        merged = runs.merged_since(connection, last.started_at if last else 0.0)
    if merged >= needed:
        return True
    if as_json:
        print_json({"due": False, "merged": merged, "needed": needed})
    else:
        say(f"Not due: {merged} of {needed} corrections merged since the last run.")
    return False


def _leaks(bot: Bot, opened: Opened) -> tuple[str, ...]:
    """Say how much of the test set training has seen.

    Raises:
        TrainingError: So much that its figures would mean nothing.
    """
    from rasa_qa_plugin.review.held_out_rows import read_test_set
    from rasa_qa_plugin.review.leakage import leaks  # scikit-learn
    from rasa_qa_plugin.review.training_data import training_examples

    training = opened.settings.training
    rows = read_test_set(bot.folder / training.test_set)
    trained = training_examples(bot.data)
    found = leaks([row.text for row in rows], [row.text for row in trained])
    exact = sum(one.exact for one in found)
    if exact > training.max_leaked * len(rows):
        raise TrainingError(
            f"test set: {exact} of its {len(rows)} rows stand in the training data and "
            "would flatter the score; `rasa-qa test-set` lists them, --drop-leaked "
            "takes them out"
        )
    near = len(found) - exact
    told = f"{exact} test rows are in the training data, {near} nearly so"
    return (f"{told}; `rasa-qa test-set` lists them",) if found else ()


def _servers(
    bot: Bot, urls: tuple[str, ...], *, token: str | None, jwt: str | None
) -> tuple[Server, ...]:
    if not urls:
        return ()
    try:
        channel_token = bot.channel_token()
    except ConfigError as error:
        say(f"note: {error}; until then the server stands still while it loads")
        channel_token = None
    return tuple(Server(url, token, jwt, channel_token) for url in urls)


def _rows(bot: Bot, opened: Opened) -> ReadRows:
    """Give what reads the test set: rows are kept by key, their words only there."""

    def read() -> Rows:
        from rasa_qa_plugin.review.held_out import fingerprints
        from rasa_qa_plugin.review.held_out_rows import read_test_set
        from rasa_qa_plugin.training.evaluation import row_key

        path = bot.folder / opened.settings.training.test_set
        rows = read_test_set(path)
        with reading(opened.engine) as connection:
            said = copies.lines(connection)
        return Rows(
            {row_key(row.text): row.text for row in rows},
            frozenset(row_key(row.text) for row in rows if fingerprints(row) & said),
        )

    return read
