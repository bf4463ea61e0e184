"""What a run is made from and told to do, without training anything."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from rasa_qa_plugin import cli
from rasa_qa_plugin.announcing import announce, services
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli import models
from rasa_qa_plugin.cli.progress import training_progress
from rasa_qa_plugin.errors import ConfigError, TrainingError
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.settings import parser
from rasa_qa_plugin.storage import copies
from rasa_qa_plugin.storage.engine import transaction
from rasa_qa_plugin.training.bundle import bundle
from rasa_qa_plugin.training.fitting import adjust
from rasa_qa_plugin.training.job import Progress
from rasa_qa_plugin.training.provenance import provenance
from rasa_qa_plugin.training.workflow import WORKFLOW
from tests.contract.test_notifier import Receiver

CONFIG = """\
# mine
language: es
pipeline:
- name: DIETClassifier   # the slow one
  epochs: 100
- name: FallbackClassifier
policies:
- name: TEDPolicy
  random_seed: 7
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yml"
    path.write_text(CONFIG, "utf-8")
    return path


def test_options_of_a_run_change_the_copied_configuration_alone(config: Path) -> None:
    adjust(
        config,
        seed=42,
        overrides={"DIETClassifier.epochs": 5, "FallbackClassifier.threshold": 0.4},
    )

    content = parser().load(config.read_text("utf-8"))
    assert content["pipeline"] == [
        {"name": "DIETClassifier", "epochs": 5, "random_seed": 42},
        {"name": "FallbackClassifier", "threshold": 0.4},
    ]
    assert content["policies"] == [{"name": "TEDPolicy", "random_seed": 7}]
    assert "# the slow one" in config.read_text("utf-8")
    with pytest.raises(TrainingError, match="has no such component"):
        adjust(config, seed=None, overrides={"Dial.epochs": 5})


@pytest.mark.parametrize("value", ["epochs=5", "DIETClassifier.epochs", ".epochs=5"])
def test_an_option_that_names_nothing_is_a_usage_error(
    config: Path, value: str
) -> None:
    result = CliRunner().invoke(
        cli.root, ["retrain", "--bot", str(config.parent), "--set", value]
    )
    assert result.exit_code == 2
    assert "write COMPONENT.OPTION=VALUE" in result.stderr


@pytest.mark.parametrize(
    ("written", "meant"),
    [("False", False), ("0.5", 0.5), ("null", None), ("[1, a]", [1, "a"]), ("a", "a")],
)
def test_an_option_of_a_run_means_what_it_means_in_the_configuration(
    written: str, meant: Any
) -> None:
    bot = ["--bot", "bot_example"]
    options = [*bot, "--set", f"A.x={written}"]
    context = models.retrain.make_context("retrain", options)
    assert context.params["overrides"] == {"A.x": meant}
    assert type(context.params["overrides"]["A.x"]) is type(meant)
    with pytest.raises(click.BadParameter, match="as in config") as bad:
        models.retrain.make_context("retrain", [*bot, "--set", "A.x=[geheim"])
    assert "geheim" not in str(bad.value)


