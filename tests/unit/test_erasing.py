"""`rasa-qa erase` from one end to the other: rows, exports, training data, backups."""

import json
import logging
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rasa_qa_plugin import rights
from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.review.recall import apply_recall, plan_recall
from rasa_qa_plugin.storage import copies, schema
from rasa_qa_plugin.storage.engine import reading, transaction
from tests.conftest import Events
from tests.searching import Search, notations
from tests.unit.test_cli import NLU, PHONE, WHO, call, folder, talked

__all__ = ["folder", "talked"]  # fixtures

OTHER = "593990000001"
WORDS = ("a cómo la libra?", "llamen al [PHONE]")


@pytest.fixture
def merged(talked: Path, events: Events, tmp_path: Path) -> Path:
    """Two people whose turns were exported, corrected, merged, twice."""
    for text, message_id in (("busco calamar limpio", "o1"), ("y merluza", "o2")):
        opened = open_bot(Bot(talked))
        said = [
            events.slot("qa_consent", "granted"),
            events.user(text, confidence=0.4, message_id=message_id),
        ]
        opened.recorder.record(Batch(sender_id=OTHER, events=said), now=2e9)
        opened.engine.dispose()
        review = tmp_path / f"review-{message_id}.yml"
        for arguments in (
            ["export", str(review)],
            ["import", str(review)],
            ["merge", "--yes", "--no-validate"],
        ):
            result = call(talked, *arguments)
            assert result.exit_code == 0, result.stderr
    return talked


