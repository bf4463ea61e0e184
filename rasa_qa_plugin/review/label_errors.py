"""Which examples probably carry the wrong label: confident learning.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset
Labels", JAIR 70: a class is believed of an example where a model that has not seen it
gives it at least the probability it gives on average to examples that carry the label
(3.1). Counting beliefs by label estimates how many of each label belong elsewhere; that
many are picked where the model is least for the label and most for the other class. An
example must be picked on both counts, the method called C+NR (3.2).
"""

from collections import defaultdict
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.proxy_intents import ProxyIntents

Matrix = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

_FOLDS = 5
_FEWEST = 2


class Suspect(msgspec.Struct, frozen=True):
    """An example whose label is doubted.

    Attributes:
        row: Which example.
        label: Number of the label that fits better.
        margin: How much more probable that one is, 0 to 1.
    """

    row: int
    label: int
    margin: float


def held_out(
    examples: Sequence[Example], *, seed: int = 0
) -> tuple[list[str], Labels, Matrix]:
    """Give intents, each example's intent by number, and what the others say of it.

    Five small models are trained, each without a fifth of every intent's examples, and
    asked about those: shape (examples, intents), rows sum to 1.
    """
    intents = sorted({example.intent for example in examples})
    column = {name: number for number, name in enumerate(intents)}
    labels = np.array([column[one.intent] for one in examples], dtype=np.int64)
    folds = _folds(labels, seed=seed)
    probabilities = np.zeros((len(examples), len(intents)), dtype=np.float32)
    for fold in range(_FOLDS):
        asked = np.flatnonzero(folds == fold)
        if not len(asked) or len(asked) == len(examples):
            continue
        texts = [examples[row].text for row in asked]
        taught = [examples[row] for row in np.flatnonzero(folds != fold)]
        opinion, _ = ProxyIntents(taught, texts, seed=seed).judge(texts, [])
        columns = np.array([column[name] for name in opinion.intents])
        probabilities[asked[:, None], columns] = opinion.probabilities
    return intents, labels, probabilities


def _folds(labels: Labels, *, seed: int) -> Labels:
    """Deal the examples of each label out evenly."""
    random = np.random.default_rng(seed)
    folds = np.zeros(len(labels), dtype=np.int64)
    given: defaultdict[int, int] = defaultdict(lambda: int(random.integers(_FOLDS)))
    for row in random.permutation(len(labels)):
        folds[row] = given[labels[row]] % _FOLDS
        given[labels[row]] += 1
    return folds


def suspects(labels: Labels, probabilities: Matrix) -> list[Suspect]:
    """Give the examples whose label is probably wrong, the clearest first."""
    count, classes = probabilities.shape
    sizes = np.bincount(labels, minlength=classes)
    own = probabilities[np.arange(count), labels]
    joint = _joint(labels, probabilities, sizes, own)
    by_label = np.zeros(count, dtype=bool)
    by_class = np.zeros(count, dtype=bool)
    for label in np.flatnonzero(sizes >= _FEWEST):
        rows = np.flatnonzero(labels == label)
        wrong = round(float(joint[label].sum() - joint[label, label]))
        by_label[rows[np.argsort(own[rows], kind="stable")[:wrong]]] = True
        for other in np.flatnonzero(np.round(joint[label])):
            if other != label:
                most = round(float(joint[label, other]))
                gain = probabilities[rows, other] - own[rows]
                by_class[rows[np.argsort(-gain, kind="stable")[:most]]] = True
    best = probabilities.argmax(axis=1)
    margin = probabilities.max(axis=1, initial=0) - own
    chosen = np.flatnonzero(by_label & by_class & (best != labels))
    return [
        Suspect(row, int(best[row]), round(float(margin[row]), 4))
        for row in chosen[np.argsort(-margin[chosen], kind="stable")].tolist()
    ]


def _joint(
    labels: Labels, probabilities: Matrix, sizes: Labels, own: Matrix
) -> npt.NDArray[np.float64]:
    """Estimate how many examples of each label (rows) belong to each class."""
    classes = len(sizes)
    usual = np.full(classes, np.inf)
    enough = sizes >= _FEWEST
    usual[enough] = (
        np.bincount(labels, weights=own, minlength=classes)[enough] / sizes[enough]
    )
    believed = probabilities >= usual
    likeliest = np.where(believed, probabilities, -1).argmax(axis=1)
    sure = believed.any(axis=1)
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[sure], likeliest[sure]), 1)
    # Every example is of some class, also those of which none is believed.
    counted = joint.sum(axis=1, keepdims=True)
    return np.divide(
        joint * sizes[:, None], counted, out=np.zeros_like(joint), where=counted > 0
    )
