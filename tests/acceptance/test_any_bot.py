"""Bots of all kinds take the plugin in, behave as before, talk, and let it go again.

A form bot with a two-stage fallback, a bot with a folder domain, nested data and only
stories (its domain with Windows line ends), and the bot example as it would be without
the plugin: each is validated, trained and talked to as it was and with what
`rasa-qa init` adds, over Rasa's agent with real action servers.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rasa_qa_plugin import cli
from rasa_qa_plugin.settings import read_yaml
from tests.acceptance.servers import QUIET, answers, free_port
from tests.conftest import ROOT, SECRET

SMALL = """\
recipe: default.v1
assistant_id: seafood
language: es
pipeline:
  - name: WhitespaceTokenizer
  - name: CountVectorsFeaturizer
    analyzer: char_wb
    min_ngram: 1
    max_ngram: 4
  - name: LogisticRegressionClassifier
  - name: FallbackClassifier
    threshold: 0.05
policies:
  - name: MemoizationPolicy
  - name: RulePolicy
    core_fallback_threshold: 0.4
    core_fallback_action_name: action_default_fallback
"""
BOTS = ("formbot", "nestedbot", "example")
OWN = {
    "formbot": [
        *("hello", "no thanks", "sure", "the food was great"),
        *("i want to book a restaurant", "chinese food", "mexican", "for four people"),
        *("a table by the window", "/nlu_fallback", "/affirm", "hello"),
        *("i want to book a restaurant", "mexican", "/restart", "hello"),
    ],
    "nestedbot": [
        *("hola", "quiero un taco", "nada más", "quiero un taco", "hola"),
        *("hola", "no", "/pedido", "no"),
    ],
}
# What somebody says to the plugin, and the beginning of each answer.
WITH_US = {
    "formbot": [
        ("/qa_consent_grant", ["¡Muchas gracias!"]),
        ("i want to book a restaurant", ["What cuisine?"]),
        ("mexican", ["How many people?"]),
        ("/qa_consent_info", ["We have your permission", "How many people?"]),
        ("for four people", ["Any preferences?"]),
        (
            "i want to undo the consent i gave earlier",
            ["Done: we no longer keep", "Any preferences?"],
        ),
        ("/qa_consent_grant", ["Thank you!", "Any preferences?"]),
        (
            "a table by the window",
            ["All done!", "A mexican table for four: a"],
        ),
        ("/qa_feedback_positive", ["Glad to hear it!"]),
        ("hello", ["Hello! I find restaurants."]),
        ("/nlu_fallback", ["Did you mean 'nlu_fallback'?"]),
        ("/qa_consent_withdraw", ["Done: we no longer keep"]),
    ],
    "nestedbot": [
        ("hola", ["Hello, what can I get you?"]),
        ("/qa_consent_grant", ["Thank you!"]),
        ("quiero un taco", ["Coming up!"]),
        ("/qa_feedback_negative", ["Sorry about that"]),
        ("/qa_comment", ["What went wrong"]),
        ("it was cold", ["Thank you, we'll look into it."]),
        ("nada más", ["Cuando guste."]),
        ("/qa_forget_me", ["Shall we delete everything"]),
        ("/qa_forget_cancel", ["Understood, nothing was deleted."]),
    ],
    "example": [
        ("/qa_consent_grant", ["¡Muchas gracias!"]),
        ("/thank", ["Con mucho gusto."]),
        ("/qa_feedback_positive", ["¡Qué bueno!"]),
    ],
}
STATES = {
    "formbot": ("withdrawn", []),
    "nestedbot": ("granted", ["quiero un taco", "it was cold", "nada más"]),
    "example": ("granted", []),
}
# What check may still miss: what no command can know, or what init leaves to people.
NOT_YET = {
    "formbot": {"test set"},
    "nestedbot": {"fallback", "test set"},
    "example": set(),
}
_VARIES = {
    *("timestamp", "message_id", "confidence", "intent_ranking", "qa", "model_id"),
    *("response_selector", "text_tokens", "input_channel", "policy"),
}


def example_without_us(folder: Path) -> None:
    """Copy the example bot without what the plugin added to it."""
    shutil.copytree(
        ROOT / "bot_example",
        folder,
        ignore=shutil.ignore_patterns(
            "qa*.yml", "models", "*.db*", ".rasa_qa", "__pycache__", "demo.py"
        ),
    )
    for name in ("domain/sales.yml", "data/rules.yml", "data/stories.yml"):
        path = folder / name
        ours = r"(?m)^\s*- (intent: |action: )?(action_)?qa_\w+\n"
        path.write_text(re.sub(ours, "", path.read_text("utf-8")), "utf-8")
    (folder / "actions" / "__init__.py").write_text("from . import sales\n", "utf-8")
    (folder / "config.yml").write_text(SMALL, "utf-8")
    (folder / "endpoints.yml").write_text(
        "action_endpoint:\n  url: http://localhost:5055/webhook\n", "utf-8"
    )


def example_stories() -> Iterator[tuple[str, list[str]]]:
    """Give what is said in the example's own stories, until the plugin is addressed.

    As words, which the small model understands as it can, and as what they mean.
    """
    stories = read_yaml(ROOT / "bot_example" / "tests" / "test_stories.yml")["stories"]
    for number, story in enumerate(stories):
        texts, meanings, intents = [], [], []
        for step in story["steps"]:
            intent = step.get("intent")
            if intent is None:
                continue
            if intent.startswith("qa_"):
                break
            intents.append(intent)
            said = step["user"].strip()
            entities = {kind: value for value, kind in _ENTITY.findall(said)}
            texts.append(_ENTITY.sub(r"\1", said))
            meanings.append(f"/{intent}{json.dumps(entities) if entities else ''}")
        if texts:
            yield f"meaning {number}", meanings
        if texts and "nlu_fallback" not in intents:  # what that is, every model decides
            yield f"words {number}", texts


_ENTITY = re.compile(r"\[([^\]]+)\]\((\w+)\)")


def contents(folder: Path) -> dict[str, bytes]:
    """Give a bot's files, but for what trainings and conversations leave behind."""
    made = {".rasa_qa", "models", "__pycache__", ".rasa"}
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not made & set(path.parts) and ".db" not in path.name
    }


