"""Corrections into the user's training data: first a plan to look at, then the write.

A plan changes nothing on disk. Applying it proves every resulting file with Rasa's own
parser before the first byte is written.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from rasa_qa_plugin import changes
from rasa_qa_plugin.changes import FileChange
from rasa_qa_plugin.errors import MergeError
from rasa_qa_plugin.review.items import Example, Item, tidy
from rasa_qa_plugin.review.objections import Objection, Objections, Resemblances
from rasa_qa_plugin.review.rasa_syntax import parse_line, read_examples, render
from rasa_qa_plugin.review.training_data import Source, TrainingData, read_training

ALIKE = 0.9
"""From which similarity on a text says nearly the same as an example."""
_FEWEST_EXAMPLES = 2
_MISREAD = "text: Rasa would read this file differently with it; add it by hand"


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


class HeldBack(msgspec.Struct, frozen=True):
    """A correction that stays out.

    Attributes:
        where: File and line of the example that stands in its way, or that correction.
    """

    item: Item
    reason: str
    where: str = ""


class MergePlan(msgspec.Struct, frozen=True):
    """What a merge would write, and what it leaves out and why.

    Attributes:
        root: Folder that paths are shown relative to.
        files: Training data before and after.
        declared: Intents that the domain does not know yet.
        others: Further files that must change with it: domain, rules.
        proven: Hashes of contents that Rasa's parser was seen to read as meant.
    """

    root: Path
    files: tuple[FileChange, ...]
    added: tuple[Addition, ...]
    held_back: tuple[HeldBack, ...]
    declared: tuple[str, ...] = ()
    others: tuple[FileChange, ...] = ()
    proven: frozenset[str] = frozenset()

    @property
    def changes(self) -> tuple[FileChange, ...]:
        """Every file that a merge would write."""
        return self.files + self.others

    def diff(self) -> str:
        """Give the change as one unified diff."""
        return changes.diff(self.changes, root=self.root)


def plan_merge(  # noqa: PLR0913 - what a decision depends on
    corrections: Sequence[Item],
    *,
    data: Path,
    domain_intents: Collection[str],
    held_out: Sequence[str] = (),
    wording: Callable[[Item], Item] = tidy,
    may_declare: bool = False,
    alike: float = ALIKE,
) -> MergePlan:
    """Decide where every correction goes, or why it is held back.

    Args:
        corrections: What people decided; the order is kept.
        data: Training data file, or folder of such files.
        domain_intents: Intents the bot's domain knows.
        held_out: Texts of the test set; training on them would flatter the score.
        wording: Gives the form in which a correction is written. Corrections are
            compared as they came, so that two that differ in surrogates alone are one.
        may_declare: Whether an unknown intent is a new one rather than a mistake.
        alike: From which similarity on a text is nearly the same as another; 1 or more
            compares no texts but for those that are the same.

    Raises:
        MergeError: The training data as it stands cannot be read.
    """
    training = read_training(data)
    items = [tidy(original) for original in corrections]
    objections = Objections(
        training.examples,
        corrections=items,
        domain_intents=domain_intents,
        held_out=held_out,
        may_declare=may_declare,
    )
    objected: dict[int, Objection] = {}
    written: dict[int, Item] = {}
    lines: dict[int, str] = {}
    for number, item in enumerate(items):
        objection = objections.to(item)
        if objection is None:
            written[number] = wording(corrections[number])
            objection = objections.to(written[number])
        if objection is None:
            try:
                lines[number], _ = render(
                    written[number].text, written[number].entities
                )
            except MergeError as problem:
                objection = Objection(str(problem))
        if objection is None:
            objections.accept(item)
        else:
            objected[number] = objection
    _object_to_twins(training.examples, items, lines, objected, alike=alike)
    _object_to_single(items, lines, objected, is_new=objections.is_new)

    additions: list[Addition] = []
    for number, line in lines.items():
        if number in objected:
            continue
        text, entities = parse_line(line)
        intent = items[number].intent
        additions.append(
            Addition(
                item=corrections[number],
                file=training.home_of(intent),
                line=line,
                example=Example(text=text, intent=intent, entities=entities),
            )
        )
    held_back = [
        HeldBack(corrections[number], one.reason, _where(one, training))
        for number, one in sorted(objected.items())
    ]
    files = []
    added: list[Addition] = []
    proven: set[str] = set()
    for path in dict.fromkeys(addition.file for addition in additions):
        source = training.source_of(path)
        mine = [addition for addition in additions if addition.file == path]
        after, kept, refused = _fitting(source, mine)
        held_back += [HeldBack(one.item, _MISREAD) for one in refused]
        added += kept
        if kept:
            before = source.text.encode() if path.exists() else None
            files.append(FileChange(path, before, after.encode()))
            proven.add(_hash(after.encode()))
    declared = sorted(
        {one.item.intent for one in added if objections.is_new(one.item.intent)}
    )
    return MergePlan(
        root=training.root,
        files=tuple(files),
        added=tuple(added),
        held_back=tuple(held_back),
        declared=tuple(declared),
        proven=frozenset(proven),
    )


def _where(objection: Objection, training: TrainingData) -> str:
    """Name the place that stands in the way."""
    if objection.about is not None:
        return training.where(objection.about)
    return objection.turn_id or ""


def _object_to_twins(
    trained: Sequence[Example],
    items: Sequence[Item],
    lines: Collection[int],
    objected: dict[int, Objection],
    *,
    alike: float,
) -> None:
    """Object to what is nearly there already, one after the other."""
    numbers = [number for number in lines if number not in objected]
    if alike >= 1 or not numbers:
        return
    resemblances = Resemblances(
        trained, [items[number] for number in numbers], least=alike
    )
    for place, number in enumerate(numbers):
        objection = resemblances.to(place)
        if objection is None:
            resemblances.accept(place)
        else:
            objected[number] = objection


def _object_to_single(
    items: Sequence[Item],
    lines: Collection[int],
    objected: dict[int, Objection],
    *,
    is_new: Callable[[str], bool],
) -> None:
    """Object to new intents that would have a single example: Rasa needs two."""
    left = [number for number in lines if number not in objected]
    count = Counter(items[number].intent for number in left)
    for number in left:
        intent = items[number].intent
        if count[intent] < _FEWEST_EXAMPLES and is_new(intent):
            objected[number] = Objection(
                "intent: new, and with one example only; Rasa needs two to learn it"
            )


def apply_merge(plan: MergePlan, *, backup_dir: Path, now: datetime) -> Path | None:
    """Write a plan and give the folder with the former files, if any.

    All or nothing: every file is proven first, and if one cannot be written, those
    already written get their old content back.

    Raises:
        MergeError: A file would not read back as meant.
        RasaQAError: A file changed since the plan was made, or cannot be written.
    """
    for change in plan.files:
        if change.after is not None and _hash(change.after) in plan.proven:
            continue
        mine = [one.example for one in plan.added if one.file == change.path]
        before = read_examples(change.before.decode()) if change.before else []
        if Counter(read_examples((change.after or b"").decode())) != Counter(
            before + mine
        ):
            raise MergeError(
                f"{change.path.name}: would not read back as planned; plan again"
            )
    # Killed on the way, the bot knows an intent without examples, which the next merge
    # adds; examples without their intent would count as merged.
    written = (*plan.others, *plan.files)
    return changes.write(written, root=plan.root, backups=backup_dir, now=now)


def _fitting(
    source: Source, additions: Sequence[Addition]
) -> tuple[str, list[Addition], list[Addition]]:
    """Give the new text, what went in, and what the file as a whole does not take.

    A line that is fine alone can change a file: Rasa decodes backslash-u escapes only
    while a file is plain ASCII.
    """
    escaped = source.text.isascii() and "\\u" in source.text
    fine = [one for one in additions if not escaped or one.line.isascii()]
    after, kept = _most(source, [], fine)
    kept_lines = set(map(id, kept))
    refused = [one for one in additions if id(one) not in kept_lines]
    return after, kept, refused


def _most(
    source: Source, kept: list[Addition], additions: Sequence[Addition]
) -> tuple[str, list[Addition]]:
    """Add as many as Rasa reads as meant; halving finds the few that it does not."""
    tried = [*kept, *additions]
    after = _proven(source, tried) if tried else source.text
    if after is not None:
        return after, tried
    if len(additions) == 1:
        return _most(source, [], kept)
    half = len(additions) // 2
    _, kept = _most(source, kept, additions[:half])
    return _most(source, kept, additions[half:])


def _proven(source: Source, additions: Sequence[Addition]) -> str | None:
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


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
