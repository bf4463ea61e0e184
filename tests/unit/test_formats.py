"""Every format brings back what went out, and says what it cannot use."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasa_qa_plugin.errors import AnnotationError
from rasa_qa_plugin.review.formats import Format, Names, catalogue
from rasa_qa_plugin.review.items import Entity, Item, clean
from tests.benchmarks.hostile_items import (
    FRAGMENTS,
    INTENTS,
    accepted,
    bare,
    differences,
    hostile_items,
    returned,
)
from tests.tools.answers import expected
from tests.tools.examples import SENT

RECORDED = Path(__file__).parents[1] / "data" / "annotation_tools"
FORMATS = [catalogue.format_named(name) for name in catalogue.NAMES]


texts = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join),
    st.text(max_size=20),
)
labels = st.one_of(st.sampled_from(["city", "x#y", "=a", "- x"]), st.text(min_size=1))


def turn(number: int) -> str:
    return f"t_{number:020x}"


@st.composite
def items(draw: st.DrawFn) -> Item:
    text = draw(texts)
    entities = []
    for _ in range(draw(st.integers(0, 3)) if text else 0):
        start = draw(st.integers(0, len(text) - 1))
        entities.append(
            Entity(
                start,
                draw(st.integers(start + 1, len(text))),
                draw(labels),
                value=draw(st.one_of(st.none(), labels)),
                role=draw(st.one_of(st.none(), labels)),
                group=draw(st.one_of(st.none(), labels)),
            )
        )
    return Item(
        turn_id="",
        text=text,
        intent=draw(st.sampled_from(INTENTS)),
        entities=tuple(entities),
        comment=draw(texts),
        confidence=draw(st.one_of(st.none(), st.floats(0, 1))),
        flags=tuple(draw(st.lists(st.sampled_from(["low_confidence", "no"])))),
        surrogates=draw(st.sampled_from([(), (("[PHONE]", '0123 "😀"'),)])),
    )


def dumped(form: Format, sent: list[Item]) -> bytes:
    return b"".join(form.dump(sent, Names(intents={"greet": None})))


def given_back(form: Format, sent: list[Item]) -> bytes:
    """Give what the tool makes of a file in which people accept everything."""
    return accepted(form, dumped(form, sent))


@pytest.mark.parametrize("form", FORMATS, ids=catalogue.NAMES)
@settings(max_examples=50, deadline=None)
@given(drawn=st.lists(items(), max_size=4))
def test_what_nobody_changes_comes_back_as_it_went(
    form: Format, drawn: list[Item]
) -> None:
    sent = [
        msgspec.structs.replace(item, turn_id=turn(number))
        for number, item in enumerate(drawn)
        if clean(item.text)
    ]
    content = given_back(form, sent)

    loaded = form.load(content, "file")

    assert loaded.problems == []
    assert [bare(item) for item in loaded.items] == [returned(item) for item in sent]
    if sent:
        assert catalogue.format_of(content, Path("file.txt")) is form


@pytest.mark.parametrize("form", FORMATS, ids=catalogue.NAMES)
def test_hostile_items_come_back_without_a_difference(
    form: Format,
) -> None:
    assert differences(form, list(hostile_items(500))) == 0


@pytest.mark.parametrize("form", FORMATS, ids=catalogue.NAMES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_some_records_leave_a_file_and_the_others_stay_as_they_are(
    form: Format, data: st.DataObject
) -> None:
    sent = list(hostile_items(6, seed=data.draw(st.integers(0, 20))))
    content = given_back(form, sent)
    gone = data.draw(st.sets(st.sampled_from([item.turn_id for item in sent])))
    left = [item for item in sent if item.turn_id not in gone]
    lines = {item.turn_id: item.line for item in form.load(content, "file").items}

    without = form.without_turns(content, gone, "file")
    only = form.only(content, [lines[item.turn_id] or 0 for item in left], "file")

    if left:
        for changed in (without, only):
            found = form.load(changed, "file").items
            assert [bare(item) for item in found] == [returned(item) for item in left]
    found = {item.turn_id for item in form.load(without, "file").items}
    assert not gone & found
    assert form.name == "xlsx" or not any(one.encode() in without for one in gone)
    if not gone:
        assert without == content


@pytest.mark.parametrize(
    ("file", "name"),
    [("label_studio.json", "label_studio"), ("doccano.jsonl", "doccano")],
)
def test_what_real_tools_made_of_our_file_comes_home(file: str, name: str) -> None:
    content = (RECORDED / file).read_bytes()
    form = catalogue.format_of(content, Path(file))

    loaded = form.load(content, file)

    in_full = name == "label_studio"
    assert form.name == name
    assert loaded.problems == []
    assert [bare(item) for item in loaded.items] == expected(
        roles=in_full, verdicts=in_full
    )
    assert {item.seconds for item in loaded.items} == ({4.25} if in_full else {None})


def test_a_word_marked_behind_an_emoji_in_the_browser_is_that_word() -> None:
    content = (RECORDED / "label_studio.browser.json").read_bytes()

    (item,) = form_of("label_studio").load(content, "export").items

    assert [item.text[one.start : one.end] for one in item.entities] == [
        "Zürich",
        "París",
        "viernes",
    ]
    assert item.seconds == pytest.approx(24.559)


@pytest.mark.parametrize("ending", ["min.json", "csv", "tsv"])
def test_label_studio_s_short_forms_give_intents_and_refuse_changed_marks(
    ending: str,
) -> None:
    content = (RECORDED / f"label_studio.{ending}").read_bytes()
    form = catalogue.format_of(content, Path("export"))

    loaded = form.load(content, "export")

    first, *others, skipped = expected()
    found = {item.turn_id: item for item in loaded.items}
    assert [bare(found[item.turn_id]) for item in others] == others
    assert skipped.turn_id not in found
    (problem,) = loaded.problems
    assert "export it as JSON" in problem.message
    assert first.turn_id in str(problem.raw)


def test_of_several_annotators_each_has_a_say_and_the_latest_word_of_each_counts() -> (
    None
):
    (task,) = json.loads(given_back(form_of("label_studio"), [SENT[5]]))
    (first,) = task["annotations"]

    def said(who: Any, intent: str, when: str) -> dict[str, Any]:
        result = json.loads(json.dumps(first["result"]))
        result[0]["value"]["choices"] = [intent]
        return {
            **first, "completed_by": who, "result": result,
            "updated_at": f"2026-11-20T{when}:00Z",
        }  # fmt: skip

    task["annotations"] = [
        said(1, "order", "10:00"),
        said({"id": 2, "email": "bo@example.com"}, "bye", "11:00"),
        said(1, "greet", "09:00"),
        {**first, "completed_by": 3, "was_cancelled": True, "result": []},
    ]
    loaded = form_of("label_studio").load(json.dumps([task]).encode(), "file")

    assert loaded.problems == []
    assert {(i.annotator, i.intent, i.verdict) for i in loaded.items} == {
        ("1", "order", "correct"),
        ("bo@example.com", "bye", "correct"),
        ("3", "", "skip"),
    }


def form_of(name: str) -> Format:
    return catalogue.format_named(name)


def test_a_download_of_doccano_names_who_annotated() -> None:
    form = form_of("doccano")
    one, other = SENT[:2], SENT[1:3]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ana.jsonl", dumped(form, list(one)))
        archive.writestr("bo.jsonl", dumped(form, list(other)))
    content = packed.getvalue()

    assert catalogue.format_of(content, Path("download.zip")) is form
    loaded = form.load(content, "download.zip")
    without = form.without_turns(content, {SENT[1].turn_id}, "download.zip")
    only = form.only(content, [3], "download.zip")

    assert [(item.turn_id, item.annotator) for item in loaded.items] == [
        (SENT[0].turn_id, "ana"), (SENT[1].turn_id, "ana"),
        (SENT[1].turn_id, "bo"), (SENT[2].turn_id, "bo"),
    ]  # fmt: skip
    assert [item.turn_id for item in form.load(without, "download.zip").items] == [
        SENT[0].turn_id,
        SENT[2].turn_id,
    ]
    assert [item.annotator for item in form.load(only, "file").items] == ["bo"]


THREE = [Item(turn(n), f"hola {n}", "greet", confidence=0.5) for n in range(3)]


@pytest.mark.parametrize("form", FORMATS, ids=catalogue.NAMES)
def test_one_bad_record_keeps_no_good_one_from_coming_home(form: Format) -> None:
    content = given_back(form, THREE)
    spoiled = spoil(content, 1)
    if form.name == "xlsx":
        spoiled = dumped(form, [THREE[0], bare_of_turn(THREE[1]), THREE[2]])

    loaded = form.load(spoiled, "review")

    assert [item.turn_id for item in loaded.items] == [turn(0), turn(2)]
    (problem,) = loaded.problems
    assert "turn_id" in problem.message
    assert "hola" not in problem.message
    assert "hola 1" in str(problem.raw)
    # What is left for mending is that record alone, and it says the same again.
    alone = form.load(form.only(spoiled, [problem.line or 0], "review"), "review")
    assert alone.items == []
    assert [one.message for one in alone.problems] == [problem.message]


def bare_of_turn(item: Item) -> Item:
    return msgspec.structs.replace(item, turn_id="")


def spoil(content: bytes, number: int) -> bytes:
    """Take the turn's id out of a record."""
    turn_id = turn(number)
    for before, after in (
        (f'"turn_id": "{turn_id}"', '"other": "x"'),
        (f'"turn_id":"{turn_id}"', '"other":"x"'),
        (f'turn_id: "{turn_id}"', "other: x"),
        (f'"{turn_id}",', '"",'),
    ):
        content = content.replace(before.encode(), after.encode())
    return content


