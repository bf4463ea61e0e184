"""Train a small bot for real, in the worker process."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rasa.nlu.persistor import Persistor
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_qa_plugin.bot import Bot as BotFolder
from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.settings import TrainingSettings
from rasa_qa_plugin.training import deploy
from rasa_qa_plugin.training.evaluation import TrainingResult
from rasa_qa_plugin.training.fitting import trained_examples
from rasa_qa_plugin.training.gate import judge
from rasa_qa_plugin.training.job import Job, Progress
from rasa_qa_plugin.training.process import run_training
from rasa_qa_plugin.training.rasa_server import Server
from rasa_qa_plugin.training.remote import train_elsewhere, upload
from rasa_qa_plugin.training.testing import loaded, read_again

CONFIG = """\
# assistant_id is left to Rasa, which would write one in here
assistant_id: placeholder_default
recipe: default.v1
language: es
pipeline:   # keep me
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: LogisticRegressionClassifier
- name: RegexEntityExtractor
  use_lookup_tables: true
policies:
- name: RulePolicy
"""
DIET_CONFIG = """\
recipe: default.v1
language: es
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: DIETClassifier
  epochs: 5   # only to be counted
  entity_recognition: false
  number_of_transformer_layers: 0
policies:
- name: RulePolicy
"""
DOMAIN = """\
version: "3.1"
intents: [saludar, despedir, precio]
entities: [producto]
responses:
  utter_hola:
  - text: hola
"""
RULES = """\
version: "3.1"
rules:
- rule: saludo
  steps:
  - intent: saludar
  - action: utter_hola
"""
SALUDAR = "hola buenas|hola amigo|buenos dias|buenas tardes|hola que tal|hey hola"
DESPEDIR = "adios amigo|hasta luego|chao chao|nos vemos|hasta pronto|adios y gracias"
PRECIO = (
    "precio del [camaron](producto)|cuanto cuesta el [atun](producto)|"
    "costo del [pulpo](producto)|precio de la [langosta](producto)|"
    "cuanto vale el [camaron](producto)|dame el precio"
)
TEST_ROWS = {
    "saludar": "hola buenas tardes|hola hola|buenos dias amigo|hey buenas|hola que tal",
    "despedir": "adios|hasta luego amigo|chao|nos vemos pronto|hasta pronto adios",
    "precio": (
        "precio del [atun](producto)|cuanto cuesta el [pulpo](producto)|"
        "costo del [camaron](producto)|cuanto vale|precio de la [langosta](producto)"
    ),
}


def nlu(**intents: str) -> str:
    blocks = ['version: "3.1"', "nlu:"]
    for intent, rows in intents.items():
        blocks += [f"- intent: {intent}", "  examples: |"]
        blocks += [f"    - {row}" for row in rows.split("|")]
    blocks += ["- lookup: producto", "  examples: |"]
    blocks += [f"    - {name}" for name in ("camaron", "atun", "pulpo", "langosta")]
    return "\n".join(blocks) + "\n"


def snapshot(folder: Path) -> dict[str, str]:
    """Hash every file that belongs to the bot's author."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".rasa")
    }


def processes_naming(text: str) -> list[str]:
    listing = subprocess.run(
        ["/bin/ps", "-eo", "args"], check=True, capture_output=True, text=True
    )
    return [line for line in listing.stdout.splitlines() if text in line]


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bot")
    (folder / "data").mkdir()
    (folder / "tests").mkdir()
    (folder / "models").mkdir()
    (folder / "config.yml").write_text(CONFIG)
    (folder / "domain.yml").write_text(DOMAIN)
    (folder / "data/rules.yml").write_text(RULES)
    (folder / "data/nlu.yml").write_text(
        nlu(saludar=SALUDAR, despedir=DESPEDIR, precio=PRECIO)
    )
    (folder / "tests/nlu_test.yml").write_text(nlu(**TEST_ROWS))
    return folder


class Runs(msgspec.Struct):
    """A good first training and a poisoned second one."""

    first: TrainingResult
    second: TrainingResult
    heard: list[Progress]
    before: dict[str, str]
    after: dict[str, str]
    leftovers: list[str]


@pytest.fixture(scope="module")
def runs(bot: Path) -> Runs:
    heard: list[Progress] = []
    before = snapshot(bot)
    job = Job(bot=str(bot), run_folder=".rasa_qa/runs/1", test_set="tests/nlu_test.yml")
    first = run_training(job, on_progress=heard.append)
    after = snapshot(bot)
    good = (bot / "data/nlu.yml").read_text()
    poisoned = nlu(saludar=DESPEDIR, despedir=PRECIO, precio=SALUDAR)
    (bot / "data/nlu.yml").write_text(poisoned)
    second = run_training(
        msgspec.structs.replace(
            job, run_folder=".rasa_qa/runs/2", current=first.candidate_file
        )
    )
    (bot / "data/nlu.yml").write_text(good)
    leftovers = processes_naming(str(bot))
    return Runs(first, second, heard, before, after, leftovers)


