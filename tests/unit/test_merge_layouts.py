"""Five bots as people lay them out: a merge adds its lines and touches no other."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasa_qa_plugin.review.items import Entity, Item
from rasa_qa_plugin.review.merging import apply_merge, plan_merge
from rasa_qa_plugin.review.nlu_file import fingerprint, without_lines
from rasa_qa_plugin.review.rasa_syntax import read_examples
from rasa_qa_plugin.review.training_data import training_examples

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=timezone.utc)
INTENTS = ("greet", "order", "bye")
CORRECTIONS = [
    Item("t1", "muy buenas noches", "greet"),
    Item("t2", "dame tres cajas", "order", (Entity(10, 15, "product", value="box"),)),
    Item("t3", "hasta mañana", "bye"),
    Item("t4", "que tengan buen día", "bye"),
    Item("t5", "saludos a todos: # no es un comentario", "greet"),
]

COMMENTS_AND_ANCHORS = {
    "nlu.yml": """\
# Kept by hand since 2019
version: "3.1"

nlu:
- intent: greet   # é
  examples: &hello |
    - hola
    # a comment inside
    - buenas

- intent: greet_again
  examples: *hello
- intent: order
  metadata: &meta {team: sales}
  examples: |-
        - quiero dos [cajas](product)

- intent: bye
  metadata: *meta
  examples: |
    - adiós
# the end
"""
}
SEVERAL_FILES = {
    "nlu/smalltalk/greet.yml": "nlu:\n- intent: greet\n  examples: |\n    - hola\n",
    "nlu/smalltalk/greet_more.yaml": (
        "nlu:\n- intent: greet\n  examples: |\n    - buenas\n- intent: bye\n"
        "  examples: |\n    - adiós\n"
    ),
    "nlu/order.yml": (
        'version: "3.1"\nnlu:\n  - intent: order\n    examples: |\n'
        "      - quiero dos [cajas](product)\n\n  - lookup: product\n    examples: |\n"
        "      - cajas\n"
    ),
    "rules.yml": 'version: "3.1"\nrules:\n- rule: x\n  steps: []\n',
}
WINDOWS = {
    "nlu.yml": (
        '\ufeffversion: "3.1"\n\nnlu:\n- intent: greet\n  examples: |\n    - hola\n\n'
        "- intent: order\n  examples: |\n    - quiero dos [cajas](product)\n\n"
        "- intent: bye\n  examples: |\n    - adiós"
    ).replace("\n", "\r\n")
}
LISTED = {
    "nlu.yml": """\
nlu:
- intent: greet
  examples:
    # with metadata, as an export of another tool left it
    - text: |
        hola
      metadata: {sentiment: good}
    - {text: "buenas", metadata: {sentiment: "neutral"}}   # said often

- intent: order
  examples:
  - text: quiero dos [cajas](product)
  metadata:
    team: sales

- intent: bye
  examples:
  -
    text: adiós
"""
}
ODD = {
    "nlu.yml": """\
"nlu"   :
      -   intent:   greet
          examples: >

              - hola

              - buenas
      -   lookup: product
          examples: |
           - caja
      -   intent: order
          examples: |3
             - quiero dos [cajas](product)

             - otra más


      -   synonym: box
          examples: |
            - caja
      -   regex: code
          examples: |
            - \\d{4}
      -   intent: 'bye'
          examples: "- adiós\\n- chao"
responses:
  utter_hi: [{text: hi}]
"""
}
BOTS = {
    "comments and anchors": (COMMENTS_AND_ANCHORS, {"greet"}),
    "several files": (SEVERAL_FILES, set()),
    "windows": (WINDOWS, set()),
    "listed": (LISTED, set()),
    "odd": (ODD, {"greet", "bye"}),
}
"""Files, and the intents whose examples stand in a form that takes no line."""


def laid_out(folder: Path, files: Mapping[str, str]) -> Path:
    data = folder / "data"
    for name, text in files.items():
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return data


@pytest.mark.parametrize("name", BOTS)
def test_the_diff_is_the_added_examples(tmp_path: Path, name: str) -> None:
    files, blocks = BOTS[name]
    data = laid_out(tmp_path, files)
    before = Counter(training_examples(data))

    plan = plan_merge(CORRECTIONS, data=data, domain_intents=INTENTS)
    assert plan.held_back == ()
    lines = [
        line
        for line in plan.diff().splitlines()
        if line[:1] in "+-" and not line.startswith(("+++", "---"))
    ]
    if name == "windows":  # its last line had no end, and now has one
        lines = [
            line
            for line in lines
            if line.strip() not in ("-    - adiós", "+    - adiós")
        ]
    assert [line for line in lines if line[0] == "-"] == []
    examples = [line for line in lines if line.strip("+ ").startswith("- ")]
    examples = [line for line in examples if "intent:" not in line]
    assert len(examples) == len(CORRECTIONS)
    # A new block has two lines of its own, and a blank one where the file has them.
    assert len(lines) - len(examples) <= 3 * len(blocks)
    assert len(lines) - len(examples) >= 2 * len(blocks)

    apply_merge(plan, backup_dir=tmp_path / "backups", now=NOW)
    added = Counter(one.example for one in plan.added)
    assert {one.text for one in added} == {one.text for one in CORRECTIONS}
    assert Counter(training_examples(data)) == before + added


@pytest.mark.parametrize("name", BOTS)
def test_what_was_merged_can_be_taken_out_again(tmp_path: Path, name: str) -> None:
    files, _ = BOTS[name]
    data = laid_out(tmp_path, files)
    plan = plan_merge(CORRECTIONS, data=data, domain_intents=INTENTS)
    apply_merge(plan, backup_dir=tmp_path / "backups", now=NOW)

    prints = {fingerprint(one.line) for one in plan.added}
    for path, text in files.items():
        merged = (data / path).read_bytes().decode()
        assert without_lines(merged, prints).text == text


HOSTILE = [*"ab []{}()\":,-#|>'\\/%@é😀\u2028\t", "](", "]{", "][", "${X}", "\\u0041"]


@pytest.mark.parametrize("name", BOTS)
@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(HOSTILE), max_size=10).map("".join),
            st.sampled_from(INTENTS),
            st.integers(0, 4),
            st.integers(1, 4),
        ),
        max_size=6,
    )
)
def test_rasa_reads_exactly_what_was_intended(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    drawn: list[tuple[str, str, int, int]],
) -> None:
    files, _ = BOTS[name]
    data = laid_out(tmp_path_factory.mktemp("bot"), files)
    items = [
        Item(
            f"t{number}",
            text,
            intent,
            (Entity(start, start + length, "product"),)
            if start + length <= len(text)
            else (),
        )
        for number, (text, intent, start, length) in enumerate(drawn)
    ]
    before = Counter(training_examples(data))
    plan = plan_merge(items, data=data, domain_intents=INTENTS)
    assert len(plan.added) + len(plan.held_back) == len(items)
    apply_merge(plan, backup_dir=data.parent / "backups", now=NOW)

    after = Counter(training_examples(data))
    assert after == before + Counter(one.example for one in plan.added)
    for change in plan.files:
        assert Counter(read_examples((change.after or b"").decode()))
        # Every old line is still there, in its place.
        new = iter((change.after or b"").decode().splitlines())
        old = (change.before or b"").decode().splitlines()
        assert all(any(line == other for other in new) for line in old)
