"""A report as Markdown for a pull request, and as one HTML file for a browser."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.training.report import Part

_STYLE = """
body { font: 15px/1.45 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; }
table { border-collapse: collapse; margin: .5rem 0; }
td, th { border: 1px solid #ddd; padding: .2rem .6rem; text-align: left; }
td + td { font-variant-numeric: tabular-nums; }
figure { display: inline-block; margin: .5rem 1rem .5rem 0; vertical-align: top; }
img { max-width: 100%; }
"""


def markdown(parts: Sequence[Part]) -> str:
    """Give the report without its pictures, which a pull request cannot show inline."""
    pieces = []
    for place, part in enumerate(parts):
        pieces.append(f"{'#' if place == 0 else '##'} {_plain(part.title)}\n")
        if part.lines:
            pieces.append("\n".join(f"- {_line(line)}" for line in part.lines) + "\n")
        if part.rows:
            table = _markdown_table(part)
            if part.long:
                table = f"<details><summary>show</summary>\n\n{table}\n</details>\n"
            pieces.append(table)
    return "\n".join(pieces)


def page(parts: Sequence[Part]) -> str:
    """Give the report as one HTML page that needs nothing from elsewhere."""
    body = []
    for place, part in enumerate(parts):
        level = "h1" if place == 0 else "h2"
        body.append(f"<{level}>{html.escape(part.title)}</{level}>")
        for line in part.lines:
            strong = line.startswith("**")
            text = html.escape(line.strip("*") if strong else line)
            body.append(f"<p>{f'<strong>{text}</strong>' if strong else text}</p>")
        if part.rows:
            table = _html_table(part)
            if part.long:
                table = f"<details><summary>show</summary>{table}</details>"
            body.append(table)
        body += [
            f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,'
            f'{base64.b64encode(picture).decode()}"><figcaption>'
            f"{html.escape(caption)}</figcaption></figure>"
            for caption, picture in part.pictures.items()
        ]
    title = html.escape(parts[0].title) if parts else "Run"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _markdown_table(part: Part) -> str:
    rows = [part.header, tuple("---" for _ in part.header), *part.rows]
    return "".join(f"| {' | '.join(map(_plain, row))} |\n" for row in rows)


def _html_table(part: Part) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in part.header)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in part.rows
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _line(line: str) -> str:
    if line.startswith("**"):
        return f"**{_plain(line.strip('*'))}**"
    return _plain(line)


def _plain(text: str) -> str:
    """Give a text that Markdown shows as it is, in one cell."""
    text = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{char}" if char in r"\|`*_[]#~" else char for char in text)


def write(folder: Path, parts: Sequence[Part], figures: dict[str, Any]) -> None:
    """Put ``report.md``, ``report.html`` and ``report.json`` into a run's folder.

    Raises:
        TrainingError: The folder cannot be written.
    """
    contents = {
        "report.md": markdown(parts).encode(),
        "report.html": page(parts).encode(),
        "report.json": msgspec.json.format(msgspec.json.encode(figures), indent=1),
    }
    for name, content in contents.items():
        unfinished = folder / f".{name}"
        try:
            unfinished.write_bytes(content)
            unfinished.replace(folder / name)
        except OSError as error:
            raise TrainingError(
                f"report: cannot be written ({type(error).__name__}); "
                "check permissions and space"
            ) from None
