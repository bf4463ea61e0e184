"""The README's first command: the whole loop on a real bot."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.conftest import Demo

ROOT = Path(__file__).parents[2]


def rows(demo: Demo, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(demo.bot / "conversations.db") as connection:
        return connection.execute(query).fetchall()


def test_it_ends_with_a_promoted_model_and_a_better_answer(demo: Demo) -> None:
    assert demo.status == 0, demo.output
    assert "PROMOTE" in demo.output
    before, after = (
        re.search(rf"{word}: ¿a cómo.*?\n(.*?)╰", demo.output, re.DOTALL)
        for word in ("before", "after")
    )
    assert before is not None
    assert after is not None
    assert "USD" not in before.group(1)
    assert "USD" in after.group(1)
    ((verdict, promoted),) = rows(
        demo, "SELECT verdict, promoted FROM qa_training_runs"
    )
    assert (verdict, promoted) == ("PROMOTE", 1)
    assert len(list((demo.bot / "models").glob("*-qa-*.tar.gz"))) == 1


def test_it_leaves_no_process_behind(demo: Demo) -> None:
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode("utf-8", "replace")
            folder = str((process / "cwd").readlink())
        except OSError:
            continue
        if folder.startswith(str(demo.folder)) or str(demo.bot) in command:
            left.append(command.replace("\0", " "))
    assert left == []


def test_the_example_itself_is_not_changed(demo: Demo) -> None:
    assert not (ROOT / "bot_example" / ".rasa").exists()
    former = (ROOT / "bot_example" / "data" / "nlu.yml").read_text("utf-8").splitlines()
    merged = iter((demo.bot / "data" / "nlu.yml").read_text("utf-8").splitlines())
    assert all(line in merged for line in former)
    assert (demo.bot / "config.yml").read_text("utf-8") == (
        ROOT / "bot_example" / "config.yml"
    ).read_text("utf-8")


def test_only_those_who_agreed_have_words_in_the_database(demo: Demo) -> None:
    kept = dict(
        rows(
            demo,
            "SELECT c.sender_id, COUNT(t.text) FROM qa_conversations c "
            "JOIN qa_turns t USING (sender_id) GROUP BY 1 ORDER BY MIN(t.recorded_at)",
        )
    )
    ana, bruno, carla, diana, *_ = kept.values()
    assert isinstance(ana, int)
    assert ana > 5
    assert (bruno, carla) == (0, 0)  # never answered; took it back
    assert isinstance(diana, int)
    assert diana > 3
    (states,) = zip(
        *rows(demo, "SELECT state FROM qa_consents ORDER BY id"), strict=True
    )
    assert states == ("granted", "granted", "withdrawn", "granted")


def test_the_bad_rating_sits_on_the_judged_turn(demo: Demo) -> None:
    ((rating, intent),) = rows(
        demo,
        "SELECT f.rating, t.intent FROM qa_feedback f JOIN qa_turns t USING (turn_id)",
    )
    assert (rating, intent) == (-1, "request_quote")


def test_stars_stay_apart_from_thumbs(demo: Demo) -> None:
    stars = "SELECT rating FROM qa_feedback WHERE message_ref LIKE 'stars:%'"

    assert rows(demo, stars) == [(2,)]


def test_a_handover_is_worked_off_and_forgotten_with_the_person(demo: Demo) -> None:
    assert re.search(r"h_[0-9a-f]{12}  closed", demo.output)
    assert "Constancia: el 2" in demo.output
    assert rows(demo, "SELECT * FROM qa_escalations") == []


def test_what_was_masked_stays_readable(demo: Demo) -> None:
    texts = [
        str(text)
        for (text,) in rows(demo, "SELECT text FROM qa_turns WHERE text IS NOT NULL")
    ]
    assert any("HLSO 16/20" in text and "CFR Houston" in text for text in texts)
    masked = json.dumps(texts)
    for token in ("[NAME", "[PHONE", "[EMAIL", "[ADDRESS", "[ACCOUNT"):
        assert token in masked, token


def test_the_example_s_readme_shows_what_people_see_in_the_chat(
    demo: Demo, tmp_path: Path
) -> None:
    shutil.copytree(demo.folder / "first_model", tmp_path / "first_model")

    done = subprocess.run(
        [sys.executable, str(ROOT / "bot_example" / "transcripts.py"), "--check",
         "--folder", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
