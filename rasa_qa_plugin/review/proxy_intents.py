"""A quick intent model that learns while people annotate.

It is not the bot's model. It sees the bot's training data and every answer given so
far, is refitted in a moment, and says how probable each intent is for a turn. Where it
doubts the bot's choice, people find errors.

Kernel ridge regression on TF-IDF vectors of words and letters, one target per intent
(Saunders, Gammerman and Vovk 1998, ICML). It is chosen for what its closed form gives:
the fit of the training data is kept as a Cholesky factor and only the rows of new
answers are added to it, and an answer's own prediction without that answer (leave-one-
out) costs nothing (Cawley and Talbot 2003, Pattern Recognition 36(11), eq. 5).
"""

from collections import defaultdict
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, make_union

from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.wording import folded

Matrix = npt.NDArray[np.float32]

# Cost grows with the square of the training data in memory and with its cube in time;
# 6,000 rows are 144 MB and some seconds. Larger sets are thinned out evenly by intent.
MOST_TRAINING_ROWS = 6000
MOST_ANSWERS = 4000
_RIDGE = 0.5
_BIAS = 0.2
# Of the softmax over regression scores, which lie around 0 and 1.
_SHARPNESS = 10.0


class Opinion(msgspec.Struct, frozen=True):
    """What the proxy thinks of some texts.

    Attributes:
        intents: The names, in the order of the columns.
        probabilities: Shape (texts, intents); rows sum to 1.
    """

    intents: list[str]
    probabilities: Matrix

    def of(self, choices: Sequence[str | None]) -> npt.NDArray[np.float64]:
        """Give the probability of one intent per text; 0 for names never trained."""
        column = {name: number for number, name in enumerate(self.intents)}
        return np.array(
            [
                self.probabilities[row, column[name]] if name in column else 0.0
                for row, name in enumerate(choices)
            ],
            dtype=np.float64,
        )

    def best(self, count: int) -> list[list[tuple[str, float]]]:
        """Give the likeliest intents of each text with their probabilities."""
        order = np.argsort(-self.probabilities, axis=1)[:, :count]
        chances = np.take_along_axis(self.probabilities, order, axis=1)
        return [
            [
                (self.intents[column], chance)
                for column, chance in zip(*row, strict=True)
            ]
            for row in zip(order.tolist(), chances.tolist(), strict=True)
        ]


