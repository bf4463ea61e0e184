"""Log records: whoever writes them, no word and no sender id comes through."""

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.privacy import logs
from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.events import EventMasker
from rasa_qa_plugin.settings import PrivacySettings

WHO = "593998765432"
PHONE = "0991234567"
# No cue tells that it is a name: only where it stands can keep it out of a log.
NAME = "wenceslao pumacahua"


def masker() -> logs.LogMasker:
    settings = PrivacySettings()
    events = EventMasker(PrivacyEngine(settings), settings)
    return logs.LogMasker(events.mask_text, lambda sender_id: f"qa_{len(sender_id)}")


@pytest.fixture
def installed() -> Iterator[logs.LogMasker]:
    factory, former = logging.getLogRecordFactory(), logs._installed
    logs._installed = None
    made = masker()
    logs.install(made)
    yield made
    logging.setLogRecordFactory(factory)
    logs._installed = former


@pytest.mark.parametrize(
    "message",
    [
        f"Issuing ticket for conversation '{WHO}'.",
        f"Recreating tracker from sender id '{WHO}'",
        f"Recreating tracker for id '{WHO}'",
        f"Starting a new session for conversation ID '{WHO}'.",
        f"GET http://127.0.0.1/conversations/{WHO}/tracker?token=x",
        f"something {WHO} nobody foresaw",
    ],
)
def test_sender_ids_become_pseudonyms(message: str) -> None:
    log = masker()
    log.learn_sender(WHO)

    shown = log.text(message)

    assert WHO not in shown
    assert "qa_12" in shown


def test_an_unknown_sender_is_masked_where_rasa_quotes_it() -> None:
    assert masker().text("Acquired lock for conversation 'ana@web'.") == (
        "Acquired lock for conversation 'qa_7'."
    )


@pytest.mark.parametrize(
    "message",
    [
        f"llamar al {PHONE}",
        f"these events: <rasa.SlotSet(key: who, value: Ana {PHONE})>",
        "events: SlotSet(key: customer, value: Ana María Paz)",
        "UserUttered(text: soy Ana María Paz)",
    ],
)
def test_words_and_slot_values_do_not_come_through(message: str) -> None:
    shown = masker().text(message)

    assert PHONE not in shown
    assert "María" not in shown


def test_a_detector_that_fails_withholds_the_message() -> None:
    def broken(_: str) -> str:
        raise RuntimeError(PHONE)

    assert logs.LogMasker(broken, str).text(f"tel {PHONE}") == logs.WITHHELD


def test_every_record_is_masked_for_every_handler(
    installed: logs.LogMasker, caplog: pytest.LogCaptureFixture
) -> None:
    installed.learn_sender(WHO)
    logger = logging.getLogger("somebody.else")

    with caplog.at_level(logging.DEBUG):
        logger.debug("user %s said %s", WHO, f"mi cel {PHONE}")
        logger.debug("wrong %d arguments", PHONE)

    assert caplog.messages == ["user qa_12 said mi cel [PHONE]", logs.WITHHELD]


def test_tracebacks_keep_their_frames_and_lose_their_messages(
    installed: logs.LogMasker, caplog: pytest.LogCaptureFixture
) -> None:
    assert installed
    try:
        try:
            raise KeyError(f"Ana {PHONE}")
        except KeyError as error:
            raise ValueError(f"request body: Ana {PHONE}") from error
    except ValueError:
        logging.getLogger("rasa").exception("it broke")

    assert "test_logs.py" in caplog.text
    assert f"KeyError: {logs.WITHHELD}" in caplog.text
    assert f"ValueError: {logs.WITHHELD}" in caplog.text
    assert "Ana" not in caplog.text.replace('raise KeyError(f"Ana', "").replace(
        "request body: Ana", ""
    )
    assert PHONE not in caplog.text


def test_a_printed_traceback_loses_its_messages_too() -> None:
    shown = masker().text(
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n'
        "    g()\nsdk.ApiError: body: Ana\nsecond line: Paz"
    )

    assert shown.splitlines()[1:] == [
        '  File "a.py", line 1, in f',
        "    g()",
        f"sdk.ApiError: {logs.WITHHELD}",
    ]


def test_structlog_keys_we_do_not_know_are_withheld() -> None:
    event = masker().event(
        None,
        "debug",
        {
            "event": "processor.message.parse",
            "parse_data_text": "soy Ana",
            "parse_data_intent": {"name": "greet", "confidence": 0.9},
            "parse_data_entities": [{"value": "Ana"}],
            "action_name": "utter_greet",
            "count": 3,
            "anything_new": "Ana",
        },
    )

    assert event == {
        "event": "processor.message.parse",
        "parse_data_text": logs.WITHHELD,
        "parse_data_intent": {"name": "greet", "confidence": 0.9},
        "parse_data_entities": logs.WITHHELD,
        "action_name": "utter_greet",
        "count": 3,
        "anything_new": logs.WITHHELD,
    }


