"""What the review screen shows, and what its keys do, without a terminal."""

import pytest
from prompt_toolkit.utils import get_cwidth

from rasa_qa_plugin.cli.annotation_keys import Keyboard, Names
from rasa_qa_plugin.cli.annotation_view import Chooser, View, draw, flow
from rasa_qa_plugin.review.items import Entity, Item
from rasa_qa_plugin.review.marking import Marking
from rasa_qa_plugin.review.tasks import Task, choices, intent_problem
from rasa_qa_plugin.storage.queue import Exchange
from rasa_qa_plugin.storage.turns import Turn

TEXT = "a cómo la caja de 16/20"
SIZE = Entity(start=18, end=23, entity="size")


def task(
    text: str = TEXT, *, alike: int = 2, intent: str | None = "greet", before: int = 2
) -> Task:
    return Task(
        turn=Turn(
            turn_id="t", sender_id="qa_x", seq=3, recorded_at=0.0, text=text,
            answer="No entendí.", intent=intent, confidence=0.4, margin=0.1,
            second_intent="price", flags=["low_confidence"], error_score=0.78,
            reasons={"learned": 1.2, "low_confidence": 0.1, "novelty": -0.4},
            comment="mal",
        ),
        item=Item(turn_id="t", text=text, intent="greet", entities=(SIZE,)),
        others=[(f"t{number}", text) for number in range(alike)],
        context=[Exchange(text=f"antes {n}", answer=None) for n in range(before)],
    )  # fmt: skip


def view(of: Task | None = None) -> View:
    of = of or task()
    return View(
        task=of,
        choices=choices(of, [("price", 0.6), ("order", 0.2)]),
        likely={"price": 0.6, "order": 0.2},
        entities=of.item.entities,
        progress="3 answered",
    )


def screen(of: View, columns: int = 80, rows: int = 24) -> str:
    return "\n".join(
        "".join(text for _, text in line).rstrip()
        for line in draw(of, columns=columns, rows=rows)
    )


def test_the_screen_says_what_was_said_why_it_is_here_and_what_may_be_answered() -> (
    None
):
    shown = screen(view())

    for part in (
        " rasa-qa annotate",
        "3 answered",
        " user  antes 1",
        " user> a cómo la caja de [16/20](size)",
        " bot   No entendí.",
        "why   low confidence; chance of error 78%: the small model disagrees; they",
        '       said "mal"',
        "  1  greet                                    the bot 0.40",
        "  2  price                                    second 0.30, likely 0.60",
        "  3  order                                    likely 0.20",
        " and 2 alike",
        "Enter right",
    ):
        assert part in shown


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("rows", [8, 24, 60])
@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        "palabra " * 500,
        "x" * 4000,
        "日本語の長い文" * 80,
        "e\u0301 👩 " * 90,
    ],
    ids=["short", "words", "unbroken", "wide", "composed"],
)
def test_whatever_is_said_the_screen_keeps_its_size_and_its_keys(
    text: str, rows: int, columns: int
) -> None:
    shown = view(task(text, before=9))
    shown.marking = Marking(text, shown.entities)
    for lines in (
        draw(view(task(text, before=9)), columns=columns, rows=rows),
        draw(shown, columns=columns, rows=rows),
    ):
        assert len(lines) == rows
        said = ["".join(text for _, text in line) for line in lines]
        assert "alike" in said[-1] or "removes" in said[-1]
        if columns >= 80:
            assert max(get_cwidth(line) for line in said) <= columns


def test_in_a_long_text_the_word_under_the_cursor_is_shown() -> None:
    shown = view(task("palabra " * 500 + "última"))
    shown.marking = Marking(shown.task.item.text if shown.task else "", ())
    shown.marking.move(500)

    assert ">última<" in screen(shown)


def test_lines_break_between_words_and_no_letter_is_lost() -> None:
    text = "uno dos  tres cuatrocincoseis siete"
    lines = ["".join(char for _, char in line) for line in flow([("", text)], 9)]

    assert lines == ["uno dos  ", "tres ", "cuatrocin", "coseis ", "siete"]


def test_control_characters_of_a_text_do_not_reach_the_terminal() -> None:
    hostile = task()
    said = Exchange(text="a\x1b[2Jb\nc\x07", answer="\x9b31mrot")
    shown = screen(view(Task(
        turn=hostile.turn, item=hostile.item, others=[], context=[said],
    )))  # fmt: skip

    assert " user  a [2Jb c" in shown
    assert not set("\x1b\x07\x9b") & set(shown)


