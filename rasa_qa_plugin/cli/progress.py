"""Live progress of long work, on stderr, and only on a terminal with bars."""

from collections.abc import Callable, Iterator
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

_STAGES = {
    "import": "loading Rasa",
    "train": "training the candidate",
    "evaluate_current": "testing the current model",
    "evaluate_candidate": "testing the candidate",
    "done": "done",
}


@contextmanager
def training_progress() -> Iterator[Callable[[Step], None]]:
    """Give a function that shows each step a worker reports."""
    console = Console(stderr=True)
    if not console.is_terminal:
        seen: set[str] = set()

        def tell(step: Step) -> None:
            if step.stage not in seen:
                seen.add(step.stage)
                click.echo(f"{_STAGES.get(step.stage, step.stage)} …", err=True)

        yield tell
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bars:
        task = bars.add_task(_STAGES["import"], total=None)

        def show(step: Step) -> None:
            bars.update(
                task,
                description=" ".join(
                    filter(None, (_STAGES.get(step.stage, step.stage), step.message))
                ),
                total=None if step.progress is None else 1.0,
                completed=step.progress or 0.0,
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
