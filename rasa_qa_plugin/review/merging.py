"""Corrections into the user's training data: first a plan to look at, then the write.

A plan changes nothing on disk. Applying it proves every resulting file with Rasa's own
parser before the first byte is written.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from rasa_qa_plugin import changes
from rasa_qa_plugin.changes import FileChange
from rasa_qa_plugin.errors import MergeError
from rasa_qa_plugin.review.items import Example, Item, tidy
from rasa_qa_plugin.review.nlu_file import NluFile, holds_nlu, read_layout
from rasa_qa_plugin.review.objections import Objections
from rasa_qa_plugin.review.rasa_syntax import parse_line, read_examples, render

_NEW_FILE = 'version: "3.1"\n\nnlu:\n'


class Addition(msgspec.Struct, frozen=True):
    """A correction on its way into a file.

    Attributes:
        line: The example line as it will stand in the file, without dash.
        example: What Rasa will read from that line.
    """

    item: Item
    file: Path
    line: str
    example: Example


class MergePlan(msgspec.Struct, frozen=True):
    """What a merge would write, and what it leaves out and why.

    Attributes:
        root: Folder that paths are shown relative to.
    """

    root: Path
    files: tuple[FileChange, ...]
    added: tuple[Addition, ...]
    held_back: tuple[tuple[Item, str], ...]

    def diff(self) -> str:
        """Give the change as one unified diff."""
        return changes.diff(self.files, root=self.root)


class _Source(msgspec.Struct, frozen=True):
    """A training data file as found."""

    path: Path
    text: str
    examples: list[Example]
    layout: NluFile
    writable: bool


def plan_merge(
    corrections: Sequence[Item],
    *,
    data: Path,
    domain_intents: Collection[str],
    held_out: Sequence[str] = (),
    wording: Callable[[Item], Item] = tidy,
) -> MergePlan:
    """Decide where every correction goes, or why it is held back.

    Args:
        corrections: What people decided; the order is kept.
        data: Training data file, or folder of such files.
        domain_intents: Intents the bot's domain knows.
        held_out: Texts of the test set; training on them would flatter the score.
        wording: Gives the form in which a correction is written. Corrections are
            compared as they came, so that two that differ in surrogates alone are one.

    Raises:
        MergeError: The training data as it stands cannot be read.
    """
    root = data.resolve() if data.is_dir() else data.resolve().parent
    sources = _sources(data)
    objections = Objections(
        [example for source in sources for example in source.examples],
        corrections=corrections,
        domain_intents=domain_intents,
        held_out=held_out,
    )
    held_back: list[tuple[Item, str]] = []
    additions: list[Addition] = []
    for original in corrections:
        item = tidy(original)
        reason = objections.to(item)
        if reason is None:
            written = wording(item)
            reason = objections.to(written)
        if reason is None:
            try:
                line, _ = render(written.text, written.entities)
            except MergeError as problem:
                reason = str(problem)
        if reason is not None:
            held_back.append((original, reason))
            continue
        objections.accept(item)
        text, entities = parse_line(line)
        additions.append(
            Addition(
                item=original,
                file=_target(item.intent, sources, data),
                line=line,
                example=Example(text=text, intent=item.intent, entities=entities),
            )
        )
    files = []
    added: list[Addition] = []
    for path in dict.fromkeys(addition.file for addition in additions):
        source = next((one for one in sources if one.path == path), _missing(path))
        mine = [addition for addition in additions if addition.file == path]
        after, kept, refused = _fitting(source, mine)
        held_back += refused
        added += kept
        if kept:
            before = source.text.encode() if path.exists() else None
            files.append(FileChange(path, before, after.encode()))
    return MergePlan(root, tuple(files), tuple(added), tuple(held_back))


def apply_merge(plan: MergePlan, *, backup_dir: Path, now: datetime) -> Path | None:
    """Write a plan and give the folder with the former files, if any.

    All or nothing: every file is proven first, and if one cannot be written, those
    already written get their old content back.

    Raises:
        MergeError: A file would not read back as meant.
        RasaQAError: A file changed since the plan was made, or cannot be written.
    """
    for change in plan.files:
        mine = [one.example for one in plan.added if one.file == change.path]
        before = read_examples(change.before.decode()) if change.before else []
        if Counter(read_examples((change.after or b"").decode())) != Counter(
            before + mine
        ):
            raise MergeError(
                f"{change.path.name}: would not read back as planned; plan again"
            )
    return changes.write(plan.files, root=plan.root, backups=backup_dir, now=now)


def training_examples(data: Path) -> list[Example]:
    """Give every example of the training data.

    Raises:
        MergeError: The training data as it stands cannot be read.
    """
    return [example for source in _sources(data) for example in source.examples]


def _sources(data: Path) -> list[_Source]:
    """Read the files Rasa would train from."""
    root = data.resolve() if data.is_dir() else data.resolve().parent
    files = sorted(data.rglob("*")) if data.is_dir() else [data]
    sources: list[_Source] = []
    seen = set()
    for file in files:
        path = file.resolve()
        is_yaml = file.suffix.lower() in (".yml", ".yaml")
        hidden = file.name.startswith(".")
        if path in seen or not is_yaml or hidden or not file.is_file():
            continue
        seen.add(path)
        raw = _read(path)
        text = _decoded(raw, path)
        if not holds_nlu(text):
            continue
        try:
            examples, layout = read_examples(text), read_layout(text)
        except MergeError as problem:
            raise MergeError(f"{path.name}: {problem}") from None
        ours = path.name.startswith("qa_")
        sources.append(
            _Source(
                path=path,
                text=text,
                examples=examples,
                layout=layout,
                writable=path.is_relative_to(root) and not ours,
            )
        )
    return sources


def _target(intent: str, sources: Sequence[_Source], data: Path) -> Path:
    """Choose the file for an example of *intent*."""
    usable = [one for one in sources if one.writable]
    for source in usable:
        if source.layout.takes(intent):
            return source.path
    homes = [one for one in usable if one.layout.append_at is not None]
    for source in homes:
        if any(block.intent == intent for block in source.layout.blocks):
            return source.path
    if homes:
        return max(
            homes, key=lambda one: (len(one.layout.blocks), one.path.stem == "nlu")
        ).path
    if not data.is_dir():
        raise MergeError(f"{data.name}: has no `nlu:` list to add to; give a folder")
    names = ("nlu.yml", "nlu_corrections.yml")
    free = [data.resolve() / name for name in names]
    for path in free:
        if not path.exists():
            return path
    raise MergeError("data: no file has an `nlu:` list to add to; make one")


def _missing(path: Path) -> _Source:
    """Stand in for a file that will be made."""
    layout = NluFile(
        text=_NEW_FILE, blocks=(), append_at=len(_NEW_FILE), dash=2, airy=False
    )
    return _Source(path, _NEW_FILE, [], layout, writable=True)


def _fitting(
    source: _Source, additions: Sequence[Addition]
) -> tuple[str, list[Addition], list[tuple[Item, str]]]:
    """Give the new text, what went in, and what the file as a whole does not take.

    A line that is fine alone can change a file: Rasa decodes backslash-u escapes only
    while a file is plain ASCII. Then lines are tried one at a time.
    """
    after = _proven(source, additions)
    if after is not None:
        return after, list(additions), []
    kept: list[Addition] = []
    refused: list[tuple[Item, str]] = []
    text = source.text
    for addition in additions:
        tried = _proven(source, [*kept, addition])
        if tried is None:
            why = "text: Rasa would read this file differently with it; add it by hand"
            refused.append((addition.item, why))
        else:
            text = tried
            kept.append(addition)
    return text, kept, refused


def _proven(source: _Source, additions: Sequence[Addition]) -> str | None:
    """Give the text with *additions*, or None if Rasa reads something else from it."""
    by_intent: dict[str, list[str]] = {}
    for addition in additions:
        by_intent.setdefault(addition.example.intent, []).append(addition.line)
    try:
        text = source.layout.with_lines(by_intent)
        found = Counter(read_examples(text))
    except MergeError:
        return None
    wanted = Counter([*source.examples, *(one.example for one in additions)])
    return text if found == wanted else None


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
