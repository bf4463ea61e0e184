"""The review screen: keys in, answers out, the database in a thread of its own."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import FormattedTextControl, Layout, Window
from prompt_toolkit.output import ColorDepth

from rasa_qa_plugin.cli.annotation_keys import QUIT, Keyboard, Names
from rasa_qa_plugin.cli.annotation_view import View, draw
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.review.answering import Session
from rasa_qa_plugin.review.decision_time import DecisionTime
from rasa_qa_plugin.review.reranking import BackgroundReranker
from rasa_qa_plugin.review.tasks import choices

_ANSWERS_PER_RANKING = 10
_LOOK_SECONDS = 0.3
# While nothing waits, the database is asked for new turns this often.
_LOOKS_PER_QUERY = 10


class Screen:
    """Shows one turn at a time and takes keys until the reader quits."""

    def __init__(
        self,
        session: Session,
        ranking: BackgroundReranker,
        names: Names,
        *,
        limit: int | None = None,
    ) -> None:
        """Prepare the screen; :meth:`run` shows it.

        Args:
            session: Where answers go; used in a thread of the screen's own.
            ranking: Puts the queue in order beside the reader.
            names: What to choose from.
            limit: How many answers at most.
        """
        self._session = session
        self._ranking = ranking
        self._names = names
        self._limit = limit
        self._view = View(empty="reading the queue ...")
        self._time = DecisionTime()
        self._is_busy = False
        self._quits = False
        self._is_left = False
        self._served = ranking.served
        self._unranked = 0
        self._looks = 0
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="qa-answer")
        self._keys = Keyboard(self._view, names, self)
        self._app = self._application()

    def run(self) -> None:
        """Show the screen until the reader quits.

        Raises:
            RasaQAError: The database cannot be read at the start.
        """
        with _quiet_stderr(), self._worker:
            self._app.run(pre_run=self._begin)

    def _application(self) -> Application[None]:
        keys = KeyBindings()
        keys.add(Keys.Any)(self._on_key)
        keys.add(Keys.Escape, eager=True)(self._on_key)
        application: Application[None] = Application(
            layout=Layout(Window(FormattedTextControl(self._text), wrap_lines=False)),
            key_bindings=keys,
            full_screen=True,
            # Bold and reverse letters, no colour: nothing to ask NO_COLOR about.
            color_depth=ColorDepth.DEPTH_1_BIT,
        )
        application.ttimeoutlen = 0.05  # a lone Esc is Esc, also over ssh
        return application

    def _text(self) -> StyleAndTextTuples:
        size = self._app.output.get_size()
        lines = draw(self._view, columns=size.columns, rows=size.rows)
        text: StyleAndTextTuples = []
        for number, line in enumerate(lines):
            text += line if not number else [("", "\n"), *line]
        return text

    def _begin(self) -> None:
        self._ranking.ask()
        self._start(self._look())
        self._do(self._session.refresh)

    # What takes time: in the worker's thread, one thing after the other.

    def _do(self, job: Callable[[], str | None]) -> None:
        """Run *job*; until it is done, keys are for nobody: they were not meant so."""
        self._is_busy = True
        self._start(self._done(job))

    async def _done(self, job: Callable[[], str | None]) -> None:
        try:
            note = await self._in_worker(job)
        except RasaQAError as error:
            note = f"not done, press the key again: {error}"
        self._is_busy = False
        self._show(note or "")
        done = self._session.summary().answers
        if self._quits or (self._limit is not None and done >= self._limit):
            self.leave()
            return
        if self._unranked >= _ANSWERS_PER_RANKING:
            self._rank()
        self._start(self._later(self._session.prefetch))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._app.create_background_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Do *work*; a defect in it ends the screen before it is told."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - see above
            self.leave(error)

    async def _later(self, job: Callable[[], None]) -> None:
        """Run *job* while the reader reads; a failure is told and is nobody's loss."""
        try:
            await self._in_worker(job)
        except RasaQAError as error:
            self._view.note = str(error)
        if self._view.task is None and not self._is_busy:
            self._show(self._view.note)
        self._app.invalidate()

    async def _in_worker(self, job: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._worker, job)

    async def _look(self) -> None:
        """See what the ranking made of the answers, for as long as the screen is up."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self._looks += 1
            if self._is_busy:
                continue
            stuck = self._view.task is None
            if self._served != self._ranking.served:
                self._served = self._ranking.served
                problem = self._ranking.problem
                if problem is not None:
                    self._view.note = f"the queue keeps its order: {problem}"
                await self._later(self._session.refresh)
            elif stuck and self._unranked and self._ranking.is_done:
                self._rank()
            elif stuck and not self._looks % _LOOKS_PER_QUERY:
                await self._later(self._session.refresh)
            self._guess()
            self._app.invalidate()

    def _rank(self) -> None:
        self._unranked = 0
        self._ranking.ask()

    def _show(self, note: str) -> None:
        """Show the session's current turn; a new one begins afresh."""
        view, task = self._view, self._session.current
        summary = self._session.summary()
        goal = "" if self._limit is None else f" of {self._limit}"
        pace = "" if summary.seconds is None else f", {summary.seconds:.1f} s each"
        view.progress = f"{summary.answers}{goal} answered{pace}"
        view.note = note
        if task is not view.task:
            view.task = task
            view.marking = view.chooser = None
            view.alike = True
            view.choices, view.likely = [], {}
            view.entities = task.item.entities if task else ()
            self._time.start(time.monotonic())
        self._guess()
        self._app.invalidate()

    def _guess(self) -> None:
        """Put intents on keys; those that are on one stay there under the fingers."""
        view = self._view
        if view.task is None:
            view.empty = (
                "nothing waits; q quits, new turns show up here"
                if self._ranking.is_done
                else "putting the queue in order ..."
            )
            return
        judgement = self._ranking.judgement(view.task.turn.turn_id)
        likely = judgement.likely if judgement else []
        if not view.likely:
            view.likely = dict(likely)
        view.choices += [
            name for name in choices(view.task, likely) if name not in view.choices
        ]

    # Keys.

    def _on_key(self, event: KeyPressEvent) -> None:
        press = event.key_sequence[0]
        key = str(getattr(press.key, "value", press.key))
        self._time.touch(time.monotonic())
        if self._is_busy:
            self._quits = self._quits or key in QUIT
            return
        if key in (Keys.ControlC, Keys.ControlD):
            self.leave()
            return
        self._keys.press(key, press.data)

    def answer(self, intent: str) -> None:
        """Record the entities on the screen with *intent*."""
        view, session = self._view, self._session
        entities, alike = view.entities, view.alike
        seconds = self._time.touch(time.monotonic())
        lacking = (
            ""
            if self._names.is_in_domain(intent)
            else "; the domain lacks it: rasa-qa merge --new-intents"
        )

        def job() -> str:
            note = session.answer(
                intent, entities, alike=alike, seconds=seconds, now=time.time()
            )
            return note + lacking

        self._unranked += 1
        self._do(job)

    def reject(self) -> None:
        """Take the turn out of the queue for good."""
        alike = self._view.alike
        seconds = self._time.touch(time.monotonic())
        self._do(lambda: self._session.reject(alike=alike, seconds=seconds))

    def skip(self) -> None:
        """Leave the turn for another session."""
        self._do(self._session.skip)

    def undo(self) -> None:
        """Take the last decision back."""
        self._do(self._session.undo)

    def leave(self, error: Exception | None = None) -> None:
        """Quit; with an error, which is told once the screen is gone."""
        if self._is_left:
            return
        self._is_left = True
        if error is None:
            self._app.exit()
        else:
            self._app.exit(exception=error)


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Keep what libraries say in other threads off the screen."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
