"""Public intent data as a bot's training set, its traffic, and a test set."""

import random
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.rasa_syntax import read_examples
from rasa_qa_plugin.review.wording import folded


class Split(NamedTuple):
    """One set, dealt out: no text is in two of the parts."""

    name: str
    training: list[Example]
    traffic: list[Example]
    test: list[Example]


class Prediction(NamedTuple):
    """What a bot made of a text."""

    intent: str
    confidence: float
    second_intent: str
    margin: float


def deal(
    name: str, data: Path, *, per_intent: int, traffic: int, test: int, seed: int = 1
) -> Split:
    """Pool the files of a set, and deal them out.

    Args:
        name: Files are ``nlu/{name}_train.yml`` and ``nlu/{name}_test.yml``.
        data: Folder of the development data.
        per_intent: Training examples of each intent.
        traffic: Turns that people will review, in the mix of the data.
        test: Texts on which the retrained bot is measured.
        seed: Of the shuffle.
    """
    distinct: dict[str, Example] = {}
    for part in ("train", "test"):
        text = (data / "nlu" / f"{name}_{part}.yml").read_text(encoding="utf-8")
        for read in read_examples(text):
            example = Example(read.text, read.intent)
            distinct.setdefault(folded(read.text), example)
    pool = list(distinct.values())
    random.Random(seed).shuffle(pool)
    training: list[Example] = []
    rest: list[Example] = []
    taken: defaultdict[str, int] = defaultdict(int)
    for example in pool:
        if taken[example.intent] < per_intent:
            taken[example.intent] += 1
            training.append(example)
        else:
            rest.append(example)
    return Split(
        f"{name}, {per_intent} an intent",
        training,
        rest[:traffic],
        rest[traffic : traffic + test],
    )


def fast_model() -> Pipeline:
    """Give an untrained intent model: words and letters, logistic regression."""
    features = make_union(
        TfidfVectorizer(),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4)),
    )
    return make_pipeline(features, LogisticRegression(C=10, max_iter=100))


def trained(examples: list[Example]) -> Pipeline:
    """Train the fast model."""
    return fast_model().fit(
        [example.text for example in examples],
        [example.intent for example in examples],
    )


def predictions(model: Pipeline, texts: list[str]) -> list[Prediction]:
    """Give what the fast model makes of texts."""
    chances = model.predict_proba(texts)
    order = np.argsort(-chances, axis=1)
    names = model.classes_
    return [
        Prediction(
            intent=str(names[best]),
            confidence=float(row[best]),
            second_intent=str(names[second]),
            margin=float(row[best] - row[second]),
        )
        for row, (best, second) in zip(chances, order[:, :2], strict=True)
    ]
