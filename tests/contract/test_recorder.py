"""What a save promises, on every database."""

import json
import threading
import time
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.privacy.vault import message_ref
from rasa_qa_plugin.settings import ConsentSettings, PrivacySettings, Settings
from rasa_qa_plugin.storage import (
    annotations,
    consents,
    conversations,
    erasure,
    schema,
    search,
    turns,
)
from rasa_qa_plugin.storage.conversations import StoredEvent
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.writer import Writer
from tests.conftest import Events, Open

WHO = "593998765432"
NOW = 1_700_000_100.0
PHONE = "0991234567"
GRANTED = ("qa_consent", "granted")


def save(
    opened: Opened, *new: dict[str, Any], now: float = NOW, replaces: bool = False
) -> Any:
    batch = Batch(sender_id=WHO, events=list(new), replaces=replaces)
    return opened.recorder.record(batch, now=now)


def everything(opened: Opened) -> str:
    """Read every text and readable blob of every table."""
    found = []
    with reading(opened.engine) as connection:
        for table in schema.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                found.extend(
                    str(bytes(v) if isinstance(v, memoryview) else v) for v in row
                )
    return "\n".join(found)


def stored_turns(opened: Opened) -> list[turns.Turn]:
    with reading(opened.engine) as connection:
        return list(search.find(connection))


def test_a_conversation_comes_back_as_it_was(open_store: Open, events: Events) -> None:
    opened = open_store()
    said = [
        events.action("action_session_start"),
        events.session(),
        events.action("action_listen"),
        events.user(f"mi celular es {PHONE}"),
        events.slot("contact_phone", PHONE),
        events.bot(f"Anotado: {PHONE}"),
    ]
    save(opened, *said)

    loaded = opened.recorder.load(WHO, all_sessions=True, now=NOW)

    assert loaded is not None
    assert loaded.events == said


