"""Words of people who are forgotten leave files, and nothing else in them changes."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.review.formats import catalogue, llm, rasa_nlu
from rasa_qa_plugin.review.items import Item
from rasa_qa_plugin.review.nlu_file import fingerprint, read_layout, without_lines
from rasa_qa_plugin.review.recall import Recall, plan_recall, stored_path
from rasa_qa_plugin.storage.copies import Copy

NLU = """\
# Ours
version: "3.1"

nlu:
- intent: greet   # é
  examples: |
    - hola
    - buenas  tardes
    # a comment

- intent: order
  examples: |-
      - quiero dos [cajas](product)

- synonym: caja
  examples: |
    - cajas
# the end
"""
FORMS: list[Callable[[str], str]] = [
    str,
    lambda text: text.replace("\n", "\r\n"),
    lambda text: text.rstrip("\n"),
    lambda text: "\ufeff" + text,
]


def turn(number: int) -> str:
    return f"t_{number:020x}"


def items(count: int = 5) -> list[Item]:
    return [
        Item(
            turn_id=turn(number), text=f"frase {number}", intent="greet",
            comment=f"the user said: no ({turn(number)})" if number % 2 else "",
            confidence=0.5, flags=("fallback",), surrogates=(("[NAME]", "Eva"),),
        )
        for number in range(count)
    ]  # fmt: skip


def copy(turn_id: str, file: str, line: str | None = None, number: int = 1) -> Copy:
    return Copy(id=number, turn_id=turn_id, file=file, line=line, written_at=0.0)


def recall(root: Path, *copies: Copy) -> Recall:
    return plan_recall(copies, root=root, backups=root / ".rasa_qa" / "backups")


@pytest.mark.parametrize("form", FORMS)
@given(gone=st.sets(st.integers(0, 4), min_size=1, max_size=4))
def test_an_annotation_file_becomes_what_it_would_be_without_the_turns(
    form: Callable[[str], str], gone: set[int]
) -> None:
    before = form(rasa_nlu.dump(items()))
    left = [item for item in items() if item.turn_id not in set(map(turn, gone))]

    after = rasa_nlu.without_turns(before, set(map(turn, gone)), file="review.yml")

    assert after == form(rasa_nlu.dump(left))


def test_an_example_that_was_moved_goes_with_every_comment_that_names_its_turn() -> (
    None
):
    text = """\
nlu:
# low confidence · the user said: no (t_00000000000000000001)
- intent: greet
  examples:
# mine
- intent: price
  examples:
  - text: |
      a cuanto
    metadata:
      turn_id: t_00000000000000000002

  -
    text: |
      # el precio?
    # look here
    metadata: {turn_id: "t_00000000000000000001", surrogates: {}}
  - {text: otra, metadata: {turn_id: t_00000000000000000003}}  # sure
