"""Which texts are nearly the same, among very many.

Alike means what :func:`rasa_qa_plugin.review.wording.similarity` measures: shared
letter trigrams. Texts that share enough of all their trigrams share some of their
rarest ones, and can differ in length by so much only, so most pairs are never looked at
(prefix filter: Chaudhuri, Ganti and Kaushik 2006, ICDE; with several shared ones: Wang,
Li and Feng 2012, SIGMOD). Of those that are, a sketch of 64 bits tells most apart: bits
that differ are trigrams that differ.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from rasa_qa_plugin.review.wording import folded, grams_of

Numbers = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]

# How many of its rarest trigrams a pair must share before it is looked at: more leave
# fewer candidates, and make longer prefixes.
_SHARED = 3
_BLOCK = 512
# Of one wording; a template that is filled in ten thousand ways has as many.
_MOST_TWINS = 20
_ROUNDING = 1e-9
_SET_BITS = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)


class Twin(msgspec.Struct, frozen=True):
    """A text that nearly says the same as a later one; *similarity* is 1 at most."""

    number: int
    similarity: float


class Twins:
    """Knows which of many texts are alike."""

    def __init__(self, texts: Sequence[str], *, least: float) -> None:
        """Compare all texts.

        Args:
            texts: Each is numbered by its place.
            least: Smallest similarity of texts that count as alike, more than 0.
        """
        self._wording = [folded(text) for text in texts]
        # What reads the same is compared once, however often it comes.
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        for number, wording in enumerate(self._wording):
            self._places[wording].append(number)
        wordings = [wording for wording in self._places if wording]
        self._alike: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
        for one, other, similarity in _pairs(wordings, least):
            self._alike[wordings[one]].append((similarity, wordings[other]))
            self._alike[wordings[other]].append((similarity, wordings[one]))

    def before(self, number: int) -> Iterator[Twin]:
        """Give the twins of a text among those before it, the most similar first.

        Of very many, some. A text without letters and digits has none.
        """
        own = self._wording[number]
        if not own:
            return
        for similarity, wording in [(1.0, own), *sorted(self._alike[own])[::-1]]:
            for other in self._places[wording][:_MOST_TWINS]:
                if other < number:
                    yield Twin(other, similarity)


def _pairs(wordings: Sequence[str], least: float) -> Iterator[tuple[int, int, float]]:
    """Give the pairs of different folded texts that are at least so similar."""
    if not wordings:
        return
    grams = _grams(wordings)
    size = np.diff(grams.indptr)
    # Two alike share at least this part of the trigrams of each.
    part = least / (2 - least)
    needed = np.ceil(part * size - _ROUNDING).astype(np.int64)
    by_size = np.argsort(size, kind="stable")
    rare = _rarest(grams, np.minimum(size, size - needed + _SHARED))[by_size]
    sketch = _sketches(grams)
    sizes, needs = size[by_size], np.minimum(needed[by_size], _SHARED)
    for start in range(0, len(wordings), _BLOCK):
        end = min(start + _BLOCK, len(wordings))
        first = int(np.searchsorted(sizes, part * sizes[start] - _ROUNDING))
        shared = (rare[start:end] @ rare[first:end].T).tocsr()
        row = np.repeat(np.arange(start, end), np.diff(shared.indptr))
        column = shared.indices + first
        enough = shared.data >= np.minimum(needs[row], needs[column])
        chosen = np.flatnonzero(enough & (column < row))
        one, other = by_size[row[chosen]], by_size[column[chosen]]
        differ = _ones(sketch[one] ^ sketch[other])
        close = differ <= (1 - least) * (size[one] + size[other]) + _ROUNDING
        yield from _proven(grams, size, one[close], other[close], least)


def _proven(
    grams: csr_matrix, size: Numbers, one: Numbers, other: Numbers, least: float
) -> Iterator[tuple[int, int, float]]:
    """Give those candidates that are similar, for each text the most similar ones."""
    if not len(one):
        return
    shared = np.asarray(grams[one].multiply(grams[other]).sum(axis=1)).ravel()
    similarity = 2 * shared / (size[one] + size[other])
    alike = np.flatnonzero(similarity >= least - _ROUNDING)
    found: defaultdict[int, int] = defaultdict(int)
    for at in alike[np.argsort(-similarity[alike], kind="stable")].tolist():
        text = int(one[at])
        found[text] += 1
        if found[text] <= _MOST_TWINS:
            yield text, int(other[at]), float(similarity[at])


def _grams(wordings: Sequence[str]) -> csr_matrix:
    """Give the trigrams of each text as a row of ones; words are looked up once."""
    number: dict[str, int] = {}
    of_word: dict[str, set[int]] = {}
    held: list[int] = []
    bounds = [0]
    for wording in wordings:
        row: set[int] = set()
        for word in wording.split():
            known = of_word.get(word)
            if known is None:
                known = of_word[word] = {
                    number.setdefault(gram, len(number)) for gram in grams_of(word)
                }
            row |= known
        held.extend(row)
        bounds.append(len(held))
    return csr_matrix(
        (
            np.ones(len(held), dtype=np.float32),
            np.array(held, dtype=np.int32),
            np.array(bounds, dtype=np.int32),
        ),
        shape=(len(wordings), len(number)),
    )


def _sketches(grams: csr_matrix) -> Bits:
    """Give 64 bits for each text: one for each of its trigrams, shared by several."""
    bits = np.left_shift(np.uint64(1), (grams.indices % 64).astype(np.uint64))
    return np.bitwise_or.reduceat(bits, grams.indptr[:-1])


def _ones(bits: Bits) -> Numbers:
    """Count the bits that are set in each number."""
    parts = np.ascontiguousarray(bits).view(np.uint16).reshape(len(bits), 4)
    count: Numbers = _SET_BITS[parts].sum(axis=1, dtype=np.int64)
    return count


def _rarest(grams: csr_matrix, count: Numbers) -> csr_matrix:
    """Give of each row so many of its rarest trigrams."""
    often = np.bincount(grams.indices, minlength=grams.shape[1])
    rank = np.empty_like(often)
    rank[np.argsort(often, kind="stable")] = np.arange(len(often))
    row = np.repeat(np.arange(grams.shape[0]), np.diff(grams.indptr))
    ranks = rank[grams.indices]
    order = np.lexsort((ranks, row))
    place = np.arange(len(row)) - grams.indptr[row]
    kept = order[place < count[row]]
    bounds = np.concatenate([[0], np.cumsum(count)])
    return csr_matrix(
        (grams.data[kept], ranks[kept].astype(np.int32), bounds.astype(np.int32)),
        shape=grams.shape,
    )
