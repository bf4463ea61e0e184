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


def user(
    text: str,
    intent: str = "greet",
    message_id: str = "m1",
    *,
    understood: bool = False,
) -> dict[str, Any]:
    """Make a message; *understood* by ConfidenceLogger as one of our intents."""
    noted = {"qa": {"understood": True}} if understood else {}
    return {
        "event": "user",
        "text": text,
        "message_id": message_id,
        "parse_data": {"intent": {"name": intent}, **noted},
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
        **events[-1]["parse_data"],
        "entities": entities or [],
    }
    tracker = Tracker(
        "someone", slots or {}, latest, list(events), False, None, {}, "action_listen"
    )
    dispatcher = CollectingDispatcher()
    returned = asyncio.run(action.run(dispatcher, tracker, domain))
    slots_set = {e["name"]: e["value"] for e in returned if e["event"] == "slot"}
    return slots_set, dispatcher.messages


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
        user("no me sirvió", "qa_feedback_negative", "m8", understood=True),
    )

    assert slots["qa_feedback"]["turn"] == message_ref("m7")


def test_a_misread_turn_is_the_one_that_is_judged() -> None:
    slots, _ = run(
        actions.ActionRecordFeedback(),
        user("hola", "greet", "m1"),
        user("what is the weather", "qa_consent_info", "m2"),
        user("wrong answer", "qa_feedback_negative", "m3", understood=True),
    )

    assert slots["qa_feedback"]["turn"] == message_ref("m2")


def asked(turn: str | None = None) -> dict[str, Any]:
    payload = f'/qa_feedback_positive{{"qa_turn": "{turn}"}}'
    buttons = [{"title": "👍", "payload": payload}] if turn else None
    return {**bot("utter_qa_ask_feedback_es"), "data": {"buttons": buttons}}


@pytest.mark.parametrize("turn", ["00000000000000a7", None])
@pytest.mark.parametrize(
    ("text", "rating"), [("👎", "down"), ("2", "down"), ("5", "up"), ("👍🏿", "up")]
)
def test_a_sign_right_after_our_question_rates_the_turn_asked_about(
    text: str, rating: str, turn: str | None
) -> None:
    slots, _ = run(
        actions.ActionRecordFeedback(),
        user("precio?", "price", "m7"),
        bot("utter_price"),
        asked(turn),
        user(text, "price", "m8"),
    )

    assert slots["qa_feedback"] == {
        "turn": turn or message_ref("m7"),
        "rating": rating,
    }


def test_a_complaint_at_any_time_marks_the_turn_before_our_own_questions() -> None:
    slots, _ = run(
        actions.ActionRecordFeedback(),
        user("precio del pulpo?", "price", "m7"),
        bot("utter_price"),
        asked("00000000000000a7"),
        user("/qa_consent_info", "qa_consent_info", "m8"),
        bot("utter_qa_consent_info_es"),
        user(
            "eso no es lo que pregunté", "qa_feedback_negative", "m9", understood=True
        ),
    )

    assert slots["qa_feedback"] == {
        "turn": message_ref("m7"),
        "rating": "down",
        "reported": True,
    }


@pytest.mark.parametrize(
    ("action", "text", "intent", "answer"),
    [
        (
            actions.ActionWithdrawConsent(),
            "I changed my mind, make it tuna",
            "qa_consent_withdraw",
            "utter_qa_ask_consent_en",
        ),
        (
            actions.ActionDenyConsent(),
            "no quiero recibir publicidad",
            "qa_consent_deny",
            "utter_qa_ask_consent_es",
        ),
        (
            actions.ActionRecordFeedback(),
            "the invoice is wrong",
            "qa_feedback_negative",
            "utter_qa_ask_feedback_en",
        ),
    ],
)
def test_words_about_other_things_are_asked_back(
    action: Action, text: str, intent: str, answer: str
) -> None:
    slots, (said,) = run(action, user("hola"), user(text, intent))

    assert said["response"] == answer
    assert not {"qa_consent", "qa_feedback"} & set(slots)


@pytest.mark.parametrize("text", ["no quiero que guarden esto", "/qa_consent_deny"])
def test_a_no_counts_at_once(text: str) -> None:
    slots, _ = run(
        actions.ActionDenyConsent(), user(text, "qa_consent_deny", understood=True)
    )

    assert slots["qa_consent"] == "denied"


def test_a_short_no_counts_right_after_our_question() -> None:
    slots, _ = run(
        actions.ActionDenyConsent(),
        user("hola"),
        bot("utter_qa_ask_consent_es"),
        user("mejor no", "qa_consent_deny"),
    )

    assert slots["qa_consent"] == "denied"


@pytest.mark.parametrize(
    ("channel", "metadata", "buttons"),
    [
        ("rest", {}, True),
        ("twilio", {}, False),
        ("rest", {"qa_buttons": False}, False),
        ("twilio", {"qa_buttons": True}, True),
    ],
)
def test_channel_or_metadata_decide_about_buttons(
    channel: str, metadata: dict[str, Any], *, buttons: bool
) -> None:
    said = {**user("precio?"), "input_channel": channel, "metadata": metadata}

    _, (feedback,) = run(actions.ActionAskFeedback(), said)
    _, (consent,) = run(actions.ActionAskConsent(), said)

    assert bool(feedback.get("buttons")) == buttons
    assert ("_text_" in feedback["response"]) != buttons
    assert ("_text_" in consent["response"]) != buttons


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


