"""May the candidate replace the current model? A verdict, and what it rests on."""

from typing import Literal

import msgspec

from rasa_qa_plugin.settings import TrainingSettings
from rasa_qa_plugin.training.comparison import (
    Bootstrap,
    discordant,
    intent_p_value,
    mcnemar_exact,
    paired_bootstrap,
    shown_p,
)
from rasa_qa_plugin.training.evaluation import Evaluation

Verdict = Literal["PROMOTE", "REFUSE", "INCONCLUSIVE"]

SMALL_TEST_SET = 100
FEW_ROWS_PER_INTENT = 5
MANY_ROWS_PER_INTENT = 20
FEW_ENTITIES = 30
FIELD_FALL = 0.05
"""Share of the former macro-F1 that the preset ``field`` lets a model lose."""
_LIKELY = 0.8
_SHOWN_NAMES = 5
# A fall of exactly the limit is allowed; floats need a hair of room to say so.
_TOLERANCE = 1e-9


class IntentChange(msgspec.Struct, frozen=True):
    """How one intent fares in the two models; *p_value* is that of its fall or rise."""

    intent: str
    before: float
    after: float
    support: int
    p_value: float


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict and everything that led to it.

    Attributes:
        reasons: One sentence each, the deciding one first.
        f1_drop: Macro-F1 of the current model minus that of the candidate.
        fixed: Places of the rows only the candidate gets right.
        broken: Places of the rows only the current model gets right.
        bootstrap_low: 95 % interval of the change in macro-F1 (below 0 is worse).
        intents: All intents of the test set, the one that fell most first.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    f1_drop: float = 0.0
    fixed: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()
    mcnemar_p: float = 1.0
    bootstrap_low: float = 0.0
    bootstrap_high: float = 0.0
    intents: tuple[IntentChange, ...] = ()


def judge(
    current: Evaluation | None, candidate: Evaluation, settings: TrainingSettings
) -> Judgement:
    """Give the verdict on *candidate*; only PROMOTE lets it go live.

    REFUSE whatever the figures when nothing was evaluated, the two did not see the same
    test set, an intent is lost or a test conversation that passed now fails; and when
    macro-F1, entities or a single well-tested intent fall by more than `settings`
    allow. INCONCLUSIVE when the test set cannot tell such a fall from chance, or is too
    small to tell anything: somebody has to look, or add test rows.
    """
    if not candidate.n:
        why = "nothing was evaluated: the test set needs rows of at least two intents"
        return Judgement(verdict="REFUSE", reasons=(why,))
    if current is None:
        why = f"first model: nothing to compare with, macro-F1 {candidate.macro_f1:.3f}"
        return Judgement(verdict="PROMOTE", reasons=(why,))
    truth = [row.intent for row in candidate.predictions]
    if truth != [row.intent for row in current.predictions]:
        why = (
            "the two models were evaluated on different test sets; evaluate both again"
        )
        return Judgement(verdict="REFUSE", reasons=(why,))
    before = [row.predicted for row in current.predictions]
    after = [row.predicted for row in candidate.predictions]
    changed = discordant(truth, before, after)
    chance = paired_bootstrap(truth, before, after)
    intents = [
        IntentChange(
            intent=intent,
            before=current.per_intent[intent].f1,
            after=score.f1,
            support=score.support,
            p_value=intent_p_value(intent, truth, before, after),
        )
        for intent, score in candidate.per_intent.items()
    ]
    intents.sort(key=lambda one: (one.after - one.before, one.intent))
    verdict, deciding = _verdict(current, candidate, intents, chance, settings)
    remarks = [
        remark
        for remark in _remarks(current, candidate, intents, settings)
        if not any(reason.startswith(remark) for reason in deciding)
    ]
    return Judgement(
        verdict=verdict,
        reasons=(*deciding, *remarks),
        f1_drop=current.macro_f1 - candidate.macro_f1,
        fixed=changed.fixed,
        broken=changed.broken,
        mcnemar_p=mcnemar_exact(len(changed.fixed), len(changed.broken)),
        bootstrap_low=chance.low,
        bootstrap_high=chance.high,
        intents=tuple(intents),
    )


def _verdict(
    current: Evaluation,
    candidate: Evaluation,
    intents: list[IntentChange],
    chance: Bootstrap,
    settings: TrainingSettings,
) -> tuple[Verdict, tuple[str, ...]]:
    """Give the verdict with the reasons that decide it."""
    change = f"macro-F1 {current.macro_f1:.3f} to {candidate.macro_f1:.3f}"
    refusals = _hard_failures(current, candidate)
    if settings.gate != "field":
        refusals += _guarded_falls(current, candidate, intents, settings)
    if refusals:
        return "REFUSE", (*refusals, change)
    limit = _limit(current, settings)
    drop = current.macro_f1 - candidate.macro_f1
    fall = f"{change}: falls by {drop:.3f}, more than {limit:.3g}"
    falls = drop > limit + _TOLERANCE
    if settings.gate == "field":
        if falls:
            return "REFUSE", (fall,)
    else:
        doubt = _doubt(candidate, chance, settings, falls=falls)
        if doubt is not None:
            return "INCONCLUSIVE", (fall if falls else change, doubt)
        if falls:
            return "REFUSE", (fall,)
    return "PROMOTE", (f"{change}, allowed fall {limit:.3g}",)


