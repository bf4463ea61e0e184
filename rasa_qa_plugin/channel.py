"""ADAPTER to Rasa: the plugin's own routes on Rasa's server, below `/webhooks/qa/`.

Rasa guards no channel's routes, so these bring their own bearer token. All database
work runs in threads; what people sent comes back to nobody and into no log.
"""

from __future__ import annotations

import functools
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from rasa.core.agent import Agent
from rasa.core.channels.channel import InputChannel, UserMessage
from rasa.core.lock_store import LockError
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.shared.exceptions import RasaException
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, json, raw
from sqlalchemy.engine import Engine

from rasa_qa_plugin import rights, swapping
from rasa_qa_plugin.backlog import backlog_of
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.errors import (
    RasaQAError,
    StorageUnavailableError,
    TrainingError,
)
from rasa_qa_plugin.insights.prometheus import Counts, ServerCounts, count, exposition
from rasa_qa_plugin.review.flags import FLAGS
from rasa_qa_plugin.review.transcript import rating_of
from rasa_qa_plugin.storage.engine import reading
from rasa_qa_plugin.storage.migrations import revision
from rasa_qa_plugin.threads import DatabaseThreads
from rasa_qa_plugin.tracker_store import QATrackerStore
from rasa_qa_plugin.training.rasa_server import Sample

logger = logging.getLogger(__name__)

_SHORTEST_TOKEN = 16
_COUNTS_LAST_SECONDS = 15.0
_LONGEST_COMMENT = 2000

Handler = Callable[..., Awaitable[HTTPResponse]]
T = TypeVar("T")


class _Decision(msgspec.Struct, forbid_unknown_fields=True):
    state: Literal["granted", "denied", "withdrawn"]


class _Model(msgspec.Struct, forbid_unknown_fields=True):
    file: str
    samples: tuple[Sample, ...] = ()


class _Feedback(msgspec.Struct, forbid_unknown_fields=True):
    sender: str
    message_id: str
    rating: Literal[1, -1]
    comment: str | None = None


_FIELDS = {
    "state": "write granted, denied or withdrawn",
    "sender": "write the sender id, a text that is not empty",
    "message_id": "write the message's id, a text that is not empty",
    "rating": "write 1 or -1",
    "file": "write the name of a model in the models folder, without its path",
    "comment": f"write a text of at most {_LONGEST_COMMENT} characters, or none",
}


