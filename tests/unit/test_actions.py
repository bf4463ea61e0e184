"""The ready-made actions, on rasa_sdk's own tracker and dispatcher."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

import rasa_qa_plugin
from rasa_qa_plugin import actions
from rasa_qa_plugin.actions.feedback import message_ref
from rasa_qa_plugin.settings import read_yaml

PACKAGE = Path(rasa_qa_plugin.__file__).parent
DOMAIN = read_yaml(PACKAGE / "bot_files" / "domain.yml")


def user(text: str, intent: str = "greet", message_id: str = "m1") -> dict[str, Any]:
    return {
        "event": "user",
        "text": text,
        "message_id": message_id,
        "parse_data": {"intent": {"name": intent}},
    }


def bot(response: str) -> dict[str, Any]:
    return {"event": "bot", "text": "…", "metadata": {"utter_action": response}}


def run(
    action: Action,
    *events: dict[str, Any],
    slots: dict[str, Any] | None = None,
    entities: list[dict[str, Any]] | None = None,
    domain: dict[str, Any] = DOMAIN,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run an action after these events; give slots set and messages uttered."""
    latest = {
        "text": events[-1]["text"],
        "intent": events[-1]["parse_data"]["intent"],
        "entities": entities or [],
    }
    tracker = Tracker(
        "someone", slots or {}, latest, list(events), False, None, {}, "action_listen"
    )
    dispatcher = CollectingDispatcher()
    returned = asyncio.run(action.run(dispatcher, tracker, domain))
    return {event["name"]: event["value"] for event in returned}, dispatcher.messages


def test_consent_is_asked_once_and_in_the_users_language() -> None:
    ask = actions.ActionAskConsent()

    slots, (asked,) = run(ask, user("hello, how are you?"))

    assert asked["response"] == "utter_qa_ask_consent_en"
    assert slots == {"qa_consent_asked": True}
    assert run(ask, user("hola"), slots=slots) == ({}, [])
    assert run(ask, user("hola"), slots={"qa_consent": "denied"}) == ({}, [])
    assert run(ask, user("hola"))[1][0]["response"] == "utter_qa_ask_consent_es"


@pytest.mark.parametrize(
    ("text", "asked", "granted"),
    [
        ("/qa_consent_grant", False, True),
        ("sí, pueden guardarlo", True, True),
        ("sí, pueden guardarlo", False, False),
        ("¿puedo negarme a que guarden el chat?", True, False),
        ("no les autorizo a guardar nada", True, False),
        ("i don't agree", True, False),
    ],
)
def test_only_a_plain_yes_is_a_yes(text: str, *, asked: bool, granted: bool) -> None:
    before = bot("utter_qa_ask_consent_es" if asked else "utter_greet")
    said = user(text, "qa_consent_grant")

    slots, (answer,) = run(actions.ActionGrantConsent(), user("hola"), before, said)

    assert slots.get("qa_consent") == ("granted" if granted else None)
    wanted = "utter_qa_consent_granted" if granted else "utter_qa_ask_consent"
    assert answer["response"].startswith(wanted)


def test_feedback_buttons_name_the_turn_they_judge() -> None:
    _, (asked,) = run(
        actions.ActionAskFeedback(),
        user("precio?", "price", "m7"),
        bot("utter_price"),
        user("/qa_consent_grant", "qa_consent_grant", "m8"),
    )

    assert [button["title"] for button in asked["buttons"]] == ["👍", "👎"]
    assert all(message_ref("m7") in button["payload"] for button in asked["buttons"])


def test_a_rating_keeps_the_turn_of_its_button_and_a_comment_joins_it() -> None:
    slots, _ = run(
        actions.ActionRecordFeedback(),
        user("precio?", "price"),
        user("/qa_feedback_negative", "qa_feedback_negative", "m9"),
        entities=[{"entity": "qa_turn", "value": "abc"}],
    )
    assert slots == {"qa_feedback": {"turn": "abc", "rating": "down"}}

    slots, _ = run(
        actions.ActionRecordComment(),
        user("muy caro", "deny"),
        slots={**slots, "qa_comment": "muy caro"},
    )
    comment = {"turn": "abc", "rating": "down", "comment": "muy caro"}
    assert slots == {"qa_feedback": comment, "qa_comment": None}