def inserted(action: Action, *events: dict[str, Any], **known: Any) -> list[Any]:
    """Run an action that QAPolicy inserts; give the events it returns, as pairs."""
    latest = {"text": events[-1]["text"], **events[-1]["parse_data"]}
    tracker = Tracker(
        "x", known.get("slots", {}), latest, list(events), False, None, {}, "x"
    )
    domain = known.get("domain", DOMAIN)
    returned = asyncio.run(action.run(CollectingDispatcher(), tracker, domain))
    return [(event["event"], event.get("value")) for event in returned]


@pytest.mark.parametrize(
    "action",
    [
        actions.ActionInsertConsent(),
        actions.ActionInsertFeedback(),
        actions.ActionInsertStars(),
    ],
)
def test_what_is_inserted_takes_itself_back_before_anything_else(
    action: Action,
) -> None:
    returned = inserted(action, user("hola"), slots={"qa_consent": "denied"})

    assert returned[0] == ("undo", None)


def test_did_you_mean_offers_titles_in_the_users_language() -> None:
    offered = [{"intent": "price", "es": "Un precio"}, {"intent": "ask_freight"}]
    slots = {"qa_did_you_mean": offered}
    said = user("what is the freight please", message_id="m7")
    payload = f'{{"qa_turn": "{message_ref("m7")}"}}'

    _, (asked,) = run(actions.ActionDidYouMean(), said, slots=slots)

    assert asked["response"] == "utter_qa_did_you_mean_en"
    assert [(one["title"], one["payload"]) for one in asked["buttons"]] == [
        ("Un precio", f"/price{payload}"),
        ("Ask freight", f"/ask_freight{payload}"),
        ("None of these", f"/nlu_fallback{payload}"),
    ]
    kinds = [kind for kind, _ in inserted(actions.ActionDidYouMean(), said)]
    assert kinds == ["rewind", "followup"]
    assert run(actions.ActionDidYouMean(), said)[1][0]["response"].startswith(
        "utter_qa_rephrase"
    )


def test_a_click_fills_slots_as_if_the_message_had_been_understood() -> None:
    def mapping(**keys: Any) -> dict[str, Any]:
        return {"type": "text", "mappings": [{"type": "from_entity", **keys}]}

    domain = {
        "slots": {
            "product": mapping(entity="product"),
            "last": mapping(entity="size"),
            "sizes": {**mapping(entity="size"), "type": "list"},
            "port": mapping(entity="port", role="to"),
            "home": mapping(entity="port", role="from"),
            "wanted": mapping(entity="product", intent=["price"]),
            "unwanted": mapping(entity="product", not_intent="price"),
            "in_form": mapping(entity="product", conditions=[{"active_loop": "f"}]),
            "text": {"type": "text", "mappings": [{"type": "from_text"}]},
        }
    }
    said = user("atún 16/20 21/25 a Houston", message_id="m7")
    said["parse_data"]["entities"] = [
        {"entity": "product", "value": "atún"},
        {"entity": "size", "value": "16/20"},
        {"entity": "size", "value": "21/25"},
        {"entity": "port", "role": "to", "value": "Houston"},
    ]
    turn = message_ref("m7")
    payload = f'/price{{"qa_turn": "{turn}"}}'
    shown = {"event": "bot", "data": {"buttons": [{"payload": payload}]}}
    click = user(payload, "price", "m8")
    click["parse_data"]["entities"] = [{"entity": "qa_turn", "value": turn}]

    def click_on(*events: dict[str, Any]) -> list[Any]:
        return inserted(actions.ActionMeant(), *events, domain=domain)

    assert click_on(said, shown, click) == [
        ("undo", None),
        ("slot", "atún"),
        ("slot", "21/25"),
        ("slot", ["16/20", "21/25"]),
        ("slot", "Houston"),
        ("slot", "atún"),
        ("slot", {"turn": turn, "intent": "price"}),
    ]
    assert click_on(said, click) == [("undo", None)]  # never shown
    assert click_on(shown, click) == [("undo", None)]  # about a message unheard of


@pytest.mark.parametrize(
    ("text", "stars"),
    [
        ('/qa_stars{"qa_stars": "4"}', 4),
        ("le doy cuatro estrellas", 4),
        ("5", 5),
        ("three stars, not bad", 3),
        ("4/5", 4),
        ("⭐⭐⭐", 3),
        ("🌟", 1),
        ("⭐⭐⭐⭐⭐⭐⭐", None),
        ("muchas", None),
        ("entre 3 y 4", None),
    ],
)
def test_stars_are_counted_from_buttons_and_words(text: str, stars: int | None) -> None:
    given = [{"entity": "qa_stars", "value": "4"}] if text.startswith("/") else []

    slots, (answer,) = run(
        actions.ActionRecordStars(),
        user("precio?", "price", "m7"),
        user(text, "qa_stars", "m8"),
        entities=given,
    )

    if stars is None:
        assert slots == {}
        assert len(answer["buttons"]) == 5
    else:
        assert slots == {"qa_feedback": {"turn": message_ref("m7"), "stars": stars}}
        assert answer["response"].startswith("utter_qa_stars_thanks")


def test_after_did_you_mean_the_unclear_message_is_the_one_that_is_judged() -> None:
    click = user('/price{"qa_turn": "f1"}', "price", "m8")
    click["parse_data"]["entities"] = [{"entity": "qa_turn", "value": "f1"}]

    _, (asked,) = run(actions.ActionAskFeedback(), user("precio", "price"), click)

    assert all('"f1"' in button["payload"] for button in asked["buttons"])
