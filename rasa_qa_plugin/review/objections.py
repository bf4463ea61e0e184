"""Reasons to keep a correction out of the training data."""

from collections.abc import Collection, Iterable, Sequence

from rasa_qa_plugin.review.items import Example, Item, same_text_key, tidy
from rasa_qa_plugin.review.leakage import leaks

ALREADY_TRAINED = "text: already in the training data under this intent"
"""Why a correction that was merged before is held back."""


class Objections:
    """Knows every text that is trained, tested or on its way, and objects.

    Texts count as the same when they differ only in case, width or punctuation.
    """

    def __init__(
        self,
        trained: Iterable[Example],
        *,
        corrections: Sequence[Item],
        domain_intents: Collection[str],
        held_out: Sequence[str],
    ) -> None:
        """Index what there is; *corrections* is the whole batch to be judged."""
        self._trained: dict[str, dict[str, list[Example]]] = {}
        for example in trained:
            by_intent = self._trained.setdefault(same_text_key(example.text), {})
            by_intent.setdefault(example.intent, []).append(example)
        self._tested = {same_text_key(text) for text in held_out}
        texts = [tidy(item).text for item in corrections]
        near = leaks(texts, held_out)
        self._nearly_tested = {texts[one.held_out] for one in near if not one.exact}
        self._domain_intents = frozenset(domain_intents)
        self._decided: dict[str, set[str]] = {}
        for item in corrections:
            key = same_text_key(tidy(item).text)
            self._decided.setdefault(key, set()).add(item.intent)
        self._accepted: set[str] = set()

    def to(self, item: Item) -> str | None:
        """Give the reason to hold the tidy *item* back, or None."""
        return self._to_itself(item) or self._to_its_company(item)

    def accept(self, item: Item) -> None:
        """Remember that *item* goes in, so that its like is held back."""
        self._accepted.add(same_text_key(item.text))

    def _to_itself(self, item: Item) -> str | None:
        if not item.text:
            return "text: empty; nothing to learn from"
        if item.text.startswith("/"):
            return "text: begins with a slash, which Rasa takes for a command"
        # The domain lists `faq`, the training data `faq/opening_hours`.
        if not {item.intent, item.intent.split("/")[0]} & self._domain_intents:
            return "intent: unknown to the domain; add it there first"
        if same_text_key(item.text) in self._tested:
            return "text: is in the test set; training on it would flatter the score"
        if item.text in self._nearly_tested:
            return (
                "text: nearly says what a row of the test set says; training on it "
                "would flatter the score"
            )
        return None

    def _to_its_company(self, item: Item) -> str | None:
        key = same_text_key(item.text)
        if len(self._decided.get(key, ())) > 1:
            return "intent: corrections of the same text disagree; settle on one"
        by_intent = self._trained.get(key, {})
        others = sorted(set(by_intent) - {item.intent})
        if others:
            return (
                f"intent: the same text is trained as {', '.join(others)}; "
                "remove it there, or settle on that intent"
            )
        twins = by_intent.get(item.intent, [])
        if any(one.text != item.text or one.entities == item.entities for one in twins):
            return ALREADY_TRAINED
        if twins:
            return (
                "entities: the text is trained under this intent with other entities; "
                "edit that line by hand"
            )
        if key in self._accepted:
            return "text: another correction in this batch says the same"
        return None
