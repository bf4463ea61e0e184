"""What `rasa data validate` says of changed files, before they are in their place."""

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.changes import FileChange
from rasa_qa_plugin.errors import TrainingError

_STAGED = "staged-"
_TIMEOUT_SECONDS = 1800
_STALE_SECONDS = 2 * _TIMEOUT_SECONDS
_NUMBER = re.compile(r"\d+")


class Data(msgspec.Struct, frozen=True):
    """Where the domain and the training data stand."""

    domain: str
    data: str


class Job(msgspec.Struct, frozen=True):
    """What the worker validates: several states of one bot."""

    folder: str
    config: str
    states: list[Data]


class Outcome(msgspec.Struct, frozen=True):
    """What Rasa says of one state.

    Attributes:
        findings: Its warnings and errors. They may quote training data.
    """

    passed: bool
    findings: list[str]


class Verdict(msgspec.Struct, frozen=True):
    """Rasa's opinion on a change.

    Attributes:
        passed: Whether `rasa data validate` passes with the change.
        passed_before: Whether it passes without.
        new: What it says with the change only; may quote training data.
    """

    passed: bool
    passed_before: bool
    new: tuple[str, ...]

    @property
    def acceptable(self) -> bool:
        """Whether the change does no harm: faults of before are not its own."""
        return self.passed or not (self.passed_before or self.new)


def validate(bot: Bot, changes: Sequence[FileChange]) -> Verdict:
    """Validate the bot with *changes*, and without for comparison; writes none of them.

    Raises:
        TrainingError: Rasa cannot be run here.
    """
    if importlib.util.find_spec("rasa") is None:
        raise TrainingError(
            "rasa: not installed here, so nothing can be validated; install it, or add "
            "--no-validate"
        )
    now = Data(domain=str(bot.domain.resolve()), data=str(bot.data.resolve()))
    try:
        with _staged(bot, changes) as (folder, staged):
            before, after = _outcomes(bot, [now, staged])
    except OSError as error:
        raise TrainingError(
            f".rasa_qa: cannot be written ({type(error).__name__}); nothing was "
            "validated or changed; check permissions and space"
        ) from error
    root = str(bot.folder.resolve())
    found = [one.replace(str(folder), root) for one in after.findings]
    # A line further down a file, the same finding has another number.
    left = Counter(_NUMBER.sub("", one) for one in before.findings)
    new = []
    for finding in found:
        key = _NUMBER.sub("", finding)
        if left[key]:
            left[key] -= 1
        else:
            new.append(finding)
    return Verdict(after.passed, before.passed, tuple(new))


def _outcomes(bot: Bot, states: list[Data]) -> list[Outcome]:
    folder = str(bot.folder.resolve())
    job = Job(folder=folder, config=str(bot.config.resolve()), states=states)
    try:
        done = subprocess.run(  # noqa: S603
            [
                sys.executable,
                "-m",
                "rasa_qa_plugin.training.validator",
                msgspec.json.encode(job).decode(),
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        outcomes = msgspec.json.decode(done.stdout, type=list[Outcome])
    except (subprocess.TimeoutExpired, msgspec.MsgspecError):
        outcomes = []
    if len(outcomes) != len(states):
        raise TrainingError(
            "rasa: its validation could not be run; try `rasa data validate`, or add "
            "--no-validate"
        )
    return outcomes


@contextlib.contextmanager
def _staged(bot: Bot, changes: Sequence[FileChange]) -> Iterator[tuple[Path, Data]]:
    """Lay the bot out as it would be; unchanged files are links to the real ones.

    Within the bot folder, where `rasa-qa erase` looks too, should it stay behind.
    """
    workspace = bot.workspace.resolve()
    workspace.mkdir(exist_ok=True)
    for left in workspace.glob(f"{_STAGED}*"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_STAGED, dir=workspace))
    contents = {
        change.path.resolve(): change.after
        for change in changes
        if change.after is not None
    }
    try:
        data = Data(
            domain=str(_mirror(bot.domain.resolve(), folder, contents)),
            data=str(_mirror(bot.data.resolve(), folder, contents)),
        )
        yield folder, data
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _mirror(source: Path, folder: Path, contents: Mapping[Path, bytes]) -> Path:
    """Lay out a file or a folder below *folder*, with new contents where there are."""
    target = folder / source.name
    if source.is_file():
        files = [source]
    else:
        target.mkdir()
        files = [
            Path(where) / name
            for where, _, names in os.walk(source, followlinks=True)
            for name in names
        ]
    made: set[Path] = set()
    for file in files:
        place = target / file.relative_to(source) if file != source else target
        place.parent.mkdir(parents=True, exist_ok=True)
        real = file.resolve()
        made.add(real)
        if real in contents:
            place.write_bytes(contents[real])
        else:
            place.symlink_to(real)
    for path, content in contents.items():
        if path not in made and path.is_relative_to(source):
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return target