def test_a_rating_in_words_judges_the_last_message_that_was_not_ours() -> None:
    slots, _ = run(
        actions.ActionRecordFeedback(),
        user("precio?", "price", "m7"),
        user("no me sirvió", "qa_feedback_negative", "m8"),
    )

    assert slots["qa_feedback"]["turn"] == message_ref("m7")


def test_a_misread_turn_is_the_one_that_is_judged() -> None:
    slots, _ = run(
        actions.ActionRecordFeedback(),
        user("hola", "greet", "m1"),
        user("what is the weather", "qa_consent_info", "m2"),
        user("wrong answer", "qa_feedback_negative", "m3"),
    )

    assert slots["qa_feedback"]["turn"] == message_ref("m2")


def test_only_the_button_forgets() -> None:
    forget = actions.ActionForget()

    slots, (asked,) = run(forget, user("sí, borra todo", "qa_forget_confirm"))

    assert slots == {}
    assert asked["response"] == "utter_qa_ask_forget_es"
    assert run(forget, user("/qa_forget_confirm"))[0] == {"qa_forget": True}


def test_a_bot_with_one_language_is_answered_in_it() -> None:
    only = {"responses": {"utter_qa_ask_consent_es": []}}

    _, (asked,) = run(actions.ActionAskConsent(), user("hello, please"), domain=only)

    assert asked["response"] == "utter_qa_ask_consent_es"


def test_every_response_that_actions_use_exists_in_both_languages() -> None:
    source = "".join(
        path.read_text("utf-8") for path in (PACKAGE / "actions").glob("*.py")
    )
    used = {part for part in source.split('"') if part.startswith("utter_qa_")}

    assert len(used) >= 12
    for name in used:
        for language in ("es", "en"):
            assert f"{name}_{language}" in DOMAIN["responses"], name


CASE = {"case": message_ref("m1"), "reason": "keyword", "tags": [], "pause": False}


@pytest.mark.parametrize(
    ("case", "said", "returned"),
    [
        (CASE, "utter_qa_escalated", ["undo"]),
        ({**CASE, "reason": "asked"}, "utter_qa_escalated", []),
        ({**CASE, "pause": True}, "utter_qa_paused_for_people", ["pause"]),
        ({**CASE, "case": "0123456789abcdef"}, "utter_qa_already_escalated", []),
        (None, "utter_qa_escalated", ["slot"]),
    ],
)
def test_handing_over_says_what_happens_and_what_the_bot_does(
    case: dict[str, Any] | None, said: str, returned: list[str]
) -> None:
    words = user("i need help, this is urgent")
    for message, language in ((words, "en"), (user("ayuda, es urgente"), "es")):
        tracker = Tracker(
            "someone", {"qa_escalation": case}, message, [message], False, None, {}, ""
        )
        dispatcher = CollectingDispatcher()
        events = asyncio.run(actions.ActionEscalate().run(dispatcher, tracker, DOMAIN))

        (told,) = dispatcher.messages
        assert told["response"] == f"{said}_{language}"
        assert [event["event"] for event in events] == returned
        if returned == ["slot"]:
            assert events[0]["value"] == {**CASE, "reason": "asked"}


def test_a_form_of_ours_ends_where_people_take_over() -> None:
    loop = {"name": "qa_comment_form"}
    tracker = Tracker(
        "someone", {}, {}, [user("a person, please")], False, None, loop, ""
    )
    events = asyncio.run(
        actions.ActionEscalate().run(CollectingDispatcher(), tracker, DOMAIN)
    )

    assert [event["event"] for event in events] == ["slot", "active_loop", "slot"]
    assert (events[1]["name"], events[2]["name"]) == (None, "requested_slot")
