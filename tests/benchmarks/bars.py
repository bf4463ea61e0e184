"""What every benchmark prints: measured figures beside their bars, and a verdict."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

DATA = Path(__file__).parents[2].parent / "shared" / "data"


class Figure(NamedTuple):
    """One measured figure; *bar* is the least it may be, or the most if *at_most*."""

    name: str
    ours: float
    unit: str
    bar: float | None = None
    at_most: bool = False
    peer: float | None = None
    ratio: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the bar holds; a figure without one is only shown."""
        if self.bar is None:
            return True
        return self.ours <= self.bar if self.at_most else self.ours >= self.bar


def arguments(description: str) -> argparse.ArgumentParser:
    """Give a parser with the options that all benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument(
        "--data", type=Path, default=DATA, help="folder of the development data"
    )
    return parser


def report(name: str, figures: list[Figure], *, json_file: Path | None = None) -> int:
    """Print *figures* and one closing line; give the exit code."""
    table = Table(title=name, box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("figure", "ours", "peer", "ratio", "bar", ""):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for figure in figures:
        sign = "≤" if figure.at_most else "≥"
        table.add_row(
            figure.name,
            f"{figure.ours:,.2f} {figure.unit}",
            "" if figure.peer is None else f"{figure.peer:,.2f}",
            "" if figure.ratio is None else f"{figure.ratio:,.1f}x",
            "" if figure.bar is None else f"{sign} {figure.bar:g}",
            "" if figure.bar is None else "ok" if figure.holds else "MISSED",
        )
    Console(width=120 if not sys.stdout.isatty() else None).print(table)
    barred = [figure for figure in figures if figure.bar is not None]
    held = sum(figure.holds for figure in barred)
    if json_file is not None:
        rows: list[dict[str, Any]] = [
            {**figure._asdict(), "holds": figure.holds} for figure in figures
        ]
        json_file.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(f"{name}: {held} of {len(barred)} bars hold")  # noqa: T201
    return 0 if held == len(barred) else 1
