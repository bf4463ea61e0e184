"""What is wrong with training data is found and named with file and line."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from rasa_qa_plugin.errors import MergeError
from rasa_qa_plugin.review.data_check import DataCheck, Row, check_data
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.label_errors import suspects
from rasa_qa_plugin.review.rasa_syntax import read_examples
from tests.unit.test_cli import call, folder, talked

__all__ = ["folder", "talked"]  # fixtures

EXAMPLE_BOT = Path(__file__).parents[2] / "bot_example" / "data" / "nlu.yml"


def checked(*rows: tuple[str, str], fewest: int = 2) -> DataCheck:
    return check_data(
        [
            Row(Example(text, intent), f"nlu.yml:{n}")
            for n, (text, intent) in enumerate(rows)
        ],
        fewest=fewest,
        novelty=0.97,
    )


def test_most_injected_label_errors_are_found() -> None:
    examples = read_examples(EXAMPLE_BOT.read_text("utf-8"))
    intents = sorted({one.intent for one in examples})
    rng = random.Random(7)
    wrong: set[str] = set()
    rows = []
    for number, one in enumerate(examples):
        where, intent = str(number), one.intent
        if rng.random() < 0.08:
            intent = rng.choice([name for name in intents if name != one.intent])
            wrong.add(where)
        rows.append(Row(Example(one.text, intent), where))

    found = check_data(rows, fewest=2, novelty=0.97).label_errors

    hits = {error.where for error in found} & wrong
    assert len(wrong) > 50
    assert len(hits) / len(wrong) > 0.7
    assert len(hits) / len(found) > 0.5
    assert [one.margin for one in found] == sorted(
        (one.margin for one in found), reverse=True
    )
    clear = found[: len(found) // 4]
    assert sum(one.where in wrong for one in clear) / len(clear) > 0.75
    for error in clear:
        if error.where in wrong:
            assert error.intent != error.suggested


def test_the_estimate_is_that_of_the_paper() -> None:
    """Two classes of four; one of each is believed to be of the other."""
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    first = np.array([0.9, 0.8, 0.9, 0.1, 0.2, 0.1, 0.2, 0.95], dtype=np.float32)
    found = suspects(labels, np.stack([first, 1 - first], axis=1))
    assert [(one.row, one.label) for one in found] == [(7, 0), (3, 1)]
    assert found[0].margin == pytest.approx(0.9, abs=1e-4)
    certain = np.eye(2, dtype=np.float32)[labels]
    assert suspects(labels, certain) == []


def test_one_text_under_two_intents_is_told_with_both_places() -> None:
    found = checked(
        ("hola", "greet"), ("¡Hola!", "bye"), ("hola", "greet"),
        ("buenas", "greet"), ("adiós", "bye"),
    )  # fmt: skip
    (one,) = found.contradictions
    assert (one.intents, one.where) == (["greet", "bye"], ["nlu.yml:0", "nlu.yml:1"])
    assert (found.examples, found.repeated) == (4, 1)


def test_thin_intents_are_listed_the_thinnest_first() -> None:
    found = checked(
        ("uno", "a"), ("dos", "b"), ("tres", "b"), ("si", "qa_consent_grant"), fewest=3
    )
    assert [(one.intent, one.examples) for one in found.thin] == [("a", 1), ("b", 2)]


def test_intents_that_are_mixed_up_come_with_examples_that_make_it_so() -> None:
    sizes = "una dos tres cuatro cinco seis siete ocho".split()
    rows = [(f"quiero comprar {size} cajas", "buy") for size in sizes]
    rows += [(f"quiero vender {size} cajas", "sell") for size in sizes]
    rows += [(f"gracias por {size} cosas buenas", "thank") for size in sizes]
    rows += [
        ("quiero comprar nueve cajas", "sell"),
        ("quiero comprar diez cajas", "sell"),
    ]

    (pair,) = checked(*rows).confusable

    assert pair.intents == ("buy", "sell")
    assert 0 < pair.share < 0.5
    for buy, sell in pair.pairs:
        assert "cajas" in buy
        assert "cajas" in sell


def test_an_example_that_is_like_no_other_is_told() -> None:
    rows = [
        (f"{verb} {what} por favor", intent)
        for intent, verb in (("buy", "comprar"), ("sell", "vender"), ("ask", "saber"))
        for what in "camarón pescado calamar pulpo merluza atún concha langosta".split()
    ]
    found = checked(*rows, ("xyzzy plugh", "buy"))
    assert [(one.text, one.where) for one in found.unlike] == [
        ("xyzzy plugh", f"nlu.yml:{len(rows)}")
    ]


def test_nothing_or_one_intent_is_no_error() -> None:
    assert checked().clean
    assert checked().accuracy is None
    assert checked(("hola", "greet"), ("buenas", "greet")).label_errors == []


def test_the_command_needs_no_database_and_makes_none(folder: Path) -> None:
    result = call(folder, "data-check", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["examples"] == 2
    assert [one["intent"] for one in found["thin"]] == ["greet", "price"]
    assert not list(folder.glob("bot.db*"))

    (folder / "endpoints.yml").unlink()
    result = call(folder, "data-check", "--strict")
    assert result.exit_code == 3
    assert "Only the training data is checked" in result.stderr
    assert "Intents with few examples" in result.stdout


def test_lines_are_named_and_waiting_corrections_looked_at(
    talked: Path, tmp_path: Path
) -> None:
    review = tmp_path / "review.yml"
    call(talked, "export", str(review))
    call(talked, "import", str(review))
    (talked / "data" / "nlu.yml").write_text(
        "nlu:\n- intent: greet\n  examples: |\n    - hola\n    - adiós\n"
        "- intent: price\n  examples: |\n    - Hola\n    - a cómo la libra?\n"
    )

    found = json.loads(call(talked, "data-check", "--json").stdout)

    places = {one["text"]: one["where"] for one in found["contradictions"]}
    assert places["hola"] == ["data/nlu.yml:4", "data/nlu.yml:8"]
    line, turn = places["a cómo la libra?"]
    assert line == "data/nlu.yml:9"
    assert turn.startswith("turn t_")


def test_a_bot_without_examples_is_told_in_one_line(folder: Path) -> None:
    (folder / "data" / "nlu.yml").unlink()
    with pytest.raises(MergeError, match="no training examples"):
        raise_from(folder)


def raise_from(folder: Path) -> None:
    from rasa_qa_plugin.cli.data_check import data_check

    data_check.main(["--bot", str(folder)], standalone_mode=False)
