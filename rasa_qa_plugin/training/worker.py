"""ADAPTER to Rasa's training: ``python -m rasa_qa_plugin.training.worker JOB.json``.

Runs in its own process, because Rasa exits on errors, TensorFlow never gives memory
back, and both print. Trains a candidate, evaluates it and the current model on the same
frozen test set, and leaves ``result.json`` in the run folder. Standard output carries
JSON progress lines only; everything else goes to ``worker.log``. Standard input gives
one line, the texts that wait for a reader by turn id: they are written nowhere. Then it
is a lifeline: when it closes, the parent is gone and the worker stops.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO

import msgspec

from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.training.evaluation import TrainingResult
from rasa_qa_plugin.training.fitting import fit, trained_examples, validate
from rasa_qa_plugin.training.job import (
    LOG_NAME,
    REREAD_NAME,
    RESULT_NAME,
    Job,
    Progress,
    check_job,
)
from rasa_qa_plugin.training.testing import loaded, read_again, score


def main(arguments: list[str]) -> NoReturn:
    """Do the job in the named file; exit 0 with a result, 1 with an error line."""
    job = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Job)
    job = msgspec.structs.replace(job, bot=str(Path(job.bot).absolute()))
    run_folder = job.path(job.run_folder)
    run_folder.mkdir(parents=True, exist_ok=True)
    reporter = Reporter(_divert_output(run_folder / LOG_NAME))
    handed_over = sys.stdin.buffer.readline()
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    try:
        _prepare(job)
        waiting = msgspec.json.decode(handed_over, type=dict[str, str])
        result, agent = _work(job, run_folder, reporter)
        _leave_behind(run_folder / RESULT_NAME, result)
        if waiting:
            with reporter.timed("reread", "reading what waits again"):
                reread = read_again(agent, waiting, reporter.said)
            _leave_behind(run_folder / REREAD_NAME, reread)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Rasa calls sys.exit.
        import traceback

        traceback.print_exc()
        reporter.say("error", _one_line(error, reporter.stage))
        _leave(1)
    reporter.say("done", "", 1.0)
    _leave(0)


def _leave_behind(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_bytes(msgspec.json.encode(content))
    unfinished.replace(path)


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

    def said(self, message: str, progress: float) -> None:
        """Report progress of the stage that is on."""
        self.say(self.stage, message, progress)

    @contextmanager
    def timed(self, stage: str, message: str) -> Iterator[None]:
        """Announce a stage and keep how long it takes."""
        self.stage = stage
        self.say(stage, message)
        began = time.monotonic()
        yield
        self.seconds[stage] = round(time.monotonic() - began, 2)


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
    os.environ.update(
        RASA_QA_DISABLED="1",  # Evaluating must not look like conversations.
        RASA_TELEMETRY_ENABLED="false",
        TF_CPP_MIN_LOG_LEVEL="2",
    )
    # Rasa leaves half-built models in the temporary folder when it is stopped.
    scratch = job.path(job.run_folder) / "tmp"
    scratch.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(scratch)
    os.chdir(job.bot)
    # A bot's own components are found the way `rasa train` finds them.
    if os.getcwd() not in sys.path:  # noqa: PTH109
        sys.path.insert(1, os.getcwd())  # noqa: PTH109


def _work(job: Job, run_folder: Path, reporter: Reporter) -> tuple[TrainingResult, Any]:
    """Give the result, and the agent that has the candidate."""
    with reporter.timed("import", "loading Rasa"):
        _import_rasa()
    known: set[str] | None = None
    examples: dict[str, int] = {}
    if job.candidate is None:
        with reporter.timed("validate", "checking data and domain"):
            validate(job)
        with reporter.timed("train", "training a candidate"):
            candidate_file = fit(job, run_folder, reporter.say)
    else:
        candidate_file = job.path(job.candidate)
    # A given candidate was trained elsewhere, on this data; it need not be here.
    if job.path(job.data).exists() and job.path(job.config).exists():
        examples = trained_examples(job)
        known = set(examples)
    current = None
    if job.current is not None:
        with reporter.timed("evaluate_current", "evaluating the current model"):
            file = job.path(job.current)
            current = score(job, file, loaded(file), reporter.said)
    with reporter.timed("evaluate_candidate", "evaluating the candidate"):
        agent = loaded(candidate_file)
        candidate = score(job, candidate_file, agent, reporter.said, known=known)
    result = TrainingResult(
        candidate_file=str(candidate_file),
        current=current,
        candidate=candidate,
        seconds=reporter.seconds,
        examples=examples,
    )
    return result, agent


def _import_rasa() -> None:
    """Import Rasa and keep its messages, which quote examples, to errors."""
    import logging
    import warnings

    import rasa.core.agent
    import rasa.model_training
    import rasa.nlu.test  # noqa: F401
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog
    from rasa.utils.tensorflow.environment import setup_tf_environment

    configure_logging_and_warnings(logging.ERROR)
    configure_structlog(logging.ERROR)
    setup_tf_environment()
    # Rasa's name the example they are about; `rasa data validate` shows them.
    warnings.simplefilter("ignore")


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
