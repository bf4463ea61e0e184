"""README and pages say what is there: commands, settings, files, nothing else."""

import re
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner

import rasa_qa_plugin
from rasa_qa_plugin import cli, handbook, parts
from rasa_qa_plugin.policy.moments import (
    AskingSettings,
    Disambiguation,
    FeedbackMoments,
)
from rasa_qa_plugin.review.flags import FLAGS
from rasa_qa_plugin.settings import Connection, Settings, parser, read_as

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCS = "\n".join(page.read_text("utf-8") for page in PAGES)


def commands() -> dict[str, click.Command]:
    context = click.Context(cli.root)
    found = {
        name: cli.root.get_command(context, name)
        for name in cli.root.list_commands(context)
    }
    return {name: command for name, command in found.items() if command is not None}


def test_every_command_is_in_the_readme_and_no_other() -> None:
    named = re.findall(r"^\| `rasa-qa ([a-z-]+)", README, re.MULTILINE)

    assert named == list(commands())


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_with_examples(name: str) -> None:
    command = commands()[name]

    assert command.help is not None
    assert "Examples:" in command.help
    assert f"rasa-qa {name}" in command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"


def settings() -> dict[str, Any]:
    """Give every key of qa.yml with its default, as YAML would read it."""
    defaults = msgspec.to_builtins(Settings(), builtin_types=())
    return {
        f"{section}.{key}": list(value) if isinstance(value, tuple) else value
        for section, keys in defaults.items()
        for key, value in keys.items()
    }


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(
        re.findall(r"^\| `([a-z_]+\.[a-z_0-9]+)` \| `([^`]*)` \|", DOCS, re.MULTILINE)
    )

    assert {key: parser().load(value) for key, value in rows.items()} == settings()


def test_endpoints_keys_flags_and_tables_are_documented() -> None:
    from rasa_qa_plugin.storage import schema

    for name in (*Connection.__struct_fields__, *FLAGS[:-1]):
        assert f"`{name}`" in DOCS
    for table in ("events", "qa_turns", "qa_originals", "qa_consents"):
        assert table in schema.metadata.tables
        assert f"`{table}`" in DOCS


def test_yaml_blocks_parse_and_name_what_exists() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    endpoints, config, asking, credentials = map(parser().load, blocks)

    assert Connection.from_mapping(endpoints["tracker_store"])
    for path in (
        endpoints["tracker_store"]["type"],
        config["pipeline"][-1]["name"],
        asking["policies"][0].pop("name"),
        *credentials,
    ):
        package, name = path.split(".")
        assert package == "rasa_qa_plugin"
        assert getattr(rasa_qa_plugin, name)
    assert read_as(AskingSettings, asking["policies"][0], "docs/chat.md").actions


def test_every_key_of_the_asking_policy_is_documented() -> None:
    nested = {
        "ask_feedback": FeedbackMoments.__struct_fields__,
        "disambiguate": Disambiguation.__struct_fields__,
    }
    keys = [
        f"{key}.{inner}" if inner else key
        for key in AskingSettings.__struct_fields__
        for inner in nested.get(key, ("",))
    ]

    assert [key for key in keys if f"| `{key}` |" not in DOCS] == []


def test_routes_are_documented_and_no_others() -> None:
    from rasa_qa_plugin import QAChannel

    rows = re.findall(r"^\| `([A-Z]+ [a-z]+(?:/SENDER_ID)?)` \|", DOCS, re.MULTILINE)
    blueprint = QAChannel("a-token-for-tests").blueprint(None)
    routes = [
        f"{method} {route.uri.lstrip('/').replace('<sender:str>', 'SENDER_ID')}"
        for route in blueprint._future_routes
        for method in route.methods
    ]

    assert rows == [*dict.fromkeys(rows)]
    assert sorted(rows) == sorted(routes)


def test_the_commands_of_the_loop_are_real() -> None:
    block = re.search(r"```bash\n(rasa-qa turns.*?)```", README, re.DOTALL)

    assert block is not None
    for line in block.group(1).splitlines():
        words = line.partition("#")[0].split()
        if words:
            command = commands()[words[1]]
            command.make_parser(click.Context(command)).parse_args(words[2:])