@pytest.mark.parametrize("form", FORMATS, ids=catalogue.NAMES)
def test_one_turn_with_two_answers_of_one_person_has_none(form: Format) -> None:
    first = Item(turn(1), "hola", "greet")
    other = msgspec.structs.replace(first, intent="bye")

    twice = form.load(given_back(form, [first, first]), "review")
    torn = form.load(given_back(form, [first, other, THREE[0]]), "review")

    assert [item.turn_id for item in twice.items] == [turn(1)]
    assert twice.problems == []
    assert [item.turn_id for item in torn.items] == [turn(0)]
    assert len(torn.problems) == 2
    assert {"different answers" in one.message for one in torn.problems} == {True}


@settings(deadline=None)
@given(content=st.one_of(st.binary(max_size=60), texts.map(str.encode)))
def test_any_other_file_is_refused_in_one_line(content: bytes) -> None:
    for form in FORMATS:
        refused(form.load, content, "review")
    refused(catalogue.format_of, content, Path("review.txt"))


def refused(read: Callable[..., Any], *arguments: Any) -> Any:
    """Give what is read, or None where one line that names the file refuses it."""
    try:
        return read(*arguments)
    except AnnotationError as error:
        problem = str(error)
    assert problem.startswith(str(arguments[-1]))
    assert "\n" not in problem
    return None


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    *("text", "turn_id", "kept", "cats", "entities", "annotations"),
                    *("accept", "answer", "spans", "data", "result", "value", "start"),
                    *("labels", "choices", "completed_by", "annotation_id", "intent"),
                ]
            ),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=25,
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.dictionaries(st.text(max_size=2), JSON) | JSON, max_size=3))
def test_json_of_any_shape_is_refused_record_by_record(rows: list[Any]) -> None:
    lines = "\n".join(map(json.dumps, rows)).encode()
    for name, content in {
        "label_studio": json.dumps(rows).encode(),
        "doccano": lines,
        "prodigy": lines,
    }.items():
        loaded = refused(form_of(name).load, content, "review")
        assert loaded is None or {one.line for one in loaded.problems} <= {
            *range(1, len(lines.splitlines()) + 1)
        }


