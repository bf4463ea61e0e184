"""What the review screen shows: a pure function from its state to lines of text.

Nothing needs colour; brackets and arrows say what bold and reverse letters say too.
"""

from collections.abc import Iterable, Sequence

import msgspec
from prompt_toolkit.completion import CompleteEvent, FuzzyWordCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.utils import get_cwidth

from rasa_qa_plugin.review.items import Entity, clean
from rasa_qa_plugin.review.marking import Marking
from rasa_qa_plugin.review.tasks import Task

Line = list[tuple[str, str]]

KEYS = (
    ("Enter, y", "the bot was right"),
    ("1-9", "that intent is right"),
    ("/", "search all intents; Up and Down choose, Enter takes, Esc leaves"),
    ("n", "new intent: type its name"),
    ("o", "out of scope"),
    ("e", "entities: Left and Right move, Space marks words, Enter names them,"),
    ("", "x removes the one under the cursor, Esc leaves"),
    ("s", "skip: it comes again next time"),
    ("d", "reject spam or personal data: it leaves the queue"),
    ("u", "undo, as many steps as you like"),
    ("g", "this turn alone, or all that are alike"),
    ("q", "quit; every answer is saved already"),
)

_READING = (
    " Enter right  1-9 intent  / search  n new  o out of scope  e entities",
    " s skip  d reject  u undo  g alike  ? help  q quit",
)
_MARKING = (
    " Left, Right move  Space marks  Enter names the marked words",
    " x removes the entity here  Esc back",
)
_CHOOSING = (" type to search  Up, Down choose  Enter takes  Esc back", "")
_NAMING = (" type the name  Enter takes  Esc back", "")

_BY_SIGNAL = {
    "confidence": "unsure",
    "margin": "two intents close",
    "novelty": "unlike the training data",
    "learned": "the small model disagrees",
    "intent_record": "this intent is often wrong",
}
_MOST_REASONS = 3
_MOST_MATCHES = 8
_NAME_COLUMNS = 40
_CURSOR = "reverse"


class Chooser:
    """A name that is being typed, with those of *names* that match it."""

    def __init__(self, title: str, names: Iterable[str] = ()) -> None:
        """Show all names; without any, a new one is typed."""
        self.title = title
        self.names = list(names)
        self.typed = ""
        self.selected = 0
        self._completer = FuzzyWordCompleter(self.names, WORD=True)

    @property
    def matches(self) -> list[str]:
        """The names that have the typed letters in this order, the closest first."""
        letters = "".join(self.typed.split())
        if not letters:
            return self.names
        found = self._completer.get_completions(Document(letters), CompleteEvent())
        return [completion.text for completion in found]

    def type(self, text: str) -> None:
        """Add to what is typed; the first match is chosen again."""
        self.typed += clean(text) or (" " if self.typed else "")
        self.selected = 0

    def erase(self) -> None:
        """Take the last letter away."""
        self.typed = self.typed[:-1]
        self.selected = 0

    def move(self, steps: int) -> None:
        """Choose another match."""
        self.selected = max(0, min(len(self.matches) - 1, self.selected + steps))

    @property
    def chosen(self) -> str | None:
        """The chosen match, or the new name."""
        if not self.names:
            return self.typed.strip() or None
        matches = self.matches
        return matches[self.selected] if matches else None


class View(msgspec.Struct, kw_only=True):
    """The state of the screen.

    Attributes:
        task: The turn to answer; None while there is none.
        empty: What to say then.
        choices: Intents on the number keys.
        likely: What the proxy thinks, by intent.
        entities: Of the turn, as they will be recorded.
        alike: Whether the answer holds for the turns that say the same.
    """

    task: Task | None = None
    empty: str = ""
    choices: list[str] = []
    likely: dict[str, float] = {}
    entities: tuple[Entity, ...] = ()
    alike: bool = True
    progress: str = ""
    note: str = ""
    marking: Marking | None = None
    chooser: Chooser | None = None
    help: bool = False