def _limit(current: Evaluation, settings: TrainingSettings) -> float:
    if settings.gate == "field":
        return FIELD_FALL * current.macro_f1
    return settings.max_f1_drop


def _doubt(
    candidate: Evaluation,
    chance: Bootstrap,
    settings: TrainingSettings,
    *,
    falls: bool,
) -> str | None:
    """Say why this test set does not settle the matter, or None if it does."""
    fewest = min(score.support for score in candidate.per_intent.values())
    interval = f"95 % interval {chance.low:+.3f} to {chance.high:+.3f}"
    rows = f"{candidate.n} test rows, {fewest} for the rarest intent"
    remedy = "add test rows or look at the changed predictions"
    if falls:
        if chance.high < 0:
            return None
        small = candidate.n < SMALL_TEST_SET or fewest < FEW_ROWS_PER_INTENT
        likely = chance.falling >= _LIKELY or fewest >= MANY_ROWS_PER_INTENT
        if small or not likely:
            return f"but it may be chance: {interval} with {rows}; {remedy}"
        return None
    if candidate.n < settings.min_test_rows:
        return (
            f"only {rows}: too few to judge by "
            f"(training.min_test_rows: {settings.min_test_rows}); {remedy}"
        )
    if settings.gate == "strict" and chance.low < -settings.max_f1_drop - _TOLERANCE:
        return (
            f"a fall of more than {settings.max_f1_drop:g} is not ruled out: "
            f"{interval} with {rows}; {remedy}"
        )
    return None


def _hard_failures(current: Evaluation, candidate: Evaluation) -> list[str]:
    """Give what no figure makes good."""
    failures = []
    lost = _lost_intents(current, candidate)
    if lost:
        failures.append(f"the candidate no longer knows: {', '.join(lost)}")
    if current.stories and candidate.stories:
        failing = sorted({*current.stories.passed} & {*candidate.stories.failed})
        if failing:
            names = ", ".join(failing)
            failures.append(f"test conversations that passed now fail: {names}")
    return failures


def _guarded_falls(
    current: Evaluation,
    candidate: Evaluation,
    intents: list[IntentChange],
    settings: TrainingSettings,
) -> list[str]:
    """Give the falls that an average hides."""
    limit = settings.max_intent_drop
    falls = [
        f"{_shown(one)} ({shown_p(one.p_value)}), more than {limit:g}"
        for one in intents
        if one.support >= settings.intent_support
        and one.before - one.after > limit + _TOLERANCE
        and one.p_value < settings.intent_p_value
    ]
    if _entity_drop(current, candidate) > settings.max_f1_drop + _TOLERANCE:
        falls.append(f"entity F1 falls by more than {settings.max_f1_drop:g}")
    return falls


def _lost_intents(current: Evaluation, candidate: Evaluation) -> list[str]:
    """Give intents of the test set that only the current model can answer."""
    if not candidate.known_intents:
        return []
    return [
        intent
        for intent, score in current.per_intent.items()
        if score.recall > 0 and intent not in candidate.known_intents
    ]


def _entity_drop(current: Evaluation, candidate: Evaluation) -> float:
    """Give the fall in entity F1, or 0 when there are too few entities to judge by."""
    if current.entities is None or candidate.entities is None:
        return 0.0
    if candidate.entities.support < FEW_ENTITIES:
        return 0.0
    return current.entities.f1 - candidate.entities.f1


def _remarks(
    current: Evaluation,
    candidate: Evaluation,
    intents: list[IntentChange],
    settings: TrainingSettings,
) -> list[str]:
    """Name what a person should know and the verdict does not rest on."""
    remarks = []
    lost = current.in_scope_accuracy - candidate.in_scope_accuracy
    if lost > settings.max_f1_drop and candidate.out_of_scope is not None:
        remarks.append(
            f"in-scope accuracy {current.in_scope_accuracy:.3f} to "
            f"{candidate.in_scope_accuracy:.3f}"
        )
    remarks += [
        _shown(one)
        for one in intents
        if one.before - one.after > settings.max_intent_drop
    ]
    if current.entities and candidate.entities:
        was, now = current.entities.f1, candidate.entities.f1
        if now < was:
            remarks.append(f"entities: F1 {was:.3f} to {now:.3f}")
    untested = sorted({*candidate.known_intents} - {*candidate.per_intent})
    if untested:
        shown = ", ".join(untested[:_SHOWN_NAMES])
        more = len(untested) - _SHOWN_NAMES
        rest = f" and {more} more" if more > 0 else ""
        remarks.append(f"no test rows, so nothing guards: {shown}{rest}")
    return remarks


def _shown(one: IntentChange) -> str:
    return f"{one.intent}: F1 {one.before:.2f} to {one.after:.2f} on {one.support} rows"