def test_a_mark_that_was_counted_as_browsers_do_is_found() -> None:
    form = form_of("label_studio")
    text = "vuelo 😀😀 a Lima"
    item = Item(turn(1), text, "fly", (Entity(11, 15, "city"),))
    content = given_back(form, [item])
    moved = content.replace(b'"start": 11, "end": 15', b'"start": 13, "end": 17')

    assert moved != content
    assert form.load(moved, "file").items == form.load(content, "file").items


@pytest.mark.parametrize("name", ["doccano", "prodigy"])
def test_without_quoted_words_the_mark_on_a_whole_word_is_taken(name: str) -> None:
    form = form_of(name)
    item = Item(turn(1), "vuelo 😀😀 a Lima hoy", "fly")
    row = json.loads(given_back(form, [item]))
    if name == "doccano":
        row["entities"] = [[13, 17, "city#to"]]
    else:
        row["spans"] = [{"start": 13, "end": 17, "label": "city#to"}]

    (found,) = form.load(json.dumps(row).encode(), "file").items

    assert found.entities == (Entity(11, 15, "city", role="to"),)


def test_what_a_tool_cannot_show_of_an_entity_stays_with_the_mark() -> None:
    """Whoever takes one of two marks that overlap away takes the hidden one too."""
    form = form_of("doccano")
    inner = Entity(11, 15, "city", value="LIM", role="to", group="1")
    outer = Entity(9, 15, "place")
    item = Item(turn(1), "vuelo ya a Lima", "fly", (outer, inner, Entity(0, 5, "n")))
    row = json.loads(given_back(form, [item]))
    assert row["entities"] == [[0, 5, "n"], [9, 15, "place"]]

    row["entities"] = [[0, 5, "n"]]
    (found,) = form.load(json.dumps(row).encode(), "file").items

    assert found.entities == (Entity(0, 5, "n"),)


