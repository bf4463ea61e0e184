"""One `rasa-qa retrain`: train, judge, promote or refuse, and remember why."""

import secrets
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.engine import Engine

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.settings import TrainingSettings
from rasa_qa_plugin.storage import runs
from rasa_qa_plugin.storage.engine import transaction
from rasa_qa_plugin.training.evaluation import Evaluation, TrainingResult
from rasa_qa_plugin.training.gate import Judgement, judge
from rasa_qa_plugin.training.job import Job, Progress
from rasa_qa_plugin.training.process import run_training
from rasa_qa_plugin.training.promotion import Server, current_model, promote


class Retraining(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended.

    Attributes:
        run_folder: Relative to the bot folder; candidate, log and result are there.
        promoted: The model in models/, or None when it was not promoted.
        server: Address of the server that loaded it.
    """

    run_id: str
    run_folder: str
    result: TrainingResult
    judgement: Judgement
    promoted: Path | None
    server: str | None

    def report(self) -> dict[str, Any]:
        """Give metrics, verdict and reasons as plain values; no rows, no texts."""
        current = self.result.current
        return {
            "run_id": self.run_id,
            "verdict": self.judgement.verdict,
            "reasons": list(self.judgement.reasons),
            "fixed": len(self.judgement.fixed),
            "broken": len(self.judgement.broken),
            "mcnemar_p": self.judgement.mcnemar_p,
            "current": None if current is None else _metrics(current),
            "candidate": _metrics(self.result.candidate),
            "seconds": self.result.seconds,
            "promoted": None if self.promoted is None else self.promoted.name,
        }


def retrain(  # noqa: PLR0913 - what a run depends on
    bot: Bot,
    engine: Engine,
    settings: TrainingSettings,
    *,
    server: Server | None,
    may_promote: bool,
    on_progress: Callable[[Progress], None],
    clock: Callable[[], float],
) -> Retraining:
    """Train a candidate, compare it with the current model, promote it if not worse.

    Every run that came to a verdict is recorded, refused ones too.

    Raises:
        TrainingError: Training or promotion failed; the current model stays.
        StorageError: The run could not be recorded.
    """
    started_at = clock()
    stamp = datetime.fromtimestamp(started_at, timezone.utc)
    run_id = f"{stamp:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    run_folder = bot.workspace / "runs" / run_id
    current = current_model(bot.models, server)
    result = run_training(
        Job(
            bot=str(bot.folder.resolve()),
            run_folder=str(run_folder.resolve()),
            test_set=settings.test_set,
            current=None if current is None else str(current.resolve()),
            timeout_minutes=settings.timeout_minutes,
        ),
        on_progress=on_progress,
    )
    judgement = judge(result.current, result.candidate, settings)
    candidate = Path(result.candidate_file)
    promoted = None
    failure: TrainingError | None = None
    if may_promote and judgement.verdict == "PROMOTE":
        try:
            promoted = promote(
                candidate,
                bot.models,
                server=server,
                keep=settings.keep_models,
                now=datetime.fromtimestamp(clock(), timezone.utc),
            )
        except TrainingError as error:
            failure = error
    done = Retraining(
        run_id=run_id,
        run_folder=run_folder.relative_to(bot.folder).as_posix(),
        result=result,
        judgement=judgement,
        promoted=promoted,
        server=server.url if server and promoted else None,
    )
    with transaction(engine) as connection:
        runs.record(
            connection,
            runs.TrainingRun(
                run_id=run_id,
                started_at=started_at,
                finished_at=clock(),
                verdict=judgement.verdict,
                promoted=promoted is not None,
                current_model=None if current is None else current.name,
                candidate_model=promoted.name if promoted else candidate.name,
                report=done.report(),
            ),
        )
    if failure is not None:
        raise failure
    return done


def _metrics(evaluation: Evaluation) -> dict[str, Any]:
    metrics = msgspec.structs.asdict(evaluation)
    del metrics["predictions"]
    return msgspec.to_builtins(metrics)  # type: ignore[no-any-return]