"""
    after = rasa_nlu.without_turns(text, {turn(1)}, file="review.yml")
    assert after == text.replace(
        "# low confidence · the user said: no (t_00000000000000000001)\n", ""
    ).replace(text[text.index("\n  -\n") : text.index("  - {text")], "")

    last = rasa_nlu.without_turns(text, {turn(3)}, file="review.yml")
    assert last == text[: text.index("  - {text")]


@pytest.mark.parametrize(
    "text",
    [
        "nlu: [{intent: a, examples: [{text: b, metadata: {turn_id: %s}}]}]\n",
        "nlu:\n- intent: a\n  examples: [{text: b, metadata: {turn_id: %s}}]\n",
        "nlu:\n- intent: a\n  examples: |\n    - %s\n",
        "nlu: [%s\n",
        "[%s]\n",
    ],
)
def test_a_form_that_cannot_be_changed_is_named_and_left_alone(
    tmp_path: Path, text: str
) -> None:
    content = text % turn(1)
    with pytest.raises(AnnotationError, match=r"^review\.yml"):
        rasa_nlu.without_turns(content, {turn(1)}, file="review.yml")
    (tmp_path / "review.yml").write_text(content, "utf-8")

    plan = recall(tmp_path, copy(turn(1), "review.yml"))

    assert plan.unreadable == ("review.yml",)
    assert (plan.settled, plan.files, plan.absent_files) == ((), (), 0)


def test_our_own_lines_leave_the_training_data_as_it_was() -> None:
    for form in FORMS[:3]:
        before = form(NLU)
        for intent, lines in {
            "greet": ["qué tal", "[Eva](name) te saluda"],
            "bye": ["chao"],
        }.items():
            merged = read_layout(before).with_lines({intent: lines})
            prints = {fingerprint(line) for line in lines}
            assert merged != before

            stripped = without_lines(merged, prints)

            assert stripped.text == before
            assert sorted(stripped.gone) == sorted(prints)


def test_a_line_is_found_where_people_moved_and_marked_it() -> None:
    moved = NLU.replace("    - hola\n", "    - hola\n    -  Quiero dos cajas!\n")
    prints = {fingerprint("quiero dos [cajas](product)")}

    stripped = without_lines(moved, prints)

    assert len(stripped.gone) == 2
    assert stripped.text == NLU.replace(
        "\n- intent: order\n  examples: |-\n      - quiero dos [cajas](product)\n", ""
    )


def test_an_entry_of_listed_examples_goes_with_its_metadata_and_nothing_else() -> None:
    text = """\
nlu:
- intent: bye
  examples:
  # the first
  - text: |
      adios [Eva](name)
    metadata: {tone: sad}
  # the second
  -
    text: "chao"

  - {text: "hasta luego"}  # said often
  metadata: {by: us}
- intent: greet
  examples:
    - text: hola