def qa(folder: Path, *arguments: str) -> Any:
    """Run `rasa-qa COMMAND --json` on a bot."""
    command, *rest = arguments
    done = CliRunner().invoke(
        cli.root,
        [command, "--bot", str(folder), "--json", *rest],
        env={"RASA_QA_SECRET": SECRET},
    )
    return json.loads(done.stdout)


class Visited:
    """The bots' folders, and what was found there."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.before: dict[str, dict[str, bytes]] = {}
        self.again: dict[str, Any] = {}
        self.checked: dict[str, Any] = {}
        self.found: dict[str, Any] = {}

    def folder(self, bot: str, *, with_us: bool) -> Path:
        return self.base / ("with" if with_us else "without") / bot

    def talks(self, bot: str, *, with_us: bool) -> dict[str, Any]:
        name = f"{'with' if with_us else 'without'} {bot}"
        talks: dict[str, Any] = self.found[name]["talks"]
        return talks


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Visited:
    found = Visited(tmp_path_factory.mktemp("any_bot"))
    own = {bot: {"own": texts} for bot, texts in OWN.items()}
    own["example"] = dict(example_stories())
    plan: dict[str, Any] = {}
    with ExitStack() as servers:
        for bot in BOTS:
            for with_us in (False, True):
                folder = found.folder(bot, with_us=with_us)
                make(bot, folder)
                told = dict(own[bot])
                if not with_us and "tracker_store" not in read_yaml(endpoints(folder)):
                    with endpoints(folder).open("a", encoding="utf-8") as file:
                        file.write("tracker_store: {type: SQL, db: stock.db}\n")
                if with_us:
                    found.before[bot] = contents(folder)
                    assert qa(folder, "init", "--yes")["written"]
                    told["with us"] = [text for text, _ in WITH_US[bot]]
                    found.again[bot] = qa(folder, "init", "--yes")
                url = servers.enter_context(action_server(folder))
                name = f"{'with' if with_us else 'without'} {bot}"
                plan[name] = {"folder": str(folder), "told": told, "actions": url}
        plan_at = found.base / "plan.json"
        plan_at.write_text(json.dumps(plan), "utf-8")
        log = found.base / "chatting.log"
        with log.open("wb") as output:
            done = subprocess.run(
                [sys.executable, "-m", "tests.acceptance.chatting_bots", str(plan_at)],
                cwd=ROOT, env=environment(), stdout=output, stderr=subprocess.STDOUT,
                check=False, timeout=500,
            )  # fmt: skip
        assert done.returncode == 0, log.read_text("utf-8")[-3000:]
    found.found = json.loads(plan_at.read_text("utf-8"))
    found.checked = {bot: qa(found.folder(bot, with_us=True), "check") for bot in BOTS}
    return found


def endpoints(folder: Path) -> Path:
    return folder / "endpoints.yml"


def make(bot: str, folder: Path) -> None:
    if bot == "example":
        example_without_us(folder)
        return
    shutil.copytree(ROOT / "tests" / "data" / "bots" / bot, folder)
    for path in (folder / "domain").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def environment() -> dict[str, str]:
    return {**os.environ, **QUIET, "RASA_QA_SECRET": SECRET, "PYTHONPATH": str(ROOT)}


@contextmanager
def action_server(folder: Path) -> Iterator[str]:
    port = free_port()
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "-p", str(port)],
            cwd=folder, env={**environment(), "PYTHONPATH": str(folder)},
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 120
            while not answers(f"http://127.0.0.1:{port}/health"):
                assert process.poll() is None, Path(log.name).read_text("utf-8")
                assert time.monotonic() < deadline
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/webhook"
        finally:
            process.terminate()
            process.wait(30)


def comparable(value: Any) -> Any:
    """Leave out what training data, clocks and chance decide."""
    if isinstance(value, dict):
        return {k: comparable(v) for k, v in value.items() if k not in _VARIES}
    if isinstance(value, list):
        return [comparable(one) for one in value]
    return value


by_bot = pytest.mark.parametrize("bot", BOTS)


@by_bot
def test_it_behaves_as_before_until_the_plugin_is_addressed(
    visited: Visited, bot: str
) -> None:
    before, after = (visited.talks(bot, with_us=w) for w in (False, True))

    assert sum(len(talk["events"]) for talk in before.values()) > 30
    for name, talk in before.items():
        assert after[name]["answers"] == talk["answers"], name
        assert comparable(after[name]["events"]) == comparable(talk["events"]), name
        slots = after[name]["slots"]
        gained = set(slots) - set(talk["slots"]) - {"requested_slot"}
        assert all(slot.startswith("qa_") for slot in gained)
        assert {slot: slots[slot] for slot in talk["slots"]} == talk["slots"], name


@by_bot
def test_rasa_validates_it_with_nothing_new_to_complain_of(
    visited: Visited, bot: str
) -> None:
    before, after = (
        visited.found[f"{kind} {bot}"]["complaints"] for kind in ("without", "with")
    )

    assert set(after) <= set(before)


@by_bot
def test_people_agree_and_judge_in_the_chat(visited: Visited, bot: str) -> None:
    talk = visited.talks(bot, with_us=True)["with us"]

    for (said, expected), answered in zip(WITH_US[bot], talk["answers"], strict=True):
        assert len(answered) == len(expected), said
        for answer, beginning in zip(answered, expected, strict=True):
            assert answer.startswith(beginning), said
    state, texts = STATES[bot]
    assert talk["slots"]["qa_consent"] == state
    turns = qa(visited.folder(bot, with_us=True), "turns")
    kept = [turn["text"] for turn in turns if turn["text"]]
    assert {text for text in kept if not text.startswith("/")} == set(texts)


@by_bot
def test_a_second_init_finds_nothing_to_do(visited: Visited, bot: str) -> None:
    assert visited.again[bot]["changes"] == []


@by_bot
def test_check_finds_everything_else_in_its_place(visited: Visited, bot: str) -> None:
    missing = {one["subject"] for one in visited.checked[bot] if not one["ok"]}

    assert missing == NOT_YET[bot]


@by_bot
def test_undone_every_file_is_back_byte_for_byte(visited: Visited, bot: str) -> None:
    folder = visited.folder(bot, with_us=True)

    undone = qa(folder, "init", "--undo", "--yes")

    assert undone["written"] is True
    assert contents(folder) == visited.before[bot]
