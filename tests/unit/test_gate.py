"""The gate lets better models through, and no others."""

import random

import msgspec
import numpy as np
import pytest

from rasa_qa_plugin.settings import TrainingSettings
from rasa_qa_plugin.training.comparison import (
    discordant,
    intent_p_value,
    mcnemar_exact,
    paired_bootstrap,
)
from rasa_qa_plugin.training.evaluation import (
    EntityScore,
    Evaluation,
    Prediction,
    Stories,
    evaluate,
    reliability,
    score_entities,
)
from rasa_qa_plugin.training.gate import judge

SETTINGS = TrainingSettings()


def model(
    truth: list[str], said: list[str], entities: EntityScore | None = None
) -> Evaluation:
    rows = [Prediction(t, s, 0.9) for t, s in zip(truth, said, strict=True)]
    return evaluate(
        rows,
        model_file="m.tar.gz",
        model_id="m",
        known_intents=set(truth),
        entities=entities,
    )


def rows(intents: int, each: int) -> list[str]:
    return [f"i{n}" for n in range(intents) for _ in range(each)]


def wrong(truth: list[str], places: list[int]) -> list[str]:
    return ["other" if n in places else t for n, t in enumerate(truth)]


def entity_score(f1: float, support: int) -> EntityScore:
    return EntityScore(precision=f1, recall=f1, f1=f1, support=support)


def test_scores_agree_with_scikit_learn() -> None:
    from sklearn.metrics import f1_score, precision_recall_fscore_support

    rng = random.Random(1)
    truth = [rng.choice("abcd") for _ in range(200)]
    said = [t if rng.random() < 0.6 else rng.choice(["a", "z", ""]) for t in truth]
    ours = model(truth, said)
    labels = sorted(set(truth))
    for average, value in (("macro", ours.macro_f1), ("weighted", ours.weighted_f1)):
        theirs = f1_score(truth, said, labels=labels, average=average, zero_division=0)
        assert value == pytest.approx(theirs)
    table = precision_recall_fscore_support(truth, said, labels=labels, zero_division=0)
    for label, *theirs in zip(labels, *table, strict=True):
        score = ours.per_intent[label]
        found = (score.precision, score.recall, score.f1, score.support)
        assert found == pytest.approx(theirs)


def test_entities_count_by_exact_match_and_once() -> None:
    gold = [{(0, 4, "city")}, {(0, 2, "n"), (3, 5, "n")}]
    found = [[(0, 4, "city"), (0, 4, "city")], [(0, 2, "n"), (3, 6, "n")]]
    score = score_entities(gold, found)
    assert score is not None
    assert (score.precision, score.recall, score.support) == (2 / 3, 2 / 3, 3)
    assert score_entities([set()], [[(0, 1, "x")]]) is None


def test_same_model_twice_is_promoted_without_a_difference() -> None:
    truth = rows(5, 4)
    current = model(truth, wrong(truth, [3, 9]))
    found = judge(current, current, SETTINGS)
    assert found.verdict == "PROMOTE"
    assert (found.f1_drop, found.fixed, found.broken, found.mcnemar_p) == (0, (), (), 1)
    assert (found.bootstrap_low, found.bootstrap_high) == (0, 0)


def test_better_model_is_promoted() -> None:
    truth = rows(5, 30)
    found = judge(
        model(truth, wrong(truth, list(range(0, 150, 3)))),
        model(truth, truth),
        SETTINGS,
    )
    assert found.verdict == "PROMOTE"
    assert found.fixed == tuple(range(0, 150, 3))
    assert found.bootstrap_low > 0


def test_clearly_worse_model_is_refused_on_a_small_test_set_too() -> None:
    truth = rows(3, 4)
    found = judge(
        model(truth, truth), model(truth, wrong(truth, [0, 1, 4, 5, 8, 9])), (SETTINGS)
    )
    assert found.verdict == "REFUSE"
    assert found.bootstrap_high < 0
    assert "macro-F1" in found.reasons[0]


def test_one_changed_row_of_a_tiny_test_set_is_inconclusive() -> None:
    truth = rows(3, 4)
    found = judge(
        model(truth, wrong(truth, [0])), model(truth, wrong(truth, [1, 4])), SETTINGS
    )
    assert found.f1_drop > SETTINGS.max_f1_drop
    assert found.verdict == "INCONCLUSIVE"
    assert "12 test rows" in found.reasons[1]


