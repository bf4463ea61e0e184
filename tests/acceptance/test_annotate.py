"""`rasa-qa annotate` driven by keys in a real terminal of 80 by 24."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.opening import Opened, open_bot
from rasa_qa_plugin.review.rasa_syntax import read_examples
from rasa_qa_plugin.storage import annotations, search
from rasa_qa_plugin.storage.engine import reading
from tests.acceptance.terminal import DOWN, ENTER, ESC, RIGHT, Terminal
from tests.conftest import SECRET, Events

NLU = """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hola
    - muy buenas
- intent: price
  examples: |
    - cuánto cuesta la caja
    - precio del camarón
- intent: track_order
  examples: |
    - dónde está mi pedido
"""
DOMAIN = """\
intents: [greet, price, track_order, order, qa_consent_grant]
entities: [size, product]
"""
ENDPOINTS = """\
tracker_store:
  type: rasa_qa_plugin.QATrackerStore
  db: bot.db
"""
PHONE = "0991234567"
# Said to the bot, in the order of the queue: the least sure comes first.
SAID = (
    ("a", "a cómo la libra de 16/20", 0.10),
    ("b", "A como la libra de 16/20!!", 0.11),
    ("c", "buenas tardes amigos", 0.20),
    ("d", "mi pedido no llegó", 0.30),
    ("e", f"llamen al {PHONE} ya", 0.40),
    ("f", "gane dinero facil", 0.50),
    ("g", "quiero siete tilapias", 0.60),
)


def _open(folder: Path) -> Opened:
    return open_bot(Bot(folder))


@pytest.fixture
def bot(tmp_path: Path, events: Events, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RASA_QA_SECRET", SECRET)
    folder = tmp_path / "bot"
    (folder / "data").mkdir(parents=True)
    for name, content in (
        ("data/nlu.yml", NLU),
        ("config.yml", "pipeline:\n- name: x\n"),
        ("domain.yml", DOMAIN),
        ("endpoints.yml", ENDPOINTS),
    ):
        (folder / name).write_text(content, "utf-8")
    opened = _open(folder)
    for who, text, confidence in SAID:
        batch = [
            events.slot("qa_consent", "granted"),
            events.user(text, confidence=confidence, message_id=f"m-{who}"),
            events.bot("No le entendí."),
        ]
        opened.recorder.record(Batch(sender_id=who, events=batch), now=time.time())
    opened.engine.dispose()
    return folder


Start = Callable[..., Terminal]


@pytest.fixture
def start(bot: Path) -> Iterator[Start]:
    begun: list[Terminal] = []

    def annotate(*options: str) -> Terminal:
        begun.append(Terminal("annotate", *options, folder=bot))
        return begun[-1]

    yield annotate
    for terminal in begun:
        terminal.child.close(force=True)


def turn_in(shown: str) -> str:
    """Give the text of the turn on the screen."""
    return next(
        line[7:] for line in shown.splitlines() if line.startswith(" user> ")
    ).strip()


def leave_out(terminal: Terminal, *, until: str) -> None:
    """Skip turns until one with this text is on the screen."""
    while until not in (text := turn_in(terminal.shows("user>"))):
        terminal.press("s")
        terminal.wait(lambda shown, text=text: text not in shown)  # type: ignore[misc]


def answer_four(terminal: Terminal) -> None:
    """Answer in four ways, with an entity marked and a step undone."""
    leave_out(terminal, until="buenas tardes")
    terminal.shows("1  greet", "the bot 0.20", "2  goodbye", "second 0.05")
    terminal.press("?")
    terminal.shows("undo, as many steps as you like", "any key goes back")
    terminal.press("d")
    terminal.shows("0 of 4 answered", "Enter right")
    terminal.press(ENTER)
    terminal.shows("1 of 4 answered", " greet\n")

    leave_out(terminal, until="de 16/20")
    assert "and 1 alike" in terminal.text
    terminal.press("e", *[RIGHT] * 5)
    terminal.shows(">16/20<")
    terminal.press(" ", ENTER)
    terminal.shows("entity: _")
    terminal.press("s", "z")
    terminal.shows("> size")
    terminal.press(ENTER)
    terminal.shows("[>16/20<](size)")
    terminal.press(ESC)
    terminal.shows("[16/20](size)", "Enter right")
    # The proxy read the training data meanwhile, and its guess got a number.
    shown = terminal.shows("likely", "  price ")
    terminal.press(shown.partition("  price ")[0].rpartition("\n")[2].strip())
    terminal.shows("2 of 4 answered", "price (and 1 alike)")

    leave_out(terminal, until="pedido")
    terminal.press("/", *"ordr")
    terminal.shows("> order\n")
    terminal.press(DOWN, ENTER)
    terminal.shows("3 of 4 answered", " track_order\n")
    terminal.press("u")
    assert "mi pedido no llegó" in terminal.shows("2 of 4 answered", " undone\n")
    terminal.press("/", *"track", ENTER)
    terminal.shows("3 of 4 answered")

    leave_out(terminal, until="llamen al [PHONE] ya")
    terminal.press("n", *"call_me", ENTER)
    terminal.shows("the domain lacks call_me")
    terminal.press(ENTER)


def answer_the_rest(terminal: Terminal) -> None:
    """Reject one turn, after a second thought, and put the last one out of scope."""
    leave_out(terminal, until="gane dinero")
    terminal.press("d")
    assert turn_in(terminal.shows("1 answered", " rejected\n")) == (
        "quiero siete tilapias"
    )
    terminal.press("u")
    terminal.shows("0 answered", "gane dinero facil", " undone\n")
    terminal.press("d")
    terminal.shows("1 answered")
    terminal.press("o")
    terminal.shows("2 answered", "nothing waits", "out_of_scope; the domain lacks it")
    terminal.press("q")


def test_a_reader_answers_comes_back_and_the_answers_become_training_data(
    bot: Path, start: Start
) -> None:
    one = start("--limit", "4")
    answer_four(one)
    status, told = one.end()
    assert status == 0
    assert "4 answers for 5 turns: 1 right, 3 corrected, 0 rejected" in told
    assert "seconds each." in told
    assert "Next: rasa-qa merge" in told
    assert PHONE not in one.written
    assert not re.search(r"\x1b\[(?:\d+;)*[34][0-8][;m]", one.written), "a colour"

    # What was not read waits; nothing that was answered comes again.
    two = start()
    answer_the_rest(two)
    status, told = two.end()
    assert status == 0
    assert "2 answers for 2 turns: 0 right, 1 corrected, 1 rejected" in told

    _require_answers(bot)
    _require_training_data(bot)


def _require_answers(bot: Path) -> None:
    opened = _open(bot)
    with reading(opened.engine) as connection:
        kept = {one.text: one for one in annotations.waiting(connection)}
        statuses = {turn.text: turn.status for turn in search.find(connection)}
    opened.engine.dispose()
    assert {text: one.intent for text, one in kept.items()} == {
        "buenas tardes amigos": "greet",
        "a cómo la libra de 16/20": "price",
        "A como la libra de 16/20!!": "price",
        "mi pedido no llegó": "track_order",
        "llamen al [PHONE] ya": "call_me",
        "quiero siete tilapias": "out_of_scope",
    }
    size = [{"start": 19, "end": 24, "entity": "size"}]
    assert kept["a cómo la libra de 16/20"].entities == size
    assert kept["A como la libra de 16/20!!"].entities == size
    times = [one.seconds for one in kept.values()]
    assert times.count(None) == 1
    assert all(0 < seconds < 60 for seconds in times if seconds is not None)
    assert {one.source for one in kept.values()} == {"annotate"}
    assert statuses.pop("gane dinero facil") == "rejected"
    assert set(statuses.values()) == {"annotated"}


def _require_training_data(bot: Path) -> None:
    merged = subprocess.run(
        [sys.executable, "-m", "rasa_qa_plugin", "merge", "--yes", "--no-validate"],
        cwd=bot, env=os.environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert merged.stderr.count("use --new-intents") == 2
    found = {
        example.text: (example.intent, [mark.entity for mark in example.entities])
        for example in read_examples((bot / "data" / "nlu.yml").read_text("utf-8"))
    }
    assert found["buenas tardes amigos"] == ("greet", [])
    assert found["mi pedido no llegó"] == ("track_order", [])
    assert ("price", ["size"]) in [
        found.get("a cómo la libra de 16/20"),
        found.get("A como la libra de 16/20!!"),
    ]


@pytest.mark.parametrize("how", ["piped", "dumb"])
def test_without_a_terminal_one_line_says_what_to_do(bot: Path, how: str) -> None:
    if how == "dumb":
        status, told = Terminal("annotate", folder=bot, kind="dumb").end()
    else:
        done = subprocess.run(
            [sys.executable, "-m", "rasa_qa_plugin", "annotate"],
            cwd=bot, env=os.environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        status, told = done.returncode, done.stdout + done.stderr

    assert status == 1
    (line,) = told.strip().splitlines()
    assert line.startswith("rasa-qa: terminal: ")
    assert "rasa-qa export" in line