def test_only_the_last_session_is_loaded_for_the_dialogue(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    save(opened, events.session(), events.user("hola"))
    latest = [events.session(), events.user("otra vez")]
    save(opened, events.action("action_session_start"), *latest)

    loaded = opened.recorder.load(WHO, all_sessions=False, now=NOW)

    assert loaded is not None
    assert loaded.events == latest


def test_neither_values_nor_sender_id_are_in_any_row(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    save(
        opened,
        events.slot(*GRANTED),
        events.user(f"mi celular es {PHONE}", entities=[
            {"entity": "phone", "value": PHONE, "start": 14, "end": 24},
        ]),
        events.slot("contact_phone", PHONE),
        events.bot(f"Anotado: {PHONE}"),
    )  # fmt: skip

    rows = everything(opened)

    assert PHONE not in rows
    assert WHO not in rows
    assert "mi celular es [PHONE]" in rows


def test_without_consent_no_text_is_kept(open_store: Open, events: Events) -> None:
    opened = open_store()
    save(opened, events.user("quiero camarones para la boda"), events.bot("Claro."))

    rows = everything(opened)

    assert "camarones" not in rows
    assert "Claro." not in rows
    (turn,) = stored_turns(opened)
    assert (turn.text, turn.answer, turn.entities) == (None, None, None)
    assert (turn.intent, turn.confidence) == ("greet", 0.95)


def test_anonymized_mode_archives_masked_text_but_captures_no_turn_text(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(consent=ConsentSettings(without_consent="anonymized")))
    save(opened, events.user(f"mi celular es {PHONE}"))

    rows = everything(opened)

    assert "mi celular es [PHONE]" in rows
    assert PHONE not in rows
    assert stored_turns(opened)[0].text is None


def test_nothing_mode_keeps_no_event_row_and_still_goes_on(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(consent=ConsentSettings(without_consent="nothing")))
    said = [events.session(), events.user("hola")]
    save(opened, *said)

    loaded = opened.recorder.load(WHO, all_sessions=False, now=NOW)

    assert loaded is not None
    assert loaded.events == said
    with reading(opened.engine) as connection:
        assert connection.execute(sa.select(schema.events)).all() == []


def test_withdrawing_consent_deletes_captured_words_and_keeps_the_dialogue(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said = [
        events.session(),
        events.action("action_listen"),
        events.slot(*GRANTED),
        events.user("busco langostinos", message_id="m1"),
        events.bot("Tenemos varios."),
        events.slot(
            "qa_feedback",
            {"turn": message_ref("m1"), "rating": "down", "comment": "muy lento"},
        ),
    ]
    save(opened, *said)
    with transaction(opened.engine) as connection:
        annotations.record(
            connection,
            annotations.Annotation(
                turn_id=stored_turns(opened)[0].turn_id, text="busco langostinos",
                intent="products", entities=[], source="f.yml", annotated_at=NOW,
            ),
        )  # fmt: skip
    assert "langostinos" in everything(opened)

    withdrawal = events.slot("qa_consent", "withdrawn")
    save(opened, withdrawal)

    rows = everything(opened)
    assert not [w for w in ("langostinos", "Tenemos varios", "muy lento") if w in rows]
    (turn,) = stored_turns(opened)
    assert (turn.status, turn.rating, turn.confidence) == ("withdrawn", -1, 0.95)
    with reading(opened.engine) as connection:
        assert annotations.waiting(connection) == []
    loaded = opened.recorder.load(WHO, all_sessions=False, now=NOW)
    assert loaded is not None
    assert loaded.events == [*said, withdrawal]
    assert loaded.consent is ConsentState.WITHDRAWN


def test_the_ledger_keeps_each_change_of_mind_once(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    for state in ("granted", "granted", "withdrawn", "granted"):
        save(opened, events.slot("qa_consent", state))

    with reading(opened.engine) as connection:
        history = consents.history(connection, opened.vault.pseudonym(WHO))

    assert [entry.state.value for entry in history] == [
        "granted",
        "withdrawn",
        "granted",
    ]
    assert {entry.source for entry in history} == {"chat"}


def test_a_channel_may_carry_consent_in_its_metadata(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    save(opened, events.user("hola", metadata={"qa_consent": "granted"}))

    assert stored_turns(opened)[0].text == "hola"


def test_consent_set_from_outside_counts_for_the_next_load(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    before = save(opened, events.slot(*GRANTED), events.user("hola"))
    pseudonym = opened.vault.pseudonym(WHO)

    lost = opened.recorder.set_consent(
        pseudonym, ConsentState.WITHDRAWN, source="cli", now=NOW
    )

    loaded = opened.recorder.load(WHO, all_sessions=False, now=NOW)
    assert lost == 1
    assert loaded is not None
    assert loaded.consent is ConsentState.WITHDRAWN
    assert loaded.version > before.version


def test_originals_cannot_be_read_after_the_live_window(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=1.0)))
    save(
        opened,
        events.slot(*GRANTED),
        events.user(f"mi celular es {PHONE}"),
        events.slot("contact_phone", PHONE),
        events.slot("product", "HLSO"),
    )

    late = opened.recorder.load(WHO, all_sessions=True, now=NOW + 3601)

    assert late is not None
    assert PHONE not in json.dumps(late.events)
    slots = {e["name"]: e["value"] for e in late.events if e["event"] == "slot"}
    assert slots == {"qa_consent": "granted", "contact_phone": None, "product": "HLSO"}


def test_expired_originals_and_token_maps_are_deleted(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=1.0)))
    save(opened, events.user(f"mi celular es {PHONE}"))

    assert opened.recorder.drop_expired(now=NOW + 3599) == 0
    assert opened.recorder.drop_expired(now=NOW + 3601) == 1

    with reading(opened.engine) as connection:
        assert connection.execute(sa.select(schema.originals)).all() == []
        (row,) = connection.execute(sa.select(schema.conversations)).all()
        assert row.token_map is None


@pytest.mark.parametrize("value", ["[PHONE]", {"note": "for [NAME], please"}])
def test_a_slot_that_was_told_a_token_keeps_it_for_the_live_window(
    open_store: Open, events: Events, value: Any
) -> None:
    opened = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=1.0)))
    save(opened, events.slot(*GRANTED), events.slot("note", value))

    def note(now: float) -> Any:
        loaded = opened.recorder.load(WHO, all_sessions=True, now=now)
        assert loaded is not None
        return loaded.events[-1]["value"]

    assert note(NOW + 3599) == value
    assert note(NOW + 3601) is None