def test_uncertain_fall_on_a_large_test_set_is_refused() -> None:
    truth = rows(5, 20)
    broken = [0, 20, 40, 60, 80, 1, 21, 41]
    fixed = [2, 22, 42, 62]
    found = judge(
        model(truth, wrong(truth, fixed)), model(truth, wrong(truth, broken)), SETTINGS
    )
    assert found.bootstrap_low < 0 < found.bootstrap_high
    assert found.verdict == "REFUSE"


def test_a_fall_of_exactly_the_limit_is_allowed() -> None:
    truth = rows(2, 50)
    current, candidate = model(truth, truth), model(truth, wrong(truth, [0, 50]))
    drop = current.macro_f1 - candidate.macro_f1
    assert judge(current, candidate, TrainingSettings(max_f1_drop=drop)).verdict == (
        "PROMOTE"
    )
    tighter = TrainingSettings(max_f1_drop=drop - 1e-6)
    assert judge(current, candidate, tighter).verdict == "REFUSE"


def test_first_model_is_promoted_if_anything_was_evaluated() -> None:
    assert judge(None, model(["a", "b"], ["a", "b"]), SETTINGS).verdict == "PROMOTE"
    nothing = judge(None, model([], []), SETTINGS)
    assert nothing.verdict == "REFUSE"
    assert "nothing was evaluated" in nothing.reasons[0]


def test_models_seen_on_different_test_sets_are_not_compared() -> None:
    found = judge(
        model(["a", "b"], ["a", "b"]), model(["a", "c"], ["a", "c"]), SETTINGS
    )
    assert found.verdict == "REFUSE"
    assert "different test sets" in found.reasons[0]


def test_lost_intent_is_refused_however_small_the_fall() -> None:
    truth = [*rows(20, 30), "rare"]
    current = model(truth, truth)
    candidate = evaluate(
        model(truth, wrong(truth, [600])).predictions,
        model_file="m",
        model_id="m",
        known_intents=set(truth) - {"rare"},
    )
    found = judge(current, candidate, TrainingSettings(max_f1_drop=0.5))
    assert found.verdict == "REFUSE"
    assert "rare" in found.reasons[0]


def test_lost_entities_are_refused_when_there_are_enough_of_them() -> None:
    truth = rows(2, 60)
    good, bad = entity_score(0.9, 40), entity_score(0.4, 40)
    found = judge(model(truth, truth, good), model(truth, truth, bad), SETTINGS)
    assert found.verdict == "REFUSE"
    assert "entity" in found.reasons[0]
    few = judge(
        model(truth, truth, entity_score(1.0, 3)),
        model(truth, truth, entity_score(0.6, 3)),
        SETTINGS,
    )
    assert few.verdict == "PROMOTE"
    assert any("entities" in reason for reason in few.reasons)


def test_falling_intent_is_named_even_when_the_model_is_promoted() -> None:
    truth = rows(20, 10)
    found = judge(model(truth, truth), model(truth, wrong(truth, [0, 1, 2])), SETTINGS)
    assert found.verdict == "PROMOTE"
    assert any(reason.startswith("i0: F1 1.00 to 0.82") for reason in found.reasons)


def test_discordant_rows_are_told_apart() -> None:
    assert discordant("aabb", "abbb", "aaba") == ((1,), (3,))


@pytest.mark.parametrize(
    ("fixed", "broken"), [(0, 0), (5, 0), (0, 6), (3, 9), (40, 61), (700, 800)]
)
def test_mcnemar_is_the_exact_binomial_test(fixed: int, broken: int) -> None:
    from scipy.stats import binomtest

    n = fixed + broken
    theirs = binomtest(fixed, n, 0.5).pvalue if n else 1.0
    assert mcnemar_exact(fixed, broken) == pytest.approx(theirs)


