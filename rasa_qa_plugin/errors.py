"""Everything this package raises on purpose.

    RasaQAError
    ├── ConfigError             (also ValueError)
    ├── AnnotationError         a file people edited cannot be read
    ├── MergeError              corrections cannot be written into the training data
    ├── TrainingError           a candidate could not be trained, judged or promoted
    └── StorageError
        ├── StorageUnavailableError
        │   └── StorageDamagedError
        └── SchemaMismatchError

Messages read ``key: problem; what to do`` and never hold a value, a text, a URL or a
sender id: Rasa prints exceptions, and logs outlive consent.
"""


class RasaQAError(Exception):
    """Base class of every error raised by rasa_qa_plugin."""


class ConfigError(RasaQAError, ValueError):
    """A setting is missing, unknown or has a value we cannot use."""

    def __init__(self, key: str, problem: str) -> None:
        """Say what is wrong with *key*; never put the rejected value in *problem*."""
        super().__init__(f"{key}: {problem}")
        self.key = key


class AnnotationError(RasaQAError):
    """A file that people annotated cannot be read as one of our formats."""

    def __init__(self, file: str, problem: str, *, line: int | None = None) -> None:
        """Point at *file* and *line*; *problem* ends with what to do."""
        place = file if line is None else f"{file}, line {line}"
        super().__init__(f"{place}: {problem}")
        self.file = file
        self.line = line


class MergeError(RasaQAError):
    """Corrections cannot be written into the training data as they stand."""


class TrainingError(RasaQAError):
    """A candidate model could not be trained, evaluated or promoted."""


class StorageError(RasaQAError):
    """The database refused an operation."""


class StorageUnavailableError(StorageError):
    """The database cannot be reached at the moment."""


class StorageDamagedError(StorageUnavailableError):
    """The database is there and lacks what it should have, until somebody mends it."""


class SchemaMismatchError(StorageError):
    """The database was written by another release of this package."""

    def __init__(self, *, found: str, supported: str) -> None:
        """Name both schema revisions."""
        super().__init__(
            f"database: its schema revision is {found}, this release knows "
            f"{supported}; upgrade rasa_qa_plugin"
        )
        self.found = found
        self.supported = supported
