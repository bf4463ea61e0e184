"""Masking of log records, whoever writes them: Rasa logs texts, slots and sender ids.

Rasa's own scrubbing hook covers a fixed list of structlog keys and costs one more read
of the conversation per message. Here every record of the process is masked when it is
made, before any handler sees it; values under structlog keys we do not know are left
out altogether.
"""

import logging
import re
import sys
import threading
import traceback
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any

from rasa_qa_plugin.errors import RasaQAError

WITHHELD = "[WITHHELD]"

# Keys whose strings Rasa fills with names of its own parts.
_SAFE_KEYS = frozenset(
    {
        "action_extract_slot",
        "action_name",
        "event",
        "event_info",
        "event_key",
        "exception",
        "level",
        "logger",
        "policy_name",
        "timestamp",
    }
)
_QUOTED_ID = re.compile(
    r"(?P<cue>\b(?:conversation|sender|tracker|session|user)s?"
    r"(?:[ _]+(?:id|with id|for id|from sender id|matching sender id))?:?\s+)"
    r"'(?P<id>[^']*)'",
    re.IGNORECASE,
)
_ID_AFTER_ID = re.compile(r"(?P<cue>\bid:?\s+)'(?P<id>[^']*)'", re.IGNORECASE)
_PATH_ID = re.compile(r"(?P<cue>/(?:conversations|consent)/)(?P<id>[^/\s?\"']+)")
# A websocket's session, which is the sender id unless the page brings its own.
_SOCKET_ID = re.compile(r"(?P<cue>\bUser )(?P<id>\S+)(?= (?:dis)?connected\b)")
# After these words Rasa, its SDK and asyncio print what they were given, to the end.
_FROM_HERE_ON = re.compile(
    r"(?P<cue>\bSlotSet\(key: [^,]{0,255}, value: "
    r"|\b(?:UserUttered|BotUttered|AgentUttered|Entities|EntitiesAdded"
    r"|ReminderScheduled|ReminderCancelled)\("
    r"|\b(?:request body is|NLG response:|Response:|Parameters:|Request JSON:"
    r"|ignored event:) "
    r"|\bexception=\w+\().+",
    re.DOTALL,
)
# What an action that declines is made to say when its author says nothing.
_REJECTION = re.compile(r"Custom action '[^']*' rejected (?:to run|execution)\.?")
# Rasa's file broker writes through a logger; what gets there is masked already.
_BROKER_LOGGER = "event-logger"
_TRACEBACK = "Traceback (most recent call last)"
_RECENT_SENDERS = 2000
_SHORTEST_SENDER = 4
_LONGEST_MESSAGE = 4000
# Rasa's warnings quote what they could not parse.
_QUOTE = re.compile(r"[\"'{\[:].*", re.DOTALL)
_SHORTEST_QUOTATION = 3
_LONGEST_CHAIN = 10


