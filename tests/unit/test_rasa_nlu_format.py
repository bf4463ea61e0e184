"""Annotation files survive people, editors and hostile texts."""

import subprocess
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasa_qa_plugin.errors import AnnotationError, MergeError
from rasa_qa_plugin.review.formats import rasa_nlu
from rasa_qa_plugin.review.items import Entity, Example, Item, clean, tidy
from rasa_qa_plugin.review.rasa_syntax import parse_line, read_examples, render

HOSTILE = [
    *"ab []{}()\":,-#|>'\\/$&*!%@é😀\u200f\u202eש\u2028\x85\t\n\x00\ufeff`~^=?",
    "](",
    "]{",
    "][",
    "${HOME}",
    "\\u0041",
    "\\ud83d",
    "- ",
    "---",
    "nlu:",
    '{"entity": "x"}',
    "[PHONE]",
    "[PHONE_2]",
    "<br>",
    "null",
]
texts = st.lists(st.sampled_from(HOSTILE), max_size=14).map("".join)
names = st.text(min_size=1, max_size=8)
intents = st.sampled_from(["greet", "yes", "faq/ask x", "1", "saludo_ñ", "null", "~"])


@st.composite
def items(draw: st.DrawFn) -> Item:
    text = draw(st.one_of(texts, st.text(max_size=20)))
    entities = []
    for _ in range(draw(st.integers(0, 3)) if len(text) > 1 else 0):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        entities.append(
            Entity(
                start,
                end,
                draw(st.one_of(st.just("city"), names)),
                value=draw(st.one_of(st.none(), names)),
                role=draw(st.one_of(st.none(), names)),
                group=draw(st.one_of(st.none(), names)),
            )
        )
    return Item(
        turn_id="",
        text=text,
        intent=draw(intents),
        entities=tuple(entities),
        comment=draw(texts),
        confidence=draw(st.one_of(st.none(), st.floats(0, 1))),
        flags=tuple(draw(st.lists(st.sampled_from(["low_confidence", "no"])))),
    )


def returned(item: Item) -> Item:
    return msgspec.structs.replace(tidy(item), comment="")


@settings(max_examples=250, deadline=None)
@given(st.lists(items(), max_size=4))
def test_an_unedited_file_comes_back_unchanged(drawn: list[Item]) -> None:
    numbered = [
        msgspec.structs.replace(item, turn_id=f"t-{n}") for n, item in enumerate(drawn)
    ]
    text = rasa_nlu.dump(numbered, head=["any head: [x](y)", "--- \n second"])
    assert rasa_nlu.load(text, file="f.yml") == [
        returned(item) for item in numbered if clean(item.text)
    ]
    windows = "\ufeff" + text.replace("\n", "\r\n")
    assert rasa_nlu.load(windows, file="f.yml") == rasa_nlu.load(text, file="f.yml")


def read_by_rasa(item: Item) -> str:
    try:
        return render(item.text, item.entities)[1]
    except MergeError:
        return render(item.text, ())[1]


@settings(max_examples=60, deadline=None)
@given(st.lists(items(), min_size=1, max_size=4))
def test_the_file_is_valid_for_rasa_itself(drawn: list[Item]) -> None:
    written = [tidy(item) for item in drawn if clean(item.text)]
    plain = [read_by_rasa(item) for item in written]
    text = rasa_nlu.dump(
        [msgspec.structs.replace(i, turn_id=f"{n}") for n, i in enumerate(written)]
    )
    assert [(one.text, one.intent) for one in read_examples(text)] == [
        (text, item.intent) for text, item in zip(plain, written, strict=True)
    ]


@settings(max_examples=300, deadline=None)
@given(items())
def test_a_rendered_line_reads_back_as_meant_or_is_refused(item: Item) -> None:
    item = tidy(item)
    try:
        line, plain = render(item.text, item.entities)
    except MergeError:
        return
    read, entities = parse_line(line)
    assert read == plain
    assert plain.replace("] ", "]") == item.text.replace("] ", "]")
    assert [(plain[one.start : one.end], one.entity, one.role) for one in entities] == [
        (item.text[one.start : one.end], one.entity, one.role) for one in item.entities
    ]
    example = Example(plain, "i", entities)
    with_accent = f"nlu:\n- intent: i # é\n  examples: |\n    - {line}\n"
    assert read_examples(with_accent) == [example]


