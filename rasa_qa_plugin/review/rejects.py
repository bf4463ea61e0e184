"""What an import could not take, in a file beside it, to be mended and imported."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from sqlalchemy.engine import Connection, Engine

from rasa_qa_plugin import changes
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.review.formats import Format
from rasa_qa_plugin.review.recall import stored_path
from rasa_qa_plugin.storage import copies, queue, turns
from rasa_qa_plugin.storage.copies import Written
from rasa_qa_plugin.storage.engine import transaction

_ENDING = re.compile(r"\.rejected\d*$")


def original_name(name: str) -> str:
    """Give the name of the file that a rejects file came from; others as they are."""
    return _ENDING.sub("", name)


class Rejects:
    """The records of one file that are to be mended, in the format of that file.

    The file lies beside the one that was imported. It holds nothing of people who are
    not in the database any more; where the others stand is on record before, so that
    `rasa-qa erase` finds them there.
    """

    def __init__(self, path: Path, content: bytes, form: Format, *, root: Path) -> None:
        """Prepare for the file at *path*, as it was read.

        Args:
            path: The imported file.
            content: What stood in it.
            form: Its format.
            root: The bot folder.
        """
        self._source = path
        self._content = content
        self._form = form
        self._root = root
        self._path: Path | None = None
        self._lines: Mapping[int, Collection[str]] = {}
        self._records: tuple[frozenset[int], bytes] | None = None

    def announce(
        self,
        connection: Connection,
        lines: Mapping[int, Collection[str]],
        *,
        now: float,
    ) -> None:
        """Say which lines will be written, each with the turns that it names."""
        if not lines:
            return
        self._lines = lines
        self._path = self._free_path()
        file = stored_path(self._path, self._root)
        known = copies.turns_in(connection, file)
        ids = {turn_id for named in lines.values() for turn_id in named} - known
        written = [Written(turn_id=turn_id, file=file) for turn_id in sorted(ids)]
        copies.record(connection, written, now=now)

    def write(self, engine: Engine) -> Path | None:
        """Write the file and give its path; None where there is nothing to mend.

        Raises:
            RasaQAError: It cannot be written; importing again tries again.
        """
        # Before anybody's turns are held: a large file takes its time.
        if self._path is None or not self._only(self._lines):
            return None
        ids = {turn_id for named in self._lines.values() for turn_id in named}
        with transaction(engine) as connection:
            # Nobody may leave while their words are written down.
            queue.hold(connection, ids)
            there = {
                turn_id
                for turn_id, turn in turns.by_id(connection, ids).items()
                if turn.text is not None
            }
            lines = [
                line for line, named in self._lines.items() if there.issuperset(named)
            ]
            if not lines:
                return None
            try:
                changes.replace(self._path, self._only(lines))
            except OSError as error:
                raise RasaQAError(
                    f"{self._path.name}: cannot be written ({type(error).__name__}); "
                    "the rest is recorded: make room and import again"
                ) from None
        return self._path

    def _only(self, lines: Collection[int]) -> bytes:
        """Give the records of these lines; nothing where they cannot be cut out."""
        wanted = frozenset(lines)
        if self._records is None or self._records[0] != wanted:
            found = self._form.only(self._content, wanted, self._source.name)
            self._records = wanted, found
        return self._records[1]

    def _free_path(self) -> Path:
        """Choose a name; nobody's mending is written over.

        What is left of a rejects file takes its place: the rest of it was recorded.
        """
        if _ENDING.search(self._source.name):
            return self._source
        number = 1
        while True:
            ending = ".rejected" if number == 1 else f".rejected{number}"
            path = self._source.with_name(f"{self._source.name}{ending}")
            if not path.exists() or changes.read(path) == self._only(self._lines):
                return path
            number += 1
