"""ADAPTER to Rasa: the tracker store that `endpoints.yml` names.

Rasa wraps every store so that an error makes it keep raw trackers in memory and stream
them raw. Therefore nothing a database does makes `save` or `retrieve` raise, and
nothing that can go wrong leaves the constructor as ImportError or AttributeError, which
Rasa would take for "no such store".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event, SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException

from rasa_qa_plugin import rights
from rasa_qa_plugin.backlog import backlog_of
from rasa_qa_plugin.batches import Batch, Loaded, Recorded
from rasa_qa_plugin.broker import MaskingBroker
from rasa_qa_plugin.consent import ConsentState, changes_in
from rasa_qa_plugin.errors import RasaQAError, StorageError, StorageUnavailableError
from rasa_qa_plugin.insights.prometheus import RETRIEVING, SAVING
from rasa_qa_plugin.interruptions import open_forms
from rasa_qa_plugin.notifier import Notifier
from rasa_qa_plugin.opening import open_recorder
from rasa_qa_plugin.positions import (
    Position,
    made_for,
    mark_stored,
    new_events,
    position_of,
    show_standing,
)
from rasa_qa_plugin.privacy.logs import LogMasker, install
from rasa_qa_plugin.privacy.vault import PSEUDONYM_PREFIX
from rasa_qa_plugin.settings import SECRET_VARIABLE, Connection
from rasa_qa_plugin.threads import DatabaseThreads
from rasa_qa_plugin.writer import Writer, report

logger = logging.getLogger(__name__)

_CACHED_TRACKERS = 1000
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 15.0

T = TypeVar("T")


class QATrackerStore(TrackerStore):
    """Keeps conversations masked, captures turns with consent, and answers from memory.

    Takes the connection keys of Rasa's own ``type: SQL`` and ``settings``, the path of
    `qa.yml`. All database and masking work runs in threads; a database that is away
    costs no answer and no event: what it does not take waits encrypted on the disk, and
    is written in order once it is back, by the next process if need be.
    """

    def __init__(
        self,
        domain: Domain | None = None,
        host: str | None = None,
        event_broker: EventBroker | None = None,
        **options: Any,
    ) -> None:
        """Open the database and bring its schema up to date.

        Args:
            domain: Set again by Rasa once a model is loaded.
            host: Database host, or a whole database URL.
            event_broker: Gets masked events only.
            options: The other keys of ``settings.Connection``.

        Raises:
            RasaException: The settings are wrong or the database cannot be used; Rasa
                prints it as one line and stops.
        """
        try:
            connection = Connection.from_mapping({"url": host, **options})
            opened = open_recorder(
                connection,
                folder=Path(),
                secret=os.environ.get(SECRET_VARIABLE),
                as_server=True,
            )
            with contextlib.suppress(StorageError):  # the next sweep will do it
                opened.recorder.drop_expired(now=time.time())
            self._notifier = Notifier(opened)
        except RasaQAError as error:
            raise RasaException(f"rasa_qa_plugin: {error}") from None
        except (ImportError, AttributeError) as error:
            raise RasaException(
                f"rasa_qa_plugin: cannot start ({type(error).__name__} in "
                f"{getattr(error, 'name', None) or 'an import'}); "
                "reinstall rasa-qa-plugin"
            ) from None
        self.opened = opened
        self._recorder = opened.recorder
        self._logs = LogMasker(opened.masker.mask_text, opened.vault.pseudonym)
        install(self._logs)
        # SQLite has one writer anyway; Rasa's lock keeps the order per person.
        self._run = DatabaseThreads(1 if opened.is_sqlite else 4).run
        # The backlog must not stand in line behind a database that does not answer.
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="rasa-qa-spool")
        self._backlog = backlog_of(opened, Path())
        self._catching_up = asyncio.Lock()
        self._replaying: asyncio.Task[None] | None = None
        self._cache: OrderedDict[str, DialogueStateTracker] = OrderedDict()
        self._unread: set[str] = set()
        self._writer = Writer(opened.recorder)
        broker = (
            None
            if event_broker is None
            else MaskingBroker(event_broker, opened.masker, opened.vault)
        )
        super().__init__(domain, broker)
        self._notifier.wake()  # for what a process before left unsent
        with contextlib.suppress(RuntimeError):  # no event loop yet: the first message
            self._start_replay()

    @property
    def domain(self) -> Domain:
        """The domain that trackers are built for."""
        return self._domain

    @domain.setter
    def domain(self, domain: Domain | None) -> None:
        self._domain = domain or Domain.empty()
        open_forms(self._domain.forms, self._domain.intents)

    async def _run_on_disk(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work, *args)

    @RETRIEVING.observed
    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Give the tracker of the latest session, from memory if it is current."""
        self._logs.learn_sender(sender_id)
        if sender_id in self._backlog and not await self._catch_up(sender_id, []):
            # The database knows less than memory does, if memory knows anything.
            known = self._cache.get(sender_id) or await self._waiting(sender_id)
            return made_for(self.domain, known)
        cached = self._cache.pop(sender_id, None)
        try:
            if cached is not None:
                version = await self._run(self._recorder.version, sender_id)
                position = position_of(cached)
                if position is not None and version == position.version:
                    return made_for(self.domain, cached)
            tracker = await self._run(self._load, sender_id, all_sessions=False)
        except Exception as error:  # noqa: BLE001 - Rasa would start with a blank tracker
            report(error)
            self._unread.add(sender_id)
            return None if cached is None else made_for(self.domain, cached)
        self._unread.discard(sender_id)
        return tracker

    async def _waiting(self, sender_id: str) -> DialogueStateTracker:
        """Give a tracker of what waits: all there is of a person before a restart."""
        events = await self._run_on_disk(self._backlog.events_of, sender_id)
        decided = changes_in(events)
        consent = decided[-1].state if decided else ConsentState.UNKNOWN
        waiting = Loaded(events=events, version=0, consent=consent)
        return self._tracker(sender_id, waiting)

    async def retrieve_full_tracker(
        self, conversation_id: str
    ) -> DialogueStateTracker | None:
        """Give the tracker of all sessions.

        A stored pseudonym is accepted too, for `rasa export`; then the events are the
        masked ones.
        """
        if conversation_id in self._backlog:
            await self._catch_up(conversation_id, [])
        try:
            tracker = await self._run(self._load, conversation_id, all_sessions=True)
            if tracker is None and conversation_id.startswith(PSEUDONYM_PREFIX):
                tracker = await self._run(self._load_archive, conversation_id)
        except Exception as error:  # noqa: BLE001 - as for retrieve
            report(error)
            self._unread.add(conversation_id)
            return None
        return tracker

    async def exists(self, conversation_id: str) -> bool:
        """Tell whether anything is stored under this sender id."""
        if conversation_id in self._cache or conversation_id in self._backlog:
            return True
        try:
            return await self._run(self._recorder.version, conversation_id) is not None
        except StorageError as error:
            report(error)
            return False

    async def keys(self) -> Iterable[str]:
        """Give the pseudonyms of all conversations."""
        return await self._run(self._recorder.senders)

    def _load(
        self, sender_id: str, *, all_sessions: bool
    ) -> DialogueStateTracker | None:
        now = time.time()
        loaded = self._recorder.load(sender_id, all_sessions=all_sessions, now=now)
        return None if loaded is None else self._tracker(sender_id, loaded)

    def _load_archive(self, pseudonym: str) -> DialogueStateTracker | None:
        loaded = self._recorder.load_archive(pseudonym, now=time.time())
        return None if loaded is None else self._tracker(pseudonym, loaded)

    def _tracker(self, sender_id: str, loaded: Loaded) -> DialogueStateTracker:
        domain = self.domain  # Another model may come while this thread reads.
        tracker = DialogueStateTracker.from_dict(sender_id, loaded.events, domain.slots)
        show_standing(tracker, loaded, self.opened.settings)
        mark_stored(tracker, version=loaded.version, domain=domain)
        return tracker

    @SAVING.observed
    async def save(self, tracker: DialogueStateTracker) -> None:
        """Store what is new in the tracker; never raises for a database fault."""
        sender_id = tracker.sender_id
        self._logs.learn_sender(sender_id)
        position = position_of(tracker)
        new = new_events(tracker)
        if not new:
            # Rasa saves a tracker it has just made, before anything is in it.
            if position is None:
                mark_stored(tracker, version=0, domain=self.domain)
                known = Loaded(events=[], version=0, consent=ConsentState.UNKNOWN)
                with contextlib.suppress(StorageError):  # the next save shows it
                    known = await self._run(self._recorder.newcomer, sender_id)
                show_standing(tracker, known, self.opened.settings)
            elif position.version:
                self._keep(tracker)
            return
        batch = Batch(
            sender_id=sender_id,
            events=[event.as_dict() for event in new],
            # A tracker that did not come from here stands for the whole conversation
            # (PUT …/tracker/events), unless we could not read it (database away).
            replaces=position is None and sender_id not in self._unread,
            saved_at=time.time(),
        )
        recorded: list[Recorded] = []
        if sender_id in self._backlog:
            await self._run_on_disk(self._backlog.add, batch)
            await self._catch_up(sender_id, recorded)
        else:
            try:
                await self._write(batch, recorded)
            except StorageUnavailableError as error:
                report(error)
                await self._run_on_disk(self._backlog.add, batch)
        self._start_replay()
        if sender_id in self._backlog:
            mark_stored(
                tracker, version=position.version if position else 0, domain=self.domain
            )
            self._keep(tracker)
            return
        self._unread.discard(sender_id)
        self._after(tracker, new, position, recorded)

    async def _catch_up(self, sender_id: str, recorded: list[Recorded]) -> bool:
        """Write what waits for a person; tell whether nothing waits any more."""
        async with self._catching_up:  # one at a time keeps the order
            while batch := await self._run_on_disk(self._backlog.first, sender_id):
                try:
                    await self._write(batch, recorded)
                except StorageUnavailableError as error:
                    report(error)
                    return False
                await self._run_on_disk(self._backlog.done, batch)
        return True

    def _start_replay(self) -> None:
        if self._backlog and (self._replaying is None or self._replaying.done()):
            loop = asyncio.get_running_loop()
            self._replaying = loop.create_task(self._replay())

    async def _replay(self) -> None:
        """Write what waits, without any message asking for it, until nothing does."""
        pause = _FIRST_PAUSE_SECONDS
        while self._backlog:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            for sender_id in self._backlog.people():
                if not await self._catch_up(sender_id, []):
                    break
                pause = _FIRST_PAUSE_SECONDS

    async def _write(self, batch: Batch, recorded: list[Recorded]) -> None:
        """Write a batch and publish it.

        Raises:
            StorageUnavailableError: The database is away; the batch must wait.
        """
        entry = await self._run(self._writer.write, batch)
        if entry is not None:
            recorded.append(entry)
            self._publish(entry)
            if entry.tickets:
                self._notifier.wake()

    def _after(
        self,
        tracker: DialogueStateTracker,
        new: list[Event],
        position: Position | None,
        recorded: list[Recorded],
    ) -> None:
        if not recorded:
            # Refused, or written by whoever caught up meanwhile: in neither case may it
            # be written again. The next message reads what is there.
            mark_stored(tracker, version=0, domain=self.domain)
            self._cache.pop(tracker.sender_id, None)
            return
        last = recorded[-1]
        mark_stored(tracker, version=last.version, domain=self.domain)
        show_standing(tracker, last, self.opened.settings)
        before = recorded[0].previous_version
        undisturbed = position is None or before == position.version
        erased = any(entry.erased for entry in recorded)
        if not undisturbed or erased:
            self._cache.pop(tracker.sender_id, None)
        elif any(isinstance(event, SessionStarted) for event in new):
            self._keep(self._last_session(tracker, last))
        else:
            self._keep(tracker)

    def _last_session(
        self, tracker: DialogueStateTracker, recorded: Recorded
    ) -> DialogueStateTracker:
        """Give what a reload would: a tracker that starts at the last session."""
        events = list(tracker.events)
        starts = (n for n, e in enumerate(events) if isinstance(e, SessionStarted))
        session = DialogueStateTracker.from_events(
            tracker.sender_id, events[max(starts) :], self.domain.slots
        )
        show_standing(session, recorded, self.opened.settings)
        mark_stored(session, version=recorded.version, domain=self.domain)
        return session

    def _keep(self, tracker: DialogueStateTracker) -> None:
        self._cache[tracker.sender_id] = tracker
        self._cache.move_to_end(tracker.sender_id)
        if len(self._cache) > _CACHED_TRACKERS:
            oldest = (one for one in self._cache if one not in self._backlog)
            self._cache.pop(next(oldest, tracker.sender_id))

    def _publish(self, recorded: Recorded) -> None:
        if isinstance(self.event_broker, MaskingBroker):
            for body in recorded.published:
                self.event_broker.publish_masked(body)

    async def ask(self, work: Callable[..., T], sender_id: str, *args: Any) -> T:
        """Give what *work* gives of a database, a pseudonym and *args*.

        Raises:
            StorageUnavailableError: The database is away, or lacks what waits for it.
        """
        self._logs.learn_sender(sender_id)
        if sender_id in self._backlog and not await self._catch_up(sender_id, []):
            raise StorageUnavailableError("database: away; ask again once it is back")
        name = self.opened.vault.pseudonym(sender_id)
        return await self._run(work, self.opened, name, *args)

    async def forget(self, sender_id: str) -> dict[str, int]:
        """Erase a person everywhere, what waits first; give how many rows by table.

        Raises:
            StorageError: Not everything is erased; asking again does the rest.
        """
        self._logs.learn_sender(sender_id)
        name = self.opened.vault.pseudonym(sender_id)
        async with self._catching_up:  # nothing of theirs is being written meanwhile
            waited = await self._run_on_disk(self._backlog.forget, sender_id)
            self._cache.pop(sender_id, None)
            self._unread.discard(sender_id)
            rows = await self._run(
                rights.erase, self.opened, name, time.time(), sender_id=sender_id
            )
        return {**rows, "spool": waited}

    async def stream_events(self, tracker: DialogueStateTracker) -> None:
        """Do nothing: events are streamed masked, after they are stored."""
