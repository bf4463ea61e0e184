"""Reading what people say as one of the plugin's intents, or as none of them.

A linear model of the words and letters in our utterances, with the bot's own examples
as what is none of ours. It is small, trained within a second, and the same data give
the same model; only a text that speaks of something of ours reaches it.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from rasa_qa_plugin.own_intents.topics import (
    HARMLESS,
    OWN_INTENTS,
    mentions,
    plain,
    utterances,
)

FORMAT = 1
"""Of the file; models hold it for years."""

_OTHERS = ""  # the class of what is none of ours
_MOST_OTHERS = 3000  # examples of the bot's own
_REGULARIZATION = 30.0  # scikit-learn's C, its inverse
_LONGEST_GRAM = 5  # letters
# How likely an intent must be, as a share of "none of ours": one that a text names by
# itself and that decides nothing is believed sooner.
_NAMED_SHARE = 0.1
# What gives or erases something at once must be likelier than all else together.
_AT_ONCE = frozenset({"qa_consent_grant", "qa_forget_confirm"})
_SURE = 0.5


class Reading(NamedTuple):
    """An intent of ours and how likely a text means it, 0 to 1."""

    intent: str
    confidence: float


class Understanding:
    """Reads texts; nothing changes once it is made, so threads may share it."""

    def __init__(
        self,
        intents: Iterable[str],
        vectorizer: TfidfVectorizer,
        model: LogisticRegression,
        exceptions: dict[str, str],
    ) -> None:
        """Read with a trained model.

        Args:
            intents: Those of ours that the bot has.
            vectorizer: Of plain texts.
            model: Its classes are all our intents, and "" for what is none of ours.
            exceptions: Digests of training examples that are read otherwise, each with
                its intent, or "".
        """
        self.intents = frozenset(intents)
        self._vectorizer = vectorizer
        self._model = model
        self._exceptions = exceptions

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
        known = OWN_INTENTS & set(bot.values())
        if not known:
            return None
        said = {
            plain(text): intent
            for intent in sorted(OWN_INTENTS)
            for text in utterances(intent)
        } | bot
        ours = {
            words: intent for words, intent in said.items() if intent in OWN_INTENTS
        }
        others = [words for words, intent in bot.items() if intent not in OWN_INTENTS]
        step = max(1, len(others) // _MOST_OTHERS)
        texts = [*ours, *others[::step][:_MOST_OTHERS], ""]
        labels = [*ours.values(), *[_OTHERS] * (len(texts) - len(ours))]
        vectorizer = _vectorizer().fit(ours)
        model = LogisticRegression(
            C=_REGULARIZATION, solver="liblinear", random_state=0
        )
        model.fit(vectorizer.transform(texts), labels)
        learned = cls(known, vectorizer, model, {})
        for words, intent in bot.items():
            read = learned.read(words)
            meant = intent if intent in known else _OTHERS
            if (read.intent if read else _OTHERS) != meant:
                learned._exceptions[_digest(words)] = meant
        return learned

    def read(self, text: str) -> Reading | None:
        """Give what *text* means of ours; None for a text about something else."""
        words = plain(text)
        if (
            self._exceptions
            and (meant := self._exceptions.get(_digest(words))) is not None
        ):
            return Reading(meant, 1.0) if meant else None
        mentioned = list(mentions(text))
        if not any(mention.intent in self.intents for mention in mentioned):
            return None
        pieces = list(dict.fromkeys(mention.piece for mention in mentioned))
        rows = self._model.predict_proba(self._vectorizer.transform(pieces))
        likely = {
            (piece, str(name)): float(share)
            for piece, row in zip(pieces, rows, strict=True)
            for name, share in zip(self._model.classes_, row, strict=True)
        }
        best = max(mentioned, key=lambda one: likely[one.piece, one.intent])
        share, others = likely[best.piece, best.intent], likely[best.piece, _OTHERS]
        if best.intent in HARMLESS and best.by_itself:
            others *= _NAMED_SHARE
        enough = max(others, _SURE if best.intent in _AT_ONCE else 0)
        if best.intent not in self.intents or share < enough:
            return None
        return Reading(best.intent, share)

    def save(self, file: Path) -> None:
        """Write what was learned; the same examples give the same bytes."""
        words = sorted(
            self._vectorizer.vocabulary_, key=self._vectorizer.vocabulary_.get
        )
        np.savez_compressed(
            file,
            format=np.array(FORMAT),
            names=_packed([sorted(self.intents), self._model.classes_.tolist(), words]),
            exceptions=_packed(self._exceptions),
            idf=self._vectorizer.idf_.astype(np.float32),
            coefficients=self._model.coef_.astype(np.float16),
            intercept=self._model.intercept_.astype(np.float32),
        )

    @classmethod
    def load(cls, file: Path) -> "Understanding | None":
        """Read what was learned; None when another release wrote it in another way."""
        with np.load(file, allow_pickle=False) as data:
            if int(data["format"]) != FORMAT:
                return None
            intents, classes, words = msgspec.json.decode(
                data["names"].tobytes(), type=tuple[list[str], list[str], list[str]]
            )
            vectorizer = _vectorizer(words)
            vectorizer.idf_ = data["idf"].astype(np.float64)
            model = LogisticRegression(solver="liblinear")
            model.classes_ = np.array(classes)
            model.coef_ = data["coefficients"].astype(np.float64)
            model.intercept_ = data["intercept"].astype(np.float64)
            exceptions = msgspec.json.decode(
                data["exceptions"].tobytes(), type=dict[str, str]
            )
            return cls(intents, vectorizer, model, exceptions)


def _vectorizer(words: list[str] | None = None) -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=_grams, sublinear_tf=True, vocabulary=words)


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
