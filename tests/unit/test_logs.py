"""Log records: whoever writes them, no word and no sender id comes through."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from rasa_qa_plugin.privacy import logs
from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.events import EventMasker
from rasa_qa_plugin.settings import PrivacySettings

WHO = "593998765432"
PHONE = "0991234567"


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
