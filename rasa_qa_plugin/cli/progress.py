"""Live progress of long work, on stderr, and only on a terminal with bars."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from rasa_qa_plugin.training.job import Progress as Step

_SOON = 60.0
_STAGES = {
    "import": "loading Rasa",
    "validate": "checking data and domain",
    "train": "training the candidate",
    "evaluate_current": "testing the current model",
    "evaluate_candidate": "testing the candidate",
    "reread": "reading what waits again",
    "done": "done",
}


class _Remaining:
    """How long a run will take yet, as far as the last one or the pace tells."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds
        self._began: dict[str, float] = {}
        self._step: tuple[str, float] = ("", 0.0)

    def shown(self, step: Step) -> str:
        """Give ``about 3 min left``, or nothing where nothing is known."""
        now = time.monotonic()
        began = self._began.setdefault(step.stage, now)
        if step.stage in self._seconds:
            stages = list(self._seconds)
            later = stages[stages.index(step.stage) + 1 :]
            left = self._seconds[step.stage] - (now - began)
            left = max(left, 0.0) + sum(self._seconds[stage] for stage in later)
        elif step.progress:
            name = step.stage + step.message.partition(":")[0]
            if self._step[0] != name:
                self._step = (name, now)
            left = (now - self._step[1]) * (1 - step.progress) / step.progress
        else:
            return ""
        if left < _SOON:
            return "under a minute left"
        return f"about {math.ceil(left / 60)} min left"


@contextmanager
def training_progress(
    seconds: Mapping[str, float] | None = None,
) -> Iterator[Callable[[Step], None]]:
    """Give a function that shows each step a worker reports.

    *seconds* is what each stage took last time.
    """
    remaining = _Remaining(seconds or {})
    console = Console(stderr=True)
    if not console.is_terminal:
        seen: set[str] = set()

        def tell(step: Step) -> None:
            if step.stage not in seen:
                seen.add(step.stage)
                left = remaining.shown(step)
                stage = _STAGES.get(step.stage, step.stage)
                click.echo(f"{stage} …{left and f' ({left})'}", err=True)

        yield tell
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=console,
        transient=True,
    ) as bars:
        task = bars.add_task(_STAGES["import"], total=None, left="")

        def show(step: Step) -> None:
            bars.update(
                task,
                description=" ".join(
                    filter(None, (_STAGES.get(step.stage, step.stage), step.message))
                ),
                total=None if step.progress is None else 1.0,
                completed=step.progress or 0.0,
                left=remaining.shown(step),
            )

        yield show


@contextmanager
def row_progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that takes the rows done since; silent without a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _rows: None
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bars:
        task = bars.add_task(what, total=total)
        yield lambda rows: bars.advance(task, rows)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say what takes its time; on a terminal with a clock that runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        click.echo(f"{what} …", err=True)
        yield
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bars:
        bars.add_task(what, total=None)
        yield