class ProxyIntents:
    """Learns intents from training data once, and from answers again and again."""

    def __init__(
        self, training: Sequence[Example], traffic: Sequence[str], *, seed: int = 0
    ) -> None:
        """Read the training data.

        Args:
            training: What the bot was trained on; may be empty.
            traffic: Texts that will be asked about: what words weigh depends on them.
            seed: Of the choice when there is more training data than is used.
        """
        self._training = _thinned(training, most=MOST_TRAINING_ROWS, seed=seed)
        texts = [example.text for example in self._training]
        distinct = list(dict.fromkeys([*texts, *traffic])) or [""]
        self._vectorizer = _vectorizer()
        self._known = csr_matrix(self._vectorizer.fit_transform(distinct))
        self._row = {text: row for row, text in enumerate(distinct)}
        self._base = self._vectors(texts)
        kernel = _kernel(self._base, self._base)
        kernel[np.diag_indices_from(kernel)] += _RIDGE
        self._factor = (
            cho_factor(kernel, lower=True, overwrite_a=True, check_finite=False)[0]
            if texts
            else kernel
        )

    def judge(
        self, texts: Sequence[str], answers: Sequence[Example]
    ) -> tuple[Opinion, Opinion]:
        """Give the opinions on *texts*, and on each answer had it not been given.

        Args:
            texts: What to judge.
            answers: What people said; the last 4,000 count.
        """
        answers = answers[-MOST_ANSWERS:]
        rows = [*self._training, *answers]
        intents = sorted({example.intent for example in rows})
        if not intents:
            nothing = np.zeros((len(texts), 0), dtype=np.float32)
            return Opinion([], nothing), Opinion([], nothing[:0])
        column = {name: number for number, name in enumerate(intents)}
        prior = np.float32(1 / len(intents))
        targets = np.full((len(rows), len(intents)), -prior, dtype=np.float32)
        for row, example in enumerate(rows):
            targets[row, column[example.intent]] += 1

        added = self._vectors([example.text for example in answers])
        weights, without = self._solve(added, targets)
        # One product with as many columns as intents, however many rows were learned.
        learned = self._base.T @ weights[: len(self._training)]
        learned += added.T @ weights[len(self._training) :]
        constant = _BIAS * weights.sum(axis=0)
        scores = self._vectors(texts) @ learned / 2 + constant
        return (
            Opinion(intents, _softmax(scores)),
            Opinion(intents, _softmax(without)),
        )

    def _solve(self, added: csr_matrix, targets: Matrix) -> tuple[Matrix, Matrix]:
        """Give the weights of all rows and the answers' leave-one-out scores.

        With the kernel's factor in blocks, only those of the answers are computed::

            [K  A']   [L  0] [L' B']        B = A L'^-1
            [A  C ] = [B  M] [0  M']    M M' = C - B B'
        """
        known, new = len(self._training), added.shape[0]
        across = _kernel(self._base, added)
        if not known:  # LAPACK takes no empty matrices
            blocks, first = across, targets[:0]
        else:
            blocks = solve_triangular(
                self._factor, across, lower=True, check_finite=False
            )
            first = solve_triangular(
                self._factor, targets[:known], lower=True, check_finite=False
            )
        corner = _kernel(added, added) - blocks.T @ blocks
        corner[np.diag_indices_from(corner)] += _RIDGE
        if not new:
            weights = solve_triangular(
                self._factor, first, lower=True, trans=1, check_finite=False
            )
            return weights, targets[:0]
        factor = cho_factor(corner, lower=True, check_finite=False)
        last = cho_solve(factor, targets[known:] - blocks.T @ first, check_finite=False)
        head = first - blocks @ last
        if known:
            head = solve_triangular(
                self._factor, head, lower=True, trans=1, check_finite=False
            )
        inverse = cho_solve(
            factor, np.eye(new, dtype=np.float32), check_finite=False
        ).diagonal()
        return np.concatenate([head, last]), targets[known:] - last / inverse[:, None]

    def _vectors(self, texts: Sequence[str]) -> csr_matrix:
        """Give the vectors of texts; reading a text again costs much, so few are."""
        rows = [self._row.get(text) for text in texts]
        if None not in rows:
            return self._known[rows]
        return csr_matrix(self._vectorizer.transform(texts))


def _vectorizer() -> FeatureUnion:
    shared = {"preprocessor": folded, "sublinear_tf": True, "dtype": np.float32}
    return make_union(
        # In folded texts, words and tokens stand between blanks.
        TfidfVectorizer(tokenizer=str.split, ngram_range=(1, 2), **shared),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), **shared),
    )


def _kernel(left: csr_matrix, right: csr_matrix) -> Matrix:
    """Give the mean cosine of words and of letters, with a constant for the offset."""
    kernel: Matrix = (left @ right.T).toarray()
    kernel /= 2
    kernel += np.float32(_BIAS)
    return kernel


def _softmax(scores: Matrix) -> Matrix:
    scaled = scores * np.float32(_SHARPNESS)
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def _thinned(examples: Sequence[Example], *, most: int, seed: int) -> Sequence[Example]:
    """Leave out examples of the largest intents until few enough remain."""
    if len(examples) <= most:
        return examples
    order = np.random.default_rng(seed).permutation(len(examples))
    by_intent: defaultdict[str, list[int]] = defaultdict(list)
    for number in order:
        by_intent[examples[number].intent].append(int(number))
    # Round after round one example of every intent, while there is room.
    rounds = sorted(
        (turn, number)
        for numbers in by_intent.values()
        for turn, number in enumerate(numbers)
    )
    return [examples[number] for number in sorted(n for _, n in rounds[:most])]