def test_structlog_loggers_in_use_are_masked_as_well(
    installed: logs.LogMasker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert installed
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(),
        # Whatever level Rasa has set in this process.
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    try:
        logger = structlog.get_logger()
        logger.info("before")
        logs.install(masker())
        logger.info("after", user_text=f"Ana {PHONE}")
    finally:
        structlog.reset_defaults()

    shown = capsys.readouterr().out
    assert logs.WITHHELD in shown
    assert PHONE not in shown


def test_python_warnings_lose_what_they_quote(
    installed: logs.LogMasker,
) -> None:
    assert installed
    shown: list[object] = []
    show = logs._masking_warnings(lambda message, *_: shown.append(message))

    quoted = UserWarning(f"Failed to parse arguments in line '/llama a Ana {PHONE}'.")
    show(quoted, UserWarning, "a.py", 1)

    assert shown == [f"Failed to parse arguments in line  {logs.WITHHELD}"]


def test_a_later_masker_knows_the_senders_of_the_former(
    installed: logs.LogMasker,
) -> None:
    installed.learn_sender("maria-del-carmen")
    later = masker()
    logs.install(later)

    assert "maria" not in later.text("saw maria-del-carmen again")


def test_a_dump_too_long_to_scan_is_withheld() -> None:
    assert masker().text("x " * 5000) == logs.WITHHELD


@pytest.mark.parametrize(
    "message",
    [
        f"these events: SlotSet(key: tel, value: (212) 555 {NAME})",
        f"these events: SlotSet(key: note, value: one line\nand {NAME})",
        f"UserUttered(text: hola (soy yo) {NAME}, intent: greet)",
        f"AgentUttered(text: {NAME}, data: )",
        f"it is outdated (ReminderScheduled(intent: x, entities: [], name: {NAME})).",
        f'The request body is {{"tracker": {{"slots": {{"nombre": "{NAME}"}}}}}}.',
        f'Received NLG response: {{"text": "hola {NAME}"}}',
        f"Failed to send output message to callback. Status: 500 Response: {NAME}",
        f"called for multiple events. Parameters: {{'value': '{NAME}'}}",
        f"Contents of ignored event: '{{'value': '{NAME}'}}'",
        f"future: <Task finished coro=<f() done> exception=ValueError('{NAME}')>",
    ],
)
def test_what_rasa_prints_in_full_is_withheld_to_its_end(message: str) -> None:
    shown = masker().text(message)

    assert NAME not in shown
    assert logs.WITHHELD in shown


def test_a_websocket_s_session_is_a_sender_id() -> None:
    shown = masker().text("User 8f0abb12cc connected to socketIO endpoint.")

    assert shown == "User qa_10 connected to socketIO endpoint."


@pytest.mark.parametrize("quote", ["{}", "Exception when handling.{}", "{!r}", "<{}>"])
def test_a_message_that_quotes_an_error_is_withheld(
    installed: logs.LogMasker, caplog: pytest.LogCaptureFixture, quote: str
) -> None:
    assert installed
    logger = logging.getLogger("rasa.core.channels.telegram")

    with caplog.at_level(logging.DEBUG):
        try:
            try:
                raise LookupError(f"no customer\n{NAME}")
            except LookupError as error:
                raise ValueError("cannot answer") from error
        except ValueError as error:
            logger.error(quote.format(error.__cause__))  # noqa: TRY400 - as Rasa does
            logger.debug(error.__cause__)
            logger.debug("failed: %s", error.__cause__, exc_info=True)

    assert len(caplog.messages) == 3
    assert "pumacahua" not in caplog.text
    assert caplog.text.count(logs.WITHHELD) >= 3


def test_a_part_of_an_error_is_withheld_and_a_plain_rejection_is_not() -> None:
    log = masker()
    plain = "Custom action 'validate_form' rejected to run"

    def shown(message: str) -> str:
        try:
            raise ValueError(f'400, bad, body=\'{{"error": "{message}"}}\'')
        except ValueError:
            return log.text(message)

    assert shown(f"no customer {NAME}") == logs.WITHHELD
    assert shown(plain) == plain
    assert shown("") == ""


def test_errors_of_the_system_and_our_own_still_say_what_to_do() -> None:
    log = masker()
    for error in (
        FileNotFoundError(2, "No such file", "endpoints.yml"),
        ConfigError("endpoints.yml: db", "not set; name a file"),
    ):
        try:
            raise error
        except Exception as caught:  # noqa: BLE001
            shown = log.text(f"cannot start: {caught}")
        assert shown == f"cannot start: {error}"


def test_a_task_nobody_waited_for_keeps_its_error_to_itself(
    installed: logs.LogMasker, caplog: pytest.LogCaptureFixture
) -> None:
    assert installed

    async def fail() -> None:
        raise RuntimeError(NAME)

    async def main() -> None:
        task = asyncio.ensure_future(fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task

    asyncio.run(main())

    assert "never retrieved" in caplog.text
    assert NAME not in caplog.text


def test_a_printed_error_message_cannot_pass_as_frames() -> None:
    shown = masker().text(
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n'
        f"    g()\nsdk.ApiError: bad\n    {NAME}\n  File {NAME}\nPumacahua: x\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "b.py", line 2, in h\n'
        "    raise\nOSError: Paz"
    )

    assert shown.splitlines() == [
        "Traceback (most recent call last):",
        '  File "a.py", line 1, in f',
        "    g()",
        f"sdk.ApiError: {logs.WITHHELD}",
        "Traceback (most recent call last):",
        '  File "b.py", line 2, in h',
        "    raise",
        f"OSError: {logs.WITHHELD}",
    ]


def test_the_file_broker_s_lines_stay_the_json_they_are(
    installed: logs.LogMasker, caplog: pytest.LogCaptureFixture
) -> None:
    assert installed
    # A reference that looks like a number, and a body longer than a log message.
    body = json.dumps({"message_id": "0123456789012345", "text": "x" * 5000})

    with caplog.at_level(logging.INFO):
        logging.getLogger("event-logger").info(body)

    assert caplog.messages == [body]


def test_an_action_server_without_a_detector_withholds_the_same() -> None:
    log = logs.LogMasker(str, lambda _: "[SENDER]")
    try:
        raise ValueError(f"no customer {NAME}")
    except ValueError as error:
        broken = log.text(f"it broke: {error}")
    ignored = log.text(f"Contents of ignored event: '{NAME}'")

    assert broken == f"it broke: {logs.WITHHELD}"
    assert ignored == f"Contents of ignored event: {logs.WITHHELD}"
