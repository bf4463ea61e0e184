"""When the plugin may speak up: rules on turns, without a bot."""

from typing import Any

import pytest

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.policy.moments import (
    AskingSettings,
    Disambiguation,
    FeedbackMoments,
    Turn,
    close_intents,
    next_action,
    offer,
)
from rasa_qa_plugin.policy.turn_ends import TurnEnds, learn
from rasa_qa_plugin.settings import read_as

ENDS = TurnEnds(actions={"utter_greet": False, "utter_price": True, "utter_bye": True})
SETTINGS = AskingSettings(
    ask_feedback=FeedbackMoments(
        after=("utter_price",), every=3, at_end=("utter_bye",)
    ),
    disambiguate=Disambiguation(margin=0.1),
)


def parsed(intent: str = "price", **ranking: float) -> dict[str, Any]:
    return {
        "intent": {"name": intent, "confidence": ranking.get(intent, 1.0)},
        "intent_ranking": [
            {"name": name, "confidence": confidence}
            for name, confidence in ranking.items()
        ],
    }


def turn(*actions: str, text: str = "precio", **fields: Any) -> Turn:
    known = {"parse_data": parsed(), "ran": actions, "actions": actions}
    return Turn(text=text, **{**known, **fields})


def asked(*actions: str, **fields: Any) -> str | None:
    return next_action(turn(*actions, **fields), SETTINGS, ENDS)


def test_an_answer_is_over_where_every_story_then_waits() -> None:
    def said(intent: str, *actions: str) -> list[tuple[str | None, str | None]]:
        return [(intent, None), *((None, action) for action in actions)]

    ends = learn(
        [
            said("greet", "utter_hi", "utter_help", "action_listen"),
            said("help", "utter_help", "utter_more", "action_listen"),
            said("price", "utter_hi", "utter_price", "..."),
            [
                (None, "..."),
                (None, "action_listen"),
                *said("bye", "utter_bye"),
                (None, "action_listen"),
            ],
        ]
    )

    assert ends.is_over("greet", ["utter_hi", "utter_help"])
    assert not ends.is_over("greet", ["utter_hi"])
    assert not ends.is_over("help", ["utter_help"])
    assert ends.is_over("other", ["utter_more"])  # known by the action alone
    assert not ends.is_over("other", ["utter_help"])  # stories say both
    assert not ends.is_over("price", ["utter_hi", "utter_price"])
    assert ends.is_over("bye", ["utter_bye"])
    assert not ends.is_over("bye", ["utter_unheard_of"])
    assert not ends.is_over("bye", [])
    assert not ends.handles_fallback


def test_waiting_in_a_form_ends_no_answer() -> None:
    ends = learn(
        [
            [("order", None), (None, "order_form"), (None, "active_loop")],
            [(None, "order_form"), (None, "utter_done"), (None, "action_listen")],
        ]
    )

    assert not ends.is_over("order", ["order_form"])
    assert ends.is_over("order", ["order_form", "utter_done"])


def test_what_stories_say_about_fallback_is_known_unless_it_is_in_two_stages() -> None:
    def first(action: str) -> TurnEnds:
        return learn([[("nlu_fallback", None), (None, action)]])

    assert first("utter_default").handles_fallback
    assert not first("action_two_stage_fallback").handles_fallback
    assert not first("action_listen").handles_fallback


def test_consent_comes_after_the_whole_answer_and_before_feedback() -> None:
    assert asked("utter_greet", must_ask_consent=True) is None
    answered = ("utter_greet", "utter_price")
    assert asked(*answered, must_ask_consent=True) == "action_qa_insert_consent"
    assert asked(*answered) == "action_qa_insert_feedback"
    assert asked("utter_bye", must_ask_consent=True) == "action_qa_insert_stars"


@pytest.mark.parametrize(
    "fields",
    [
        {"silent": True},
        {"rewound": True},
        {"ran": ("utter_price", "action_qa_ask_feedback")},
        {"ran": ("utter_price", "action_qa_insert_consent")},
        {"parse_data": parsed("qa_consent_deny")},
        {"parse_data": parsed("restart")},
        {"text": "EXTERNAL: price"},
    ],
)
def test_nothing_is_asked_at_the_wrong_moment(fields: dict[str, Any]) -> None:
    assert asked("utter_price", must_ask_consent=True) is not None

    assert asked("utter_price", must_ask_consent=True, **fields) is None