class LogMasker:
    """Masks log messages, structlog events and tracebacks of this process."""

    def __init__(
        self, mask: Callable[[str], str], pseudonym: Callable[[str], str]
    ) -> None:
        """Mask with *mask*, which may raise; name people with *pseudonym*."""
        self._mask = mask
        self._pseudonym = pseudonym
        self._senders: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()
        self._busy = threading.local()

    def adopt(self, former: "LogMasker") -> None:
        """Know the senders that *former* knew."""
        with self._lock:
            self._senders.update(former._senders)  # noqa: SLF001 - our own class

    def warning(self, message: str) -> str:
        """Mask a Python warning: nothing from its first quotation on."""
        return self.text(_QUOTE.sub(f" {WITHHELD}", message))

    def learn_sender(self, sender_id: str) -> None:
        """Remember a sender id, to replace it wherever it appears."""
        if len(sender_id) < _SHORTEST_SENDER:
            return
        with self._lock:
            self._senders[sender_id] = self._pseudonym(sender_id)
            self._senders.move_to_end(sender_id)
            while len(self._senders) > _RECENT_SENDERS:
                self._senders.popitem(last=False)

    def text(self, message: str, *, errors: Iterable[Any] = ()) -> str:
        """Mask one message; whatever goes wrong, nothing raw comes back.

        What the error being handled says, or any of *errors*, is withheld: programs
        raise errors with the values that upset them.
        """
        if getattr(self._busy, "now", False):
            return WITHHELD  # the detector itself is logging
        if len(message) > _LONGEST_MESSAGE:
            # Dumps of whole conversations; scanning them would hold up the bot.
            return WITHHELD
        self._busy.now = True
        try:
            message = _without_quotations(message, (sys.exc_info()[1], *errors))
            if _TRACEBACK in message:
                message = "\n".join(_without_messages(message))
            message = _FROM_HERE_ON.sub(rf"\g<cue>{WITHHELD}", message)
            for pattern in (_QUOTED_ID, _ID_AFTER_ID, _PATH_ID, _SOCKET_ID):
                message = pattern.sub(self._named, message)
            return self._mask(self._without_senders(message))
        except Exception:  # noqa: BLE001 - fail closed, and a log call must not raise
            return WITHHELD
        finally:
            self._busy.now = False

    def _named(self, match: re.Match[str]) -> str:
        found = match.group("id")
        name = found if found.startswith("qa_") else self._pseudonym(found)
        shown = match.group(0)
        return shown.replace(found, name) if found else shown

    def _without_senders(self, message: str) -> str:
        with self._lock:
            known = [item for item in self._senders.items() if item[0] in message]
        for sender_id, name in sorted(known, key=lambda item: -len(item[0])):
            # A pseudonym holds no backslash, so it is a safe replacement.
            message = re.sub(rf"(?<!\w){re.escape(sender_id)}(?!\w)", name, message)
        return message

    def event(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Mask a structlog event; meant to be the first processor."""
        for key, value in list(event.items()):
            if key == "exc_info":
                event[key] = False
                shown = _exception_text(value)
                if shown:
                    event["exception"] = shown
            elif isinstance(value, str):
                event[key] = self.text(value) if key in _SAFE_KEYS else WITHHELD
            elif not isinstance(value, (bool, int, float, type(None))):
                event[key] = _intent_only(value) if "intent" in key else WITHHELD
        return event

    def record(self, record: logging.LogRecord) -> logging.LogRecord:
        """Mask a record in place and give it back."""
        if record.name == _BROKER_LOGGER:
            return record
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - wrong arguments; logging would print them
            message = WITHHELD
        record.msg = self.text(message, errors=_errors_of(record))
        record.args = ()
        if record.exc_info:
            record.exc_text = _exception_text(record.exc_info)
            record.exc_info = None
        return record


class _AccessFilter(logging.Filter):
    """Masks what Sanic adds to access records after they are made."""

    def filter(self, record: logging.LogRecord) -> bool:
        masker = _installed
        request = getattr(record, "request", None)
        if masker is not None and isinstance(request, str):
            record.request = masker.text(request)
        return True


_installed: LogMasker | None = None
_access_filter = _AccessFilter()


def install(masker: LogMasker) -> None:
    """Mask all log records of this process from now on; a later masker takes over."""
    global _installed
    former, _installed = _installed, masker
    if former is not None:
        masker.adopt(former)
    else:
        warnings.showwarning = _masking_warnings(warnings.showwarning)
        logging.setLogRecordFactory(_masking(logging.getLogRecordFactory()))
        logging.getLogger("sanic.access").addFilter(_access_filter)
    _install_structlog()


def _masking(
    make: Callable[..., logging.LogRecord],
) -> Callable[..., logging.LogRecord]:
    def masked(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        return record if _installed is None else _installed.record(record)

    return masked


def _masking_warnings(show: Callable[..., None]) -> Callable[..., None]:
    def masked(message: Warning | str, category: type[Warning], *rest: Any) -> None:
        if _installed is not None:
            message = _installed.warning(str(message))
        show(message, category, *rest)

    return masked


def install_without_detector() -> None:
    """Do in an action server what needs neither detector nor key.

    Error messages are withheld there, for an action that crashes may name what it was
    given. Does nothing where a tracker store masks the logs already.
    """
    if _installed is None:
        install(LogMasker(str, lambda _: "[SENDER]"))


def _install_structlog() -> None:
    # Rasa has imported it by now; an action server has no use for it.
    structlog = sys.modules.get("structlog")
    if structlog is None:
        return
    processors = structlog.get_config()["processors"]
    # Loggers in use hold this very list, so it is changed in place.
    if _structlog_event not in processors:
        processors.insert(0, _structlog_event)


def _structlog_event(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return event if _installed is None else _installed.event(logger, method, event)


def _intent_only(value: Any) -> Any:
    if isinstance(value, dict) and set(value) <= {"name", "confidence"}:
        return value
    return WITHHELD


def _exception_text(exc_info: Any) -> str | None:
    """Format a traceback with the types of its errors and without their messages.

    An action that crashes makes Rasa raise an error whose text is the whole request:
    every slot and every message of the conversation.
    """
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    if not isinstance(exc_info, tuple) or exc_info[1] is None:
        return None
    return "\n".join(_frames(exc_info[1])).rstrip()


def _errors_of(record: logging.LogRecord) -> Iterator[Any]:
    """Give what in a record may be an error; asyncio logs those of others."""
    yield record.msg
    arguments = record.args
    yield from arguments.values() if isinstance(arguments, dict) else arguments or ()
    if isinstance(record.exc_info, tuple):
        yield record.exc_info[1]


def _without_quotations(message: str, errors: Iterable[Any]) -> str:
    """Withhold what the errors, and those behind them, say of themselves."""
    for error in errors:
        steps = 0
        while isinstance(error, BaseException) and steps < _LONGEST_CHAIN:
            # The system's own errors name files and addresses, ours hold no values.
            if not isinstance(error, (OSError, RasaQAError)):
                message = _without_words(message, error)
            error = error.__cause__ or error.__context__  # noqa: PLW2901
            steps += 1
    return message


def _without_words(message: str, error: BaseException) -> str:
    said = {str(error)}
    for argument in error.args:
        if isinstance(argument, str):
            said |= {argument, repr(argument)[1:-1]}
    for words in sorted(said, key=len, reverse=True):
        if min(len(words), len(message)) < _SHORTEST_QUOTATION:
            continue
        message = message.replace(words, WITHHELD)
        if message in words and not _REJECTION.fullmatch(message):
            return WITHHELD  # a part of the error: the answer inside a request's error
    return message


def _frames(error: BaseException) -> Iterator[str]:
    inner = error.__cause__ or (
        None if error.__suppress_context__ else error.__context__
    )
    if inner is not None:
        yield from _frames(inner)
    yield f"{_TRACEBACK}:"
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip()
    yield f"{type(error).__name__}: {WITHHELD}"


def _without_messages(text: str) -> Iterator[str]:
    """Keep the frames of a printed traceback, withhold its error messages.

    A message may look like frames or like another error, so after the name of an error
    nothing comes through until the next traceback begins.
    """
    state = "before"
    for line in text.splitlines():
        if _TRACEBACK in line:
            state = "frames"
            yield line[: line.index(_TRACEBACK)] + _TRACEBACK + ":"
        elif state == "before" or (
            state == "frames" and line.startswith(("  File ", "    "))
        ):
            yield line
        elif state == "frames":
            state = "message"
            match = re.match(r"[\w.]+(?=:|$)", line)
            yield f"{match.group() if match else 'Error'}: {WITHHELD}"
