"""Making a model the bot's: in its folder, in a running server, and back again."""

from datetime import datetime
from pathlib import Path

import msgspec

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.training.deploy import (
    model_id,
    models_by_age,
    promote_to_folder,
    promote_to_server,
    rollback,
    server_model,
)


class Server(msgspec.Struct, frozen=True):
    """A running Rasa server with its HTTP API on, and the token it asks for."""

    url: str
    token: str | None = None


def current_model(models_dir: Path, server: Server | None) -> Path | None:
    """Give the model a candidate is compared with: the server's, else the newest.

    Raises:
        TrainingError: The server does not answer, or its model is not in the folder.
    """
    if server is None:
        return next(iter(models_by_age(models_dir)), None)
    running = server_model(server.url, server.token)
    if not running.model_file:
        return None
    path = models_dir / Path(running.model_file).name
    if not path.is_file():
        raise TrainingError(
            "server: answers with a model that is not in models/ of this bot; "
            "name the bot folder it runs from: --bot DIR"
        )
    return path


def promote(
    candidate: Path,
    models_dir: Path,
    *,
    server: Server | None,
    keep: int,
    now: datetime,
) -> Path:
    """Put the candidate into the models folder, and into the server when named.

    A server that does not take it leaves the folder as it was. Of the models this
    package promoted, the last *keep* stay beside the new one.

    Raises:
        TrainingError: The folder cannot be written or the server refused.
    """
    promoted = promote_to_folder(candidate, models_dir, now=now)
    if server is not None:
        try:
            _load(server, promoted)
        except BaseException:
            promoted.unlink()
            raise
    ours = [path for path in models_by_age(models_dir) if "-qa-" in path.name]
    for path in ours[keep + 1 :]:
        path.unlink()
    return promoted


def roll_back(
    models_dir: Path, *, target: str | None, server: Server | None, now: datetime
) -> Path:
    """Make a former model the newest, and the server's when named; give its path.

    A server that does not take it leaves the order of the models as it was.

    Raises:
        TrainingError: There is no such model, or the server refused it.
    """
    newest = next(iter(models_by_age(models_dir)), None)
    returned = rollback(models_dir, models_dir / target if target else None, now=now)
    if server is not None:
        try:
            _load(server, returned)
        except BaseException:
            if newest is not None:
                rollback(models_dir, newest, now=now)
            raise
    return returned


def _load(server: Server, model: Path) -> None:
    promote_to_server(
        server.url,
        model.resolve(),
        server.token,
        expected_model_id=model_id(model),
    )
