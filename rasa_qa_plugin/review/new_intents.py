"""Intents that people declared while reviewing: into the domain, with a first rule.

Nobody has written an answer yet, and a made-up one must not reach customers. So until
somebody replaces the rule, the bot does what it does when it understands nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.changes import FileChange, read
from rasa_qa_plugin.errors import MergeError
from rasa_qa_plugin.prediction import FALLBACK_INTENT
from rasa_qa_plugin.splicing import add_missing

RULES = "qa_new_intents.yml"
"""In the training data; the place of rules that wait for their answer."""

_FALLBACK_RESPONSE = "utter_default"
_FALLBACK_ACTION = "action_default_fallback"
_HEAD = """\
version: "3.1"

# Intents that reviewers declared. Replace each rule by your answer, here or elsewhere.
"""


class Declaration(msgspec.Struct, frozen=True):
    """What new intents need, and what is to be said about it."""

    files: tuple[FileChange, ...]
    notes: tuple[str, ...]


def declare(bot: Bot, names: Sequence[str]) -> Declaration:
    """Work out how intents come into the domain and get a rule; writes nothing.

    An intent that a story or rule speaks of already gets no other one.

    Raises:
        ConfigError: The domain or the rules are laid out so that nothing can be added.
        MergeError: One of them is not UTF-8.
    """
    if not names:
        return Declaration((), ())
    files = [_domain(bot, names)]
    unanswered = [name for name in names if name not in _answered(bot)]
    policies = bot.components("policies")
    if policies and not any(name.endswith("RulePolicy") for name in policies):
        note = (
            "config.yml has no RulePolicy, so the new intents have no rule: write a "
            "story for each"
        )
        return Declaration(tuple(files), (note,))
    if unanswered:
        files.append(_rules(bot, unanswered))
    return Declaration(tuple(files), ())


def _domain(bot: Bot, names: Sequence[str]) -> FileChange:
    """List intents in the file that lists most, which is not the plugin's own."""
    counts = {
        file: len(content.get("intents") or ())
        for file, content in bot.domain_contents()
        if not file.name.startswith("qa") or bot.domain.is_file()
    }
    most = max(counts, key=lambda file: (counts[file], file), default=None)
    path = most if most and counts[most] else bot.domain_files()[0]
    if bot.domain.is_dir() and (most is None or not counts[most]):
        path = bot.domain / "intents.yml"
    path = path.resolve()
    text = _text(path)
    entries = [f"  - {name}\n" for name in names]
    after = (
        add_missing(text, {"intents": entries}, file=path.name)
        if text
        else 'version: "3.1"\n\nintents:\n' + "".join(entries)
    )
    return FileChange(path, read(path), after.encode())


def _rules(bot: Bot, names: Sequence[str]) -> FileChange:
    path = bot.data.resolve() / RULES
    text = _text(path) or _HEAD
    actions = _when_nothing_is_understood(bot)
    entries = [_rule(name, actions) for name in names]
    after = add_missing(text, {"rules": entries}, file=path.name)
    return FileChange(path, read(path), after.encode())


def _rule(name: str, actions: Sequence[str]) -> str:
    steps = "".join(f"      - action: {action}\n" for action in actions)
    return f"""\
  # TODO: the answer to {name}; until then the bot does as if it had not understood.
  - rule: TODO answer {name}
    steps:
      - intent: {name}
{steps}"""


def _when_nothing_is_understood(bot: Bot) -> list[str]:
    """Give the actions of the bot's own fallback rule, or what stands for it."""
    for _, rule in bot.data_contents("rules"):
        steps = rule.get("steps")
        if not isinstance(steps, list) or rule.get("condition"):
            continue
        first, *rest = steps or [None]
        actions = [
            step["action"]
            for step in rest
            if isinstance(step, Mapping) and set(step) == {"action"}
        ]
        if (
            first == {"intent": FALLBACK_INTENT}
            and actions
            and rest == [{"action": action} for action in actions]
        ):
            return [str(action) for action in actions]
    if _FALLBACK_RESPONSE in bot.domain_names("responses"):
        return [_FALLBACK_RESPONSE]
    return [_FALLBACK_ACTION]


def _answered(bot: Bot) -> set[str]:
    """Give the intents that a rule or a story speaks of."""
    return {
        name
        for section in ("rules", "stories")
        for _, item in bot.data_contents(section)
        for name in _intents_in(item.get("steps"))
    }


def _intents_in(steps: Any) -> Iterator[str]:
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, Mapping):
            yield str(step.get("intent"))
            yield from _intents_in(step.get("or"))


def _text(path: Path) -> str | None:
    content = read(path)
    try:
        return None if content is None else content.decode("utf-8")
    except UnicodeDecodeError:
        raise MergeError(f"{path.name}: not UTF-8; save it as UTF-8") from None
