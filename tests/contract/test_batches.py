"""What went out can be seen and taken back, and approved once it is back."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rasa_qa_plugin.batches import Batch as Said
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.review import approval, batches, exporting
from rasa_qa_plugin.review.approval import Candidate, Decided, Rules
from rasa_qa_plugin.review.batches import Standing
from rasa_qa_plugin.review.fine_tuning import Selection, export_lessons
from rasa_qa_plugin.review.recall import plan_recall
from rasa_qa_plugin.settings import ReviewSettings
from rasa_qa_plugin.storage import (
    annotations,
    copies,
    erasure,
    retention,
    schema,
    search,
    turns,
)
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.purge_rounds import Purge
from tests.conftest import Events, Open
from tests.contract.test_opinions import item, opinions, take, turn

NOW = 1_700_000_200.0
TEXTS = ("hola", "precio", "adiós")


@pytest.fixture
def opened(open_store: Open, events: Events) -> Opened:
    """One turn of each of three who agreed."""
    opened = open_store()
    for text in TEXTS:
        said = [events.slot("qa_consent", "granted"), events.user(text)]
        opened.recorder.record(Said(sender_id=text, events=said), now=NOW)
    return opened


def export(opened: Opened, path: Path, **options: Any) -> Standing:
    exporting.export(
        opened.engine, path, root=path.parent, **{"all_turns": True, **options}, now=NOW
    )
    return batches.overview(opened.engine, root=path.parent)[0]


def statuses(opened: Opened) -> dict[str | None, str]:
    with reading(opened.engine) as connection:
        return {one.text: one.status for one in search.find(connection)}


def noted(opened: Opened, action: str) -> list[str]:
    with reading(opened.engine) as connection:
        query = sa.select(schema.activity.c.detail).order_by(schema.activity.c.id)
        rows = connection.execute(query.where(schema.activity.c.action == action))
        return list(rows.scalars())


def copied(opened: Opened) -> list[str]:
    with reading(opened.engine) as connection:
        query = sa.select(schema.copies.c.file).order_by(schema.copies.c.id)
        return list(connection.execute(query).scalars())


def test_a_batch_says_how_it_was_made_and_what_became_of_it(
    opened: Opened, tmp_path: Path
) -> None:
    export(opened, tmp_path / "r.yml", limit=2, people=["Ana", "Bo"])
    (answered, other, *_) = (
        text for text, how in statuses(opened).items() if how != "new"
    )
    take(opened, item(opened, str(answered), "price", "Ana"))
    with transaction(opened.engine) as connection:
        pseudonym = turn(opened, str(other)).sender_id
        erasure.erase(connection, pseudonym, now=NOW)

    found = batches.overview(opened.engine, root=tmp_path)[0]

    batch = found.batch
    assert (batch.file, batch.items, batch.people) == ("r.yml", 2, ["Ana", "Bo"])
    assert batch.filters == {"all": True, "limit": 2}
    assert (found.by_status, found.gone) == ({"annotated": 1}, 1)
    assert found.file_state == "as exported"
    (tmp_path / "r.yml").write_text("nlu: []")
    assert batches.overview(opened.engine, root=tmp_path)[0].file_state == "edited"
    (tmp_path / "r.yml").unlink()
    assert batches.overview(opened.engine, root=tmp_path)[0].file_state == "not there"


def test_a_batch_taken_back_lets_unanswered_turns_wait_again_once(
    opened: Opened, tmp_path: Path
) -> None:
    batch_id = export(opened, tmp_path / "r.yml").batch.batch_id
    take(opened, item(opened, "hola", "price", "Ana"))
    plan = batches.plan_withdrawal(opened.engine, batch_id, root=tmp_path)
    assert (len(plan.waiting), plan.answered, plan.before) == (2, 1, False)
    assert statuses(opened)["precio"] == "exported"

    done = batches.withdraw(opened.engine, batch_id, root=tmp_path, now=NOW)

    assert done == plan
    back = {"hola": "annotated", "precio": "new", "adiós": "new"}
    assert statuses(opened) == back
    # They go out again, and the first batch, taken back twice, leaves them alone.
    export(opened, tmp_path / "again.yml")
    again = batches.withdraw(opened.engine, batch_id, root=tmp_path, now=NOW)
    assert (again.before, again.waiting) == (True, [])
    assert statuses(opened)["precio"] == "exported"
    assert noted(opened, "withdraw") == [f'{{"batch":"{batch_id}","turns":2}}']


def test_a_turn_that_is_out_in_another_batch_stays_out(
    opened: Opened, tmp_path: Path
) -> None:
    first = export(opened, tmp_path / "one.yml").batch.batch_id
    export(opened, tmp_path / "two.yml", again=True)

    done = batches.withdraw(opened.engine, first, root=tmp_path, now=NOW)

    assert (done.waiting, len(done.elsewhere)) == ([], 3)
    assert set(statuses(opened).values()) == {"exported"}


def test_a_file_to_train_with_holds_no_turn_back(
    opened: Opened, tmp_path: Path
) -> None:
    take(opened, item(opened, "hola", "price", "Ana"))
    tuned = Selection(layout="llm_chat")
    path, before = tmp_path / "tune.jsonl", NOW - 1
    export_lessons(opened.engine, path, tuned, held_out=(), root=tmp_path, now=before)
    with transaction(opened.engine) as connection:
        turns.set_status(connection, [turn(opened, "hola").turn_id], "new")
    mine = export(opened, tmp_path / "one.yml").batch.batch_id

    done = batches.withdraw(opened.engine, mine, root=tmp_path, now=NOW)

    assert done.elsewhere == []
    assert set(statuses(opened).values()) == {"new"}


def test_erase_looks_for_a_file_until_it_is_deleted_here(
    opened: Opened, tmp_path: Path
) -> None:
    batch_id = export(opened, tmp_path / "r.yml").batch.batch_id
    batches.withdraw(opened.engine, batch_id, root=tmp_path, now=NOW)
    assert copied(opened) == ["r.yml"] * 3

    done = batches.withdraw(
        opened.engine, batch_id, root=tmp_path, delete_file=True, now=NOW
    )

    assert done.file_deleted
    assert not (tmp_path / "r.yml").exists()
    assert copied(opened) == []


def test_work_in_a_file_is_never_deleted(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "r.yml"
    batch_id = export(opened, path).batch.batch_id
    path.write_text(path.read_text("utf-8").replace("greet", "price"), "utf-8")

    with pytest.raises(RasaQAError, match="is not what was exported; import it first"):
        batches.withdraw(
            opened.engine, batch_id, root=tmp_path, delete_file=True, now=NOW
        )

    assert path.exists()
    assert set(statuses(opened).values()) == {"exported"}
    # One that was moved away stays on record too.
    path.rename(tmp_path / "moved.yml")
    batches.withdraw(opened.engine, batch_id, root=tmp_path, delete_file=True, now=NOW)
    assert len(copied(opened)) == 3
    with transaction(opened.engine) as connection:
        pseudonym = turn(opened, "hola").sender_id
        erasure.erase(connection, pseudonym, now=NOW)
        left = copies.recalled(connection)
    plan = plan_recall(left, root=tmp_path, backups=tmp_path / "backups")
    assert (plan.turns, [one.path.name for one in plan.files]) == (1, ["moved.yml"])


def test_who_got_a_file_is_known_by_its_name(opened: Opened, tmp_path: Path) -> None:
    export(opened, tmp_path / "ana.yml", limit=1, people=["Ana"])
    export(opened, tmp_path / "both.yml", people=["Ana", "Bo"])

    with reading(opened.engine) as connection:
        assert set(batches.handed_to(connection, "ana.yml").values()) == {"Ana"}
        assert batches.handed_to(connection, "both.yml") == {}


def corrected(opened: Opened) -> None:
    """Ana confirms `hola`; she and Bo correct `precio`; `adiós` has no name."""
    take(
        opened,
        item(opened, "hola", "greet", "Ana"),
        item(opened, "precio", "price", "Ana"),
        item(opened, "precio", "price", "Bo"),
        item(opened, "adiós", "price", ""),
    )


def approved(
    opened: Opened, *what: str, name: str = "Luis", two: bool = False, **rules: Any
) -> Decided:
    found = approval.candidates(opened.engine, what, rules=Rules(**rules))
    return decided(opened, found, name=name, two=two)


def decided(
    opened: Opened,
    found: list[Candidate],
    *,
    approve: bool = True,
    name: str = "Luis",
    two: bool = False,
) -> Decided:
    return approval.decide(
        opened.engine,
        found,
        approve=approve,
        name=name,
        review=ReviewSettings(two_people=two),
        now=NOW,
    )


def ready(opened: Opened, **settings: bool) -> list[str | None]:
    with reading(opened.engine) as connection:
        found = approval.ready(connection, ReviewSettings(**settings))
        return [one.text for one in found]


def test_without_approval_all_is_merged_with_it_what_was_approved(
    opened: Opened,
) -> None:
    corrected(opened)
    assert ready(opened) == ["hola", "precio", "adiós"]
    assert ready(opened, approval=True) == []

    done = approved(opened, turn(opened, "precio").turn_id)

    assert done.approved == [turn(opened, "precio").turn_id]
    assert statuses(opened)["precio"] == "approved"
    assert ready(opened, approval=True) == ["precio"]
    assert ready(opened) == ["hola", "precio", "adiós"]
    with transaction(opened.engine) as connection:
        annotations.mark_merged(connection, done.approved)
    assert ready(opened) == ["hola", "adiós"]


@pytest.mark.parametrize(
    ("rules", "chosen"),
    [
        ({}, ["hola", "precio", "adiós"]),
        ({"agreed": True}, ["precio"]),
        ({"confirmed": True}, ["hola"]),
        ({"min_confidence": 0.99}, []),
        ({"min_confidence": 0.9, "annotator": "Ana"}, ["hola", "precio"]),
        ({"confirmed": True, "agreed": True}, []),
    ],
)
def test_rules_choose_and_all_of_them_must_hold(
    opened: Opened, rules: dict[str, Any], chosen: list[str]
) -> None:
    corrected(opened)

    found = approval.candidates(opened.engine, rules=Rules(**rules))

    assert [one.given.text for one in found] == chosen


def test_corrections_are_chosen_by_batch_file_or_turn(
    opened: Opened, tmp_path: Path
) -> None:
    batch_id = export(opened, tmp_path / "r.yml", limit=1).batch.batch_id
    take(
        opened, *(item(opened, text, "price", "Ana") for text in TEXTS), source="a.csv"
    )

    def chosen(*what: str) -> int:
        return len(approval.candidates(opened.engine, what))

    assert (chosen(batch_id), chosen("folder/a.csv"), chosen()) == (1, 3, 3)
    for nothing in ("b_0", "other.csv", "t_0"):
        with pytest.raises(RasaQAError):
            chosen(nothing)


def test_nobody_approves_their_own_where_two_people_are_asked_for(
    opened: Opened,
) -> None:
    corrected(opened)

    done = approved(opened, name="ANA", two=True)

    assert (done.approved, len(done.own), len(done.nameless)) == ([], 2, 1)
    assert approved(opened, name="Luis", two=True).approved == done.own
    assert ready(opened, two_people=True) == ["hola", "precio"]


def test_what_one_person_approved_alone_does_not_count_once_two_are_asked_for(
    opened: Opened,
) -> None:
    corrected(opened)
    approved(opened, name="Ana")

    assert ready(opened, approval=True) == ["hola", "precio", "adiós"]
    assert ready(opened, two_people=True) == []


def test_what_a_person_meant_in_the_chat_needs_one_of_the_team(opened: Opened) -> None:
    with transaction(opened.engine) as connection:
        annotations.record(
            connection,
            Annotation(
                turn_id=turn(opened, "hola").turn_id, text="hola", intent="price",
                entities=[], source="did_you_mean", annotated_at=NOW,
            ),
        )  # fmt: skip

    assert len(approved(opened, two=True).approved) == 1


def test_what_is_refused_waits_again_and_an_import_repeated_does_not_bring_it_back(
    opened: Opened,
) -> None:
    corrected(opened)
    found = approval.candidates(opened.engine, rules=Rules(agreed=True))

    done = decided(opened, found, approve=False)

    assert done.refused == [turn(opened, "precio").turn_id]
    assert statuses(opened)["precio"] == "new"
    assert turn(opened, "precio").flags == ["disagreement"]
    corrected(opened)
    assert opinions(opened, "precio") == [
        ("Ana", "price", "refused"),
        ("Bo", "price", "refused"),
    ]
    # Out once more, the same answer in another file is meant.
    with transaction(opened.engine) as connection:
        turns.set_status(connection, done.refused, "exported")
    take(opened, item(opened, "precio", "price", "Bo"), source="second.yml")
    assert opinions(opened, "precio")[1] == ("Bo", "price", "annotated")
    assert statuses(opened)["precio"] == "annotated"


def test_who_changes_their_mind_needs_another_approval(opened: Opened) -> None:
    corrected(opened)
    approved(opened)

    take(opened, item(opened, "hola", "faq", "Ana"))
    take(opened, item(opened, "precio", "greet", "Cy"))

    assert statuses(opened)["hola"] == "annotated"
    assert ready(opened, approval=True) == ["precio", "adiós"]
    # What others say later does not undo it.
    assert opinions(opened, "precio")[-1] == ("Cy", "greet", "overruled")


def test_every_decision_is_noted_without_a_word_or_a_person(opened: Opened) -> None:
    corrected(opened)
    found = approval.candidates(opened.engine)
    numbers = [one.given.id for one in found]
    decided(opened, found[:1])
    decided(opened, found[1:2], approve=False)

    assert noted(opened, "approve") == [f'{{"annotation":{numbers[0]},"by":"Luis"}}']
    assert noted(opened, "refuse") == [f'{{"annotation":{numbers[1]},"by":"Luis"}}']


def test_a_decision_about_what_changed_meanwhile_is_not_taken(
    opened: Opened, events: Events
) -> None:
    corrected(opened)
    found = approval.candidates(opened.engine)
    take(opened, item(opened, "hola", "faq", "Ana"))
    withdrawn = [events.slot("qa_consent", "withdrawn")]
    opened.recorder.record(Said(sender_id="precio", events=withdrawn), now=NOW)

    done = decided(opened, found)

    assert done.changed == [one.given.turn_id for one in found[:2]]
    assert len(done.approved) == 1
    assert decided(opened, found).changed == [one.given.turn_id for one in found]


def test_a_purge_takes_the_names_of_the_team_with_the_turns(
    opened: Opened, tmp_path: Path
) -> None:
    export(opened, tmp_path / "r.yml", people=["Ana"])
    corrected(opened)
    done = approved(opened)
    with transaction(opened.engine) as connection:
        annotations.mark_merged(connection, done.approved)

    list(retention.run(opened.engine, Purge(cutoff=NOW + 1e9, now=NOW)))

    with reading(opened.engine) as connection:
        rows = connection.execute(sa.select(schema.annotations)).all()
        (people,) = connection.execute(sa.select(schema.batches.c.people)).scalars()
    assert {(row.annotator, row.approver) for row in rows} == {("", None)}
    assert people == "[]"
