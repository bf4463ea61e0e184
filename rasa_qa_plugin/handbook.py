"""`rasa-qa help TOPIC`: a page for each name that a bot developer meets.

Nothing is told twice: pages come from `bot_files`, from docstrings (read, not imported,
so that nothing heavy is loaded) and from the structs of `qa.yml`.
"""

import ast
import difflib
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from rasa_qa_plugin import parts
from rasa_qa_plugin.settings import Connection, Settings

_PACKAGE = Path(__file__).parent
_EXAMPLES_SHOWN = 6
_KINDS = {
    "intents": "intent",
    "entities": "entity",
    "slots": "slot",
    "forms": "form",
    "actions": "action",
}


class Page(msgspec.Struct, frozen=True):
    """What `rasa-qa help` shows of one name.

    Attributes:
        kind: ``action``, ``slot``, ``intent``, ``response``, ``component``, ``policy``,
            ``setting`` and so on.
        summary: One line for the list of topics.
        text: What it does, and when.
        file: The file that the lines belong to.
        yaml: Lines to paste.
    """

    topic: str
    kind: str
    summary: str
    text: str
    file: str
    yaml: str


class _Code(msgspec.Struct, frozen=True):
    """A class of ours, read from its source."""

    text: str
    strings: frozenset[str]


@cache
def pages() -> dict[str, list[Page]]:
    """Give all pages by topic; an intent and a slot may share a name."""
    found: dict[str, list[Page]] = {}
    for page in (*_classes(), *_domain(), *_responses(), *_settings()):
        found.setdefault(page.topic, []).append(page)
    return found


def find(topic: str) -> list[Page]:
    """Give the pages of a topic, however much of its name was written.

    ``qa_consent.granted``, ``rasa_qa_plugin.QAChannel``, ``privacy.live_ttl_hours`` and
    ``utter_qa_ask_consent_es`` lead to the page they belong to; none is an empty list.
    """
    known = pages()
    tries = (
        topic,
        topic.removeprefix("/"),
        topic.removeprefix("rasa_qa_plugin."),
        topic.partition(".")[0],
        re.sub(r"_[a-z]{2}$", "", topic),
    )
    return next((known[name] for name in tries if name in known), [])


def nearest(topic: str) -> list[str]:
    """Give the topics that somebody may have meant."""
    by_letters = {name.lower(): name for name in pages()}
    asked = topic.lower()
    holding = [name for lower, name in by_letters.items() if asked and asked in lower]
    close = difflib.get_close_matches(asked, by_letters, n=3, cutoff=0.5)
    return list(dict.fromkeys([*(by_letters[name] for name in close), *holding]))[:5]


def _classes() -> Iterator[Page]:
    optional = parts.optional_policies()
    for place in parts.public_classes():
        name = place.path.rpartition(".")[2]
        module = place.module.removeprefix("rasa_qa_plugin.").replace(".", "/")
        code = _code(_PACKAGE / f"{module}.py").get(name)
        text = code.text if code else "See docs/ in the repository."
        kind = "policy" if place.path in optional else "component"
        yield Page(name, kind, _first_line(text), text, place.file, place.yaml)


def _domain() -> Iterator[Page]:
    for section, kind in _KINDS.items():
        for name, entry in parts.entries("domain.yml", section).items():
            told = _action(name) if kind == "action" else _comment(entry)
            texts = [told, *_uses(name, kind)]
            text = "\n\n".join(piece for piece in texts if piece)
            rules = [one for rule, one in _rules().items() if name in _names(rule)]
            policy = _policy_of(name) if kind == "action" and not rules else None
            if policy is not None:
                yaml, file = policy.yaml, policy.file
            elif kind in {"intent", "action"}:
                yaml = _rule(name, kind, rules)
                file = "data/, below `rules:`"
            else:
                yaml, file = f"{section}:\n{entry}", "domain.yml"
            yield Page(name, kind, _first_line(text), text, file, yaml)


def _action(name: str) -> str:
    code = _actions().get(name)
    if code is not None:
        return code.text
    comment = re.search(rf"- {name} # (.*)", parts.bot_file("domain.yml"))
    return comment[1].capitalize() if comment else ""


def _uses(name: str, kind: str) -> Iterator[str]:
    """Tell where a name is used: rules, actions, buttons, forms, policies."""
    if kind == "intent":
        answers = [
            step["action"]
            for rule in parts.content("rules.yml")["rules"]
            if any(step.get("intent") == name for step in rule["steps"])
            for step in rule["steps"]
            if "action" in step
        ]
        runs = list(dict.fromkeys(answers))
        if runs:
            yield f"Leads to {', '.join(runs)}."
        yield from _examples(name)
        buttons = [
            response
            for response, entry in parts.entries("domain.yml", "responses").items()
            if f"/{name}\n" in entry
        ]
        if buttons:
            yield f"Button of: {', '.join(buttons)} (payload /{name})"
        return
    if kind == "action":
        yield _when(name)
        code = _actions().get(name)
        groups = [g for g in parts.response_groups() if code and g in code.strings]
        if groups:
            yield f"Says: {', '.join(groups)}"
        return
    users = [action for action, code in _actions().items() if name in code.strings]
    if users:
        yield f"Read or set by: {', '.join(users)}"


