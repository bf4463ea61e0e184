"""How a run ended, and what stays of it to read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.training import rendering
from rasa_qa_plugin.training.evaluation import (
    Evaluation,
    TrainingResult,
    load_result,
)
from rasa_qa_plugin.training.gate import Judgement
from rasa_qa_plugin.training.job import RESULT_NAME
from rasa_qa_plugin.training.provenance import Provenance
from rasa_qa_plugin.training.report import Findings, parts_of

_LOOKED_BACK = 50


class Rows(msgspec.Struct, frozen=True):
    """The words of the test set by row key.

    Attributes:
        personal: Keys of rows that a person said: no erasure reaches a report or a log.
    """

    texts: Mapping[str, str]
    personal: frozenset[str] = frozenset()

    def public(self) -> dict[str, str]:
        """Give the words that may be shown: those of nobody in particular."""
        return {
            key: text for key, text in self.texts.items() if key not in self.personal
        }


ReadRows = Callable[[], Rows]


class Retraining(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended.

    Attributes:
        run_folder: Relative to the bot folder; candidate, log and result are there.
        promoted: The model in models/, or None when it was not promoted.
        servers: Addresses of the servers that loaded it.
        texts: Words of test rows that may be shown, by key.
        notes: What else went wrong; the verdict and the models do not depend on it.
    """

    run_id: str
    run_folder: str
    started_at: float
    result: TrainingResult
    judgement: Judgement
    made_from: Provenance
    promoted: Path | None = None
    servers: tuple[str, ...] = ()
    texts: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()

    def report(self) -> dict[str, Any]:
        """Give metrics, verdict and reasons as plain values; no rows, no texts."""
        current = self.result.current
        judgement = msgspec.to_builtins(self.judgement)
        return {
            "run_id": self.run_id,
            **judgement,
            "fixed": len(self.judgement.fixed),
            "broken": len(self.judgement.broken),
            "current": None if current is None else _metrics(current),
            "candidate": _metrics(self.result.candidate),
            "seconds": self.result.seconds,
            "made_from": msgspec.to_builtins(self.made_from),
            "promoted": None if self.promoted is None else self.promoted.name,
        }


def reported(run_folder: Path, done: Retraining) -> Retraining:
    """Write down what was found; what is live by now stays so if that fails."""
    try:
        _report(run_folder, done)
    except Exception as error:  # noqa: BLE001 - the disk's, or matplotlib's
        note = (
            f"report: not written ({type(error).__name__}); "
            f"`rasa-qa runs show {done.run_id}` has its figures"
        )
        return msgspec.structs.replace(done, notes=(*done.notes, note))
    return done


def _report(run_folder: Path, done: Retraining) -> None:
    judged = done.result
    findings = Findings(
        run_id=done.run_id,
        judgement=done.judgement,
        current=judged.current,
        candidate=judged.candidate,
        made_from=done.made_from,
        seconds=judged.seconds,
        promoted=None if done.promoted is None else done.promoted.name,
        texts=done.texts,
        new_examples=_new_examples(run_folder.parent, judged),
    )
    rendering.write(run_folder, parts_of(findings), done.report())


def _new_examples(folder: Path, judged: TrainingResult) -> dict[str, int] | None:
    """Count what the candidate learned beyond the run that made the current model."""
    if judged.current is None:
        return None
    newest_first = sorted(folder.glob(f"*/{RESULT_NAME}"), reverse=True)
    for path in newest_first[:_LOOKED_BACK]:
        former = result_of(path.parent)
        if former and former.candidate.model_id == judged.current.model_id:
            if not (judged.examples and former.examples):
                return None  # One of them was not counted.
            changes = {
                intent: judged.examples.get(intent, 0) - former.examples.get(intent, 0)
                for intent in {*judged.examples, *former.examples}
            }
            return {intent: number for intent, number in changes.items() if number}
    return None


def result_of(folder: Path) -> TrainingResult | None:
    """Give what a run measured; None where that is gone, or of another version."""
    try:
        return load_result(folder / RESULT_NAME)
    except TrainingError:
        return None


def _metrics(evaluation: Evaluation) -> dict[str, Any]:
    metrics = msgspec.structs.asdict(evaluation)
    del metrics["predictions"]
    return msgspec.to_builtins(metrics)  # type: ignore[no-any-return]