def test_no_cell_of_a_spreadsheet_begins_like_a_formula() -> None:
    form = form_of("csv")
    sent = [
        Item(turn(1), '=HYPERLINK("http://x")', "greet"),
        Item(turn(2), "'=1+1", "greet"),
        Item(turn(3), "hola;=cmd|' /C calc'!A0", "greet"),
    ]
    content = dumped(form, sent)
    text = content.decode("utf-8-sig")

    for separator in ",;\t":
        for line in text.splitlines():
            for cell in line.split(separator):
                assert not cell.strip('"').startswith(("=", "+", "-", "@"))
    found = form.load(content, "file").items
    assert [bare(item) for item in found] == [returned(item) for item in sent]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_spreadsheet_may_save_its_own_way(separator: str, encoding: str) -> None:
    marks = '[{""entity"":""c"",""text"":""Lima""}]'
    lines = [
        ["Turn_ID", "text", "intent", "Verdict", "annotator", "entities"],
        [turn(1), "hola; a, Lima", "greet", "", "Ana", marks],
        [turn(2), "spam", "greet", "Reject", "", ""],
        [turn(3), "mm", "greet", "skip"],
    ]
    text = "\r\n".join(separator.join(f'"{cell}"' for cell in line) for line in lines)
    content = f"{text}\r\n\r\n".encode(encoding)

    assert catalogue.format_of(content, Path("any.txt")).name == "csv"
    first, second, third = form_of("csv").load(content, "file").items

    assert first == Item(
        turn(1),
        "hola; a, Lima",
        "greet",
        (Entity(9, 13, "c"),),
        annotator="Ana",
        line=2,
    )
    assert (second.verdict, third.verdict) == ("reject", "skip")
    assert b"spam" not in form_of("csv").without_turns(content, {turn(2)}, "f").replace(
        b"\0", b""
    )