def test_bootstrap_agrees_with_drawing_rows_one_by_one() -> None:
    rng = random.Random(3)
    truth = rows(6, 15)
    before = [t if rng.random() < 0.8 else rng.choice(truth) for t in truth]
    after = [t if rng.random() < 0.7 else rng.choice(truth) for t in truth]
    low, high, falling = paired_bootstrap(truth, before, after, resamples=4000)
    draw = np.random.default_rng(5)
    groups = [np.flatnonzero(np.array(truth) == i) for i in sorted(set(truth))]
    changes = []
    for _ in range(1500):
        picked = np.concatenate([draw.choice(group, len(group)) for group in groups])
        drawn = [[column[n] for n in picked] for column in (truth, before, after)]
        changes.append(
            model(drawn[0], drawn[2]).macro_f1 - model(drawn[0], drawn[1]).macro_f1
        )
    naive = np.quantile(changes, (0.025, 0.975))
    assert (low, high) == pytest.approx(tuple(naive), abs=0.012)
    assert falling == pytest.approx((np.array(changes) < 0).mean(), abs=0.05)


def test_bootstrap_gives_the_same_interval_every_time() -> None:
    truth = rows(4, 8)
    said = wrong(truth, [1, 9, 17])
    assert paired_bootstrap(truth, truth, said) == paired_bootstrap(truth, truth, said)


def test_a_well_tested_intent_is_guarded_however_good_the_average() -> None:
    truth = rows(20, 20)
    current = model(truth, wrong(truth, list(range(20, 400, 10))))
    candidate = model(truth, wrong(truth, list(range(8))))
    found = judge(current, candidate, SETTINGS)
    assert candidate.macro_f1 > current.macro_f1
    assert found.verdict == "REFUSE"
    assert found.reasons[0].startswith("i0: F1 1.00 to 0.75 on 20 rows (p = 0.008)")
    assert sum(reason.startswith("i0:") for reason in found.reasons) == 1
    assert found.intents[0].intent == "i0"


