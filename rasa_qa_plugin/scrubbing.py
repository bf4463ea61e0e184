"""Taking over all conversations of Rasa's own store at once, in several processes."""

import multiprocessing
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from operator import itemgetter
from pathlib import Path
from zlib import crc32

import msgspec

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import RasaQAError, StorageError, StorageUnavailableError
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.storage import stock
from rasa_qa_plugin.storage.engine import reading, transaction, unhurried
from rasa_qa_plugin.storage.runs import note


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What was done since the step before.

    Attributes:
        conversations: Taken over.
        events: In them.
        refused: Conversations that the database refused.
        after: Row id after which the same part goes on.
    """

    conversations: int = 0
    events: int = 0
    refused: int = 0
    after: int = 0


class _EndedError(RasaQAError):
    """A worker stopped before its part was done."""


def scrub(
    opened: Opened, *, part: int = 0, parts: int = 1, after: int = 0
) -> Iterator[Step]:
    """Take over one part of all people, oldest first, and tell of each.

    A conversation that the database refuses is passed over, for the others' sake. What
    was told so far stays done, whatever ends this process; a power cut may undo the
    last seconds of it, in whole conversations. Running it again does the rest.

    Raises:
        StorageUnavailableError: The database went away.
    """
    with unhurried(opened.engine):
        while True:
            with reading(opened.engine) as connection:
                page = list(stock.page(connection, after=after))
            if not page:
                return
            after = page[-1][0]
            # Whoever is refused must not be tried once for every row.
            first = {sender_id: row_id for row_id, sender_id in reversed(page)}
            for sender_id, row_id in sorted(first.items(), key=itemgetter(1)):
                if _part_of(sender_id, parts) != part:
                    continue
                try:
                    events = opened.recorder.adopt(sender_id, now=time.time())
                except StorageUnavailableError:
                    raise
                except StorageError:
                    yield Step(refused=1, after=row_id)
                else:
                    if events:
                        yield Step(conversations=1, events=events, after=row_id)


def scrub_with(opened: Opened, folder: Path, *, workers: int) -> Iterator[Step]:
    """Take over all people, in this process if one worker is enough."""
    if workers == 1:
        return scrub(opened)
    return scrub_in_processes(folder, workers=workers)


def scrub_in_processes(folder: Path, *, workers: int) -> Iterator[Step]:
    """Do the same for all people, in processes with a database connection each.

    Whatever ends this, an interrupt too, ends the processes.

    Raises:
        RasaQAError: A worker failed; what the workers had done is done for good.
    """
    context = multiprocessing.get_context("spawn")
    open_ends: set[Connection] = set()
    processes = []
    try:
        for part in range(workers):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(
                target=_work, args=(theirs, folder, part, workers), daemon=True
            )
            process.start()
            theirs.close()
            processes.append(process)
            open_ends.add(ours)
        while open_ends:
            ready = wait(list(open_ends))
            for end in [end for end in open_ends if end in ready]:
                try:
                    told = end.recv()
                except EOFError:
                    told = "scrub: a worker was ended; run it again for the rest"
                if isinstance(told, str):
                    raise _EndedError(told)
                if told is None:
                    open_ends.remove(end)
                else:
                    yield told
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _work(end: Connection, folder: Path, part: int, parts: int) -> None:
    """Be a worker: send steps, then None; or what went wrong, without any value."""
    try:
        for step in scrub(open_bot(Bot(folder)), part=part, parts=parts):
            end.send(step)
        end.send(None)
    except RasaQAError as error:
        end.send(str(error))
    except Exception as error:  # noqa: BLE001 - a traceback may quote anything
        end.send(f"scrub: a worker failed ({type(error).__name__}); run it again")


def finish(opened: Opened, *, conversations: int, events: int, now: float) -> bool:
    """Note in the audit trail what was done, and clear the scraps out of SQLite's file.

    Gives False when the file was busy; then the scraps wait for the next time.
    """
    with transaction(opened.engine) as connection:
        note(
            connection,
            "scrub",
            now=now,
            conversations=conversations,
            events=events,
        )
    return stock.rebuild(opened.engine)


def _part_of(sender_id: str, parts: int) -> int:
    return crc32(sender_id.encode("utf-8", "surrogatepass")) % parts