def test_training_leaves_the_bots_files_as_they_are(runs: Runs) -> None:
    assert runs.after == runs.before
    assert "config.yml" in runs.before


def test_candidates_stay_out_of_the_models_folder(runs: Runs, bot: Path) -> None:
    assert not list((bot / "models").iterdir())
    assert Path(runs.first.candidate_file).is_relative_to(bot / ".rasa_qa/runs/1")
    assert not (bot / ".rasa_qa/runs/1/tmp").exists()


def test_a_training_that_succeeds_leaves_no_log(runs: Runs, bot: Path) -> None:
    assert runs.first.seconds
    assert not list((bot / ".rasa_qa/runs").glob("[12]/worker.log"))


class Another(RasaFileImporter):
    """An importer of the bot's own, which adds to what the files say."""

    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        more = Message.build("hola desde aqui", intent="de_la_casa")
        return super().get_nlu_data(language).merge(TrainingData([more]))


def test_examples_are_counted_by_the_importers_of_the_bot(
    runs: Runs, bot: Path
) -> None:
    job = Job(bot=str(bot), run_folder="none", test_set="tests/nlu_test.yml")
    assert trained_examples(job) == runs.first.examples
    (bot / "own.yml").write_text(f"{CONFIG}importers: [{{name: {__name__}.Another}}]\n")
    job = msgspec.structs.replace(job, config="own.yml")
    assert trained_examples(job) == {**runs.first.examples, "de_la_casa": 1}


def test_no_process_survives_a_training(runs: Runs) -> None:
    assert runs.leftovers == []


def test_first_model_is_promoted_and_knows_its_intents(runs: Runs) -> None:
    evaluation = runs.first.candidate
    assert evaluation.n == 15
    assert evaluation.macro_f1 > 0.8
    assert evaluation.known_intents == ("despedir", "precio", "saludar")
    assert evaluation.entities is not None
    assert evaluation.entities.support == 4
    verdict = judge(None, evaluation, TrainingSettings())
    assert verdict.verdict == "PROMOTE"
    assert evaluation.model_id == deploy.model_id(Path(runs.first.candidate_file))


def test_poisoned_candidate_is_refused(runs: Runs) -> None:
    assert runs.second.current is not None
    assert runs.second.current.predictions == runs.first.candidate.predictions
    verdict = judge(runs.second.current, runs.second.candidate, TrainingSettings())
    assert verdict.verdict == "REFUSE"
    assert len(verdict.broken) >= 10
    assert verdict.bootstrap_high < 0


def test_the_models_scores_agree_with_scikit_learn(runs: Runs) -> None:
    from sklearn.metrics import f1_score

    for evaluation in (runs.first.candidate, runs.second.candidate):
        truth = [row.intent for row in evaluation.predictions]
        said = [row.predicted for row in evaluation.predictions]
        for average, ours in (
            ("macro", evaluation.macro_f1),
            ("weighted", evaluation.weighted_f1),
        ):
            theirs = f1_score(
                truth, said, labels=sorted(set(truth)), average=average, zero_division=0
            )
            assert ours == pytest.approx(theirs)


def test_result_and_progress_hold_no_texts(runs: Runs, bot: Path) -> None:
    texts = [row for rows in TEST_ROWS.values() for row in rows.split("|")]
    result = (bot / ".rasa_qa/runs/2/result.json").read_text()
    spoken = " ".join(progress.message for progress in runs.heard)
    for text in texts:
        assert text not in result
        assert text not in spoken


def test_progress_names_every_stage(runs: Runs) -> None:
    stages = list(dict.fromkeys(progress.stage for progress in runs.heard))
    assert stages == ["import", "validate", "train", "evaluate_candidate", "done"]
    assert list(runs.first.seconds) == stages[:-1]


def test_epochs_are_counted_and_unseeded_components_seeded(bot: Path) -> None:
    (bot / "diet.yml").write_text(DIET_CONFIG)
    heard: list[Progress] = []
    run_training(
        Job(
            bot=str(bot),
            run_folder=".rasa_qa/runs/diet",
            test_set="tests/nlu_test.yml",
            config="diet.yml",
        ),
        on_progress=heard.append,
    )
    assert (bot / "diet.yml").read_text() == DIET_CONFIG
    assert "random_seed: 42" in (bot / ".rasa_qa/runs/diet/config.yml").read_text()
    epochs = [p.progress for p in heard if "epoch" in p.message]
    assert epochs == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_a_model_is_trained_further_with_a_share_of_its_epochs(bot: Path) -> None:
    (trained,) = (bot / ".rasa_qa/runs/diet/candidate").iterdir()
    heard: list[Progress] = []
    result = run_training(
        Job(
            bot=str(bot),
            run_folder=".rasa_qa/runs/further",
            test_set="tests/nlu_test.yml",
            config="diet.yml",
            current=str(trained),
            finetune=0.4,
        ),
        on_progress=heard.append,
    )
    epochs = [p.progress for p in heard if "epoch" in p.message]
    assert epochs == pytest.approx([0.5, 1.0])
    assert result.current is not None
    assert result.candidate.model_id != result.current.model_id


