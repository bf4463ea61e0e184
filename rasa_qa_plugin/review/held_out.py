"""The frozen test set: what is in it, and what joins it and so never trains."""

import hashlib
import math
import tempfile
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from rasa_qa_plugin.changes import FileChange
from rasa_qa_plugin.errors import MergeError
from rasa_qa_plugin.review.grouping import leaders
from rasa_qa_plugin.review.items import Example, Item, tidy
from rasa_qa_plugin.review.leakage import leaks
from rasa_qa_plugin.review.merging import MergePlan, plan_merge
from rasa_qa_plugin.review.nlu_file import fingerprint, without_lines
from rasa_qa_plugin.review.rasa_syntax import render
from rasa_qa_plugin.review.wording import folded


def fingerprints(row: Example) -> set[str]:
    """Give the fingerprint of a row's line; none of one that is no line of ours."""
    try:
        return {fingerprint(render(row.text, row.entities)[0])}
    except MergeError:
        return set()


def version_of(path: Path) -> str | None:
    """Give what names the content of a held-out file; None where there is none."""
    if not path.is_file():
        return None
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def chosen(
    corrections: Sequence[Item], *, share: float, trained: Sequence[str]
) -> list[Item]:
    """Give the corrections that join the test set: a share of each intent's.

    What nearly says the same stays together, on either side, and what training data
    nearly says trains. Chance decides by a hash of the words, so the same corrections
    give the same choice; every intent keeps something to train on.
    """
    items = [tidy(item) for item in corrections]
    known = {leak.held_out for leak in leaks([one.text for one in items], trained)}
    leader = leaders([item.text for item in items])
    groups: dict[int, list[int]] = defaultdict(list)
    for place, first in enumerate(leader):
        groups[first].append(place)
    by_intent: dict[str, list[list[int]]] = defaultdict(list)
    for places in groups.values():
        intents = {items[place].intent for place in places}
        if not known.intersection(places) and len(intents) == 1:
            by_intent[intents.pop()].append(places)
    taken: list[int] = []
    for candidates in by_intent.values():
        candidates.sort(key=lambda places: _lot(items[places[0]].text))
        # Rounded half up, but never all of them.
        number = min(math.floor(share * len(candidates) + 0.5), len(candidates) - 1)
        for places in candidates[:number]:
            taken += places
    return [corrections[place] for place in sorted(taken)]


def plan_test_set(
    corrections: Sequence[Item], *, path: Path, domain_intents: Collection[str]
) -> MergePlan:
    """Plan to add corrections to the held-out file, which need not be there yet.

    Raises:
        MergeError: The file as it stands cannot be read.
    """
    if path.exists():
        return plan_merge(corrections, data=path, domain_intents=domain_intents)
    with tempfile.TemporaryDirectory() as empty:
        plan = plan_merge(corrections, data=Path(empty), domain_intents=domain_intents)
    target = path.resolve()
    return msgspec.structs.replace(
        plan,
        root=target.parent,
        files=tuple(FileChange(target, None, one.after) for one in plan.files),
        added=tuple(msgspec.structs.replace(one, file=target) for one in plan.added),
    )


def without_rows(path: Path, rows: Sequence[Example]) -> FileChange:
    """Give the held-out file without *rows*.

    Raises:
        MergeError: A row stands in a form that cannot be taken out by line.
    """
    before = path.read_bytes()
    lines = {mark for row in rows for mark in fingerprints(row)}
    stripped = without_lines(before.decode("utf-8"), lines)
    if stripped.stuck:
        raise MergeError(
            f"{path.name}: some of the rows are not lines of an `examples: |` block; "
            "take them out by hand"
        )
    return FileChange(path.resolve(), before, stripped.text.encode())


def _lot(text: str) -> bytes:
    return hashlib.sha256(f"held out\0{folded(text)}".encode()).digest()