class _RefusedError(Exception):
    """A request that gets an answer other than 200."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class QAChannel(InputChannel):
    """Health, numbers, consent, erasure, feedback and models; takes no messages.

    `credentials.yml` names it, with the key `token`.
    """

    def __init__(self, token: str) -> None:
        """Answer whoever brings *token*."""
        self._token = token.encode()
        # Neither may stand in line behind the bot, nor health behind counting.
        self._pings = DatabaseThreads(1)
        self._counting = DatabaseThreads(1)
        self._counts: tuple[float, Engine, Counts] | None = None
        self._swapping = False

    @classmethod
    def name(cls) -> str:
        """Name in the routes."""
        return "qa"

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> QAChannel:
        """Make the channel from its section of `credentials.yml`.

        Raises:
            RasaException: There is no usable token.
        """
        token = credentials.get("token") if isinstance(credentials, Mapping) else None
        if (
            not isinstance(token, str)
            or len(token) < _SHORTEST_TOKEN
            or token.startswith("${")  # in quotes Rasa takes it for the token itself
        ):
            raise RasaException(
                "rasa_qa_plugin: credentials.yml: rasa_qa_plugin.QAChannel.token: "
                f"needs a text of at least {_SHORTEST_TOKEN} characters; write "
                "`token: ${RASA_QA_TOKEN}` on a line of its own, without quotes, and "
                "set RASA_QA_TOKEN to a long random value"
            )
        return cls(token)

    def blueprint(
        self, on_new_message: Callable[[UserMessage], Awaitable[Any]]
    ) -> Blueprint:
        """Give the routes; no message ever comes through them."""
        del on_new_message
        blueprint = Blueprint("rasa_qa_plugin_channel")
        for method, path, handler in (
            ("GET", "/health", self._health),
            ("GET", "/metrics", self._metrics),
            ("GET", "/consent/<sender:str>", self._consent),
            ("POST", "/consent/<sender:str>", self._decide),
            ("DELETE", "/conversations/<sender:str>", self._erase),
            ("POST", "/feedback", self._rate),
            ("GET", "/model", self._model),
            ("POST", "/model", self._swap),
        ):
            blueprint.route(path, methods=[method], unquote=True)(
                self._guarded(handler)
            )
        return blueprint

    def _guarded(self, handler: Handler) -> Handler:
        """Let a handler be called with the token only, and answer for its errors."""

        @functools.wraps(handler)
        async def answer(request: Request, **parts: str) -> HTTPResponse:
            if not self._admits(request):
                return json(
                    {"error": "Authorization: missing or wrong; send `Bearer TOKEN`"},
                    status=401,
                    headers={"WWW-Authenticate": "Bearer"},
                )
            try:
                return await handler(request, **parts)
            except _RefusedError as refused:
                return json({"error": str(refused)}, status=refused.status)
            except LockError:
                return json(
                    {"error": "conversation: busy for too long; ask again"}, status=503
                )
            except TrainingError as error:
                return json({"error": str(error)}, status=409)
            except RasaQAError as error:
                away = isinstance(error, StorageUnavailableError)
                return json({"error": str(error)}, status=503 if away else 500)

        return answer

    def _admits(self, request: Request) -> bool:
        header = request.headers.get("Authorization") or ""
        kind, _, token = header.partition(" ")
        given = token.strip().encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, self._token) and kind.lower() == "bearer"

    async def _health(self, request: Request) -> HTTPResponse:
        store = _store_of(request)
        try:
            schema = await self._pings.run(revision, store.opened.engine)
            error = None
        except RasaQAError as fault:
            schema, error = None, str(fault)
        return json(
            {
                "database": "reachable" if error is None else "away",
                "error": error,
                "schema": schema,
                "identity": rights.identity(store.opened),
                "events_waiting": _events_waiting(store),
                "masking_failures": store.opened.masker.failures,
            },
            status=200 if error is None else 503,
        )

    async def _metrics(self, request: Request) -> HTTPResponse:
        store = _store_of(request)
        counts = await self._counting.run(self._recent_counts, store.opened.engine)
        server = ServerCounts(
            events_waiting=_events_waiting(store),
            masking_failures=store.opened.masker.failures,
        )
        return raw(exposition(counts, server), content_type=CONTENT_TYPE_LATEST)

    def _recent_counts(self, engine: Engine) -> Counts:
        """Count, or give what was counted a moment ago; one thread runs this."""
        started = time.monotonic()
        if self._counts is not None:
            at, counted, counts = self._counts
            if counted is engine and started - at < _COUNTS_LAST_SECONDS:
                return counts
        with reading(engine) as connection:
            counts = count(connection, FLAGS)
        now = time.monotonic()
        counts = msgspec.structs.replace(counts, seconds=now - started)
        self._counts = now, engine, counts
        return counts

    async def _consent(self, request: Request, sender: str) -> HTTPResponse:
        state = await _store_of(request).ask(rights.consent_of, sender)
        return json({"state": state.value})

    async def _decide(self, request: Request, sender: str) -> HTTPResponse:
        state = ConsentState(_body(request, _Decision).state)
        store = _store_of(request)
        lost = await store.ask(rights.decide, sender, state, time.time())
        return json({"state": state.value, "turns_without_text": lost})

    async def _erase(self, request: Request, sender: str) -> HTTPResponse:
        store = _store_of(request)
        # A message that is being answered would be saved after everything else is gone.
        async with request.app.ctx.agent.lock_store.lock(sender):
            rows = await store.forget(sender)
        if not any(rows.values()):
            raise _RefusedError(404, "conversation: nothing is stored under this id")
        return json({"erased": True, "rows": rows})

    async def _rate(self, request: Request) -> HTTPResponse:
        given = _body(request, _Feedback)
        for field in ("sender", "message_id"):
            if not getattr(given, field):
                raise _bad(field)
        if len(given.comment or "") > _LONGEST_COMMENT:
            raise _bad("comment")
        now = time.time()
        rating = rating_of(
            given.message_id, good=given.rating > 0, comment=given.comment, now=now
        )
        if not await _store_of(request).ask(rights.rate, given.sender, rating, now):
            raise _RefusedError(
                404, "message_id: this sender has no such turn; check both ids"
            )
        return json({"recorded": True})

    async def _model(self, request: Request) -> HTTPResponse:
        return json(_running(request))

    async def _swap(self, request: Request) -> HTTPResponse:
        given = _body(request, _Model)
        if self._swapping:
            raise _RefusedError(409, "model: another one is being loaded; ask again")
        agent: Agent = request.app.ctx.agent
        try:
            path = swapping.model_named(agent, given.file)
        except TrainingError as error:
            raise _RefusedError(404, str(error)) from None
        self._swapping = True
        try:
            await swapping.swap(agent, path, given.samples)
        finally:
            self._swapping = False
        logger.info("rasa_qa_plugin: now answering with %s", path.name)
        return json(_running(request))


def _running(request: Request) -> dict[str, str | None]:
    """Say which model answers."""
    processor = request.app.ctx.agent.processor
    if processor is None:
        return {"file": None, "model_id": None}
    return {
        "file": processor.model_filename,
        "model_id": processor.model_metadata.model_id,
    }


def _store_of(request: Request) -> QATrackerStore:
    """Give the store that the bot runs on, out of Rasa's wrapping."""
    agent: Agent | None = getattr(request.app.ctx, "agent", None)
    store = getattr(agent, "tracker_store", None)
    if isinstance(store, FailSafeTrackerStore):
        store = store._tracker_store  # noqa: SLF001 - Rasa offers no other way
    if not isinstance(store, QATrackerStore):
        raise _RefusedError(
            503,
            "tracker_store: not rasa_qa_plugin.QATrackerStore; name it in "
            "endpoints.yml and start Rasa with it",
        )
    return store


def _events_waiting(store: QATrackerStore) -> int:
    """Count what this process could not write yet; all its stores share a backlog."""
    return len(backlog_of(store.opened, Path()))


def _body(request: Request, kind: type[T]) -> T:
    """Read the JSON of a request; what is wrong is named by field, never quoted."""
    try:
        return msgspec.json.decode(request.body, type=kind)
    except msgspec.ValidationError as error:
        problem = str(error)
        for field in _FIELDS:
            if problem.endswith((f"`$.{field}`", f"required field `{field}`")):
                raise _bad(field) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    names = ", ".join(kind.__struct_fields__)  # type: ignore[attr-defined]
    raise _RefusedError(400, f"body: not the JSON expected; send an object of {names}")


def _bad(field: str) -> _RefusedError:
    return _RefusedError(400, f"{field}: missing or wrong; {_FIELDS[field]}")