def test_a_quotation_mark_that_is_left_open_swallows_no_row_in_silence() -> None:
    form = form_of("csv")
    content = given_back(form, THREE).replace(b'"hola 0"', b'"hola 0')

    loaded = form.load(content, "file")

    found = {item.turn_id for item in loaded.items}
    assert turn(0) not in found
    raw = "".join(str(one.raw) for one in loaded.problems)
    assert all(turn(n) in found or turn(n) in raw for n in range(3))


def test_a_file_that_never_was_in_the_tool_says_so() -> None:
    for name in ("label_studio", "prodigy"):
        form = form_of(name)
        with pytest.raises(AnnotationError, match=r"nothing is (annotated|answered)"):
            form.load(dumped(form, THREE), "review")
        assert form.load(dumped(form, []), "review").items == []


def test_every_cell_of_a_workbook_is_text_and_intents_can_be_chosen() -> None:
    form = form_of("xlsx")
    content = dumped(
        form, [Item(turn(1), '=HYPERLINK("http://x")', "ask", comment="=1")]
    )

    sheet = openpyxl.load_workbook(io.BytesIO(content))["turns"]

    for row in sheet.iter_rows():
        for cell in row:
            assert cell.value is None or (cell.data_type, cell.number_format) == (
                "s",
                "@",
            )
    assert [rule.formula1 for rule in sheet.data_validations.dataValidation] == [
        "=intents!$A$1:$A$1",
        '"skip,reject"',
    ]


def test_a_workbook_that_a_spreadsheet_saved_comes_home() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["turn_id", "text", "intent", "verdict", "note"],
        [turn(1), "hola", "bye", None, "por qué no"],
        [None, None, None, None, None],
        [turn(2), "spam", "greet", "Reject", None],
        [None, "sin turno", "greet", None, None],
        [turn(3), 12, "=bad", None, None],
    ):
        sheet.append(row)
    saved = io.BytesIO()
    book.save(saved)
    form = form_of("xlsx")

    loaded = form.load(saved.getvalue(), "review.xlsx")

    assert [(one.text, one.intent, one.verdict, one.line) for one in loaded.items] == [
        ("hola", "bye", "correct", 2),
        ("spam", "", "reject", 4),
        ("12", "=bad", "correct", 6),
    ]
    (problem,) = loaded.problems
    assert (problem.line, "turn_id" in problem.message) == (5, True)
    alone = form.load(form.only(saved.getvalue(), [5], "f"), "f")
    assert (alone.items, len(alone.problems)) == ([], 1)


# What goes into a `.rejected` file


def rejected(text: str) -> str:
    """Give what is left for mending of a file in Rasa's format."""
    form = form_of("rasa_nlu")
    problems = form.load(text.encode(), "review.yml").problems
    lines = {one.line or 0 for one in problems}
    assert lines
    return form.only(text.encode(), lines, "review.yml").decode()


