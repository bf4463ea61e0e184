"""What the keys of the review screen do; knows neither the terminal nor a database."""

from collections.abc import Callable, Collection
from typing import Protocol

import msgspec
from prompt_toolkit.keys import Keys

from rasa_qa_plugin.cli.annotation_view import Chooser, View
from rasa_qa_plugin.review.marking import Marking
from rasa_qa_plugin.review.tasks import Task, intent_problem

QUIT = (Keys.ControlC, Keys.ControlD, "q")


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """The names people choose from.

    Attributes:
        domain: Intents the bot's domain knows.
        intents: Gives all intents to search; training data may be read meanwhile.
        entities: Entities to mark.
        out_of_scope: The intent of turns that are none of the bot's business.
    """

    domain: Collection[str]
    intents: Callable[[], list[str]]
    entities: Collection[str]
    out_of_scope: str

    def is_in_domain(self, intent: str) -> bool:
        """Tell whether the bot can be trained on *intent*."""
        # The domain lists `faq`, the training data `faq/opening_hours`.
        return bool({intent, intent.partition("/")[0]} & set(self.domain))


class Desk(Protocol):
    """What can be done with the turn on the screen."""

    def answer(self, intent: str) -> None:
        """Record the entities on the screen with *intent*."""

    def reject(self) -> None:
        """Take the turn out of the queue for good."""

    def skip(self) -> None:
        """Leave the turn for another session."""

    def undo(self) -> None:
        """Take the last decision back."""

    def leave(self) -> None:
        """Quit."""


class Keyboard:
    """Turns keys into changes of the view and calls to the desk."""

    def __init__(self, view: View, names: Names, desk: Desk) -> None:
        """Work on *view*, which the screen shows."""
        self._view = view
        self._names = names
        self._desk = desk
        self._take: Callable[[str], None] = desk.answer
        self._doubted = ""
        self._on_turn: dict[str, Callable[[Task], None]] = {
            Keys.Enter.value: self._accept,
            "y": self._accept,
            "/": self._search,
            "n": self._name_new,
            "o": lambda _task: desk.answer(names.out_of_scope),
            "e": self._begin_marking,
            "s": lambda _task: desk.skip(),
            "d": lambda _task: desk.reject(),
            "g": self._toggle_alike,
        }

    def press(self, key: str, data: str) -> None:
        """Take a key; *data* is what it types."""
        view = self._view
        view.note = ""
        if view.help:
            view.help = False
        elif view.chooser is not None:
            self._choose(view.chooser, key, data)
        elif view.marking is not None:
            self._mark(view.marking, key)
        else:
            self._read(key)

    def _read(self, key: str) -> None:
        if key == "u":
            self._desk.undo()
        elif key == "?":
            self._view.help = True
        elif key in QUIT:
            self._desk.leave()
        elif self._view.task is not None and key in self._on_turn:
            self._on_turn[key](self._view.task)
        elif key in "123456789" and int(key) <= len(self._view.choices):
            self._desk.answer(self._view.choices[int(key) - 1])

    def _accept(self, task: Task) -> None:
        if task.bot_intent is None:
            self._view.note = "the bot had no intent; choose one"
        else:
            self._desk.answer(task.bot_intent)

    def _search(self, _task: Task) -> None:
        names = self._names.intents()
        if names:
            self._ask_for("intent", names, self._desk.answer)
        else:
            self._view.note = "no intent is known yet; press n and type one"

    def _name_new(self, _task: Task) -> None:
        self._doubted = ""
        self._ask_for("new intent", [], self._answer_new)

    def _begin_marking(self, task: Task) -> None:
        self._view.marking = Marking(task.item.text, self._view.entities)

    def _toggle_alike(self, task: Task) -> None:
        if task.others:
            self._view.alike = not self._view.alike

    def _ask_for(
        self, title: str, names: list[str], take: Callable[[str], None]
    ) -> None:
        self._view.chooser = Chooser(title, names)
        self._take = take

    def _choose(self, chooser: Chooser, key: str, data: str) -> None:
        if key == Keys.Escape:
            self._view.chooser = None
        elif key == Keys.Enter:
            name = chooser.chosen
            if name is not None:
                self._take(name)
        elif key in (Keys.Up, Keys.Down):
            chooser.move(-1 if key == Keys.Up else 1)
        elif key == Keys.Backspace:
            chooser.erase()
        elif len(key) == 1 or key == Keys.BracketedPaste:
            chooser.type(data)

    def _answer_new(self, name: str) -> None:
        problem = intent_problem(name)
        if problem is not None:
            self._view.note = problem
        elif self._names.is_in_domain(name) or name == self._doubted:
            self._desk.answer(name)
        else:
            # It may be a typing error.
            self._doubted = name
            self._view.note = f"the domain lacks {name}; Enter takes it all the same"

    def _mark(self, marking: Marking, key: str) -> None:
        if key == Keys.Escape:
            if marking.marked is not None:
                marking.unmark()
            else:
                self._view.marking = None
        elif key in (Keys.Left, Keys.Right):
            marking.move(-1 if key == Keys.Left else 1)
        elif key == " ":
            marking.toggle()
        elif key in (Keys.Delete, Keys.Backspace, "x"):
            if not marking.remove():
                self._view.note = "no entity here"
        elif key == Keys.Enter and marking.marked is None:
            self._view.marking = None
        elif key == Keys.Enter:
            self._name_marked(marking)
        self._view.entities = marking.entities

    def _name_marked(self, marking: Marking) -> None:
        present = {entity.entity for entity in marking.entities}
        names = sorted(present.union(self._names.entities))
        if not names:
            self._view.note = "the domain has no entities; add them there first"
            return

        def take(name: str) -> None:
            marking.name(name)
            self._view.entities = marking.entities
            self._view.chooser = None

        self._ask_for("entity", names, take)
