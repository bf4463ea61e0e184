"""doccano itself takes our rows, and what people make of them comes home.

uv run pytest -m tools tests/tools
"""

import json
import subprocess
from pathlib import Path

import pytest

from rasa_qa_plugin.review.formats import Names, doccano
from rasa_qa_plugin.review.items import Item
from tests.benchmarks.hostile_items import bare, hostile_items, returned
from tests.tools.answers import assert_answers
from tests.tools.environments import environment
from tests.tools.examples import CORRECTED, SENT

pytestmark = pytest.mark.tools

SCRIPT = Path(__file__).with_name("doccano_project.py")


def through_doccano(
    items: list[Item], folder: Path, answers: dict[str, str] | None = None
) -> bytes:
    """Give what doccano exports of *items*, answered by text."""
    programs = environment(
        "doccano", "3.10", "doccano==1.8.4", "marshmallow<4", "numpy<2", "setuptools<81"
    )
    source, target = folder / "in.jsonl", folder / "out.jsonl"
    source.write_bytes(b"".join(doccano.FORMAT.dump(items, Names())))
    chosen = folder / "answers.json"
    chosen.write_text(json.dumps(answers or {}), "utf-8")
    done = subprocess.run(
        [programs / "python", SCRIPT, source, target, chosen],
        check=False, capture_output=True, text=True, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return target.read_bytes()


def test_rows_come_back_as_they_went(tmp_path: Path) -> None:
    items = list(hostile_items(400))

    loaded = doccano.FORMAT.load(through_doccano(items, tmp_path), "all.jsonl")

    assert loaded.problems == []
    assert [bare(item) for item in loaded.items] == [returned(item) for item in items]


def test_corrections_come_back(tmp_path: Path) -> None:
    answers = {item.text: CORRECTED.get(item.turn_id, item.intent) for item in SENT}
    content = through_doccano(list(SENT), tmp_path, answers)

    loaded = doccano.FORMAT.load(content, "all.jsonl")

    assert loaded.problems == []
    assert_answers(loaded.items, roles=False, verdicts=False)
