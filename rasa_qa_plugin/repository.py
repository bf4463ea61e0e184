"""The Git repository a bot lives in: one commit that holds the named files only."""

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from rasa_qa_plugin.errors import RasaQAError

# A commit of some files only is refused by Git while one of these is under way.
_UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge")


class Repository:
    """The repository around a folder, however deep the folder lies in it."""

    def __init__(self, folder: Path) -> None:
        """Look for the repository.

        Raises:
            RasaQAError: There is none, or Git is not installed.
        """
        self._folder = folder.resolve()
        if self._git("rev-parse", "--is-inside-work-tree") != "true\n":
            raise RasaQAError(
                "git: the bot folder lies in no repository; run `git init`, or leave "
                "--git out"
            )

    def check_ready(self, files: Iterable[Path]) -> None:
        """See that these files could be committed alone.

        Raises:
            RasaQAError: One holds changes of somebody else, is ignored or not tracked;
                a merge or the like is under way; nobody is named as the author.
        """
        for name in _UNDER_WAY:
            path = self._git("rev-parse", "--git-path", name) or ""
            if (self._folder / path.rstrip("\n")).exists():
                raise RasaQAError(
                    "git: a merge, rebase or the like is under way; finish it first"
                )
        if self._git("var", "GIT_COMMITTER_IDENT") is None:
            raise RasaQAError(
                "git: does not know who commits; set user.name and user.email"
            )
        for file in files:
            if self._git("check-ignore", "--quiet", "--", str(file)) is not None:
                raise RasaQAError(
                    f"git: {file.name} is ignored; take it out of .gitignore, or leave "
                    "--git out"
                )
            if self._git("status", "--porcelain", "--", str(file)) != "":
                raise RasaQAError(
                    f"git: {file.name} has changes that are not committed; commit or "
                    "stash them first"
                )

    def commit(self, files: Sequence[Path], message: str) -> str:
        """Commit these files as they are and give the short name of the commit.

        What else is staged stays staged and stays out.

        Raises:
            RasaQAError: Git refused; the files stay as they are.
        """
        paths = [str(file) for file in files]
        # A commit of named files takes only such as Git has heard of.
        self._git("add", "--intent-to-add", "--", *paths)
        commit = ("commit", "--quiet", "--only", "--message", message, "--", *paths)
        if self._git(*commit) is None:
            self._git("reset", "--quiet", "--", *paths)
            raise RasaQAError(
                "git: refused the commit, a hook may have; the files are changed, "
                "commit them yourself"
            )
        return (self._git("rev-parse", "--short", "HEAD") or "").strip()

    def _git(self, *arguments: str) -> str | None:
        """Give what Git prints, None where it refuses; its complaints may quote."""
        # The one that takes names only, and says so.
        literal = () if arguments[0] == "check-ignore" else ("--literal-pathspecs",)
        try:
            done = subprocess.run(  # noqa: S603
                ["git", "-C", str(self._folder), *literal, *arguments],  # noqa: S607
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env={**os.environ, "LC_ALL": "C"},
                check=False,
            )
        except FileNotFoundError:
            raise RasaQAError("git: not installed; leave --git out") from None
        return None if done.returncode else done.stdout.decode("utf-8", "replace")
