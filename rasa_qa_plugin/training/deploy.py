"""The models folder: what Rasa would load, and what it should load next."""

import json
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from datetime import datetime
from pathlib import Path

from rasa_qa_plugin.errors import TrainingError

_METADATA = "metadata.json"
_PREFIX = ".qa-"
# What promote_to_folder calls its copies; a team's own model may be named anything.
_PROMOTED = re.compile(r"\d{8}-\d{6}-qa-[0-9a-f]{1,8}(-\d+)?\.tar\.gz")


def model_id(model: Path) -> str:
    """Give the id Rasa wrote into a model file; Rasa is not imported.

    Raises:
        TrainingError: The file is missing, damaged or not a Rasa 3 model.
    """
    try:
        with tarfile.open(model, mode="r:gz") as archive:
            for member in archive:
                if member.isfile() and Path(member.name) == Path(_METADATA):
                    file = archive.extractfile(member)
                    content = json.loads(file.read()) if file else {}
                    return str(content["model_id"])
    except FileNotFoundError:
        raise TrainingError(f"model: {model.name} not found; check the path") from None
    except (OSError, tarfile.TarError, zlib.error, EOFError, LookupError, ValueError):
        pass
    raise TrainingError(f"model: {model.name} is not a Rasa model; train again")


def promote_to_folder(
    candidate: Path, models_dir: Path, *, now: datetime, as_newest: bool = True
) -> Path:
    """Copy *candidate* into the models folder and give its path there.

    Rasa loads the newest file at its next start. The copy appears complete or not at
    all, and other models stay. Not *as_newest* it is the oldest, which neither Rasa nor
    a rollback chooses, until :func:`make_newest` says so.

    Raises:
        TrainingError: *candidate* is not a model, or cannot be copied.
    """
    name = f"{now:%Y%m%d-%H%M%S}-qa-{model_id(candidate)[:8]}"
    # What is there may be what a server answers with: it is never written over.
    taken = sum(1 for _ in models_dir.glob(f"{name}*.tar.gz"))
    target = models_dir / f"{name}{f'-{taken}' if taken else ''}.tar.gz"
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        for killed in models_dir.glob(f"{_PREFIX}*.tmp"):
            killed.unlink(missing_ok=True)
        # Rasa looks for *.tar.gz; this name must not match while the copy grows.
        handle, unfinished = tempfile.mkstemp(
            dir=models_dir, prefix=_PREFIX, suffix=".tmp"
        )
        try:
            with os.fdopen(handle, "wb") as copy, candidate.open("rb") as original:
                shutil.copyfileobj(original, copy)
                copy.flush()
                os.fsync(copy.fileno())
            Path(unfinished).chmod(0o644)
            if as_newest:
                make_newest(Path(unfinished), models_dir, now)
            else:
                os.utime(unfinished, (0, 0))
            Path(unfinished).replace(target)
        finally:
            Path(unfinished).unlink(missing_ok=True)
    except OSError as error:
        raise TrainingError(
            f"models folder: cannot be written ({type(error).__name__}); "
            "check permissions and space"
        ) from error
    return target


def was_promoted(model: Path) -> bool:
    """Say by its name whether :func:`promote_to_folder` put *model* where it is."""
    return _PROMOTED.fullmatch(model.name) is not None


def former_model(models_dir: Path) -> Path:
    """Give the model before the newest.

    Raises:
        TrainingError: There is none.
    """
    # A promotion that was killed leaves a candidate from the year dot.
    models = [path for path in models_by_age(models_dir) if path.stat().st_mtime > 0]
    if len(models) < 2:  # noqa: PLR2004
        raise TrainingError(
            "rollback: there is no former model in models/; train, or name another"
        )
    return models[1]


def models_by_age(models_dir: Path) -> list[Path]:
    """Give the models of a folder, the one Rasa would load first."""
    models = [path for path in models_dir.glob("*.tar.gz") if path.is_file()]
    return sorted(models, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def make_newest(model: Path, models_dir: Path, now: datetime) -> None:
    """Let Rasa load *model* next, also past models with a time in the future.

    Raises:
        TrainingError: The folder cannot be written.
    """
    others = [path for path in models_by_age(models_dir) if path != model]
    newest = max((path.stat().st_mtime for path in others), default=0.0)
    moment = max(now.timestamp(), newest + 1)
    try:
        os.utime(model, (moment, moment))
    except OSError as error:
        raise TrainingError(
            f"models folder: cannot be written ({type(error).__name__}); "
            "check permissions"
        ) from error
