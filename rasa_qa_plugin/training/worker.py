"""ADAPTER to Rasa's training: ``python -m rasa_qa_plugin.training.worker JOB.json``.

Runs in its own process, because Rasa exits on errors, TensorFlow never gives memory
back, and both print. Trains a candidate, evaluates it and the current model on the same
frozen test set, and leaves ``result.json`` in the run folder. Standard output carries
JSON progress lines only; everything else goes to ``worker.log``. Standard input is a
lifeline: when it closes, the parent is gone and the worker stops.
"""

import asyncio
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO

import msgspec

from rasa_qa_plugin.errors import RasaQAError, TrainingError
from rasa_qa_plugin.training.evaluation import (
    EntityScore,
    Evaluation,
    Prediction,
    TrainingResult,
    evaluate,
    score_entities,
)
from rasa_qa_plugin.training.job import Job, Progress, check_job

LOG_NAME = "worker.log"
RESULT_NAME = "result.json"
_SEEDED = ("DIETClassifier", "ResponseSelector", "TEDPolicy", "UnexpecTEDIntentPolicy")


def main(arguments: list[str]) -> NoReturn:
    """Do the job in the named file; exit 0 with a result, 1 with an error line."""
    job = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Job)
    job = msgspec.structs.replace(job, bot=str(Path(job.bot).absolute()))
    run_folder = job.path(job.run_folder)
    run_folder.mkdir(parents=True, exist_ok=True)
    reporter = Reporter(_divert_output(run_folder / LOG_NAME))
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    try:
        _prepare(job)
        result = _work(job, run_folder, reporter)
        unfinished = run_folder / f".{RESULT_NAME}"
        unfinished.write_bytes(msgspec.json.encode(result))
        unfinished.replace(run_folder / RESULT_NAME)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Rasa calls sys.exit.
        import traceback

        traceback.print_exc()
        reporter.say("error", _one_line(error, reporter.stage))
        _leave(1)
    reporter.say("done", "", 1.0)
    _leave(0)


class Reporter:
    """Writes progress lines, no more often than a percent changes."""

    def __init__(self, stream: TextIO) -> None:
        """Write to *stream*."""
        self.stage = "import"
        self.seconds: dict[str, float] = {}
        self._stream = stream
        self._last: tuple[str, str] = ("", "")

    def say(self, stage: str, message: str, progress: float | None = None) -> None:
        """Report where the work stands."""
        percent = "" if progress is None else f"{progress:.2f}"
        if (stage, message + percent) == self._last:
            return
        self._last = (stage, message + percent)
        self._stream.write(
            msgspec.json.encode(Progress(stage, message, progress)).decode() + "\n"
        )
        self._stream.flush()

    @contextmanager
    def timed(self, stage: str, message: str) -> Iterator[None]:
        """Announce a stage and keep how long it takes."""
        self.stage = stage
        self.say(stage, message)
        began = time.monotonic()
        yield
        self.seconds[stage] = round(time.monotonic() - began, 2)


