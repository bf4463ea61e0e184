"""Intents that reviewers declare come into the domain, with a rule until answered."""

from pathlib import Path

import pytest

from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.review.new_intents import RULES, declare
from rasa_qa_plugin.settings import parser
from tests.unit.test_any_layout import write

NAMES = ("cancel_order", "complain")


def after(bot: Bot, *names: str) -> dict[str, str]:
    """Write what is declared, and give the files by name."""
    declaration = declare(bot, names or NAMES)
    found = {}
    for change in declaration.files:
        assert change.after is not None
        change.path.write_bytes(change.after)
        found[change.path.name] = change.after.decode()
    return found


def actions(text: str) -> list[list[str]]:
    return [
        [next(iter(step.values())) for step in rule["steps"]]
        for rule in parser().load(text)["rules"]
    ]


def test_one_line_each_comes_into_the_domain_and_a_rule_beside_the_data(
    tmp_path: Path,
) -> None:
    domain = 'version: "3.1"   # ours\nintents:\n  - greet   # hello\n\nslots: {}\n'
    bot = write(tmp_path, **{"domain.yml": domain})

    files = after(bot)

    assert files["domain.yml"] == domain.replace(
        "# hello\n", "# hello\n  - cancel_order\n  - complain\n"
    )
    assert "TODO" in files[RULES]
    assert actions(files[RULES]) == [
        [name, "action_default_fallback"] for name in NAMES
    ]
    assert declare(bot, ()).files == ()


@pytest.mark.parametrize(
    ("rules", "responses", "expected"),
    [
        ("", "{}", ["action_default_fallback"]),
        ("", "{utter_default: [{text: x}]}", ["utter_default"]),
        (
            (
                "- rule: fallback\n  steps:\n  - intent: nlu_fallback\n"
                "  - action: utter_rephrase\n  - action: action_count\n"
            ),
            "{utter_default: [{text: x}]}",
            ["utter_rephrase", "action_count"],
        ),
        (
            (
                "- rule: two stages\n  steps:\n  - intent: nlu_fallback\n"
                "  - action: action_two_stage_fallback\n"
                "  - active_loop: action_two_stage_fallback\n"
            ),
            "{}",
            ["action_default_fallback"],
        ),
    ],
)
def test_until_it_is_answered_the_bot_does_as_when_it_understands_nothing(
    tmp_path: Path, rules: str, responses: str, expected: list[str]
) -> None:
    bot = write(
        tmp_path,
        **{
            "domain.yml": f"intents: [greet]\nresponses: {responses}\n",
            "data/rules.yml": f"rules:\n{rules}" if rules else "rules: []\n",
        },
    )

    files = after(bot)

    assert files["domain.yml"].startswith("intents: [greet, cancel_order, complain]\n")
    assert actions(files[RULES]) == [[name, *expected] for name in NAMES]


def test_later_ones_join_and_answered_ones_get_no_rule(tmp_path: Path) -> None:
    bot = write(
        tmp_path,
        **{
            "data/stories.yml": "stories:\n- story: x\n  steps:\n  - or:\n"
            "    - intent: complain\n    - intent: greet\n  - action: utter_sorry\n"
        },
    )
    first = after(bot, "cancel_order", "complain")
    assert actions(first[RULES]) == [["cancel_order", "action_default_fallback"]]

    second = after(bot, "third")

    assert second[RULES].startswith(first[RULES])
    assert [rule[0] for rule in actions(second[RULES])] == ["cancel_order", "third"]
    assert "complain" in (tmp_path / "domain.yml").read_text()


def test_a_domain_in_a_folder_gets_them_where_the_bot_lists_its_own(
    tmp_path: Path,
) -> None:
    bot = write(
        tmp_path,
        **{
            "domain.yml": None,
            "domain/qa.yml": "intents:\n- qa_a\n- qa_b\n- qa_c\n",
            "domain/intents/main.yml": "intents:\n- greet\n- bye\n",
            "domain/intents/few.yml": "intents:\n- thanks\n",
        },
    )
    assert set(after(bot)) == {"main.yml", RULES}


def test_a_folder_without_a_list_of_its_own_gets_a_file(tmp_path: Path) -> None:
    bot = write(
        tmp_path,
        **{"domain.yml": None, "domain/qa.yml": "intents:\n- qa_a\n"},
    )
    files = after(bot)
    assert parser().load(files["intents.yml"])["intents"] == list(NAMES)


def test_without_rule_policy_there_is_a_note_and_no_rule(tmp_path: Path) -> None:
    bot = write(tmp_path, **{"config.yml": "policies:\n- name: TEDPolicy\n"})
    declaration = declare(bot, NAMES)
    assert [change.path.name for change in declaration.files] == ["domain.yml"]
    assert "story" in declaration.notes[0]