class Desk:
    """Remembers what it was asked to do."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def answer(self, intent: str) -> None:
        self.done.append(intent)

    def reject(self) -> None:
        self.done.append("-reject")

    def skip(self) -> None:
        self.done.append("-skip")

    def undo(self) -> None:
        self.done.append("-undo")

    def leave(self) -> None:
        self.done.append("-leave")


NAMES = Names(
    domain={"greet", "price", "faq"},
    intents=lambda: ["greet", "price", "request_quote", "track_order"],
    entities={"size", "product"},
    out_of_scope="out_of_scope",
)
ENTER, ESC, DOWN, RIGHT, BACK = "c-m", "escape", "down", "right", "c-h"


def pressed(of: View, *keys: str) -> list[str]:
    desk = Desk()
    keyboard = Keyboard(of, NAMES, desk)
    for key in keys:
        keyboard.press(key, key)
    return desk.done


@pytest.mark.parametrize(
    ("keys", "done"),
    [
        ([ENTER], ["greet"]),
        (["y"], ["greet"]),
        (["2"], ["price"]),
        (["9", "0", "z"], []),
        (["o"], ["out_of_scope"]),
        (["s", "d", "u", "q"], ["-skip", "-reject", "-undo", "-leave"]),
        (["/", *"rqt", ENTER], ["request_quote"]),
        (["/", *"rxt", BACK, BACK, *"qu", " ", "t", ENTER], ["request_quote"]),
        (["/", DOWN, DOWN, DOWN, DOWN, "up", ENTER], ["request_quote"]),
        (["/", *"zzz", ENTER, ESC, "1"], ["greet"]),
        (["n", *"faq/late", ENTER], ["faq/late"]),
        (["n", *"brand", ENTER], []),
        (["n", *"brand", ENTER, ENTER], ["brand"]),
        (["n", *"brand", ENTER, "s", ENTER], []),
        (["n", *"qa_x", ENTER, ENTER], []),
        (["n", ENTER, ESC, "s"], ["-skip"]),
        (["?", "d"], []),
    ],
)
def test_keys_do_what_the_help_says(keys: list[str], done: list[str]) -> None:
    assert pressed(view(), *keys) == done


def test_nothing_but_undo_help_and_quit_works_without_a_turn() -> None:
    empty = View(empty="nothing waits")

    assert pressed(empty, ENTER, *"y1/nosdgeu", "q") == ["-undo", "-leave"]
    assert "nothing waits" in screen(empty)


def test_where_the_bot_had_no_intent_there_is_nothing_to_accept() -> None:
    for intent in (None, "nlu_fallback"):
        of = view(task(intent=intent))

        assert pressed(of, ENTER) == []
        assert "choose one" in of.note
        assert of.choices == ["price", "order"]


def test_entities_are_marked_named_and_removed_by_keys() -> None:
    of = view()
    assert pressed(of, "e", RIGHT, RIGHT, RIGHT, " ", ENTER, *"prod", ENTER, ESC) == []
    caja = Entity(start=10, end=14, entity="product")
    assert of.entities == (caja, SIZE)
    assert of.marking is None

    pressed(of, "e", *[RIGHT] * 5, "x", ESC)

    assert of.entities == (caja,)
    assert "[caja](product) de 16/20" in screen(of)


def test_g_says_whether_the_answer_is_for_this_turn_alone() -> None:
    of = view()
    pressed(of, "g")
    assert not of.alike
    assert "this one alone, not 2 alike" in screen(of)
    alone = view(task(alike=0))
    pressed(alone, "g")
    assert alone.alike


def test_a_pasted_text_types_a_name_and_presses_no_keys() -> None:
    of = view()
    desk = Desk()
    keyboard = Keyboard(of, NAMES, desk)
    keyboard.press("<bracketed-paste>", "dq1")
    assert desk.done == []

    keyboard.press("/", "/")
    keyboard.press("<bracketed-paste>", "track\n")
    keyboard.press(ENTER, "\r")

    assert desk.done == ["track_order"]


def test_the_closest_name_comes_first() -> None:
    chooser = Chooser("intent", ["ask_price", "price", "place_order"])
    chooser.type("price")
    assert chooser.matches == ["price", "ask_price"]


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("price", True),
        ("ask_price-2", True),
        ("precio_camarón", True),
        ("faq/opening_hours", True),
        ("a+b", True),
        ("", False),
        ("two words", False),
        ("2fast", False),
        ("faq/", False),
        ("a/b/c", False),
        ("x{y", False),
        ("qa_mine", False),
        ("nlu_fallback", False),
        ("x" * 300, False),
    ],
)
def test_only_what_rasa_takes_is_an_intent_name(name: str, *, fits: bool) -> None:
    assert (intent_problem(name) is None) is fits
