"""Somebody who chats with the bot, and whose conversation is printed."""

import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text
from servers import BotCopy

_INDENT = " " * 10


class Person:
    """Talks to the bot over the REST channel."""

    def __init__(
        self, copy: BotCopy, console: Console, *, name: str, sender: str | None = None
    ) -> None:
        """Print on *console* what is said.

        Args:
            copy: The running bot.
            console: Where to print.
            name: Stands before what the person says.
            sender: Whose conversation it is; by default the name tells.
        """
        self.buttons: list[dict[str, str]] = []
        self._copy = copy
        self._console = console
        self._name = name
        self._sender = sender or name

    def says(self, text: str) -> str:
        """Send a message and print what comes back."""
        self._print(f"{self._name:>8}: {text}", "cyan")
        return self._send(text)

    def clicks(self, payload: str) -> str:
        """Click the button with this payload, or whose title this is."""
        for button in self.buttons:
            if payload in (button["payload"], button["title"]):
                self._print(f"{_INDENT}({self._name}: {button['title']})", "cyan")
                return self._send(button["payload"])
        sys.exit(f"the bot did not offer {payload}; see its logs")

    def _send(self, text: str) -> str:
        answers = self._copy.send(self._sender, text)
        for answer in answers:
            if answer.get("text"):
                self._print(f"     bot: {answer['text']}", "")
        self.buttons = [b for answer in answers for b in answer.get("buttons") or []]
        if self.buttons:
            titles = "  ".join(f"[{button['title']}]" for button in self.buttons)
            self._print(f"{_INDENT}{titles}", "dim")
        return texts_of(answers)

    def _print(self, line: str, style: str) -> None:
        for part in line.splitlines():
            self._console.print(
                Text(
                    textwrap.fill(
                        part,
                        self._console.width,
                        subsequent_indent=_INDENT,
                        replace_whitespace=False,
                        drop_whitespace=True,
                    ),
                    style,
                )
            )


def texts_of(answers: Sequence[dict[str, Any]]) -> str:
    """Join what the bot said."""
    return "\n".join(str(answer["text"]) for answer in answers if answer.get("text"))
