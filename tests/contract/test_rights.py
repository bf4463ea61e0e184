"""What a person, and an age limit, can ask of the database, on every database."""

import itertools
import json
import logging
import sqlite3
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from rasa_qa_plugin import subject
from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.errors import StorageError
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.privacy.vault import message_ref
from rasa_qa_plugin.settings import ConsentSettings, PrivacySettings, Settings
from rasa_qa_plugin.storage import (
    annotations,
    batches,
    consents,
    conversations,
    erasure,
    retention,
    schema,
    turns,
)
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.purge_rounds import KINDS, Purge
from tests.conftest import Events, Open

NOW = 1_700_100_000.0
DAY = 86_400.0
AGO = NOW - 100 * DAY
LATELY = NOW - DAY / 2
ANA, LUIS = "593998765432", "593990000001"
PHONE, OTHER_PHONE = "0991234567", "0987654321"
TABLES = (
    "events", "qa_conversations", "qa_originals", "qa_turns", "qa_flags",
    "qa_feedback", "qa_annotations", "qa_consents", "qa_escalations",
)  # fmt: skip
_messages = itertools.count()


class KilledError(Exception):
    """Stands for a process that ends in the middle of a transaction."""


def says(
    opened: Opened, events: Events, who: str, *texts: str, at: float, rated: bool = True
) -> list[str]:
    """Let a person who agreed say doubtful things, and complain about the last."""
    said: list[dict[str, Any]] = [
        {**events.slot("qa_consent", "granted"), "timestamp": at}
    ]
    before = set(turn_ids(opened))
    for text in texts:
        message_id = f"m{next(_messages)}"
        user = events.user(text, confidence=0.3, message_id=message_id)
        said += [{**user, "timestamp": at}, {**events.bot("Claro."), "timestamp": at}]
    if rated:
        comment = {"turn": message_ref(message_id), "rating": "down", "comment": "no"}
        said.append({**events.slot("qa_feedback", comment), "timestamp": at})
    opened.recorder.record(Batch(sender_id=who, events=said), now=at)
    return [one for one in turn_ids(opened) if one not in before]


def hands_over(opened: Opened, events: Events, who: str, *, at: float) -> None:
    """Open a ticket for a person."""
    case = {"case": message_ref(f"case of {who}"), "reason": "asked", "tags": []}
    said = {**events.slot("qa_escalation", case), "timestamp": at}
    opened.recorder.record(Batch(sender_id=who, events=[said]), now=at)


def turn_ids(opened: Opened) -> list[str]:
    with reading(opened.engine) as connection:
        rows = connection.execute(
            sa.select(schema.turns.c.turn_id).order_by(schema.turns.c.seq)
        )
        return list(rows.scalars())


def correct(opened: Opened, turn_id: str, *, merged: bool = False) -> None:
    with transaction(opened.engine) as connection:
        annotations.record(
            connection,
            annotations.Annotation(
                turn_id=turn_id, text=f"corregido {turn_id}", intent="price",
                entities=[], source="review.yml", annotated_at=NOW,
            ),
        )  # fmt: skip
        turns.set_status(connection, [turn_id], "annotated")
        if merged:
            annotations.mark_merged(connection, [turn_id])


def export(opened: Opened, *ids: str, batch_id: str = "b_1") -> None:
    with transaction(opened.engine) as connection:
        batches.record(
            connection,
            batches.Batch(
                batch_id=batch_id, format="rasa_nlu", file_name="review.yml",
                sha256="0" * 64, turns=list(ids), created_at=NOW,
            ),
        )  # fmt: skip


def rows(opened: Opened) -> dict[str, int]:
    with reading(opened.engine) as connection:
        return {
            name: connection.execute(
                sa.select(sa.func.count()).select_from(schema.metadata.tables[name])
            ).scalar_one()
            for name in TABLES
        }


def everything(opened: Opened) -> str:
    with reading(opened.engine) as connection:
        return "\n".join(
            str(tuple(row))
            for table in schema.metadata.sorted_tables
            for row in connection.execute(sa.select(table))
        )


def wanted(*what: Any, days: float = 90, batch: int = 500) -> Purge:
    kinds = {"what": frozenset(what)} if what else {}
    return Purge(cutoff=NOW - days * DAY, now=NOW, batch=batch, **kinds)


