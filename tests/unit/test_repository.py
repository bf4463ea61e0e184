"""A merge becomes one commit that holds its own files and nobody else's work."""

import subprocess
from pathlib import Path

import pytest

from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.repository import Repository


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bot in a subfolder of a repository."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ana")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ana@example.com")
    bot = tmp_path / "company [1]" / "bots" / "sales"
    (bot / "data").mkdir(parents=True)
    (bot / "data" / "nlu.yml").write_text("old\n")
    (bot / "other.py").write_text("old\n")
    root = tmp_path / "company [1]"
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "begin")
    return bot


def files_of_last_commit(bot: Path) -> list[str]:
    return git(bot, "show", "--name-only", "--format=").split()


def test_one_commit_holds_the_named_files_and_what_is_staged_stays_staged(
    bot: Path,
) -> None:
    (bot / "other.py").write_text("half done\n")
    git(bot, "add", "other.py")
    (bot / "third.py").write_text("untracked\n")
    changed = bot / "data" / "nlu.yml"
    made = bot / "data" / "qa_new_intents.yml"
    repository = Repository(bot)
    repository.check_ready([changed, made])
    changed.write_text("new\n")
    made.write_text("new\n")

    name = repository.commit([changed, made], "Add 2 reviewed examples")

    assert git(bot, "rev-parse", "--short", "HEAD").strip() == name
    assert files_of_last_commit(bot) == [
        "bots/sales/data/nlu.yml",
        "bots/sales/data/qa_new_intents.yml",
    ]
    assert git(bot, "log", "-1", "--format=%B").strip() == "Add 2 reviewed examples"
    assert git(bot, "status", "--porcelain").splitlines() == [
        "M  bots/sales/other.py",
        "?? bots/sales/third.py",
    ]


def test_work_of_others_in_the_same_file_is_not_swept_in(bot: Path) -> None:
    nlu = bot / "data" / "nlu.yml"
    nlu.write_text("edited by hand\n")
    with pytest.raises(RasaQAError, match=r"^git: nlu\.yml has changes"):
        Repository(bot).check_ready([nlu])
    git(bot, "add", str(nlu))
    with pytest.raises(RasaQAError, match=r"^git: nlu\.yml has changes"):
        Repository(bot).check_ready([nlu])


def test_what_stands_in_the_way_is_one_line(
    bot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nlu = bot / "data" / "nlu.yml"
    with pytest.raises(RasaQAError, match="lies in no repository"):
        Repository(tmp_path)
    with pytest.raises(RasaQAError, match="has changes"):
        Repository(bot).check_ready([tmp_path / "elsewhere.yml"])
    (bot / ".gitignore").write_text("data/secret*\n")
    with pytest.raises(RasaQAError, match=r"secret\.yml is ignored"):
        Repository(bot).check_ready([bot / "data" / "secret.yml"])
    root = Path(git(bot, "rev-parse", "--absolute-git-dir").strip())
    (root / "MERGE_HEAD").write_text(git(bot, "rev-parse", "HEAD"))
    with pytest.raises(RasaQAError, match="under way"):
        Repository(bot).check_ready([nlu])
    (root / "MERGE_HEAD").unlink()
    monkeypatch.delenv("GIT_COMMITTER_NAME")
    monkeypatch.delenv("GIT_COMMITTER_EMAIL")
    monkeypatch.setenv("EMAIL", "")
    git(bot, "config", "user.useConfigOnly", "true")
    with pytest.raises(RasaQAError, match=r"user\.name"):
        Repository(bot).check_ready([nlu])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RasaQAError, match="not installed"):
        Repository(bot)


def test_a_refused_commit_leaves_files_and_stage_as_they_are(bot: Path) -> None:
    hook = Path(git(bot, "rev-parse", "--absolute-git-dir").strip()) / "hooks"
    hook.mkdir(exist_ok=True)
    (hook / "pre-commit").write_text("#!/bin/sh\necho secret words >&2\nexit 1\n")
    (hook / "pre-commit").chmod(0o755)
    made = bot / "data" / "new.yml"
    made.write_text("new\n")
    with pytest.raises(RasaQAError, match="refused the commit") as error:
        Repository(bot).commit([made], "x")
    assert "secret" not in str(error.value)
    assert made.read_text() == "new\n"
    assert git(bot, "status", "--porcelain").splitlines() == [
        "?? bots/sales/data/new.yml"
    ]