def _examples(intent: str) -> Iterator[str]:
    entry = parts.entries("nlu.yml", "nlu").get(intent)
    if entry is None:
        return
    lines = [line.strip() for line in entry.splitlines() if line.startswith("      - ")]
    every = max(1, len(lines) // _EXAMPLES_SHOWN)
    shown = "\n".join(f"  {line}" for line in lines[::every][:_EXAMPLES_SHOWN])
    yield f"What people say, {len(lines)} examples such as:\n{shown}"


def _when(action: str) -> str:
    if action == parts.TEXTS_ACTION:
        return ""
    form = action.removeprefix("action_ask_")
    forms = parts.content("domain.yml")["forms"]
    asking = [name for name, own in forms.items() if form in own["required_slots"]]
    if asking:
        return f"When it runs: the form {asking[0]} asks with it for the slot {form}."
    rules = [r["rule"] for r in _rules_parsed() if {"action": action} in r["steps"]]
    if rules:
        listed = "; ".join(f'"{rule}"' for rule in rules)
        return f"When it runs: by the rules {listed} of data/qa_rules.yml."
    policy = _policy_of(action)
    if policy is not None:
        name = policy.path.rpartition(".")[2]
        return f"When it runs: {name} predicts it, if config.yml names that policy."
    return "When it runs: where you call it, in a rule or story of yours."


@cache
def _policy_of(action: str) -> parts.Place | None:
    """Find the policy that alone predicts an action, by itself or through its rules."""
    if action.startswith("action_qa_ask_"):  # these are for stories and rules
        return None
    for place in parts.public_classes():
        if place.path not in parts.optional_policies():
            continue
        code = _policy_code(place.module.rpartition(".")[2])
        rules = re.findall(r"^from rasa_qa_plugin\.policy\.(\w+)", code, re.MULTILINE)
        if any(f'"{action}"' in text for text in (code, *map(_policy_code, rules))):
            return place
    return None


def _policy_code(module: str) -> str:
    return (_PACKAGE / "policy" / f"{module}.py").read_text("utf-8")


def _rule(name: str, kind: str, rules: list[str]) -> str:
    if rules:
        return f"rules:\n{rules[0]}"
    steps = {
        "intent": f"      - intent: {name}\n      - action: utter_YOURS\n",
        "action": "      - intent: YOUR_INTENT\n      - action: utter_YOURS\n"
        f"      - action: {name}\n",
    }
    return f"rules:\n  - rule: YOURS\n    steps:\n{steps[kind]}"


def _rules() -> Mapping[str, str]:
    return {entry: entry for entry in parts.entries("rules.yml", "rules").values()}


def _rules_parsed() -> list[dict[str, Any]]:
    return list(parts.content("rules.yml")["rules"])


def _names(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _responses() -> Iterator[Page]:
    entries = parts.entries("domain.yml", "responses")
    for group, languages in parts.response_groups().items():
        names = [f"{group}_{one}" if one else group for one in languages]
        said = [action for action, code in _actions().items() if group in code.strings]
        senders = f"Sent by: {', '.join(said)}. " if said else ""
        text = (
            f"{senders}Texts and button titles may be edited, names and payloads may "
            "not. The slot `language` (es, en) chooses, or else the words that the "
            "person uses; a bot of one language may drop all texts of the other."
        )
        yaml = "responses:\n" + "".join(entries[name] for name in names)
        summary = f"{', '.join(filter(None, languages))}: {_said(entries[names[-1]])}"
        yield Page(group, "response", summary, text, "domain.yml", yaml)


def _said(entry: str) -> str:
    words = re.sub(r"^.*?text: (>-)?", "", entry, flags=re.DOTALL).split("buttons:")[0]
    return _cut(" ".join(words.replace('"', "").split()))


def _settings() -> Iterator[Page]:
    for field in msgspec.structs.fields(Settings):
        text = inspect.getdoc(field.type) or ""
        defaults = msgspec.to_builtins(field.default, builtin_types=())
        yaml = f"{field.name}:\n" + "".join(
            f"  {key}: {_written(value)}\n" for key, value in defaults.items()
        )
        yield Page(field.name, "setting", _first_line(text), text, "qa.yml", yaml)
    text = inspect.getdoc(Connection) or ""
    yield Page(
        "tracker_store", "setting", _first_line(text), text,
        "endpoints.yml", parts.TRACKER_STORE,
    )  # fmt: skip


def _written(value: Any) -> str:
    """Write a default as YAML; JSON is YAML."""
    return msgspec.json.encode(value).decode()


def _comment(entry: str) -> str:
    lines = re.findall(r"(?m)^  # ?(.*)$", entry)
    return " ".join(lines)


@cache
def _actions() -> dict[str, _Code]:
    """Read the actions by their names in the domain."""
    found: dict[str, _Code] = {}
    for path in sorted((_PACKAGE / "actions").glob("*.py")):
        for code in _code(path).values():
            for name in code.strings & set(parts.entries("domain.yml", "actions")):
                found.setdefault(name, code)
    return found


@cache
def _code(path: Path) -> dict[str, _Code]:
    """Read the classes of a module: what they say of themselves, and their strings."""
    tree = ast.parse(path.read_text("utf-8"))
    named: dict[str, ast.AST] = {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)
    }
    for node in tree.body:
        if isinstance(node, ast.Assign):
            named |= {t.id: node.value for t in node.targets if isinstance(t, ast.Name)}
    return {
        node.name: _Code(ast.get_docstring(node) or "", _strings(node, named))
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def _strings(node: ast.AST, named: Mapping[str, ast.AST]) -> frozenset[str]:
    """Give the strings in some code, and in what it uses of its own module."""
    found: set[str] = set()
    waiting, seen = [node], set()
    while waiting:
        for inner in ast.walk(waiting.pop()):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                found.add(inner.value)
            elif (
                isinstance(inner, ast.Name)
                and inner.id in named
                and inner.id not in seen
            ):
                seen.add(inner.id)
                waiting.append(named[inner.id])
    return frozenset(found)


def _first_line(text: str) -> str:
    return _cut(text.partition("\n")[0])


def _cut(text: str) -> str:
    limit = 72
    return text if len(text) <= limit else text[: limit - 4].rsplit(" ", 1)[0] + " ..."
