"""Corrections join the training data as lines, and nothing else changes."""

import stat
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasa_qa_plugin.errors import MergeError, RasaQAError
from rasa_qa_plugin.review.items import Entity, Item, clean
from rasa_qa_plugin.review.merging import MergePlan, apply_merge, plan_merge
from rasa_qa_plugin.review.rasa_syntax import read_examples, render

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=timezone.utc)
DOMAIN = {"greet", "bye", "order", "faq", "with space", "new_one", "qa_consent_grant"}
NLU = """\
# Our data, kept by hand
version: "3.1"

nlu:
- intent: greet   # é
  examples: |
    - hola
    - buenas  tardes
    # a comment inside

    - hey [Ana](name)
- intent: order
  examples: |-
      - quiero dos [cajas](product)
- intent: bye
  examples:
  - text: |
      adios
    metadata: {tone: sad}
- intent: faq/hours
  examples: >
    - a que hora abren

- synonym: caja
  examples: |
    - cajas
# the end
"""


def item(text: str, intent: str, *entities: Entity) -> Item:
    return Item(turn_id=f"t-{text}", text=text, intent=intent, entities=entities)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "nlu.yml").write_text(NLU, encoding="utf-8")
    (folder / "rules.yml").write_text('version: "3.1"\nrules: []\n')
    (folder / "qa_nlu.yml").write_text(
        "nlu:\n- intent: qa_consent_grant\n  examples: |\n    - doy permiso\n"
    )
    return folder


def planned(data: Path, *items: Item, **options: Any) -> MergePlan:
    return plan_merge(items, data=data, domain_intents=DOMAIN, **options)


def reasons(plan: MergePlan) -> dict[str, str]:
    return {held.item.text: held.reason for held in plan.held_back}


def changes(plan: MergePlan) -> list[str]:
    """Give the changed lines of the diff."""
    lines = plan.diff().split("\n")
    return [
        line
        for line in lines
        if line[:1] in ("+", "-") and not line.startswith(("+++", "---"))
    ]


def written(data: Path) -> Counter[object]:
    return Counter(
        example
        for path in data.glob("*.yml")
        if path.name != "rules.yml"
        for example in read_examples(path.read_bytes().decode())
    )


def test_one_line_is_added_per_example_and_nothing_else(
    data: Path, tmp_path: Path
) -> None:
    before = written(data)
    plan = planned(
        data,
        item("muy buenas", "greet"),
        item("dame tres [PHONE] ya", "order", Entity(5, 9, "n", value="3")),
        item("hola Ana", "greet", Entity(5, 8, "name")),
    )
    assert plan.held_back == ()
    assert changes(plan) == [
        "+    - muy buenas",
        "+    - hola [Ana](name)",
        '+      - dame [tres]{"entity": "n", "value": "3"} [PHONE] ya',
    ]
    assert (data / "nlu.yml").read_text() == NLU, "planning writes nothing"
    former = apply_merge(plan, backup_dir=tmp_path / "backups", now=NOW)
    assert written(data) == before + Counter(one.example for one in plan.added)
    after = (data / "nlu.yml").read_text().split("\n")
    for line in ("    - muy buenas", "    - hola [Ana](name)"):
        after.remove(line)
    after.remove('      - dame [tres]{"entity": "n", "value": "3"} [PHONE] ya')
    assert "\n".join(after) == NLU
    assert former is not None
    assert former.parent == tmp_path / "backups"
    assert former.name.startswith("20261120-123456-")
    assert [path.read_text() for path in former.iterdir()] == [NLU]


def test_merging_twice_adds_nothing_the_second_time(data: Path, tmp_path: Path) -> None:
    corrections = [item("muy buenas", "greet"), item("chao", "bye")]
    plan = planned(data, *corrections)
    apply_merge(plan, backup_dir=tmp_path / "b", now=NOW)
    once = (data / "nlu.yml").read_text()
    again = planned(data, *corrections)
    assert again.files == ()
    assert set(reasons(again).values()) == {
        "text: already in the training data under this intent"
    }
    apply_merge(again, backup_dir=tmp_path / "b", now=NOW)
    assert (data / "nlu.yml").read_text() == once


