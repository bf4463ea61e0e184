"""The user's training data as it stands: files, examples, where a line belongs."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from rasa_qa_plugin.errors import MergeError
from rasa_qa_plugin.review.items import Example, same_text_key
from rasa_qa_plugin.review.nlu_file import (
    NluFile,
    holds_nlu,
    line_numbers,
    read_layout,
)
from rasa_qa_plugin.review.rasa_syntax import read_examples

_NEW_FILE = 'version: "3.1"\n\nnlu:\n'


class Source(msgspec.Struct, frozen=True):
    """A training data file as found."""

    path: Path
    text: str
    examples: list[Example]
    layout: NluFile
    writable: bool


class TrainingData:
    """The files Rasa would train from."""

    def __init__(self, data: Path, sources: Sequence[Source]) -> None:
        """Keep what :func:`read_training` read from *data*, a file or a folder."""
        self.root = _root(data)
        self.sources = sources
        self.examples = [one for source in sources for one in source.examples]
        self._data = data
        self._by_path = {source.path: source for source in sources}
        self._homes: dict[str, Path] = {}
        self._places: dict[str, str] | None = None

    def home_of(self, intent: str) -> Path:
        """Give the file for an example of *intent*.

        Raises:
            MergeError: No file can take one.
        """
        if intent not in self._homes:
            self._homes[intent] = self._home_of(intent)
        return self._homes[intent]

    def source_of(self, path: Path) -> Source:
        """Give what stands in a file; one that is not there yet begins empty."""
        return self._by_path.get(path) or _missing(path)

    def where(self, text: str) -> str:
        """Give file and line of an example, such as ``data/nlu.yml:12``."""
        if self._places is None:
            self._places = {}
            for example, place in self.places():
                self._places.setdefault(same_text_key(example.text), place)
        return self._places.get(same_text_key(text), "")

    def places(self) -> Iterator[tuple[Example, str]]:
        """Give every example with its file and, where it can be found, its line."""
        for source in self.sources:
            name = self._name(source.path)
            lines = line_numbers(source.text)
            for example in source.examples:
                # Rasa reads from top to bottom: the next such line is this one.
                left = lines.get(same_text_key(example.text))
                yield example, f"{name}:{left.pop(0)}" if left else name

    def _name(self, path: Path) -> str:
        if not path.is_relative_to(self.root):
            return path.name
        base = self.root.parent if self._data.is_dir() else self.root
        return path.relative_to(base).as_posix()

    def _home_of(self, intent: str) -> Path:
        usable = [one for one in self.sources if one.writable]
        for source in usable:
            if source.layout.takes(intent):
                return source.path
        homes = [one for one in usable if one.layout.append_at is not None]
        for source in homes:
            if any(block.intent == intent for block in source.layout.blocks):
                return source.path
        if homes:
            return max(
                homes,
                key=lambda one: (len(one.layout.blocks), one.path.stem == "nlu"),
            ).path
        if not self._data.is_dir():
            raise MergeError(
                f"{self._data.name}: has no `nlu:` list to add to; give a folder"
            )
        for name in ("nlu.yml", "nlu_corrections.yml"):
            path = self._data.resolve() / name
            if not path.exists():
                return path
        raise MergeError("data: no file has an `nlu:` list to add to; make one")


def read_training(data: Path) -> TrainingData:
    """Read the files Rasa would train from.

    Raises:
        MergeError: The training data as it stands cannot be read.
    """
    sources: list[Source] = []
    for path in _files(data):
        text = _decoded(_read(path), path)
        if not holds_nlu(text):
            continue
        try:
            examples, layout = read_examples(text), read_layout(text)
        except MergeError as problem:
            raise MergeError(f"{path.name}: {problem}") from None
        ours = path.name.startswith("qa_")
        inside = path.is_relative_to(_root(data))
        sources.append(Source(path, text, examples, layout, inside and not ours))
    return TrainingData(data, sources)


def training_examples(data: Path) -> list[Example]:
    """Give every example of the training data.

    Raises:
        MergeError: The training data as it stands cannot be read.
    """
    return read_training(data).examples


def _root(data: Path) -> Path:
    return data.resolve() if data.is_dir() else data.resolve().parent


def _files(data: Path) -> Iterable[Path]:
    """Give the YAML files of *data*, each once."""
    found: dict[Path, None] = {}
    for file in sorted(data.rglob("*")) if data.is_dir() else [data]:
        is_yaml = file.suffix.lower() in (".yml", ".yaml")
        if is_yaml and not file.name.startswith(".") and file.is_file():
            found[file.resolve()] = None
    return found


def _missing(path: Path) -> Source:
    """Stand in for a file that will be made."""
    layout = NluFile(
        text=_NEW_FILE, blocks=(), append_at=len(_NEW_FILE), dash=2, airy=False
    )
    return Source(path, _NEW_FILE, [], layout, writable=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        kind = type(error).__name__
        raise MergeError(f"{path.name}: cannot be read ({kind}); check it") from None


def _decoded(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MergeError(f"{path.name}: not UTF-8; save it as UTF-8") from None
