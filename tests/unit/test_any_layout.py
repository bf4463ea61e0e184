"""`rasa-qa init` meets bots as people lay them out."""

from datetime import datetime, timezone
from pathlib import Path

import pytest

from rasa_qa_plugin import parts
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.installation import Installation, plan_installation
from rasa_qa_plugin.settings import parser, read_yaml
from rasa_qa_plugin.undoing import install

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
IMPORT = "import rasa_qa_plugin.actions"
FILES = {
    "config.yml": """\
language: es
pipeline:
- name: WhitespaceTokenizer
- name: FallbackClassifier
policies:
- name: RulePolicy
""",
    "domain.yml": 'version: "3.1"\nintents:\n- greet\n',
    "data/nlu.yml": "nlu:\n- intent: greet\n  examples: |\n    - hola\n",
    "endpoints.yml": "action_endpoint:\n  url: http://actions\n",
}


def write(folder: Path, **files: str | None) -> Bot:
    """Make a bot; ``None`` leaves a file out."""
    for name, text in {**FILES, **files}.items():
        if text is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
    return Bot(folder)


def installed(bot: Bot) -> Installation:
    """Install, and see that a second time changes nothing."""
    plan = plan_installation(bot)
    install(plan.changes, bot=bot, now=NOW)
    assert plan_installation(bot).changes == []
    for section in parts.domain_sections():
        names = [
            name
            for _, content in bot.domain_contents()
            for name in content.get(section) or ()
        ]
        flat = [next(iter(n)) if isinstance(n, dict) else n for n in names]
        assert len(flat) == len(set(flat)), section  # nothing twice
        assert set(parts.entries("domain.yml", section)) <= set(flat)
    return plan


def changed(plan: Installation, bot: Bot) -> set[str]:
    return {change.path.relative_to(bot.folder).as_posix() for change in plan.changes}


def notes(plan: Installation) -> str:
    return "\n".join(plan.notes)


def test_a_domain_split_over_folders_gets_what_no_file_has(tmp_path: Path) -> None:
    bot = write(
        tmp_path,
        **{
            "domain.yml": None,
            "domain/base.yml": "intents: [greet, qa_skip]\n",
            "domain/deep/down/slots.yaml": "slots:\n  qa_consent:\n    type: text\n"
            "    influence_conversation: false\n    mappings:\n    - type: custom\n",
        },
    )

    plan = installed(bot)

    assert "domain/base.yml" not in changed(plan, bot)
    ours = read_yaml(bot.domain / "qa.yml")
    assert "qa_skip" not in ours["intents"]
    assert "qa_consent" not in ours["slots"]
    assert ours["version"] == "3.1"


def test_a_domain_file_goes_before_a_folder_as_for_rasa(tmp_path: Path) -> None:
    bot = write(tmp_path, **{"domain/other.yml": "intents: [x]\n"})

    plan = installed(bot)

    assert "domain.yml" in changed(plan, bot)
    assert not (tmp_path / "domain" / "qa.yml").exists()


def test_ours_moved_into_nested_data_are_not_written_again(tmp_path: Path) -> None:
    bot = write(tmp_path)
    installed(bot)
    for name in ("nlu", "rules"):
        deep = bot.data / "deep" / name
        deep.mkdir(parents=True)
        (bot.data / f"qa_{name}.yml").rename(deep / "plugin.yaml")

    assert plan_installation(bot).changes == []


def test_a_new_release_adds_what_is_new_and_leaves_edits(tmp_path: Path) -> None:
    bot = write(tmp_path)
    installed(bot)
    nlu, rules = bot.data / "qa_nlu.yml", bot.data / "qa_rules.yml"
    skip = parts.entries("nlu.yml", "nlu")["qa_skip"]
    old = (
        nlu.read_text("utf-8")
        .replace(skip, "")
        .replace("bien respondido", "bien dicho")
    )
    nlu.write_text(old, "utf-8")
    late = parts.entries("rules.yml", "rules")["qa skip button pressed late"]
    old_rules = rules.read_text("utf-8").replace(late, "")
    text = "      - action: utter_qa_forgotten_en\n"
    rules.write_text(old_rules.replace(text, ""), "utf-8")

    installed(bot)

    assert nlu.read_text("utf-8") == old + skip
    assert "bien dicho" in nlu.read_text("utf-8")
    after = rules.read_text("utf-8")
    assert after.count("rule: qa skip button pressed late") == 1
    assert after.count(text) == 1
    assert set(old_rules.splitlines()) <= set(after.splitlines())


def test_a_rule_under_another_name_is_known_by_its_steps(tmp_path: Path) -> None:
    rule = "- rule: ours\n  steps:\n  - intent: qa_forget_me\n"
    bot = write(
        tmp_path,
        **{"data/r.yml": f"rules:\n{rule}  - action: action_qa_ask_forget\n"},
    )

    installed(bot)

    text = (bot.data / "qa_rules.yml").read_text("utf-8")
    assert "action_qa_ask_forget" not in text
    assert "action_qa_forget_cancelled" in text