def test_a_model_of_another_configuration_is_not_trained_further(bot: Path) -> None:
    (trained,) = (bot / ".rasa_qa/runs/diet/candidate").iterdir()
    with pytest.raises(TrainingError, match="run it once without --finetune"):
        run_training(
            Job(
                bot=str(bot),
                run_folder=".rasa_qa/runs/unseeded",
                test_set="tests/nlu_test.yml",
                config="diet.yml",
                random_seed=None,
                current=str(trained),
                finetune=0.4,
            )
        )


def test_given_candidate_is_evaluated_without_training(runs: Runs, bot: Path) -> None:
    result = run_training(
        Job(
            bot=str(bot),
            run_folder=".rasa_qa/runs/3",
            test_set="tests/nlu_test.yml",
            candidate=runs.first.candidate_file,
        ),
        waiting={"t1": "buenos dias a todos", "t2": "[NAME]"},
    )
    assert result.candidate.predictions == runs.first.candidate.predictions
    left = json.loads((bot / ".rasa_qa/runs/3/candidate/reread.json").read_text())
    assert [turn_id for turn_id, *_ in left] == ["t1", "t2"]
    assert left[0][1] in runs.first.candidate.known_intents
    assert 0 < left[0][2] <= 1
    assert "buenos dias a todos" not in words_in(bot / ".rasa_qa/runs/3")
    assert "train" not in result.seconds
    assert result.examples == runs.first.examples