HEAD = "# ours\nnlu:\n"
GOOD = """\
  - text: otra vez
    metadata: {turn_id: t_00000000000000000002}
"""
BAD = """\
  - text: "hola [a](b"
    metadata: {turn_id: t_00000000000000000001}
"""
DASH_ALONE = "-\n  intent: a\n  examples:\n"
UNCLEAR = "- synonym: x\n  examples: |\n    - y\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        # The record's neighbours go, whichever side they are on.
        (
            f"{HEAD}- intent: a\n  examples:\n{GOOD}{BAD}{GOOD}",
            f"{HEAD}- intent: a\n  examples:\n{BAD}",
        ),
        # What people said before stands above the block, of whoever it is.
        (
            (
                f"{HEAD}# said: no ({turn(2)})\n# mine\n- intent: a\n  examples:\n"
                f"{GOOD}  # also ({turn(1)})\n{BAD}"
            ),
            f"{HEAD}# mine\n- intent: a\n  examples:\n  # also ({turn(1)})\n{BAD}",
        ),
        # A bad intent's name is said once, and its examples are what is to be mended.
        (
            (
                f"{HEAD}- intent: '[a'\n  examples:\n{GOOD}- intent: a\n  examples:\n"
                f"{GOOD.replace('2', '3')}"
            ),
            f"{HEAD}- intent: '[a'\n  examples:\n{GOOD}",
        ),
        (
            f"{HEAD}{DASH_ALONE}{GOOD}{DASH_ALONE}{BAD}",
            f"{HEAD}{DASH_ALONE}{BAD}",
        ),
        # Blocks in other forms stay or go as a whole.
        (
            (
                f"{HEAD}- intent: a\n  examples: [{{text: otra, metadata: {{turn_id: "
                f"{turn(2)}}}}}]\n- {{intent: a, examples: []}}\n{UNCLEAR}"
            ),
            f"{HEAD}{UNCLEAR}",
        ),
        (
            (
                f"{HEAD}- intent: a\n  examples: [{{text: otra}}]\n- intent: a\n"
                f"  examples:\n{GOOD}"
            ),
            f"{HEAD}- intent: a\n  examples: [{{text: otra}}]\n",
        ),
        (
            (
                "nlu: [{intent: a, examples: [{text: otra}, {text: b, metadata: "
                f"{{turn_id: {turn(2)}}}}}]}}]\n"
            ),
            "",
        ),
    ],
)
def test_only_what_is_to_be_mended_is_left_of_a_file(text: str, left: str) -> None:
    assert rejected(text) == left
    if left:
        assert rejected(left) == left


def test_rows_to_mend_are_the_same_workbook_at_any_time() -> None:
    book = openpyxl.Workbook()
    book.active.append(["Text", "turn_id", "intent", "note"])
    for number in range(1, 4):
        book.active.append([f"hola {number}", turn(number), "greet", "=1+1"])
    book.create_sheet("mine").append([turn(3), "what others said"])
    saved = io.BytesIO()
    book.save(saved)
    form = form_of("xlsx")

    only = form.only(saved.getvalue(), [3], "f")

    with zipfile.ZipFile(io.BytesIO(only)) as archive:
        assert {one.date_time[0] for one in archive.infolist()} == {1980}
    left = openpyxl.load_workbook(io.BytesIO(only))
    assert {left.properties.created.year, left.properties.modified.year} == {1980}
    assert [*left["turns"].values] == [
        ("text", "turn_id", "intent", "note"),
        ("hola 2", turn(2), "greet", "=1+1"),
    ]
    assert "mine" not in left.sheetnames
    assert form.only(only, [2], "f") == only


def test_one_bad_annotation_keeps_nobody_else_s_from_counting() -> None:
    form = form_of("label_studio")
    (task,) = json.loads(given_back(form, [THREE[0]]))
    (good,) = task["annotations"]
    task["annotations"] = [
        good | {"completed_by": 2, "result": []},
        good,
        good | {"completed_by": 3, "lead_time": "long"},
    ]

    loaded = form.load(json.dumps([task]).encode(), "file")

    assert [(one.annotator, one.intent) for one in loaded.items] == [("1", "greet")]
    assert [one.line for one in loaded.problems] == [1, 1]


def test_a_mark_without_offsets_in_a_short_form_is_a_problem_of_its_row() -> None:
    marks = [{"labels": ["a"]}, {"start": 1, "end": 2, "labels": ["a"]}]
    row = {"text": "hola", "turn_id": turn(1), "intent": "greet", "entities": marks}

    loaded = form_of("label_studio").load(json.dumps([row]).encode(), "file")

    (problem,) = loaded.problems
    assert "no offsets" in problem.message


def test_a_sheet_that_breaks_off_is_refused_in_one_line() -> None:
    form = form_of("xlsx")
    spoiled = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(dumped(form, THREE))) as before,
        zipfile.ZipFile(spoiled, "w") as after,
    ):
        for name in before.namelist():
            part = before.read(name)
            after.writestr(name, part[:-100] if name.endswith("sheet1.xml") else part)

    with pytest.raises(AnnotationError, match=r"^review\.xlsx: not a readable"):
        form.load(spoiled.getvalue(), "review.xlsx")