def test_an_archive_load_never_opens_originals(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    save(opened, events.slot(*GRANTED), events.user(f"mi celular es {PHONE}"))

    archive = opened.recorder.load_archive(opened.vault.pseudonym(WHO), now=NOW)

    assert archive is not None
    assert archive.events[1]["text"] == "mi celular es [PHONE]"
    assert opened.recorder.load_archive(WHO, now=NOW) is None


def test_the_same_value_gets_the_same_token_in_later_turns(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    save(opened, events.slot(*GRANTED), events.user(f"mi celular es {PHONE}"))
    save(opened, events.user("y el de casa: 042345678, no llamen al 099 123 4567"))

    texts = [turn.text for turn in stored_turns(opened)]

    assert "mi celular es [PHONE]" in texts
    assert any("[PHONE_2]" in (t or "") and "al [PHONE]" in (t or "") for t in texts)


def test_a_rating_judges_the_turn_it_names_and_replaces_an_earlier_one(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    save(
        opened,
        events.slot(*GRANTED),
        events.user("primera", message_id="m1"),
        events.user("segunda", message_id="m2"),
    )
    for rating in ("up", "down"):
        save(opened, events.slot(
            "qa_feedback", {"turn": message_ref("m1"), "rating": rating}
        ))  # fmt: skip

    by_text = {turn.text: turn for turn in stored_turns(opened)}

    assert by_text["primera"].rating == -1
    assert by_text["primera"].flags == ["negative_feedback"]
    assert by_text["segunda"].rating is None


def test_a_widget_rates_in_the_metadata_of_a_message(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    widget = f"wamid.{PHONE}"

    def rated(rating: Any, comment: str | None = None) -> dict[str, Any]:
        given = {"message_id": widget, "rating": rating, "comment": comment}
        return events.user("otra", message_id="m3", metadata={"qa_feedback": given})

    save(opened, events.slot(*GRANTED), events.user("primera", message_id=widget))
    save(opened, rated("down", f"mal, llame al {PHONE}"))
    first = min(stored_turns(opened), key=lambda turn: turn.seq)
    assert (first.rating, first.comment) == (-1, "mal, llame al [PHONE]")
    assert first.flags == ["negative_feedback"]
    save(opened, events.slot("session_started_metadata", rated(1)["metadata"]))
    save(opened, rated(1))

    first = min(stored_turns(opened), key=lambda turn: turn.seq)
    assert (first.rating, first.comment) == (1, "mal, llame al [PHONE]")
    assert first.flags == []
    assert PHONE not in everything(opened)


def test_a_widget_rates_no_message_that_nobody_sent(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    for given in (
        {"message_id": "of somebody else", "rating": "up"},
        {"message_id": "m1", "rating": "splendid"},
        {"message_id": 7, "rating": "up"},
        {"rating": "up"},
        "up",
    ):
        save(opened, events.user("hola", metadata={"qa_feedback": given}))

    with reading(opened.engine) as connection:
        assert connection.execute(sa.select(schema.feedback)).all() == []


def test_without_consent_a_widget_s_comment_is_not_kept(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    given = {"message_id": "m1", "rating": "down", "comment": "muy caro"}
    save(opened, events.user("precio?", message_id="m1"))
    save(opened, events.user("ya", message_id="m2", metadata={"qa_feedback": given}))

    first = min(stored_turns(opened), key=lambda turn: turn.seq)
    assert (first.rating, first.comment) == (-1, None)
    assert "muy caro" not in everything(opened)


def test_doubtful_turns_are_flagged(open_store: Open, events: Events) -> None:
    opened = open_store()
    fallen = events.user("eh?")
    fallen["parse_data"]["intent"] = {"name": "nlu_fallback", "confidence": 0.7}
    fallen["parse_data"]["intent_ranking"].insert(
        0, {"name": "nlu_fallback", "confidence": 0.7}
    )
    save(
        opened,
        events.user("segura"),
        events.user("dudosa", confidence=0.5, second=("goodbye", 0.45)),
        fallen,
        events.user("/greet"),
    )

    by_confidence = sorted(stored_turns(opened), key=lambda turn: turn.seq)

    assert [turn.flags for turn in by_confidence] == [
        [],
        ["ambiguous", "low_confidence"],
        ["fallback"],
    ]
    assert by_confidence[2].intent == "greet"


def test_replacing_a_conversation_leaves_nothing_of_the_former(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    save(opened, events.slot(*GRANTED), events.user("algo largo"), events.user("más"))
    shorter = [events.session(), events.user("corregido")]
    save(opened, *shorter, replaces=True)

    loaded = opened.recorder.load(WHO, all_sessions=True, now=NOW)

    assert loaded is not None
    assert loaded.events == shorter
    assert [turn.text for turn in stored_turns(opened)] == ["corregido"]
    assert "algo largo" not in everything(opened)


def test_erasing_a_person_leaves_no_row_and_a_receipt_without_id(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    save(opened, events.slot(*GRANTED), events.user("hola", confidence=0.1))
    pseudonym = opened.vault.pseudonym(WHO)

    with transaction(opened.engine) as connection:
        receipt = erasure.erase(connection, pseudonym, now=NOW)

    assert receipt.rows["qa_turns"] == 1
    assert receipt.total > 4
    with reading(opened.engine) as connection:
        assert erasure.count(connection, pseudonym).total == 0
    assert pseudonym not in everything(opened)


def test_forget_me_in_the_chat_erases_the_person(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    save(opened, events.slot(*GRANTED), events.user("hola"))

    recorded = save(
        opened, events.user("/qa_forget_confirm"), events.slot("qa_forget", value=True)
    )

    assert recorded.erased
    assert recorded.published == []
    assert opened.recorder.load(WHO, all_sessions=True, now=NOW) is None
    assert opened.vault.pseudonym(WHO) not in everything(opened)


def test_a_failing_save_stores_nothing(open_store: Open, events: Events) -> None:
    opened = open_store()
    broken = events.user("hola", message_id="m")
    del broken["event"]

    with pytest.raises(KeyError):
        save(opened, events.slot(*GRANTED), broken)

    assert opened.recorder.load(WHO, all_sessions=True, now=NOW) is None


def test_published_bodies_are_masked_and_pseudonymous(
    open_store: Open, events: Events
) -> None:
    opened = open_store()

    recorded = save(
        opened, events.slot(*GRANTED), events.user(f"mi celular es {PHONE}")
    )

    shown = json.dumps(recorded.published)
    assert PHONE not in shown
    assert {body["sender_id"] for body in recorded.published} == {
        opened.vault.pseudonym(WHO)
    }
    assert "mi celular es [PHONE]" in shown


def test_two_stores_on_one_database_share_conversations(
    open_store: Open, events: Events
) -> None:
    first, second = open_store(), open_store()
    save(first, events.session(), events.user("hola"))
    save(second, events.user("sigo aquí"))

    loaded = first.recorder.load(WHO, all_sessions=False, now=NOW)

    assert loaded is not None
    assert [e.get("text") for e in loaded.events] == [None, "hola", "sigo aquí"]
    assert first.recorder.version(WHO) == loaded.version


def test_a_database_of_rasas_own_store_keeps_its_rows(
    open_store: Open, database_url: Any
) -> None:
    engine = sa.create_engine(database_url, future=True)
    with engine.begin() as connection:
        connection.execute(sa.text(
            "CREATE TABLE events (id INTEGER PRIMARY KEY, sender_id VARCHAR(255) "
            "NOT NULL, type_name VARCHAR(255) NOT NULL, timestamp FLOAT, intent_name "
            "VARCHAR(255), action_name VARCHAR(255), data TEXT)"
        ))  # fmt: skip
        connection.execute(
            sa.text("CREATE INDEX ix_events_sender_id ON events (sender_id)")
        )
        connection.execute(sa.text(
            "INSERT INTO events (id, sender_id, type_name, data) "
            "VALUES (1, 'x', 'bot', '{}')"
        ))  # fmt: skip
    engine.dispose()

    opened = open_store()

    with reading(opened.engine) as connection:
        rows = connection.execute(sa.select(schema.events)).all()
    assert [(row.id, row.sender_id, row.seq) for row in rows] == [(1, "x", None)]


def test_importing_a_correction_twice_is_once(open_store: Open, events: Events) -> None:
    opened = open_store()
    save(opened, events.slot(*GRANTED), events.user("hola"))
    correction = annotations.Annotation(
        turn_id=stored_turns(opened)[0].turn_id, text="hola", intent="goodbye",
        entities=[], source="f.yml", annotated_at=NOW,
    )  # fmt: skip
    other = msgspec.structs.replace(correction, intent="thanks")

    with transaction(opened.engine) as connection:
        assert annotations.record(connection, correction)
        assert not annotations.record(connection, correction)
        assert annotations.record(connection, other)
        assert annotations.record(connection, correction)
        (counts,) = annotations.waiting(connection)

    assert counts.intent == "goodbye"


def test_slots_that_rasa_repeats_in_a_new_session_decide_nothing(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    save(opened, events.slot(*GRANTED), events.user("antes", message_id="m1"))
    opened.recorder.set_consent(
        opened.vault.pseudonym(WHO), ConsentState.WITHDRAWN, source="cli", now=NOW
    )
    carried = {"turn": None, "rating": "down"}
    save(
        opened,
        events.action("action_session_start"),
        events.session(),
        events.slot(*GRANTED),
        events.slot("qa_feedback", carried),
        events.action("action_listen"),
        events.user("después", message_id="m2"),
    )

    loaded = opened.recorder.load(WHO, all_sessions=False, now=NOW)

    assert loaded is not None
    assert loaded.consent is ConsentState.WITHDRAWN
    assert [(turn.text, turn.rating) for turn in stored_turns(opened)] == [
        (None, None),
        (None, None),
    ]


def test_replaced_events_move_no_decision(open_store: Open, events: Events) -> None:
    opened = open_store()
    told = [events.slot(*GRANTED), events.user("hola")]
    save(opened, *told)
    save(opened, events.slot("qa_consent", "withdrawn"))
    save(opened, *told, replaces=True)

    assert [turn.text for turn in stored_turns(opened)] == [None]


def test_a_flag_that_a_channel_repeats_does_not_undo_a_withdrawal(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    flag = {"qa_consent": "granted"}
    save(opened, events.user("una", metadata=flag))
    save(opened, events.slot("qa_consent", "withdrawn"))
    save(opened, events.user("dos", metadata=flag))

    assert [turn.text for turn in stored_turns(opened)] == [None, None]


def test_a_yes_to_new_wording_is_a_new_row(open_store: Open, events: Events) -> None:
    for version in ("1", "1", "2"):
        opened = open_store(Settings(consent=ConsentSettings(policy_version=version)))
        save(opened, events.slot(*GRANTED))

    with reading(opened.engine) as connection:
        history = consents.history(connection, opened.vault.pseudonym(WHO))
    assert [entry.policy_version for entry in history] == ["1", "2"]


def test_names_that_people_may_have_typed_are_masked_in_columns_too(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    reminder = events._event(
        "reminder", name=f"llamar {PHONE}", intent="call", entities=None,
        date_time="2026-11-20T00:00:00", kill_on_user_msg=True,
    )  # fmt: skip
    typed = events.user(f"/call {PHONE}", intent=f"call {PHONE}")
    named = events.user("hola", metadata={"model_id": f"Juan {PHONE}"})
    rated = events.slot("qa_feedback", {"turn": "mi perro firulais", "rating": "up"})
    save(opened, reminder, typed, named, rated)

    rows = everything(opened)

    assert PHONE not in rows
    assert "firulais" not in rows


def test_a_command_after_blanks_is_no_turn_and_its_name_is_in_no_column(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    # Rasa strips what channels bring; events put in over HTTP come as they are.
    save(opened, events.user(f"  /call {PHONE}", intent=f"call {PHONE}"))

    assert PHONE not in everything(opened)
    assert stored_turns(opened) == []


def test_what_a_person_types_into_a_payload_cannot_break_a_save(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    twice = [events.user("hola", message_id="same") for _ in range(2)]
    save(
        opened,
        events.slot(*GRANTED),
        *twice,
        events.slot("qa_feedback", {"turn": "x" * 400, "rating": "down"}),
        events.slot("qa_feedback", {"turn": message_ref("same"), "rating": "down"}),
        events.user("\ud83d cortado \0 aquí", metadata={"model_id": "m" * 300}),
    )

    texts = [turn.text for turn in stored_turns(opened)]
    assert "? cortado   aquí" in texts


def test_after_an_erasure_neither_version_nor_turn_ids_come_again(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    seen = []
    for message_id in ("m1", "m2"):
        recorded = save(opened, events.user("hola", message_id=message_id))
        seen.append((recorded.version, stored_turns(opened)[0].turn_id))
        save(opened, events.slot("qa_forget", value=True))

    (first_version, first_turn), (second_version, second_turn) = seen
    assert first_version != second_version
    assert first_turn != second_turn


def test_an_erasure_waits_for_a_save_in_flight(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    save(opened, events.user("hola"))
    pseudonym = opened.vault.pseudonym(WHO)

    def erase() -> None:
        with transaction(opened.engine) as connection:
            erasure.erase(connection, pseudonym, now=NOW)

    eraser = threading.Thread(target=erase)
    with transaction(opened.engine) as connection:
        conversations.find(connection, pseudonym, for_update=True)
        eraser.start()
        eraser.join(0.3)  # it must be waiting for us now
        late = StoredEvent(1, "{}", None)
        conversations.append(
            connection, pseudonym, [(late, {"event": "bot"}, 0)], expires_at=NOW
        )
    eraser.join()

    with reading(opened.engine) as connection:
        assert erasure.count(connection, pseudonym).total == 0


def test_the_numbering_of_values_lives_no_longer_than_originals(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=1.0)))
    kept = []
    for minutes in range(0, 100, 20):
        said = events.user(f"cel {PHONE}" if minutes == 0 else "sigo aquí")
        save(opened, said, now=NOW + minutes * 60)
        with reading(opened.engine) as connection:
            (row,) = connection.execute(sa.select(schema.conversations)).all()
        sealed = bytes(row.token_map or b"")
        plain = opened.vault.unseal(sealed, context=row.sender_id)
        kept.append(PHONE.encode() in (plain or b""))

    assert kept == [True, True, True, False, False]


def test_nothing_mode_leaves_no_row_of_people_who_did_not_agree(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(consent=ConsentSettings(without_consent="nothing")))
    save(opened, events.user("antes"))
    assert stored_turns(opened) == []

    save(opened, events.slot(*GRANTED), events.user("durante"))
    assert [turn.text for turn in stored_turns(opened)] == ["durante"]

    save(opened, events.slot("qa_consent", "withdrawn"))
    assert stored_turns(opened) == []
    with reading(opened.engine) as connection:
        assert connection.execute(sa.select(schema.events)).all() == []


def test_withdrawal_works_while_expired_originals_are_still_there(
    open_store: Open, events: Events
) -> None:
    short = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=1.0)))
    user = {**events.user("hola"), "timestamp": NOW}
    save(short, events.slot(*GRANTED), user)
    long = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=48.0)))

    lost = long.recorder.set_consent(
        long.vault.pseudonym(WHO), ConsentState.WITHDRAWN, source="cli", now=NOW + 7200
    )

    assert lost == 1


def test_a_bare_save_keeps_structure_and_originals(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said = [events.slot(*GRANTED), events.user("hola")]
    opened.recorder.record(Batch(sender_id=WHO, events=said), now=NOW, bare=True)

    loaded = opened.recorder.load(WHO, all_sessions=True, now=NOW)

    assert loaded is not None
    assert loaded.events == said
    assert stored_turns(opened) == []
    assert "hola" not in everything(opened)


def test_a_save_whose_answer_was_lost_is_stored_once(
    open_store: Open, events: Events
) -> None:
    recorder = open_store().recorder
    batch = Batch(sender_id=WHO, events=[events.user("hola")])
    recorder.record(batch, now=NOW)

    again = recorder.record(msgspec.structs.replace(batch, waited=True), now=NOW)

    loaded = recorder.load(WHO, all_sessions=True, now=NOW)
    assert loaded is not None
    assert (len(loaded.events), again.version) == (1, loaded.version)
    assert (again.previous_version, again.published) == (-1, [])


def test_a_batch_that_waited_is_written_once_whatever_came_between(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    late = Batch(sender_id=WHO, events=[events.user("de la cola")], waited=True)
    opened.recorder.record(late, now=NOW)
    save(opened, events.user("de otro servidor"))
    opened.recorder.record(late, now=NOW)

    loaded = opened.recorder.load(WHO, all_sessions=True, now=NOW)
    assert loaded is not None
    assert [e["text"] for e in loaded.events] == ["de la cola", "de otro servidor"]


def test_a_save_that_got_through_late_is_stored_once_beside_another_server(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    late = Batch(sender_id=WHO, events=[events.user("tarde")])
    opened.recorder.record(late, now=NOW)  # nobody waited for the answer
    other = Batch(
        sender_id=WHO, events=[events.user("de otro servidor")], batch_id="0" * 32
    )
    opened.recorder.record(other, now=NOW)
    opened.recorder.record(msgspec.structs.replace(late, waited=True), now=NOW)

    loaded = opened.recorder.load(WHO, all_sessions=True, now=NOW)
    assert loaded is not None
    assert [e["text"] for e in loaded.events] == ["tarde", "de otro servidor"]


def test_what_a_clock_dated_that_ran_ahead_lives_no_longer_than_the_window(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=1.0)))
    save(opened, events.user(f"mi celular es {PHONE}"), now=NOW + 365 * 86_400)

    assert opened.recorder.drop_expired(now=NOW) == 0
    live = opened.recorder.load(WHO, all_sessions=True, now=NOW + 3599)
    assert live is not None
    assert PHONE in json.dumps(live.events)

    assert opened.recorder.drop_expired(now=NOW + 3601) == 1
    with reading(opened.engine) as connection:
        (row,) = connection.execute(sa.select(schema.conversations)).all()
    assert row.token_map is None


def test_a_numbering_begun_by_a_clock_that_ran_ahead_ends_with_the_window(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=1.0)))
    save(opened, events.user(f"cel {PHONE}"), now=NOW + 365 * 86_400)
    for minutes in (0, 30, 61):
        save(opened, events.user("sigo aquí"), now=NOW + minutes * 60)

    with reading(opened.engine) as connection:
        (row,) = connection.execute(sa.select(schema.conversations)).all()
    assert row.token_map is None


def test_a_clock_set_back_neither_loses_nor_repeats_nor_brings_back_words(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=1.0)))
    save(opened, events.user(f"viejo {PHONE}"), now=NOW - 4000)
    save(opened, events.user(f"antes {PHONE}"), events.slot("a", 1))
    assert opened.recorder.drop_expired(now=NOW) == 1

    back = NOW - 1800
    batch = Batch(sender_id=WHO, events=[events.user(f"después {PHONE} 0998888888")])
    opened.recorder.record(batch, now=back)
    opened.recorder.record(msgspec.structs.replace(batch, waited=True), now=back)

    for now in (back, NOW):
        loaded = opened.recorder.load(WHO, all_sessions=True, now=now)
        assert loaded is not None
        assert [e["text"] for e in loaded.events if e["event"] == "user"] == [
            "[WITHHELD]",
            f"antes {PHONE}",
            f"después {PHONE} 0998888888",
        ]
    with reading(opened.engine) as connection:
        rows = connection.execute(sa.select(schema.events.c.seq)).scalars().all()
    assert list(rows) == [0, 1, 2, 3]


def test_a_damaged_row_costs_the_bot_that_row_only(
    open_store: Open, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    opened = open_store(Settings(consent=ConsentSettings(without_consent="anonymized")))
    said = [events.user(f"{n}: {PHONE}") for n in range(4)]
    save(opened, *said, events.bot("hola"))
    name = opened.vault.pseudonym(WHO)
    with transaction(opened.engine) as connection:
        for seq, data in ((2, '{"event": "us'), (4, "[]")):
            connection.execute(
                schema.events.update()
                .where(schema.events.c.seq == seq)
                .values(data=data)
            )
        connection.execute(
            schema.originals.update()
            .where(schema.originals.c.seq.in_([1, 2]))
            .values(payload=b"x" * 40)
        )

    loaded = opened.recorder.load(WHO, all_sessions=True, now=NOW)

    assert loaded is not None
    assert [e["text"] for e in loaded.events] == [
        f"0: {PHONE}",
        "1: [PHONE]",
        f"3: {PHONE}",
    ]
    assert "2 originals cannot be opened" in caplog.text
    assert "2 events of a conversation are damaged" in caplog.text
    assert not any(secret in caplog.text for secret in (WHO, PHONE, name, "hola"))
    save(opened, events.user("sigo"))
    with reading(opened.engine) as connection:
        rows = connection.execute(sa.select(schema.events.c.seq)).scalars().all()
    assert sorted(rows) == list(range(6))


def test_two_servers_that_meet_a_person_at_once_both_keep_the_words(
    open_store: Open, events: Events
) -> None:
    opened = open_store(Settings(consent=ConsentSettings(without_consent="anonymized")))
    writers = [Writer(opened.recorder) for _ in range(2)]
    for number in range(20):
        meet = threading.Barrier(2)

        def write(server: int, who: str = f"person-{number}", meet: Any = meet) -> None:
            batch = Batch(
                sender_id=who, events=[events.user(f"a {server}")], saved_at=NOW
            )
            meet.wait()
            writers[server].write(batch)

        servers = [threading.Thread(target=write, args=(n,)) for n in range(2)]
        for server in servers:
            server.start()
        for server in servers:
            server.join()
        name = opened.vault.pseudonym(f"person-{number}")
        kept = opened.recorder.load_archive(name, now=NOW)
        assert kept is not None
        assert sorted(event["text"] for event in kept.events) == ["a 0", "a 1"]


def test_a_clock_set_back_does_not_stop_the_sweep(
    open_store: Open, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_store(Settings(privacy=PrivacySettings(live_ttl_hours=1.0)))
    writer = Writer(opened.recorder)
    started = time.monotonic()

    def write(at: float) -> None:
        monkeypatch.setattr(time, "time", lambda: at)
        said = [events.user(f"cel {PHONE}")]
        writer.write(Batch(sender_id=WHO, events=said, saved_at=at))

    write(NOW)
    save(opened, events.user(f"cel {PHONE}"), now=NOW - 7000)  # expires 3400 s ago
    monkeypatch.setattr(time, "monotonic", lambda: started + 3600)
    write(NOW - 3000)

    with reading(opened.engine) as connection:
        left = connection.execute(sa.select(schema.originals.c.seq)).scalars().all()
    assert sorted(left) == [0, 2]
