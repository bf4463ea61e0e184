"""`rasa-qa turns`, `show`, `flag` and `stats` on a small bot with a real database."""

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rasa_qa_plugin import cli
from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.opening import open_bot
from tests.conftest import Events
from tests.unit.test_cli import PHONE, WHO, call, folder

__all__ = ["folder"]  # a fixture

DAY = 86_400.0


def dated(event: dict[str, Any], at: float) -> dict[str, Any]:
    return {**event, "timestamp": at}


@pytest.fixture
def talked(folder: Path, events: Events) -> Path:
    """One who agreed and one who did not; the first also wrote three days ago."""
    opened = open_bot(Bot(folder))
    now = time.time()
    said = [
        dated(events.slot("qa_consent", "granted"), now),
        dated(events.user("¿Cuánto CUESTA?", message_id="m1"), now - 3 * DAY),
        dated(events.bot("=1+1"), now - 3 * DAY),
        dated(
            events.user("=HYPERLINK(1)", "price", 0.4, message_id="m2"),
            now,
        ),
        dated(events.user(f"llamen al {PHONE}\x1b[2J", message_id="m3"), now + 1),
    ]
    opened.recorder.record(Batch(sender_id=WHO, events=said), now=now)
    opened.recorder.record(
        Batch(sender_id="other", events=[dated(events.user("hola"), now)]), now=now
    )
    opened.engine.dispose()
    return folder


def listed(folder: Path, *arguments: str) -> list[Any]:
    result = call(folder, "turns", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return list(json.loads(result.stdout))


def test_days_are_whole_and_local(talked: Path) -> None:
    def day(ago: int) -> str:
        return time.strftime("%Y-%m-%d", time.localtime(time.time() - ago * DAY))

    assert len(listed(talked)) == 4
    assert len(listed(talked, "--since", day(1))) == 3
    assert len(listed(talked, "--until", day(3))) == 1
    assert len(listed(talked, "--since", day(3), "--until", day(3))) == 1
    assert listed(talked, "--since", day(2), "--until", day(2)) == []


def test_a_conversation_is_found_by_either_of_its_names(talked: Path) -> None:
    (hers,) = {one["sender_id"] for one in listed(talked, "--text", "cuanto cuesta")}

    assert len(listed(talked, "--conversation", hers)) == 3
    assert len(listed(talked, "--conversation", WHO)) == 3
    assert len(listed(talked, "--conversation", "other")) == 1
    assert listed(talked, "--conversation", "nobody") == []


def test_pages_go_on_after_the_last_turn(talked: Path) -> None:
    first = call(talked, "turns", "--json", "--limit", "3")
    last = json.loads(first.stdout)[-1]["turn_id"]
    rest = call(talked, "turns", "--json", "--limit", "3", "--after", last)
    end = json.loads(rest.stdout)[-1]["turn_id"]
    beyond = call(talked, "turns", "--after", end)
    lost = call(talked, "turns", "--after", "t_0")

    assert first.stderr == f"There may be more: add --after {last}\n"
    assert (len(json.loads(rest.stdout)), rest.stderr) == (1, "")
    assert (beyond.stdout, beyond.stderr) == ("", "No more such turns.\n")
    assert (lost.exit_code, lost.stderr) == (
        1,
        "rasa-qa: --after: no such turn; begin without it\n",
    )


def test_a_spreadsheet_runs_nothing_that_people_typed(talked: Path) -> None:
    result = call(talked, "turns", "--csv", "--order", "recent")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))

    assert sorted(row["text"] for row in rows)[:2] == ["", "'=HYPERLINK(1)"]
    assert "'=1+1" in {row["answer"] for row in rows}
    assert rows[0]["text"].startswith("llamen al [PHONE]")
    assert {row["flags"] for row in rows} == {"", "low_confidence"}
    assert all(float(row["error_score"]) >= 0 for row in rows)
    both = call(talked, "turns", "--csv", "--json")
    assert (both.exit_code, "--csv: contradicts --json" in both.stderr) == (2, True)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_begins_like_a_formula(start: str) -> None:
    from rasa_qa_plugin.cli.options import spreadsheet_cell

    assert spreadsheet_cell(f"{start}1") == f"'{start}1"
    assert spreadsheet_cell(-1.5) == -1.5
    assert spreadsheet_cell(f"a{start}") == f"a{start}"


def test_show_tells_what_was_said_around_a_turn_and_why_it_may_be_wrong(
    talked: Path,
) -> None:
    (turn,) = listed(talked, "--flag", "low_confidence")
    shown = call(talked, "show", turn["turn_id"])
    (found,) = json.loads(call(talked, "show", turn["turn_id"], "--json").stdout)

    assert found["turn"] == turn
    assert [one["text"] for one in found["before"]] == ["¿Cuánto CUESTA?"]
    assert len(found["after"]) == 1
    assert set(found["reasons"]) == {"confidence", "margin"}
    assert not found["ranked"]
    for word in ("¿Cuánto CUESTA?", "=1+1", "=HYPERLINK(1)", "[PHONE]", "margin +0.30"):
        assert " ".join(word.split()) in " ".join(shown.stdout.split())
    assert PHONE not in shown.stdout
    assert "\x1b[2J" not in shown.stdout + call(talked, "turns").stdout


def test_an_unknown_turn_is_one_line(talked: Path) -> None:
    known = listed(talked)[0]["turn_id"]

    for command in ("show", "flag"):
        result = call(talked, command, known, "t_unknown")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == (
            "rasa-qa: turns: 1 of 2 ids not found; "
            "`rasa-qa turns` lists those there are\n"
        )
    assert listed(talked, "--flag", "manual") == []


def test_turns_are_flagged_by_hand_also_from_a_pipe(talked: Path) -> None:
    ids = [one["turn_id"] for one in listed(talked)]

    def flag(*arguments: str, given: str = "") -> Any:
        result = CliRunner().invoke(
            cli.root,
            ["flag", "--bot", str(talked), "--json", *arguments],
            input=given,
            catch_exceptions=False,
        )
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    assert flag("-", given="\n".join(ids)) == {
        "flag": "manual",
        "raised": True,
        "changed": 4,
        "reopened": 0,
    }
    assert flag("-", given="")["changed"] == 0
    assert flag(ids[0], "--off")["changed"] == 1
    assert flag(ids[0], "--reason", "user_reported")["changed"] == 1
    flagged = {one["turn_id"]: one["flags"] for one in listed(talked, "--flagged")}
    assert {name for name, flags in flagged.items() if "manual" in flags} == {*ids[1:]}
    assert "user_reported" in flagged[ids[0]]


def test_tables_fit_a_terminal_of_eighty_columns(
    talked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    review = tmp_path / "review.yml"
    call(talked, "export", str(review))
    text = review.read_text("utf-8")
    review.write_text(text.replace("- intent: price", "- intent: greet"), "utf-8")
    call(talked, "import", str(review))

    printed = call(talked, "stats").stdout

    for lines in (printed, call(talked, "turns").stdout):
        assert max(len(line) for line in lines.splitlines()) <= 80
    for word in ("reviewed", "1 (33%)", "Taken for", "right intent", "ECE"):
        assert word in printed
    found = json.loads(call(talked, "stats", "--json").stdout)
    assert (found["decided"], found["accepted_share"]) == (1, 0.0)
    assert found["confusions"] == [{"bot": "price", "right": "greet", "turns": 1}]
