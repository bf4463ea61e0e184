"""Every format brings back what went out, and says what it cannot use."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
TABLES = ("csv",)

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
@settings(max_examples=80, deadline=None)
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
def test_a_thousand_hostile_items_come_back_without_a_difference(form: Format) -> None:
    assert differences(form, list(hostile_items(1000))) == 0


@pytest.mark.parametrize("form", FORMATS, ids=catalogue.NAMES)
@settings(max_examples=30, deadline=None)
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
    assert not any(one.encode() in without for one in gone)
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