def test_words_that_fill_a_form_get_an_answer_and_those_not_understood_do_not() -> None:
    ends = TurnEnds(chains={"nlu_fallback utter_sorry": True}, actions=ENDS.actions)

    def at(*actions: str) -> str | None:
        now = turn(*actions, parse_data=parsed("nlu_fallback"), must_ask_consent=True)
        return next_action(now, SETTINGS, ends)

    assert at("utter_sorry") is None
    assert at("order_form", "utter_price") == "action_qa_insert_consent"


def test_feedback_is_asked_about_every_so_many_answers() -> None:
    every = AskingSettings(ask_consent="never", ask_feedback=FeedbackMoments(every=3))

    def at(answers: int) -> str | None:
        return next_action(turn("utter_price", answers=answers), every, ENDS)

    assert [at(number) for number in (1, 2)] == [None, None]
    assert {at(number) for number in (3, 4)} == {"action_qa_insert_feedback"}


def test_consent_on_the_first_message_comes_before_the_answer_and_once() -> None:
    first = AskingSettings(ask_consent="first_message")

    def at(**fields: Any) -> str | None:
        return next_action(turn(must_ask_consent=True, **fields), first, ENDS)

    assert at() == "action_qa_insert_consent"
    assert at(ran=("action_qa_insert_consent",)) is None
    assert at(text="/qa_skip", parse_data=parsed("qa_skip")) is None
    assert at(failed_before=True) is None
    assert at(silent=True) is None
    assert next_action(turn(), first, ENDS) is None


@pytest.mark.parametrize(
    ("ranking", "close"),
    [
        ({"a": 0.5, "b": 0.45, "c": 0.05}, ["a", "b"]),
        ({"nlu_fallback": 0.7, "b": 0.34, "a": 0.3, "c": 0.29}, ["b", "a", "c"]),
        ({"a": 0.3, "b": 0.29, "c": 0.28, "d": 0.27}, ["a", "b", "c"]),
        ({"a": 0.5, "b": 0.3}, []),
        ({"a": 0.19, "b": 0.18}, []),  # as unlikely as each other
        ({"a": 0.5, "qa_forget_me": 0.49, "b": 0.48}, ["a", "b"]),
        ({"qa_forget_me": 0.5, "a": 0.49, "b": 0.48}, []),
        ({"chitchat": 0.5, "a": 0.49, "b": 0.48}, []),
        ({"a": 0.5, "chitchat": 0.49}, []),
        ({"a": 1.0}, []),
        ({}, []),
    ],
)
def test_intents_are_offered_where_two_or_three_are_close(
    ranking: dict[str, float], close: list[str]
) -> None:
    settings = Disambiguation(margin=0.1, exclude=("chitchat",))
    name = next(iter(ranking), "a")

    assert close_intents(parsed(name, **ranking), settings) == close
    assert close_intents(parsed(name, **ranking), Disambiguation()) == []


def test_a_note_of_the_logger_stands_in_for_a_ranking() -> None:
    note = {"intent": "a", "confidence": 0.5, "second_intent": "b", "margin": 0.02}

    assert close_intents({"qa": note}, Disambiguation(margin=0.1)) == ["a", "b"]
    assert close_intents({"qa": {"intent": "a"}}, Disambiguation(margin=0.1)) == []


def test_a_button_says_what_the_configuration_says() -> None:
    keys = {"disambiguate": {"margin": 0.1, "titles": {"a": {"es": "Un precio"}}}}
    settings = read_as(AskingSettings, keys, "config.yml").disambiguate

    assert offer(parsed("a", a=0.5, b=0.5), settings) == [
        {"intent": "a", "es": "Un precio"},
        {"intent": "b"},
    ]


def test_what_was_meant_is_asked_once_and_never_about_a_button() -> None:
    unclear = parsed("a", a=0.5, b=0.45)

    assert asked(parse_data=unclear) == "action_qa_did_you_mean"
    assert asked(parse_data=unclear, asked_meaning=True) is None
    assert asked(parse_data=unclear, text="/a") is None
    assert asked(parse_data=unclear, silent=True) is None
    assert asked(parse_data=unclear, failed_before=True) is None
    assert asked(parse_data=unclear, ran=("action_qa_handoff",)) is None
    assert asked("utter_greet", parse_data=unclear) is None


