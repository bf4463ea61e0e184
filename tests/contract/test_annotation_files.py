"""Turns in files of every format: whose they are is known, and who leaves is gone."""

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.review import exporting
from rasa_qa_plugin.review.fine_tuning import FineTuning, Selection, export_lessons
from rasa_qa_plugin.review.formats import Names, catalogue
from rasa_qa_plugin.review.formats.llm import LAYOUTS
from rasa_qa_plugin.review.importing import import_items
from rasa_qa_plugin.review.items import Entity, Item, clean
from rasa_qa_plugin.review.recall import apply_recall, plan_recall
from rasa_qa_plugin.review.rejects import Rejects
from rasa_qa_plugin.review.surrogates import Surrogates
from rasa_qa_plugin.storage import annotations, batches, copies, erasure, search, turns
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.engine import reading, transaction
from tests.benchmarks.hostile_items import accepted, hostile_items
from tests.conftest import Events, Open
from tests.searching import Search, base64_forms, notations

NOW = 1_700_000_300.0
LATER = datetime(2026, 11, 20, tzinfo=timezone.utc)
PEOPLE = ("ana", "bo", "cris")


def say(opened: Opened, events: Events, who: str, *texts: str) -> None:
    """Let somebody who agreed say something."""
    said = [events.slot("qa_consent", "granted")]
    said += [
        events.user(text, message_id=f"{who}-{number}", confidence=0.3 + number / 1000)
        for number, text in enumerate(texts)
    ]
    opened.recorder.record(Batch(sender_id=who, events=said), now=NOW)


@pytest.fixture
def opened(open_store: Open, events: Events) -> Opened:
    """Three people who agreed, and who do not write as one should."""
    opened = open_store()
    texts = [item.text for item in hostile_items(12, seed=5) if "\0" not in item.text]
    for number, who in enumerate(PEOPLE):
        say(opened, events, who, *texts[number::3], f"hola, soy {number}")
    return opened


def by_person(opened: Opened) -> dict[str, set[str]]:
    names = {opened.vault.pseudonym(who): who for who in PEOPLE}
    found: dict[str, set[str]] = {who: set() for who in PEOPLE}
    with reading(opened.engine) as connection:
        for turn in search.find(connection):
            found[names[turn.sender_id]].add(turn.turn_id)
    return found


def recall(opened: Opened, who: str, root: Path) -> Any:
    """Erase somebody, and take their words out of the files."""
    with transaction(opened.engine) as connection:
        erasure.erase(connection, opened.vault.pseudonym(who), now=NOW)
    with reading(opened.engine) as connection:
        left = copies.recalled(connection)
    plan = plan_recall(left, root=root, backups=root / ".rasa_qa" / "backups")
    apply_recall(plan, root=root, now=LATER)
    return plan


@pytest.mark.parametrize("name", catalogue.NAMES)
def test_a_file_goes_out_comes_back_and_forgets_who_leaves(
    opened: Opened, tmp_path: Path, name: str
) -> None:
    form = catalogue.format_named(name)
    path = tmp_path / "review.file"
    sent = exporting.export(
        opened.engine, path, root=tmp_path, form=form, all_turns=True, now=NOW
    )
    assert sent is not None
    answered = accepted(form, path.read_bytes())
    path.write_bytes(answered)
    (tmp_path / "copy.file").write_bytes(answered)
    whose = by_person(opened)

    loaded = catalogue.format_of(answered, path).load(answered, path.name)
    imported = import_items(
        opened.engine, loaded.items, privacy=opened.privacy, source="review", now=NOW
    )
    plan = recall(opened, "bo", tmp_path)

    assert loaded.problems == []
    assert sorted(imported.recorded) == sorted(set.union(*whose.values()))
    assert imported.edited == imported.complaints == []
    assert (plan.unreadable, plan.absent) == ((), ())
    for file in (path, tmp_path / "copy.file"):
        left = {item.turn_id for item in form.load(file.read_bytes(), "file").items}
        assert left == whose["ana"] | whose["cris"]