"""
    first = text[text.index("  - text: |") : text.index("  # the second")]
    second = text[text.index("  -\n") : text.index("  - {text")]
    third = text[text.index("  - {text") : text.index("  metadata: {by")]

    for words, lines in {
        "Adiós, Eva": "", "adios eva": first, "chao": second, "hasta luego": third,
        "hola": text[text.index("- intent: greet") :],
    }.items():  # fmt: skip
        stripped = without_lines(text, {fingerprint(words)})
        # A blank line before an entry belongs to it, as to an intent.
        assert stripped.text.replace("\n\n", "\n") == text.replace(
            lines, "", 1
        ).replace("\n\n", "\n")
        assert (len(stripped.gone), stripped.stuck) == (bool(lines), 0)


def test_only_examples_of_intents_are_taken_for_lines() -> None:
    text = NLU + "intents:\n- hola\nrules:\n- rule: hola\n  steps:\n  - hola\n"

    stripped = without_lines(text, {fingerprint("hola"), fingerprint("cajas")})

    assert stripped.text == text.replace("    - hola\n", "", 1)
    assert len(stripped.gone) == 1


def test_words_are_found_in_every_file_of_the_bot(tmp_path: Path) -> None:
    root = tmp_path / "bot"
    exported = rasa_nlu.dump(items(2))
    backup = root / ".rasa_qa" / "backups" / "20260101-000000-abcdef" / "nlu.yml"
    merged = NLU.replace("    - hola\n", "    - hola\n    - me llamo así\n")
    for path, text in {
        root / "data" / "nlu.yml": merged,
        root / "data" / ".nlu.yml.x8f3": merged,
        root / "train_test_split" / "training_data.yml": merged,
        backup: merged,
        root / "done" / "renamed.yml": exported,
        tmp_path / "desk" / "review.yml": exported,
        tmp_path / "desk" / "review.yml~": exported,
        tmp_path / "desk" / "other.yml": exported,
        root / "models" / "nlu.yml": merged,
        root / "domain.yml": "intents:\n- me llamo así\n",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (root / "conversations.db").write_bytes(
        b"SQLite format 3\0" + turn(0).encode() + b"\xff"
    )
    line = fingerprint("me llamo así")

    plan = recall(
        root,
        copy(turn(0), stored_path(tmp_path / "desk" / "review.yml", root), number=1),
        copy(turn(0), "review.yml", number=2),
        copy(turn(0), stored_path(root / "data" / "nlu.yml", root), line, number=3),
    )

    assert {change.path.name for change in plan.files} == {
        "nlu.yml", ".nlu.yml.x8f3", "training_data.yml", "renamed.yml", "review.yml",
        "review.yml~",
    }  # fmt: skip
    assert len(plan.files) == 7
    assert not [change for change in plan.files if "models" in change.path.parts]
    assert (plan.turns, plan.lines, plan.backup_lines) == (3, 3, 1)
    assert plan.settled == (1, 2, 3)
    assert (plan.absent_files, plan.lines_absent, plan.unreadable) == (0, 0, ())
    for change in plan.files:
        left = change.after.decode()
        assert left in (NLU, rasa_nlu.dump(items(2)[1:]))


def test_what_is_not_there_is_counted_by_file(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nlu.yml").write_text(NLU, "utf-8")
    (tmp_path / "kept.yml").write_text(rasa_nlu.dump(items(2)), "utf-8")
    line = fingerprint("ya no está")

    plan = recall(
        tmp_path,
        copy(turn(7), "sent.yml", number=1),
        copy(turn(8), "sent.yml", number=2),
        copy(turn(9), "kept.yml", number=3),  # somebody deleted its block
        copy(turn(9), "data/nlu.yml", line, number=4),
        copy(turn(9), "data/gone.yml", line, number=5),
    )

    assert plan.files == ()
    assert (plan.absent, plan.absent_files) == ((1, 2, 5), 2)
    assert (plan.settled, plan.lines_absent) == ((3, 4), 1)


def test_a_broken_file_is_in_the_way_only_where_words_are_known_to_be(
    tmp_path: Path,
) -> None:
    broken = "nlu:\n- intent: [\n  examples: |\n    - hola\n"
    for name in ("nlu.yml", "other.yml"):
        (tmp_path / name).write_text(broken, "utf-8")
    (tmp_path / "latin.yml").write_bytes("nlu: ñ".encode("latin-1"))

    plan = recall(tmp_path, copy(turn(1), "nlu.yml", fingerprint("hola")))

    assert (plan.unreadable, plan.settled, plan.files) == (("nlu.yml",), (), ())


def test_recorded_paths_are_relative_within_the_bot(tmp_path: Path) -> None:
    inside = stored_path(tmp_path / "bot" / "x" / "review.yml", tmp_path / "bot")
    outside = stored_path(tmp_path / "review.yml", tmp_path / "bot")

    assert inside == "x/review.yml"
    assert outside == (tmp_path / "review.yml").resolve().as_posix()


def test_a_marked_word_does_not_hide_a_line() -> None:
    marked = [
        "quiero [cajas](product)",
        'quiero [cajas]{"entity": "product", "role": "to"}',
        'quiero [cajas][{"entity": "a"}, {"entity": "b"}]',
        " Quiero cajas. ",
    ]

    assert len({fingerprint(line) for line in marked}) == 1


@pytest.mark.parametrize(
    "examples",
    [
        " >\n    - hola tú\n",
        " [{text: hola tú, metadata: {a: b}}]\n",
        ' ["hola tú"]\n',
    ],
)
def test_lines_in_another_form_are_told_by_the_file_s_name(
    tmp_path: Path, examples: str
) -> None:
    text = f"nlu:\n- intent: greet\n  examples:{examples}"
    (tmp_path / "nlu.yml").write_text(text, "utf-8")

    plan = recall(tmp_path, copy(turn(1), "nlu.yml", fingerprint("hola tú")))
    other = recall(tmp_path, copy(turn(1), "nlu.yml", fingerprint("hola yo")))

    assert (plan.unreadable, plan.settled, plan.files) == (("nlu.yml",), (), ())
    assert (other.unreadable, other.settled) == ((), (1,))


def test_what_others_said_alike_in_an_annotation_file_is_theirs(tmp_path: Path) -> None:
    (tmp_path / "nlu.yml").write_text(NLU, "utf-8")
    said = [msgspec.structs.replace(item, text="hola") for item in items(3)]
    (tmp_path / "review.yml").write_text(rasa_nlu.dump(said), "utf-8")

    plan = recall(
        tmp_path,
        copy(turn(1), "review.yml"),
        copy(turn(1), "nlu.yml", fingerprint("hola"), 2),
    )

    assert plan.unreadable == ()
    assert (plan.turns, plan.lines) == (1, 1)
    (review,) = (change for change in plan.files if change.path.name == "review.yml")
    assert turn(0).encode() in review.after
    assert turn(1).encode() not in review.after


def spoiled_zip(name: str, text: str) -> bytes:
    """Give an archive in which the compressed bytes of the one file are broken."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text * 50)
    content = bytearray(packed.getvalue())
    at = 30 + len(name)
    content[at : at + 8] = b"\xff" * 8
    return bytes(content)