@pytest.mark.parametrize(
    "examples",
    [
        "|\n    - [Great](x) response\n    - ok",
        '\n  - text: "great response"\n  - text: ok',
    ],
)
def test_an_example_that_another_intent_has_is_left_out(
    tmp_path: Path, examples: str
) -> None:
    nlu = f"nlu:\n- intent: feedback\n  examples: {examples}\n"
    bot = write(
        tmp_path,
        **{"data/nlu.yml": nlu, "domain.yml": "intents: [feedback, affirm, deny]\n"},
    )

    plan = installed(bot)

    text = (bot.data / "qa_nlu.yml").read_text("utf-8")
    assert "- great response\n" not in text
    assert "- useful answer\n" in text
    assert "1 of the plugin's training examples" in notes(plan)


def test_keywords_of_a_bot_stay_keywords(tmp_path: Path) -> None:
    nlu = "nlu:\n- intent: deny\n  examples: |\n    - No\n    - chat\n"
    bot = write(
        tmp_path,
        **{
            "config.yml": "pipeline:\n- name: KeywordIntentClassifier\n",
            "data/nlu.yml": nlu,
        },
    )

    installed(bot)

    examples = {
        str(item["intent"]): [
            f" {line.removeprefix('- ').casefold()} "
            for line in item["examples"].splitlines()
        ]
        for _, item in bot.data_contents("nlu")
    }
    assert set(examples) == {"deny", *parts.intents()}
    for intent, texts in examples.items():
        assert texts
        for other, others in examples.items():
            clashes = [
                (a, b) for a in texts for b in others if other != intent and a in b
            ]
            assert clashes == []


def test_a_single_data_file_is_named_in_a_note(tmp_path: Path) -> None:
    bot = write(
        tmp_path,
        **{"data/nlu.yml": None, "data.yml": "nlu: []\nrules: []\nstories: []\n"},
    )

    plan = installed(bot)

    assert "rasa train --data data.yml data" in notes(plan)


def test_one_file_for_all_data_is_left_as_it_is(tmp_path: Path) -> None:
    bot = write(
        tmp_path, **{"data/nlu.yml": None, "data/all.yml": "nlu: []\nrules: []\n"}
    )

    plan = installed(bot)

    assert "data/all.yml" not in changed(plan, bot)


@pytest.mark.parametrize(
    "text", ["", "# mine\n", "pipeline:\n# - name: x\npolicies:\n"]
)
def test_a_config_without_a_pipeline_gets_rasa_s_own(tmp_path: Path, text: str) -> None:
    bot = write(tmp_path, **{"config.yml": text})

    plan = installed(bot)

    names = bot.components("pipeline")
    assert "DIETClassifier" in names
    assert names[-1] == "rasa_qa_plugin.ConfidenceLogger"
    assert bot.components("policies") == []  # Rasa's suggestion has RulePolicy
    assert "config.yml had no pipeline" in notes(plan)


def test_a_policy_that_follows_rules_changes_nothing_else(tmp_path: Path) -> None:
    config = "pipeline: [{name: x}]\npolicies:\n- name: MemoizationPolicy # only\n"
    bot = write(tmp_path, **{"config.yml": config})

    plan = installed(bot)

    assert read_yaml(bot.config)["policies"] == [
        {"name": "MemoizationPolicy"},
        {"name": "RulePolicy", "enable_fallback_prediction": False},
    ]
    assert "# only" in bot.config.read_text("utf-8")
    assert "RulePolicy added" in notes(plan)
    assert "no FallbackClassifier" in notes(plan)


def test_windows_line_ends_stay(tmp_path: Path) -> None:
    crlf = {name: text.replace("\n", "\r\n") for name, text in FILES.items()}
    crlf |= {"actions.py": "import x\r\n", ".gitignore": "*.pyc\r\n"}
    bot = write(tmp_path, **crlf)

    plan = installed(bot)

    for name in (
        "config.yml",
        "domain.yml",
        "endpoints.yml",
        "actions.py",
        ".gitignore",
    ):
        assert name in changed(plan, bot)
        text = (tmp_path / name).read_bytes()
        assert text.count(b"\n") == text.count(b"\r\n"), name
        left = iter(text.decode().splitlines())
        assert all(line in left for line in crlf[name].splitlines()), name


