"""Bring a judged model to the bot: into its models folder, or into a running server."""

import http.client
import ipaddress
import json
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from rasa_qa_plugin.errors import TrainingError

_METADATA = "metadata.json"
_NO_ANSWER = "server: cannot be reached; is it running, and is its address right?"


class ServerModel(msgspec.Struct, frozen=True):
    """What a running server says it answers with."""

    model_file: str | None
    model_id: str | None


def model_id(model: Path) -> str:
    """Give the id Rasa wrote into a model file; Rasa is not imported.

    Raises:
        TrainingError: The file is missing, damaged or not a Rasa 3 model.
    """
    try:
        with tarfile.open(model, mode="r:gz") as archive:
            for member in archive:
                if member.isfile() and Path(member.name) == Path(_METADATA):
                    file = archive.extractfile(member)
                    content = json.loads(file.read()) if file else {}
                    return str(content["model_id"])
    except FileNotFoundError:
        raise TrainingError(f"model: {model.name} not found; check the path") from None
    except (OSError, tarfile.TarError, zlib.error, EOFError, LookupError, ValueError):
        pass
    raise TrainingError(f"model: {model.name} is not a Rasa model; train again")


def promote_to_folder(candidate: Path, models_dir: Path, *, now: datetime) -> Path:
    """Copy *candidate* into the models folder as the newest and give its path there.

    Rasa loads the newest file at its next start. The copy appears complete or not at
    all, and other models stay.

    Raises:
        TrainingError: *candidate* is not a model, or cannot be copied.
    """
    name = f"{now:%Y%m%d-%H%M%S}-qa-{model_id(candidate)[:8]}.tar.gz"
    target = models_dir / name
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        # Rasa looks for *.tar.gz; this name must not match while the copy grows.
        handle, unfinished = tempfile.mkstemp(dir=models_dir, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as copy, candidate.open("rb") as original:
                shutil.copyfileobj(original, copy)
                copy.flush()
                os.fsync(copy.fileno())
            Path(unfinished).chmod(0o644)
            _make_newest(Path(unfinished), models_dir, now)
            Path(unfinished).replace(target)
        finally:
            Path(unfinished).unlink(missing_ok=True)
    except OSError as error:
        raise TrainingError(
            f"models folder: cannot be written ({type(error).__name__}); "
            "check permissions and space"
        ) from error
    return target


def rollback(models_dir: Path, target: Path | None = None, *, now: datetime) -> Path:
    """Make a former model the newest again and give its path.

    Without *target* that is the one before the newest; so rolling back twice returns to
    where one was. A *target* from elsewhere is copied in.

    Raises:
        TrainingError: There is no such model.
    """
    if target is None:
        models = models_by_age(models_dir)
        if len(models) < 2:  # noqa: PLR2004
            raise TrainingError("rollback: there is no former model; keep more of them")
        target = models[1]
    elif target.resolve().parent != models_dir.resolve():
        return promote_to_folder(target, models_dir, now=now)
    model_id(target)
    try:
        _make_newest(target, models_dir, now)
    except OSError as error:
        raise TrainingError(
            f"models folder: cannot be written ({type(error).__name__}); "
            "check permissions"
        ) from error
    return target


def models_by_age(models_dir: Path) -> list[Path]:
    """Give the models of a folder, the one Rasa would load first."""
    models = [path for path in models_dir.glob("*.tar.gz") if path.is_file()]
    return sorted(models, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def server_model(
    url: str, token: str | None = None, *, timeout: float = 10.0
) -> ServerModel:
    """Ask a running server which model it answers with.

    Raises:
        TrainingError: It does not answer, or not like a Rasa server.
    """
    answer = _call("GET", url, "/status", token=token, timeout=timeout)
    if not isinstance(answer, dict):
        raise TrainingError("server: does not answer like Rasa; check the address")
    return ServerModel(answer.get("model_file"), answer.get("model_id"))


def promote_to_server(
    url: str,
    model_file: Path | str,
    token: str | None = None,
    *,
    expected_model_id: str,
    timeout: float = 300.0,
) -> ServerModel:
    """Have a running server load *model_file*, a path on its disk, and prove it did.

    Rasa builds a new agent for this: it answers nobody while it loads, and loses
    running conversations unless its tracker store is a database.

    Raises:
        TrainingError: The server refused, or answers with another model afterwards.
    """
    body = {"model_file": str(model_file)}
    _call("PUT", url, "/model", token=token, timeout=timeout, body=body)
    loaded = server_model(url, token, timeout=timeout)
    if loaded.model_id != expected_model_id:
        raise TrainingError(
            "server: answers with another model than it was given; "
            "does each worker or replica load its own?"
        )
    return loaded


def _make_newest(model: Path, models_dir: Path, now: datetime) -> None:
    """Set the time Rasa chooses by, also past models with a time in the future."""
    others = [path for path in models_by_age(models_dir) if path != model]
    newest = max((path.stat().st_mtime for path in others), default=0.0)
    moment = max(now.timestamp(), newest + 1)
    os.utime(model, (moment, moment))


def _call(  # noqa: PLR0913
    method: str,
    url: str,
    path: str,
    *,
    token: str | None,
    timeout: float,
    body: dict[str, str] | None = None,
) -> Any:
    """Talk to Rasa's HTTP API; messages never show address or token."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TrainingError("server: its address must begin with http:// or https://")
    query = "?" + urllib.parse.urlencode({"token": token}) if token else ""
    request = urllib.request.Request(  # noqa: S310
        url.rstrip("/") + path + query,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json"},
        method=method,
    )
    # A proxy for the outside world does not know our own machine.
    handlers = [urllib.request.ProxyHandler({})] if _is_local(parts.hostname) else []
    try:
        with urllib.request.build_opener(*handlers).open(
            request, timeout=timeout
        ) as answer:
            content = answer.read()
        return json.loads(content) if content else None
    except urllib.error.HTTPError as error:
        raise TrainingError(_refusal(error.code)) from None
    except TimeoutError:
        raise TrainingError(_too_slow(timeout)) from None
    except urllib.error.URLError as error:
        slow = isinstance(error.reason, TimeoutError)
        raise TrainingError(_too_slow(timeout) if slow else _NO_ANSWER) from None
    except (OSError, ValueError, http.client.HTTPException):
        raise TrainingError(_NO_ANSWER) from None


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
    if status == 400:  # noqa: PLR2004
        return (
            "server: cannot load the model and keeps the old one; "
            "is the file on its disk, and whole?"
        )
    if status == 404:  # noqa: PLR2004
        return "server: has no HTTP API; start it with --enable-api"
    if status == 409:  # noqa: PLR2004
        return "server: has no model loaded; look at its log"
    return f"server: answers with HTTP status {status}; look at its log"
