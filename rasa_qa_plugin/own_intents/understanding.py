"""Reading what people say as one of the plugin's intents, or as none of them.

A linear model of words and letters, trained on our utterances, on ordinary ones, and on
the bot's own examples: what they mean is the bot's to say. It is small, trained within
seconds, and the same data give the same model.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from rasa_qa_plugin.own_intents.utterances import (
    LITERAL,
    OWN_INTENTS,
    SPOKEN,
    ordinary,
    plain,
    utterances,
)

FORMAT = 1
"""Of the file; models hold it for years."""

_OTHERS = ""  # the class of what is none of ours
_MOST_OTHERS = 3000  # examples of the bot's own
_REGULARIZATION = 100.0  # scikit-learn's C, its inverse
_LONGEST_GRAM = 5  # letters
# How likely a text must mean any of ours.
_SURE = 0.75
# What gives or takes something at once must be likelier than all else together.
_DECIDED = 0.5
_DECISIONS = frozenset({"qa_consent_grant", "qa_consent_withdraw"})
_STEP_WIDTH = 0.25  # of a coefficient
_IN_ONE, _PIECE, _STEP = 16, 10, 5  # words
_MOST_READ = 1000  # characters


Numbers = npt.NDArray[np.float64]


class Reading(NamedTuple):
    """An intent of ours and how likely a text means it, 0 to 1."""

    intent: str
    confidence: float


class _Model(NamedTuple):
    """A trained model as arrays: scikit-learn takes longer for one text than all of us.

    Attributes:
        classes: Our spoken intents, and "" for what is none of them.
        number: Features to their numbers.
        idf: Inverse document frequency, by feature.
        coefficients: By feature and class.
        intercepts: By class.
    """

    classes: list[str]
    number: dict[str, int]
    idf: Numbers
    coefficients: Numbers
    intercepts: Numbers

    def likely(self, words: str) -> Numbers:
        """Give how likely each class is: one against the rest, then shared out.

        As `TfidfVectorizer(sublinear_tf=True)` and `LogisticRegression` of scikit-learn
        have it.
        """
        counts = Counter(map(self.number.get, _grams(words)))
        counts.pop(None, None)
        features = np.fromiter(counts, np.int64)
        weights = (np.log(list(counts.values())) + 1) * self.idf[features]
        length = np.linalg.norm(weights) or 1.0
        scores = (weights / length) @ self.coefficients[features] + self.intercepts
        each = 1 / (1 + np.exp(-scores))
        shares: Numbers = each / each.sum()
        return shares


class Understanding:
    """Reads texts; nothing changes once it is made, so threads may share it."""

    def __init__(
        self, intents: Iterable[str], model: _Model, known: dict[str, str]
    ) -> None:
        """Read with a trained model.

        Args:
            intents: Those of ours that the bot has.
            model: What was learned.
            known: Digests of plain texts that are never read by the model, each with
                its intent, or "".
        """
        self.intents = frozenset(intents)
        self._model = model
        self._known = known
        self._others = model.classes.index(_OTHERS)

    @classmethod
    def learn(
        cls, examples: Iterable[tuple[str, str | None]]
    ) -> "Understanding | None":
        """Learn from a bot's examples, text and intent; None if none is of ours.

        The bot is right about its own examples, whatever the model makes of them.
        """
        bot = {
            words: intent
            for text, intent in examples
            if intent is not None and (words := plain(text))
        }
        intents = OWN_INTENTS & set(bot.values())
        if not intents:
            return None
        said = {plain(text): _OTHERS for text in ordinary()}
        said |= {plain(text): name for name in SPOKEN for text in utterances(name)}
        theirs = [words for words, intent in bot.items() if intent not in OWN_INTENTS]
        step = max(1, len(theirs) // _MOST_OTHERS)
        taught = dict.fromkeys(theirs[::step][:_MOST_OTHERS], _OTHERS)
        taught |= {words: name for words, name in bot.items() if name in SPOKEN}
        literal = {
            _digest(plain(text)): name for name in LITERAL for text in utterances(name)
        }
        learned = cls(intents, _trained(said, taught), literal)
        for words, intent in bot.items():
            read = learned.read(words)
            meant = intent if intent in OWN_INTENTS else _OTHERS
            if (read.intent if read else _OTHERS) != meant:
                learned._known[_digest(words)] = meant
        return learned

    def read(self, text: str) -> Reading | None:
        """Give what *text* means of ours; None for a text about something else.

        Whoever speaks of ours does so in a few words, so a long text is read in pieces,
        and only its beginning.
        """
        words = plain(text[:_MOST_READ])
        known = self._known.get(_digest(words))
        if known is not None or not words:
            return Reading(known, 1.0) if known and known in self.intents else None
        likely = min(
            map(self._model.likely, _pieces(words)), key=itemgetter(self._others)
        )
        sure = 1 - likely[self._others]
        likely[self._others] = 0
        best = Reading(self._model.classes[likely.argmax()], float(likely.max()))
        if (
            sure < _SURE
            or best.intent not in self.intents
            or (best.intent in _DECISIONS and best.confidence < _DECIDED)
        ):
            return None
        return best

    def save(self, file: Path) -> None:
        """Write what was learned; the same examples give the same bytes."""
        model = self._model
        np.savez_compressed(
            file,
            format=np.array(FORMAT),
            names=_packed([sorted(self.intents), model.classes, list(model.number)]),
            known=_packed(self._known),
            idf=model.idf.astype(np.float16),
            coefficients=np.rint(model.coefficients / _STEP_WIDTH).astype(np.int8),
            intercepts=model.intercepts,
        )

    @classmethod
    def load(cls, file: Path) -> "Understanding | None":
        """Read what was learned; None when another release wrote it in another way."""
        with np.load(file, allow_pickle=False) as data:
            if int(data["format"]) != FORMAT:
                return None
            intents, classes, features = msgspec.json.decode(
                data["names"].tobytes(), type=tuple[list[str], list[str], list[str]]
            )
            model = _Model(
                classes,
                {feature: number for number, feature in enumerate(features)},
                data["idf"].astype(np.float64),
                data["coefficients"] * _STEP_WIDTH,
                data["intercepts"],
            )
            known = msgspec.json.decode(data["known"].tobytes(), type=dict[str, str])
            return cls(intents, model, known)


def _trained(said: Mapping[str, str], taught: Mapping[str, str]) -> _Model:
    """Train on what is *said* anywhere and what a bot *taught*, words to intents.

    The features are those of what is said, so that the model is not larger for a bot
    that knows much.
    """
    # Only a training needs them, and they take a second to import.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(analyzer=_grams, sublinear_tf=True, min_df=2)
    vectorizer.fit(said)
    rows = {**said, **taught}
    model = LogisticRegression(
        C=_REGULARIZATION, solver="liblinear", random_state=0
    ).fit(vectorizer.transform(rows), list(rows.values()))
    features = vectorizer.get_feature_names_out().tolist()
    return _Model(
        model.classes_.tolist(),
        {feature: number for number, feature in enumerate(features)},
        # As they are saved, so that a loaded one reads the same.
        vectorizer.idf_.astype(np.float16).astype(np.float64),
        np.rint(model.coef_.T / _STEP_WIDTH).clip(-127, 127) * _STEP_WIDTH,
        model.intercept_,
    )


def _pieces(text: str) -> list[str]:
    """Cut a long text into pieces that overlap by half."""
    words = text.split()
    if len(words) <= _IN_ONE:
        return [text]
    last = len(words) - _PIECE
    return [
        " ".join(words[start : start + _PIECE])
        for start in (*range(0, last, _STEP), last)
    ]


def _grams(words: str) -> Iterator[str]:
    """Give the words, each two of them, and the letters that stand together."""
    found = words.split()
    yield from found
    yield from map(" ".join, pairwise(found))
    for word in found:
        edged = f" {word} "
        for size in range(2, _LONGEST_GRAM + 1):
            if len(edged) <= size:
                yield f"_{edged}"
                break
            for start in range(len(edged) - size + 1):
                yield f"_{edged[start : start + size]}"


def _digest(words: str) -> str:
    return blake2b(words.encode(), digest_size=8).hexdigest()


def _packed(value: object) -> npt.NDArray[np.uint8]:
    return np.frombuffer(msgspec.json.encode(value), dtype=np.uint8)
