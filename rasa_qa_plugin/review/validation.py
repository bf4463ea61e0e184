"""What a correction must be like: names that exist, marks on whole words."""

import difflib
from collections.abc import Collection

import msgspec

from rasa_qa_plugin.review.items import Item
from rasa_qa_plugin.review.span_repair import repair
from rasa_qa_plugin.review.tasks import intent_problem
from rasa_qa_plugin.storage.turns import Turn


class Valid(msgspec.Struct, frozen=True):
    """An item that can be taken.

    Attributes:
        repaired: Whether marks were moved to the edges of words.
    """

    item: Item
    repaired: bool = False


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """The names that corrections may use; None where any name will do.

    Attributes:
        intents: Of the domain, of earlier corrections, or declared as new.
        entities: Likewise; what the bot itself found in a turn may stay in any case.
    """

    intents: frozenset[str] | None = None
    entities: frozenset[str] | None = None

    def check(self, item: Item, turn: Turn) -> Valid | str:
        """Give *item* with its marks in order, or what is wrong and what to do."""
        if not item.text:
            return "text: empty; put it back, or reject the turn"
        problem = self._intent_problem(item.intent) or self._entity_problem(item, turn)
        if problem:
            return problem
        repaired = repair(item)
        if repaired.problem:
            return repaired.problem
        return Valid(
            msgspec.structs.replace(item, entities=repaired.entities), repaired.moved
        )

    def _intent_problem(self, intent: str) -> str | None:
        if not intent.strip():
            return "intent: missing; name it"
        known = self.intents
        # The domain lists `faq`, the training data `faq/opening_hours`.
        if known is None or {intent, intent.split("/", maxsplit=1)[0]} & known:
            return None
        unfit = intent_problem(intent)
        if unfit:
            return f"intent: cannot be a name; {unfit}"
        return _unknown("intent", intent, known)

    def _entity_problem(self, item: Item, turn: Turn) -> str | None:
        known = self.entities
        if known is None:
            return None
        found = {str(entity.get("entity")) for entity in turn.entities or []}
        for entity in item.entities:
            if entity.entity not in known and entity.entity not in found:
                if intent_problem(entity.entity):
                    return "entity: cannot be a name; use letters, digits, _ and -"
                return _unknown("entity", entity.entity, known)
        return None


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    return (
        f"{what}: the domain has no {name}; {guess}"
        f"mend it, or import with --new-{what} {name}"
    )
