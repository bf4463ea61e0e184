"""What a server that does not answer must not change."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.training.deploy import model_id, models_by_age
from rasa_qa_plugin.training.promotion import current_model, promote, roll_back
from rasa_qa_plugin.training.rasa_server import Sample, Server
from tests.unit.stage import Stage

NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)
NOBODY = Server("http://127.0.0.1:1")
CHANNEL_TOKEN = "a-token-for-our-channel"


def model(path: Path) -> Path:
    """Write what a Rasa model looks like from outside."""
    path.parent.mkdir(exist_ok=True)
    content = json.dumps({"model_id": path.name.partition(".")[0]}).encode()
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
        promote(candidate, models, servers=(), keep=5, now=NOW.replace(day=number))
    before = names(models)

    with pytest.raises(TrainingError, match="cannot be reached"):
        roll_back(models, target=None, servers=[NOBODY], now=NOW)
    assert names(models) == before

    roll_back(models, target=None, servers=(), now=NOW)
    assert names(models) == before[::-1]


def test_a_promotion_the_server_refuses_leaves_no_file(tmp_path: Path) -> None:
    models = tmp_path / "models"
    candidate = model(tmp_path / "candidate.tar.gz")

    with pytest.raises(TrainingError, match="cannot be reached"):
        promote(candidate, models, servers=[NOBODY], keep=5, now=NOW)

    assert names(models) == []


def test_a_model_that_fails_the_second_time_is_still_there_from_the_first(
    tmp_path: Path,
) -> None:
    models = tmp_path / "models"
    candidate = model(tmp_path / "candidate.tar.gz")
    first = promote(candidate, models, servers=(), keep=5, now=NOW)

    with pytest.raises(TrainingError, match="cannot be reached"):
        promote(candidate, models, servers=[NOBODY], keep=5, now=NOW)

    assert names(models) == [first.name]


def test_only_so_many_former_models_are_kept(tmp_path: Path) -> None:
    models = tmp_path / "models"
    own = model(models / "shop-qa-bot.tar.gz")
    os.utime(own, (1, 1))
    for number in range(1, 6):
        candidate = model(tmp_path / f"{number}.tar.gz")
        promote(candidate, models, servers=(), keep=2, now=NOW.replace(day=number))

    assert len(names(models)) == 4  # the new one, two before, and what is not ours
    assert own.exists()


@pytest.fixture
def stages() -> Iterator[list[Stage]]:
    """Two servers that answer like Rasa."""
    both = [Stage(), Stage()]
    for stage in both:
        stage.start()
    yield both
    for stage in both:
        stage.stop()


def ready(tmp_path: Path, stages: list[Stage]) -> tuple[Path, Path, list[Server]]:
    """Give a models folder with one model that both servers answer with."""
    models = tmp_path / "models"
    old = promote(model(tmp_path / "old.tar.gz"), models, keep=5, now=NOW)
    for stage in stages:
        stage.folder = models
        stage.loaded = {"model_file": old.name, "model_id": "old"}
    servers = [Server(stage.url, stage.token) for stage in stages]
    return models, model(tmp_path / "new.tar.gz"), servers


def test_all_servers_answer_with_the_promoted_model(
    tmp_path: Path, stages: list[Stage]
) -> None:
    models, candidate, servers = ready(tmp_path, stages)

    promoted = promote(candidate, models, servers=servers, keep=5, now=NOW)

    assert [stage.loaded["model_id"] for stage in stages] == ["new", "new"]
    assert models_by_age(models)[0] == promoted
    returned = roll_back(models, target=None, servers=servers, now=NOW)
    assert [stage.loaded["model_id"] for stage in stages] == ["old", "old"]
    assert models_by_age(models)[0] == returned


@pytest.mark.parametrize("fault", ["keeps_old", "misunderstands", "gone"])
def test_when_one_server_does_not_take_it_all_go_back(
    tmp_path: Path, stages: list[Stage], fault: str
) -> None:
    models, candidate, servers = ready(tmp_path, stages)
    before = names(models)
    if fault == "gone":
        servers[1] = NOBODY
    else:
        setattr(stages[1], fault, True)

    with pytest.raises(TrainingError, match="server: ") as raised:
        promote(
            candidate,
            models,
            servers=servers,
            samples=[Sample("hola", "greet")],
            keep=5,
            now=NOW,
        )

    assert "hola" not in str(raised.value)
    assert [stage.loaded["model_id"] for stage in stages] == ["old", "old"]
    assert stages[0].put == ["new", "old"]
    assert names(models) == before


def test_our_channel_is_asked_before_rasas_own_interface(
    tmp_path: Path, stages: list[Stage]
) -> None:
    models, candidate, servers = ready(tmp_path, stages)
    stages[0].channel_token = CHANNEL_TOKEN
    servers = [Server(one.url, "geheim", None, CHANNEL_TOKEN) for one in servers]

    promote(
        candidate,
        models,
        servers=servers,
        samples=[Sample("hola", "greet")],
        keep=5,
        now=NOW,
    )

    assert [stage.put for stage in stages] == [[], ["new"]]
    assert stages[0].swapped == [{"text": "hola", "intent": "greet"}]
    assert [stage.loaded["model_id"] for stage in stages] == ["new", "new"]


def test_a_server_that_cannot_have_its_model_back_is_counted(
    tmp_path: Path, stages: list[Stage]
) -> None:
    models, candidate, servers = ready(tmp_path, stages)
    stages[0].loaded = {"model_file": "elsewhere.tar.gz", "model_id": "elsewhere"}
    stages[1].misunderstands = True

    with pytest.raises(TrainingError, match="1 of 2 servers did not take their former"):
        promote(
            candidate,
            models,
            servers=servers,
            samples=[Sample("hola", "greet")],
            keep=5,
            now=NOW,
        )
    assert stages[1].loaded["model_id"] == "old"


def test_nothing_is_tried_while_a_server_runs_from_another_folder(
    tmp_path: Path, stages: list[Stage]
) -> None:
    models, _, servers = ready(tmp_path, stages)
    current = current_model(models, servers)
    assert current is not None
    assert model_id(current) == "old"

    stages[1].loaded = {"model_file": "elsewhere.tar.gz", "model_id": "elsewhere"}
    with pytest.raises(TrainingError, match="not in models/ of this bot"):
        current_model(models, servers)


def test_a_channel_that_refuses_says_why_and_nothing_is_loaded_behind_its_back(
    tmp_path: Path, stages: list[Stage]
) -> None:
    models, candidate, servers = ready(tmp_path, stages[:1])
    stages[0].channel_token = CHANNEL_TOKEN
    stages[0].refusal = "samples: 1 of 1 are not understood as they should be"
    server = Server(servers[0].url, "geheim", None, CHANNEL_TOKEN)

    with pytest.raises(TrainingError, match="server: samples: 1 of 1 are not"):
        promote(candidate, models, servers=[server], keep=5, now=NOW)

    assert stages[0].put == []
    wrong = Server(servers[0].url, "geheim", None, "another-token-than-the-right")
    with pytest.raises(TrainingError, match="refuses the token"):
        promote(candidate, models, servers=[wrong], keep=5, now=NOW)


def test_a_signed_token_goes_in_the_header(tmp_path: Path, stages: list[Stage]) -> None:
    models, candidate, servers = ready(tmp_path, stages[:1])
    stages[0].jwt = "eyJh.eyJz.c2ln"
    server = Server(servers[0].url, jwt="eyJh.eyJz.c2ln")

    promote(candidate, models, servers=[server], keep=5, now=NOW)

    assert stages[0].loaded["model_id"] == "new"


PROMOTION = """\
import sys
from datetime import datetime, timezone
from pathlib import Path
from rasa_qa_plugin.training.promotion import promote
from rasa_qa_plugin.training.rasa_server import Server