@pytest.mark.parametrize("rows_of_it", [4, 9])
def test_an_intent_with_few_rows_is_named_and_decides_nothing(rows_of_it: int) -> None:
    truth = [*rows(20, 20), *["rare"] * rows_of_it]
    candidate = model(truth, wrong(truth, list(range(400, 400 + rows_of_it // 2))))
    found = judge(model(truth, truth), candidate, SETTINGS)
    assert found.verdict == "PROMOTE"
    assert any(reason.startswith("rare: F1") for reason in found.reasons)


def test_a_fall_that_chance_explains_does_not_trip_the_guard() -> None:
    truth = rows(20, 20)
    current = model(truth, wrong(truth, [0, 1, 2, *range(20, 400, 10)]))
    candidate = model(truth, wrong(truth, [3, 4, 5, 6, 7, 8]))
    found = judge(current, candidate, SETTINGS)
    assert found.intents[0].before - found.intents[0].after > 0.09
    assert found.verdict == "PROMOTE"


def test_the_test_of_one_intent_counts_what_is_taken_for_it_too() -> None:
    truth = ["a"] * 6 + ["b"] * 6
    assert intent_p_value("a", truth, truth, ["a"] * 12) == mcnemar_exact(0, 6)
    assert intent_p_value("b", truth, truth, ["c"] * 6 + ["b"] * 6) == 1.0


def test_few_rows_never_let_a_candidate_through_on_their_own() -> None:
    truth = rows(3, 6)
    found = judge(model(truth, truth), model(truth, truth), SETTINGS)
    assert found.verdict == "INCONCLUSIVE"
    assert "only 18 test rows" in found.reasons[1]
    fewer = TrainingSettings(min_test_rows=18)
    assert judge(model(truth, truth), model(truth, truth), fewer).verdict == "PROMOTE"


def test_a_conversation_that_passed_and_now_fails_is_refused() -> None:
    truth = rows(5, 30)
    evaluation = model(truth, truth)
    before = msgspec.structs.replace(
        evaluation, stories=Stories(passed=("buy", "greet"), failed=("odd",))
    )
    after = msgspec.structs.replace(
        evaluation, stories=Stories(passed=("odd", "greet"), failed=("buy", "new"))
    )
    found = judge(before, after, SETTINGS)
    assert found.verdict == "REFUSE"
    assert found.reasons[0] == "test conversations that passed now fail: buy"
    assert judge(before, evaluation, SETTINGS).verdict == "PROMOTE"


def test_the_field_s_rule_refuses_a_fall_of_more_than_five_percent() -> None:
    truth = rows(4, 25)
    current = model(truth, wrong(truth, list(range(0, 100, 5))))
    field = TrainingSettings(gate="field")
    near = model(truth, wrong(truth, [*range(0, 100, 5), 1, 26, 51, 76]))
    far = model(
        truth, wrong(truth, [*range(0, 100, 5), *(1, 2, 3, 26, 27, 51, 52, 76, 77)])
    )
    assert 0.02 < current.macro_f1 - near.macro_f1 < 0.05 * current.macro_f1
    assert judge(current, near, field).verdict == "PROMOTE"
    assert judge(current, near, SETTINGS).verdict != "PROMOTE"
    assert judge(current, far, field).verdict == "REFUSE"


def test_the_strict_gate_asks_for_proof_that_nothing_falls() -> None:
    truth = rows(5, 30)
    strict = TrainingSettings(gate="strict")
    current = model(truth, wrong(truth, [0, 1, 30, 31, 60, 90, 120]))
    candidate = model(truth, wrong(truth, [2, 3, 32, 33, 61, 91, 121]))
    assert judge(current, candidate, SETTINGS).verdict == "PROMOTE"
    doubtful = judge(current, candidate, strict)
    assert doubtful.verdict == "INCONCLUSIVE"
    assert "not ruled out" in doubtful.reasons[1]
    assert judge(current, current, strict).verdict == "PROMOTE"


def test_an_average_that_rises_does_not_hide_a_fall_in_scope() -> None:
    truth = [*rows(10, 20), *["out_of_scope"] * 100]
    current = model(truth, wrong(truth, list(range(200, 280))))
    candidate = model(truth, wrong(truth, list(range(0, 200, 16))))
    assert candidate.accuracy > current.accuracy
    assert candidate.in_scope_accuracy < current.in_scope_accuracy
    found = judge(current, candidate, SETTINGS)
    assert "in-scope accuracy 1.000 to 0.935" in found.reasons


def test_out_of_scope_rows_the_bot_would_act_upon_are_counted() -> None:
    said = [("greet", False), ("greet", True), ("out_of_scope", False), ("", False)]
    stray = [Prediction("out_of_scope", intent, 0.9, "", fell) for intent, fell in said]
    inside = [Prediction("greet", "greet", 0.9), Prediction("greet", "bye", 0.9)]
    found = evaluate([*stray, *inside], model_file="m", model_id="m")
    assert found.out_of_scope is not None
    assert (found.out_of_scope.rows, found.out_of_scope.accepted) == (4, 1)
    assert found.in_scope_accuracy == 0.5
    assert evaluate(inside, model_file="m", model_id="m").out_of_scope is None


def test_calibration_error_is_the_gap_between_sure_and_right() -> None:
    sure = [Prediction("a", "a" if n < 6 else "b", 1.0) for n in range(10)]
    unsure = [Prediction("a", "a" if n < 5 else "b", 0.5) for n in range(10)]
    found = evaluate([*sure, *unsure], model_file="m", model_id="m")
    assert found.calibration_error == pytest.approx(0.2)
    bins = reliability([*sure, *unsure])
    assert bins[5] == (10, 0.5, 0.5)
    assert bins[9] == (10, 1.0, 0.6)
    assert sum(rows for rows, _, _ in bins) == 20


def _retrained(truth: list[str], seed: int, *, sure: float, swamp: float) -> Evaluation:
    """Say what a model does that is right so often; a swamped one loses one intent."""
    rng = random.Random(seed)
    intents = sorted(set(truth))
    said = []
    for intent in truth:
        if intent == intents[1] and rng.random() < swamp:
            said.append(intents[0])
        else:
            said.append(intent if rng.random() < sure else rng.choice(intents))
    return model(truth, said)


@pytest.mark.parametrize("seed", range(10))
def test_a_poisoned_batch_is_refused_and_a_harmless_one_is_not(seed: int) -> None:
    truth = rows(30, 20)
    current = _retrained(truth, seed, sure=0.9, swamp=0.0)
    mislabelled = _retrained(truth, seed, sure=0.78, swamp=0.0)
    swamped = _retrained(truth, seed, sure=0.9, swamp=0.6)
    better = _retrained(truth, seed, sure=0.93, swamp=0.0)
    assert judge(current, mislabelled, SETTINGS).verdict == "REFUSE"
    assert judge(current, swamped, SETTINGS).verdict == "REFUSE"
    assert judge(current, better, SETTINGS).verdict == "PROMOTE"