def test_the_two_commands_stand_alone_and_their_files_exist() -> None:
    run = re.findall(r"^pip install uv && uv run (.+)$", README, re.MULTILINE)

    assert run == ["bot_example/demo.py", "pytest"]
    assert (ROOT / run[0]).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
            assert anchor in {
                re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")
                for title in titles
            }


def test_the_readme_leads_to_every_page() -> None:
    assert [page for page in PAGES[1:] if f"(docs/{page.name})" not in README] == []


def test_files_of_the_example_are_those_that_init_writes() -> None:
    for ours, theirs in (
        ("domain.yml", "domain/qa.yml"),
        ("nlu.yml", "data/qa_nlu.yml"),
        ("rules.yml", "data/qa_rules.yml"),
    ):
        written = (ROOT / "rasa_qa_plugin" / "bot_files" / ours).read_text("utf-8")
        assert (ROOT / "bot_example" / theirs).read_text("utf-8") == written


def names_in_bot_files() -> list[str]:
    return [
        *(
            name
            for section in ("intents", "entities", "slots", "forms", "actions")
            for name in parts.entries("domain.yml", section)
        ),
        *parts.response_groups(),
        *Settings.__struct_fields__,
        *(name for name in rasa_qa_plugin.__all__ if not name.startswith("__")),
    ]


@pytest.mark.parametrize("name", dict.fromkeys(names_in_bot_files()))
def test_help_has_a_page_for_every_name(name: str) -> None:
    found = handbook.find(name)

    assert found
    for page in found:
        assert page.topic == name
        assert page.summary
        assert len(page.text) > len("Records a no.")
        # What only a policy predicts needs the policy.
        assert name in page.yaml or "- name: rasa_qa_plugin." in page.yaml
        assert parser().load(page.yaml)


def test_help_tells_what_runs_when() -> None:
    texts = {name: handbook.find(name)[0].text for name in names_in_bot_files()}

    assert "Leads to action_qa_forget." in texts["qa_forget_confirm"]
    assert "Button of: utter_qa_ask_forget_es" in texts["qa_forget_confirm"]
    (first, *_) = re.findall(r" {6}(- .*)", parts.entries("nlu.yml", "nlu")["qa_skip"])
    assert f"  {first}\n" in texts["qa_skip"]
    assert 'by the rules "qa forget me"' in texts["action_qa_ask_forget"]
    assert "where you call it" in texts["action_qa_ask_consent"]
    assert "qa_comment_form asks with it" in texts["action_ask_qa_comment"]
    assert "Says: utter_qa_ask_forget, utter_qa_forgotten" in texts["action_qa_forget"]
    assert (
        "Sent by: action_qa_ask_forget, action_qa_forget."
        in texts["utter_qa_forgotten"]
    )
    assert (
        "Read or set by: action_qa_ask_forget, action_qa_forget" in texts["qa_forget"]
    )


@pytest.mark.parametrize(
    ("asked", "topic"),
    [
        ("utter_qa_forgotten_en", "utter_qa_forgotten"),
        ("rasa_qa_plugin.QAChannel", "QAChannel"),
        ("privacy.live_ttl_hours", "privacy"),
        ("/qa_skip", "qa_skip"),
    ],
)
def test_a_page_is_found_by_the_names_that_files_use(asked: str, topic: str) -> None:
    assert handbook.find(asked)[0].topic == topic


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("action_qa_feedback", "action_qa_ask_feedback"),
        ("confidencelogger", "ConfidenceLogger"),
        ("withdraw", "qa_consent_withdraw"),
        ("merge", "`rasa-qa merge --help`"),
    ],
)
def test_an_unknown_topic_leads_to_the_nearest(asked: str, meant: str) -> None:
    result = CliRunner().invoke(cli.root, ["help", asked])

    assert result.exit_code == 2
    assert meant in result.stderr
    assert "`rasa-qa help` lists all topics" in result.stderr


def test_the_changelog_names_the_version() -> None:
    assert f"## {rasa_qa_plugin.__version__}" in (ROOT / "CHANGELOG.md").read_text(
        "utf-8"
    )
