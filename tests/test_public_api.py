"""What others rely on: dotted paths, import arrows, a quick command line."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import rasa_qa_plugin
from rasa_qa_plugin import actions

PACKAGE = Path(rasa_qa_plugin.__file__).parent

# Lower rooms know nothing of higher ones.
LAYERS = (
    {"errors"},
    {"rejection"},
    {
        *("settings", "consent", "changes", "repository", "own_intents", "languages"),
        "prediction",
    },
    {"bot", "splicing"},
    {"parts"},
    {"wiring", "endpoints", "examples"},
    {"privacy", "storage"},
    {"review", "training", "insights"},
    {"decisions", "batches", "numbering", "interruptions"},
    {"subject", "archive"},
    {"adoption"},
    {"recording"},
    {"opening"},
    {"announcing"},
    {"backlog", "threads", "positions", "scrubbing", "rights", "server", "writer"},
    {"notifier"},
    {"installation", "undoing", "handbook", "health", "forgetting", "cluster"},
    {"broker"},
    {"tracker_store", "nlu", "policy", "actions", "cli", "swapping"},
    {"channel"},
    {"__main__"},
)
# These speak to Rasa; the last six only inside functions or in a process of their own.
ADAPTERS = {
    "tracker_store.py",
    "broker.py",
    "positions.py",
    "nlu.py",
    "policy/escalation.py",
    "channel.py",
    "swapping.py",
    "policy/asking.py",
    "policy/responses.py",
    "review/rasa_syntax.py",
    "training/validator.py",
    "training/worker.py",
    "training/fitting.py",
    "training/testing.py",
    "training/remote.py",
}


def test_dotted_paths_of_yaml_files_stay() -> None:
    assert rasa_qa_plugin.__all__ == [
        "ConfidenceLogger",
        "EscalationPolicy",
        "QAChannel",
        "QAPolicy",
        "QATrackerStore",
        "__version__",
    ]
    for name in rasa_qa_plugin.__all__:
        assert getattr(rasa_qa_plugin, name)
    with pytest.raises(AttributeError, match="no attribute 'QATrakerStore'"):
        _ = rasa_qa_plugin.QATrakerStore


def test_action_names_stay() -> None:
    names = {getattr(actions, name)().name() for name in actions.__all__}

    assert names == {
        "action_ask_qa_comment",
        "action_qa_ask_consent",
        "action_qa_ask_feedback",
        "action_qa_ask_forget",
        "action_qa_comment_skipped",
        "action_qa_consent_info",
        "action_qa_ask_stars",
        "action_qa_deny_consent",
        "action_qa_did_you_mean",
        "action_qa_escalate",
        "action_qa_forget",
        "action_qa_forget_cancelled",
        "action_qa_grant_consent",
        "action_qa_insert_consent",
        "action_qa_insert_feedback",
        "action_qa_insert_stars",
        "action_qa_meant",
        "action_qa_record_comment",
        "action_qa_record_feedback",
        "action_qa_record_stars",
        "action_qa_withdraw_consent",
    }


def imports_of(path: Path) -> set[str]:
    """Give the modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return found


def room_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] != "rasa_qa_plugin" or len(parts) < 2:
        return None
    return parts[1]


def test_arrows_point_down() -> None:
    level = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        inside = path.relative_to(PACKAGE)
        room = inside.parts[0].removesuffix(".py")
        if room in ("__init__", "bot_files"):
            continue
        for module in imports_of(path):
            other = room_of(module)
            if other in level and other != room and level[other] >= level[room]:
                wrong.append(f"{inside} imports {module}")
    assert wrong == []


def test_only_adapters_import_rasa_and_actions_never_do() -> None:
    for path in PACKAGE.rglob("*.py"):
        inside = path.relative_to(PACKAGE).as_posix()
        roots = {module.partition(".")[0] for module in imports_of(path)}
        if inside not in ADAPTERS:
            assert "rasa" not in roots, inside
        if not inside.startswith("actions/"):
            assert "rasa_sdk" not in roots, inside


def loaded_by(statement: str) -> set[str]:
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


HEAVY = {
    *("rasa", "tensorflow", "presidio_analyzer", "spacy", "sqlalchemy", "rich"),
    *("faker", "prompt_toolkit"),
}


def test_the_command_line_s_help_loads_nothing_heavy() -> None:
    loaded = loaded_by(
        "from rasa_qa_plugin import cli; "
        "cli.root(['--help'], standalone_mode=False, prog_name='rasa-qa')"
    )

    assert "rasa_qa_plugin.cli" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("arguments", [["help"], ["help", "action_qa_forget"]])
def test_a_page_of_help_loads_nothing_heavy(arguments: list[str]) -> None:
    loaded = loaded_by(
        f"from rasa_qa_plugin import cli; cli.root({arguments}, standalone_mode=False)"
    )

    assert "rasa_qa_plugin.handbook" in loaded
    assert loaded & (HEAVY | {"rasa_sdk", "numpy", "cryptography"}) == set()


def test_looking_at_turns_loads_no_detector(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("pipeline: []\n", "utf-8")
    (tmp_path / "endpoints.yml").write_text(
        "tracker_store: "
        "{type: rasa_qa_plugin.QATrackerStore, dialect: sqlite, db: bot.db}\n",
        "utf-8",
    )
    loaded = loaded_by(
        "from rasa_qa_plugin import cli; "
        f"cli.root(['turns', '--bot', {str(tmp_path)!r}], standalone_mode=False)"
    )

    assert "rasa_qa_plugin.storage.turns" in loaded
    assert loaded & {"rasa", "presidio_analyzer", "spacy", "numpy"} == set()


def test_an_action_server_loads_neither_rasa_nor_a_database() -> None:
    loaded = loaded_by("import rasa_qa_plugin.actions")

    assert loaded & (HEAVY | {"cryptography", "alembic"}) == set()


def test_the_core_works_without_rasa() -> None:
    loaded = loaded_by("import rasa_qa_plugin.opening, rasa_qa_plugin.review.exporting")

    assert loaded & {"rasa", "rasa_sdk", "tensorflow"} == set()


def test_modules_stay_small() -> None:
    sizes = {
        path.relative_to(PACKAGE).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }

    assert {name: size for name, size in sizes.items() if size > 400} == {}