@pytest.mark.parametrize("intent", ["faq/hours", "new_one", "with space"])
def test_intents_without_a_literal_block_get_a_new_one(
    data: Path, tmp_path: Path, intent: str
) -> None:
    plan = planned(
        data, item("uno mas", intent), item("muy buenas", "greet"), item("dos", intent)
    )
    apply_merge(plan, backup_dir=tmp_path / "b", now=NOW)
    text = (data / "nlu.yml").read_text()
    name = f'"{intent}"' if " " in intent else intent
    block = (
        f"    - cajas\n\n- intent: {name}\n  examples: |\n    - uno mas\n    - dos\n"
        "# the end\n"
    )
    assert text.endswith(block)
    assert all(line.startswith("+") for line in changes(plan))


def test_a_new_block_never_swallows_lines_of_its_neighbour(tmp_path: Path) -> None:
    file = tmp_path / "nlu.yml"
    file.write_text("nlu:\n  - intent: greet\n    examples: |\n      - hola")
    plan = plan_merge(
        [item("chao", "bye"), item("buenas", "greet")], data=file, domain_intents=DOMAIN
    )
    apply_merge(plan, backup_dir=tmp_path / "b", now=NOW)
    assert file.read_text() == (
        "nlu:\n  - intent: greet\n    examples: |\n      - hola\n      - buenas\n"
        "  - intent: bye\n    examples: |\n      - chao"
    )


def test_blank_lines_between_blocks_are_imitated(tmp_path: Path) -> None:
    file = tmp_path / "nlu.yml"
    text = (
        "nlu:\n- intent: greet\n  examples: |\n    - hola\n\n"
        "- intent: bye\n  examples: |\n    - adios\n\nrules:\n- rule: x\n  steps: []\n"
    )
    file.write_text(text)
    plan = plan_merge([item("ya", "order")], data=file, domain_intents=DOMAIN)
    assert plan.files[0].after.decode() == text.replace(
        "    - adios\n", "    - adios\n\n- intent: order\n  examples: |\n    - ya\n"
    )


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("intent", ["greet", "bye"])
def test_bom_line_ends_and_missing_last_line_end_are_kept(
    tmp_path: Path, bom: str, end: str, intent: str, *, last: bool
) -> None:
    lines = ["nlu:", "- intent: greet", "  examples: |", "    - hola"]
    before = bom + end.join(lines) + (end if last else "")
    file = tmp_path / "nlu.yml"
    file.write_bytes(before.encode())
    plan = plan_merge([item("ñandú", intent)], data=file, domain_intents=DOMAIN)
    apply_merge(plan, backup_dir=tmp_path / "b", now=NOW)
    new = ["    - ñandú"]
    if intent == "bye":
        new = ["- intent: bye", "  examples: |", *new]
    after = bom + end.join(lines + new) + (end if last else "")
    assert file.read_bytes() == after.encode()
    assert ("\\ No newline" in plan.diff()) is not last


def test_the_file_that_knows_the_intent_gets_the_line(data: Path) -> None:
    (data / "more").mkdir()
    (data / "more/bye.yml").write_text(
        "nlu:\n- intent: bye\n  examples: |\n    - hasta luego\n"
    )
    plan = planned(data, item("chao", "bye"), item("nuevo", "new_one"))
    homes = {one.item.intent: one.file.name for one in plan.added}
    assert homes == {"bye": "bye.yml", "new_one": "nlu.yml"}
    assert "b/more/bye.yml" in plan.diff()


def test_the_plugins_own_files_are_never_changed(data: Path) -> None:
    plan = planned(data, item("si permito", "qa_consent_grant"))
    assert [one.file.name for one in plan.added] == ["nlu.yml"]
    assert "- intent: qa_consent_grant" in plan.files[0].after.decode()


