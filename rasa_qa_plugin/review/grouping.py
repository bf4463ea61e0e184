"""Near-duplicates among turns: read one, answer all of them."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from rasa_qa_plugin.review.wording import folded

ALIKE = 0.85
"""Least cosine of letter n-grams between a text and the first of its group."""


def leaders(texts: Sequence[str], *, least: float = ALIKE) -> list[int]:
    """Give, for each text, the number of the earlier text that it nearly repeats.

    A text that repeats none leads a group of its own. Each is compared with leaders
    only, so that a chain of small changes does not join texts that have nothing in
    common. Memory grows with the square of the number of texts: 2,000 take 16 MB.
    """
    if not texts:
        return []
    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), preprocessor=folded, dtype=np.float32
    )
    try:
        vectors = vectorizer.fit_transform(texts)
    except ValueError:  # not one letter in all of them
        return list(range(len(texts)))
    close = (vectors @ vectors.T).toarray() >= least
    leader = [-1] * len(texts)
    for number in range(len(texts)):
        if leader[number] >= 0:
            continue
        leader[number] = number
        for other in np.flatnonzero(close[number, number + 1 :]) + number + 1:
            if leader[other] < 0:
                leader[other] = number
    return leader
