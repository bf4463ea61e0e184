"""`rasa-qa import`, `batches` and `approve` on a small bot with a real database."""

import getpass
import json
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
from click.testing import CliRunner, Result

from rasa_qa_plugin import cli
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.opening import open_bot
from rasa_qa_plugin.storage import annotations, schema
from rasa_qa_plugin.storage.engine import reading
from tests.unit.test_cli import WHO, call, folder, talked

__all__ = ["folder", "talked"]  # fixtures


def batches(folder: Path, *arguments: str) -> Result:
    """Run a command of the group; `--bot` goes behind its name."""
    given = ["batches", arguments[0], "--bot", str(folder), *arguments[1:]]
    return CliRunner().invoke(cli.root, given, prog_name="rasa-qa")


@pytest.fixture
def review(talked: Path) -> Path:
    """The exported file, in the bot folder: two blocks, `greet` both."""
    path = talked / "review.yml"
    assert call(talked, "export", str(path), "--for", "Marta").exit_code == 0
    return path


def edit(path: Path, text: str, intent: str) -> None:
    """Put one example under another intent."""
    content = path.read_text("utf-8")
    start = content.rindex("- intent: ", 0, content.index(text))
    end = content.index("\n", start)
    path.write_text(content[:start] + f"- intent: {intent}" + content[end:], "utf-8")


def kept(folder: Path) -> dict[str | None, Any]:
    opened = open_bot(Bot(folder))
    with reading(opened.engine) as connection:
        found = {one.text: one for one in annotations.waiting(connection)}
    opened.engine.dispose()
    return found


def imported(folder: Path, path: Path, *options: str) -> dict[str, Any]:
    result = call(folder, "import", str(path), "--json", *options)
    return dict(json.loads(result.stdout))


def test_what_is_not_sound_comes_back_in_a_file_that_is_mended_and_imported(
    talked: Path, review: Path
) -> None:
    edit(review, "a cómo la libra?", "prize")

    result = call(talked, "import", str(review))

    assert result.exit_code == 1
    told, last = result.stderr.splitlines()[-2:]
    assert told == "Next: rasa-qa merge"
    assert last == (
        "rasa-qa: review.yml: 1 not taken; mend them in review.yml.rejected and "
        "import that"
    )
    line = review.read_text("utf-8")[: review.read_text("utf-8").index("a cómo")]
    place = f"review.yml, line {line.count(chr(10))}: intent: the domain has no prize;"
    assert place in result.stderr
    assert list(kept(talked)) == ["llamen al [PHONE]"]
    rejected = review.with_name("review.yml.rejected")
    assert "a cómo la libra?" in rejected.read_text("utf-8")
    assert "llamen al" not in rejected.read_text("utf-8")

    edit(rejected, "a cómo la libra?", "price")
    again = call(talked, "import", str(rejected))

    assert again.exit_code == 0
    found = kept(talked)["a cómo la libra?"]
    # The file of the batch says who annotated.
    assert (found.intent, found.source, found.annotator) == (
        "price", "review.yml", "Marta",
    )  # fmt: skip


def test_mending_that_is_not_imported_yet_is_never_written_over(
    talked: Path, review: Path
) -> None:
    edit(review, "a cómo la libra?", "prize")
    call(talked, "import", str(review))
    call(talked, "import", str(review))
    rejected = review.with_name("review.yml.rejected")
    assert [path.name for path in talked.glob("*.rejected*")] == [rejected.name]
    edit(rejected, "a cómo la libra?", "price")
    mended = rejected.read_bytes()

    call(talked, "import", str(review))

    assert rejected.read_bytes() == mended
    assert review.with_name("review.yml.rejected2").exists()


def test_a_new_name_is_taken_once_it_is_declared(talked: Path, review: Path) -> None:
    edit(review, "a cómo la libra?", "ask_discount")

    done = imported(talked, review, "--new-intent", "ask_discount")

    assert (len(done["recorded"]), done["rejected_file"]) == (2, None)
    assert not review.with_name("review.yml.rejected").exists()


def test_entities_are_checked_where_the_domain_lists_any(
    talked: Path, review: Path
) -> None:
    content = review.read_text("utf-8").replace("la libra?", "la [libra](unti)?")
    review.write_text(content, "utf-8")
    domain = talked / "domain.yml"
    domain.write_text(domain.read_text("utf-8") + "entities:\n- unit\n", "utf-8")

    refused = call(talked, "import", str(review))
    taken = imported(talked, review, "--new-entity", "unti")

    assert "has no unti; did you mean unit? mend it, or import with" in refused.stderr
    assert len(taken["recorded"]) == 1


