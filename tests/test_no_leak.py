"""The promise in one test: what people typed is in no file, row, log or message.

The demo types real-looking values into a real bot whose server logs at DEBUG. Then
everything it left behind is searched: database with journal, logs, event broker,
exports, training data, run folders, backups.
"""

import gzip
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Demo
from tests.searching import Search, base64_forms, notations

# A value and the pieces of it that would still betray the person.
PLANTED = {
    "name": ("Diana Villacís", "Villacís", "Villacis"),
    "phone": ("0998765432", "998765432", "099 876 5432"),
    "e-mail": ("diana.villacis@correo.example", "diana.villacis"),
    "address": ("Av. Malecón 1204", "Malecón", "1204 y Loja"),
    "account": ("2204567891",),
}


def search_for(values: Iterable[str]) -> Search:
    """Give the search for values in every notation they may have."""
    return Search(
        (form, value)
        for value in values
        for form in notations(value) | base64_forms(value)
    )


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give every file below a folder, archives opened."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                for member in archive:
                    file = archive.extractfile(member)
                    if file is not None:
                        yield f"{name}!{member.name}", file.read()
        elif path.suffix == ".gz":
            yield name, gzip.decompress(path.read_bytes())
        else:
            yield name, path.read_bytes()


@pytest.mark.parametrize("kind", PLANTED)
def test_no_file_of_the_demo_holds_what_diana_typed(demo: Demo, kind: str) -> None:
    search = search_for(PLANTED[kind])
    found = [
        name for name, content in contents(demo.folder) if search.found_in(content)
    ]

    assert found == []


def test_no_file_of_the_demo_holds_a_sender_id(demo: Demo) -> None:
    search = search_for(demo.senders)
    found = [
        name for name, content in contents(demo.folder) if search.found_in(content)
    ]

    assert len(demo.senders) >= 5
    assert found == []


# What QA people write to files and screens, from the demo's database.
OUTPUTS = (
    *(
        ("export", f"review.{name}", "--format", name, "--all", "--again")
        for name in ("rasa_nlu", "label_studio", "doccano", "prodigy", "csv")
    ),
    ("export", "surrogates.yml", "--all", "--again", "--surrogates"),
    *(
        ("export", f"{name}.jsonl", "--format", name, "--train-split", "0.8")
        for name in ("llm_chat", "llm_completion")
    ),
    ("turns", "--json"),
    ("stats", "--json"),
    ("batches", "list", "--json"),
    ("runs", "list", "--json"),
    ("test-set", "--json"),
    ("data-check", "--json"),
    ("tickets", "list", "--json"),
)


def test_no_command_gives_out_what_anybody_typed(demo: Demo, tmp_path: Path) -> None:
    bot = tmp_path / "bot"
    ignored = shutil.ignore_patterns("models", ".rasa", "results")
    shutil.copytree(demo.bot, bot, ignore=ignored)
    before = {path for path in bot.rglob("*") if path.is_file()}
    search = search_for([*sum(PLANTED.values(), ()), *demo.senders])
    shown = {}
    for output in OUTPUTS:
        done = subprocess.run(
            [sys.executable, "-m", "rasa_qa_plugin", *output],
            cwd=bot, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (output, done.stderr.decode())
        shown[" ".join(output)] = done.stdout + done.stderr
    written = {
        path.name: path.read_bytes()
        for path in bot.rglob("*")
        if path.is_file() and path not in before
    }

    for name in ("review.label_studio", "review.csv", "surrogates.yml"):
        assert b"turn_id" in written[name]
    assert b"[PHONE" in shown["turns --json"]
    found = [
        name
        for name, content in {**shown, **written}.items()
        if search.found_in(content)
    ]
    assert found == []


def test_the_search_would_find_them(demo: Demo) -> None:
    # The same words did reach the bot: it repeated them in the chat.
    for values in PLANTED.values():
        assert values[0] in " ".join(demo.output.split())
    names = {name for name, _ in contents(demo.folder)}
    for expected in (
        "bot/conversations.db", "bot/broker.log", "logs/rasa.log", "logs/actions.log",
        "review.yml", "bot/data/nlu.yml",
    ):  # fmt: skip
        assert expected in names
    log = (demo.folder / "logs" / "rasa.log").read_text("utf-8")
    assert "DEBUG" in log or '"level": "debug"' in log
    assert '"event": "user"' in (demo.folder / "bot" / "broker.log").read_text("utf-8")
    assert "[PHONE" in (demo.folder / "bot" / "broker.log").read_text("utf-8")
