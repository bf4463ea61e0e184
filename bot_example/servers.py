"""A copy of this bot with its first model, a real Rasa server and a real action server.

The servers listen on free loopback ports and end with the block that started them. The
model is kept, so that the second run is faster.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

HERE = Path(__file__).resolve().parent
TOKEN = "demo-token"  # noqa: S105 - guards a server on loopback for some minutes
PEOPLE = ("Ana", "Bruno", "Carla", "Diana", "Fabián", "Elena")  # who chat in the demo
BOT_PARTS = (
    "actions",
    "data",
    "domain",
    "tests",
    "config.yml",
    "credentials.yml",
    "endpoints.yml",
    "qa.yml",
)


class BotCopy:
    """A fresh copy of the bot; the example itself is never changed."""

    def __init__(self, folder: Path, console: Console) -> None:
        """Use *folder* for the copy of the bot, its logs and its database.

        Args:
            folder: Made when it is not there.
            console: Where to say what takes long.
        """
        self.bot = folder / "bot"
        self.logs = folder / "logs"
        self._folder = folder
        self._console = console
        self._ports = (free_port(), free_port())

    @property
    def url(self) -> str:
        """Address of the Rasa server."""
        return f"http://127.0.0.1:{self._ports[0]}"

    def prepare(self) -> None:
        """Copy the bot, and give it its first model."""
        for part in (self.bot, self.logs):
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
        for name in BOT_PARTS:
            source = HERE / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, self.bot / name)
        endpoints = self.bot / "endpoints.yml"
        endpoints.write_text(
            endpoints.read_text("utf-8").replace(
                "localhost:5055", f"127.0.0.1:{self._ports[1]}"
            )
            # What the bot streams to others is masked as well; here it goes to a file.
            + "\nevent_broker:\n  type: file\n  path: broker.log\n",
            "utf-8",
        )
        self._train_if_needed()

    def _train_if_needed(self) -> None:
        """Train the first model, or take the one of an earlier run on this data."""
        digest = hashlib.sha256(version("rasa-qa-plugin").encode())
        for name in ("config.yml", "data", "domain"):
            for path in _files_below(HERE / name):
                digest.update(path.read_bytes())
        kept = self._folder / "first_model" / f"{digest.hexdigest()[:12]}.tar.gz"
        if not kept.exists():
            self._console.print("Training the first model, a minute or two …")
            with self._console.status("rasa train"):
                self._train()
            kept.parent.mkdir(exist_ok=True)
            for old in kept.parent.glob("*.tar.gz"):
                old.unlink()
            shutil.copy2(self.bot / "models" / "first.tar.gz", kept)
        (self.bot / "models").mkdir(exist_ok=True)
        shutil.copy2(kept, self.bot / "models" / "first.tar.gz")
        self._console.print("Model ready: models/first.tar.gz")

    def _train(self) -> None:
        log = self.logs / "train.log"
        with log.open("wb") as output:
            done = subprocess.run(
                [sys.executable, "-m", "rasa", "train",
                 "--domain", "domain", "--fixed-model-name", "first"],
                cwd=self.bot,
                env=environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )  # fmt: skip
        if done.returncode:
            sys.exit(f"rasa train failed; see {os.path.relpath(log)}")

    def start(self, servers: ExitStack) -> None:
        """Start Rasa and the action server; both stop with *servers*."""
        rasa_port, actions_port = (str(port) for port in self._ports)
        with self._console.status("Starting the Rasa server and the action server …"):
            actions = servers.enter_context(
                self._background("actions", "run", "actions", "--port", actions_port)
            )
            rasa = servers.enter_context(
                self._background(
                    "rasa", "run", "--interface", "127.0.0.1", "--port", rasa_port,
                    "--enable-api", "--auth-token", TOKEN, "--debug",
                )
            )  # fmt: skip
            wait_for(f"http://127.0.0.1:{actions_port}/health", actions)
            wait_for(f"{self.url}/status?token={TOKEN}", rasa)
        self._console.print(
            f"Rasa listens on {self.url}, its actions on port {actions_port}"
        )

    @contextmanager
    def _background(
        self, name: str, *arguments: str
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """Run `rasa` in a process group of its own, until the end of the block."""
        with (self.logs / f"{name}.log").open("wb") as output:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "rasa", *arguments],
                cwd=self.bot,
                env=environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                end(process)

    def send(self, name: str, text: str) -> list[dict[str, Any]]:
        """Send one message over the REST channel; give the bot's answers."""
        answers: list[dict[str, Any]] = post(
            f"{self.url}/webhooks/rest/webhook",
            {"sender": sender_of(name), "message": text},
        )
        return answers


def environment() -> dict[str, str]:
    """Keep Rasa quiet, offline and on loopback."""
    return {
        **os.environ,
        "RASA_TELEMETRY_ENABLED": "false",
        "SANIC_HOST": "127.0.0.1",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
    }


def sender_of(name: str) -> str:
    """Give the id a phone channel would give: a number that nobody else may read."""
    digits = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10**8
    return f"5939{digits:08d}"


def _files_below(path: Path) -> Sequence[Path]:
    """Give a file, or all files of a folder."""
    return (
        [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    )


def free_port() -> int:
    """Find a loopback port that nobody uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def post(url: str, body: dict[str, str]) -> Any:
    """Send JSON, get JSON."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.loads(answer.read())


def wait_for(
    url: str, process: "subprocess.Popen[bytes]", seconds: float = 180
) -> None:
    """Wait until a server answers, or say that it did not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    sys.exit("a server did not start; see the logs in the demo's folder")


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all it started."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