def test_a_text_that_a_pipeline_fails_on_is_left_out_without_a_word(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    agent = loaded(Path(runs.first.candidate_file))
    parse = agent.processor.parse_message

    async def touchy(message: Any) -> Any:
        if "Marta" in message.text:
            raise ValueError(message.text)
        return await parse(message)

    monkeypatch.setattr(agent.processor, "parse_message", touchy)
    waiting = {"t1": "hola", "t2": "soy Marta", "t3": "hasta luego"}
    found = read_again(agent, waiting, lambda _message, _progress: None)
    assert [one.turn_id for one in found] == ["t1", "t3"]
    assert "Marta" not in "".join(capfd.readouterr())


def words_in(folder: Path) -> str:
    """Give all that text files in *folder* say."""
    files = [
        one for one in folder.rglob("*") if one.suffix in {".json", ".log", ".yml"}
    ]
    return "".join(one.read_text(encoding="utf-8") for one in files)


@pytest.fixture
def server(runs: Runs, bot: Path) -> Iterator[str]:
    """Run a real Rasa server with the first model and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    rasa = Path(sys.executable).with_name("rasa")
    options = ["--enable-api", "--auth-token", "geheim", "-i", "127.0.0.1", "-p", port]
    with (bot / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [rasa, "run", "-m", runs.first.candidate_file, *options],
            cwd=bot,
            env={**os.environ, "RASA_TELEMETRY_ENABLED": "false"},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until_it_answers(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_until_it_answers(process: "subprocess.Popen[bytes]", url: str) -> None:
    for _ in range(600):
        with contextlib.suppress(TrainingError):
            Server(url, "geheim").model()
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
            break
    pytest.fail("the server did not come up")


def test_running_server_takes_the_promoted_model(
    runs: Runs, bot: Path, server: str
) -> None:
    running = Server(server, "geheim")
    assert running.model().model_id == runs.first.candidate.model_id
    with pytest.raises(TrainingError, match="token"):
        Server(server).model()
    with pytest.raises(TrainingError, match="keeps the old one"):
        running.load(bot / "no.tar.gz", model_id="x")
    expected = runs.second.candidate.model_id
    loaded = running.load(Path(runs.second.candidate_file), model_id=expected)
    assert loaded.model_id == expected


def test_another_server_trains_the_whole_bot(
    runs: Runs, bot: Path, server: str, tmp_path: Path
) -> None:
    before = snapshot(bot)
    job = Job(
        bot=str(bot),
        run_folder=str(tmp_path / "run"),
        test_set="tests/nlu_test.yml",
        overrides={"LogisticRegressionClassifier.max_iter": 99},
    )
    candidate = train_elsewhere(Server(server, "geheim"), BotFolder(bot), job)
    after = {name: one for name, one in snapshot(bot).items() if name != "server.log"}
    assert after == {name: one for name, one in before.items() if name != "server.log"}
    job = msgspec.structs.replace(job, candidate=str(candidate))
    result = run_training(job)
    assert result.candidate.macro_f1 == runs.first.candidate.macro_f1
    assert "max_iter: 99" in (tmp_path / "run/config.yml").read_text()
    with pytest.raises(TrainingError, match="refuses the token"):
        train_elsewhere(Server(server, "another"), BotFolder(bot), job)
    with pytest.raises(TrainingError, match="could not train on this data"):
        Server(server, "geheim").train("nlu: geheim", timeout=60)


class FolderPersistor(Persistor):
    """A remote storage that anybody could write: a folder."""

    folder = Path()

    def _persist_tar(self, filekey: str, tarname: str) -> None:
        shutil.copy(tarname, self.folder / filekey)

    def _retrieve_tar(self, filename: str) -> None:
        raise NotImplementedError


def test_a_promoted_model_is_stored_for_a_fleet(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FolderPersistor, "folder", tmp_path)
    candidate = Path(runs.first.candidate_file)
    upload(candidate, f"{__name__}.FolderPersistor")
    stored = tmp_path / candidate.name
    assert stored.read_bytes() == candidate.read_bytes()
    for storage in ("nowhere.Persistor", "aws"):
        with pytest.raises(
            TrainingError, match="--upload: the model is live but not stored"
        ):
            upload(candidate, storage)


def test_failure_names_the_log_and_quotes_nothing(bot: Path) -> None:
    (bot / "broken.yml").write_text("recipe: default.v1\npipeline: [{name: Geheim}]\n")
    job = Job(
        bot=str(bot),
        run_folder=".rasa_qa/runs/4",
        test_set="tests/nlu_test.yml",
        config="broken.yml",
    )
    twice = bot / "data" / "twice.yml"
    twice.write_text(nlu(despedir="hola buenas"))  # Rasa warns, and quotes it.
    with pytest.raises(TrainingError, match=r"worker\.log") as failure:
        run_training(job)
    (bot / "broken.yml").unlink()
    twice.unlink()
    assert "Geheim" not in str(failure.value)
    log = (bot / ".rasa_qa/runs/4/worker.log").read_text()
    assert "Geheim" in log
    assert "hola buenas" not in log


def test_interrupt_ends_the_worker(bot: Path) -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    job = Job(bot=str(bot), run_folder=".rasa_qa/runs/5", test_set="tests/nlu_test.yml")
    with pytest.raises(KeyboardInterrupt):
        run_training(job, on_progress=interrupt)
    assert processes_naming(".rasa_qa/runs/5") == []


def test_timeout_ends_the_worker_and_says_so(bot: Path) -> None:
    job = Job(
        bot=str(bot),
        run_folder=".rasa_qa/runs/6",
        test_set="tests/nlu_test.yml",
        timeout_minutes=0.005,
    )
    with pytest.raises(TrainingError, match="stopped after"):
        run_training(job)
    assert processes_naming(".rasa_qa/runs/6") == []


def test_killed_parent_takes_the_worker_and_its_lock_along(bot: Path) -> None:
    program = (
        "import sys\n"
        "from rasa_qa_plugin.training.job import Job\n"
        "from rasa_qa_plugin.training.process import run_training\n"
        "job = Job(bot=sys.argv[1], run_folder='.rasa_qa/runs/7',"
        " test_set='tests/nlu_test.yml')\n"
        "run_training(job, on_progress=lambda p: print(p.stage, flush=True))\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(bot)], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"import\n"
    handle = os.open(bot / ".rasa_qa/training.lock", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    waiter = threading.Thread(
        target=fcntl.flock, args=(handle, fcntl.LOCK_EX), daemon=True
    )
    waiter.start()
    waiter.join(timeout=60)
    assert not waiter.is_alive(), "the worker still holds the lock"
    os.close(handle)


def test_second_training_of_a_bot_is_turned_away(bot: Path) -> None:
    job = Job(bot=str(bot), run_folder=".rasa_qa/runs/8", test_set="tests/nlu_test.yml")
    (bot / ".rasa_qa").mkdir(exist_ok=True)
    handle = os.open(bot / ".rasa_qa/training.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(TrainingError, match="another training"):
        run_training(job)
    os.close(handle)


def test_test_set_inside_the_training_data_is_refused(bot: Path) -> None:
    job = Job(bot=str(bot), run_folder=".rasa_qa/runs/9", test_set="data/nlu.yml")
    with pytest.raises(TrainingError, match="inside the training data"):
        run_training(job)
