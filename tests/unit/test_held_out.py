"""Rows that judge a model stay out of its training, whatever people correct."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin import cli
from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.review.held_out import chosen
from rasa_qa_plugin.review.held_out_rows import read_test_set
from rasa_qa_plugin.review.items import Item
from rasa_qa_plugin.review.leakage import leaks
from rasa_qa_plugin.storage import annotations, copies
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.engine import reading, transaction
from tests.conftest import SECRET, Events

WHO = "593998765432"
NLU = """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hola
- intent: price
  examples: |
    - cuánto cuesta el camarón grande
"""
WORDS = "pulpo atún langosta calamar mero corvina dorado pargo lenguado trucha".split()


def items(*texts: str, intent: str = "price") -> list[Item]:
    return [
        Item(turn_id=f"t{n}", text=text, intent=intent) for n, text in enumerate(texts)
    ]


def test_a_leak_is_found_whatever_its_case_or_typing_errors() -> None:
    held_out = ["¿Cuánto cuesta?", "quiero dos kilos de pulpo", "buenas tardes"]
    trained = ["cuánto cuesta", "quiero dos kilos de pulpos", "adiós"]

    found = leaks(held_out, trained)

    assert [(one.held_out, one.trained, one.exact) for one in found] == [
        (0, 0, True),
        (1, 1, False),
    ]
    assert leaks([], trained) == leaks(held_out, []) == []
    assert leaks(["😀"], ["🐙"]) == []


@given(st.lists(st.text(max_size=12), max_size=12), st.lists(st.text(max_size=12)))
def test_every_row_that_training_repeats_is_a_leak(
    held_out: list[str], trained: list[str]
) -> None:
    found = {one.held_out: one for one in leaks(held_out, [*trained, *held_out])}

    assert set(found) == set(range(len(held_out)))
    assert all(one.exact for one in found.values())


def test_a_share_of_each_intent_is_chosen_and_the_same_one_again() -> None:
    asked = [f"cuánto cuesta el {word} fresco" for word in WORDS]
    wanted = [f"mándeme {word} a casa" for word in WORDS]
    corrections = [*items(*asked), *items(*wanted, intent="order")]

    taken = chosen(corrections, share=0.2, trained=["hola"])

    assert sorted(one.intent for one in taken) == ["order", "order", "price", "price"]
    assert chosen(corrections, share=0.2, trained=["hola"]) == taken
    assert {one.text for one in chosen(corrections[::-1], share=0.2, trained=[])} == {
        one.text for one in taken
    }


def test_what_says_the_same_stays_on_one_side() -> None:
    texts = [
        f"¿cuánto cuesta el {word}{mark}" for word in WORDS for mark in ("?", "??")
    ]

    taken = [one.text for one in chosen(items(*texts), share=0.3, trained=[])]

    assert len(taken) == 6
    assert all(f"{text.rstrip('?')}?" in taken for text in taken)
    assert all(f"{text.rstrip('?')}??" in taken for text in taken)


def test_what_training_nearly_says_trains_and_every_intent_keeps_something() -> None:
    known = "quiero tres cajas de langosta"
    assert chosen(items(f"{known}!"), share=0.5, trained=[known]) == []
    assert chosen(items("algo nuevo"), share=0.5, trained=[]) == []
    assert len(chosen(items("algo nuevo", "otra cosa"), share=0.5, trained=[])) == 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    bot = tmp_path / "bot"
    (bot / "data").mkdir(parents=True)
    (bot / "data" / "nlu.yml").write_text(NLU, "utf-8")
    (bot / "config.yml").write_text("pipeline:\n- name: x\n", "utf-8")
    (bot / "domain.yml").write_text("intents: \n- greet\n- price\n", "utf-8")
    (bot / "endpoints.yml").write_text(
        "tracker_store:\n  type: rasa_qa_plugin.QATrackerStore\n  db: bot.db\n", "utf-8"
    )
    return bot


def call(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        cli.root, [arguments[0], "--bot", str(folder), *arguments[1:]],
        catch_exceptions=False,
    )  # fmt: skip


def corrected(opened: Opened, events: Events) -> list[str]:
    """Let a person who agreed ask ten things, and people correct them all."""
    batch: list[dict[str, Any]] = [events.slot("qa_consent", "granted")]
    for number, word in enumerate(WORDS):
        text = f"a cómo está el {word} hoy"
        batch += [events.user(text, message_id=f"m{number}"), events.bot("bien")]
    opened.recorder.record(Batch(sender_id=WHO, events=batch), now=time.time())
    with transaction(opened.engine) as connection:
        from rasa_qa_plugin.storage import schema

        found = connection.execute(
            schema.turns.select().order_by(schema.turns.c.seq)
        ).all()
        for row in found:
            annotations.record(
                connection,
                Annotation(
                    turn_id=row.turn_id, text=row.text, intent="price", entities=[],
                    source="review.yml", annotated_at=time.time(),
                ),
            )  # fmt: skip
    return [row.turn_id for row in found]


def test_corrections_that_join_the_test_set_never_train(
    folder: Path, events: Events
) -> None:
    opened = open_bot(Bot(folder))
    corrected(opened, events)
    path = folder / "tests" / "nlu_test.yml"

    shown = call(folder, "test-set", "--from-approved", "0.2")
    assert "+- intent: price" in shown.stdout.replace("  - intent", "- intent")
    assert not path.exists()

    moved = call(folder, "test-set", "--from-approved", "0.2", "--yes")
    assert "Moved 2 rows" in moved.stderr
    rows = read_test_set(path)
    assert {row.intent for row in rows} == {"price"}
    with reading(opened.engine) as connection:
        assert len(annotations.waiting(connection)) == 8
        name = opened.vault.pseudonym(WHO)
        owned = copies.of_person(connection, name)
    assert [one.file for one in owned] == ["tests/nlu_test.yml"] * 2

    assert call(folder, "merge", "--yes", "--no-validate").exit_code == 0
    merged = (folder / "data" / "nlu.yml").read_text("utf-8")
    assert merged.count("a cómo está el") >= 1
    for row in rows:
        assert row.text not in merged
    summary = json.loads(call(folder, "test-set", "--json").stdout)
    assert (summary["rows"], summary["in_training_data"]) == (2, 0)


def test_a_person_who_is_erased_leaves_the_test_set_too(
    folder: Path, events: Events
) -> None:
    corrected(open_bot(Bot(folder)), events)
    call(folder, "test-set", "--from-approved", "0.2", "--yes")
    path = folder / "tests" / "nlu_test.yml"
    assert len(read_test_set(path)) == 2

    done = call(folder, "erase", WHO, "--yes", "--server", "none")

    assert done.exit_code == 0
    assert read_test_set(path) == []


def test_a_correction_that_nearly_says_a_test_row_is_held_back(
    folder: Path, events: Events
) -> None:
    opened = open_bot(Bot(folder))
    corrected(opened, events)
    (folder / "tests").mkdir()
    (folder / "tests" / "nlu_test.yml").write_text(
        NLU.replace("cuánto cuesta el camarón grande", "a cómo está el pulpos hoy"),
        "utf-8",
    )

    held_back = call(folder, "merge", "--yes", "--no-validate").stderr

    assert "nearly says what a row of the test set says" in held_back
    merged = (folder / "data" / "nlu.yml").read_text("utf-8")
    assert "pulpo" not in merged
    assert "langosta" in merged


def test_rows_that_training_has_seen_are_listed_and_can_go(folder: Path) -> None:
    path = folder / "tests" / "nlu_test.yml"
    path.parent.mkdir()
    path.write_text(
        NLU.replace("- hola", "- ¡Hola!\n    - buenas # no comment")
        + "    - otra cosa\n",
        "utf-8",
    )

    shown = call(folder, "test-set")
    assert "2 rows are in the training data" in shown.stdout
    assert "¡Hola! (greet) = hola (greet)" in shown.stdout
    refused = call(folder, "retrain")
    assert refused.exit_code == 1
    assert "2 of its 4 rows stand in the training data" in refused.stderr

    only_shown = call(folder, "test-set", "--drop-leaked")
    assert "-    - ¡Hola!" in only_shown.stdout
    assert len(read_test_set(path)) == 4
    assert call(folder, "test-set", "--drop-leaked", "--yes").exit_code == 0
    assert [row.text for row in read_test_set(path)] == [
        "buenas # no comment",
        "otra cosa",
    ]
    assert "Nothing to drop" in call(folder, "test-set", "--drop-leaked").stderr
    assert list((folder / ".rasa_qa" / "backups").rglob("nlu_test.yml"))


def test_an_empty_test_set_says_how_to_fill_it(folder: Path) -> None:
    assert "--from-approved 0.2" in call(folder, "test-set").stderr
    nothing = call(folder, "test-set", "--from-approved", "0.2", "--yes")
    assert "Nothing to move" in nothing.stderr
