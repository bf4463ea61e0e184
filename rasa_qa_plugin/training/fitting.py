"""ADAPTER to Rasa's training; imported by the worker's process only."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.training.job import Job

if TYPE_CHECKING:
    from rasa.shared.importers.importer import TrainingDataImporter

_SEEDED = ("DIETClassifier", "ResponseSelector", "TEDPolicy", "UnexpecTEDIntentPolicy")

Say = Callable[[str, str, float | None], None]


def validate(job: Job) -> None:
    """Check data and domain as `rasa train` does, before anything is trained.

    Raises:
        TrainingError: They contradict each other; Rasa's own words, which may quote
            texts, are in the log.
    """
    from rasa.cli.utils import validate_files

    try:
        validate_files(False, None, _importer(job))
    except SystemExit:
        raise TrainingError(
            "validation: data and domain contradict each other; "
            "run `rasa data validate`"
        ) from None


def fit(job: Job, run_folder: Path, say: Say) -> Path:
    """Train all of the bot; dialogue comes from Rasa's cache if it did not change.

    Raises:
        TrainingError: Rasa made no model, or cannot train the current one further.
    """
    import rasa
    from rasa.shared.exceptions import InvalidConfigException

    config = run_folder / "config.yml"
    shutil.copyfile(job.path(job.config), config)
    adjust(config, seed=job.random_seed, overrides=job.overrides)
    options: dict[str, Any] = {}
    if job.finetune is not None and job.current is not None:
        options["model_to_finetune"] = str(job.path(job.current))
        options["finetuning_epoch_fraction"] = job.finetune
    try:
        with _epochs_reported(say):
            trained = rasa.train(
                domain=str(job.domain_path()),
                config=str(config),
                training_files=str(job.path(job.data)),
                output=str(run_folder / "candidate"),
                **options,
            )
    except InvalidConfigException:
        if not options:
            raise
        # Rasa compares the configurations, and ours is seeded.
        raise TrainingError(
            "--finetune: fine-tunes only models of `rasa-qa retrain` with the same "
            "config.yml and intents; run it once without --finetune"
        ) from None
    if trained.code or not trained.model:
        raise TrainingError("training: Rasa made no model; check data and domain")
    return Path(trained.model).absolute()


def adjust(config: Path, *, seed: int | None, overrides: dict[str, Any]) -> None:
    """Seed unseeded components of the copied configuration, and set what is asked.

    Without a seed the same data gives another model each time, and scores that differ
    by more than the gate allows.

    Raises:
        TrainingError: An override names no component of the configuration.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    content = yaml.load(config)
    parts = [*(content.get("pipeline") or ()), *(content.get("policies") or ())]
    parts = [part for part in parts if isinstance(part, dict)]
    for part in parts:
        if seed is not None and str(part.get("name")).endswith(_SEEDED):
            part.setdefault("random_seed", seed)
    for key, value in overrides.items():
        name, _, option = key.rpartition(".")
        named = [part for part in parts if part.get("name") == name]
        if not named:
            raise TrainingError(
                f"--set {key}: config.yml has no such component; "
                "write COMPONENT.OPTION=VALUE"
            )
        for part in named:
            part[option] = value
    yaml.dump(content, config)


@contextmanager
def _epochs_reported(say: Say) -> Iterator[None]:
    """Report every epoch while the block runs.

    Hooks Rasa's own epoch callback: reading its progress bar from the log would need a
    pipe, which can fill while TensorFlow holds the interpreter.
    """
    from rasa.utils.tensorflow.callback import RasaTrainingLogger

    original = RasaTrainingLogger.on_epoch_end

    def on_epoch_end(self: Any, epoch: int, logs: Any = None) -> None:
        original(self, epoch, logs)
        total = getattr(self.progress_bar, "total", None) or epoch + 1
        name = type(self.model).__name__
        message = f"{name}: epoch {epoch + 1} of {total}"
        say("train", message, min(1.0, (epoch + 1) / total))

    RasaTrainingLogger.on_epoch_end = on_epoch_end
    try:
        yield
    finally:
        RasaTrainingLogger.on_epoch_end = original


def trained_examples(job: Job) -> dict[str, int]:
    """Count the training examples by intent."""
    counts = _importer(job).get_nlu_data().number_of_examples_per_intent
    return {str(intent): number for intent, number in counts.items()}


def _importer(job: Job) -> "TrainingDataImporter":
    """Give what reads the bot as training does, by the importers of its config.yml."""
    from rasa.shared.importers.importer import TrainingDataImporter

    return TrainingDataImporter.load_from_config(
        config_path=str(job.path(job.config)),
        domain_path=str(job.domain_path()),
        training_data_paths=[str(job.path(job.data))],
    )