@settings(max_examples=200, deadline=None)
@given(items())
def test_cleaning_twice_changes_nothing_and_keeps_words(item: Item) -> None:
    once = tidy(item)
    assert tidy(once) == once
    kept = [char for char in item.text if clean(char)]
    assert once.text.replace(" ", "") == "".join(kept)
    for entity in once.entities:
        assert 0 <= entity.start < entity.end <= len(once.text)
        covered = once.text[entity.start : entity.end]
        assert covered == covered.strip()
        assert covered == tidy(Item("", covered, "")).text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("llámame al [PHONE_2] hoy", "llámame al [PHONE_2] hoy"),
        ("[PHONE](casa)", "[PHONE] (casa)"),
        ("[PHONE][PHONE_2]", "[PHONE] [PHONE_2]"),
        ("see [docs](http://x)", "see [docs] (http://x)"),
        ("set [x]{y}", "set [x] {y}"),
    ],
)
def test_brackets_in_texts_never_become_entities(text: str, line: str) -> None:
    assert render(text, ()) == (line, line)
    assert parse_line(line) == (line, ())


def test_entities_keep_role_group_value_and_shared_spans() -> None:
    entities = (
        Entity(7, 12, "city", value="PAR }]", role="to", group="1"),
        Entity(7, 12, "place"),
    )
    line, plain = render("fly to Paris now", entities)
    assert line.startswith("fly to [Paris][{")
    assert parse_line(line) == (plain, entities)


def test_an_entity_beside_a_mask_token_is_kept() -> None:
    line, plain = render("[PHONE]Lima", (Entity(7, 11, "city"),))
    assert (line, plain) == ("[PHONE] [Lima](city)", "[PHONE] Lima")
    item = Item("1", "[PHONE]Lima", "greet", (Entity(7, 11, "city"),))
    assert rasa_nlu.load(rasa_nlu.dump([item]), file="f") == [item]


def test_a_blank_marked_along_with_a_word_is_let_go() -> None:
    marked = Item("1", "a] Lima ya", "greet", (Entity(2, 8, "city"), Entity(2, 3, "x")))
    assert tidy(marked).entities == (Entity(3, 7, "city"),)
    assert rasa_nlu.load(rasa_nlu.dump([marked]), file="f") == [tidy(marked)]


def test_an_entity_over_a_mask_token_survives_the_journey() -> None:
    item = Item("1", "mi tel es [PHONE]", "dar_telefono", (Entity(10, 17, "tel"),))
    with pytest.raises(MergeError, match="closing bracket"):
        render(item.text, item.entities)
    text = rasa_nlu.dump([item])
    assert rasa_nlu.load(text, file="f") == [item]
    edited = text.replace("mi tel es", "mi telefono es", 1)
    assert rasa_nlu.load(edited, file="f") == [
        Item("1", "mi telefono es [PHONE]", "dar_telefono")
    ]


