"""What people see in the chat, flow by flow, in both languages, from real servers.

    uv run bot_example/transcripts.py [--check]

Writes the conversations into this folder's README.md. With --check it writes nothing
and says whether the README still shows what the bot does.
"""

import argparse
import io
import re
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from people import Person
from rich.console import Console
from servers import HERE, BotCopy

README = HERE / "README.md"
BEGIN = "<!-- transcripts: begin -->\n"
END = "<!-- transcripts: end -->\n"
_WIDTH = 84

_NOW = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")
_A_DAY = "2026-11-20 10:00 UTC"  # so that every run reads the same

Flow = Callable[[Person], None]


class _Undated(Person):
    def _print(self, line: str, style: str) -> None:
        super()._print(_NOW.sub(_A_DAY, line), style)


def main() -> int:
    """Hold the conversations; the exit status tells whether the README shows them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare")
    parser.add_argument(
        "--folder",
        type=Path,
        default=HERE / ".demo",
        help="where the copy of the bot goes (default: %(default)s)",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    copy = BotCopy(options.folder.resolve(), Console(stderr=True, highlight=False))
    copy.prepare()
    with ExitStack() as servers:
        copy.start(servers)
        held = "\n".join(
            f"{'#' * 3} {title}\n\n```text\n{_hold(copy, title, flow)}```\n"
            for title, flow in FLOWS.items()
        )
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    shown, _, after = rest.partition(END)
    if shown == held:
        return 0
    if options.check:
        print("README.md shows other conversations; run without --check")  # noqa: T201
        return 1
    README.write_text(f"{before}{BEGIN}{held}{END}{after}", "utf-8")
    return 0


def _hold(copy: BotCopy, title: str, flow: Flow) -> str:
    """Give a conversation as it was printed."""
    printed = io.StringIO()
    console = Console(file=printed, width=_WIDTH, highlight=False, color_system=None)
    flow(_Undated(copy, console, name=title.partition(" ")[0], sender=title))
    return printed.getvalue()


def _consent_es(ana: Person) -> None:
    ana.says("hola")
    ana.clicks("¿Qué se guarda?")
    ana.clicks("Doy permiso")
    ana.says("retiro mi consentimiento")


def _consent_en(ann: Person) -> None:
    ann.says("hello")
    ann.clicks("What is kept?")
    ann.clicks("You have my permission")
    ann.says("i withdraw my consent")


def _feedback_es(bruno: Person) -> None:
    bruno.says("necesito cotizar HLSO 16/20 con 20% glaseo, CFR Houston")
    bruno.clicks("👎")
    bruno.clicks("Contar qué falló")
    bruno.says("quería el precio puesto en Miami")


def _feedback_en(bob: Person) -> None:
    bob.says("please quote HLSO 16/20 with 20% glaze, CFR Houston")
    bob.clicks("👎")
    bob.clicks("Tell us what went wrong")
    bob.says("i wanted the price delivered to Miami")


def _words_es(elisa: Person) -> None:
    elisa.says("¿cuál es el pedido mínimo?")
    elisa.says("eso no es lo que pregunté")
    elisa.says("¿qué saben de mí?")
    elisa.says("chao")
    elisa.clicks("⭐⭐⭐⭐")


def _words_en(ella: Person) -> None:
    ella.says("what is the minimum order?")
    ella.says("that is not what i asked")
    ella.says("what do you have about me?")
    ella.says("bye")
    ella.clicks("⭐⭐⭐⭐")


def _form_es(carla: Person) -> None:
    carla.says("quiero dejar mis datos para que me llamen")
    carla.says("retiro mi consentimiento")
    carla.says("Carla Mendoza")


def _form_en(carol: Person) -> None:
    carol.says("i want to leave my contact details")
    carol.says("i withdraw my consent")
    carol.says("Carol Baker")


def _people_es(fabian: Person) -> None:
    fabian.says("necesito hablar con una persona")
    fabian.says("¿cuál es el pedido mínimo?")


def _people_en(fay: Person) -> None:
    fay.says("i need to talk to a person")
    fay.says("what is the minimum order?")


def _forget_es(dario: Person) -> None:
    dario.says("borra mis datos")
    dario.clicks("Sí, borrar todo")


def _forget_en(dan: Person) -> None:
    dan.says("delete my data")
    dan.clicks("Yes, delete everything")


FLOWS: dict[str, Flow] = {
    "Ana is asked, agrees, and takes it back": _consent_es,
    "Ann is asked, agrees, and takes it back": _consent_en,
    "Bruno rates an answer": _feedback_es,
    "Bob rates an answer": _feedback_en,
    "Elisa complains, asks what is known of her, and leaves stars": _words_es,
    "Ella complains, asks what is known of her, and leaves stars": _words_en,
    "Carla takes consent back half-way through a form": _form_es,
    "Carol takes consent back half-way through a form": _form_en,
    "Fabián is handed over to people, and goes on": _people_es,
    "Fay is handed over to people, and goes on": _people_en,
    "Darío asks to be forgotten": _forget_es,
    "Dan asks to be forgotten": _forget_en,
}


if __name__ == "__main__":
    sys.exit(main())
