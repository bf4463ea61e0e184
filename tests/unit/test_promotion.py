"""What a server that does not answer must not change."""

import io
import json
import tarfile
from datetime import datetime, timezone
from pathlib import Path

import pytest

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.training.deploy import models_by_age
from rasa_qa_plugin.training.promotion import Server, promote, roll_back

NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)
NOBODY = Server("http://127.0.0.1:1")


def model(path: Path) -> Path:
    """Write what a Rasa model looks like from outside."""
    path.parent.mkdir(exist_ok=True)
    content = json.dumps({"model_id": path.stem}).encode()
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("metadata.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path


def names(folder: Path) -> list[str]:
    return [path.name for path in models_by_age(folder)]


def test_a_rollback_the_server_refuses_leaves_the_order_as_it_was(
    tmp_path: Path,
) -> None:
    models = tmp_path / "models"
    for number in (1, 2):
        candidate = model(tmp_path / f"{number}.tar.gz")
        promote(candidate, models, server=None, keep=5, now=NOW.replace(day=number))
    before = names(models)

    with pytest.raises(TrainingError, match="cannot be reached"):
        roll_back(models, target=None, server=NOBODY, now=NOW)
    assert names(models) == before

    roll_back(models, target=None, server=None, now=NOW)
    assert names(models) == before[::-1]


def test_a_promotion_the_server_refuses_leaves_no_file(tmp_path: Path) -> None:
    models = tmp_path / "models"
    candidate = model(tmp_path / "candidate.tar.gz")

    with pytest.raises(TrainingError, match="cannot be reached"):
        promote(candidate, models, server=NOBODY, keep=5, now=NOW)

    assert names(models) == []


def test_only_so_many_former_models_are_kept(tmp_path: Path) -> None:
    models = tmp_path / "models"
    own = model(models / "by-hand.tar.gz")
    for number in range(1, 6):
        candidate = model(tmp_path / f"{number}.tar.gz")
        promote(candidate, models, server=None, keep=2, now=NOW.replace(day=number))

    assert len(names(models)) == 4  # the new one, two before, and what is not ours
    assert own.exists()
