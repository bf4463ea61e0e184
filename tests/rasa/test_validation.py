"""What `rasa data validate` says decides whether a change is made."""

from pathlib import Path

import pytest

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.changes import FileChange
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.review import new_intents
from rasa_qa_plugin.review.items import Item
from rasa_qa_plugin.review.merging import MergePlan, plan_merge
from rasa_qa_plugin.review.new_intents import declare
from rasa_qa_plugin.storage import annotations, schema
from rasa_qa_plugin.storage.engine import reading
from rasa_qa_plugin.training.validation import validate
from tests.unit.test_cli import call, folder, talked
from tests.unit.test_merge_command import reviewed

__all__ = ["folder", "reviewed", "talked"]  # fixtures

CONFIG = """\
recipe: default.v1
assistant_id: test
language: es
pipeline:
- name: KeywordIntentClassifier
policies:
- name: RulePolicy
"""
DOMAIN = """\
version: "3.1"
intents:
- greet
- price
responses:
  utter_price:
  - text: "5"
"""
RULES = """\
version: "3.1"
rules:
- rule: price
  steps:
  - intent: price
  - action: utter_price
- rule: greet
  steps:
  - intent: greet
  - action: utter_price
"""


def complete(folder: Path) -> Bot:
    """Make the small bot one that Rasa finds valid."""
    (folder / "config.yml").write_text(CONFIG, "utf-8")
    (folder / "domain.yml").write_text(DOMAIN, "utf-8")
    (folder / "data" / "rules.yml").write_text(RULES, "utf-8")
    return Bot(folder)


def planned(bot: Bot) -> MergePlan:
    return plan_merge(
        [
            Item("t1", "anulen mi pedido", "cancel_order"),
            Item("t2", "ya no quiero la compra", "cancel_order"),
        ],
        data=bot.data,
        domain_intents=bot.domain_names("intents"),
        may_declare=True,
    )


def test_a_merge_with_new_intents_brings_no_warning(folder: Path) -> None:
    bot = complete(folder)
    plan = planned(bot)
    before = {path: path.read_bytes() for path in folder.rglob("*.yml")}

    alone = validate(bot, plan.files)
    declared = validate(bot, (*plan.files, *declare(bot, plan.declared).files))

    assert (declared.passed, declared.passed_before, declared.new) == (True, True, ())
    # Rasa would take the examples without a word in the domain, and complain.
    assert any("not listed in your domain" in finding for finding in alone.new)
    assert {path: path.read_bytes() for path in folder.rglob("*.yml")} == before
    assert list(bot.workspace.iterdir()) == []


@pytest.mark.parametrize("old_fault", [False, True])
def test_a_fault_of_the_change_is_told_from_faults_of_before(
    folder: Path, *, old_fault: bool
) -> None:
    bot = complete(folder)
    rules = folder / "data" / "rules.yml"
    if old_fault:
        rules.write_text(
            RULES.replace("- intent: greet", "- action: action_old", 1), "utf-8"
        )
    harmless = plan_merge(
        [Item("t1", "muy buenas", "greet")], data=bot.data, domain_intents=["greet"]
    ).files
    broken = rules.read_bytes() + b"  - action: action_missing\n"
    harmful = FileChange(rules, rules.read_bytes(), broken)

    good = validate(bot, harmless)
    bad = validate(bot, (*harmless, harmful))

    assert good.acceptable
    assert good.passed is good.passed_before is not old_fault
    assert not bad.acceptable
    assert any("action_missing" in finding for finding in bad.new)
    assert not any("action_old" in finding for finding in bad.new)


def test_the_command_writes_what_rasa_finds_valid(
    reviewed: Path,
) -> None:
    complete(reviewed)
    options = ("merge", "--yes", "--new-intents")

    result = call(reviewed, *options)

    assert result.exit_code == 0, result.stderr
    assert "rasa data validate" in result.stderr
    assert "a cómo la libra?" in (reviewed / "data" / "nlu.yml").read_text("utf-8")
    assert "ask_price" in (reviewed / "domain.yml").read_text("utf-8")


def test_the_command_writes_nothing_that_rasa_refuses(
    reviewed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that nobody should write stands for all that can go wrong."""
    complete(reviewed)
    monkeypatch.setattr(new_intents, "_FALLBACK_ACTION", "action_of_nobody")
    before = {path: path.read_bytes() for path in reviewed.rglob("*.yml")}

    result = call(reviewed, "merge", "--yes", "--new-intents")

    assert result.exit_code == 1
    assert "Rasa: The action 'action_of_nobody'" in result.stdout
    assert result.stderr.endswith("nothing was written\n")
    assert {path: path.read_bytes() for path in reviewed.rglob("*.yml")} == before
    opened = open_bot(Bot(reviewed))
    with reading(opened.engine) as connection:
        assert len(annotations.waiting(connection)) == 2
        assert [
            row for row in connection.execute(schema.copies.select()) if row.line
        ] == []
