"""The README says what is there: commands, settings, files, and nothing else."""

import re
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from rasa_qa_plugin import cli
from rasa_qa_plugin.review.flags import FLAGS
from rasa_qa_plugin.settings import Connection, Settings, parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


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


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    rows = dict(
        re.findall(r"^\| `([a-z_]+\.[a-z_0-9]+)` \| `([^`]*)` \|", README, re.MULTILINE)
    )

    assert {key: parser().load(value) for key, value in rows.items()} == settings()


def test_endpoints_keys_flags_and_tables_are_in_the_readme() -> None:
    from rasa_qa_plugin.storage import schema

    for name in (*Connection.__struct_fields__, *FLAGS[:-1]):
        assert f"`{name}`" in README
    for table in ("events", "qa_turns", "qa_originals", "qa_consents"):
        assert table in schema.metadata.tables
        assert f"`{table}`" in README


def test_yaml_blocks_parse_and_name_what_exists() -> None:
    import rasa_qa_plugin

    blocks = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    endpoints, config, credentials = (parser().load(block) for block in blocks)

    assert Connection.from_mapping(endpoints["tracker_store"])
    for path in (
        endpoints["tracker_store"]["type"],
        config["pipeline"][-1]["name"],
        *credentials,
    ):
        package, name = path.split(".")
        assert package == "rasa_qa_plugin"
        assert getattr(rasa_qa_plugin, name)


def test_routes_are_in_the_readme_and_no_others() -> None:
    from rasa_qa_plugin import QAChannel

    rows = re.findall(r"^\| `([A-Z]+ [a-z]+(?:/SENDER_ID)?)` \|", README, re.MULTILINE)
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


def test_files_of_the_example_are_those_that_init_writes() -> None:
    for ours, theirs in (
        ("domain.yml", "domain/qa.yml"),
        ("nlu.yml", "data/qa_nlu.yml"),
        ("rules.yml", "data/qa_rules.yml"),
    ):
        written = (ROOT / "rasa_qa_plugin" / "bot_files" / ours).read_text("utf-8")
        assert (ROOT / "bot_example" / theirs).read_text("utf-8") == written


def test_the_changelog_names_the_version() -> None:
    import rasa_qa_plugin

    assert f"## {rasa_qa_plugin.__version__}" in (ROOT / "CHANGELOG.md").read_text(
        "utf-8"
    )