def draw(view: View, *, columns: int, rows: int) -> list[Line]:
    """Give the lines of the screen, as many as there are rows."""
    title = " rasa-qa annotate"
    gap = max(1, columns - len(title) - len(view.progress) - 1)
    head: list[Line] = [
        [("bold", title), ("", " " * gap + view.progress)],
        [("", "-" * columns)],
    ]
    foot: list[Line] = [
        [("bold", f" {cut(view.note, columns - 2)}")],
        [("", "-" * columns)],
        *([("", line)] for line in _keys(view)),
    ]
    room = max(1, rows - len(head) - len(foot))
    if view.help:
        body = [[("bold", f" {key:<10}"), ("", what)] for key, what in KEYS]
    elif view.task is None:
        body = [[], [("", f" {view.empty}")]]
    else:
        body = _body(view, view.task, columns, room)
    body = body[:room]
    return head + body + [[] for _ in range(room - len(body))] + foot


def cut(text: str, columns: int) -> str:
    """Give *text* on one line of so many columns."""
    text = clean(text)
    if get_cwidth(text) <= columns:
        return text
    kept = ""
    for char in text:
        if get_cwidth(kept + char) > columns - 3:
            break
        kept += char
    return f"{kept}..."


def flow(pieces: Sequence[tuple[str, str]], columns: int) -> list[Line]:
    """Break a styled text into lines, between words where there are any."""
    lines: list[Line] = []
    line: Line = []
    width = 0
    for style, text in pieces:
        for char in text:
            if width + get_cwidth(char) > columns:
                blanks = [at for at, (_, one) in enumerate(line) if one == " "]
                at = blanks[-1] + 1 if blanks else len(line)
                lines.append(line[:at])
                line = line[at:]
                width = sum(get_cwidth(one) for _, one in line)
            line.append((style, char))
            width += get_cwidth(char)
    return [*lines, line]


def marked_text(
    text: str, entities: Sequence[Entity], marking: Marking | None = None
) -> Line:
    """Write *text* with its entities as ``[16/20](size)``.

    Marked words stand between asterisks, the word under the cursor between arrows.
    """
    opening: dict[int, str] = {}
    closing: dict[int, str] = {}
    cursor = marking.cursor if marking else None
    marked = marking.marked if marking else None
    for entity in entities:
        value = f"={clean(entity.value)}" if entity.value else ""
        opening[entity.start] = "["
        closing[entity.end] = f"]({entity.entity}{value})"
    for span, before, after in ((marked, "*", "*"), (cursor, ">", "<")):
        if span is not None:
            opening[span[0]] = opening.get(span[0], "") + before
            closing[span[1]] = after + closing.get(span[1], "")
    pieces: Line = []
    for at in range(len(text) + 1):
        pieces.append(("bold", closing.get(at, "") + opening.get(at, "")))
        if at < len(text):
            inside = cursor is not None and cursor[0] <= at < cursor[1]
            bold = any(one.start <= at < one.end for one in entities)
            pieces.append((_CURSOR if inside else "bold" if bold else "", text[at]))
    return pieces


def _body(view: View, task: Task, columns: int, room: int) -> list[Line]:
    """Lay a turn out; where room is short, what was said before goes first."""
    # Three columns are left for the dots of a text that is cut.
    text = flow(marked_text(task.item.text, view.entities, view.marking), columns - 11)
    text = [
        [("bold", " user> " if not at else " " * 7), *line]
        for at, line in enumerate(text)
    ]
    below = [
        *_said("bot", task.turn.answer, columns, most=2),
        *_labelled("why", _why(task), columns, most=2),
    ]
    lower = _chooser(view.chooser) if view.chooser else _choices(view, task)
    if task.others and view.chooser is None:
        count = f"{len(task.others)} alike"
        lower.append(
            [("", f" and {count}" if view.alike else f" this one alone, not {count}")]
        )
    fixed = len(below) + len(lower)
    text = _around_cursor(text, max(1, room - fixed))
    spare = room - fixed - len(text)
    before = [
        line
        for said in task.context
        for line in (
            *_said("user", said.text, columns, most=1),
            *_said("bot", said.answer, columns, most=1),
        )
    ]
    blank: list[Line] = [[]]
    gap = blank if spare > 0 else []
    before = before[max(0, len(before) - max(0, spare - 2)) :]
    if before:
        before += blank
    return [*before, *text, *below, *gap, *lower]


