"""Models elsewhere: trained by another server, stored where a fleet fetches them."""

import importlib
import shutil
from pathlib import Path

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.training.bundle import bundle
from rasa_qa_plugin.training.deploy import model_id
from rasa_qa_plugin.training.fitting import adjust
from rasa_qa_plugin.training.job import Job
from rasa_qa_plugin.training.rasa_server import Server

_STORAGES = ("aws", "gcs", "azure")


def train_elsewhere(server: Server, bot: Bot, job: Job) -> Path:
    """Have another Rasa server train the candidate; give it in the run folder.

    Its models folder stays as it is, and so does this machine's processor.

    Raises:
        TrainingError: The server did not train, or not what Rasa can load.
    """
    run_folder = job.path(job.run_folder)
    run_folder.mkdir(parents=True, exist_ok=True)
    config = run_folder / "config.yml"
    shutil.copyfile(job.path(job.config), config)
    adjust(config, seed=job.random_seed, overrides=job.overrides)
    content = server.train(bundle(bot, config), timeout=job.timeout_minutes * 60)
    candidate = run_folder / "candidate" / "trained-elsewhere.tar.gz"
    candidate.parent.mkdir(exist_ok=True)
    candidate.write_bytes(content)
    model_id(candidate)
    return candidate


def check_storage(storage: str | None) -> None:
    """Find out before a training whether there is such a storage; None is in order.

    Raises:
        TrainingError: It is neither one of Rasa's nor the path of a persistor.
    """
    if storage is None or storage in _STORAGES:
        return
    module, _, name = storage.rpartition(".")
    try:
        getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        raise TrainingError(
            f"--upload: no such storage; choose from {', '.join(_STORAGES)}, or give "
            "the dotted path of a persistor"
        ) from None


def upload(model: Path, storage: str) -> None:
    """Put *model* where ``rasa run --remote-storage STORAGE`` fetches it.

    ADAPTER to Rasa: *storage* is ``aws``, ``gcs``, ``azure`` or the dotted path of a
    persistor, which read their places from Rasa's own environment variables.

    Raises:
        TrainingError: The storage is unknown or refused it.
    """
    from rasa.nlu.persistor import get_persistor

    try:
        persistor = get_persistor(storage)
        # Its public way packs a folder; a model is packed already.
        persistor._persist_tar(model.name, str(model))  # noqa: SLF001
    except Exception as error:  # noqa: BLE001 - of any cloud's library; may hold a token
        raise TrainingError(
            f"--upload: the model is live but not stored ({type(error).__name__}); "
            "check BUCKET_NAME and the credentials that Rasa's docs name"
        ) from None
