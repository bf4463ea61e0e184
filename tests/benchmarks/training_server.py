"""A real bot with DIET: swaps while people talk to it, and the time of a retraining."""

import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from json import dumps, loads
from pathlib import Path

import psutil
from bars import Figure
from review_sets import deal

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.training.promotion import roll_back
from rasa_qa_plugin.training.rasa_server import Server

TOKEN = "of-the-benchmark-only"
PEOPLE = 20
SWAPS = 5
INTENTS, EXAMPLES, TESTED = 61, 120, 20
CONFIG = """\
recipe: default.v1
language: en
assistant_id: benchmark
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: CountVectorsFeaturizer
  analyzer: char_wb
  min_ngram: 1
  max_ngram: 4
- name: DIETClassifier
  epochs: EPOCHS
  random_seed: 42
  entity_recognition: false
  constrain_similarities: true
- name: FallbackClassifier
  threshold: 0.3
- name: rasa_qa_plugin.ConfidenceLogger
policies:
- name: MemoizationPolicy
- name: RulePolicy
"""
ENDPOINTS = """\
tracker_store:
  type: rasa_qa_plugin.QATrackerStore
  db: bot.db
"""
NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)


def server_figures(data: Path) -> list[Figure]:
    """Measure both on one bot, retraining first: it leaves two models."""
    pool = deal("clinc60oos", data, per_intent=EXAMPLES + TESTED, traffic=0, test=0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "bot"
        texts = make_bot(folder, pool.training)
        return [*retraining(folder), *swaps(folder, texts)]


def make_bot(folder: Path, examples: Sequence[Example]) -> list[str]:
    """Write a bot with so many intents and examples; give texts to talk with."""
    by_intent: dict[str, list[str]] = {}
    for one in examples:
        by_intent.setdefault(one.intent, []).append(one.text)
    names = list(by_intent)[:INTENTS]
    known = {name: by_intent[name][:EXAMPLES] for name in names}
    held_out = {name: by_intent[name][EXAMPLES:] for name in names}
    tested = {name: rows for name, rows in held_out.items() if rows}
    intents = "".join(f"- {name}\n" for name in names)
    rules = "".join(
        f"- rule: {name}\n  steps:\n  - intent: {name}\n  - action: utter_answer\n"
        for name in [*names, "nlu_fallback"]
    )
    for name, content in {
        "config.yml": CONFIG.replace("EPOCHS", "30"),
        "domain.yml": f'version: "3.1"\nintents:\n{intents}'
        "responses: {utter_answer: [{text: fine}]}\n",
        "data/nlu.yml": _nlu(known),
        "data/rules.yml": f'version: "3.1"\nrules:\n{rules}',
        "tests/nlu_test.yml": _nlu(tested),
        "endpoints.yml": ENDPOINTS,
        "credentials.yml": f"rest:\nrasa_qa_plugin.QAChannel: {{token: {TOKEN}}}\n",
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return [text for rows in known.values() for text in rows[:5]]


def _nlu(examples: dict[str, list[str]]) -> str:
    blocks = "".join(
        f"- intent: {name}\n  examples: |\n"
        + "".join(f"    - {text}\n" for text in texts)
        for name, texts in examples.items()
    )
    return f'version: "3.1"\nnlu:\n{blocks}'


def retraining(folder: Path) -> list[Figure]:
    """Time `rasa train` and `rasa-qa retrain` of the same bot, each without a cache."""
    plain = _timed(folder, "rasa", "train")
    shutil.rmtree(folder / ".rasa")
    with (folder / "data" / "nlu.yml").open("a", encoding="utf-8") as file:
        file.write("# so that Rasa trains again\n")
    ours = _timed(folder, "rasa_qa_plugin", "retrain")
    ratio, minutes = ours / plain, plain / 60
    return [
        Figure("retrain, judge and promote", ours / 60, "min", 10, at_most=True),
        Figure("÷ plain `rasa train`", ratio, "x", 1.25, at_most=True, peer=minutes),
    ]


def _timed(folder: Path, module: str, *arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder, env=_environment(), check=True, capture_output=True,
    )  # fmt: skip
    return time.perf_counter() - began


def swaps(folder: Path, texts: Sequence[str]) -> list[Figure]:
    """Swap between two models while people talk; count what goes wrong."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = Server(f"http://127.0.0.1:{port}", channel_token=TOKEN)
    with _running(folder, port, server) as process:
        people = [Talker(number, port, texts) for number in range(PEOPLE)]
        for person in people:
            person.start()
        time.sleep(20)
        calm = _worst(people)
        memory = process.memory_info().rss
        seconds = []
        for _ in range(SWAPS):
            began = time.perf_counter()
            roll_back(folder / "models", target=None, servers=[server], now=NOW)
            seconds.append(time.perf_counter() - began)
            time.sleep(5)
        grown = process.memory_info().rss / memory - 1
        for person in people:
            person.done.set()
        for person in people:
            person.join(60)
    sent = sum(len(person.seconds) for person in people)
    failed = sum(person.failed for person in people)
    return [
        Figure("swap: seconds, median", statistics.median(seconds), "s"),
        Figure(f"swap: failed of {sent:,} messages", failed, "", 0, at_most=True),
        Figure("swap: worst message", _worst(people), "s", 3, at_most=True, peer=calm),
        Figure(f"memory after {SWAPS} swaps", 100 * grown, "% more", 15, at_most=True),
    ]


@contextmanager
def _running(folder: Path, port: int, server: Server) -> Iterator[psutil.Process]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rasa", "run", "-i", "127.0.0.1", "-p", str(port)],
            cwd=folder, env=_environment(), stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        for _ in range(600):
            try:
                if server.model().model_id:
                    break
            except TrainingError:
                time.sleep(0.5)
        yield psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment() -> dict[str, str]:
    quiet = {"RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return {**os.environ, **quiet, "RASA_QA_SECRET": "of the benchmark only"}


class Talker(threading.Thread):
    """Says one thing after the other, as fast as a person reads the answers."""

    def __init__(self, number: int, port: int, texts: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.seconds: list[float] = []
        self.failed = 0
        self._sender = f"talker-{number}"
        self._url = f"http://127.0.0.1:{port}/webhooks/rest/webhook"
        self._texts = texts
        self._random = random.Random(number)

    def run(self) -> None:
        """Talk until told to stop."""
        while not self.done.wait(self._random.uniform(1.0, 3.0)):
            text = self._random.choice(self._texts)
            body = dumps({"sender": self._sender, "message": text}).encode()
            request = urllib.request.Request(
                self._url, body, {"Content-Type": "application/json"}
            )
            began = time.perf_counter()
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    self.failed += answer.status != 200 or not loads(answer.read())
            except OSError:
                self.failed += 1
            self.seconds.append(time.perf_counter() - began)


def _worst(people: Sequence[Talker]) -> float:
    return max(max(person.seconds, default=0.0) for person in people)