def test_files_outside_the_data_folder_are_never_changed(
    data: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "shared.yml"
    outside.write_text("nlu:\n- intent: bye\n  examples: |\n    - hasta luego\n")
    (data / "shared.yml").symlink_to(outside)
    plan = planned(data, item("chao", "bye"), item("hasta luego", "bye"))
    assert [one.file.name for one in plan.added] == ["nlu.yml"]
    assert "already in the training data" in reasons(plan)["hasta luego"]


def test_a_bot_without_nlu_file_gets_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    plan = plan_merge([item("hola", "greet")], data=data, domain_intents=DOMAIN)
    assert apply_merge(plan, backup_dir=tmp_path / "b", now=NOW) is None
    assert (data / "nlu.yml").read_text() == (
        'version: "3.1"\n\nnlu:\n  - intent: greet\n    examples: |\n      - hola\n'
    )


@pytest.mark.parametrize(
    ("correction", "reason"),
    [
        (item("¡HOLA!", "greet"), "already in the training data"),
        (item("\uff48\uff4f\uff4c\uff41", "greet"), "already in the training data"),
        (item("hey Ana", "greet"), "with other entities"),
        (item("hola", "bye"), "trained as greet"),
        (item("uno", "unknown_intent"), "unknown to the domain"),
        (item("Secreto del examen?", "greet"), "is in the test set"),
        (item(" \n ", "greet"), "empty"),
        (item("/greet", "greet"), "slash"),
        (item("tel [PHONE]", "greet", Entity(4, 11, "tel")), "closing bracket"),
        (item("a [ b Lima", "greet", Entity(6, 10, "city")), "clash"),
        (item("uno dos", "greet", Entity(0, 5, "a"), Entity(2, 7, "b")), "overlap"),
        (item("uno", "greet", Entity(2, 9, "a")), "outside the text"),
    ],
)
def test_what_would_do_harm_is_held_back_and_why(
    data: Path, correction: Item, reason: str
) -> None:
    plan = planned(data, correction, held_out=("secreto del examen",))
    assert plan.files == ()
    assert plan.added == ()
    (held,) = plan.held_back
    assert held.item is correction
    assert reason in held.reason
    if correction.text.strip():
        assert correction.text not in held.reason


def test_repeats_and_disagreements_within_a_batch_are_held_back(data: Path) -> None:
    plan = planned(
        data,
        item("que tal", "greet"),
        item("¿Que tal?", "greet"),
        item("mañana", "bye"),
        item("Mañana!", "greet"),
    )
    assert [one.item.text for one in plan.added] == ["que tal"]
    found = reasons(plan)
    assert "says the same" in found["¿Que tal?"]
    assert "disagree" in found["mañana"]
    assert "disagree" in found["Mañana!"]


def test_accents_make_different_texts(data: Path) -> None:
    plan = planned(data, item("si", "greet"), item("sí", "order"), alike=1)
    assert len(plan.added) == 2


@pytest.mark.parametrize(
    "text", ["llámame al [PHONE_2]", "[PHONE](casa)", "set [x]{y}", "[NAME][NAME_2]"]
)
def test_mask_tokens_and_brackets_stay_text(
    data: Path, tmp_path: Path, text: str
) -> None:
    plan = planned(data, item(text, "order"))
    apply_merge(plan, backup_dir=tmp_path / "b", now=NOW)
    (example,) = [one.example for one in plan.added]
    assert example.entities == ()
    assert example.text.replace("] ", "]") == text.replace("] ", "]")
    assert written(data)[example] == 1


def test_a_line_that_would_change_other_lines_is_held_back(tmp_path: Path) -> None:
    file = tmp_path / "nlu.yml"
    # Rasa decodes this escape because the file is plain ASCII; an accent ends that.
    file.write_text("nlu:\n- intent: greet\n  examples: |\n    - hola \\u00f1\n")
    plan = plan_merge(
        [item("buenos días", "greet"), item("buenas", "greet")],
        data=file,
        domain_intents=DOMAIN,
    )
    assert [one.item.text for one in plan.added] == ["buenas"]
    assert "read this file differently" in reasons(plan)["buenos días"]
    apply_merge(plan, backup_dir=tmp_path / "b", now=NOW)
    assert [one.text for one in read_examples(file.read_text())] == ["hola ñ", "buenas"]


def test_unreadable_training_data_is_named(data: Path) -> None:
    (data / "bad.yml").write_text("nlu:\n- intent: a\n  examples: |\n    - [x]{y}\n")
    with pytest.raises(MergeError, match=r"^bad\.yml: "):
        planned(data, item("uno", "greet"))
    (data / "bad.yml").write_bytes(b"nlu: \xff")
    with pytest.raises(MergeError, match=r"^bad\.yml: not UTF-8"):
        planned(data, item("uno", "greet"))


def test_a_file_changed_since_the_plan_is_not_touched(
    data: Path, tmp_path: Path
) -> None:
    plan = planned(data, item("muy buenas", "greet"))
    with (data / "nlu.yml").open("a") as file:
        file.write("# edited meanwhile\n")
    edited = (data / "nlu.yml").read_text()
    with pytest.raises(RasaQAError, match=r"nlu\.yml: changed since it was read"):
        apply_merge(plan, backup_dir=tmp_path / "b", now=NOW)
    assert (data / "nlu.yml").read_text() == edited
    (data / "nlu.yml").unlink()
    with pytest.raises(RasaQAError, match="changed since it was read"):
        apply_merge(plan, backup_dir=tmp_path / "b", now=NOW)
    assert not (data / "nlu.yml").exists()
    assert not (tmp_path / "b").exists()


def test_a_plan_that_reads_back_otherwise_is_not_written(
    data: Path, tmp_path: Path
) -> None:
    plan = planned(data, item("muy buenas", "greet"))
    (change,) = plan.files
    spoiled = msgspec.structs.replace(
        change, after=change.after.replace(b"muy buenas", b"muy [buenas](x)")
    )
    with pytest.raises(MergeError, match="would not read back"):
        apply_merge(
            msgspec.structs.replace(plan, files=(spoiled,)),
            backup_dir=tmp_path / "b",
            now=NOW,
        )
    assert (data / "nlu.yml").read_text() == NLU


def test_all_files_are_restored_when_one_cannot_be_replaced(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "bye.yml").write_text(
        "nlu:\n- intent: bye\n  examples: |\n    - hasta luego\n"
    )
    plan = planned(data, item("muy buenas", "greet"), item("chao", "bye"))
    assert len(plan.files) == 2
    before = {path: path.read_bytes() for path in data.iterdir()}
    last = plan.files[-1].path
    replace = Path.replace

    def fail_once(self: Path, target: Path) -> Path:
        if target == last:
            monkeypatch.undo()
            raise OSError(28, "disk full")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_once)
    with pytest.raises(RasaQAError, match="nothing was changed"):
        apply_merge(plan, backup_dir=tmp_path / "b", now=NOW)
    assert {path: path.read_bytes() for path in data.iterdir()} == before