def test_an_account_without_a_name_may_promote_but_not_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nobody)
    bot = runnable(tmp_path)

    def promote(*arguments: str) -> str:
        return CliRunner().invoke(
            cli.root, ["promote", "--bot", str(bot.folder), "none", *arguments]
        ).stderr  # fmt: skip

    assert "run: unknown" in promote()
    forced = ("--force", "--reason", "a drill")
    assert "RASA_QA_NAME" in promote(*forced)
    assert "run: unknown" in promote(*forced, "--by", " Marta\n Ruiz")
    assert "write 1 to 100 characters" in promote(*forced, "--by", " ")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def test_a_run_that_is_refused_before_it_begins_tells_the_team(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", f"json://{receiver.address}")
    bot = runnable(tmp_path, test_rows="hola")

    result = CliRunner().invoke(cli.root, ["retrain", "--bot", str(bot.folder)])

    assert result.exit_code == 1
    assert "stand in the training data" in result.stderr
    (body,) = map(json.loads, receiver.received)
    assert body["title"] == "Retraining failed"
    assert "hola" not in body["message"]


def test_what_would_fail_here_is_found_before_another_server_trains(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", f"json://{receiver.address}")
    bot = runnable(tmp_path, test_rows="buenas tardes")
    (bot.folder / "domain.yml").unlink()

    result = CliRunner().invoke(
        cli.root,
        ["retrain", "--bot", str(bot.folder), "--train-server", "http://127.0.0.1:1"],
    )

    assert "domain: domain not found" in result.stderr
    assert len(receiver.received) == 1


def test_a_line_that_a_person_said_is_theirs_in_whatever_file(tmp_path: Path) -> None:
    opened = open_bot(runnable(tmp_path))
    said = [
        copies.Written(turn_id="t1", file="tests/old.yml", line="one"),
        copies.Written(turn_id="t2", file="data/nlu.yml", line="two"),
        copies.Written(turn_id="t3", file="review.yml"),
    ]
    with transaction(opened.engine) as connection:
        copies.record(connection, said, now=1.0)
        assert copies.lines(connection) == {"one", "two"}
    opened.engine.dispose()


def runnable(folder: Path, *, test_rows: str | None = None) -> Bot:
    """Write a bot with a database of its own, whose team listens at $HOOK."""
    block = 'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - '
    files = {
        "domain.yml": "intents: [greet]\n",
        "data/nlu.yml": f"{block}hola\n",
        "qa.yml": "training: {notify: ['${HOOK}']}\n",
        "endpoints.yml": (
            "tracker_store: {type: rasa_qa_plugin.QATrackerStore, db: bot.db, "
            "settings: qa.yml}\n"
        ),
    }
    if test_rows is not None:
        files["tests/nlu_test.yml"] = f"{block}{test_rows}\n"
    return write(folder, **files)


def write(folder: Path, **files: str) -> Bot:
    for name, content in {"config.yml": CONFIG, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return Bot(folder)


def test_a_whole_bot_is_one_document(tmp_path: Path) -> None:
    bot = write(
        tmp_path,
        **{
            "domain/one.yml": "intents: [greet]\nresponses: {utter_a: [{text: á}]}\n",
            "domain/two.yml": "intents: [bye]\nslots: {size: {type: text}}\n",
            "data/nlu.yml": "nlu:\n- intent: greet\n  examples: |\n    - 'hola'\n",
            "data/more/rules.yml": "rules:\n- {rule: r, steps: [{intent: greet}]}\n"
            "responses: {utter_b: [{text: '${KEPT}'}]}\n",
        },
    )

    whole = parser().load(bundle(bot, bot.config))

    assert whole["intents"] == ["greet", "bye"]
    assert sorted(whole["responses"]) == ["utter_a", "utter_b"]
    assert whole["responses"]["utter_b"] == [{"text": "${KEPT}"}]
    assert whole["nlu"] == [{"intent": "greet", "examples": "- 'hola'\n"}]
    assert whole["rules"][0]["rule"] == "r"
    assert whole["language"] == "es"
    assert whole["slots"] == {"size": {"type": "text"}}


def test_hashes_tell_which_input_changed(tmp_path: Path) -> None:
    bot = write(
        tmp_path, **{"domain.yml": "intents: [a]\n", "data/nlu.yml": "nlu: []\n"}
    )

    def now() -> Any:
        return provenance(
            data=bot.data, domain=bot.domain, config=bot.config,
            test_set=tmp_path / "tests" / "nlu_test.yml", root=tmp_path, options={},
        )  # fmt: skip

    first = now()
    assert now() == first
    bot.config.write_text(f"{CONFIG}# more\n", "utf-8")
    assert (now().config != first.config, now().data == first.data) == (True, True)
    (bot.data / "nlu.yml").rename(bot.data / "renamed.yml")
    assert now().data != first.data
    assert now().test_set == first.test_set
    write(tmp_path, **{"tests/nlu_test.yml": "nlu: []\n"})
    assert now().test_set != first.test_set


def test_the_workflow_runs_commands_that_are_there() -> None:
    printed = CliRunner().invoke(cli.root, ["init", "--ci", "--bot", "bot_example"])
    assert printed.stdout == WORKFLOW
    content = parser().load(WORKFLOW)
    steps = content["jobs"]["retrain"]["steps"]
    shell = "\n".join(step.get("run", "") for step in steps)
    commands = re.findall(r"rasa-qa [a-z-]+(?: --[a-z-]+)*", shell)
    assert commands == ["rasa-qa retrain --if-due"]
    for command in commands:
        _, name, *options = shlex.split(command)
        found = cli.root.get_command(click.Context(cli.root), name)
        assert found is not None
        found.make_parser(click.Context(found)).parse_args(options)


def test_the_team_is_told_and_no_address_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receiver = Receiver()
    monkeypatch.setenv("HOOK", f"json://{receiver.address}")
    team = services(["${HOOK}", "json://127.0.0.1:1"], key="training.notify")
    try:
        failed = announce(team, title="Retraining: REFUSE", body="macro-F1 falls")
    finally:
        receiver.close()

    assert failed == 1
    (body,) = map(json.loads, receiver.received)
    assert (body["title"], body["message"]) == ("Retraining: REFUSE", "macro-F1 falls")
    with pytest.raises(ConfigError, match=r"notify\[0\]: not an address") as bad:
        services(["geheim"], key="training.notify")
    assert "geheim" not in str(bad.value)


def test_progress_tells_how_long_it_takes_as_last_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with training_progress({"import": 10.0, "train": 600.0, "test": 30.0}) as tell:
        tell(Progress("import"))
        tell(Progress("train", "DIET: epoch 1 of 9", 0.1))
    with training_progress() as tell:
        tell(Progress("import"))

    first, second, third = capsys.readouterr().err.splitlines()
    assert first == "loading Rasa … (about 11 min left)"
    assert second == "training the candidate … (about 11 min left)"
    assert third == "loading Rasa …"