def erase(folder: Path, *arguments: str) -> dict[str, Any]:
    result = call(folder, "erase", "--server", "none", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def holding(folder: Path, *words: str) -> list[str]:
    """Give the files below a folder that hold any of these words."""
    search = Search((form, word) for word in words for form in notations(word))
    return sorted(
        path.name
        for path in folder.rglob("*")
        if path.is_file() and search.found_in(path.read_bytes())
    )


def turn_ids(folder: Path) -> list[str]:
    return [
        turn["turn_id"]
        for turn in json.loads(call(folder, "turns", "--json").stdout)
        if turn["text"] in (*WORDS, "hola")
    ]


def test_a_person_leaves_every_file_and_others_stay(
    merged: Path, tmp_path: Path
) -> None:
    ids = turn_ids(merged)
    nlu = merged / "data" / "nlu.yml"
    before = nlu.read_text("utf-8")
    assert set(holding(tmp_path, *WORDS)) == {
        "bot.db", "bot.db-wal", "nlu.yml", "review-o1.yml",
    } - ({"bot.db-wal"} if not (merged / "bot.db-wal").exists() else set())  # fmt: skip
    assert len(list((merged / ".rasa_qa" / "backups").iterdir())) == 2

    counted = erase(merged, WHO)
    assert nlu.read_text("utf-8") == before
    erased = erase(merged, WHO, "--yes")

    assert erased["files"] == {
        "exported_turns": 2, "training_lines": 2, "backup_lines": 2,
        "lines_not_found": 0, "files_not_found": 0, "files_unreadable": 0,
    }  # fmt: skip
    assert counted["files"] == erased["files"]
    assert counted["rows"] == erased["rows"]
    assert (counted["erased"], erased["erased"]) == (False, True)
    gone = {"- a cómo la libra?", "- llamen al [PHONE]"}
    assert nlu.read_text("utf-8") == "".join(
        line for line in before.splitlines(keepends=True) if line.strip() not in gone
    )
    assert holding(tmp_path, *WORDS, *ids) == []
    assert "calamar" in (tmp_path / "review-o1.yml").read_text("utf-8")
    assert "calamar" in nlu.read_text("utf-8")
    assert call(merged, "import", str(tmp_path / "review-o1.yml")).exit_code == 0

    again = call(merged, "erase", "--server", "none", WHO, "--yes")
    assert again.exit_code == 0
    assert again.stderr.splitlines()[-1] == "Nothing is stored under this id."


def test_when_all_are_erased_the_data_is_what_it_was(merged: Path) -> None:
    erase(merged, WHO, "--yes")
    erase(merged, OTHER, "--yes")

    assert (merged / "data" / "nlu.yml").read_text("utf-8") == NLU
    for backup in (merged / ".rasa_qa" / "backups").rglob("*.yml"):
        assert backup.read_text("utf-8") == NLU


def test_a_receipt_names_nobody_and_quotes_nothing(
    merged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ids = turn_ids(merged)
    opened = open_bot(Bot(merged))
    pseudonym = opened.vault.pseudonym(WHO)
    opened.engine.dispose()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").debug("heard")
        results = [
            call(merged, "erase", "--server", "none", WHO, *options)
            for options in (["--json"], [], ["--yes", "--json"], ["--yes"])
        ]

    told = "\n".join(r.stdout + r.stderr for r in results) + caplog.text
    assert "heard" in told
    for secret in (WHO, pseudonym, PHONE, "libra", "llamen", *ids):
        assert secret not in told
    receipt = json.loads(results[2].stdout)
    assert set(receipt) == {"erased", "date", "policy_version", "rows", "files"}
    assert receipt["policy_version"] == "1"
    assert datetime.fromisoformat(receipt["date"]).tzinfo == timezone.utc
    assert all(isinstance(n, int) for n in receipt["rows"].values())
    assert holding(merged, *ids, pseudonym, WHO) == []


def test_who_was_forgotten_in_the_chat_is_found_in_files_later(
    merged: Path, events: Events, tmp_path: Path
) -> None:
    opened = open_bot(Bot(merged))
    forget = events.slot("qa_forget", True)
    done = opened.recorder.record(Batch(sender_id=WHO, events=[forget]), now=2e9)
    opened.engine.dispose()
    assert done.erased
    assert "nlu.yml" in holding(tmp_path, *WORDS)
    finding = {
        one["subject"]: one
        for one in json.loads(call(merged, "check", "--json").stdout)
    }["files"]
    assert not finding["ok"]
    assert finding["detail"].endswith("run `rasa-qa erase --yes`")

    assert erase(merged)["files"]["training_lines"] == 2
    receipt = erase(merged, "--yes")

    assert receipt["rows"] == {}
    assert receipt["files"]["training_lines"] == 2
    assert holding(tmp_path, *WORDS) == []
    assert not any(erase(merged, "--yes")["files"].values())


def test_killed_between_any_two_steps_it_finishes_when_run_again(
    merged: Path, tmp_path: Path
) -> None:
    opened = open_bot(Bot(merged))
    rights.erase(opened, opened.vault.pseudonym(WHO), 2e9, sender_id=WHO)
    with reading(opened.engine) as connection:
        left = copies.recalled(connection)
    plan = plan_recall(left, root=merged, backups=merged / ".rasa_qa" / "backups")
    assert len(plan.files) == 3
    # The first file was written, the others not.
    (half,) = (change for change in plan.files if change.path.name == "review-o1.yml")
    half.path.write_bytes(half.after)
    opened.engine.dispose()

    receipt = erase(merged, WHO, "--yes")

    assert receipt["files"]["exported_turns"] == 0
    assert receipt["files"]["training_lines"] == 2
    assert holding(tmp_path, *WORDS) == []
    assert not any(erase(merged, "--yes")["files"].values())


def test_killed_after_the_files_it_only_clears_its_record(merged: Path) -> None:
    opened = open_bot(Bot(merged))
    rights.erase(opened, opened.vault.pseudonym(WHO), 2e9, sender_id=WHO)
    with reading(opened.engine) as connection:
        left = copies.recalled(connection)
    plan = plan_recall(left, root=merged, backups=merged / ".rasa_qa" / "backups")
    apply_recall(plan, root=merged, now=datetime.now(timezone.utc))

    receipt = erase(merged, "--yes")

    assert receipt["files"] == {
        **dict.fromkeys(receipt["files"], 0),
        "lines_not_found": 2,
    }
    with reading(opened.engine) as connection:
        assert copies.recalled(connection) == []
    opened.engine.dispose()


def test_files_that_are_not_found_are_told_until_they_are_said_to_be_gone(
    merged: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review-o1.yml"
    content = review.read_bytes()
    review.unlink()

    told = call(merged, "erase", "--server", "none", WHO, "--yes").stderr
    assert (
        "exports and data recorded but not found: 1 files; delete them where they are"
        in told
    )
    again = call(merged, "erase", "--yes", "--json").stderr
    assert again.startswith("exports and data recorded but not found: 1 files; ")
    assert erase(merged, "--yes")["files"]["files_not_found"] == 1
    # It comes back from somebody's desk, under another name.
    (merged / "from_eva.yml").write_bytes(content)
    assert erase(merged, "--yes")["files"]["exported_turns"] == 2
    assert erase(merged, "--yes")["files"]["files_not_found"] == 0
    assert "libra" not in (merged / "from_eva.yml").read_text("utf-8")


def test_files_said_to_be_gone_are_not_looked_for_again(
    merged: Path, tmp_path: Path
) -> None:
    (tmp_path / "review-o1.yml").unlink()

    first = erase(merged, WHO, "--yes", "--missing-is-gone")

    assert first["files"]["files_not_found"] == 1
    assert not any(erase(merged)["files"].values())


def test_a_file_that_cannot_be_changed_is_named_and_asked_for_again(
    merged: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review-o1.yml"
    review.write_text(review.read_text("utf-8") + "nlu: [\n", "utf-8")

    for _ in range(2):
        result = call(merged, "erase", "--server", "none", WHO, "--yes")
        assert result.exit_code == 1
        assert "rasa-qa: review-o1.yml: holds words of people" in result.stderr
        assert WORDS[0] not in (merged / "data" / "nlu.yml").read_text("utf-8")
    review.unlink()
    assert call(merged, "erase", "--yes", "--missing-is-gone").exit_code == 0
    assert not any(erase(merged)["files"].values())


def test_a_withdrawal_keeps_the_way_to_lines_that_were_merged(
    merged: Path, tmp_path: Path
) -> None:
    call(merged, "consent", WHO, "--server", "none", "--set", "withdrawn")
    assert "nlu.yml" in holding(tmp_path, *WORDS)

    erase(merged, WHO, "--yes")

    assert holding(tmp_path, *WORDS) == []


def test_merged_lines_with_surrogates_are_found(talked: Path, tmp_path: Path) -> None:
    for arguments in (
        ["export", str(tmp_path / "review.yml"), "--surrogates"],
        ["import", str(tmp_path / "review.yml")],
        ["merge", "--yes", "--no-validate"],
    ):
        assert call(talked, *arguments).exit_code == 0
    nlu = talked / "data" / "nlu.yml"
    assert "llamen al " in nlu.read_text("utf-8")
    assert "[PHONE]" not in nlu.read_text("utf-8")

    erase(talked, WHO, "--yes")

    assert nlu.read_text("utf-8") == NLU
    assert holding(tmp_path, "llamen al ") == []


def test_subject_access_says_where_words_went(merged: Path, tmp_path: Path) -> None:
    shown = json.loads(call(merged, "subject-access", WHO).stdout)

    assert sorted((copy["as"], copy["file"]) for copy in shown["copies"]) == [
        ("export", (tmp_path / "review-o1.yml").resolve().as_posix()),
        ("export", (tmp_path / "review-o1.yml").resolve().as_posix()),
        ("training data", "data/nlu.yml"),
        ("training data", "data/nlu.yml"),
    ]


def test_a_merge_or_export_that_fails_leaves_no_trace_of_copies(
    talked: Path, tmp_path: Path
) -> None:
    def recorded() -> int:
        opened = open_bot(Bot(talked))
        with reading(opened.engine) as connection:
            found: int = connection.execute(
                sa.select(sa.func.count()).select_from(schema.copies)
            ).scalar_one()
        opened.engine.dispose()
        return found

    (tmp_path / "file").write_text("no folder")
    assert call(talked, "export", str(tmp_path / "file" / "review.yml")).exit_code == 1
    assert recorded() == 0
    review = tmp_path / "review.yml"
    call(talked, "export", str(review))
    call(talked, "import", str(review))
    exported = recorded()
    (talked / ".rasa_qa").write_text("no folder")
    assert call(talked, "merge", "--yes", "--no-validate").exit_code == 1
    assert recorded() == exported == 2


def test_turns_that_are_gone_are_recalled_as_soon_as_they_are_recorded(
    talked: Path,
) -> None:
    opened = open_bot(Bot(talked))
    gone = copies.Written(turn_id="t_gone", file="review.yml")
    with transaction(opened.engine) as connection:
        copies.record(connection, [gone], now=1.0)
        assert [one.turn_id for one in copies.recalled(connection)] == ["t_gone"]
    opened.engine.dispose()