class RecordingProcessor:
    """Rasa's message processor, with a memory for what it answered."""

    def __init__(self, processor: Any, on_row: Callable[[int], None]) -> None:
        """Pass everything on to *processor*; call *on_row* after each message."""
        self._processor = processor
        self._on_row = on_row
        self.parsed: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        """Give the processor's own attribute."""
        return getattr(self._processor, name)

    async def parse_message(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Parse as the processor does."""
        parsed: dict[str, Any] = await self._processor.parse_message(*args, **kwargs)
        self.parsed.append(parsed)
        self._on_row(len(self.parsed))
        return parsed


def _divert_output(log: Path) -> TextIO:
    """Send file descriptors 1 and 2 to *log*; give a stream to the real output.

    Redirecting Python's streams would not do: TensorFlow writes to the descriptors.
    """
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    return stream


def _stop_with_parent() -> None:
    """End the process when standard input closes."""
    while os.read(0, 1024):
        pass
    os._exit(1)


def _prepare(job: Job) -> None:
    """Set what must be set before TensorFlow and Rasa are imported."""
    os.nice(job.nice)
    check_job(job)
    threads = str(job.threads)
    os.environ.update(
        RASA_QA_DISABLED="1",  # Evaluating must not look like conversations.
        RASA_TELEMETRY_ENABLED="false",
        TF_CPP_MIN_LOG_LEVEL="2",
        TF_INTRA_OP_PARALLELISM_THREADS=threads,
        TF_INTER_OP_PARALLELISM_THREADS=threads,
        OMP_NUM_THREADS=threads,
    )
    # Rasa leaves half-built models in the temporary folder when it is stopped.
    scratch = job.path(job.run_folder) / "tmp"
    scratch.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(scratch)
    os.chdir(job.bot)
    # A bot's own components are found the way `rasa train` finds them.
    if os.getcwd() not in sys.path:  # noqa: PTH109
        sys.path.insert(1, os.getcwd())  # noqa: PTH109


def _work(job: Job, run_folder: Path, reporter: Reporter) -> TrainingResult:
    with reporter.timed("import", "loading Rasa"):
        _import_rasa()
    known = None
    if job.candidate is None:
        with reporter.timed("train", "training a candidate"):
            candidate_file = _train(job, run_folder, reporter)
            known = _trained_intents(job)
    else:
        candidate_file = job.path(job.candidate)
    current = None
    if job.current is not None:
        with reporter.timed("evaluate_current", "evaluating the current model"):
            current = _evaluate(job, job.path(job.current), reporter)
    with reporter.timed("evaluate_candidate", "evaluating the candidate"):
        candidate = _evaluate(job, candidate_file, reporter, known=known)
    return TrainingResult(
        candidate_file=str(candidate_file),
        current=current,
        candidate=candidate,
        seconds=reporter.seconds,
    )


def _import_rasa() -> None:
    """Import Rasa and keep its messages, which may quote texts, to what matters."""
    import logging

    import rasa.core.agent
    import rasa.model_training
    import rasa.nlu.test  # noqa: F401
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog
    from rasa.utils.tensorflow.environment import setup_tf_environment

    configure_logging_and_warnings(logging.INFO)
    configure_structlog(logging.INFO)
    setup_tf_environment()


def _train(job: Job, run_folder: Path, reporter: Reporter) -> Path:
    """Train all of the bot; dialogue comes from Rasa's cache if it did not change."""
    import rasa

    config = run_folder / "config.yml"
    shutil.copyfile(job.path(job.config), config)
    if job.random_seed is not None:
        _seed(config, job.random_seed)
    with _epochs_reported(reporter):
        trained = rasa.train(
            domain=str(job.domain_path()),
            config=str(config),
            training_files=str(job.path(job.data)),
            output=str(run_folder / "candidate"),
        )
    if trained.code or not trained.model:
        raise TrainingError("training: Rasa made no model; check data and domain")
    return Path(trained.model).absolute()


def _seed(config: Path, seed: int) -> None:
    """Seed unseeded components of the copied configuration.

    Otherwise the same data gives another model each time, and scores that differ by
    more than the gate allows.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    content = yaml.load(config)
    parts = [*(content.get("pipeline") or ()), *(content.get("policies") or ())]
    for part in parts:
        if isinstance(part, dict) and str(part.get("name")).endswith(_SEEDED):
            part.setdefault("random_seed", seed)
    yaml.dump(content, config)


@contextmanager
def _epochs_reported(reporter: Reporter) -> Iterator[None]:
    """Report every epoch while the block runs.

    Hooks Rasa's own epoch callback: reading its progress bar from the log would need a
    pipe, which can fill while TensorFlow holds the interpreter.
    """
    from rasa.utils.tensorflow.callback import RasaTrainingLogger

    original = RasaTrainingLogger.on_epoch_end

    def on_epoch_end(self: Any, epoch: int, logs: Any = None) -> None:
        original(self, epoch, logs)
        total = getattr(self.progress_bar, "total", None) or epoch + 1
        name = type(self.model).__name__
        message = f"{name}: epoch {epoch + 1} of {total}"
        reporter.say("train", message, min(1.0, (epoch + 1) / total))

    RasaTrainingLogger.on_epoch_end = on_epoch_end
    try:
        yield
    finally:
        RasaTrainingLogger.on_epoch_end = original


def _trained_intents(job: Job) -> set[str]:
    """Give the intents that have training examples."""
    from rasa.shared.importers.importer import TrainingDataImporter

    importer = TrainingDataImporter.load_from_dict(
        domain_path=str(job.domain_path()),
        training_data_paths=[str(job.path(job.data))],
    )
    return set(importer.get_nlu_data().intents)


def _evaluate(
    job: Job, model: Path, reporter: Reporter, *, known: set[str] | None = None
) -> Evaluation:
    """Score *model* on the frozen test set with Rasa's own evaluation."""
    from rasa.core.agent import Agent
    from rasa.nlu.test import run_evaluation
    from rasa.shared.importers.importer import TrainingDataImporter

    stage = reporter.stage
    test_set, domain = str(job.path(job.test_set)), str(job.domain_path())
    # The order of rows is Rasa's; the current and the candidate model get the same.
    rows = TrainingDataImporter.load_from_dict(
        training_data_paths=[test_set], domain_path=domain
    ).get_nlu_data()
    examples = rows.nlu_examples
    agent = Agent.load(str(model))
    if agent.processor is None:
        raise TrainingError(f"model: {model.name} cannot be loaded; train again")
    total = max(1, len(examples))
    processor = RecordingProcessor(
        agent.processor,
        lambda done: reporter.say(stage, "reading the test set", done / total),
    )
    report = asyncio.run(
        run_evaluation(
            test_set,
            processor,
            disable_plotting=True,
            report_as_dict=True,
            domain_path=domain,
        )
    )
    metadata = agent.processor.model_metadata
    return evaluate(
        [
            Prediction(
                intent=str(row["intent"]),
                predicted=str(row["predicted"] or ""),  # numpy's, from scikit-learn
                confidence=round(float(row["confidence"] or 0.0), 6),
            )
            for row in (report["intent_evaluation"] or {}).get("predictions", ())
        ],
        model_file=str(model),
        model_id=str(metadata.model_id),
        known_intents=known if known is not None else metadata.domain.intents,
        entities=_entity_scores(examples, processor.parsed),
    )


def _entity_scores(
    examples: list[Any], parsed: list[dict[str, Any]]
) -> EntityScore | None:
    """Compare entities by exact span, name, role and group."""
    if len(examples) != len(parsed):
        return None

    def spans(entities: Any) -> set[tuple[object, ...]]:
        keys = ("start", "end", "entity", "role", "group")
        return {tuple(one.get(key) for key in keys) for one in entities or ()}

    return score_entities(
        [spans(example.get("entities")) for example in examples],
        [spans(row.get("entities")) for row in parsed],
    )


def _one_line(error: BaseException, stage: str) -> str:
    """Say what happened; Rasa's own messages quote the data and stay in the log."""
    if isinstance(error, RasaQAError):
        return str(error)
    return f"{stage}: {type(error).__name__}"


def _leave(code: int) -> NoReturn:
    """End at once: TensorFlow's threads may hang an orderly exit."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
