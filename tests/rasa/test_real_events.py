"""Masked events are still Rasa events: its own classes read them back."""

from datetime import datetime, timezone
from typing import Any

import pytest
from rasa.shared.core import events as rasa_events
from rasa.shared.core.events import Event

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.events import EventMasker
from rasa_qa_plugin.privacy.tokens import TokenMap
from rasa_qa_plugin.settings import PrivacySettings

PHONE = "0991234567"
NOW = datetime(2026, 11, 20, tzinfo=timezone.utc)
EMAIL = "ana@casa.example"


def samples() -> list[Event]:
    entity = {"entity": "phone", "start": 11, "end": 21, "value": PHONE}
    return [
        rasa_events.UserUttered(
            f"mi cel es  {PHONE}",
            {"name": "inform", "confidence": 0.9},
            [entity],
            {"text": f"mi cel es  {PHONE}", "intent": {"name": "inform"},
             "entities": [entity], "metadata": {"from": PHONE}},
            input_channel="rest", message_id="m1", metadata={"from": PHONE},
        ),
        rasa_events.UserUttered(f'/inform{{"phone": "{PHONE}"}}'),
        rasa_events.BotUttered(
            f"¿Es {PHONE}?",
            {"buttons": [{"title": f"Sí, {PHONE}", "payload": f'/ok{{"p":"{PHONE}"}}'}],
             "custom": {"mail": EMAIL}, "attachment": EMAIL},
            metadata={"note": EMAIL},
        ),
        rasa_events.SlotSet("contact_phone", PHONE),
        rasa_events.SlotSet("answers", {"a": [f"cel {PHONE}", EMAIL]}),
        rasa_events.EntitiesAdded([entity]),
        rasa_events.ReminderScheduled("ask", NOW, [entity], f"call {PHONE}"),
        rasa_events.SessionStarted(metadata={"from": PHONE}),
        rasa_events.ActionExecuted("action_x", action_text=f"cel {PHONE}"),
        rasa_events.AgentUttered(f"llame al {PHONE}", {"mail": EMAIL}),
        rasa_events.ActiveLoop("contact_form"),
        rasa_events.DefinePrevUserUtteredFeaturization(use_text_for_featurization=False),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def masker() -> EventMasker:
    settings = PrivacySettings()
    return EventMasker(PrivacyEngine(settings), settings)


@pytest.mark.parametrize("form", ["masked", "withheld"])
def test_rasa_reads_what_we_keep_and_nothing_raw_is_in_it(
    masker: EventMasker, form: str
) -> None:
    raw = [event.as_dict() for event in samples()]
    kept: list[dict[str, Any]] = (
        masker.mask_all(raw, TokenMap())
        if form == "masked"
        else [masker.withhold(event) for event in raw]
    )

    assert masker.failures == 0
    assert str(raw).count(PHONE) > 10
    for event in kept:
        assert PHONE not in str(event)
        assert EMAIL not in str(event)
        read = Event.from_parameters(event)
        assert read is not None
        assert read.type_name == event["event"]


def test_offsets_point_at_the_token(masker: EventMasker) -> None:
    (kept,) = masker.mask_all([samples()[0].as_dict()], TokenMap())

    (entity,) = kept["parse_data"]["entities"]
    assert kept["text"][entity["start"] : entity["end"]] == "[PHONE]" == entity["value"]
