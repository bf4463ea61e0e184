"""How well a text fits what the bot was trained on, whatever the model made of it.

Texts are compared by the words they share, rare ones counting more: the cosine of
binary TF-IDF vectors. A word that the training data lack stands in part for the known
word that is spelled most like it, so that inflection and typing errors count little.

A distance means little by itself: it grows as training data get fewer. So novelty is
its rank among the distances from training examples to their own nearest fellows, and
one limit serves bots of any size (conformal anomaly detection, Laxhammar and Falkman
2010, with the distance to the nearest neighbour as the measure of strangeness).
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from rasa_qa_plugin.review.wording import folded, grams_of

FORMAT = 1
"""Of the file; models hold it for years."""

_NUMBER = re.compile(r"\d+")
# Words that share fewer of their letters are other words.
_ALIKE = 0.5
# A long text has enough known words, and looking for one that is spelled alike costs.
_MOST_GUESSES = 20
_NEIGHBOURS = 10
# Examples less than half as near as the nearest are no neighbours.
_NEAR = 0.5
# Of the training examples whose distance to the others is measured.
_SAMPLE = 2000
_LEVELS = 256
# Examples at all distances that are added to the real ones: a handful ranks nothing.
_IMAGINED = 5
# Of two texts with the same words, but for rounding.
_SAME = 1e-6
_NO_INTENT = -1
_NEVER = -2

Indices = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


class Fit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a text fits the training data; None where there is nothing to compare.

    Attributes:
        novelty: Share of the training examples that are nearer to their fellows than
            the text is to any of them; 0 for a text with the words of an example, 1
            for one that shares nothing.
        unknown_words: Share of its words that the training data lack.
        agreement: Share of its nearest examples that carry the intent asked about, the
            nearer ones counting more.
    """

    novelty: float | None = None
    unknown_words: float | None = None
    agreement: float | None = None


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of the training examples: which words each holds, without order.

    Attributes:
        words: All of them.
        intents: Their names.
        bounds: Where in *held* the words of each example begin, and the end.
        held: Numbers of words, example after example.
        labels: Number of each example's intent; -1 without one.
    """

    words: list[str]
    intents: list[str]
    bounds: Indices
    held: Indices
    labels: Indices


class Familiarity:
    """Tells how texts fit the training examples.

    Nothing changes once it is made: threads may share it.
    """

    def __init__(self, learned: Learned, fellows: Numbers | None = None) -> None:
        """Build the index.

        Args:
            learned: From the training examples.
            fellows: Quantiles of the examples' distances to their nearest fellows;
                measured when missing.
        """
        self._learned = learned
        self._number = {word: number for number, word in enumerate(learned.words)}
        self._intent = {name: number for number, name in enumerate(learned.intents)}
        self._count = len(learned.labels)
        # Which examples hold a word, word after word.
        example = np.repeat(np.arange(self._count), np.diff(learned.bounds))
        self._holders = example[np.argsort(learned.held, kind="stable")]
        counts = np.bincount(learned.held, minlength=len(learned.words))
        self._starts = [0, *np.cumsum(counts).tolist()]
        self._weights = self._weight(counts)
        self._strange = float(self._weight(np.zeros(1))[0])
        self._shrink = 1 / np.sqrt(
            np.bincount(example, self._weights[learned.held], minlength=self._count)
        )
        self._spelling = _Spelling(learned.words)
        self._fellows = self._measure() if fellows is None else fellows

    @classmethod
    def learn(cls, examples: Iterable[tuple[str, str | None]]) -> "Familiarity":
        """Read training examples: text and intent, None for one without."""
        distinct = dict.fromkeys(
            (tuple(sorted(found)), intent)
            for text, intent in examples
            if (found := _words_of(text))
        )
        words = sorted({word for held, _ in distinct for word in held})
        intents = sorted({intent for _, intent in distinct if intent is not None})
        number = {word: at for at, word in enumerate(words)}
        label: dict[str | None, int] = {name: at for at, name in enumerate(intents)}
        return cls(
            Learned(
                words=words,
                intents=intents,
                bounds=_bounds([len(held) for held, _ in distinct]),
                held=_indices(number[word] for held, _ in distinct for word in held),
                labels=_indices(label.get(name, _NO_INTENT) for _, name in distinct),
            )
        )

    def fit(self, text: str, intent: str | None) -> Fit:
        """Tell how *text* fits, and whether what is near it carries *intent*."""
        words = _words_of(text)
        if not words or not self._count:
            return Fit()
        nearness = self._nearness(words)
        nearest = float(nearness.max())
        unknown = sum(word not in self._number for word in words)
        return Fit(
            novelty=round(self._rank(1 - nearest), 4),
            unknown_words=round(unknown / len(words), 4),
            agreement=self._agreement(nearness, nearest, intent),
        )

    def save(self, file: Path) -> None:
        """Write what was learned; the same examples give the same bytes."""
        learned = self._learned
        np.savez_compressed(
            file,
            format=np.array(FORMAT),
            words=_packed(learned.words),
            intents=_packed(learned.intents),
            sizes=_small(np.diff(learned.bounds)),
            held=_small(learned.held),
            labels=_small(learned.labels + 1),
            fellows=self._fellows.astype(np.float32),
        )

    @classmethod
    def load(cls, file: Path) -> "Familiarity | None":
        """Read what was learned; None when another release wrote it in another way."""
        with np.load(file, allow_pickle=False) as data:
            if int(data["format"]) != FORMAT:
                return None
            learned = Learned(
                words=_unpacked(data["words"]),
                intents=_unpacked(data["intents"]),
                bounds=_bounds(data["sizes"]),
                held=data["held"].astype(np.int64),
                labels=data["labels"].astype(np.int64) - 1,
            )
            return cls(learned, data["fellows"].astype(np.float64))

    def _weight(self, counts: npt.NDArray[Any]) -> Numbers:
        """Give the squared inverse document frequency of words so often held."""
        weight: Numbers = (np.log((self._count + 1) / (counts + 1)) + 1) ** 2
        return weight

    def _nearness(self, words: AbstractSet[str]) -> Numbers:
        """Give the cosine of a text to each example."""
        share: dict[int, float] = {}
        total = 0.0
        guesses = 0
        for word in sorted(words):
            number = self._number.get(word)
            alike = 1.0
            if number is None and guesses < _MOST_GUESSES:
                guesses += 1
                number, alike = self._spelling.likest(word)
            if number is None:
                total += self._strange
                continue
            total += alike * self._weights[number] + (1 - alike) * self._strange
            share[number] = max(share.get(number, 0.0), alike)
        if not share:
            return np.zeros(self._count)
        starts, known = self._starts, list(share)
        parts = [self._holders[starts[one] : starts[one + 1]] for one in known]
        common = np.sqrt(list(share.values())) * self._weights[known]
        shared: Numbers = np.bincount(
            np.concatenate(parts),
            np.repeat(common, [len(part) for part in parts]),
            minlength=self._count,
        ).astype(np.float64, copy=False)
        return shared * self._shrink / math.sqrt(total)

    def _measure(self) -> Numbers:
        """Give quantiles of the examples' distances to their nearest fellows."""
        if self._count < 2:  # noqa: PLR2004 - one has no fellow
            return np.zeros(0)
        learned, distances = self._learned, []
        for row in np.unique(np.linspace(0, self._count - 1, _SAMPLE).astype(int)):
            held = learned.held[slice(*learned.bounds[row : row + 2])]
            nearness = self._nearness({learned.words[number] for number in held})
            nearness[row] = 0
            distances.append(1 - nearness.max())
        quantiles: Numbers = np.quantile(distances, np.linspace(0, 1, _LEVELS))
        # As it is saved, so that a loaded one tells the same.
        return quantiles.astype(np.float32).astype(np.float64)

    def _rank(self, distance: float) -> float:
        """Give the share of the examples whose fellows are nearer than *distance*."""
        if distance < _SAME or not len(self._fellows):
            return float(distance >= _SAME)
        levels = np.linspace(0, 1, len(self._fellows))
        nearer = float(np.interp(distance, self._fellows, levels)) * self._count
        return (nearer + distance * _IMAGINED) / (self._count + _IMAGINED)

    def _agreement(
        self, nearness: Numbers, nearest: float, intent: str | None
    ) -> float | None:
        if intent is None or not nearest:
            return None
        near = np.flatnonzero(nearness >= nearest * _NEAR)
        if len(near) > _NEIGHBOURS:
            last = len(near) - _NEIGHBOURS
            near = near[np.argpartition(nearness[near], last)[last:]]
        weights = nearness[near]
        agrees = self._learned.labels[near] == self._intent.get(intent, _NEVER)
        return round(float(weights[agrees].sum() / weights.sum()), 4)