def test_texts_without_brackets_need_no_rasa() -> None:
    program = (
        "import sys\n"
        "from rasa_qa_plugin.review.formats import rasa_nlu\n"
        "from rasa_qa_plugin.review.items import Item\n"
        "text = rasa_nlu.dump([Item('1', 'hola', 'greet')])\n"
        "assert rasa_nlu.load(text, file='f')\n"
        "print('rasa' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == "False\n"


ONE = Item("t1", "quiero dos cajas", "pedir", confidence=0.41, flags=("ambiguous",))
TWO = Item("t2", "hasta luego", "saludar", comment="second guess: despedir 0.38")


def test_the_reason_to_look_stands_above_each_block() -> None:
    lines = rasa_nlu.dump([ONE, TWO], head=["Lote 7"]).splitlines()
    assert lines[1] == "# Lote 7"
    assert lines[lines.index("- intent: pedir") - 1] == "# ambiguous · confidence 0.41"
    assert lines[lines.index("- intent: saludar") - 1] == f"# {TWO.comment}"


def test_people_may_change_move_mark_mend_and_delete() -> None:
    text = rasa_nlu.dump([ONE, TWO, Item("t3", "borrame", "otro")])
    text = text.replace("- intent: saludar", "- intent: despedir")
    text = text.replace(
        "quiero dos cajas", '[dos]{"entity": "n", "value": "2"} [cajas](producto) ya'
    )
    text = text[: text.index("- intent: otro")]
    loaded = {item.turn_id: item for item in rasa_nlu.load(text, file="f")}
    assert set(loaded) == {"t1", "t2"}
    assert loaded["t2"].intent == "despedir"
    assert loaded["t1"].text == "dos cajas ya"
    assert loaded["t1"].entities == (
        Entity(0, 3, "n", value="2"),
        Entity(4, 9, "producto"),
    )


def test_examples_may_be_moved_between_blocks() -> None:
    text = (
        "nlu:\n- intent: a\n  examples:\n"
        "- intent: b\n  examples:\n"
        "  - text: uno\n    metadata: {turn_id: 1}\n"
        "  - {text: dos, metadata: {turn_id: 2}}\n"
    )
    assert rasa_nlu.load(text, file="f") == [
        Item("1", "uno", "b"),
        Item("2", "dos", "b"),
    ]


def test_a_file_with_everything_deleted_is_empty() -> None:
    assert rasa_nlu.load(rasa_nlu.dump([]), file="f") == []
    assert rasa_nlu.load('version: "3.1"\nnlu:\n', file="f") == []


HEAD = "nlu:\n- intent: a\n  examples:\n"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("nlu:\n- intent: a\n   x: [", 3, "not valid YAML"),
        ("nlu: 'a\x00b'", None, "not valid YAML"),
        ("", None, "no `nlu:` key"),
        ("just words", None, "no `nlu:` key"),
        ("rules: []\n", None, "no `nlu:` key"),
        ("nlu: hola\n", 1, "not a list"),
        ("nlu:\n- synonym: a\n  examples: |\n    - b\n", 2, "not an intent block"),
        ("nlu:\n- intent: a\n  examples: |\n    - hola\n", 2, "turn_id per example"),
        (HEAD + "  - text: hola\n", 4, "no turn_id"),
        (HEAD + "  - text: hola\n    metadata: {turn_id: }\n", 4, "no turn_id"),
        (HEAD + "  - hola\n", 4, "not a map"),
        (HEAD + "  - metadata: {turn_id: 1}\n", 4, "text is empty"),
        (HEAD + "  - {text: a, text: b}\n", 4, "stands twice"),
        (
            HEAD + "  - {text: a, metadata: {turn_id: 1}}\n"
            "  - {text: b, metadata: {turn_id: '1'}}\n",
            4,
            "stands in 4 and 5",
        ),
        (
            HEAD
            + "  - text: 'voy a [Lima]{\"entity\": }'\n    metadata: {turn_id: 1}\n",
            4,
            "entity syntax",
        ),
        (
            HEAD + "  - text: 'voy a [Lima](city'\n    metadata: {turn_id: 1}\n",
            4,
            "entity syntax",
        ),
        (
            HEAD + "  - text: 'voy a [Lima][city]'\n    metadata: {turn_id: 1}\n",
            4,
            "entity syntax",
        ),
        (
            "nlu:\n- intent:\n  examples: [{text: a, metadata: {turn_id: 1}}]\n",
            3,
            "intent is empty",
        ),
        (
            "nlu:\n- intent: 'a{b}'\n  examples: [{text: a, metadata: {turn_id: 1}}]\n",
            3,
            "characters Rasa cannot use",
        ),
    ],
)
def test_mistakes_are_one_clear_line(text: str, line: int | None, problem: str) -> None:
    with pytest.raises(AnnotationError) as found:
        rasa_nlu.load(text, file="lote.yml")
    message = str(found.value)
    assert problem in message
    assert "\n" not in message
    assert "hola" not in message
    assert "Lima" not in message
    assert found.value.line == line
    place = "lote.yml: " if line is None else f"lote.yml, line {line}: "
    assert message.startswith(place)


@pytest.mark.parametrize(
    "text",
    [
        "nlu: [",
        "nlu:\n- intent: a\n  examples: |\n    - [x]{y}\n",
        "nlu:\n- intent: a\n  examples: [hola]\n",
        "nlu:\n- intent: a\n  examples: |\n    hola\n    - \\u00zz\n",
    ],
)
def test_reading_errors_are_one_line_and_nothing_is_printed(
    text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MergeError) as found:
        read_examples(text)
    assert "\n" not in str(found.value)
    assert "hola" not in str(found.value)
    assert capfd.readouterr() == ("", "")


def test_rasas_warnings_are_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    text = "nlu:\n- intent: a\n  examples: |\n    # hm\n    - hola\n    - hola\n"
    assert read_examples(text) == [Example("hola", "a"), Example("hola", "a")]
    assert capfd.readouterr() == ("", "")
