"""Telling the team: real HTTP and SMTP servers, both databases, once and not lost."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.notifier import Notifier
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.settings import EscalationSettings, Settings
from rasa_qa_plugin.storage import escalations
from rasa_qa_plugin.storage.engine import transaction
from tests.acceptance.servers import free_port
from tests.conftest import Events, Open
from tests.contract.test_tickets import ANA, LUIS, PHONE, asks, of


class Receiver:
    """An HTTP server that keeps what it is sent, and fails as often as told."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.failures = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                failing = receiver.failures > 0
                receiver.failures -= failing
                if not failing:
                    receiver.received.append(body)
                self.send_response(500 if failing else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_port}"

    def messages(self) -> list[str]:
        return [json.loads(body)["message"] for body in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def wanting(*urls: str, message: bool = False) -> Settings:
    wanted = EscalationSettings(notify=urls, include_message=message)
    return Settings(escalation=wanted)


def notifier(opened: Opened) -> Notifier:
    return Notifier(opened, first_wait_seconds=0.05)


def until(done: Callable[[], Any]) -> None:
    """Wait for something that another thread does."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def told(opened: Opened, who: str = ANA) -> bool:
    return all(one.notified_at is not None for one in of(opened, who))


def test_the_team_is_told_what_it_needs_and_nothing_personal(
    open_store: Open, events: Events, receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setenv("HOOK", f"{receiver.address}/secret-token-of-hook")
    opened = open_store(wanting("json://${HOOK}"))
    ticket = asks(opened, events)
    with caplog.at_level(logging.DEBUG):
        notifier(opened).wake()
        until(lambda: told(opened))

    (body,) = receiver.received
    assert receiver.messages() == [
        "reason: keyword\nqueue: sales\npriority: high\ntags: urgent"
    ]
    assert ticket.ticket_id in body
    for secret in (ANA, PHONE, opened.vault.pseudonym(ANA), "urge,"):
        assert secret not in body
    assert "secret-token-of-hook" not in caplog.text
    (after,) = of(opened)
    assert (after.attempts, after.notify_at) == (1, None)


def test_the_last_message_goes_out_masked_only_with_consent_and_on_request(
    open_store: Open, events: Events, receiver: Receiver
) -> None:
    opened = open_store(wanting(f"json://{receiver.address}", message=True))
    asks(opened, events)
    asks(opened, events, LUIS, agrees=False)
    notifier(opened).wake()
    until(lambda: told(opened) and told(opened, LUIS))

    said = [one.partition("last message: ")[2] for one in receiver.messages()]
    assert sorted(said) == ["", "urge, [PHONE]"]


def test_what_was_withdrawn_before_it_was_sent_is_not_sent(
    open_store: Open, events: Events, receiver: Receiver
) -> None:
    opened = open_store(wanting(f"json://{receiver.address}", message=True))
    asks(opened, events)
    opened.recorder.set_consent(
        opened.vault.pseudonym(ANA), ConsentState.WITHDRAWN, source="cli", now=1.7e9
    )
    notifier(opened).wake()
    until(lambda: told(opened))

    assert "last message" not in receiver.received[0]


def test_a_failing_address_is_tried_again_and_the_others_are_told_once(
    open_store: Open, events: Events, receiver: Receiver
) -> None:
    good = Receiver()
    opened = open_store(wanting(f"json://{receiver.address}", f"json://{good.address}"))
    receiver.failures = 2
    asks(opened, events)
    notifier(opened).wake()
    until(lambda: told(opened))

    assert [one.attempts for one in of(opened)] == [3]
    assert (len(receiver.received), len(good.received)) == (1, 1)
    good.close()


def test_what_was_not_sent_is_sent_after_a_restart(
    open_store: Open, events: Events, receiver: Receiver
) -> None:
    opened = open_store(wanting(f"json://{receiver.address}"))
    ticket = asks(opened, events)
    now = time.time()
    with transaction(opened.engine) as connection:  # a server that died while sending
        taken = escalations.claim_notice(connection, now=now, again_at=now - 1)
    assert taken is not None

    restarted = open_store(wanting(f"json://{receiver.address}"))
    notifier(restarted).wake()
    until(lambda: told(restarted))

    assert ticket.ticket_id in receiver.received[0]


def test_several_servers_tell_of_a_ticket_once(
    open_store: Open, events: Events, receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # Whoever sees a ticket that another one is telling of looks again after this.
    monkeypatch.setattr("rasa_qa_plugin.notifier._LONGEST_SLEEP_SECONDS", 0.5)
    settings = wanting(f"json://{receiver.address}")
    opened = open_store(settings)
    for number in range(5):
        asks(opened, events, f"person {number}", agrees=False)
    servers = [notifier(open_store(settings)) for _ in range(3)]
    for server in servers:
        server.wake()
    until(lambda: all(told(opened, f"person {number}") for number in range(5)))
    until(lambda: all(server._thread is None for server in servers))

    assert len(receiver.received) == 5


def test_it_gives_up_in_the_end(
    open_store: Open, events: Events, receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr("rasa_qa_plugin.notifier._MOST_ATTEMPTS", 3)
    opened = open_store(wanting(f"json://{receiver.address}/token"))
    receiver.failures = 99
    asks(opened, events)
    notifier(opened).wake()
    until(lambda: of(opened)[0].notify_at is None)

    assert [(one.attempts, one.notified_at) for one in of(opened)] == [(3, None)]
    assert "given up" in caplog.text
    assert "token" not in caplog.text


def test_a_ticket_that_is_closed_needs_no_telling(
    open_store: Open, events: Events, receiver: Receiver
) -> None:
    opened = open_store(wanting(f"json://{receiver.address}"))
    closed = asks(opened, events)
    opened.recorder.close_ticket(closed.ticket_id, now=time.time())
    asks(opened, events, LUIS)
    notifier(opened).wake()
    until(lambda: told(opened, LUIS))

    assert len(receiver.received) == 1
    assert closed.ticket_id not in receiver.received[0]


def test_an_email_arrives(open_store: Open, events: Events) -> None:
    class Mailbox:
        def __init__(self) -> None:
            self.letters: list[str] = []

        async def handle_DATA(  # noqa: N802 - aiosmtpd calls it
            self, _server: Any, _session: Any, envelope: Any
        ) -> str:
            self.letters.append(envelope.content.decode())
            return "250 OK"

    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        url = f"mailto://127.0.0.1:{server.port}?from=bot@x.example&to=team@x.example"
        opened = open_store(wanting(url))
        ticket = asks(opened, events)
        notifier(opened).wake()
        until(lambda: told(opened))
    finally:
        server.stop()

    (letter,) = mailbox.letters
    assert f"Ticket {ticket.ticket_id}" in letter
    assert "queue: sales" in letter
    assert PHONE not in letter


@pytest.mark.parametrize("url", ["no address at all", "json://${NOT_SET_HERE}/secret"])
def test_a_wrong_address_is_named_by_its_place(open_store: Open, url: str) -> None:
    opened = open_store(wanting("json://127.0.0.1", url))
    with pytest.raises(ConfigError, match=r"escalation\.notify\[1\]: ") as caught:
        Notifier(opened)

    assert "secret" not in str(caught.value)
    assert "no address" not in str(caught.value)


def test_nothing_starts_where_nobody_wants_to_be_told(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    asks(opened, events)
    quiet = notifier(opened)
    quiet.wake()

    assert quiet._thread is None