def test_permissions_are_kept_and_no_scraps_left(data: Path, tmp_path: Path) -> None:
    (data / "nlu.yml").chmod(0o640)
    names = sorted(data.iterdir())
    apply_merge(
        planned(data, item("muy buenas", "greet")), backup_dir=tmp_path / "b", now=NOW
    )
    assert stat.S_IMODE((data / "nlu.yml").stat().st_mode) == 0o640
    assert sorted(data.iterdir()) == names


HOSTILE = [*"ab []{}()\":,-#|>'\\/%@é😀\u2028\t", "](", "]{", "][", "${X}", "\\u0041"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(HOSTILE), max_size=12), max_size=8))
def test_hostile_texts_never_damage_a_file(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    file = folder / "nlu.yml"
    file.write_text(NLU, encoding="utf-8")
    texts = ["".join(pieces) for pieces in drawn]
    plan = plan_merge(
        [item(text, "greet") for text in texts], data=file, domain_intents=DOMAIN
    )
    assert len(plan.added) + len(plan.held_back) == len(texts)
    for change in plan.files:
        assert change.before == NLU.encode()
        assert all(line.startswith("+    - ") for line in changes(plan))
        wanted = Counter([*read_examples(NLU), *(one.example for one in plan.added)])
        assert Counter(read_examples(change.after.decode())) == wanted
    for one in plan.added:
        assert one.example.text == render(clean(one.item.text), ())[1]


def test_a_relative_folder_is_as_good_as_an_absolute_one(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data.parent)
    plan = planned(Path(data.name), item("muy buenas", "greet"))
    assert "+++ b/nlu.yml" in plan.diff()
    apply_merge(plan, backup_dir=tmp_path / "b", now=NOW)
    assert "muy buenas" in (data / "nlu.yml").read_text()


def test_what_is_nearly_there_already_is_held_back_with_its_place(data: Path) -> None:
    (data / "more.yml").write_text(
        "nlu:\n- intent: order\n  examples: |\n    - apaga las luces de la cocina\n"
        "    - envíen cien cajas grandes de camarón a [Quito](city) esta semana\n"
    )
    same_words = "envíen cien cajas grandes de camarón a Quito esta semana"
    plan = planned(
        data,
        item("apaga la luces de la cocina", "order"),
        item("apaga las luces de las cocina", "bye"),
        item("apaga las luces de la cocina y luego sal a la calle", "order"),
        item(f"{same_words} si", "order", Entity(39, 44, "city")),
        item(same_words.replace("Quito", "Cuenca"), "order", Entity(39, 45, "city")),
    )
    assert [one.item.text for one in plan.added] == [
        "apaga las luces de la cocina y luego sal a la calle",
        same_words.replace("Quito", "Cuenca"),
    ]
    told = [(held.reason, held.where) for held in plan.held_back]
    assert told == [
        (
            "text: nearly the same is in the training data under this intent",
            "data/more.yml:4",
        ),
        (
            (
                "intent: nearly the same text is trained as order; change it there, or "
                "settle on that intent"
            ),
            "data/more.yml:4",
        ),
        (
            "text: nearly the same is in the training data under this intent",
            "data/more.yml:5",
        ),
    ]


def test_corrections_one_by_one_come_to_the_same_as_all_at_once(
    data: Path, tmp_path: Path
) -> None:
    corrections = [
        item("mándame la factura por favor", "order"),
        item("mándame la factura, por favor ya", "order"),
        item("por favor mándame la factura", "bye"),
        item("hasta la próxima", "bye"),
    ]
    at_once = planned(data, *corrections)
    for correction in corrections:
        plan = planned(data, correction)
        apply_merge(plan, backup_dir=tmp_path / "b", now=NOW)
    assert (data / "nlu.yml").read_bytes() == at_once.files[0].after
    assert [held.where for held in at_once.held_back] == [corrections[0].turn_id] * 2


def test_a_few_lines_that_a_file_does_not_take_do_not_keep_others_out(
    tmp_path: Path,
) -> None:
    file = tmp_path / "nlu.yml"
    file.write_text("nlu:\n- intent: greet\n  examples: |\n    - hola\n")
    texts = [f"saludo {number} {'x' * number}" for number in range(30)]
    texts[7] = "code \\u0041"  # in a file of plain ASCII, Rasa reads an A
    texts[21] = "code \\u0042 again"
    plan = plan_merge(
        [item(text, "greet") for text in texts],
        data=file,
        domain_intents=DOMAIN,
        alike=1,
    )
    assert set(reasons(plan)) == {texts[7], texts[21]}
    assert len(plan.added) == 28


def test_new_intents_are_declared_when_asked_for(data: Path) -> None:
    corrections = [
        item("quiero cancelar", "cancel_order"),
        item("anulen mi compra", "cancel_order"),
        item("una sola", "lonely"),
        item("otra cosa", "with a blank"),
        item("reinicia", "restart"),
    ]
    assert planned(data, *corrections).declared == ()
    plan = planned(data, *corrections, may_declare=True)
    assert plan.declared == ("cancel_order",)
    assert len(plan.added) == 2
    found = reasons(plan)
    assert "Rasa needs two" in found["una sola"]
    assert "letters, digits and underscores" in found["otra cosa"]
    assert "keeps this name" in found["reinicia"]
