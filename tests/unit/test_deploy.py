"""Models reach the bot whole, as the newest, or not at all."""

import gzip
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.training import deploy
from rasa_qa_plugin.training.promotion import roll_back
from rasa_qa_plugin.training.rasa_server import Server, ServerModel
from tests.unit.stage import Stage

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=timezone.utc)


def make_model(path: Path, identity: str, *, moment: float | None = None) -> Path:
    """Write an archive laid out as Rasa does."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in (
            ("components/x/metadata.json", b'{"model_id": "decoy"}'),
            ("metadata.json", json.dumps({"model_id": identity}).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    if moment is not None:
        os.utime(path, (moment, moment))
    return path


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def loaded_by_rasa(folder: Path) -> Path:
    from rasa.model import get_latest_model

    return Path(get_latest_model(str(folder)))


def test_model_id_is_read_without_rasa(tmp_path: Path) -> None:
    model = make_model(tmp_path / "m.tar.gz", "abc123")
    assert deploy.model_id(model) == "abc123"
    program = (
        "import sys; from pathlib import Path; from rasa_qa_plugin.training import "
        "deploy; deploy.model_id(Path(sys.argv[1])); print('rasa' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(model)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "other", "missing"])
def test_damaged_model_is_named_as_such(tmp_path: Path, damage: str) -> None:
    model = make_model(tmp_path / "m.tar.gz", "abc123")
    whole = model.read_bytes()
    model.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "noise": whole[:20] + os.urandom(200),
            "empty": b"",
            "other": gzip.compress(b"no archive"),
            "missing": b"",
        }[damage]
    )
    if damage == "missing":
        model.unlink()
    with pytest.raises(TrainingError, match=r"model: m\.tar\.gz"):
        deploy.model_id(model)
    with pytest.raises(TrainingError, match=r"model: m\.tar\.gz"):
        deploy.promote_to_folder(model, tmp_path / "models", now=NOW)
    assert not (tmp_path / "models").exists()


def test_promoted_model_is_the_one_rasa_loads(tmp_path: Path, models: Path) -> None:
    future = NOW.timestamp() + 86400
    make_model(models / "old.tar.gz", "old", moment=NOW.timestamp() - 10)
    make_model(models / "clock_was_wrong.tar.gz", "odd", moment=future)
    candidate = make_model(tmp_path / "c.tar.gz", "0123456789abcdef")
    promoted = deploy.promote_to_folder(candidate, models, now=NOW)
    assert promoted.name == "20261120-123456-qa-01234567.tar.gz"
    assert promoted.read_bytes() == candidate.read_bytes()
    assert loaded_by_rasa(models) == promoted
    assert deploy.models_by_age(models)[0] == promoted
    assert len(list(models.iterdir())) == 3


def test_failed_promotion_leaves_nothing_behind(tmp_path: Path) -> None:
    candidate = make_model(tmp_path / "c.tar.gz", "abc")
    blocked = tmp_path / "models"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(TrainingError, match="models folder: cannot be written"):
        deploy.promote_to_folder(candidate, blocked, now=NOW)
    assert blocked.read_text() == "a file where the folder should be"


def test_rollback_returns_to_the_former_model_and_back(models: Path) -> None:
    first = make_model(models / "a.tar.gz", "a", moment=NOW.timestamp() - 20)
    second = make_model(models / "b.tar.gz", "b", moment=NOW.timestamp() - 10)
    assert roll_back(models, target=None, now=NOW) == first
    assert loaded_by_rasa(models) == first
    assert roll_back(models, target=None, now=NOW) == second
    assert loaded_by_rasa(models) == second


def test_rollback_goes_to_a_named_model(tmp_path: Path, models: Path) -> None:
    for age, name in enumerate("cba"):
        make_model(models / f"{name}.tar.gz", name, moment=NOW.timestamp() + age)
    assert roll_back(models, target=models / "c.tar.gz", now=NOW).name == "c.tar.gz"
    assert loaded_by_rasa(models).name == "c.tar.gz"
    kept = make_model(tmp_path / "kept.tar.gz", "elsewhere")
    copied = roll_back(models, target=kept, now=NOW)
    assert loaded_by_rasa(models) == copied
    assert deploy.model_id(copied) == "elsewhere"
    assert kept.exists()


def test_rollback_without_a_former_model_says_so(models: Path) -> None:
    make_model(models / "only.tar.gz", "a")
    with pytest.raises(TrainingError, match="no former model"):
        roll_back(models, target=None, now=NOW)
    with pytest.raises(TrainingError, match="not found"):
        roll_back(models, target=models / "gone.tar.gz", now=NOW)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    stage.start()
    yield stage
    stage.stop()


def test_server_takes_the_model_and_is_asked_to_prove_it(
    stage: Stage, tmp_path: Path
) -> None:
    model = make_model(tmp_path / "new.tar.gz", "new-id")
    server = Server(stage.url + "/", stage.token)
    loaded = server.load(model, model_id="new-id")
    assert loaded == ServerModel("new.tar.gz", "new-id")
    assert server.model() == loaded


def test_server_that_keeps_its_model_is_found_out(stage: Stage, tmp_path: Path) -> None:
    stage.keeps_old = True
    model = make_model(tmp_path / "new.tar.gz", "new-id")
    with pytest.raises(TrainingError, match="another model"):
        Server(stage.url, stage.token).load(model, model_id="new-id")


def test_refusals_are_explained_without_address_or_token(
    stage: Stage, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.tar.gz"
    problems = []
    for token, match in (("wrong", "token"), (None, "token"), (stage.token, "on its")):
        with pytest.raises(TrainingError, match=match) as problem:
            Server(stage.url, token).load(missing, model_id="x")
        problems.append(str(problem.value))
    stage.raw = b"<html>"
    with pytest.raises(TrainingError, match="cannot be reached") as problem:
        Server(stage.url, stage.token).model()
    problems.append(str(problem.value))
    for text in problems:
        assert "127.0.0.1" not in text
        assert "geheim" not in text
        assert "wrong" not in text


def test_unreachable_server_is_one_clear_line() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(TrainingError, match="cannot be reached") as problem:
        Server(f"http://127.0.0.1:{port}").model()
    assert "\n" not in str(problem.value)
    with pytest.raises(TrainingError, match="http://"):
        Server("file:///etc/passwd").model()


def test_silent_server_is_given_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TrainingError, match=r"no answer within 0\.2 s"):
            Server(url).model(timeout=0.2)


def test_local_server_is_asked_past_a_proxy(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert Server(stage.url, stage.token).model().model_id == "old"
