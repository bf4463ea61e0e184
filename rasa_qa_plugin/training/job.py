"""What a training is asked to do, and what it says while it works."""

from pathlib import Path
from typing import Annotated, Any

import msgspec

from rasa_qa_plugin.errors import TrainingError

LOG_NAME = "worker.log"
RESULT_NAME = "result.json"
REREAD_NAME = "candidate/reread.json"
"""What the candidate makes of the turns that wait; it goes with the candidate."""

_MAKE_ONE = (
    "write one in the form of nlu.yml, or let `rasa-qa test-set --from-approved 0.2` "
    "take it from corrections before they are merged"
)


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One training and evaluation; paths are absolute or relative to the bot folder.

    Attributes:
        bot: The bot folder.
        run_folder: Where candidate, log and result go; never the models folder.
        test_set: Frozen NLU file; may not lie inside *data*.
        current: Model to compare with; None for a bot's first model.
        candidate: Model to evaluate; None trains one.
        domain: Domain file or folder; None takes what the bot has.
        random_seed: Given to components of the pipeline and to policies that are left
            unseeded, in the copied configuration only; None leaves all as they are.
        overrides: Options of components, ``{"DIETClassifier.epochs": 50}``, likewise.
        finetune: Share of the epochs to train *current* further with; None trains anew.
        test_stories: File or folder of ``test_*.yml`` conversations.
        out_of_scope: Intent of test rows that are none of the bot's business.
        nice: How much the bot's own process goes first.
    """

    bot: str
    run_folder: str
    test_set: str
    current: str | None = None
    candidate: str | None = None
    config: str = "config.yml"
    data: str = "data"
    domain: str | None = None
    random_seed: int | None = 42
    overrides: dict[str, Any] = {}
    finetune: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] | None = None
    test_stories: str | None = None
    out_of_scope: str = "out_of_scope"
    nice: Annotated[int, msgspec.Meta(ge=0, le=19)] = 10
    timeout_minutes: Annotated[float, msgspec.Meta(gt=0.0)] = 120.0

    def path(self, name: str) -> Path:
        """Give *name* as an absolute path."""
        return Path(self.bot).absolute() / name

    def domain_path(self) -> Path:
        """Give the domain the way Rasa's own commands would find it."""
        if self.domain is not None:
            return self.path(self.domain)
        file = self.path("domain.yml")
        return file if file.exists() else self.path("domain")


class Progress(msgspec.Struct, frozen=True):
    """A line on the worker's standard output.

    Attributes:
        stage: import, validate, train, evaluate_current, evaluate_candidate, reread,
            done or error.
        progress: Share of this stage's current step; None when it cannot be known. It
            begins again with every component that trains in epochs.
    """

    stage: str
    message: str = ""
    progress: float | None = None


def check_job(job: Job) -> None:
    """Find what would make a training fail before TensorFlow is loaded for it.

    Raises:
        TrainingError: Something is missing, or the test set is part of the data.
    """
    test_set, data = job.path(job.test_set), job.path(job.data)
    required = {"test set": test_set}
    if job.current is not None:
        required["current model"] = job.path(job.current)
    if job.candidate is not None:
        required["candidate model"] = job.path(job.candidate)
    else:
        required["configuration"] = job.path(job.config)
        required["training data"] = data
        required["domain"] = job.domain_path()
    for what, path in required.items():
        if not path.exists():
            remedy = _MAKE_ONE if path is test_set else "check the path"
            raise TrainingError(f"{what}: {path.name} not found; {remedy}")
    if test_set.resolve().is_relative_to(data.resolve()):
        raise TrainingError(
            "test set: lies inside the training data, so training would see it; "
            "move it out"
        )
    models = job.path("models").resolve()
    if job.path(job.run_folder).resolve().is_relative_to(models):
        raise TrainingError(
            "run folder: lies inside models/, where Rasa would load the candidate; "
            "choose another"
        )
