"""What may be wrong with training data: labels, doubles, strays, thin intents."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from rasa_qa_plugin import parts
from rasa_qa_plugin.review.familiarity import Familiarity
from rasa_qa_plugin.review.items import Example, same_text_key
from rasa_qa_plugin.review.label_errors import Labels, Matrix, held_out, suspects
from rasa_qa_plugin.review.wording import folded, similarity

_FOLDS = 5
# Two intents are confusable from this share of their examples on, and not from one.
_CONFUSED = 0.05
_FEWEST_CONFUSED = 2
_MOST_PAIRS = 3
# Of the texts that are compared to find pairs; larger intents are sampled evenly.
_MOST_COMPARED = 200


class Row(msgspec.Struct, frozen=True):
    """An example, and where a person finds it: file and line, or a turn."""

    example: Example
    where: str


class LabelError(msgspec.Struct, frozen=True, kw_only=True):
    """An example that probably belongs to another intent; *margin* says how clearly."""

    where: str
    text: str
    intent: str
    suggested: str
    margin: float


class Contradiction(msgspec.Struct, frozen=True, kw_only=True):
    """The same text under several intents."""

    text: str
    intents: list[str]
    where: list[str]


class Unlike(msgspec.Struct, frozen=True, kw_only=True):
    """An example that is unlike all others, and none near it carries its intent."""

    where: str
    text: str
    intent: str
    novelty: float


class Confusable(msgspec.Struct, frozen=True, kw_only=True):
    """Two intents that a small model mixes up.

    Attributes:
        share: Of the examples of both, how many it takes for the other's.
        pairs: Examples of the one that read like examples of the other.
    """

    intents: tuple[str, str]
    share: float
    pairs: list[tuple[str, str]]


class Thin(msgspec.Struct, frozen=True, kw_only=True):
    """An intent with few examples."""

    intent: str
    examples: int


class DataCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found; each list begins with what is worth most.

    Attributes:
        examples: How many different ones were read.
        repeated: How many say what another of the same intent says.
        accuracy: Share of the examples that the others teach a small model to get
            right; None where there was nothing to learn from.
    """

    examples: int
    intents: int
    repeated: int
    accuracy: float | None
    label_errors: list[LabelError]
    contradictions: list[Contradiction]
    unlike: list[Unlike]
    confusable: list[Confusable]
    thin: list[Thin]

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not (
            self.label_errors
            or self.contradictions
            or self.unlike
            or self.confusable
            or self.thin
        )


def check_data(rows: Sequence[Row], *, fewest: int, novelty: float) -> DataCheck:
    """Look for what may be wrong.

    Args:
        rows: Training examples, and corrections on their way to them.
        fewest: How many examples an intent should have.
        novelty: From which rank on a text is unlike all others, 0 to 1.
    """
    distinct = _distinct(rows)
    examples = [row.example for row in distinct]
    intents, labels, probabilities = held_out(examples)
    best = probabilities.argmax(axis=1) if intents else labels
    judged = len(intents) > 1
    sizes = Counter(example.intent for example in examples)
    ours = parts.intents()  # not the developer's to mend
    return DataCheck(
        examples=len(distinct),
        intents=len(intents),
        repeated=len(rows) - len(distinct),
        accuracy=round(float((best == labels).mean()), 4) if judged else None,
        label_errors=[
            LabelError(
                where=distinct[one.row].where,
                text=examples[one.row].text,
                intent=examples[one.row].intent,
                suggested=intents[one.label],
                margin=one.margin,
            )
            for one in (suspects(labels, probabilities) if judged else ())
            if examples[one.row].intent not in ours
        ],
        contradictions=_contradictions(distinct),
        unlike=_unlike(distinct, novelty=novelty),
        confusable=_confusable(examples, intents, labels, probabilities),
        thin=[
            Thin(intent=intent, examples=size)
            for intent, size in sorted(sizes.items(), key=lambda pair: pair[1])
            if size < fewest and intent not in ours
        ],
    )


def _distinct(rows: Sequence[Row]) -> list[Row]:
    """Give each text of an intent once: a model has seen what stands there twice."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = same_text_key(row.example.text), row.example.intent
        if row.example.intent and key[0]:
            found.setdefault(key, row)
    return list(found.values())


def _contradictions(rows: Sequence[Row]) -> list[Contradiction]:
    by_text: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_text[same_text_key(row.example.text)].append(row)
    return [
        Contradiction(
            text=several[0].example.text,
            intents=[row.example.intent for row in several],
            where=[row.where for row in several],
        )
        for several in by_text.values()
        if len(several) > 1
    ]


def _unlike(rows: Sequence[Row], *, novelty: float) -> list[Unlike]:
    """Compare each example with those of the other folds."""
    found = []
    ours = parts.intents()
    order = np.random.default_rng(0).permutation(len(rows))
    for fold in range(_FOLDS):
        asked = order[fold::_FOLDS]
        mine = set(asked.tolist())
        others = Familiarity.learn(
            (row.example.text, row.example.intent)
            for number, row in enumerate(rows)
            if number not in mine
        )
        for number in asked:
            row = rows[number]
            if row.example.intent in ours:
                continue
            fit = others.fit(row.example.text, row.example.intent)
            if fit.novelty is not None and fit.novelty >= novelty and not fit.agreement:
                found.append(
                    Unlike(
                        where=row.where,
                        text=row.example.text,
                        intent=row.example.intent,
                        novelty=fit.novelty,
                    )
                )
    return sorted(found, key=lambda one: -one.novelty)


def _confusable(
    examples: Sequence[Example],
    intents: Sequence[str],
    labels: Labels,
    probabilities: Matrix,
) -> list[Confusable]:
    if len(intents) < 2:  # noqa: PLR2004 - one cannot be mixed up
        return []
    best = probabilities.argmax(axis=1)
    taken = np.zeros((len(intents), len(intents)), dtype=np.int64)
    np.add.at(taken, (labels, best), 1)
    sizes = np.bincount(labels, minlength=len(intents))
    both = taken + taken.T
    share = both / np.maximum(1, sizes[:, None] + sizes[None, :])
    mixed = np.triu((both >= _FEWEST_CONFUSED) & (share >= _CONFUSED), k=1)
    found = []
    for one, other in np.argwhere(mixed):
        strayed = [
            [examples[row].text for row in np.flatnonzero((labels == a) & (best == b))]
            for a, b in ((one, other), (other, one))
        ]
        texts = [
            [examples[row].text for row in np.flatnonzero(labels == a)]
            for a in (one, other)
        ]
        pairs = [*_pairs(strayed[0], texts[1])]
        pairs += [(b, a, alike) for a, b, alike in _pairs(strayed[1], texts[0])]
        pairs.sort(key=lambda pair: -pair[2])
        nearest = list(dict.fromkeys((a, b) for a, b, _ in pairs))
        found.append(
            Confusable(
                intents=(intents[one], intents[other]),
                share=round(float(share[one, other]), 4),
                pairs=nearest[:_MOST_PAIRS],
            )
        )
    return sorted(found, key=lambda pair: -pair.share)


def _pairs(
    strayed: Sequence[str], others: Sequence[str]
) -> Iterator[tuple[str, str, float]]:
    """Give, for each text that went astray, the likest text of the other intent."""
    step = max(1, len(others) // _MOST_COMPARED)
    known = [(folded(text), text) for text in others[::step]]
    for text in strayed[:_MOST_COMPARED]:
        plain = folded(text)
        likest = max(known, key=lambda pair: similarity(plain, pair[0]))
        yield text, likest[1], similarity(plain, likest[0])
