"""The main job in one command: chat, review, correct, retrain, ask again.

    uv run bot_example/demo.py

Works on a copy of this bot in `bot_example/.demo`, with a real Rasa server and a real
action server on free loopback ports, and leaves no process behind. The model of the
first run is kept, so the second run is faster.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from ruamel.yaml import YAML

HERE = Path(__file__).resolve().parent
TOKEN = "demo-token"  # noqa: S105 - guards a server on loopback for some minutes
BOT_PARTS = (
    "actions",
    "data",
    "domain",
    "tests",
    "config.yml",
    "credentials.yml",
    "endpoints.yml",
    "qa.yml",
)
# What Diana types, digits only where people write them in many ways; none of it may be
# found in any file afterwards.
PLANTED = (
    "Diana Villacís",
    "0998765432",
    "diana.villacis@correo.example",
    "Av. Malecón 1204",
    "2204567891",
)
PEOPLE = ("Ana", "Bruno", "Carla", "Diana", "Elena")
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
        self.folder = folder
        self.bot = folder / "bot"
        self.logs = folder / "logs"
        self.reviewed = folder / "review.yml"
        self.corrections = YAML(typ="safe").load(
            (HERE / "corrections.yml").read_text("utf-8")
        )
        self.question = str(self.corrections[0]["text"])
        self.ports = (free_port(), free_port())

    def run(self) -> int:
        """Chat, look, correct, retrain, ask again."""
        started = time.monotonic()
        self.prepare()
        self.train_if_needed()
        with ExitStack() as servers:
            self.start(servers)
            step("People chat with the bot")
            before = self.chat()
            step("What the database holds now")
            self.show_database()
            step("Review: flagged turns out, corrections in")
            self.review()
            step("Retrain, compare, promote")
            self.qa("retrain", "--server", self.url, "--token", TOKEN)
            step("The same question again")
            after = texts_of(self.send("Elena", self.question))
            self.compare(before, after)
        better = before != after
        self.farewell(time.monotonic() - started)
        return 0 if better else 1

    @property
    def url(self) -> str:
        """Address of the Rasa server."""
        return f"http://127.0.0.1:{self.ports[0]}"

    def prepare(self) -> None:
        """Make a fresh copy of the bot; the example itself is never changed."""
        step("A copy of the bot, and its first model")
        for part in (self.bot, self.logs):
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
        self.reviewed.unlink(missing_ok=True)
        for name in BOT_PARTS:
            source = HERE / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, self.bot / name)
        endpoints = self.bot / "endpoints.yml"
        endpoints.write_text(
            endpoints.read_text("utf-8").replace(
                "localhost:5055", f"127.0.0.1:{self.ports[1]}"
            )
            # What the bot streams to others is masked as well; here it goes to a file.
            + "\nevent_broker:\n  type: file\n  path: broker.log\n",
            "utf-8",
        )

    def train_if_needed(self) -> None:
        """Train the first model, or take the one of an earlier run on this data."""
        digest = hashlib.sha256(version("rasa-qa-plugin").encode())
        for name in ("config.yml", "data", "domain"):
            for path in files_below(HERE / name):
                digest.update(path.read_bytes())
        kept = self.folder / "first_model" / f"{digest.hexdigest()[:12]}.tar.gz"
        if not kept.exists():
            console.print("Training the first model, a minute or two …")
            with console.status("rasa train"):
                self.command(
                    "rasa train",
                    "train", "--domain", "domain", "--fixed-model-name", "first",
                )  # fmt: skip
            kept.parent.mkdir(exist_ok=True)
            for old in kept.parent.glob("*.tar.gz"):
                old.unlink()
            shutil.copy2(self.bot / "models" / "first.tar.gz", kept)
        (self.bot / "models").mkdir(exist_ok=True)
        shutil.copy2(kept, self.bot / "models" / "first.tar.gz")
        console.print("Model ready: models/first.tar.gz")

    def start(self, servers: ExitStack) -> None:
        """Start Rasa and the action server; both stop with *servers*."""
        rasa_port, actions_port = (str(port) for port in self.ports)
        with console.status("Starting the Rasa server and the action server …"):
            actions = servers.enter_context(
                self.background("actions", "run", "actions", "--port", actions_port)
            )
            rasa = servers.enter_context(
                self.background(
                    "rasa", "run", "--interface", "127.0.0.1", "--port", rasa_port,
                    "--enable-api", "--auth-token", TOKEN, "--debug",
                )
            )  # fmt: skip
            wait_for(f"http://127.0.0.1:{actions_port}/health", actions)
            wait_for(f"{self.url}/status?token={TOKEN}", rasa)
        console.print(f"Rasa listens on {self.url}, its actions on port {actions_port}")

    def chat(self) -> str:
        """Hold the conversations; give the answer to the question nobody taught."""
        ana = Person(self, "Ana", "She agrees that her words help to improve the bot.")
        ana.says("hola, buenos días")
        ana.clicks("/qa_consent_grant")
        ana.says("necesito cotizar HLSO 16/20 con 20% glaseo, CFR Houston")
        before = ana.says(self.question)
        for correction in self.corrections[1:]:
            ana.says(str(correction["text"]))

        bruno = Person(self, "Bruno", "He is asked too, and never answers.")
        bruno.says("hello")
        bruno.says("what certifications do you have?")

        carla = Person(self, "Carla", "She agrees, and takes it back.")
        carla.says("buenas tardes")
        carla.clicks("/qa_consent_grant")
        carla.says("¿cuál es el pedido mínimo?")
        carla.says("retiro mi consentimiento")

        diana = Person(self, "Diana", "She leaves her data in a form, rates an answer.")
        diana.says("hola")
        diana.clicks("/qa_consent_grant")
        diana.says("quiero dejar mis datos para que me llamen")
        diana.says(PLANTED[0])
        diana.says(PLANTED[1])
        diana.says(PLANTED[2])
        diana.says(f"{PLANTED[3]} y Loja, Guayaquil")
        diana.says(f"para el reembolso mi cuenta es {PLANTED[4]} del Banco Pichincha")
        diana.says("necesito cotizar HLSO 21/25 con 10% glaseo, FOB Guayaquil")
        diana.clicks_button("👎")
        return before

    def send(self, name: str, text: str) -> list[dict[str, Any]]:
        """Send one message over the REST channel; give the bot's answers."""
        answers: list[dict[str, Any]] = post(
            f"{self.url}/webhooks/rest/webhook",
            {"sender": sender_of(name), "message": text},
        )
        return answers

    def show_database(self) -> None:
        """Show rows as they lie on the disk, and look for what Diana typed."""
        database = self.bot / "conversations.db"
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            table = Table(
                "who (pseudonym)", "text", "intent", "conf.", title="qa_turns"
            )
            for sender, text, intent, confidence in connection.execute(
                "SELECT sender_id, text, intent, confidence FROM qa_turns "
                "ORDER BY recorded_at"
            ):
                shown = Text(text) if text else Text("no consent, no text", "dim")
                table.add_row(sender[:9] + "…", shown, intent, f"{confidence:.2f}")
            console.print(table)
            counts = {
                name: connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]  # noqa: S608
                for name in ("events", "qa_consents", "qa_feedback", "qa_flags")
            }
        console.print("Rows: " + ", ".join(f"{n} {name}" for name, n in counts.items()))
        found = [value for value in PLANTED if self.holds(value)]
        console.print(
            f"Searched database, logs and event broker for {len(PLANTED)} values that "
            f"Diana typed: found {len(found)}."
        )

    def holds(self, value: str) -> bool:
        """Tell whether any file of the demo holds *value*."""
        needles = {value.encode(), json.dumps(value)[1:-1].encode()}
        paths = [
            *self.logs.iterdir(),
            *self.bot.glob("conversations.db*"),
            self.bot / "broker.log",
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
        shown = os.path.relpath(self.bot)
        console.print(
            f"\nDone in {seconds:.0f} s, no process left. Look next at:\n"
            f"  uv run rasa-qa stats --bot {shown}\n"
            f"  uv run rasa-qa turns --bot {shown}\n"
            f"  {os.path.relpath(self.reviewed)}, {shown}/data/nlu.yml, "
            f"{os.path.relpath(self.logs)}"
        )

    def qa(self, *arguments: str) -> None:
        """Run `rasa-qa`, shown as one would type it."""
        visible = " ".join(a if a != TOKEN else "…" for a in arguments)
        console.print(f"[bold]$ rasa-qa {visible}[/bold]")
        command = [sys.executable, "-m", "rasa_qa_plugin", *arguments]
        done = subprocess.run(  # noqa: S603
            [*command, "--bot", str(self.bot)], env=self.environment(), check=False
        )
        if done.returncode:
            sys.exit(f"rasa-qa {arguments[0]} ended with status {done.returncode}")

    def command(self, what: str, *arguments: str) -> None:
        """Run `rasa` to its end; its output goes to a log file."""
        log = self.logs / f"{arguments[0]}.log"
        with log.open("wb") as output:
            done = subprocess.run(  # noqa: S603
                [sys.executable, "-m", "rasa", *arguments],
                cwd=self.bot,
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            sys.exit(f"{what} failed; see {os.path.relpath(log)}")

    @contextmanager
    def background(
        self, name: str, *arguments: str
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """Run `rasa` in a process group of its own, until the end of the block."""
        with (self.logs / f"{name}.log").open("wb") as output:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "rasa", *arguments],
                cwd=self.bot,
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                end(process)

    def environment(self) -> dict[str, str]:
        """Keep Rasa quiet, offline and on loopback."""
        return {
            **os.environ,
            "RASA_TELEMETRY_ENABLED": "false",
            "SANIC_HOST": "127.0.0.1",
            "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONWARNINGS": "ignore",
        }


class Person:
    """Somebody who chats, and whose conversation is printed."""

    def __init__(self, demo: Demo, name: str, about: str) -> None:
        """Introduce the person."""
        self.demo = demo
        self.name = name
        self.buttons: list[dict[str, str]] = []
        console.print(f"\n[bold]{name}[/bold] [dim]{about}[/dim]")

    def says(self, text: str) -> str:
        """Send a message and print what comes back."""
        console.print(Text(f"{self.name:>8}: {text}", "cyan"))
        answers = self.demo.send(self.name, text)
        for answer in answers:
            if answer.get("text"):
                console.print(Text(f"     bot: {answer['text']}"))
        self.buttons = [b for answer in answers for b in answer.get("buttons") or []]
        if self.buttons:
            titles = "  ".join(f"[{button['title']}]" for button in self.buttons)
            console.print(Text(f"          {titles}", "dim"))
        return texts_of(answers)

    def clicks(self, payload: str) -> None:
        """Click the button with this payload."""
        title = next(
            (b["title"] for b in self.buttons if b["payload"] == payload), None
        )
        if title is None:
            sys.exit(
                f"the bot did not offer {payload}; "
                f"see {os.path.relpath(self.demo.logs)}"
            )
        console.print(Text(f"          ({self.name} clicks {title})", "cyan"))
        self.says(payload)

    def clicks_button(self, title: str) -> None:
        """Click the button with this title."""
        payloads = [b["payload"] for b in self.buttons if b["title"] == title]
        if not payloads:
            sys.exit(
                f"the bot did not offer {title}; see {os.path.relpath(self.demo.logs)}"
            )
        self.clicks(payloads[0])


def step(title: str) -> None:
    """Print a heading."""
    console.rule(f"[bold]{title}", align="left")


def sender_of(name: str) -> str:
    """Give the id a phone channel would give: a number that nobody else may read."""
    digits = int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10**8
    return f"5939{digits:08d}"


def texts_of(answers: Sequence[dict[str, Any]]) -> str:
    """Join what the bot said."""
    return "\n".join(str(answer["text"]) for answer in answers if answer.get("text"))


def files_below(path: Path) -> Sequence[Path]:
    """Give a file, or all files of a folder."""
    return (
        [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    )


def free_port() -> int:
    """Find a loopback port that nobody uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def post(url: str, body: dict[str, str]) -> Any:
    """Send JSON, get JSON."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.loads(answer.read())


def wait_for(
    url: str, process: "subprocess.Popen[bytes]", seconds: float = 180
) -> None:
    """Wait until a server answers, or say that it did not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    sys.exit("a server did not start; see the logs in the demo's folder")


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all it started."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


if __name__ == "__main__":
    sys.exit(main())
