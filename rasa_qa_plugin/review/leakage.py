"""Test rows that training has seen: they flatter a model instead of judging it."""

from collections.abc import Sequence

import msgspec
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from rasa_qa_plugin.review.items import same_text_key
from rasa_qa_plugin.review.wording import folded

NEARLY = 0.9
"""Least cosine of letter n-grams between a test row and the training row it repeats."""
_ROWS_AT_ONCE = 500


class Leak(msgspec.Struct, frozen=True):
    """A test row that training data repeats.

    Attributes:
        held_out: Place among the test rows.
        trained: Place among the training rows.
        exact: Whether no model could tell the two apart.
    """

    held_out: int
    trained: int
    exact: bool


def leaks(
    held_out: Sequence[str], trained: Sequence[str], *, least: float = NEARLY
) -> list[Leak]:
    """Give the test rows that are in the training data, or nearly so, each once."""
    places: dict[str, int] = {}
    for place, text in enumerate(trained):
        places.setdefault(same_text_key(text), place)
    keys = [same_text_key(text) for text in held_out]
    found = {
        row: Leak(row, places[key], exact=True)
        for row, key in enumerate(keys)
        if key in places
    }
    for row, place in _nearest(held_out, trained, least).items():
        found.setdefault(row, Leak(row, place, exact=False))
    return [found[row] for row in sorted(found)]


def _nearest(
    held_out: Sequence[str], trained: Sequence[str], least: float
) -> dict[int, int]:
    """Give the nearest training row of each test row that is near enough."""
    if not held_out or not trained:
        return {}
    vectorizer = TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(2, 4),
        preprocessor=folded,
        dtype=np.float32,
        use_idf=False,  # whether two rows are alike is not a matter of the others
    )
    try:
        vectorizer.fit([*held_out, *trained])
    except ValueError:  # not one letter in all of them
        return {}
    known = vectorizer.transform(trained).T.tocsr()
    nearest = {}
    for start in range(0, len(held_out), _ROWS_AT_ONCE):
        rows = vectorizer.transform(held_out[start : start + _ROWS_AT_ONCE])
        alike = (rows @ known).tocsr()
        for offset in range(alike.shape[0]):
            row = alike.getrow(offset)
            if row.nnz and row.data.max() >= least:
                nearest[start + offset] = int(row.indices[row.data.argmax()])
    return nearest
