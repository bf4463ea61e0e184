"""One `rasa-qa retrain`: train, judge, promote or refuse, and remember why."""

import contextlib
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.engine import Engine

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import StorageError, TrainingError
from rasa_qa_plugin.settings import Settings
from rasa_qa_plugin.storage import queue, runs
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.queue import Reread
from rasa_qa_plugin.training.evaluation import Evaluation, Prediction
from rasa_qa_plugin.training.gate import judge
from rasa_qa_plugin.training.job import LOG_NAME, REREAD_NAME, Job, Progress, check_job
from rasa_qa_plugin.training.lock import held
from rasa_qa_plugin.training.outcome import (
    ReadRows,
    Retraining,
    Rows,
    reported,
    result_of,
)
from rasa_qa_plugin.training.process import run_training
from rasa_qa_plugin.training.promotion import current_model, promote
from rasa_qa_plugin.training.provenance import provenance
from rasa_qa_plugin.training.rasa_server import Sample, Server
from rasa_qa_plugin.training.remote import train_elsewhere

_SAMPLES = 5
# The likeliest errors first.
_MOST_REREAD = 5000
_BATCH = 500
_REREAD = Path(REREAD_NAME).name


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks of a run.

    Attributes:
        servers: Running servers that shall load a promoted model.
        may_promote: Whether a candidate that passes goes live.
        finetune: Share of the epochs to train the current model further with.
        overrides: Options of components, for this run only.
        train_server: Another Rasa server that does the training.
        remarks: What the report says besides, such as test rows that training has seen.
    """

    servers: tuple[Server, ...] = ()
    may_promote: bool = True
    finetune: float | None = None
    overrides: dict[str, Any] = {}
    train_server: Server | None = None
    remarks: tuple[str, ...] = ()

    def options(self) -> dict[str, str]:
        """Give what makes this training unlike the plain one, by name."""
        given = {key: str(value) for key, value in self.overrides.items()}
        if self.finetune is not None:
            given["finetune"] = str(self.finetune)
        if self.train_server is not None:
            given["trained"] = "on another server"
        return given


def retrain(  # noqa: PLR0913 - what a run depends on
    bot: Bot,
    engine: Engine,
    settings: Settings,
    wanted: Wanted,
    *,
    rows: ReadRows,
    on_progress: Callable[[Progress], None],
    clock: Callable[[], float],
) -> Retraining:
    """Train a candidate, compare it with the current model, promote it if not worse.

    Every run that came to a verdict is recorded, refused ones too, before anything goes
    live. *rows* reads the test set.

    Raises:
        TrainingError: Training or promotion failed; the current model stays.
        StorageError: The run could not be recorded.
    """
    training = settings.training
    started_at = clock()
    with held(bot.folder) as lock:
        stamp = datetime.fromtimestamp(started_at, timezone.utc)
        run_id = f"{stamp:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        run_folder = bot.workspace / "runs" / run_id
        current = current_model(bot.models, wanted.servers)
        job = Job(
            bot=str(bot.folder.resolve()),
            run_folder=str(run_folder.resolve()),
            test_set=training.test_set,
            test_stories=training.test_stories,
            out_of_scope=settings.review.out_of_scope_intent,
            current=None if current is None else str(current.resolve()),
            finetune=wanted.finetune,
            overrides=wanted.overrides,
            timeout_minutes=training.timeout_minutes,
        )
        made_from = provenance(
            data=bot.data,
            domain=bot.domain,
            config=bot.config,
            test_set=bot.folder / training.test_set,
            root=bot.folder,
            options=wanted.options(),
        )
        if wanted.train_server is not None:
            check_job(job)
            on_progress(Progress("train", "on another server"))
            candidate = train_elsewhere(wanted.train_server, bot, job)
            job = msgspec.structs.replace(job, candidate=str(candidate.resolve()))
        with reading(engine) as connection:
            unread = queue.waiting(connection, most=_MOST_REREAD)
        result = run_training(
            job,
            waiting={turn.turn_id: turn.text for turn in unread},
            lock=lock,
            on_progress=on_progress,
        )
        judgement = judge(result.current, result.candidate, training)
        judgement = msgspec.structs.replace(
            judgement, reasons=(*judgement.reasons, *wanted.remarks)
        )
        done = Retraining(
            run_id=run_id,
            run_folder=run_folder.relative_to(bot.folder).as_posix(),
            started_at=started_at,
            result=result,
            judgement=judgement,
            made_from=made_from,
        )
        _record(engine, done, current, finished_at=clock())
        known = rows()
        done = msgspec.structs.replace(done, texts=known.public())
        try:
            if wanted.may_promote and done.judgement.verdict == "PROMOTE":
                done = _go_live(
                    bot, engine, settings, done, wanted.servers, rows=known, clock=clock
                )
        finally:
            done = reported(run_folder, done)
        _tidy_up(bot, keep=training.keep_models)
    return done


def promote_run(  # noqa: PLR0913 - what a promotion depends on
    bot: Bot,
    engine: Engine,
    settings: Settings,
    run: runs.TrainingRun,
    *,
    servers: Sequence[Server],
    rows: ReadRows,
    forced: Mapping[str, str] | None,
    clock: Callable[[], float],
) -> tuple[Path, tuple[str, ...]]:
    """Let the candidate of a former run go live.

    Gives its place in the models folder, and notes of what went wrong afterwards.

    *forced* says who wants it against the verdict, and why; it goes on record first.

    Raises:
        TrainingError: The verdict is against it and nobody forces it, the bot has
            another model since, or the candidate is gone.
    """
    with held(bot.folder):
        folder = bot.workspace / "runs" / run.run_id
        candidate = next(iter(sorted((folder / "candidate").glob("*.tar.gz"))), None)
        if candidate is None:
            raise TrainingError(
                "candidate: its file is gone, only the last runs keep theirs; "
                "run `rasa-qa retrain`, or `rasa-qa rollback` to what was live before"
            )
        if forced is None:
            _refuse_unless_passed(bot, run, servers)
        else:
            with transaction(engine) as connection:
                runs.extend(connection, run.run_id, forced={**forced, "at": clock()})
        candidate_id = run.report.get("candidate", {}).get("model_id")
        result = result_of(folder)
        promoted = promote(
            candidate,
            bot.models,
            servers=servers,
            samples=_samples(result.candidate, rows()) if servers and result else (),
            keep=settings.training.keep_models,
            now=datetime.fromtimestamp(clock(), timezone.utc),
        )
        with transaction(engine) as connection:
            runs.promoted(connection, run.run_id, model=promoted.name)
            runs.note(
                connection,
                "promote",
                now=clock(),
                run=run.run_id,
                model=str(candidate_id),
                forced=forced is not None,
            )
        return promoted, keep_reread(engine, candidate.parent)


def keep_reread(engine: Engine, candidate: Path | None = None) -> tuple[str, ...]:
    """Let the queue go by what the model that went live makes of the waiting turns.

    *candidate* is its folder in the run; without, the queue goes by what the bot said.
    Gives a note where the database refused: the model is live all the same.
    """
    made = {one.turn_id: one for one in _reread(candidate)}
    try:
        with reading(engine) as connection:
            former = queue.reread_by_now(connection)
        ids = sorted({*made, *former})
        for start in range(0, len(ids), _BATCH):
            part = {name: made.get(name) for name in ids[start : start + _BATCH]}
            with transaction(engine) as connection:
                queue.write_reread(connection, part)
    except StorageError as error:
        return (f"queue: may go by the former model ({error})",)
    if candidate is not None:
        (candidate / _REREAD).unlink(missing_ok=True)
    return ()


def _reread(candidate: Path | None) -> list[Reread]:
    """Read what a candidate left behind; nothing, if it is from another release."""
    if candidate is None:
        return []
    try:
        content = (candidate / _REREAD).read_bytes()
        return msgspec.json.decode(content, type=list[Reread])
    except (OSError, msgspec.MsgspecError):
        return []


def _refuse_unless_passed(
    bot: Bot, run: runs.TrainingRun, servers: Sequence[Server]
) -> None:
    if run.verdict != "PROMOTE":
        raise TrainingError(
            f"verdict: is {run.verdict}; look at `rasa-qa runs show {run.run_id}`, and "
            "promote it all the same with --force --reason TEXT"
        )
    current = current_model(bot.models, servers)
    if (None if current is None else current.name) != run.current_model:
        raise TrainingError(
            "verdict: compares with another model than the bot has now; run "
            "`rasa-qa retrain`, or promote it all the same with --force --reason TEXT"
        )


def _go_live(  # noqa: PLR0913 - what a promotion depends on
    bot: Bot,
    engine: Engine,
    settings: Settings,
    done: Retraining,
    servers: tuple[Server, ...],
    *,
    rows: Rows,
    clock: Callable[[], float],
) -> Retraining:
    candidate = Path(done.result.candidate_file)
    promoted = promote(
        candidate,
        bot.models,
        servers=servers,
        samples=_samples(done.result.candidate, rows) if servers else (),
        keep=settings.training.keep_models,
        now=datetime.fromtimestamp(clock(), timezone.utc),
    )
    with transaction(engine) as connection:
        runs.promoted(connection, done.run_id, model=promoted.name)
        runs.extend(connection, done.run_id, promoted=promoted.name)
    notes = keep_reread(engine, candidate.parent)
    return msgspec.structs.replace(
        done,
        promoted=promoted,
        servers=tuple(server.url for server in servers),
        notes=(*done.notes, *notes),
    )


def _record(
    engine: Engine, done: Retraining, current: Path | None, *, finished_at: float
) -> None:
    with transaction(engine) as connection:
        runs.record(
            connection,
            runs.TrainingRun(
                run_id=done.run_id,
                started_at=done.started_at,
                finished_at=finished_at,
                verdict=done.judgement.verdict,
                promoted=False,
                current_model=None if current is None else current.name,
                candidate_model=Path(done.result.candidate_file).name,
                report=done.report(),
            ),
        )


def _samples(evaluation: Evaluation, rows: Rows) -> tuple[Sample, ...]:
    """Choose rows that the candidate surely understands, each of another intent."""
    understood = sorted(
        (
            one
            for one in evaluation.predictions
            if one.intent == one.predicted and not one.fell_back
        ),
        key=lambda one: -one.confidence,
    )
    surest: dict[str, Prediction] = {}
    for one in understood:
        surest.setdefault(one.intent, one)
    return tuple(
        Sample(rows.texts[one.row], one.intent)
        for one in list(surest.values())[:_SAMPLES]
        if one.row in rows.texts
    )


def _tidy_up(bot: Bot, *, keep: int) -> None:
    """Drop the candidates of older runs: models are large, their reports are not.

    Whatever a killed or failed run before this one left that may quote texts goes too.
    """
    runs_folder = bot.workspace / "runs"
    folders = sorted(runs_folder.glob("*/candidate"), reverse=True)
    for folder in [*folders[keep:], *runs_folder.glob("*/tmp")]:
        shutil.rmtree(folder, ignore_errors=True)
    for log in runs_folder.glob(f"*/{LOG_NAME}"):
        with contextlib.suppress(OSError):
            log.unlink()
