"""Taking over the conversations of Rasa's own store on an existing Dask cluster.

The scheduler is told the path of the bot folder and four numbers; what it needs to
reach the database, and the secret, each worker finds in that folder and in its own
environment. So nothing that Dask logs, shows or keeps holds more than counts.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from rasa_qa_plugin import __version__
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import ConfigError, RasaQAError
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.scrubbing import Step, scrub
from rasa_qa_plugin.storage import stock
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.runs import note, noted
from rasa_qa_plugin.storage.stock import Waiting

_SLICE_SECONDS = 5.0
_CONNECT_SECONDS = 10.0
_WORKERS_SECONDS = 30.0
_PARTS_PER_THREAD = 2
_BEGUN = "scrub_begun"


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told: the same part of all people as ``--workers`` makes.

    Attributes:
        run: The database of this run has it in its audit trail.
        check: What release, settings and secret come to; tells nothing about them.
    """

    folder: str
    run: str
    check: str
    part: int
    parts: int
    after: int = 0


class _Slice(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker did in some seconds, or in words without any value, why not."""

    done: Step = Step()
    ended: bool = False
    problem: str | None = None


class _WorkerError(RasaQAError):
    """The cluster cannot go on."""


def scrub_on_dask(
    opened: Opened, folder: Path, *, address: str, waiting: Waiting
) -> Iterator[Step]:
    """Take over all people on the cluster, and tell what was done every few seconds.

    A worker that is killed leaves whole conversations; Dask gives its slice to another
    one, which does the rest. The last step makes up for what such a worker did and
    could not tell, so the steps come to what the database no longer holds.

    Whatever ends this, an interrupt too, ends the workers' share some seconds later.

    Raises:
        ConfigError: Dask is not installed, or the database cannot be shared.
        RasaQAError: The cluster cannot be reached, or a worker failed; what the workers
            had done is done for good.
    """
    if opened.is_sqlite:
        raise ConfigError(
            "scrub --dask",
            "machines cannot share a file of SQLite; use --workers instead",
        )
    with closing(_connected(address)) as client:
        # What Dask's client leaves unawaited when it closes, asyncio would print, up to
        # the end of the process.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        told_conversations = told_events = 0
        for step in _in_slices(opened, folder, client):
            told_conversations += step.conversations
            told_events += step.events
            yield step
    with reading(opened.engine) as connection:
        left = stock.count(connection)
    yield Step(
        conversations=max(
            0, waiting.conversations - left.conversations - told_conversations
        ),
        events=max(0, waiting.events - left.events - told_events),
    )


def _in_slices(opened: Opened, folder: Path, client: Any) -> Iterator[Step]:
    from distributed import KilledWorker, as_completed

    run = secrets.token_hex(8)
    with transaction(opened.engine) as connection:
        note(connection, _BEGUN, now=time.time(), run=run)

    def submit(part: _Part) -> Any:
        # A key of our own: Dask's are made of the arguments.
        key = f"rasa-qa-scrub-{run}-{part.part}-{part.after}"
        return client.submit(_take_over, part, key=key)

    parts = _PARTS_PER_THREAD * sum(client.nthreads().values())
    given = {
        submit(part): part
        for part in (
            _Part(
                folder=str(folder.resolve()),
                run=run,
                check=_check(opened, run),
                part=number,
                parts=parts,
            )
            for number in range(parts)
        )
    }
    ended = as_completed(list(given), loop=client.loop)
    try:
        for future in ended:
            part, done = given.pop(future), future.result()
            if done.problem is not None:
                raise _WorkerError(done.problem)
            yield done.done
            if not done.ended:
                part = msgspec.structs.replace(part, after=done.done.after)
                following = submit(part)
                given[following] = part
                ended.add(following)
    except KilledWorker:
        raise _WorkerError(
            "scrub --dask: workers were ended again and again; see the cluster's log, "
            "then run it again for the rest"
        ) from None
    except (CancelledError, asyncio.CancelledError, OSError):
        raise _WorkerError(
            "scrub --dask: the scheduler went away; run it again for the rest"
        ) from None
    except ImportError:
        raise _WorkerError(
            "scrub --dask: the workers lack rasa_qa_plugin; install this release there"
        ) from None


def _connected(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError(
            "scrub --dask",
            'Dask is not installed; pip install "rasa-qa-plugin[dask]"',
        ) from None
    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, asyncio.TimeoutError):
        raise _WorkerError(
            "scrub --dask: no scheduler answers; check the address and that it runs"
        ) from None
    try:
        client.wait_for_workers(1, timeout=_WORKERS_SECONDS)
    except (OSError, asyncio.TimeoutError):
        client.close()
        raise _WorkerError(
            "scrub --dask: the cluster has no workers; start some, then run it again"
        ) from None
    return client


def _take_over(part: _Part) -> _Slice:
    """Be a worker for some seconds. Never raises: Dask would log what it is told."""
    try:
        opened = open_bot(Bot(Path(part.folder)))
        try:
            return _slice(opened, part)
        finally:
            opened.engine.dispose()
    except RasaQAError as error:
        return _Slice(problem=f"on a Dask worker: {error}")
    except Exception as error:  # noqa: BLE001 - a traceback may quote anything
        return _Slice(
            problem=f"scrub --dask: a worker failed ({type(error).__name__}); "
            "run it again"
        )


def _slice(opened: Opened, part: _Part) -> _Slice:
    with reading(opened.engine) as connection:
        is_same = noted(connection, _BEGUN, run=part.run)
    if not is_same or _check(opened, part.run) != part.check:
        # Another secret would part people from their conversations for good.
        raise ConfigError(
            "scrub --dask",
            "it has another database, secret, qa.yml or release; give it the same bot "
            "folder and environment as here",
        )
    until = time.monotonic() + _SLICE_SECONDS
    done = Step(after=part.after)
    for step in scrub(opened, part=part.part, parts=part.parts, after=part.after):
        done = Step(
            conversations=done.conversations + step.conversations,
            events=done.events + step.events,
            refused=done.refused + step.refused,
            after=step.after,
        )
        if time.monotonic() >= until:
            return _Slice(done=done)
    return _Slice(done=done, ended=True)


def _check(opened: Opened, run: str) -> str:
    """Give what release, settings and secret come to, under a key nobody else has."""
    alike = msgspec.json.encode([run, __version__, opened.settings])
    return opened.vault.pseudonym(alike.decode())
