"""The formats by name, by file name, and by what a file holds."""

from importlib import import_module
from pathlib import Path

from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.review.formats import Format

# Modules are loaded when a format is asked for; a file is tried in this order.
_MODULES = {
    "rasa_nlu": "rasa_nlu",
    "label_studio": "label_studio",
    "doccano": "doccano",
    "prodigy": "prodigy",
    "csv": "csv_table",
    "xlsx": "xlsx",
}

NAMES = tuple(_MODULES)
DEFAULT = "rasa_nlu"


def format_named(name: str) -> Format:
    """Give the format of this name."""
    found: Format = import_module(f"{__package__}.{_MODULES[name]}").FORMAT
    return found


def format_for(path: Path) -> Format:
    """Give the format that a file of this name is written in."""
    return _by_suffix(path) or format_named(DEFAULT)


def format_of(content: bytes, path: Path) -> Format:
    """Give the format that a file is written in, whatever its name.

    Raises:
        AnnotationError: It is none of ours.
    """
    for name in NAMES:
        found = format_named(name)
        if found.recognises(content):
            return found
    # A file that somebody spoiled: its own format says best what is wrong.
    expected = _by_suffix(path)
    if expected is None:
        raise AnnotationError(
            path.name, "in none of the known formats; give back what the tool exported"
        )
    return expected


def _by_suffix(path: Path) -> Format | None:
    formats = map(format_named, NAMES)
    return next((one for one in formats if path.suffix in one.suffixes), None)
