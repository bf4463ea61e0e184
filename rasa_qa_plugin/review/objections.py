"""Reasons to keep a correction out of the training data."""

import re
from collections.abc import Collection, Iterable, Sequence

import msgspec

from rasa_qa_plugin.prediction import FALLBACK_INTENT
from rasa_qa_plugin.review.items import Entity, Example, Item, same_text_key
from rasa_qa_plugin.review.leakage import leaks
from rasa_qa_plugin.review.likeness import Twins
from rasa_qa_plugin.review.wording import folded

ALREADY_TRAINED = "text: already in the training data under this intent"
"""Why a correction that was merged before is held back."""
NEARLY_TRAINED = "text: nearly the same is in the training data under this intent"
"""Why a correction that teaches next to nothing is held back."""

_RASAS_OWN = frozenset({"back", FALLBACK_INTENT, "restart", "session_start"})
_NAME = re.compile(r"[^\W\d]\w*")


class Objection(msgspec.Struct, frozen=True):
    """Why a correction is held back.

    Attributes:
        about: Text of the training example that stands in its way, if one does.
        turn_id: The correction that stands in its way, if one does.
    """

    reason: str
    about: str | None = None
    turn_id: str | None = None


class Objections:
    """Knows every text that is trained, tested or on its way, and objects.

    Texts count as the same when they differ only in case, width or punctuation.
    """

    def __init__(
        self,
        trained: Iterable[Example],
        *,
        corrections: Iterable[Item],
        domain_intents: Collection[str],
        held_out: Sequence[str],
        may_declare: bool = False,
    ) -> None:
        """Index what there is.

        Args:
            trained: The bot's examples.
            corrections: The whole batch to be judged, tidy.
            domain_intents: Names the domain knows.
            held_out: Texts of the test set.
            may_declare: Whether names that the domain does not know are new intents.
        """
        self._trained: dict[str, dict[str, list[Example]]] = {}
        for example in trained:
            by_intent = self._trained.setdefault(same_text_key(example.text), {})
            by_intent.setdefault(example.intent, []).append(example)
        self._tested = {same_text_key(text) for text in held_out}
        corrections = list(corrections)
        texts = [item.text for item in corrections]
        near = leaks(texts, held_out)
        self._nearly_tested = {texts[one.held_out] for one in near if not one.exact}
        self._domain_intents = frozenset(domain_intents)
        self._may_declare = may_declare
        self._decided: dict[str, set[str]] = {}
        for item in corrections:
            self._decided.setdefault(same_text_key(item.text), set()).add(item.intent)
        self._accepted: dict[str, str] = {}

    def to(self, item: Item) -> Objection | None:
        """Give the reason to hold the tidy *item* back, or None."""
        return self._to_itself(item) or self._to_its_company(item)

    def accept(self, item: Item) -> None:
        """Remember that *item* goes in, so that its like is held back."""
        self._accepted[same_text_key(item.text)] = item.turn_id

    def is_new(self, intent: str) -> bool:
        """Tell whether the domain does not know an intent."""
        # The domain lists `faq`, the training data `faq/opening_hours`.
        return not {intent, intent.partition("/")[0]} & self._domain_intents

    def _to_itself(self, item: Item) -> Objection | None:
        if not item.text:
            return Objection("text: empty; nothing to learn from")
        if item.text.startswith("/"):
            return Objection(
                "text: begins with a slash, which Rasa takes for a command"
            )
        if self.is_new(item.intent) and (why := self._to_name(item.intent)):
            return Objection(why)
        if same_text_key(item.text) in self._tested:
            return Objection(
                "text: is in the test set; training on it would flatter the score"
            )
        if item.text in self._nearly_tested:
            return Objection(
                "text: nearly says what a row of the test set says; training on it "
                "would flatter the score"
            )
        return None

    def _to_name(self, intent: str) -> str | None:
        """Give the reason why a name that the domain does not know is no new intent."""
        if not self._may_declare:
            return "intent: unknown to the domain; add it there, or use --new-intents"
        if intent in _RASAS_OWN:
            return "intent: Rasa keeps this name for itself; settle on another"
        if not _NAME.fullmatch(intent):
            return (
                "intent: new, and not a name of letters, digits and underscores; "
                "give it one"
            )
        return None

    def _to_its_company(self, item: Item) -> Objection | None:
        key = same_text_key(item.text)
        if len(self._decided.get(key, ())) > 1:
            return Objection(
                "intent: corrections of the same text disagree; settle on one"
            )
        by_intent = self._trained.get(key, {})
        others = sorted(set(by_intent) - {item.intent})
        if others:
            return Objection(
                f"intent: the same text is trained as {', '.join(others)}; "
                "remove it there, or settle on that intent",
                about=by_intent[others[0]][0].text,
            )
        twins = by_intent.get(item.intent, [])
        if any(one.text != item.text or one.entities == item.entities for one in twins):
            return Objection(ALREADY_TRAINED, about=twins[0].text)
        if twins:
            return Objection(
                "entities: the text is trained under this intent with other entities; "
                "edit that line by hand",
                about=twins[0].text,
            )
        if key in self._accepted:
            return Objection(
                "text: another correction in this batch says the same",
                turn_id=self._accepted[key],
            )
        return None


class Resemblances:
    """Objects to corrections that are nearly what is there, or on its way, already."""

    def __init__(
        self, trained: Sequence[Example], corrections: Sequence[Item], *, least: float
    ) -> None:
        """Compare everything with everything.

        Args:
            trained: The bot's examples.
            corrections: What may go in, in this order.
            least: From which similarity on texts are nearly the same, more than 0.
        """
        self._before: list[Example | Item] = [*trained, *corrections]
        self._trained = len(trained)
        self._twins = Twins([one.text for one in self._before], least=least)
        self._accepted: set[int] = set()

    def to(self, number: int) -> Objection | None:
        """Give the reason to hold back the correction of this number, or None."""
        item = self._before[self._trained + number]
        alike: Objection | None = None
        for twin in self._twins.before(self._trained + number):
            other = self._before[twin.number]
            if isinstance(other, Item) and twin.number not in self._accepted:
                continue
            if other.intent != item.intent:
                return _contradicting(other)
            # Other words to mark are worth a line of their own.
            if alike is None and _marked(other) == _marked(item):
                alike = _resembling(other)
        return alike

    def accept(self, number: int) -> None:
        """Remember that the correction of this number goes in."""
        self._accepted.add(self._trained + number)


def _contradicting(other: Example | Item) -> Objection:
    if isinstance(other, Item):
        return Objection(
            "intent: another correction says nearly the same and gives it the intent "
            f"{other.intent}; settle on one",
            turn_id=other.turn_id,
        )
    return Objection(
        f"intent: nearly the same text is trained as {other.intent}; change it there, "
        "or settle on that intent",
        about=other.text,
    )


def _resembling(other: Example | Item) -> Objection:
    if isinstance(other, Item):
        return Objection(
            "text: another correction in this batch says nearly the same",
            turn_id=other.turn_id,
        )
    return Objection(NEARLY_TRAINED, about=other.text)


def _marked(one: Example | Item) -> set[tuple[object, ...]]:
    """Give what is marked in a text, wherever it stands."""

    def mark(entity: Entity) -> tuple[object, ...]:
        words = folded(one.text[entity.start : entity.end])
        return entity.entity, entity.role, entity.group, words

    return {mark(entity) for entity in one.entities}