candidate, models, url, token = sys.argv[1:]
promote(Path(candidate), Path(models), servers=[Server(url, token)], keep=5,
        now=datetime(2026, 11, 20, tzinfo=timezone.utc))
"""


def test_killed_while_promoting_the_old_model_stays_the_one_rasa_loads(
    tmp_path: Path, stages: list[Stage]
) -> None:
    models, candidate, servers = ready(tmp_path, stages[:1])
    old = models_by_age(models)[0]
    stages[0].slow.clear()
    process = subprocess.Popen(
        [sys.executable, "-c", PROMOTION, str(candidate), str(models),
         servers[0].url, "geheim"]
    )  # fmt: skip
    assert stages[0].asked.wait(60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stages[0].slow.set()

    assert models_by_age(models)[0] == old
    with pytest.raises(TrainingError, match="no former model"):
        roll_back(models, target=None, now=NOW)
    (models / ".qa-killed.tmp").write_text("of a copy that was killed")
    os.utime(old, (NOW.timestamp(), NOW.timestamp()))
    promoted = promote(candidate, models, servers=(), keep=5, now=NOW)
    assert model_id(promoted) == "new"
    assert not list(models.glob(".qa-*"))
    # What was left behind is nobody's former model.
    assert roll_back(models, target=None, now=NOW) == old