class _Spelling:
    """Finds the known word that is spelled most like an unknown one."""

    def __init__(self, words: Sequence[str]) -> None:
        spelled = [grams_of(word) for word in words]
        holders: defaultdict[str, list[int]] = defaultdict(list)
        for number, grams in enumerate(spelled):
            for gram in grams:
                holders[gram].append(number)
        self._holders: Mapping[str, Indices] = {
            gram: np.array(numbers) for gram, numbers in holders.items()
        }
        self._sizes = np.array([len(grams) for grams in spelled])

    def likest(self, word: str) -> tuple[int | None, float]:
        """Give a word's number and how alike it is, 0.5 to 1; None without one."""
        grams = grams_of(word)
        parts = [self._holders[gram] for gram in grams if gram in self._holders]
        if not parts:
            return None, 0.0
        shared = np.bincount(np.concatenate(parts), minlength=len(self._sizes))
        alike = 2 * shared / (self._sizes + len(grams))
        best = int(alike.argmax())
        if alike[best] < _ALIKE:
            return None, 0.0
        return best, float(alike[best])


def _words_of(text: str) -> set[str]:
    """Give the folded words of a text; all numbers are one word."""
    return set(_NUMBER.sub("0", folded(text)).split())


def _bounds(sizes: npt.ArrayLike) -> Indices:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


def _indices(numbers: Iterable[int]) -> Indices:
    return np.fromiter(numbers, dtype=np.int64)


def _small(numbers: Indices) -> npt.NDArray[Any]:
    """Give numbers of zero and more in as few bytes as hold the largest."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def _packed(names: list[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(msgspec.json.encode(names), dtype=np.uint8)


def _unpacked(packed: npt.NDArray[np.uint8]) -> list[str]:
    return msgspec.json.decode(packed.tobytes(), type=list[str])
