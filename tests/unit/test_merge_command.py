"""`rasa-qa merge`: its options, what it says, and what it leaves behind."""

from pathlib import Path

import pytest

from rasa_qa_plugin.cli import merging
from tests.unit.test_cli import NLU, call, folder, talked
from tests.unit.test_repository import files_of_last_commit, git

__all__ = ["folder", "talked"]  # fixtures


@pytest.fixture
def reviewed(talked: Path, tmp_path: Path) -> Path:
    """Two corrections wait; both have an intent that the domain does not know."""
    review = tmp_path / "review.yml"
    call(talked, "export", str(review))
    text = review.read_text("utf-8").replace("- intent: greet", "- intent: ask_price")
    review.write_text(text, "utf-8")
    call(talked, "import", str(review), "--new-intent", "ask_price")
    return talked


def committed(bot: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ana")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ana@example.com")
    git(bot, "init", "--quiet")
    git(bot, "add", "data", "domain.yml", "config.yml")
    git(bot, "commit", "--quiet", "--message", "begin")
    return bot


def test_intents_that_people_declared_are_held_back_unless_asked_for(
    reviewed: Path,
) -> None:
    result = call(reviewed, "merge", "--yes", "--no-validate")
    assert result.stderr.count("use --new-intents") == 2
    assert (reviewed / "data" / "nlu.yml").read_text("utf-8") == NLU

    shown = call(reviewed, "merge", "--new-intents")
    assert "+++ b/domain.yml" in shown.stdout
    assert "+++ b/data/qa_new_intents.yml" in shown.stdout
    assert "ask_price" not in (reviewed / "domain.yml").read_text("utf-8")

    assert (
        call(reviewed, "merge", "--new-intents", "--yes", "--no-validate").exit_code
        == 0
    )
    assert "- ask_price" in (reviewed / "domain.yml").read_text("utf-8")
    assert "a cómo la libra?" in (reviewed / "data" / "nlu.yml").read_text("utf-8")
    assert (reviewed / "data" / "qa_new_intents.yml").is_file()
    (backup,) = (reviewed / ".rasa_qa" / "backups").iterdir()
    kept = {path.relative_to(backup).as_posix() for path in backup.rglob("*.yml")}
    assert kept == {"data/nlu.yml", "domain.yml"}


def test_a_merge_is_one_commit_without_anybody_s_words_in_its_message(
    reviewed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(reviewed, monkeypatch)
    (reviewed / "config.yml").write_text("pipeline: []\n", "utf-8")
    git(reviewed, "add", "config.yml")

    result = call(reviewed, "merge", "--yes", "--no-validate", "--new-intents", "--git")

    assert result.exit_code == 0, result.stderr
    assert "Committed as " in result.stderr
    assert files_of_last_commit(reviewed) == [
        "data/nlu.yml", "data/qa_new_intents.yml", "domain.yml",
    ]  # fmt: skip
    assert git(reviewed, "log", "-1", "--format=%B").strip() == (
        "Add 2 reviewed examples (rasa-qa merge)\n\nNew intents: ask_price"
    )
    assert git(reviewed, "diff", "--cached", "--name-only").split() == ["config.yml"]


def test_what_git_would_refuse_is_told_before_anything_is_written(
    reviewed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("merge", "--yes", "--no-validate", "--new-intents", "--git")
    result = call(reviewed, *options)
    assert result.exit_code == 1
    assert result.stderr.startswith("rasa-qa: git: the bot folder lies in no")

    committed(reviewed, monkeypatch)
    edited = NLU + "# my own work\n"
    (reviewed / "data" / "nlu.yml").write_text(edited, "utf-8")
    result = call(reviewed, *options)
    assert result.exit_code == 1
    assert "rasa-qa: git: nlu.yml has changes that are not committed" in result.stderr
    assert (reviewed / "data" / "nlu.yml").read_text("utf-8") == edited
    assert "merged" not in call(reviewed, "stats", "--json").stdout


def test_without_rasa_there_is_one_line(
    reviewed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(name: str) -> None:
        assert name == "rasa"

    monkeypatch.setattr(merging.importlib.util, "find_spec", nowhere)
    result = call(reviewed, "merge", "--yes")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0].startswith("rasa-qa: rasa: not installed here")


def test_a_bot_folder_named_from_elsewhere_is_as_good(
    reviewed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reviewed)
    shown = call(Path(), "merge", "--new-intents")
    assert shown.exit_code == 0
    assert "+++ b/domain.yml" in shown.stdout
