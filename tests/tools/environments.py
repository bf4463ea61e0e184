"""Environments of their own for the tools that people annotate with.

They cannot live beside Rasa: each is made once by `uv`, from PyPI, in the folder that
`RASA_QA_TOOLS` names, or in one for temporary files, and used again.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

_FOLDER = Path(tempfile.gettempdir(), "rasa-qa-tools")
_ROOT = Path(os.environ.get("RASA_QA_TOOLS", _FOLDER))


def environment(name: str, python: str, *requirements: str) -> Path:
    """Give the folder with the programs of a tool; skips where it cannot be had."""
    folder = _ROOT / name
    done = folder / ".complete"
    if not done.exists():
        uv = shutil.which("uv") or "uv"
        # Away from the checkout: uv would apply the constraints of our project.
        _ROOT.mkdir(parents=True, exist_ok=True)
        for command in (
            [uv, "venv", "-q", "--clear", "-p", python, str(folder)],
            [uv, "pip", "install", "-q", "-p", str(folder), *requirements],
        ):
            made = subprocess.run(
                command, cwd=_ROOT, check=False, capture_output=True, text=True
            )
            if made.returncode:
                pytest.skip(f"{name}: cannot be installed here: {made.stderr[-300:]}")
        done.touch()
    return folder / "bin"