@pytest.mark.parametrize(
    ("files", "written"),
    [
        ({"actions.py": "x = 1\n"}, "actions.py"),
        ({"actions.py": "x = 1\n", "actions/data.txt": ""}, "actions.py"),
        ({"actions.py": "", "actions/__init__.py": ""}, "actions/__init__.py"),
        ({"actions/mine.py": ""}, "actions/__init__.py"),
        (
            {"actions/__init__.py": "# import rasa_qa_plugin.actions\n"},
            "actions/__init__.py",
        ),
        (
            {
                "actions/__init__.py": "",
                "actions/a.py": "import rasa_qa_plugin.actions",
            },
            None,
        ),
        ({"actions.py": "from rasa_qa_plugin import actions\n"}, None),
    ],
)
def test_actions_are_imported_where_the_action_server_looks(
    tmp_path: Path, files: dict[str, str], written: str | None
) -> None:
    bot = write(tmp_path, **files)

    plan = installed(bot)

    names = {name for name in changed(plan, bot) if name.startswith("actions")}
    assert names == ({written} if written else set())
    assert bot.actions_import() is not None


@pytest.mark.parametrize(
    "store",
    [
        "tracker_store:\n",
        "tracker_store: {type: sql, db: c.db} # here\n",
        "tracker_store:\n  type: SQL\n  dialect: postgresql\n  query: {a: b}\n",
        "tracker_store:\n  type: rasa.core.tracker_store.SQLTrackerStore\n  db: c.db\n",
        'tracker_store:\n  db: c.db\n  "type": "SQL"\n',
    ],
)
def test_a_sql_store_keeps_its_keys(tmp_path: Path, store: str) -> None:
    bot = write(tmp_path, **{"endpoints.yml": FILES["endpoints.yml"] + store})
    before = parser().load(store)["tracker_store"] or {"dialect": "sqlite"}

    plan = installed(bot)

    after = read_yaml(bot.endpoints)
    assert after["action_endpoint"] == {"url": "http://actions"}
    kept = after["tracker_store"]
    assert {**kept, **before, "type": kept["type"]} == kept
    assert bot.connection().settings == "qa.yml"
    assert ("RASA_QA_SECRET" in notes(plan)) == ("postgresql" in store)


@pytest.mark.parametrize(
    ("store", "name"),
    [
        ("tracker_store:\n  type: mongod\n  url: mongodb://geheim\n", "is MongoDB"),
        ("tracker_store: {type: redis, url: geheim}\n", "is Redis"),
        ("tracker_store:\n  type: dynamo\n", "is DynamoDB"),
        (
            "tracker_store:\n    type: my.Store\n    key: geheim\n",
            "a store of your own",
        ),
        (
            "tracker_store:\n  type: SQL\n  url: mysql://geheim@h/d\n",
            "neither SQLite nor",
        ),
    ],
)
def test_another_store_is_only_replaced_on_demand(
    tmp_path: Path, store: str, name: str
) -> None:
    bot = write(tmp_path, **{"endpoints.yml": store + FILES["endpoints.yml"]})

    with pytest.raises(ConfigError, match=name) as refused:
        plan_installation(bot)
    plan = plan_installation(bot, replace_store=True)
    install(plan.changes, bot=bot, now=NOW)

    assert "geheim" not in str(refused.value)
    assert "--replace-store" in str(refused.value)
    text = bot.endpoints.read_text("utf-8")
    assert all(f"# {line}" in text for line in store.splitlines())
    assert bot.connection().dialect == "sqlite"
    assert read_yaml(bot.endpoints)["action_endpoint"] == {"url": "http://actions"}
    assert "commented out" in notes(plan)


def test_a_project_of_several_skills_is_told_where_things_go(tmp_path: Path) -> None:
    config = "importers:\n- name: MultiProjectImporter\nimports:\n- skills/one\n"
    bot = write(
        tmp_path,
        **{"config.yml": config + FILES["config.yml"], "domain.yml": None},
    )

    plan = installed(bot)

    assert "several skills" in notes(plan)
    assert read_yaml(bot.config)["imports"] == ["skills/one"]


def test_an_importer_of_ones_own_is_named(tmp_path: Path) -> None:
    config = "importers:\n- name: my.GitImporter\n" + FILES["config.yml"]
    bot = write(tmp_path, **{"config.yml": config})

    assert "my.GitImporter decides what is read" in notes(installed(bot))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"config.yml": "recipe: graph.v1\n"}, r"config\.yml: recipe: is a graph"),
        ({"config.yml": "- a\n"}, r"config\.yml"),
        ({"domain.yml": '"intents":\n- a\n'}, r"domain\.yml: is laid out so"),
        ({"domain.yml": "intents: yes\n"}, r"domain\.yml: intents: is no list"),
        ({"data/nlu.yml": "nlu: [\n"}, r"nlu\.yml, line"),
        ({"domain.yml": None}, r"domain\.yml: not found"),
    ],
)
def test_what_cannot_be_added_to_is_refused_with_the_remedy(
    tmp_path: Path, files: dict[str, str | None], message: str
) -> None:
    bot = write(tmp_path, **files)

    with pytest.raises(ConfigError, match=message):
        plan_installation(bot)


def test_outside_of_a_bot_folder_the_way_in_is_shown(tmp_path: Path) -> None:
    write(tmp_path / "desk")

    with pytest.raises(ConfigError, match="`rasa-qa check --bot desk`"):
        Bot(tmp_path)
