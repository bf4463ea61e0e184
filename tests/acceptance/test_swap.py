"""A running server takes another model while twenty people talk to it."""

import re
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.training.deploy import model_id, models_by_age
from rasa_qa_plugin.training.promotion import promote, roll_back
from rasa_qa_plugin.training.rasa_server import Sample, Server
from tests.acceptance.servers import free_port, rasa
from tests.acceptance.small_bot import (
    FILES,
    STORE,
    Person,
    Remains,
    SmallBot,
    log_lines,
)
from tests.conftest import SECRET

TOKEN = "a-token-for-tests-long-enough"
NOW = datetime.now(timezone.utc)


class Swapped:
    """A server that people talk to, and a candidate with a slot more."""

    def __init__(self, trained: Path, folder: Path) -> None:
        self.bot = SmallBot(trained, folder, f"tracker_store: {{{STORE}}}\n")
        self.port = free_port()
        self.models = self.bot.folder / "models"
        self.server = Server(f"http://127.0.0.1:{self.port}", channel_token=TOKEN)
        (self.bot.folder / "credentials.yml").write_text(
            f"rest:\nrasa_qa_plugin.QAChannel:\n  token: {TOKEN}\n", "utf-8"
        )
        self.candidate = self._train(folder / "candidate")

    def _train(self, folder: Path) -> Path:
        """Train the same bot with another domain."""
        for name, content in FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            changed = content.replace(
                "  qa_consent:",
                "  size: {type: text, initial_value: big, mappings: [{type: custom}]}\n"
                "  qa_consent:",
            )
            (folder / name).write_text(changed, "utf-8")
        assert rasa(folder, "train", log=folder / "train.log") == 0
        return next((folder / "models").iterdir())

    def remains(self) -> Remains:
        return Remains(f"sqlite:///{self.bot.folder / 'rasa.db'}")


@pytest.fixture(scope="module")
def swapped(
    trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Swapped]:
    one = Swapped(trained, tmp_path_factory.mktemp("swapped"))
    with one.bot.running(one.port, RASA_QA_SECRET=SECRET):
        yield one


def test_nobody_loses_a_message_while_models_come_and_go(swapped: Swapped) -> None:
    people = [Person(2000 + number, [swapped.port]) for number in range(20)]
    for person in people:
        person.start()
    while not all(person.answered for person in people):
        time.sleep(0.1)
    old = swapped.server.model()
    samples = [Sample("hola 1", "greet"), Sample("anota 2", "note")]

    promoted = promote(
        swapped.candidate,
        swapped.models,
        servers=[swapped.server],
        samples=samples,
        keep=5,
        now=NOW,
    )

    assert swapped.server.model().model_id == model_id(swapped.candidate)
    assert models_by_age(swapped.models)[0] == promoted
    roll_back(swapped.models, target=None, servers=[swapped.server], now=NOW)
    assert swapped.server.model() == old
    roll_back(swapped.models, target=None, servers=[swapped.server], now=NOW)
    heard = {person.sender: len(person.answered) for person in people}
    while any(len(one.answered) < heard[one.sender] + 2 for one in people):
        time.sleep(0.1)
    for person in people:
        person.done.set()
    for person in people:
        person.join(60)

    assert [person.wrong for person in people if person.wrong] == []
    assert all(person.answered == person.sent for person in people)
    remains = swapped.remains()
    remains.await_replay(people)
    remains.assert_whole(people)
    remains.close()
    complaints = "\n".join(log_lines(swapped.bot.log(swapped.port)))
    assert not re.search(r"Traceback|Error", complaints)


def test_a_model_that_fails_its_samples_never_answers(swapped: Swapped) -> None:
    before = swapped.server.model()
    names = models_by_age(swapped.models)
    person = Person(2100, [swapped.port])
    person.write()

    with pytest.raises(TrainingError, match="1 of 2 are not understood") as raised:
        promote(
            swapped.candidate,
            swapped.models,
            servers=[swapped.server],
            samples=[Sample("hola", "greet"), Sample("hola geheim", "note")],
            keep=5,
            now=NOW,
        )

    assert "geheim" not in str(raised.value)
    assert swapped.server.model() == before
    assert models_by_age(swapped.models) == names
    person.write()
    assert (person.wrong, len(person.answered)) == ([], 2)
    assert "geheim" not in swapped.bot.log(swapped.port).read_text("utf-8")


@pytest.mark.parametrize(
    "name",
    [
        "../../outside.tar.gz", "/etc/passwd", "..", ".", "", "none.tar.gz",
        "link.tar.gz", "broken.tar.gz", "nul\0.tar.gz", "folder.tar.gz",
    ],
)  # fmt: skip
def test_only_a_whole_model_of_the_models_folder_is_loaded(
    swapped: Swapped, name: str
) -> None:
    outside = swapped.bot.folder.parent / "outside.tar.gz"
    outside.write_bytes(swapped.candidate.read_bytes())
    link = swapped.models / "link.tar.gz"
    link.symlink_to(outside)
    (swapped.models / "broken.tar.gz").write_bytes(b"no model")
    (swapped.models / "folder.tar.gz").mkdir()
    before = swapped.server.model()

    with pytest.raises(TrainingError, match=r"server: file: "):
        swapped.server._channel("POST", timeout=60, body={"file": name})

    assert swapped.server.model() == before
    for path in (link, swapped.models / "broken.tar.gz"):
        path.unlink()
    (swapped.models / "folder.tar.gz").rmdir()