def test_a_turn_that_is_answered_while_a_file_is_written_stops_it(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_id = min(by_person(opened)["ana"])
    add = Names.add

    def meanwhile(names: Names, item: Item) -> None:
        add(names, item)
        if item.turn_id == turn_id:
            with transaction(opened.engine) as connection:
                turns.set_status(connection, [turn_id], "rejected")

    monkeypatch.setattr(Names, "add", meanwhile)
    for name, ending in (("label_studio", "json"), ("csv", "csv")):
        with transaction(opened.engine) as connection:
            turns.reopen(connection, [turn_id])
        with pytest.raises(RasaQAError, match="changed while they were exported"):
            exporting.export(
                opened.engine, tmp_path / f"review.{ending}", root=tmp_path,
                form=catalogue.format_named(name), all_turns=True, now=NOW,
            )  # fmt: skip

    assert list(tmp_path.glob("*review*")) == []
    with reading(opened.engine) as connection:
        pseudonym = opened.vault.pseudonym("ana")
        assert copies.of_person(connection, pseudonym) == []
        assert batches.listed(connection) == []


def test_the_setup_of_label_studio_is_not_written_over(
    opened: Opened, tmp_path: Path
) -> None:
    mine = tmp_path / "review.config.xml"
    mine.write_text("<View/>", "utf-8")

    with pytest.raises(RasaQAError, match=r"^review\.config\.xml: exists already"):
        exporting.export(
            opened.engine, tmp_path / "review.json", root=tmp_path,
            form=catalogue.format_named("label_studio"), all_turns=True, now=NOW,
        )  # fmt: skip

    assert [path.name for path in tmp_path.glob("*review*")] == [mine.name]
    assert mine.read_text("utf-8") == "<View/>"


TYPED = {
    "phone": "0998765432",
    "e-mail": "diana.villacis@correo.example",
    "card": "4111 1111 1111 1111",
    "sender": "sender-0d5f3b",
}


def test_no_file_of_any_format_holds_what_a_person_typed(
    open_store: Open, events: Events, tmp_path: Path
) -> None:
    opened = open_store()
    texts = [f"mi dato es {value}, gracias" for value in TYPED.values()]
    texts.append("soy [name] y mi correo es diana.villacis@correo.example")
    say(opened, events, TYPED["sender"], *texts[:3], texts[4])
    for name in catalogue.NAMES:
        exporting.export(
            opened.engine, tmp_path / f"sent.{name}", root=tmp_path, again=True,
            form=catalogue.format_named(name), all_turns=True, now=NOW,
        )  # fmt: skip
    correct(opened)
    for layout in LAYOUTS:
        lessons(opened, tmp_path / f"{layout}.jsonl", layout=layout, train_split=0.5)
    pseudonym = opened.vault.pseudonym(TYPED["sender"])

    search = Search(
        (form, value)
        for value in (*TYPED.values(), pseudonym)
        for form in notations(value) | base64_forms(value)
    )
    found = [
        path.name
        for path in tmp_path.iterdir()
        if not path.name.startswith("conversations.db")
        if search.found_in(path.read_bytes())
    ]

    assert found == []
    assert all(search.found_in(text.encode()) for text in texts[:3])
    assert b"[PHONE]" in (tmp_path / "sent.csv").read_bytes()
    assert len(list(tmp_path.glob("*.jsonl"))) == 2 * len(LAYOUTS)


# What a language model is trained with


def correct(opened: Opened) -> None:
    """Correct all turns; every intent is `price`."""
    with transaction(opened.engine) as connection:
        for turn in search.find(connection):
            text = clean(turn.text or "")
            marks = [Entity(0, 4, "word").stored()] if text[:4].isalpha() else []
            annotations.record(
                connection,
                Annotation(
                    turn_id=turn.turn_id, text=text, intent="price", entities=marks,
                    source="review.yml", annotated_at=NOW,
                ),
            )  # fmt: skip


def lessons(
    opened: Opened, path: Path, held_out: tuple[str, ...] = (), **selection: Any
) -> FineTuning:
    selection = {"layout": "llm_chat", **selection}
    done = export_lessons(
        opened.engine, path, Selection(**selection), held_out=held_out,
        root=path.parent, now=NOW,
    )  # fmt: skip
    assert done is not None
    return done


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def said(path: Path) -> list[str]:
    return [row["messages"][1]["content"] for row in rows(path)]


@pytest.fixture
def taught(open_store: Open, events: Events) -> Opened:
    opened = open_store()
    for number in range(40):
        texts = [f"caja {number} {x}" for x in "abc"]
        say(opened, events, f"user{number}", *texts, "¿Precio?", "held out")
    say(opened, events, "user99", "mi tel es 0998765432", "precio")
    correct(opened)
    return opened


def test_no_conversation_and_no_text_is_in_both_files(
    taught: Opened, tmp_path: Path
) -> None:
    done = lessons(taught, tmp_path / "tune.jsonl", ("Held out!",), train_split=0.75)

    train, valid = done.rows
    assert (train.name, valid.name) == ("tune.train.jsonl", "tune.valid.jsonl")
    assert [len(rows(path)) for path in done.rows] == list(done.rows.values())
    both = [said(path) for path in done.rows]
    texts = both[0] + both[1]
    assert len(texts) == len(set(texts)) == 40 * 3 + 2
    assert not any("held" in text for text in texts)
    assert sum("recio" in text for text in texts) == 1
    people = [{text.split()[1] for text in part if "caja" in text} for part in both]
    assert not people[0] & people[1]
    assert 20 < len(people[0]) < 38
    named = json.loads(done.manifest.read_text("utf-8"))["files"]
    assert [len(ids) for ids in named.values()] == list(done.rows.values())

    again = tmp_path / "again"
    lessons(taught, again / "tune.jsonl", ("Held out!",), train_split=0.75)
    for path in (*done.rows, done.manifest):
        assert (again / path.name).read_bytes() == path.read_bytes()


def test_rows_are_what_trainers_take(taught: Opened, tmp_path: Path) -> None:
    lessons(taught, tmp_path / "chat.jsonl")
    lessons(taught, tmp_path / "plain.jsonl", layout="llm_completion")

    for row in rows(tmp_path / "chat.jsonl"):
        assert set(row) == {"messages"}
        system, user, assistant = row["messages"]
        assert [one["role"] for one in row["messages"]] == [
            "system",
            "user",
            "assistant",
        ]
        assert "price" in system["content"]
        answer = json.loads(assistant["content"])
        assert answer["intent"] == "price"
        word = user["content"][:4]
        assert answer["entities"] == (
            [{"entity": "word", "value": word}] if word.isalpha() else []
        )
    for row in rows(tmp_path / "plain.jsonl"):
        assert set(row) == {"prompt", "completion"}
        assert row["prompt"].endswith("\n\n###\n\n")
        answer = json.loads(row["completion"].removesuffix(" END"))
        assert answer["intent"] == "price"


def test_texts_are_masked_or_invented_and_the_unsure_stay_out(
    taught: Opened, tmp_path: Path
) -> None:
    done = lessons(taught, tmp_path / "masked.jsonl")
    sure = lessons(taught, tmp_path / "sure.jsonl", min_confidence=0.302)
    made_up = lessons(taught, tmp_path / "up.jsonl", surrogates=Surrogates())

    assert "mi tel es [PHONE]" in said(tmp_path / "masked.jsonl")
    assert sum(sure.rows.values()) < sum(done.rows.values())
    (phone,) = [text for text in said(next(iter(made_up.rows))) if "mi tel" in text]
    assert "[" not in phone
    assert "0998765432" not in phone
    with reading(taught.engine) as connection:
        sent = {one.format for one in batches.listed(connection)}
        # A merge writes what people read; they have read neither of these.
        assert batches.last_sent_as(connection, exporting.WITH_SURROGATES) == set()
    assert sent == {"llm_chat", "llm_chat+surrogates"}


@pytest.mark.parametrize("layout", ["llm_chat", "llm_completion"])
@pytest.mark.parametrize("values", [None, Surrogates()])
def test_who_leaves_is_taken_out_of_training_files(
    taught: Opened, tmp_path: Path, layout: str, values: Surrogates | None
) -> None:
    path = tmp_path / "tune.jsonl"
    done = lessons(taught, path, layout=layout, surrogates=values)
    (tmp_path / "sent.jsonl").write_bytes(path.read_bytes())
    before = path.read_bytes().splitlines()
    (phone,) = [line for line in before if b"mi tel" in line]

    plan = recall(taught, "user99", tmp_path)

    assert (plan.unreadable, plan.absent, plan.lines_absent) == ((), (), 0)
    for file in (path, tmp_path / "sent.jsonl"):
        left = file.read_bytes().splitlines()
        assert phone not in left
        assert [line for line in before if line in left] == left
        assert 1 <= len(before) - len(left) <= 2
    (ids,) = json.loads(done.manifest.read_text("utf-8"))["files"].values()
    assert len(ids) == len(path.read_bytes().splitlines())


def test_where_approval_is_asked_for_nothing_else_trains(
    taught: Opened, tmp_path: Path
) -> None:
    with transaction(taught.engine) as connection:
        first, *_ = annotations.waiting(connection)
        annotations.decide(connection, [first.id], "approved", approver="Bo", now=NOW)

    lessons(taught, tmp_path / "tune.jsonl", approved_only=True)

    assert said(tmp_path / "tune.jsonl") == [first.text]


# What an import leaves to be mended


def mend(opened: Opened, path: Path, content: str, name: str) -> Rejects:
    """Import a file; what it leaves is still to be written."""
    form = catalogue.format_named(name)
    rejects = Rejects(path, content.encode(), form, root=path.parent)
    import_items(
        opened.engine, [], problems=form.load(content.encode(), path.name).problems,
        rejects=rejects, privacy=opened.privacy, source=path.name, now=NOW,
    )  # fmt: skip
    return rejects


def test_a_record_that_names_two_people_goes_with_either(
    opened: Opened, tmp_path: Path
) -> None:
    ana, bo, cris = (min(ids) for ids in by_person(opened).values())
    head, torn, bad = (
        "turn_id,text,intent\n",
        f'{ana},"hola,greet\n{bo},"dos",greet\n',
        f"{cris},,greet\n",
    )
    rejects = mend(opened, tmp_path / "review.csv", head + torn + bad, "csv")
    with reading(opened.engine) as connection:
        recorded = copies.turns_in(connection, "review.csv.rejected")
    first = rejects.write(opened.engine)
    assert first is not None
    assert first.read_text("utf-8") == head + torn + bad

    with transaction(opened.engine) as connection:
        erasure.erase(connection, opened.vault.pseudonym("bo"), now=NOW)
    second = rejects.write(opened.engine)

    assert recorded == {ana, bo, cris}
    assert second is not None
    assert second.read_text("utf-8") == head + bad


def test_what_shares_a_line_with_words_of_who_left_is_not_written_down(
    opened: Opened, tmp_path: Path
) -> None:
    gone, here = turn_ids = ["t_" + "0" * 20, min(by_person(opened)["ana"])]
    for order in (turn_ids, turn_ids[::-1]):
        listed = ", ".join(f"{{text: '', metadata: {{turn_id: {x}}}}}" for x in order)
        content = f"nlu:\n- intent: a\n  examples: [{listed}]\n"
        rejects = mend(opened, tmp_path / "review.yml", content, "rasa_nlu")

        assert rejects.write(opened.engine) is None

    mended = mend(
        opened, tmp_path / "review.yml", content.replace(gone, here), "rasa_nlu"
    )
    assert mended.write(opened.engine) is not None