def _said(who: str, text: str | None, columns: int, *, most: int) -> list[Line]:
    return _labelled(who, text, columns, most=most) if text else []


def _labelled(label: str, text: str, columns: int, *, most: int) -> list[Line]:
    """Give a text with a label, on *most* lines; the rest is cut off."""
    if not text:
        return []
    lines = flow([("", clean(text))], columns - 8)
    if len(lines) > most:
        rest = "".join(char for line in lines[most - 1 :] for _, char in line)
        lines = [*lines[: most - 1], [("", cut(rest, columns - 8))]]
    return [
        [("", f" {label:<6}" if not at else " " * 7), *line]
        for at, line in enumerate(lines)
    ]


def _why(task: Task) -> str:
    turn = task.turn
    parts = [", ".join(flag.replace("_", " ") for flag in turn.flags)]
    if turn.error_score is not None:
        found = [
            _BY_SIGNAL.get(name, name.replace("_", " "))
            for name, part in (turn.reasons or {}).items()
            if part > 0 and name not in turn.flags
        ]
        because = f": {', '.join(found[:_MOST_REASONS])}" if found else ""
        parts.append(f"chance of error {turn.error_score:.0%}{because}")
    if turn.comment:
        parts.append(f'they said "{turn.comment}"')
    return "; ".join(part for part in parts if part)


def _choices(view: View, task: Task) -> list[Line]:
    turn = task.turn
    lines: list[Line] = []
    for number, name in enumerate(view.choices[:9], start=1):
        notes = []
        if name == task.bot_intent:
            notes.append(_sure("the bot", turn.confidence))
        elif name == turn.second_intent:
            known = turn.confidence is not None and turn.margin is not None
            second = (turn.confidence or 0) - (turn.margin or 0) if known else None
            notes.append(_sure("second", second))
        if name == turn.live_intent:
            notes.append(_sure("the bot now", turn.live_confidence))
        if name in view.likely:
            notes.append(_sure("likely", view.likely[name]))
        lines.append(
            [
                ("bold", f"  {number}  {cut(name, _NAME_COLUMNS):<{_NAME_COLUMNS}}"),
                ("", f" {', '.join(notes)}"),
            ]
        )
    return lines


def _sure(who: str, probability: float | None) -> str:
    return who if probability is None else f"{who} {probability:.2f}"


def _chooser(chooser: Chooser) -> list[Line]:
    lines: list[Line] = [[("", f" {chooser.title}: "), ("bold", f"{chooser.typed}_")]]
    if not chooser.names:
        return lines
    first = max(0, chooser.selected - _MOST_MATCHES + 1)
    shown = chooser.matches[first : first + _MOST_MATCHES]
    for number, name in enumerate(shown, start=first):
        here = number == chooser.selected
        lines.append([(_CURSOR if here else "", f"  {'>' if here else ' '} {name}")])
    return lines if shown else [*lines, [("", "    no such name")]]


def _around_cursor(lines: list[Line], room: int) -> list[Line]:
    """Give as many lines as there is room for, the one with the cursor among them."""
    if len(lines) <= room:
        return lines
    cursor = next(
        (
            at
            for at, line in enumerate(lines)
            if any(style == _CURSOR for style, _ in line)
        ),
        0,
    )
    first = max(0, min(cursor - room // 2, len(lines) - room))
    kept = lines[first : first + room]
    if first + room < len(lines):
        kept[-1] = [*kept[-1], ("bold", "...")]
    return kept


def _keys(view: View) -> tuple[str, str]:
    if view.help:
        return (" any key goes back", "")
    if view.chooser:
        return _CHOOSING if view.chooser.names else _NAMING
    return _MARKING if view.marking else _READING
