"""Run a training in a process of its own and leave nothing running behind."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.training.evaluation import TrainingResult, load_result
from rasa_qa_plugin.training.job import LOG_NAME, RESULT_NAME, Job, Progress, check_job
from rasa_qa_plugin.training.lock import held


def run_training(
    job: Job,
    *,
    waiting: Mapping[str, str] = MappingProxyType({}),
    lock: int | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> TrainingResult:
    """Train and evaluate as *job* says and give the result.

    The bot's files stay as they are: config.yml is copied, the candidate stays in the
    run folder. The candidate also reads the *waiting* texts, by turn id. One training
    per bot at a time: *lock* is the handle of the bot's lock where the caller holds it.
    Whatever ends this function, an interrupt or an error in *on_progress* too, ends the
    worker first.

    Raises:
        TrainingError: The worker failed or took too long; the message names its log.
    """
    job = msgspec.structs.replace(job, bot=str(Path(job.bot).absolute()))
    check_job(job)
    run_folder = job.path(job.run_folder)
    run_folder.mkdir(parents=True, exist_ok=True)
    (run_folder / RESULT_NAME).unlink(missing_ok=True)
    job_file = run_folder / "job.json"
    job_file.write_bytes(msgspec.json.encode(job))
    holding = held(Path(job.bot)) if lock is None else contextlib.nullcontext(lock)
    with holding as handle, _worker(job, job_file, handle) as worker:
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            _kill(worker)

        timer = threading.Timer(job.timeout_minutes * 60, expire)
        timer.daemon = True
        timer.start()
        last = Progress("import")
        try:
            _hand_over(worker, waiting)
            for progress in _progress_of(worker):
                last = progress
                if progress.stage != "error":
                    on_progress(progress)
            worker.wait()
        finally:
            timer.cancel()
    if expired.is_set():
        limit = f"{job.timeout_minutes:g} minutes"
        raise _failure(run_folder, f"stopped after {limit} in stage {last.stage}")
    if worker.returncode:
        problem = (
            last.message if last.stage == "error" else f"{last.stage}: worker died"
        )
        raise _failure(run_folder, problem)
    result = load_result(run_folder / RESULT_NAME)
    # Rasa's output explains a failure; after a success it could only quote texts.
    (run_folder / LOG_NAME).unlink(missing_ok=True)
    return result


@contextlib.contextmanager
def _worker(job: Job, job_file: Path, lock: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Start the worker in its own process group; end the whole group afterwards."""
    environment = dict(os.environ)
    cache = environment.get("RASA_CACHE_DIRECTORY")
    if cache:  # The worker works in the bot folder, so a relative path would move.
        environment["RASA_CACHE_DIRECTORY"] = str(Path(cache).absolute())
    # Rasa's output may quote training data: for the owner's eyes only.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    with os.fdopen(os.open(job_file.parent / LOG_NAME, flags, 0o600), "ab") as log:
        worker = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "rasa_qa_plugin.training.worker", str(job_file)],
            cwd=job.bot,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock,),
        )
    try:
        yield worker
    finally:
        _kill(worker)
        worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # what it never read
                    pipe.close()
        shutil.rmtree(job.path(job.run_folder) / "tmp", ignore_errors=True)


def _hand_over(worker: "subprocess.Popen[bytes]", waiting: Mapping[str, str]) -> None:
    """Give the worker its texts; one that is gone by now says so by its exit code."""
    if worker.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            worker.stdin.write(msgspec.json.encode(dict(waiting)) + b"\n")
            worker.stdin.flush()


def _progress_of(worker: "subprocess.Popen[bytes]") -> Iterator[Progress]:
    for line in worker.stdout or ():
        with contextlib.suppress(msgspec.MsgspecError):
            yield msgspec.json.decode(line, type=Progress)


def _kill(worker: "subprocess.Popen[bytes]") -> None:
    """End the worker's process group, unless it has ended by itself.

    Until the leader is reaped its number cannot be given to somebody else. Nothing is
    lost by not asking first: what the worker leaves half done is in the run folder.
    """
    if worker.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)


def _failure(run_folder: Path, problem: str) -> TrainingError:
    return TrainingError(f"{problem}; see {run_folder / LOG_NAME}")
