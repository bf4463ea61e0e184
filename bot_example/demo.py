"""The main job in one command: chat, hand over, review, correct, retrain, ask again.

    uv run bot_example/demo.py

Works on a copy of this bot in `bot_example/.demo`, with a real Rasa server and a real
action server on free loopback ports, and leaves no process behind. The model of the
first run is kept, so the second run is faster.
"""

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from people import Person, texts_of
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from ruamel.yaml import YAML
from servers import HERE, TOKEN, BotCopy, environment

# What Diana types, digits only where people write them in many ways; none of it may be
# found in any file afterwards.
PLANTED = (
    "Diana Villacís",
    "0998765432",
    "diana.villacis@correo.example",
    "Av. Malecón 1204",
    "2204567891",
)
console = Console(highlight=False)


def main() -> int:
    """Run the demo; the exit status says whether the better model answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folder",
        type=Path,
        default=HERE / ".demo",
        help="where the copy of the bot goes (default: %(default)s)",
    )
    folder = parser.parse_args().folder.resolve()
    # A `kill` must end the servers too, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return Demo(folder).run()


class Demo:
    """The steps, in the order in which a team would take them."""

    def __init__(self, folder: Path) -> None:
        """Use *folder* for the copy of the bot, its logs and its database."""
        self.copy = BotCopy(folder, console)
        self.reviewed = folder / "review.yml"
        self.corrections = YAML(typ="safe").load(
            (HERE / "corrections.yml").read_text("utf-8")
        )
        self.question = str(self.corrections[0]["text"])

    def run(self) -> int:
        """Chat, look, correct, retrain, ask again."""
        started = time.monotonic()
        step("A copy of the bot, and its first model")
        self.copy.prepare()
        with ExitStack() as servers:
            self.copy.start(servers)
            step("People chat with the bot")
            before = self.chat()
            step("Somebody is handed over to people, who work off the ticket")
            self.hand_over()
            step("What the database holds now")
            self.show_database()
            step("Review: flagged turns out, corrections in")
            self.review()
            step("Retrain, compare, promote")
            self.qa("retrain", "--server", self.copy.url, "--token", TOKEN)
            step("The same question again")
            after = texts_of(self.copy.send("Elena", self.question))
            self.compare(before, after)
        better = before != after
        self.farewell(time.monotonic() - started)
        return 0 if better else 1

    def chat(self) -> str:
        """Hold the conversations; give the answer to the question nobody taught."""
        ana = self.person("Ana", "She agrees that her words help to improve the bot.")
        ana.says("hola, buenos días")
        ana.clicks("/qa_consent_grant")
        ana.says("necesito cotizar HLSO 16/20 con 20% glaseo, CFR Houston")
        before = ana.says(self.question)
        for correction in self.corrections[1:]:
            ana.says(str(correction["text"]))

        bruno = self.person("Bruno", "He is asked too, and never answers.")
        bruno.says("hello")
        bruno.says("what certifications do you have?")

        carla = self.person("Carla", "She agrees, and takes it back.")
        carla.says("buenas tardes")
        carla.clicks("/qa_consent_grant")
        carla.says("¿cuál es el pedido mínimo?")
        carla.says("retiro mi consentimiento")

        diana = self.person("Diana", "She leaves her data in a form, rates an answer.")
        diana.says("hola")
        diana.clicks("/qa_consent_grant")
        diana.says("quiero dejar mis datos para que me llamen")
        diana.says(PLANTED[0])
        diana.says(PLANTED[1])
        diana.says(PLANTED[2])
        diana.says(f"{PLANTED[3]} y Loja, Guayaquil")
        diana.says(f"para el reembolso mi cuenta es {PLANTED[4]} del Banco Pichincha")
        diana.says("necesito cotizar HLSO 21/25 con 10% glaseo, FOB Guayaquil")
        diana.clicks("👎")
        diana.clicks("Contar qué falló")
        diana.says("el precio es de la semana pasada")
        diana.says("chao")
        diana.clicks("⭐⭐")
        return before

    def hand_over(self) -> None:
        """Let somebody ask for a person, and then to be forgotten."""
        fabian = self.person("Fabián", "He wants a person, and leaves no trace.")
        fabian.says("necesito hablar con una persona")
        fabian.says("¿qué saben de mí?")
        self.qa("tickets", "list")
        for (ticket,) in self.rows("SELECT ticket_id FROM qa_escalations"):
            self.qa("tickets", "show", ticket)
            self.qa("tickets", "close", ticket)
        fabian.says("borra mis datos")
        fabian.clicks("Sí, borrar todo")

    def person(self, name: str, about: str) -> Person:
        """Introduce somebody."""
        console.print(f"\n[bold]{name}[/bold] [dim]{about}[/dim]")
        return Person(self.copy, console, name=name)

    def show_database(self) -> None:
        """Show rows as they lie on the disk, and look for what Diana typed."""
        table = Table("who (pseudonym)", "text", "intent", "conf.", title="qa_turns")
        for sender, text, intent, confidence in self.rows(
            "SELECT sender_id, text, intent, confidence FROM qa_turns "
            "ORDER BY recorded_at"
        ):
            shown = Text(text) if text else Text("no consent, no text", "dim")
            table.add_row(sender[:9] + "…", shown, intent, f"{confidence:.2f}")
        console.print(table)
        counts = {
            name: self.rows(f"SELECT COUNT(*) FROM {name}")[0][0]  # noqa: S608
            for name in ("events", "qa_consents", "qa_feedback", "qa_flags")
        }
        console.print("Rows: " + ", ".join(f"{n} {name}" for name, n in counts.items()))
        found = [value for value in PLANTED if self.holds(value)]
        console.print(
            f"Searched database, logs and event broker for {len(PLANTED)} values that "
            f"Diana typed: found {len(found)}."
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read the database as it lies on the disk."""
        database = self.copy.bot / "conversations.db"
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
            return opened.execute(query).fetchall()

    def holds(self, value: str) -> bool:
        """Tell whether any file of the demo holds *value*."""
        needles = {value.encode(), json.dumps(value)[1:-1].encode()}
        paths = [
            *self.copy.logs.iterdir(),
            *self.copy.bot.glob("conversations.db*"),
            self.copy.bot / "broker.log",
        ]
        return any(needle in path.read_bytes() for path in paths for needle in needles)

    def review(self) -> None:
        """Play the reviewer: export, correct by `corrections.yml`, import, merge."""
        self.qa("turns", "--flagged")
        self.qa("export", str(self.reviewed))
        self.correct()
        self.qa("import", str(self.reviewed))
        self.qa("merge", "--yes")

    def correct(self) -> None:
        """Do in the exported file what a person would do in an editor."""
        from rasa_qa_plugin.review.formats import rasa_nlu  # loads Rasa
        from rasa_qa_plugin.review.items import Entity, Item

        path = self.reviewed
        right = {str(entry["text"]): entry for entry in self.corrections}
        items = [
            Item(
                item.turn_id,
                item.text,
                str(right[item.text]["intent"]),
                tuple(
                    Entity(**mark) for mark in right[item.text].get("entities") or []
                ),
            )
            for item in rasa_nlu.load(path.read_text("utf-8"), file=path.name)
            if item.text in right
        ]
        path.write_text(rasa_nlu.dump(items), "utf-8")
        console.print(f"A reviewer corrects {len(items)} of them and deletes the rest.")

    def compare(self, before: str, after: str) -> None:
        """Show both answers."""
        console.print(Panel(Text(before), title=f"before: {self.question}"))
        console.print(Panel(Text(after), title=f"after: {self.question}"))

    def farewell(self, seconds: float) -> None:
        """Say where to look next."""
        shown = os.path.relpath(self.copy.bot)
        console.print(
            f"\nDone in {seconds:.0f} s, no process left. Look next at:\n"
            f"  uv run rasa-qa stats --bot {shown}\n"
            f"  uv run rasa-qa turns --bot {shown}\n"
            f"  {os.path.relpath(self.reviewed)}, {shown}/data/nlu.yml, "
            f"{os.path.relpath(self.copy.logs)}"
        )

    def qa(self, *arguments: str) -> None:
        """Run `rasa-qa`, shown as one would type it."""
        visible = " ".join(a if a != TOKEN else "…" for a in arguments)
        console.print(f"[bold]$ rasa-qa {visible}[/bold]")
        command = [sys.executable, "-m", "rasa_qa_plugin", *arguments]
        done = subprocess.run(  # noqa: S603
            [*command, "--bot", str(self.copy.bot)], env=environment(), check=False
        )
        if done.returncode:
            sys.exit(f"rasa-qa {arguments[0]} ended with status {done.returncode}")


def step(title: str) -> None:
    """Print a heading."""
    console.rule(f"[bold]{title}", align="left")


if __name__ == "__main__":
    sys.exit(main())
