"""The rows of the frozen test set, as they are read: no model, no statistics."""

from pathlib import Path

from rasa_qa_plugin.errors import MergeError
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.rasa_syntax import read_examples


def read_test_set(path: Path) -> list[Example]:
    """Give the rows of a held-out file; none where there is no file.

    Raises:
        MergeError: Rasa cannot read it.
    """
    try:
        return read_examples(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        kind = type(error).__name__
        raise MergeError(f"{path.name}: cannot be read ({kind}); check it") from None
    except MergeError as problem:
        raise MergeError(f"{path.name}: {problem}") from None