def test_a_click_is_taken_up_before_its_story_begins() -> None:
    entities = [{"entity": "qa_turn", "value": "f0"}]
    click = {**parsed("price"), "entities": entities}
    none = {**parsed("nlu_fallback"), "entities": entities}

    def at(parse_data: Any, *ran: str, ends: TurnEnds = ENDS) -> str | None:
        now = turn(text="/x", parse_data=parse_data, ran=ran, actions=())
        return next_action(now, SETTINGS, ends)

    assert at(click) == "action_qa_meant"
    assert at(click, "action_qa_meant") is None
    assert at(none) == "action_qa_meant"
    assert at(none, "action_qa_meant") == "action_qa_did_you_mean"
    helped = TurnEnds(handles_fallback=True)
    assert at(none, "action_qa_meant", ends=helped) is None
    rated = {**parsed("qa_feedback_positive"), "entities": entities}
    assert at(rated) is None


def test_after_an_action_that_was_lost_the_bot_goes_on() -> None:
    assert asked("utter_price", "action_qa_insert_consent") == "action_listen"
    assert asked("action_qa_did_you_mean") == "action_default_fallback"


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"ask_consnt": "never"}, "x: ask_consnt: unknown setting; choose from ask_"),
        ({"ask_consent": "juan"}, "x: ask_consent: not one of the choices; choose "),
        ({"ask_feedback": {"every": 0}}, "x: ask_feedback.every: expected `int` >= 1"),
        ({"ask_feedback": {"often": 1}}, "x: ask_feedback.often: unknown setting; "),
        ({"disambiguate": {"candidates": 4}}, "x: disambiguate.candidates: expected"),
        (
            {"disambiguate": {"titles": {"juan": {"fr": "prix"}}}},
            "x: disambiguate.titles[...].fr: unknown setting; choose from es, en",
        ),
    ],
)
def test_a_wrong_key_is_named_in_one_line(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_as(AskingSettings, keys, "x")

    assert str(caught.value).startswith(problem)
    assert "juan" not in str(caught.value)
    assert "\n" not in str(caught.value)


STARS_ASKED = {"last_words": "utter_qa_ask_stars_es", "parse_data": parsed("order")}


@pytest.mark.parametrize("text", ["4", " 5/5", "⭐⭐⭐⭐", "1"])
def test_a_number_after_our_question_is_a_rating_whatever_the_nlu_reads(
    text: str,
) -> None:
    assert asked(text=text, **STARS_ASKED) == "action_qa_record_stars"
    assert asked("action_qa_record_stars", text=text, **STARS_ASKED) == "action_listen"
    thumbs = {**STARS_ASKED, "last_words": "utter_qa_ask_feedback_text_en"}
    assert asked(text=text, **thumbs) == "action_qa_record_feedback"


@pytest.mark.parametrize(
    "others",
    [
        {"text": "44"},
        {"text": "4 cajas"},
        {"text": "👍"},  # of which a rule of ours takes care
        {"last_words": "utter_ask_boxes"},
        {"silent": True},
        {"actions": ("utter_price",), "ran": ("utter_price",)},
    ],
)
def test_any_other_number_is_the_bot_s_own(others: dict[str, Any]) -> None:
    given = {"text": "4", "must_ask_consent": False, **STARS_ASKED, **others}
    assert asked(**given) not in ("action_qa_record_stars", "action_listen")


def test_a_story_that_goes_on_after_a_rating_may() -> None:
    record = "action_qa_record_stars"
    rated = turn(record, text="4", **STARS_ASKED)
    ends = TurnEnds(chains={f"order {record}": False})

    assert next_action(rated, SETTINGS, ends) is None


def test_who_speaks_to_us_is_told_once_that_nothing_came_of_it() -> None:
    lost, told = "action_qa_forget", "utter_qa_try_later_es"

    assert asked(lost, lost=True) == "utter_qa_try_later"
    assert asked(lost, told) == "action_listen"
    assert asked(lost, lost=True, form="order_form", silent=True) == (
        "utter_qa_try_later"
    )
    assert asked(lost, told, form="order_form", silent=True) == "order_form"
    form = ("qa_comment_form", told, "qa_comment_form")
    assert asked(*form, form="qa_comment_form", silent=True, lost=True) == (
        "action_listen"
    )


def test_where_an_action_of_the_bot_s_own_is_lost_the_bot_decides() -> None:
    assert asked("action_price", lost=True) is None
