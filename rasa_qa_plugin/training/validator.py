"""ADAPTER to `rasa data validate`: ``python -m rasa_qa_plugin.training.validator JOB``.

Runs in its own process, because Rasa exits on errors and loads TensorFlow. Standard
output carries one JSON document. Whatever Rasa prints is dropped: it quotes texts, and
must not stay in a log.
"""

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import msgspec

from rasa_qa_plugin.training.validation import Data, Job, Outcome


def main(arguments: Sequence[str]) -> NoReturn:
    """Validate each state of the data, print what was found, and exit."""
    job = msgspec.json.decode(arguments[0], type=Job)
    answer = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.environ.update(
        RASA_QA_DISABLED="1", RASA_TELEMETRY_ENABLED="false", TF_CPP_MIN_LOG_LEVEL="2"
    )
    # A bot's own importers are found the way Rasa's own commands find them.
    sys.path.insert(1, job.folder)
    try:
        outcomes = [_outcome(job.config, data) for data in job.states]
    except ImportError:
        outcomes = []
    answer.write(msgspec.json.encode(outcomes))
    answer.close()
    os._exit(0)  # TensorFlow's threads may hang an orderly exit.


def _outcome(config: str, data: Data) -> Outcome:
    """Validate as the command does; a file that Rasa cannot read is a finding too."""
    from rasa.cli.utils import validate_files
    from rasa.shared.importers.importer import TrainingDataImporter

    notes = _Notes()
    conflicts = logging.getLogger("rasa.validator")
    conflicts.addHandler(notes)
    try:
        with warnings.catch_warnings(record=True) as raised:
            warnings.simplefilter("always")
            passed = True
            try:
                importer = TrainingDataImporter.load_from_config(
                    config_path=config,
                    domain_path=data.domain,
                    training_data_paths=[data.data],
                )
                validate_files(
                    fail_on_warnings=False, max_history=None, importer=importer
                )
            except SystemExit:
                passed = False
            except ImportError:
                raise
            except Exception as error:  # noqa: BLE001 - Rasa's, of any kind
                passed = False
                notes.found.append(f"{type(error).__name__}: {error}")
    finally:
        conflicts.removeHandler(notes)
    found = [
        str(one.message)
        for one in raised
        if one.category in (UserWarning, FutureWarning)
    ]
    return Outcome(passed=passed, findings=[*notes.found, *found])


class _Notes(logging.Handler):
    """Keeps what Rasa's validator says of stories that contradict each other."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())


if __name__ == "__main__":
    main(sys.argv[1:])
