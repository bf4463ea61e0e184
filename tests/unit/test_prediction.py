"""What the NLU thought before any fallback."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.prediction import (
    Prediction,
    chosen_response,
    normalized_entropy,
    predict_from_ranking,
    read_prediction,
)
from rasa_qa_plugin.review.flags import flags_for, is_repeated
from rasa_qa_plugin.settings import ReviewSettings

A, B = {"name": "a", "confidence": 0.5}, {"name": "b", "confidence": 0.3}
FALLBACK = {"name": "nlu_fallback", "confidence": 0.7}


def test_the_intent_behind_a_fallback_is_found() -> None:
    prediction = predict_from_ranking(FALLBACK, [FALLBACK, A, B])

    assert (prediction.intent, prediction.second_intent) == ("a", "b")
    assert prediction.confidence == 0.5
    assert prediction.margin == pytest.approx(0.2)
    assert prediction.fell_back


@pytest.mark.parametrize(
    ("intent", "ranking", "expected"),
    [
        (A, [], Prediction(intent="a", confidence=0.5)),
        (A, None, Prediction(intent="a", confidence=0.5)),
        ({"name": None, "confidence": 0.0}, [], Prediction()),
        (None, None, Prediction()),
        (FALLBACK, [FALLBACK], Prediction(fell_back=True)),
    ],
)
def test_classifiers_without_a_ranking_are_read(
    intent: dict[str, object] | None,
    ranking: list[dict[str, object]] | None,
    expected: Prediction,
) -> None:
    assert predict_from_ranking(intent, ranking) == expected


def test_a_note_counts_and_a_strange_one_is_passed_over() -> None:
    noted = {"intent": A, "qa": {"intent": "b", "confidence": 0.9, "model_id": "m"}}
    strange = {"intent": A, "intent_ranking": [A, B], "qa": {"confidence": "high"}}

    assert read_prediction(noted).intent == "b"
    assert read_prediction(strange).intent == "a"


def test_a_note_without_what_was_added_later_is_read() -> None:
    old = read_prediction({"qa": {"intent": "a", "confidence": 0.9, "margin": 0.8}})
    new = read_prediction({"qa": {"intent": "faq", "novelty": 0.3, "agreement": 0.5}})

    assert old == Prediction(intent="a", confidence=0.9, margin=0.8)
    assert new == Prediction(intent="faq", novelty=0.3, agreement=0.5)


def selected(**by_intent: tuple[str, float]) -> dict[str, object]:
    return {
        "all_retrieval_intents": ["faq", "chitchat"],
        **{
            intent: {"response": {"intent_response_key": key, "confidence": confidence}}
            for intent, (key, confidence) in by_intent.items()
        },
    }


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        (selected(default=("faq/pay", 0.7)), ("faq/pay", 0.7)),
        (selected(faq=("faq/pay", 0.7), chitchat=("x/y", 1.0)), ("faq/pay", 0.7)),
        (selected(chitchat=("x/y", 1.0)), (None, None)),
        ({"default": {"response": {}}}, (None, None)),
        (None, (None, None)),
    ],
)
def test_the_response_of_a_retrieval_intent_is_found(
    selectors: dict[str, object] | None, expected: tuple[str | None, float | None]
) -> None:
    assert chosen_response(selectors, "faq") == expected
    assert chosen_response(selectors, "greet") == (None, None)
    assert chosen_response(selectors, None) == (None, None)


@given(st.lists(st.floats(0.0, 1.0), max_size=12))
def test_entropy_lies_between_sure_and_alike(scores: list[float]) -> None:
    assert -1e-9 <= normalized_entropy(scores) <= 1 + 1e-9


def test_entropy_at_its_ends() -> None:
    assert normalized_entropy([1.0, 0.0, 0.0]) == 0.0
    assert normalized_entropy([0.2] * 5) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("confidence", "margin", "fell_back", "flags"),
    [
        (0.7, 0.15, False, []),
        (0.69, 0.5, False, ["low_confidence"]),
        (0.9, 0.14, False, ["ambiguous"]),
        (0.2, 0.1, True, ["low_confidence", "ambiguous", "fallback"]),
        (None, None, False, []),
    ],
)
def test_flags_follow_the_limits(
    confidence: float | None, margin: float | None, flags: list[str], *, fell_back: bool
) -> None:
    prediction = Prediction(confidence=confidence, margin=margin, fell_back=fell_back)
    settings = ReviewSettings(low_confidence=0.7, ambiguity_margin=0.15)

    assert flags == flags_for(prediction, [], settings=settings)


@pytest.mark.parametrize(
    ("event", "flags"),
    [
        ({"event": "action", "name": "action_unlikely_intent"}, ["unlikely_intent"]),
        ({"event": "action_execution_rejected", "name": "form"}, ["action_failed"]),
        ({"event": "pause"}, ["escalated"]),
        ({"event": "action", "name": "action_human_handoff"}, ["escalated"]),
        ({"event": "action", "name": "utter_greet"}, []),
    ],
)
def test_what_the_bot_did_next_flags_a_turn(
    event: dict[str, str], flags: list[str]
) -> None:
    assert flags == flags_for(Prediction(), [event], settings=ReviewSettings())


def test_a_form_that_makes_way_for_an_intent_of_ours_has_not_failed() -> None:
    rejected = [{"event": "action_execution_rejected", "name": "form"}]
    asked = Prediction(intent="qa_consent_info", confidence=0.9)

    assert flags_for(asked, rejected, settings=ReviewSettings()) == []


def test_a_text_unlike_all_training_data_is_novel() -> None:
    settings = ReviewSettings(novelty=0.8)

    assert flags_for(Prediction(novelty=0.8), [], settings=settings) == ["novel"]
    assert flags_for(Prediction(novelty=0.79), [], settings=settings) == []


@pytest.mark.parametrize(
    ("text", "following", "seconds", "repeated"),
    [
        ("quiero cotizar camarón", "¡QUIERO cotizar camaron!!", 30, True),
        ("where is my order", "where is my ordr??", 30, True),
        ("where is my order", "where is my order", 601, False),
        ("where is my order", "where is my order", -5, False),
        ("where is my order", "thanks a lot", 30, False),
        ("sí", "sí", 5, False),
    ],
)
def test_saying_it_again_flags_what_was_said_before(
    text: str, following: str, seconds: float, *, repeated: bool
) -> None:
    assert (
        is_repeated(text, following, seconds=seconds, settings=ReviewSettings())
        is repeated
    )
