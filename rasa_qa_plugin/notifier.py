"""Telling the team of new tickets, in the background. Rasa-free.

What is to be sent stands in the table, so nothing waits in memory, nothing is lost with
a process, and several servers share the work: whoever claims a ticket sends it.
"""

import logging
import threading
import time

from rasa_qa_plugin.announcing import discreetly, services
from rasa_qa_plugin.errors import StorageError
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.storage import escalations
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.escalations import Ticket

logger = logging.getLogger(__name__)

# One try each, a day and a half in all; a failing one doubles the wait for the next.
_FIRST_WAIT_SECONDS = 15.0
_MOST_ATTEMPTS = 14
# Longer than a try can take: whose server died in the middle is sent by another one.
_CLAIM_SECONDS = 300.0
_LONGEST_SLEEP_SECONDS = 60.0


class Notifier:
    """Sends what is due, in a thread of its own that lives while anything is."""

    def __init__(
        self, opened: Opened, *, first_wait_seconds: float = _FIRST_WAIT_SECONDS
    ) -> None:
        """Get ready to tell the addresses that `qa.yml` names.

        Raises:
            ConfigError: An address is none, or names a variable that is not set.
        """
        self._opened = opened
        self._first_wait = first_wait_seconds
        urls = opened.settings.escalation.notify
        self._services = services(urls, key="escalation.notify")
        # Of tickets to be tried again: the addresses that know already.
        self._told: dict[str, set[int]] = {}
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Look for what is to be sent, soon; returns at once."""
        if not self._services:
            return
        with self._lock:
            self._woken.set()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="rasa-qa-notify", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                seconds = self._send_due()
            except StorageError:
                seconds = _LONGEST_SLEEP_SECONDS  # the store reports it, too
            except Exception as error:  # noqa: BLE001 - of a service; may hold an URL
                logger.error("rasa_qa_plugin: notifying: %s", type(error).__name__)  # noqa: TRY400
                seconds = _LONGEST_SLEEP_SECONDS
            with self._lock:
                if seconds is None and not self._woken.is_set():
                    self._thread = None
                    return
            if seconds is not None:
                self._woken.wait(min(seconds, _LONGEST_SLEEP_SECONDS))

    def _send_due(self) -> float | None:
        """Send all that is due; give the seconds to the next try, or None."""
        engine = self._opened.engine
        while True:
            now = time.time()
            with transaction(engine) as connection:
                ticket = escalations.claim_notice(
                    connection, now=now, again_at=now + _CLAIM_SECONDS
                )
            if ticket is None:
                break
            self._send(ticket)
        with reading(engine) as connection:
            at = escalations.next_notice(connection)
        return None if at is None else max(at - time.time(), 0.0)

    def _send(self, ticket: Ticket) -> None:
        """Tell every address once, or again where a process died in the middle."""
        body = _body(
            ticket, with_message=self._opened.settings.escalation.include_message
        )
        title = f"Ticket {ticket.ticket_id}"
        told = self._told.pop(ticket.ticket_id, set())
        with discreetly():
            for at, service in enumerate(self._services):
                if at not in told and service.notify(body, title=title):
                    told.add(at)
        failed = len(self._services) - len(told)
        attempts = ticket.attempts + 1
        now = time.time()
        again_at = None
        if failed:
            tried = f"{failed} of {len(self._services)} addresses not reached"
            if attempts < _MOST_ATTEMPTS:
                again_at = now + self._first_wait * 2.0 ** (attempts - 1)
                self._told[ticket.ticket_id] = told
                logger.warning(
                    "rasa_qa_plugin: escalation.notify: %s, tried again later", tried
                )
            else:
                logger.error(
                    "rasa_qa_plugin: escalation.notify: %s, given up; check the "
                    "addresses, and see `rasa-qa tickets list`",
                    tried,
                )
        with transaction(self._opened.engine) as connection:
            escalations.settle_notice(
                connection,
                ticket.ticket_id,
                notified_at=None if failed else now,
                again_at=again_at,
            )


def _body(ticket: Ticket, *, with_message: bool) -> str:
    lines = [
        f"reason: {ticket.reason}",
        f"queue: {ticket.queue}",
        f"priority: {ticket.priority}",
    ]
    if ticket.tags:
        lines.append(f"tags: {', '.join(ticket.tags)}")
    if with_message and ticket.history:
        lines.append(f"last message: {ticket.history[-1].text}")
    return "\n".join(lines)
