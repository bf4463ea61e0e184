"""A Label Studio of our own, headless and on this computer alone, over its HTTP API."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib import error, request

from tests.tools.environments import environment

_TOKEN = "0123456789abcdef0123456789abcdef01234567"
_QUIET = {
    "COLLECT_ANALYTICS": "False",
    "LATEST_VERSION_CHECK": "False",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "DJANGO_DB": "sqlite",
}
USER = "ana@example.com"
PASSWORD = "a-password-for-tests-1"


class LabelStudio:
    """What a person does in the browser, without one."""

    def __init__(self, address: str) -> None:
        self.address = address

    def project(self, setup: bytes, tasks: bytes) -> int:
        """Make a project with these tasks; give its number."""
        title = {"title": "rasa-qa", "label_config": setup.decode()}
        number: int = self._call("POST", "/api/projects", title)["id"]
        imported = self._call("POST", f"/api/projects/{number}/import", tasks)
        assert imported["task_count"] == len(json.loads(tasks))
        return number

    def tasks(self, project: int) -> list[dict[str, Any]]:
        """Give all tasks with their predictions, as the tool keeps them."""
        path = f"/api/tasks?project={project}&fields=all&page_size=10000"
        found: list[dict[str, Any]] = self._call("GET", path)["tasks"]
        return sorted(found, key=lambda task: int(task["id"]))

    def annotate(self, task: int, result: Any, *, skipped: bool = False) -> None:
        """Submit an answer, or skip the task."""
        answer = {"result": result, "was_cancelled": skipped, "lead_time": 4.25}
        self._call("POST", f"/api/tasks/{task}/annotations/", answer)

    def export(self, project: int, form: str) -> bytes:
        """Give what the button "Export" gives."""
        path = f"/api/projects/{project}/export?exportType={form}"
        content: bytes = self._raw("GET", f"{path}&download_all_tasks=true")
        return content

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self._raw(method, path, body) or b"null")

    def _raw(self, method: str, path: str, body: Any = None) -> bytes:
        data = body if isinstance(body, bytes) else body and json.dumps(body).encode()
        asked = request.Request(
            self.address + path,
            method=method,
            data=data,
            headers={
                "Authorization": f"Token {_TOKEN}",
                "Content-Type": "application/json",
            },
        )
        try:
            with request.urlopen(asked, timeout=120) as answer:
                content: bytes = answer.read()
                return content
        except error.HTTPError as refused:
            raise AssertionError(refused.read()[:2000]) from refused


@contextmanager
def label_studio(folder: Path) -> Iterator[LabelStudio]:
    """Run a server with its data in *folder*, until the end of the block."""
    programs = environment("label-studio", "3.11", "label-studio==1.23.2")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(programs / "label-studio"), "start", "--no-browser",
        "--internal-host", "127.0.0.1", "-p", str(port), "--data-dir", str(folder),
        "--username", USER, "--password", PASSWORD, "--user-token", _TOKEN,
        "--enable-legacy-api-token",
    ]  # fmt: skip
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, env={**os.environ, **_QUIET}, stdout=log, stderr=log
        )
        tool = LabelStudio(f"http://127.0.0.1:{port}")
        try:
            _wait(tool, server)
            yield tool
        finally:
            server.terminate()
            server.wait(30)


def _wait(tool: LabelStudio, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(180):
        assert server.poll() is None, "Label Studio ended; see server.log"
        try:
            with request.urlopen(f"{tool.address}/health", timeout=5):
                return
        except OSError:
            time.sleep(1)
    raise AssertionError("Label Studio did not start")