def purge(opened: Opened, *what: Any, days: float = 90, batch: int = 500) -> Any:
    done: Counter[str] = Counter()
    for step in retention.run(opened.engine, wanted(*what, days=days, batch=batch)):
        done.update(step.rows)
    return done


def counted(opened: Opened, *what: Any, days: float = 90) -> Any:
    with reading(opened.engine) as connection:
        return retention.count(connection, wanted(*what, days=days)).rows


def access(
    opened: Opened, who: str, *, originals: bool = True, now: float = NOW
) -> Any:
    found = subject.document(
        opened.engine, opened.vault.pseudonym(who), sender_id=who, vault=opened.vault,
        live_ttl=opened.settings.privacy.live_ttl_hours * 3600,
        originals=originals, now=now,
    )  # fmt: skip
    return json.loads(subject.as_json(found))


def trail(opened: Opened) -> list[tuple[str, dict[str, Any]]]:
    with reading(opened.engine) as connection:
        found = connection.execute(
            sa.select(schema.activity).order_by(schema.activity.c.id)
        ).all()
    return [(row.action, json.loads(row.detail)) for row in found]


# Subject access


def test_a_person_gets_everything_that_is_held_about_them(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    first, second = says(opened, events, ANA, "hola", f"cel {PHONE}", at=NOW)
    correct(opened, first)
    export(opened, first, second)

    found = access(opened, ANA, now=NOW + 60)

    assert found["subject"] == opened.vault.pseudonym(ANA)
    assert found["conversation"]["event_count"] == len(found["events"]) == 6
    (value,) = found["conversation"]["live_values"]
    assert value == {"token": "[PHONE]", "value": PHONE}
    texts = [event["archived"].get("text") for event in found["events"]]
    assert texts[3] == "cel [PHONE]"
    assert found["events"][3]["live_original"]["event"]["text"] == f"cel {PHONE}"
    assert found["events"][3]["live_original"]["kept_until"] == NOW + DAY
    assert [entry["state"] for entry in found["consents"]] == ["granted"]
    assert [turn["turn_id"] for turn in found["turns"]] == [first, second]
    assert found["turns"][1]["flags"] == ["low_confidence", "negative_feedback"]
    assert [given["comment"] for given in found["feedback"]] == ["no"]
    assert [made["text"] for made in found["annotations"]] == [f"corregido {first}"]
    assert [sent["turns"] for sent in found["exports"]] == [[first, second]]


def test_no_table_of_a_person_is_left_out_of_subject_access(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    (turn,) = says(opened, events, ANA, f"cel {PHONE}", at=NOW)
    correct(opened, turn)
    hands_over(opened, events, ANA, at=NOW)
    document = access(opened, ANA)
    shown = {
        "events": len(document["events"]),
        "qa_conversations": 1 if document["conversation"] else 0,
        "qa_originals": sum("live_original" in e for e in document["events"]),
        "qa_turns": len(document["turns"]),
        "qa_flags": sum(len(turn["flags"]) for turn in document["turns"]),
        "qa_feedback": len(document["feedback"]),
        "qa_annotations": len(document["annotations"]),
        "qa_consents": len(document["consents"]),
        "qa_escalations": len(document["tickets"]),
    }

    with reading(opened.engine) as connection:
        pseudonym = opened.vault.pseudonym(ANA)
        assert shown == erasure.count(connection, pseudonym).rows
    assert 0 not in shown.values()


def test_nobody_sees_rows_of_another_person(open_store: Open, events: Events) -> None:
    opened = open_store()
    (mine,) = says(opened, events, ANA, f"busco tilapia, cel {PHONE}", at=NOW)
    (other,) = says(opened, events, LUIS, f"busco calamar, cel {OTHER_PHONE}", at=NOW)
    for turn in (mine, other):
        correct(opened, turn)
    export(opened, other, mine)
    export(opened, other, batch_id="b_2")

    shown = json.dumps(access(opened, ANA))

    assert PHONE in shown
    assert mine in shown
    for foreign in (OTHER_PHONE, "calamar", other, opened.vault.pseudonym(LUIS), "b_2"):
        assert foreign not in shown


def test_without_originals_nothing_is_decrypted(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    says(opened, events, ANA, f"cel {PHONE}", at=NOW)

    found = access(opened, ANA, originals=False)

    assert PHONE.lstrip("0") not in json.dumps(found)
    assert found["events"][1]["live_original"] == {"kept_until": NOW + DAY}
    assert "cel [PHONE]" in json.dumps(found)


def test_originals_past_their_window_are_not_opened_for_anybody(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    says(opened, events, ANA, f"cel {PHONE}", at=NOW)

    found = access(opened, ANA, now=NOW + DAY)

    assert rows(opened)["qa_originals"] > 0  # still there, sealed
    assert PHONE.lstrip("0") not in json.dumps(found)
    assert not [event for event in found["events"] if "live_original" in event]


def test_what_is_kept_only_encrypted_is_shown_too(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(consent=ConsentSettings(without_consent="nothing")))
    said = [events.session(), events.user("\ud83d hola")]
    opened.recorder.record(Batch(sender_id=ANA, events=said), now=NOW)

    found = access(opened, ANA)

    assert [event["archived"] for event in found["events"]] == [None, None]
    assert found["events"][1]["live_original"]["event"]["text"] == "? hola"


def test_of_a_stranger_nothing_is_held(open_store: Open, events: Events) -> None:
    opened = open_store()
    says(opened, events, ANA, "hola", at=NOW)

    assert access(opened, LUIS) == {}


def test_a_decision_alone_is_something_held(open_store: Open) -> None:
    opened = open_store()
    opened.recorder.set_consent(
        opened.vault.pseudonym(ANA), ConsentState.DENIED, source="cli", now=NOW
    )

    found = access(opened, ANA)

    assert found["conversation"] is None
    assert [entry["state"] for entry in found["consents"]] == ["denied"]


def test_a_damaged_row_is_shown_and_a_foreign_secret_opens_nothing(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    says(opened, events, ANA, f"cel {PHONE}", at=NOW)
    with transaction(opened.engine) as connection:
        connection.execute(
            schema.events.update().where(schema.events.c.seq == 0).values(data="{oops")
        )
        connection.execute(schema.originals.update().values(payload=b"x" * 40))
        connection.execute(schema.conversations.update().values(token_map=b"x" * 40))

    found = access(opened, ANA)

    assert found["events"][0]["archived"] == "{oops"
    assert found["events"][1]["live_original"]["event"] is None
    assert "live_values" not in found["conversation"]


def test_subject_access_writes_nothing_to_any_log(
    open_store: Open, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    opened = open_store()
    says(opened, events, ANA, f"cel {PHONE}", at=NOW)
    before = everything(opened)

    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").debug("heard")
        found = access(opened, ANA)

    assert PHONE in json.dumps(found)
    assert caplog.messages == ["heard"]
    assert everything(opened) == before


# Purge


def test_a_purge_takes_what_is_old_and_leaves_recent_words_alone(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    says(opened, events, LUIS, f"cel {OTHER_PHONE}", at=LATELY)
    only_luis = rows(opened)
    (old,) = says(opened, events, ANA, f"cel {PHONE}", at=AGO)
    correct(opened, old)
    hands_over(opened, events, ANA, at=AGO)

    promised = counted(opened)
    done = purge(opened)

    assert done == Counter(promised)
    assert 0 not in promised.values()
    assert rows(opened) == {**only_luis, "qa_consents": 2}  # what proves the yes stays
    # Hers is only the row of the ledger.
    assert everything(opened).count(opened.vault.pseudonym(ANA)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_be_purged_alone_and_is_counted_right(
    open_store: Open, events: Events, kind: str
) -> None:
    opened = open_store()
    says(opened, events, ANA, f"cel {PHONE}", "otra", at=AGO)
    says(opened, events, LUIS, f"cel {OTHER_PHONE}", at=LATELY)
    hands_over(opened, events, ANA, at=AGO)
    hands_over(opened, events, LUIS, at=LATELY)
    with transaction(opened.engine) as connection:
        erasure.erase(connection, "qa_nobody", now=AGO)
    before = rows(opened)

    promised = counted(opened, kind)
    done = purge(opened, kind)

    assert +done == +Counter(promised)
    assert done.total() > 0
    after = rows(opened)
    assert {name: before[name] - after[name] for name in TABLES} == {
        name: done[name] for name in TABLES
    }
    assert counted(opened, kind) == dict.fromkeys(promised, 0)
    assert purge(opened, kind).total() == 0


def test_a_younger_conversation_keeps_all_of_its_events(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=24 * 365)))
    says(opened, events, ANA, f"cel {PHONE}", at=AGO)
    says(opened, events, ANA, "sigo aquí", at=LATELY)
    before = opened.recorder.load(ANA, all_sessions=True, now=NOW)

    done = purge(opened)

    assert opened.recorder.load(ANA, all_sessions=True, now=NOW) == before
    assert done["events"] == done["qa_originals"] == 0
    assert done["qa_turns"] == 1  # by their own age


def test_a_person_who_comes_back_after_a_purge_starts_anew(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    says(opened, events, ANA, "hola", at=AGO)
    version = opened.recorder.version(ANA)
    purge(opened)
    assert opened.recorder.version(ANA) is None

    says(opened, events, ANA, "otra vez", at=NOW)

    found = access(opened, ANA)
    assert [turn["text"] for turn in found["turns"]] == ["otra vez"]
    assert "hola" not in json.dumps(found)
    assert found["conversation"]["version"] != version
    assert found["conversation"]["event_count"] == 4


def test_numbers_of_turns_that_stay_are_not_given_again(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    says(opened, events, LUIS, "cero", at=AGO)
    says(opened, events, ANA, "una", "dos", at=AGO)
    version = opened.recorder.version(ANA)

    purge(opened, "events", batch=1)

    assert opened.recorder.version(ANA) not in (None, version)
    loaded = opened.recorder.load(ANA, all_sessions=False, now=NOW)
    assert loaded is not None
    assert loaded.events == []
    says(opened, events, ANA, "tres", "cuatro", at=NOW)
    texts = [turn["text"] for turn in access(opened, ANA)["turns"]]
    assert texts == ["una", "dos", "tres", "cuatro"]

    with transaction(opened.engine) as connection:
        connection.execute(schema.conversations.update().values(last_event_at=AGO))
    purge(opened, days=-1)
    assert opened.recorder.version(ANA) is None


def test_originals_of_older_conversations_go_however_long_they_may_live(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=24 * 365)))
    says(opened, events, ANA, f"cel {PHONE}", at=AGO)
    version = opened.recorder.version(ANA)

    purge(opened, "originals")

    assert opened.recorder.version(ANA) != version  # servers read it anew
    found = access(opened, ANA)
    assert PHONE.lstrip("0") not in json.dumps(found)
    assert "cel [PHONE]" in json.dumps(found)
    changed = opened.recorder.version(ANA)
    purge(opened, "originals")
    assert opened.recorder.version(ANA) == changed


def test_expired_originals_of_younger_conversations_go_and_others_stay(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    says(opened, events, ANA, f"cel {PHONE}", at=NOW - 2 * DAY)
    says(opened, events, LUIS, f"cel {OTHER_PHONE}", at=NOW - 60)
    version = opened.recorder.version(ANA)

    purge(opened, "originals")

    with reading(opened.engine) as connection:
        left = connection.execute(sa.select(schema.originals.c.sender_id).distinct())
        assert left.scalars().all() == [opened.vault.pseudonym(LUIS)]
    assert opened.recorder.version(ANA) == version


def test_merged_corrections_stay_and_lead_to_nobody(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    merged, waiting = says(opened, events, ANA, "una", "dos", at=AGO)
    (young,) = says(opened, events, LUIS, "tres", at=LATELY)
    correct(opened, merged, merged=True)
    correct(opened, waiting)
    export(opened, merged, waiting, young)

    purge(opened)

    with reading(opened.engine) as connection:
        (kept,) = connection.execute(sa.select(schema.annotations)).all()
        (batch,) = connection.execute(sa.select(schema.batches)).all()
    assert (kept.status, kept.text) == ("merged", f"corregido {merged}")
    assert kept.turn_id not in (merged, waiting)
    assert json.loads(batch.turns) == [young]


def test_a_purge_killed_half_way_and_run_again_finishes(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    people = [f"5939{number:08d}" for number in range(5)]
    for who in people:
        (turn,) = says(opened, events, who, f"cel {PHONE}", at=AGO)
        export(opened, turn, batch_id=f"b_{who}")
    says(opened, events, LUIS, "hola", at=LATELY)
    promised = Counter(counted(opened))
    seen: Counter[str] = Counter()

    def fail(table: str) -> None:
        """Purge until the second time that rows of *table* would be deleted."""

        def strike(*arguments: Any) -> None:
            if arguments[2].split()[:3] == ["DELETE", "FROM", table]:
                seen[table] += 1
                if seen[table] == 2:
                    raise KilledError

        sa.event.listen(opened.engine, "before_cursor_execute", strike)
        try:
            for step in retention.run(opened.engine, wanted(batch=2)):
                done.update(step.rows)
        finally:
            sa.event.remove(opened.engine, "before_cursor_execute", strike)

    done: Counter[str] = Counter()
    with pytest.raises(KilledError):
        fail("qa_turns")
    # The first round stands, the second left nothing half-deleted.
    assert done["qa_turns"] == 2
    left = rows(opened)
    assert (left["qa_turns"], left["qa_flags"], left["qa_feedback"]) == (4, 8, 4)
    with pytest.raises(KilledError):
        fail("qa_conversations")
    left = rows(opened)
    assert (left["qa_turns"], left["qa_conversations"]) == (1, 4)
    assert left["events"] == 4 * 4

    done.update(purge(opened, batch=2))

    assert done == promised
    assert counted(opened) == dict.fromkeys(promised, 0)
    with reading(opened.engine) as connection:
        lists = connection.execute(sa.select(schema.batches.c.turns)).scalars().all()
    assert set(lists) == {"[]"}
    assert rows(opened)["qa_turns"] == 1  # of a younger conversation
    assert [action for action, _ in trail(opened)] == ["purge"] * 3 + ["purged"]


def test_a_purge_beside_a_talking_bot_loses_no_new_event(
    open_store: Open, events: Events
) -> None:
    opened, server = open_store(), open_store()
    people = [f"5939{number:08d}" for number in range(12)]
    for who in people:
        says(opened, events, who, "antes", at=AGO)
    come_back = people[::2]
    new: dict[str, list[dict[str, Any]]] = {who: [] for who in come_back}
    failures: list[StorageError] = []
    over = threading.Event()

    def talk() -> None:
        for number in itertools.count():
            for who in come_back:
                text = f"nuevo {number}"
                said = {
                    **events.user(text, message_id=f"{who}-{number}"),
                    "timestamp": NOW + number,
                }
                try:
                    server.recorder.record(Batch(sender_id=who, events=[said]), now=NOW)
                except StorageError as error:
                    failures.append(error)
                    return
                new[who].append(said)
            if over.is_set():
                return

    bot = threading.Thread(target=talk)
    bot.start()
    purge(opened, batch=2)
    over.set()
    bot.join()

    assert failures == []
    for who, said in new.items():
        loaded = opened.recorder.load(who, all_sessions=True, now=NOW)
        assert loaded is not None
        fresh = [e for e in loaded.events if str(e.get("text")).startswith("nuevo")]
        assert fresh == said
        found = access(opened, who)
        assert [t["text"] for t in found["turns"] if t["seq"] is not None][-1] == (
            said[-1]["text"]
        )
        numbers = [event["seq"] for event in found["events"]]
        assert len(set(numbers)) == len(numbers)
    purge(opened)  # what was busy the first time
    for who in set(people) - set(come_back):
        assert opened.recorder.version(who) is None
    assert rows(opened)["qa_conversations"] == len(come_back)


def test_a_conversation_that_goes_on_while_it_is_about_to_be_purged_is_spared(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    says(opened, events, ANA, "hola", at=AGO)
    pseudonym = opened.vault.pseudonym(ANA)
    before = rows(opened)
    purging = threading.Thread(target=purge, args=(opened,))

    with transaction(opened.engine) as connection:
        row = conversations.find(connection, pseudonym, for_update=True)
        assert row is not None
        connection.execute(schema.conversations.update().values(last_event_at=NOW))
        with reading(opened.engine) as other:  # nobody else can know it yet
            assert retention.count(other, wanted("events")).rows["events"] == 4
        purging.start()
        purging.join(1)  # PostgreSQL passes by, SQLite must be waiting for us
    purging.join()

    after = rows(opened)
    assert (after["events"], after["qa_conversations"]) == (before["events"], 1)


def test_a_conversation_that_went_on_since_it_was_chosen_is_spared(
    open_store: Open, events: Events, database_url: URL
) -> None:
    if database_url.get_backend_name() == "sqlite":
        pytest.skip("one writer: nothing goes on while a round runs")
    opened, server = open_store(), open_store()
    says(opened, events, ANA, "antes", at=AGO)
    late = {**events.user("nuevo", message_id="late"), "timestamp": NOW}
    said: list[Any] = []

    def go_on(*arguments: Any) -> None:
        if "FOR UPDATE" in arguments[2] and not said:
            said.append(late)
            server.recorder.record(Batch(sender_id=ANA, events=said), now=NOW)

    sa.event.listen(opened.engine, "before_cursor_execute", go_on)
    done = purge(opened, "events")

    assert said
    assert done.total() == 0
    assert len(access(opened, ANA)["events"]) == 5


def test_a_person_who_is_writing_is_left_to_the_next_run(
    open_store: Open, events: Events, database_url: URL
) -> None:
    if database_url.get_backend_name() == "sqlite":
        pytest.skip("one writer: a purge waits its turn")
    opened = open_store()
    (kept,) = says(opened, events, ANA, "una", at=AGO)
    says(opened, events, LUIS, "dos", at=AGO)

    with transaction(opened.engine) as connection:
        pseudonym = opened.vault.pseudonym(ANA)
        conversations.find(connection, pseudonym, for_update=True)
        purge(opened)
        assert turn_ids(opened) == [kept]
        assert opened.recorder.version(ANA) is not None
        assert opened.recorder.version(LUIS) is None

    purge(opened)
    assert turn_ids(opened) == []
    assert opened.recorder.version(ANA) is None


def test_erase_and_purge_note_themselves_without_an_id(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    turn, _ = says(opened, events, ANA, "una", "dos", at=AGO)
    says(opened, events, LUIS, "tres", at=AGO)
    with transaction(opened.engine) as connection:
        erasure.erase(connection, opened.vault.pseudonym(LUIS), now=NOW)
    purge(opened, "turns", "feedback")

    noted = trail(opened)

    assert [action for action, _ in noted] == ["erase", "purge", "purged"]
    assert noted[1][1] == {"what": "turns feedback", "older_than_hours": 90 * 24}
    assert noted[2][1]["qa_turns"] == 2
    told = json.dumps(noted)
    for secret in (turn, ANA, LUIS, opened.vault.pseudonym(ANA)):
        assert secret not in told


def test_the_audit_trail_is_purged_only_when_named(open_store: Open) -> None:
    opened = open_store()
    with transaction(opened.engine) as connection:
        erasure.erase(connection, "qa_nobody", now=AGO)
    purge(opened)
    assert [action for action, _ in trail(opened)] == ["erase", "purge", "purged"]

    assert purge(opened, "activity")["qa_activity"] == 1
    assert [action for action, _ in trail(opened)] == ["purge", "purged"] * 2


def test_decisions_are_never_purged(open_store: Open, events: Events) -> None:
    opened = open_store()
    says(opened, events, ANA, "hola", at=AGO)
    purge(opened, *KINDS, days=-1)

    assert rows(opened) == {**dict.fromkeys(TABLES, 0), "qa_consents": 1}
    with reading(opened.engine) as connection:
        pseudonym = opened.vault.pseudonym(ANA)
        assert consents.current(connection, pseudonym) is ConsentState.GRANTED


def test_purged_words_are_gone_from_the_bytes_of_the_file(
    open_store: Open, events: Events, database_url: URL
) -> None:
    if database_url.get_backend_name() != "sqlite":
        pytest.skip("PostgreSQL reuses its pages by itself")
    opened = open_store()
    says(opened, events, ANA, "quiero langostinos", at=AGO)

    folder = Path(database_url.database).parent

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in folder.glob("*.db*"))

    # A server that has the file open keeps SQLite's log beside it.
    server = sqlite3.connect(database_url.database)
    server.execute("SELECT count(*) FROM events").fetchall()
    assert b"langostinos" in on_disk()
    purge(opened)
    assert b"langostinos" not in on_disk()
    server.close()
