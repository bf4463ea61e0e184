"""How a message sounds, by a small word list of ours in Spanish and English."""

from functools import lru_cache
from importlib import resources

from rasa_qa_plugin.policy.phrases import clauses, is_negated, stem


@lru_cache(1)
def lexicon() -> dict[str, float]:
    """Give the stems that are rated, from -3 (very bad) to 3 (very good)."""
    rated: dict[str, float] = {}
    text = (resources.files(__package__) / "sentiment.txt").read_text("utf-8")
    for line in text.splitlines():
        value, _, words = line.partition(" ")
        if line and not line.startswith("#"):
            rated.update((stem(word), float(value)) for word in words.split())
    return rated


def sentiment(text: str) -> float:
    """Give the sum of what the words of a text are rated.

    A "no" just before a word turns its rating around, at half its strength: "nada
    bueno" is bad, "no está mal" is not quite good.
    """
    rated = lexicon()
    total = 0.0
    for words, stems in clauses(text):
        for at, found in enumerate(stems):
            value = rated.get(found, 0.0)
            total += -value / 2 if value and is_negated(words, at) else value
    return total