TWICE = """\
nlu:
- intent: greet
  examples:
  - text: hola
    metadata: {turn_id: t_00000000000000000001}
    metadata: {turn_id: t_00000000000000000001}
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("twice.yml", TWICE.encode()),
        (
            "odd.json",
            (
                b'[{"turn_id": 5, "text": "t_00000000000000000001"},'
                b' {"data": {"turn_id": "x"}}]'
            ),
        ),
        ("cut.manifest.json", llm.manifest({"a": [turn(1)]})[:-8]),
        ("odd.manifest.json", llm.manifest({"a": [turn(1)]}).replace(b"[", b'{"x":[')),
    ],
)
def test_one_spoiled_file_keeps_nobody_else_s_words_in(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "review.yml").write_text(rasa_nlu.dump(items(2)), "utf-8")

    plan = recall(tmp_path, copy(turn(1), "review.yml"))

    assert plan.unreadable == (name,)
    assert [change.path.name for change in plan.files] == ["review.yml"]


def test_a_spoiled_archive_is_told_where_words_were_put_in_it(tmp_path: Path) -> None:
    for name in ("sent.zip", "other.docx"):
        (tmp_path / name).write_bytes(spoiled_zip("all.jsonl", f'"{turn(1)}"\n'))

    plan = recall(tmp_path, copy(turn(1), "sent.zip"))

    assert (plan.unreadable, plan.settled, plan.files) == (("sent.zip",), (), ())
    with pytest.raises(AnnotationError, match=r"^sent\.zip: not a readable zip"):
        catalogue.format_named("doccano").load(
            (tmp_path / "sent.zip").read_bytes(), "sent.zip"
        )


def test_every_sheet_of_a_workbook_forgets_who_leaves() -> None:
    form = catalogue.format_named("xlsx")
    book = openpyxl.Workbook()
    for title in ("turns", "by Ana"):
        sheet = book.create_sheet(title)
        for row in (["turn_id", "text"], [turn(1), "uno"], [turn(2), "dos"]):
            sheet.append(row)
    saved = io.BytesIO()
    book.save(saved)

    left = form.without_turns(saved.getvalue(), {turn(1)}, "review.xlsx")

    found = openpyxl.load_workbook(io.BytesIO(left))
    for title in ("turns", "by Ana"):
        assert [*found[title].values] == [("turn_id", "text"), (turn(2), "dos")]

    sheet["A1"].comment = openpyxl.comments.Comment(f"see {turn(1)}", "Ana")
    book.save(saved)
    with pytest.raises(AnnotationError, match=r"^review\.xlsx: names turns"):
        form.without_turns(saved.getvalue(), {turn(1)}, "review.xlsx")
