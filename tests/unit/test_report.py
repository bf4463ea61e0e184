"""A run's report reads alike everywhere, and holds nothing that may have to go."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.cli.runs import show_outcome
from rasa_qa_plugin.settings import TrainingSettings
from rasa_qa_plugin.training.evaluation import (
    Evaluation,
    Prediction,
    Stories,
    TrainingResult,
    evaluate,
    row_key,
)
from rasa_qa_plugin.training.gate import judge
from rasa_qa_plugin.training.outcome import Retraining, Rows, reported
from rasa_qa_plugin.training.provenance import Provenance
from rasa_qa_plugin.training.rendering import markdown, page, write
from rasa_qa_plugin.training.report import Findings, Part, parts_of

TEXTS = ["hola <b>amigo</b>", "a | b", "me llamo [NAME]", "adiós"]


def evaluation(name: str, *said: str) -> Evaluation:
    truth = ["greet", "greet", "name", "bye"]
    return evaluate(
        [
            Prediction(right, one, 0.8, row_key(text))
            for right, one, text in zip(truth, said, TEXTS, strict=True)
        ],
        model_file=f"{name}.tar.gz",
        model_id=name,
        known_intents=truth,
        stories=Stories(passed=("a",), failed=()),
    )


@pytest.fixture
def findings() -> Findings:
    current = evaluation("old", "greet", "greet", "name", "greet")
    candidate = evaluation("new", "bye", "greet", "greet", "bye")
    return Findings(
        run_id="20261130-101500-9f3c",
        judgement=judge(current, candidate, TrainingSettings()),
        current=current,
        candidate=candidate,
        made_from=Provenance(data="d1", config="c1", test_set="t1"),
        seconds={"train": 12.5},
        promoted=None,
        texts={row_key(text): text for text in TEXTS if "[NAME]" not in text},
        new_examples={"bye": 3, "greet": -1},
    )


class Reader(HTMLParser):
    """Reads what a browser would show, and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.sources: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [
            value or "" for name, value in attrs if name in ("src", "href")
        ]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(content: str) -> Reader:
    reader = Reader()
    reader.feed(content)
    return reader


def test_both_forms_say_what_decides(findings: Findings) -> None:
    parts = parts_of(findings)
    written, shown = markdown(parts), read(page(parts))

    for text in ("Run 20261130-101500-9f3c", "INCONCLUSIVE", "macro-F1", "accuracy"):
        assert text in written.replace("\\", "")
        assert any(text in one for one in shown.texts)
    assert "| bye | +3 | 1 | 0 |" in written
    assert "1 of 1" in written
    assert written.startswith("# Run")


def test_changed_rows_are_shown_but_never_what_a_person_said(
    findings: Findings,
) -> None:
    parts = parts_of(findings)
    written, shown = markdown(parts), " ".join(read(page(parts)).texts)

    assert "adiós" in written
    assert "adiós" in shown
    assert "hola <b>amigo</b>" in shown
    assert "llamo" not in written + shown
    assert "1 not shown" in written


def test_the_page_needs_nothing_from_elsewhere(findings: Findings) -> None:
    reader = read(page(parts_of(findings)))

    assert len(reader.sources) == reader.tags.count("img") == 5
    assert all(one.startswith("data:image/png;base64,") for one in reader.sources)
    assert not {"script", "link", "b"} & set(reader.tags)


def test_a_first_model_has_a_report_too(findings: Findings, tmp_path: Path) -> None:
    alone = {
        name: getattr(findings, name)
        for name in findings.__struct_fields__
        if name not in ("current", "judgement", "new_examples")
    }
    first = Findings(
        **alone,
        current=None,
        judgement=judge(None, findings.candidate, TrainingSettings()),
    )
    figures: dict[str, Any] = {"verdict": "PROMOTE"}

    for _ in range(2):
        write(tmp_path, parts_of(first), figures)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html", "report.json", "report.md",
    ]  # fmt: skip
    assert "first model" in (tmp_path / "report.md").read_text("utf-8")


def outcome(findings: Findings, rows: Rows) -> Retraining:
    return Retraining(
        run_id=findings.run_id,
        run_folder=".rasa_qa/runs/1",
        started_at=1.0,
        result=TrainingResult(
            candidate_file="new.tar.gz",
            current=findings.current,
            candidate=findings.candidate,
            seconds={},
            examples={"greet": 3},
        ),
        judgement=findings.judgement,
        made_from=findings.made_from,
        texts=rows.public(),
    )


def test_the_terminal_shows_changed_rows_but_never_what_a_person_said(
    findings: Findings, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = Rows(
        {row_key(text): text for text in TEXTS},
        personal=frozenset({row_key("a | b"), row_key("me llamo [NAME]")}),
    )
    (changed,) = {row_key("me llamo [NAME]")} & {
        findings.candidate.predictions[place].row for place in findings.judgement.broken
    }
    assert changed in rows.texts

    show_outcome(outcome(findings, rows))

    shown = capsys.readouterr()
    assert "- hola <b>amigo</b>: greet → bye" in shown.out
    assert "llamo" not in shown.out + shown.err
    assert "1 not shown, because people said them" in shown.out


def test_a_report_that_cannot_be_written_changes_nothing_about_the_run(
    findings: Findings, tmp_path: Path
) -> None:
    done = outcome(findings, Rows({}))
    (tmp_path / "report.md").mkdir()

    (note,) = reported(tmp_path, done).notes

    assert note.startswith("report: not written (")
    assert str(tmp_path) not in note
    (tmp_path / "report.md").rmdir()
    assert reported(tmp_path, done) == done


@pytest.mark.parametrize("counted", [True, False])
def test_what_was_learned_is_told_only_where_both_models_were_counted(
    findings: Findings, tmp_path: Path, *, counted: bool
) -> None:
    done = outcome(findings, Rows({}))
    current = done.result.current
    assert current is not None
    before = msgspec.structs.replace(
        done.result,
        current=None,
        candidate=current,
        examples={"greet": 1} if counted else {},
    )
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "result.json").write_bytes(msgspec.json.encode(before))
    (tmp_path / "2").mkdir()

    assert reported(tmp_path / "2", done).notes == ()

    written = (tmp_path / "2" / "report.md").read_text("utf-8")
    assert ("What was learned" in written) == counted
    assert ("+2" in written) == counted


@given(st.lists(st.text(max_size=30), min_size=2, max_size=2))
def test_no_text_breaks_out_of_its_cell(cells: list[str]) -> None:
    part = Part(title="T", header=("a", "b"), rows=((cells[0], cells[1]),))

    *_, row = markdown([part]).rstrip("\n").split("\n")
    assert len(re.split(r"(?<!\\)(?:\\\\)*\|", row)) == 4
    reader = read(page([part]))
    assert reader.tags.count("td") == 2
    assert not {"b", "a", "script", "img"} & set(reader.tags)
