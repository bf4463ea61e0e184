"""Making a model the bot's: in its folder, in running servers, and back again."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.training.deploy import (
    former_model,
    make_newest,
    model_id,
    models_by_age,
    promote_to_folder,
    was_promoted,
)
from rasa_qa_plugin.training.rasa_server import Sample, Server


def current_model(models_dir: Path, servers: Sequence[Server] = ()) -> Path | None:
    """Give the model a candidate is compared with: the first server's, else the newest.

    Raises:
        TrainingError: A server does not answer, or its model is not in the folder.
    """
    if not servers:
        return next(iter(models_by_age(models_dir)), None)
    # Whoever does not answer now, or could not get its model back, is found out before
    # it matters.
    running = [_running(server, models_dir) for server in servers]
    return running[0]


def _running(server: Server, models_dir: Path) -> Path | None:
    file = server.model().model_file
    if not file:
        return None
    path = models_dir / Path(file).name
    if not path.is_file():
        raise TrainingError(
            "server: answers with a model that is not in models/ of this bot; "
            "name the bot folder it runs from: --bot DIR"
        )
    return path


def promote(  # noqa: PLR0913 - what a promotion depends on
    candidate: Path,
    models_dir: Path,
    *,
    servers: Sequence[Server] = (),
    samples: Sequence[Sample] = (),
    keep: int,
    now: datetime,
) -> Path:
    """Put the candidate into the models folder, and into the servers when named.

    When one of them does not take it, all go back to what they had and the folder stays
    as it was; killed half-way, the folder still holds the former model as the newest.
    Of the models this package promoted, the last *keep* stay beside the new one.

    Raises:
        TrainingError: The folder cannot be written or a server refused.
    """
    promoted = promote_to_folder(candidate, models_dir, now=now, as_newest=not servers)
    try:
        with _all_or_none(servers, models_dir) as load:
            load(promoted, samples)
    except BaseException:
        promoted.unlink()
        raise
    if servers:
        make_newest(promoted, models_dir, now)
    ours = [path for path in models_by_age(models_dir) if was_promoted(path)]
    for path in ours[keep + 1 :]:
        path.unlink()
    return promoted


def roll_back(
    models_dir: Path,
    *,
    target: Path | None,
    servers: Sequence[Server] = (),
    now: datetime,
) -> Path:
    """Make a former model the newest, and the servers' when named; give its path.

    Without *target* that is the one before the newest, so rolling back twice returns to
    where one was; one from elsewhere is copied in. A server that does not take it
    leaves everything as it was.

    Raises:
        TrainingError: There is no such model, or a server refused it.
    """
    if target is None:
        target = former_model(models_dir)
    elif target.resolve().parent != models_dir.resolve():
        return promote(
            target,
            models_dir,
            servers=servers,
            keep=len(models_by_age(models_dir)),
            now=now,
        )
    model_id(target)
    with _all_or_none(servers, models_dir) as load:
        load(target, ())
    make_newest(target, models_dir, now)
    return target


class _Loader:
    """Loads a model into one server after the other, and remembers what they had."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers
        self.former: list[tuple[Server, str | None]] = []

    def __call__(self, model: Path, samples: Sequence[Sample]) -> None:
        identity = model_id(model)
        for server in self._servers:
            self.former.append((server, server.model().model_file))
            server.load(model, model_id=identity, samples=samples)


@contextlib.contextmanager
def _all_or_none(servers: Sequence[Server], models_dir: Path) -> Iterator[_Loader]:
    """Give what loads a model into all servers; if it fails, all get theirs back."""
    loader = _Loader(servers)
    try:
        yield loader
    except BaseException as error:
        stranded = 0
        for server, file in loader.former:
            try:
                _give_back(server, file, models_dir)
            except TrainingError:
                stranded += 1
        if stranded and isinstance(error, TrainingError):
            raise TrainingError(
                f"{error}; and {stranded} of {len(servers)} servers did not take their "
                "former model back: look at them"
            ) from None
        raise


def _give_back(server: Server, file: str | None, models_dir: Path) -> None:
    """Have *server* answer with *file* again, unless it does.

    Raises:
        TrainingError: It cannot, or there is no such file to give.
    """
    name = Path(file or "").name
    if Path(server.model().model_file or "").name == name:
        return
    former = models_dir / name
    if not former.is_file():
        raise TrainingError("server: its former model is not in models/ of this bot")
    server.load(former, model_id=model_id(former))
