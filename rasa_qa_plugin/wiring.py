"""How the plugin sits in a bot's own files: what each still lacks, and the remedy."""

import difflib
import re
from collections.abc import Iterable, Mapping

from rasa_qa_plugin import parts
from rasa_qa_plugin.bot import CHANNEL, COMPONENT, Bot
from rasa_qa_plugin.errors import RasaQAError

_TOKEN_LENGTH = 16
_OUR_NAME = re.compile(r"qa_|utter_qa_|action_qa_|action_ask_qa_")


class MissingPartError(RasaQAError):
    """A part of the plugin is missing in a bot, or something is in its way."""


def pipeline(bot: Bot) -> str:
    """Look for our component at the end of the pipeline."""
    names = bot.components("pipeline")
    if COMPONENT not in names:
        raise MissingPartError(
            f"pipeline lacks {COMPONENT}; run `rasa-qa init`, or add it at the end: "
            f"`- name: {COMPONENT}`"
        )
    if names[-1] != COMPONENT:
        raise MissingPartError(
            f"{COMPONENT} is not last; move it to the end of the pipeline"
        )
    return f"{COMPONENT} is last in the pipeline"


def policies(bot: Bot) -> str:
    """Look for the policy that follows rules; tell which of ours are in use."""
    names = bot.components("policies")
    if names and not any(name.endswith("RulePolicy") for name in names):
        raise MissingPartError(
            "config.yml: policies lack RulePolicy, and the plugin's rules do nothing "
            "without it; run `rasa-qa init`, or add `- name: RulePolicy`"
        )
    used = [one for one in parts.optional_policies() if one in names]
    with_ours = f", with {' and '.join(used)}" if used else ""
    return f"{'RulePolicy is there' if names else 'those of Rasa'}{with_ours}"


def fallback(bot: Bot) -> str:
    """Look for what keeps ordinary sentences from being taken for our intents."""
    names = bot.components("pipeline")
    if names and not any(name.endswith("FallbackClassifier") for name in names):
        raise MissingPartError(
            "config.yml: no FallbackClassifier in the pipeline: a small bot then takes "
            "sentences it does not know for qa_ intents; add, before "
            f"{COMPONENT}: `- name: FallbackClassifier` with `threshold: 0.7`, and a "
            "rule for the intent nlu_fallback"
        )
    return "FallbackClassifier is in the pipeline"


def domain(bot: Bot) -> str:
    """Compare names and slot types of the domain with ours."""
    missing, strange = [], []
    index = bot.domain_index()
    for section in parts.domain_sections():
        ours, present = parts.entries("domain.yml", section), index[section]
        missing += [name for name in ours if name not in present]
        strange += [
            name
            for name in sorted(present - set(ours))
            if section != "slots" and _OUR_NAME.match(name)
        ]
    if missing:
        raise MissingPartError(
            f"{_place(bot)} lacks {_some(missing)}{_renamed(missing, strange)}; run "
            "`rasa-qa init`, which adds what is missing"
        )
    slots = bot.domain_entries("slots")
    ours = parts.content("domain.yml")["slots"]
    changed = [
        name
        for name, own in ours.items()
        if not isinstance(slots.get(name), Mapping)
        or slots[name].get("type") != own["type"]
        or slots[name].get("influence_conversation", True)
        != own.get("influence_conversation", True)
    ]
    if changed:
        raise MissingPartError(
            f"slots {_some(changed)} differ from the plugin's in `type` or "
            f"`influence_conversation`; `rasa-qa help {changed[0]}` has the lines"
        )
    return f"all of the plugin's names and {len(index['intents'])} intents"


def responses(bot: Bot) -> str:
    """Look for answers that a language lacks, and buttons that lead nowhere."""
    present = bot.domain_entries("responses")
    groups: dict[str, set[str]] = {}
    for name in present:
        group, _, language = str(name).rpartition("_")
        if group in parts.response_groups():
            groups.setdefault(group, set()).add(language)
    languages = sorted(set().union(*groups.values()))
    lacking = [
        f"{group}_{language}"
        for group in parts.response_groups()
        for language in languages
        if language not in groups.get(group, ())
    ]
    if lacking:
        raise MissingPartError(
            f"{_place(bot)} lacks {_some(lacking)}: those answers come in another "
            "language; write them below `responses:`, or delete the language's others"
        )
    known = {*parts.intents(), *bot.domain_names("intents")}
    astray = {
        intent
        for name, variants in present.items()
        if _OUR_NAME.match(str(name))
        for intent in re.findall(r"'payload': '/(\w+)", str(variants))
        if intent not in known
    }
    if astray:
        raise MissingPartError(
            f"buttons name {_some(sorted(astray))}, which no intent is called"
            f"{_renamed(parts.intents(), sorted(astray))}; correct their `payload`"
        )
    if not languages:
        raise MissingPartError("none of the plugin's; run `rasa-qa init`")
    return f"in {', '.join(languages)}"


def training_data(bot: Bot) -> str:
    """Look for examples and rules of ours in the training data."""
    taught = {str(item.get("intent")) for _, item in bot.data_contents("nlu")}
    ruled = {
        str(step.get("intent"))
        for _, item in bot.data_contents("rules")
        for step in item.get("steps") or ()
        if isinstance(step, Mapping)
    }
    for kind, found in (("examples", taught), ("rule", ruled)):
        missing = [name for name in parts.intents() if name not in found]
        if missing:
            strange = [n for n in sorted(found) if n.startswith("qa_")]
            strange = [name for name in strange if name not in parts.intents()]
            raise MissingPartError(
                f"data/ has no {kind} for {_some(missing)}{_renamed(missing, strange)};"
                " run `rasa-qa init`, which adds what is missing"
            )
    return "examples and rules of the plugin are there"


def actions(bot: Bot) -> str:
    """Look for the import that hands our actions to the action server."""
    source = bot.actions_import()
    if source is None:
        file = bot.actions_module().relative_to(bot.folder).as_posix()
        raise MissingPartError(
            "rasa_qa_plugin.actions is not imported; run `rasa-qa init`, or add to "
            f"{file}: `import rasa_qa_plugin.actions`"
        )
    return f"imported in {source.relative_to(bot.folder)}"


def credentials(bot: Bot) -> str:
    """Look whether the plugin's channel, if it is named, would start."""
    token = bot.channel_token()
    if token is None:
        if bot.names_channel():
            raise MissingPartError(
                f"{CHANNEL} has no token; add `  token: ${{RASA_QA_TOKEN}}` below it"
            )
        return f"{CHANNEL} is not named; `rasa-qa help QAChannel` has the lines"
    if len(token) < _TOKEN_LENGTH:
        raise MissingPartError(
            f"the token of {CHANNEL} is too short; give it {_TOKEN_LENGTH} characters "
            "or more"
        )
    return f"{CHANNEL} has a token"


def _place(bot: Bot) -> str:
    name = bot.domain.relative_to(bot.folder).as_posix()
    return f"{name}/" if bot.domain.is_dir() else name


def _some(names: list[str]) -> str:
    """List names, but not a page of them."""
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"  # noqa: PLR2004


def _renamed(missing: Iterable[str], strange: list[str]) -> str:
    """Say which unknown name may be one of ours, edited."""
    for name in missing:
        near = difflib.get_close_matches(name, strange, n=1)
        if near:
            return f" (is {near[0]} an edited {name}? names may not change)"
    return ""
