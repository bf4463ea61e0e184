"""A stand-in for a Rasa server: its HTTP API with a token, and our channel."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rasa_qa_plugin.training import deploy


class _Handler(BaseHTTPRequestHandler):
    stage: "Stage"

    def do_GET(self) -> None:
        if self.is_channel():
            loaded = self.stage.loaded
            self.reply(
                200,
                {"file": loaded["model_file"], "model_id": loaded["model_id"]},
            )
        else:
            self.reply(200, self.stage.loaded)

    def do_POST(self) -> None:
        body = self.body()
        if not self.is_channel():
            name = "goodbye" if self.stage.misunderstands else "greet"
            self.reply(200, {"intent": {"name": name}})
        elif self.stage.refusal:
            self.reply(409, {"error": self.stage.refusal})
        else:
            self.stage.swapped += body["samples"]
            self.stage.load(self.stage.folder / body["file"])
            self.reply(200, {"file": body["file"], "model_id": None})

    def do_PUT(self) -> None:
        path = Path(self.body()["model_file"])
        self.stage.asked.set()
        self.stage.slow.wait()
        if not path.exists():
            self.reply(400, {"reason": "BadRequest"})
            return
        self.stage.put.append(deploy.model_id(path))
        if not self.stage.keeps_old or self.stage.put[-1] == "old":
            self.stage.load(path)
        self.reply(204, None)

    def body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def is_channel(self) -> bool:
        return self.path.startswith("/webhooks/qa/")

    def admits(self) -> bool:
        header = self.headers.get("Authorization")
        if self.is_channel():
            return header == f"Bearer {self.stage.channel_token}"
        if self.stage.jwt:
            return header == f"Bearer {self.stage.jwt}"
        query = parse_qs(urlsplit(self.path).query)
        return query.get("token") == [self.stage.token]

    def reply(self, status: int, content: Any) -> None:
        if self.is_channel() and self.stage.channel_token is None:
            status, content = 404, None
        elif not self.admits():
            status, content = 401, {"reason": "NotAuthenticated"}
        self.send_response(status)
        self.end_headers()
        if self.stage.raw is not None:
            self.wfile.write(self.stage.raw)
        elif content is not None:
            self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: Any) -> None:
        pass


class Stage:
    """The stand-in, and how it shall behave."""

    def __init__(self) -> None:
        self.token = "geheim"
        self.jwt: str | None = None
        self.channel_token: str | None = None
        self.loaded: dict[str, str | None] = {"model_file": "old", "model_id": "old"}
        self.keeps_old = False
        self.misunderstands = False
        self.refusal: str | None = None
        self.put: list[str] = []
        self.swapped: list[Any] = []
        self.asked, self.slow = threading.Event(), threading.Event()
        self.slow.set()
        self.raw: bytes | None = None
        self.folder = Path()
        handler = type("Handler", (_Handler,), {"stage": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self._thread = threading.Thread(target=self.server.serve_forever)

    def load(self, path: Path) -> None:
        identity = deploy.model_id(path)
        self.loaded = {"model_file": path.name, "model_id": identity}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.slow.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()
