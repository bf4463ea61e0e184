"""A program in a pseudo-terminal of 80 by 24, driven as a person would."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte

COLUMNS, ROWS = 80, 24
ESC, ENTER = "\x1b", "\r"
UP, DOWN, RIGHT, LEFT = (f"\x1b[{letter}" for letter in "ABCD")


class Terminal:
    """Sends keys, and waits until the screen shows something."""

    def __init__(self, *arguments: str, folder: Path, kind: str = "xterm") -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.Stream(self._screen)
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "rasa_qa_plugin", *arguments],
            cwd=str(folder),
            env={**os.environ, "NO_COLOR": "1", "TERM": kind},
            dimensions=(ROWS, COLUMNS),
            encoding="utf-8",
            timeout=30,
        )
        self.written = ""

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.child.send(key)

    def wait(self, seen: Callable[[str], bool], *, seconds: float = 30) -> str:
        """Give the screen once *seen* is content with it."""
        deadline = time.monotonic() + seconds
        while not seen(self.text):
            if time.monotonic() > deadline:
                raise AssertionError(f"the screen shows something else:\n{self.text}")
            self._read()
        return self.text

    def shows(self, *texts: str, seconds: float = 30) -> str:
        """Give the screen once it shows all *texts*."""
        return self.wait(lambda t: all(one in t for one in texts), seconds=seconds)

    def end(self, *, seconds: float = 30) -> tuple[int, str]:
        """Give the exit status and what was written since the screen went."""
        deadline = time.monotonic() + seconds
        while self.child.isalive() and time.monotonic() < deadline:
            self._read()
        while self._read():
            pass
        self.child.close()
        assert self.child.exitstatus is not None, f"killed by {self.child.signalstatus}"
        return self.child.exitstatus, self.written.rpartition("\x1b[?1049l")[2]

    def _read(self) -> bool:
        try:
            data = self.child.read_nonblocking(65536, timeout=0.1)
        except pexpect.TIMEOUT:
            return False
        except pexpect.EOF:
            return False
        self.written += data
        self._stream.feed(data)
        return True
