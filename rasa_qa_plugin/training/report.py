"""What a run found, in parts that a pull request and a browser show alike."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from rasa_qa_plugin.training.comparison import shown_p
from rasa_qa_plugin.training.evaluation import Evaluation
from rasa_qa_plugin.training.gate import Judgement
from rasa_qa_plugin.training.provenance import Provenance

_SHOWN_ROWS = 50
_SHOWN_CONFUSIONS = 15


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A headed part of the report.

    Attributes:
        lines: Sentences above the table.
        header: Of the table; empty where there is none.
        pictures: Caption to PNG; only a browser shows them.
        long: Whether it is folded away at first.
    """

    title: str
    lines: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    pictures: dict[str, bytes] = {}
    long: bool = False


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report is made of.

    Attributes:
        texts: Words of test rows by key; rows that a person said are not among them,
            for no erasure reaches a report.
        new_examples: How many training examples more than the current model had, by
            intent; None where its training is not known.
    """

    run_id: str
    judgement: Judgement
    current: Evaluation | None
    candidate: Evaluation
    made_from: Provenance
    seconds: Mapping[str, float]
    promoted: str | None
    texts: Mapping[str, str]
    new_examples: Mapping[str, int] | None = None


def parts_of(found: Findings) -> list[Part]:
    """Give the parts, the deciding ones first."""
    return [
        _verdict(found),
        _figures(found),
        *_changed_rows(found),
        *_added(found),
        _intents(found),
        *_confusions(found),
        _calibration(found),
        _origin(found),
    ]


def _verdict(found: Findings) -> Part:
    judgement = found.judgement
    lines = [f"**{judgement.verdict}**", *judgement.reasons]
    if found.current is not None:
        lines.append(
            f"change in macro-F1: {-judgement.f1_drop:+.3f}, 95 % interval "
            f"{judgement.bootstrap_low:+.3f} to {judgement.bootstrap_high:+.3f} "
            f"(paired bootstrap); McNemar {shown_p(judgement.mcnemar_p)}"
        )
    lines.append(f"live: {f'models/{found.promoted}' if found.promoted else 'no'}")
    return Part(title=f"Run {found.run_id}", lines=tuple(lines))


def _figures(found: Findings) -> Part:
    models = [found.current, found.candidate]
    rows = [
        (
            name,
            *("-" if one is None else f"{getattr(one, field):.3f}" for one in models),
        )
        for name, field in (
            ("accuracy", "accuracy"),
            ("in-scope accuracy", "in_scope_accuracy"),
            ("macro-F1", "macro_f1"),
            ("weighted F1", "weighted_f1"),
            ("calibration error", "calibration_error"),
        )
    ]
    for name, cells in (
        ("entity F1", [_entities(one) for one in models]),
        ("out of scope, accepted", [_strays(one) for one in models]),
        ("test conversations passed", [_stories(one) for one in models]),
    ):
        if set(cells) != {"-"}:
            rows.append((name, *cells))
    rows.append(("test rows", *("-" if one is None else str(one.n) for one in models)))
    return Part(
        title="Both models", header=("", "current", "candidate"), rows=tuple(rows)
    )


def _changed_rows(found: Findings) -> list[Part]:
    """Show the rows on which the models differ."""
    if found.current is None:
        return []
    before, after = found.current.predictions, found.candidate.predictions
    parts = []
    for title, places in (
        ("Broken", found.judgement.broken),
        ("Fixed", found.judgement.fixed),
    ):
        shown = [place for place in places if after[place].row in found.texts]
        rows = tuple(
            (
                found.texts[after[place].row],
                after[place].intent,
                before[place].predicted or "-",
                after[place].predicted or "-",
            )
            for place in shown[:_SHOWN_ROWS]
        )
        left = len(places) - len(rows)
        lines = [f"{len(places)} rows"]
        if left:
            lines.append(f"{left} not shown: people said them, or there are too many")
        parts.append(
            Part(
                title=title,
                lines=tuple(lines),
                header=("text", "right", "current", "candidate") if rows else (),
                rows=rows,
            )
        )
    return parts


def _added(found: Findings) -> list[Part]:
    """Show, by intent, what was learned and what came of it."""
    if found.new_examples is None or not found.new_examples:
        return []
    after = found.candidate.predictions
    fixed = Counter(after[place].intent for place in found.judgement.fixed)
    broken = Counter(after[place].intent for place in found.judgement.broken)
    changes = {one.intent: one for one in found.judgement.intents}
    rows = []
    for intent, number in sorted(
        found.new_examples.items(), key=lambda pair: (-fixed[pair[0]], pair[0])
    ):
        change = changes.get(intent)
        f1 = f"{change.before:.2f} → {change.after:.2f}" if change else "no test rows"
        rows.append(
            (intent, f"{number:+d}", str(fixed[intent]), str(broken[intent]), f1)
        )
    return [
        Part(
            title="What was learned",
            header=("intent", "examples", "fixed", "broken", "F1"),
            rows=tuple(rows),
        )
    ]


def _intents(found: Findings) -> Part:
    if found.current is None:
        scores = found.candidate.per_intent.items()
        rows = [(name, f"{one.f1:.2f}", str(one.support)) for name, one in scores]
        return Part(
            title="Intents",
            header=("intent", "F1", "rows"),
            rows=tuple(rows),
            long=True,
        )
    return Part(
        title="Intents",
        header=("intent", "current F1", "candidate F1", "change", "rows", "p"),
        rows=tuple(
            (
                one.intent,
                f"{one.before:.2f}",
                f"{one.after:.2f}",
                f"{one.after - one.before:+.2f}",
                str(one.support),
                f"{one.p_value:.3f}",
            )
            for one in found.judgement.intents
        ),
        long=True,
    )


def _confusions(found: Findings) -> list[Part]:
    """Show what is taken for what, most often first."""
    counts = {
        name: Counter(
            (one.intent, one.predicted or "-")
            for one in evaluation.predictions
            if one.intent != one.predicted
        )
        for name, evaluation in _models(found).items()
    }
    after = counts["candidate"]
    before = counts.get("current", Counter())
    pairs = sorted(
        {*after, *before}, key=lambda pair: (-after[pair], -before[pair], pair)
    )
    return [
        Part(
            title="Confusions",
            header=("right", "said", "current", "candidate"),
            rows=tuple(
                (*pair, str(before[pair]), str(after[pair]))
                for pair in pairs[:_SHOWN_CONFUSIONS]
            ),
            pictures=_matrices(found),
        )
    ]


def _matrices(found: Findings) -> dict[str, bytes]:
    from rasa_qa_plugin.training.pictures import confusion

    # The intents that are confused most come first: there is room for so many.
    wrong = Counter(
        one.intent for one in found.candidate.predictions if one.intent != one.predicted
    )
    intents = sorted(found.candidate.per_intent, key=lambda name: (-wrong[name], name))
    return {
        f"confusion, {name}": confusion(evaluation, intents)
        for name, evaluation in _models(found).items()
    }


def _calibration(found: Findings) -> Part:
    from rasa_qa_plugin.training.pictures import calibration, confidences

    models = _models(found)
    pictures = {f"confidence, {name}": confidences(one) for name, one in models.items()}
    return Part(
        title="How sure, how right",
        lines=tuple(
            f"{name}: calibration error {one.calibration_error:.3f}"
            for name, one in models.items()
        ),
        pictures={**pictures, "calibration": calibration(models)},
    )


def _origin(found: Findings) -> Part:
    made_from = found.made_from
    rows = [
        ("data and domain", made_from.data),
        ("config.yml", made_from.config),
        ("test set", made_from.test_set),
        ("rasa-qa-plugin", made_from.version),
        *made_from.options.items(),
        *((stage, f"{seconds:g} s") for stage, seconds in found.seconds.items()),
    ]
    return Part(title="Made from", header=("", ""), rows=tuple(rows), long=True)


def _models(found: Findings) -> dict[str, Evaluation]:
    current = {} if found.current is None else {"current": found.current}
    return {**current, "candidate": found.candidate}


def _entities(one: Evaluation | None) -> str:
    return "-" if one is None or one.entities is None else f"{one.entities.f1:.3f}"


def _strays(one: Evaluation | None) -> str:
    if one is None or one.out_of_scope is None:
        return "-"
    return f"{one.out_of_scope.accepted} of {one.out_of_scope.rows}"


def _stories(one: Evaluation | None) -> str:
    if one is None or one.stories is None:
        return "-"
    passed, failed = len(one.stories.passed), len(one.stories.failed)
    return f"{passed} of {passed + failed}"
