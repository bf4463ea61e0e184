"""The proxy's algebra against the long way round, and what the ranking learns."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.review import proxy_intents
from rasa_qa_plugin.review.error_score import (
    STARTING_WEIGHTS,
    ErrorScore,
    Signals,
    intent_records,
    starting_score,
)
from rasa_qa_plugin.review.flags import FLAGS
from rasa_qa_plugin.review.grouping import leaders
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.proxy_intents import ProxyIntents
from rasa_qa_plugin.review.ranking import Ranking
from rasa_qa_plugin.storage.queue import Answered, Waiting

TRAINING = [
    Example("hello there", "greet"),
    Example("good morning", "greet"),
    Example("hi friend", "greet"),
    Example("how much is the shrimp", "price"),
    Example("price of a box", "price"),
    Example("what does it cost", "price"),
    Example("goodbye", "bye"),
    Example("see you later", "bye"),
]
ANSWERS = [
    Example("where is my order", "track"),
    Example("has my order left", "track"),
    Example("what is the cost of shrimp", "price"),
    Example("hello and good day", "greet"),
]
TEXTS = ["when does my order come", "the cost please", "hello", "nothing known"]


def test_adding_answers_is_training_on_them() -> None:
    traffic = [*TEXTS, *(answer.text for answer in ANSWERS)]
    added, _ = ProxyIntents(TRAINING, traffic).judge(TEXTS, ANSWERS)
    # The order of the texts decides nothing, so the vocabulary is the same.
    trained, _ = ProxyIntents([*TRAINING, *ANSWERS], TEXTS).judge(TEXTS, [])

    assert added.intents == trained.intents
    np.testing.assert_allclose(added.probabilities, trained.probabilities, atol=1e-4)


def test_an_answer_s_own_prediction_is_that_of_a_model_without_it() -> None:
    # Every intent stands in the training data, so that leaving one out loses none.
    answers = [Example("order of shrimp", "price"), *ANSWERS[2:]]
    texts = [answer.text for answer in answers]
    proxy = ProxyIntents(TRAINING, texts)
    _, without = proxy.judge([], answers)

    for number, text in enumerate(texts):
        others = [*answers[:number], *answers[number + 1 :]]
        alone, _ = proxy.judge([text], others)
        np.testing.assert_allclose(
            without.probabilities[number], alone.probabilities[0], atol=1e-4
        )


def test_probabilities_sum_to_one_and_unknown_intents_have_none() -> None:
    opinion, _ = ProxyIntents(TRAINING, TEXTS).judge([*TEXTS, "", "¿?"], ANSWERS)

    np.testing.assert_allclose(opinion.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert opinion.of(["never_seen", None, *["greet"] * 4])[:2].tolist() == [0, 0]
    assert opinion.best(1)[0][0][0] == "track"


@pytest.mark.parametrize("answers", [[], ANSWERS])
def test_a_bot_without_training_data_can_be_judged(answers: list[Example]) -> None:
    opinion, without = ProxyIntents([], TEXTS).judge(TEXTS, answers)

    assert len(opinion.probabilities) == len(TEXTS)
    assert len(without.probabilities) == len(answers)


def test_large_training_data_are_thinned_evenly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proxy_intents, "MOST_TRAINING_ROWS", 6)
    many = [Example(f"word{number}", "large") for number in range(50)]
    few = [Example("one", "small"), Example("two", "small")]

    opinion, _ = ProxyIntents(many + few, []).judge(["one"], [])

    assert opinion.best(1)[0][0][0] == "small"


def test_each_flag_that_is_a_signal_exists() -> None:
    measured = {"confidence", "margin", "novelty", "learned", "intent_record"}
    assert set(STARTING_WEIGHTS) - measured <= set(FLAGS)


probability = st.none() | st.floats(0, 1)
some_signals = st.builds(
    Signals,
    confidence=probability,
    margin=probability,
    novelty=probability,
    learned=probability,
    intent_record=probability,
    flags=st.lists(st.sampled_from(FLAGS), unique=True),
)


@given(some_signals)
def test_reasons_add_up_to_the_score(signals: Signals) -> None:
    score = ErrorScore()
    (estimate,), (reasons,) = score.estimate([signals])
    nothing = starting_score(Signals(confidence=None, margin=None))

    log_odds = math.log(nothing / (1 - nothing)) + sum(reasons.values())
    assert estimate == pytest.approx(1 / (1 + math.exp(-log_odds)), abs=0.01)
    assert estimate == pytest.approx(starting_score(signals))
    sizes = [abs(part) for part in reasons.values()]
    assert sizes == sorted(sizes, reverse=True)


def test_a_complaint_outweighs_a_sure_bot() -> None:
    sure = Signals(confidence=0.99, margin=0.98)
    told = Signals(confidence=0.99, margin=0.98, flags=["negative_feedback"])

    assert starting_score(told) > 3 * starting_score(sure)


def test_scores_follow_what_answers_show() -> None:
    sure = Signals(confidence=0.99, margin=0.98)
    score = ErrorScore()
    before = score.estimate([sure])

    score.learn([sure] * 40, [True] * 30 + [False] * 10)
    assert score.estimate([sure])[0] == [pytest.approx(0.75, abs=0.05)]

    score.learn([], [])
    assert score.estimate([sure]) == before


def test_an_intent_s_record_leaves_the_turn_itself_out() -> None:
    asked, own = intent_records(
        ["a", "b", None], ["a", "a", "a", "b"], [True, True, False, False]
    )
    overall = 3 / 8
    assert asked == pytest.approx(
        [(2 + 3 * overall) / 6, (0 + 3 * overall) / 4, overall]
    )
    assert own[0] == pytest.approx((1 + 3 * overall) / 5)
    assert own[3] == pytest.approx(overall)


def seen(text: str, intent: str = "greet", confidence: float = 0.97) -> Waiting:
    return Waiting(
        turn_id=text,
        text=text,
        intent=intent,
        confidence=confidence,
        margin=confidence - 0.02,
    )


def test_a_sure_error_is_found_once_its_kind_was_corrected() -> None:
    errors = [f"where is order number {word}" for word in ("one", "two", "three")]
    fine = ["hello there you", "good morning all", "hi my friend"]
    turns = [seen(text) for text in [*errors, *fine]]
    ranking = Ranking(TRAINING, [turn.text for turn in turns])
    answers = [
        Answered(turn=seen("where is my order"), right_intent="track"),
        Answered(turn=seen("order where is it"), right_intent="track"),
        Answered(turn=seen("hello hello"), right_intent="greet"),
    ]

    after = ranking.judge(turns, answers)

    scores = [one.error_score for one in after]
    assert min(scores[:3]) > max(scores[3:])
    assert after[0].likely[0][0] == "track"
    assert "learned" in after[0].reasons
    again = ranking.judge(turns, answers)
    assert [one.error_score for one in again] == scores


def test_near_duplicates_follow_the_first_and_chains_are_cut() -> None:
    texts = [
        "where is my order",
        "Where is my order??",
        "where is my orderr",
        "what does it cost",
        "...",
    ]
    assert leaders(texts) == [0, 0, 0, 3, 4]
    assert leaders([]) == []
    assert leaders(["?", "!"]) == [0, 1]
    chain = ["abcdef", "abcdefgh", "abcdefghijk", "abcdefghijkmno"]
    joined = leaders(chain, least=0.6)
    assert len(set(joined)) > 1
