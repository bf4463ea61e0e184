"""A running Rasa server, told to answer with another model, and asked to prove it.

Through `QAChannel` it goes on answering meanwhile; through Rasa's own HTTP API it
answers nobody while it loads. Messages never show an address, a token or a text.
"""

import http.client
import ipaddress
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.prediction import FALLBACK_INTENT

_NO_ANSWER = "server: cannot be reached; is it running, and is its address right?"
_NO_API = "server: has no HTTP API; start it with --enable-api"
_SECONDS = 10.0
_LOADING_SECONDS = 300.0
_BAD, _NOT_FOUND, _CONFLICT, _BROKEN = 400, 404, 409, 500


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message, and the intent that the new model must find in it."""

    text: str
    intent: str


class ServerModel(msgspec.Struct, frozen=True):
    """What a running server says it answers with."""

    model_file: str | None
    model_id: str | None


class Server(msgspec.Struct, frozen=True):
    """A running Rasa server.

    Attributes:
        token: What its HTTP API asks for (``--auth-token``).
        jwt: A signed token instead, for ``--jwt-secret``.
        channel_token: What our channel asks for, if the bot has it.
    """

    url: str
    token: str | None = None
    jwt: str | None = None
    channel_token: str | None = None

    def model(self, *, timeout: float = _SECONDS) -> ServerModel:
        """Ask which model answers.

        Raises:
            TrainingError: It does not answer, or not like a Rasa server.
        """
        answer = self._channel("GET", timeout=timeout)
        if answer is not None:
            return ServerModel(answer.get("file"), answer.get("model_id"))
        answer = self._api("GET", "/status", timeout=timeout)
        if not isinstance(answer, dict):
            raise TrainingError("server: does not answer like Rasa; check the address")
        return ServerModel(answer.get("model_file"), answer.get("model_id"))

    def load(
        self,
        model: Path,
        *,
        model_id: str,
        samples: Sequence[Sample] = (),
        timeout: float = _LOADING_SECONDS,
    ) -> ServerModel:
        """Have it answer with *model*, which is on its disk, and prove that it does.

        Without our channel Rasa makes a new agent: running conversations are lost
        unless its tracker store is a database.

        Raises:
            TrainingError: It refused, or answers with another model, or not as the
                model should; in the last two cases it may have changed all the same.
        """
        body = {"file": model.name, "samples": msgspec.to_builtins(samples)}
        by_channel = self._channel("POST", timeout=timeout, body=body) is not None
        if not by_channel:
            self._api(
                "PUT",
                "/model",
                timeout=timeout,
                body={"model_file": str(model.absolute())},
            )
        loaded = self.model()
        if loaded.model_id != model_id:
            raise TrainingError(
                "server: answers with another model than it was given; "
                "does each worker or replica load its own?"
            )
        if not by_channel and not all(map(self._understands, samples)):
            raise TrainingError(
                "server: does not understand the test rows that the candidate "
                "understood; has it other components or another version of Rasa?"
            )
        return loaded

    def train(self, training_data: str, *, timeout: float) -> bytes:
        """Have it train on a whole bot as one YAML document; give the model file.

        Raises:
            TrainingError: It did not.
        """
        query = {"save_to_default_model_directory": "false"}
        try:
            answer = self._call(
                "POST",
                "/model/train",
                timeout=timeout,
                content=training_data.encode(),
                content_type="application/yaml",
                query=query,
            )
        except _StatusError as refused:
            if refused.status in (_BAD, _BROKEN):
                raise TrainingError(
                    "server: could not train on this data; look at its log"
                ) from None
            raise
        if not answer:
            raise TrainingError("server: trained no model; look at its log")
        return answer

    def _understands(self, sample: Sample) -> bool:
        answer = self._api(
            "POST", "/model/parse", timeout=_SECONDS, body={"text": sample.text}
        )
        found = answer.get("intent") if isinstance(answer, dict) else None
        if not isinstance(found, dict):
            return False
        # What a fallback shadows is understood all the same.
        return found.get("name") in (sample.intent, FALLBACK_INTENT)

    def _channel(
        self, method: str, *, timeout: float, body: Any = None
    ) -> dict[str, Any] | None:
        """Ask our channel's route; None where there is no channel."""
        if self.channel_token is None:
            return None
        headers = {"Authorization": f"Bearer {self.channel_token}"}
        try:
            content = self._call(
                method,
                "/webhooks/qa/model",
                timeout=timeout,
                content=None if body is None else json.dumps(body).encode(),
                headers=headers,
            )
        except _StatusError as refused:
            told = _told(refused.content)
            if refused.status in (_NOT_FOUND, _CONFLICT) and told:
                raise TrainingError(f"server: {told}") from None
            if refused.status == _NOT_FOUND:
                return None
            raise
        answer = _decoded(content)
        return answer if isinstance(answer, dict) else None

    def _api(self, method: str, path: str, *, timeout: float, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        return _decoded(self._call(method, path, timeout=timeout, content=content))

    def _call(  # noqa: PLR0913 - what HTTP needs
        self,
        method: str,
        path: str,
        *,
        timeout: float,
        content: bytes | None,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> bytes:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise TrainingError(
                "server: its address must begin with http:// or https://"
            )
        query = dict(query or {})
        if headers is None:
            headers = {"Authorization": f"Bearer {self.jwt}"} if self.jwt else {}
            query |= {"token": self.token} if self.token else {}
        asked = "?" + urllib.parse.urlencode(query) if query else ""
        request = urllib.request.Request(  # noqa: S310
            self.url.rstrip("/") + path + asked,
            data=content,
            headers={"Content-Type": content_type, **headers},
            method=method,
        )
        # A proxy for the outside world does not know our own machine; and the token is
        # for this server, not for where it may send us.
        handlers: list[Any] = [_NoRedirect()]
        if _is_local(parts.hostname):
            handlers.append(urllib.request.ProxyHandler({}))
        try:
            with urllib.request.build_opener(*handlers).open(
                request, timeout=timeout
            ) as answer:
                read: bytes = answer.read()
                return read
        except urllib.error.HTTPError as error:
            raise _StatusError(error.code, error.read()) from None
        except TimeoutError:
            raise TrainingError(_too_slow(timeout)) from None
        except urllib.error.URLError as error:
            slow = isinstance(error.reason, TimeoutError)
            raise TrainingError(_too_slow(timeout) if slow else _NO_ANSWER) from None
        except (OSError, ValueError, http.client.HTTPException):
            raise TrainingError(_NO_ANSWER) from None


class _StatusError(TrainingError):
    """An answer other than 2xx."""

    def __init__(self, status: int, content: bytes) -> None:
        super().__init__(_refusal(status))
        self.status = status
        self.content = content


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def _decoded(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        raise TrainingError(_NO_ANSWER) from None


def _told(content: bytes) -> str | None:
    """Give what our channel says is wrong; nothing that anybody else says."""
    try:
        answer = json.loads(content)
    except ValueError:
        return None
    told = answer.get("error") if isinstance(answer, dict) else None
    return told if isinstance(told, str) else None


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _too_slow(timeout: float) -> str:
    return f"server: no answer within {timeout:g} s; look at its log"


def _refusal(status: int) -> str:
    """Explain an HTTP status of Rasa's API."""
    if status in (401, 403):
        return "server: refuses the token; give the one it was started with"
    if status == _BAD:
        return (
            "server: cannot load the model and keeps the old one; "
            "is the file on its disk, and whole?"
        )
    if status == _NOT_FOUND:
        return _NO_API
    if status == _CONFLICT:
        return "server: has no model loaded; look at its log"
    return f"server: answers with HTTP status {status}; look at its log"
