"""What becomes of a case that was handed over, on every database."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from rasa_qa_plugin.batches import Batch, Recorded
from rasa_qa_plugin.consent import ConsentState
from rasa_qa_plugin.insights.prometheus import ServerCounts, count, exposition
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.review.flags import FLAGS
from rasa_qa_plugin.settings import ConsentSettings, EscalationSettings, Settings
from rasa_qa_plugin.storage import erasure, escalations, schema
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.escalations import Ticket
from tests.conftest import Events, Open

NOW = 1_700_100_000.0
ANA, LUIS = "593998765432", "593990000001"
PHONE = "0991234567"
CASE = {
    "case": "0123456789abcdef", "reason": "keyword", "tags": ["urgent"],
    "priority": "high", "queue": "sales", "pause": True,
}  # fmt: skip


def save(
    opened: Opened, who: str, *said: dict[str, Any], replaces: bool = False
) -> Recorded:
    batch = Batch(sender_id=who, events=list(said), replaces=replaces)
    return opened.recorder.record(batch, now=NOW)


def asks(
    opened: Opened, events: Events, who: str = ANA, *, text: str = f"urge, {PHONE}",
    case: Any = CASE, agrees: bool = True,
) -> Ticket:  # fmt: skip
    """Let a person be handed over; give the ticket."""
    consent = [events.slot("qa_consent", "granted")] if agrees else []
    save(
        opened, who, *consent, events.user(text, "complain", 0.4, message_id="m1"),
        events.slot("qa_escalation", case), events.action("action_qa_escalate"),
        events.bot("Ya viene alguien."),
    )  # fmt: skip
    (ticket,) = of(opened, who)
    return ticket


def of(opened: Opened, who: str = ANA) -> list[Ticket]:
    with reading(opened.engine) as connection:
        return escalations.of_person(connection, opened.vault.pseudonym(who))


def names(opened: Opened, who: str = ANA) -> list[tuple[str, Any]]:
    loaded = opened.recorder.load(who, all_sessions=True, now=NOW)
    assert loaded is not None
    return [(event["event"], event.get("value")) for event in loaded.events]


def test_a_ticket_says_why_for_whom_and_what_was_said_masked(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    ticket = asks(opened, events)

    assert (ticket.reason, ticket.tags, ticket.priority) == (
        "keyword", ["urgent"], "high",
    )  # fmt: skip
    assert (ticket.queue, ticket.status, ticket.paused) == ("sales", "open", True)
    assert ticket.sender_id == opened.vault.pseudonym(ANA)
    assert ticket.history is not None
    (said,) = ticket.history
    assert (said.text, said.answer) == ("urge, [PHONE]", "Ya viene alguien.")
    assert ticket.notify_at is None


def test_only_the_last_turns_are_shown(open_store: Open, events: Events) -> None:
    opened = open_store(Settings(escalation=EscalationSettings(history_turns=2)))
    save(opened, ANA, events.slot("qa_consent", "granted"))
    for number in range(3):
        save(opened, ANA, events.user(f"mensaje {number}", message_id=f"n{number}"))

    ticket = asks(opened, events)

    assert ticket.history is not None
    assert [one.text for one in ticket.history] == ["mensaje 2", "urge, [PHONE]"]


@pytest.mark.parametrize("mode", ["structure", "anonymized", "nothing"])
def test_without_consent_a_ticket_holds_no_word(
    open_store: Open, events: Events, mode: Any
) -> None:
    opened = open_store(Settings(consent=ConsentSettings(without_consent=mode)))
    assert asks(opened, events, agrees=False).history is None


def test_a_case_makes_one_ticket_however_often_it_is_told(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    ticket = asks(opened, events)
    again = events.slot("qa_escalation", CASE)

    assert save(opened, ANA, again).tickets == 0
    assert save(opened, ANA, events.session(), again).tickets == 0  # carried over
    replaced = [events.session(), events.user("hola"), events.slot("x", 1), again]
    assert save(opened, ANA, *replaced, replaces=True).tickets == 0
    assert of(opened) == [ticket]
    other = {**CASE, "case": "fedcba9876543210"}
    assert save(opened, ANA, events.slot("qa_escalation", other)).tickets == 1
    assert len({one.ticket_id for one in of(opened)}) == 2


def test_nothing_that_somebody_typed_gets_into_a_ticket_or_the_archive(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    hostile = {
        **CASE, "tags": [f"call {PHONE}", "ok"], "queue": f"tel {PHONE}",
        "priority": PHONE, "note": PHONE, PHONE: PHONE,
    }  # fmt: skip
    ticket = asks(opened, events, text="hola", case=hostile, agrees=False)

    assert (ticket.tags, ticket.queue, ticket.priority) == (["ok"], "support", "normal")
    with reading(opened.engine) as connection:
        for table in (schema.events, schema.escalations):
            held = [str(tuple(row)) for row in connection.execute(sa.select(table))]
            assert held
            assert PHONE not in "".join(held)
    assert asks(opened, events, LUIS, case=CASE).ticket_id != ticket.ticket_id
    for wrong in ("text", {"case": PHONE, "reason": "asked"}, {"case": CASE["case"]}):
        done = save(opened, "other", events.slot("qa_escalation", wrong))
        assert done.tickets == 0


def test_the_case_outlives_the_live_window(open_store: Open, events: Events) -> None:
    opened = open_store()
    asks(opened, events, agrees=False)
    later = NOW + 30 * 86_400
    opened.recorder.drop_expired(now=later)

    loaded = opened.recorder.load(ANA, all_sessions=True, now=later)

    assert loaded is not None
    cases = [one["value"] for one in loaded.events if one["event"] == "slot"]
    assert cases == [CASE]


def test_closing_lets_the_bot_go_on_and_servers_notice(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    ticket = asks(opened, events)
    save(opened, ANA, {"event": "pause", "timestamp": NOW})
    before = opened.recorder.version(ANA)

    assert opened.recorder.close_ticket(ticket.ticket_id, now=NOW + 1)

    assert before is not None
    assert opened.recorder.version(ANA) == before + 1
    assert names(opened)[-3:] == [
        ("slot", None), ("resume", None), ("action", None),
    ]  # fmt: skip
    told = names(opened)
    assert not opened.recorder.close_ticket(ticket.ticket_id, now=NOW + 2)
    assert names(opened) == told
    assert [one.status for one in of(opened)] == ["closed"]
    assert not opened.recorder.close_ticket("h_none", now=NOW)


def test_the_bot_goes_on_with_the_last_ticket_only(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    first = asks(opened, events)
    other = {**CASE, "case": "fedcba9876543210", "pause": False}
    save(opened, ANA, events.slot("qa_escalation", other))
    (second,) = (one for one in of(opened) if one.ticket_id != first.ticket_id)

    opened.recorder.close_ticket(first.ticket_id, now=NOW)
    assert ("resume", None) not in names(opened)

    opened.recorder.close_ticket(second.ticket_id, now=NOW)
    assert ("resume", None) in names(opened)


def test_a_case_that_did_not_pause_resumes_nothing(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    ticket = asks(opened, events, case={**CASE, "pause": False})
    opened.recorder.close_ticket(ticket.ticket_id, now=NOW)

    assert names(opened)[-1] == ("slot", None)


def test_withdrawing_consent_takes_the_words_and_leaves_the_case(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    asks(opened, events)
    asks(opened, events, LUIS)

    opened.recorder.set_consent(
        opened.vault.pseudonym(ANA), ConsentState.WITHDRAWN, source="cli", now=NOW
    )

    assert [(one.history, one.status) for one in of(opened)] == [(None, "open")]
    assert [one.history is None for one in of(opened, LUIS)] == [False]


def test_erasing_a_person_takes_their_tickets(open_store: Open, events: Events) -> None:
    opened = open_store()
    ticket = asks(opened, events)
    asks(opened, events, LUIS)
    with transaction(opened.engine) as connection:
        receipt = erasure.erase(connection, opened.vault.pseudonym(ANA), now=NOW)

    assert receipt.rows["qa_escalations"] == 1
    assert of(opened) == []
    assert len(of(opened, LUIS)) == 1
    assert not opened.recorder.close_ticket(ticket.ticket_id, now=NOW)


def test_the_turn_is_flagged_and_the_metrics_count(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    asks(opened, events, case={**CASE, "pause": False})
    with reading(opened.engine) as connection:
        raised = set(connection.execute(sa.select(schema.flags.c.flag)).scalars())
        counts = count(connection, FLAGS)

    assert "escalated" in raised
    shown = exposition(counts, ServerCounts(events_waiting=0, masking_failures=0))
    assert b'rasa_qa_tickets{status="open"} 1.0' in shown
    assert b'rasa_qa_tickets{status="closed"} 0.0' in shown


def test_days_show_tickets_and_how_long_they_took(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    ticket = asks(opened, events)
    asks(opened, events, LUIS)
    opened.recorder.close_ticket(ticket.ticket_id, now=NOW + 7200)
    with reading(opened.engine) as connection:
        query = sa.text("SELECT * FROM qa_daily_tickets")
        (row,) = connection.execute(query).mappings().all()

    assert (row["tickets"], row["closed"]) == (2, 1)
    assert float(row["mean_hours"]) == 2.0


def test_the_most_pressing_and_oldest_come_first(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    for who, priority, queue in (
        ("a", "normal", "sales"), ("b", "high", "support"), ("c", "low", "sales"),
    ):  # fmt: skip
        case = {**CASE, "priority": priority, "queue": queue}
        asks(opened, events, who, case=case, agrees=False)

    def listed(**wanted: Any) -> list[str]:
        given = {"statuses": ("open", "in_progress"), "limit": 10, **wanted}
        with reading(opened.engine) as connection:
            found = escalations.listed(connection, **given)
        return [one.priority for one in found]

    assert listed() == ["high", "normal", "low"]
    assert listed(queue="sales", limit=1) == ["normal"]
    assert listed(statuses=("closed",)) == []
    (high,) = of(opened, "b")
    with transaction(opened.engine) as connection:
        assert escalations.assign(connection, high.ticket_id, "Marta", now=NOW + 5)
    assert listed(assignee="Marta", statuses=("in_progress",)) == ["high"]


def test_the_published_events_hold_the_case_and_no_word(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    done = save(
        opened, ANA, events.user(f"urge, {PHONE}"), events.slot("qa_escalation", CASE)
    )

    assert done.tickets == 1
    assert done.published[-1]["value"] == CASE
    assert PHONE not in json.dumps(done.published)