def test_entities_of_the_plugin_say_nothing_about_those_of_the_bot(
    talked: Path, review: Path
) -> None:
    content = review.read_text("utf-8").replace("la libra?", "la [libra](unit)?")
    review.write_text(content, "utf-8")
    domain = talked / "domain.yml"
    domain.write_text(domain.read_text("utf-8") + "entities:\n- qa_turn\n", "utf-8")

    assert len(imported(talked, review)["recorded"]) == 2


def test_erase_finds_what_was_rejected_and_no_import_brings_it_back(
    talked: Path, review: Path
) -> None:
    edit(review, "a cómo la libra?", "prize")
    edit(review, "llamen al", "prize")
    call(talked, "import", str(review))
    rejected = review.with_name("review.yml.rejected")
    aside = talked.parent / "aside.yml"
    aside.write_bytes(rejected.read_bytes())
    assert call(talked, "erase", WHO, "--yes", "--server", "none").exit_code == 0
    assert "libra" not in rejected.read_text("utf-8")

    done = imported(talked, aside)

    assert (len(done["unknown"]), done["rejected_file"]) == (2, None)
    assert [one["rejected"] for one in done["complaints"]] == [False, False]
    assert list(talked.parent.glob("aside.yml.*")) == []


def test_who_annotated_is_said_by_the_option_the_environment_or_the_account(
    talked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = talked / "r.yml"
    call(talked, "export", str(review))
    for name, options in (
        (getpass.getuser(), ()),
        ("Ana", ("--name", " Ana ")),
    ):
        edit(review, "a cómo", "price" if options else "greet")
        imported(talked, review, *options)
        with reading(open_bot(Bot(talked)).engine) as connection:
            names = connection.execute(schema.annotations.select()).mappings().all()
        assert name in {row["annotator"] for row in names}
    monkeypatch.setenv("RASA_QA_NAME", "Bo")
    assert imported(talked, review)["agreement"][0]["annotators"] == ["Ana", "Bo"]
    assert call(talked, "import", str(review), "--name", " ").exit_code == 2


def test_who_was_handed_a_file_annotated_it_whoever_imports(
    talked: Path, review: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RASA_QA_NAME", "Luis")
    imported(talked, review)
    assert {one.annotator for one in kept(talked).values()} == {"Marta"}


def test_a_dispute_is_told_and_shown(talked: Path, review: Path) -> None:
    imported(talked, review, "--name", "Ana")
    edit(review, "a cómo la libra?", "price")

    result = call(talked, "import", str(review), "--name", "Bo")

    assert "1 are disputed and wait again: rasa-qa turns --flag disagr" in result.stderr
    assert "Ana and Bo agree on 1 of 2 turns, Cohen's kappa 0.00." in result.stderr
    (found,) = json.loads(
        call(talked, "turns", "--flag", "disagreement", "--json").stdout
    )
    assert (found["text"], found["status"]) == ("a cómo la libra?", "new")
    shown = " ".join(call(talked, "show", found["turn_id"]).stdout.split())
    assert "disputed" in shown
    assert "by Ana" in shown
    agreement = json.loads(call(talked, "stats", "--json").stdout)["agreement"]
    assert [(one["turns"], one["same"]) for one in agreement] == [(2, 1)]
    assert "Ana, Bo" in call(talked, "stats").stdout


def answered(task: dict[str, Any], who: int, intent: str) -> dict[str, Any]:
    """Give what Label Studio exports of a person's answer."""
    result = [
        {**one, "value": {"choices": [intent]}} if one["from_name"] == "intent" else one
        for one in task["predictions"][0]["result"]
    ]
    return {"completed_by": who, "result": result, "lead_time": 4.25}


def test_label_studio_s_annotators_are_compared_and_bad_tasks_come_back(
    talked: Path,
) -> None:
    tasks = talked / "tasks.json"
    assert call(talked, "export", str(tasks)).exit_code == 0
    given = json.loads(tasks.read_text("utf-8"))
    for task in given:
        bad = "libra" in task["data"]["text"]
        task["annotations"] = [
            answered(task, 1, "greet"),
            answered(task, 2, "prize" if bad else "price"),
        ]
    path = talked / "project-1.json"
    path.write_text(json.dumps(given), "utf-8")

    done = imported(talked, path, "--who", "1=Marta")

    assert [one["annotators"] for one in done["agreement"]] == [["2", "Marta"]]
    assert (len(done["disputed"]), len(done["recorded"])) == (1, 3)
    assert kept(talked)["a cómo la libra?"].seconds == 4.25
    rejected = talked / done["rejected_file"]
    (task,) = json.loads(rejected.read_text("utf-8"))
    assert task["data"]["text"] == "a cómo la libra?"
    rejected.write_text(rejected.read_text("utf-8").replace("prize", "greet"), "utf-8")
    again = call(talked, "import", str(rejected), "--who", "1=Marta")
    assert "1 were known already." in again.stderr
    assert again.stderr.endswith(f"{rejected.name} is worked off; delete it.\n")
    wrong = call(talked, "import", str(rejected), "--who", "Marta")
    assert (wrong.exit_code, "write USER=NAME" in wrong.stderr) == (2, True)
    assert kept(talked)["a cómo la libra?"].intent == "greet"


def test_batches_are_listed_shown_and_taken_back(talked: Path, review: Path) -> None:
    (batch,) = json.loads(batches(talked, "list", "--json").stdout)
    batch_id = batch["batch"]["batch_id"]
    assert f"{batch_id}  " in batches(talked, "list").stdout
    assert "review.yml  2 turns, 2 out  for Marta" in batches(talked, "list").stdout
    shown = batches(talked, "show", batch_id).stdout
    for line in (
        "tool       rasa_nlu",
        "file       review.yml (as exported)",
        "for        Marta",
        "filters    none",
        "turns      2: 2 exported",
    ):
        assert line in shown.splitlines()

    counted = batches(talked, "withdraw", batch_id)
    assert counted.stdout == "2 turns wait again, 0 are answered, 0 are gone.\n"
    assert counted.stderr.splitlines() == [
        "review.yml is there: delete it with --delete-file.",
        "Nothing was changed; add --yes to take it back.",
    ]
    assert "2 out" in batches(talked, "list").stdout

    done = batches(talked, "withdraw", batch_id, "--delete-file", "--yes")
    assert (done.exit_code, done.stderr) == (0, "Deleted: review.yml\n")
    assert not review.exists()
    again = batches(talked, "withdraw", batch_id, "--yes", "--json")
    assert json.loads(again.stdout)["before"] is True
    assert "2 turns, 0 out  for Marta  withdrawn" in batches(talked, "list").stdout
    assert call(talked, "export", str(talked / "again.yml")).exit_code == 0
    missing = batches(talked, "show", "b_0")
    assert missing.stderr.endswith("there is none with this id; rasa-qa batches list\n")


def settings(folder: Path, review: str) -> None:
    (folder / "qa.yml").write_text(f"review:\n  {review}\n", "utf-8")
    endpoints = folder / "endpoints.yml"
    endpoints.write_text(endpoints.read_text("utf-8") + "  settings: qa.yml\n", "utf-8")


def test_with_approval_nothing_is_merged_before_somebody_approved_it(
    talked: Path, review: Path
) -> None:
    settings(talked, "two_people: true")
    edit(review, "a cómo la libra?", "price")
    result = call(talked, "import", str(review))
    assert result.stderr.endswith("Next: rasa-qa approve\n")

    assert call(talked, "merge", "--yes").stderr.splitlines() == [
        "2 corrections wait for approval: rasa-qa approve",
        "Nothing to merge. Corrections come in with: rasa-qa import FILE",
    ]
    counted = call(talked, "approve", "review.yml", "--name", "Luis")
    assert counted.stderr == (
        "2 to approve. Nothing was decided; add --yes to approve them.\n"
    )
    own = call(talked, "approve", "--name", "marta", "--yes", "--json")
    assert len(json.loads(own.stdout)["own"]) == 2
    assert "left alone: you annotated them, so somebody else approves" in own.stderr
    approved = call(talked, "approve", "--name", "Luis", "--yes", "--json")
    assert len(json.loads(approved.stdout)["approved"]) == 2
    assert call(talked, "approve").stderr == (
        "No such corrections wait for approval.\n"
    )
    assert call(talked, "merge", "--yes").exit_code == 0
    assert "- a cómo la libra?" in (talked / "data" / "nlu.yml").read_text("utf-8")


def test_what_was_approved_can_be_refused_before_it_is_merged(
    talked: Path, review: Path
) -> None:
    call(talked, "import", str(review))
    call(talked, "approve", "--yes")

    refused = call(talked, "approve", "review.yml", "--refuse", "--yes", "--json")

    assert len(json.loads(refused.stdout)["refused"]) == 2
    assert "Nothing to merge" in call(talked, "merge").stderr


def test_in_a_terminal_corrections_are_shown_one_by_one(
    talked: Path, review: Path
) -> None:
    edit(review, "a cómo la libra?", "price")
    call(talked, "import", str(review))

    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "rasa_qa_plugin", "approve", "--bot", str(talked), "--name", "Luis"],
        encoding="utf-8",
        timeout=60,
    )
    for key in ("a", "r"):
        terminal.expect("a approve, r refuse, s skip, q quit: ")
        assert "by        Marta" in terminal.before
        if "libra" in terminal.before:
            assert "now       price (corrected)" in terminal.before
        terminal.sendline(key)
    terminal.expect("Approved 1, refused 1")
    terminal.expect(pexpect.EOF)

    by_status = json.loads(call(talked, "stats", "--json").stdout)["by_status"]
    assert by_status == {"new": 2, "approved": 1}
