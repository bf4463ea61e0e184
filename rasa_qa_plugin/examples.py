"""Our training examples beside those of a bot: what would clash is left out."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from rasa_qa_plugin import parts
from rasa_qa_plugin.bot import Bot

_KEYWORDS = "KeywordIntentClassifier"
_INDENT = "      - "


def missing_examples(bot: Bot) -> tuple[list[str], int]:
    """Give the entries of our intents that the training data lacks.

    An example that an intent of the bot's own has is left out: `rasa data validate`
    would complain. Where the bot knows intents by keywords, so is one that holds a
    keyword of another intent or is held by one: Rasa would forget the keyword, or stop
    the training.

    Returns:
        The entries, and how many examples they lost.
    """
    present: set[str] = set()
    taken: set[str] = set()
    for _, item in bot.data_contents("nlu"):
        intent = str(item.get("intent"))
        present.add(intent)
        if intent not in parts.intents():
            taken.update(_examples(item))
    ours = {
        intent: [_key(line) for line in entry.splitlines() if line.startswith(_INDENT)]
        for intent, entry in parts.entries("nlu.yml", "nlu").items()
    }
    clashing = taken
    if any(name.endswith(_KEYWORDS) for name in bot.components("pipeline")):
        clashing = taken | _ambiguous(ours, taken)
    entries, lost = [], 0
    for intent, entry in parts.entries("nlu.yml", "nlu").items():
        if intent not in present:
            left_out = [key for key in ours[intent] if key in clashing]
            lost += len(left_out)
            entries.append(_without(entry, intent, left_out))
    return entries, lost


def _without(entry: str, intent: str, left_out: Collection[str]) -> str:
    kept = [
        line
        for line in entry.splitlines(keepends=True)
        if not (line.startswith(_INDENT) and _key(line) in left_out)
    ]
    if not any(line.startswith(_INDENT) for line in kept):
        kept.append(f"{_INDENT}{intent}\n")  # an intent without examples is an error
    return "".join(kept)


def _ambiguous(ours: Mapping[str, list[str]], taken: Collection[str]) -> set[str]:
    """Find examples of ours that hold those of another intent, or are held by them."""
    theirs = [_words(key) for key in taken]
    words = {key: _words(key) for keys in ours.values() for key in keys}
    found = {
        key
        for key, own in words.items()
        if any(other in own or own in other for other in theirs)
    }
    for intent, keys in ours.items():
        others = [
            words[key]
            for other, several in ours.items()
            if other != intent
            for key in several
            if key not in found
        ]
        found.update(
            key for key in keys if any(words[key] in other for other in others)
        )
    return found


def _words(key: str) -> str:
    words = " ".join(re.findall(r"[^_\W]+", key))
    return f" {words} "


def _examples(item: Mapping[str, Any]) -> Iterator[str]:
    examples = item.get("examples")
    if isinstance(examples, str):
        yield from (_key(line) for line in examples.splitlines() if line.strip())
    elif isinstance(examples, list):
        for one in examples:
            yield _key(str(one.get("text") if isinstance(one, Mapping) else one))


def _key(line: str) -> str:
    """Give what makes two training examples the same: words without their marks."""
    text = line.strip().removeprefix("- ")
    plain = re.sub(r"\[([^\]]+)\](\([^)]*\)|\{[^}]*\})", r"\1", text)
    return plain.strip().casefold()
