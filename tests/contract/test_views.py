"""What dashboards read: the same numbers on both databases, and nobody's words."""

import datetime as dt
import re
from typing import Any

import sqlalchemy as sa

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.storage.engine import reading
from tests.conftest import ROOT, Events, Open

NOON = 1_767_268_800.0  # 1 January 2026, 12:00 UTC
NEXT_DAY = NOON + 86_400


def view(opened: Opened, name: str, key: str) -> dict[Any, dict[str, Any]]:
    with reading(opened.engine) as connection:
        query = sa.text(f"SELECT * FROM {name}")  # noqa: S608 - ours
        rows = connection.execute(query).mappings().all()
    return {_day(row[key]): {str(k): v for k, v in row.items()} for row in rows}


def _day(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def talk(opened: Opened, events: Events) -> None:
    """Two people on one day, one of them on the next as well."""

    def save(who: str, now: float, *new: dict[str, Any]) -> None:
        stamped = [{**event, "timestamp": now} for event in new]
        opened.recorder.record(Batch(sender_id=who, events=stamped), now=now)

    agreed = events.slot("qa_consent", "granted")
    save("ana", NOON, events.session())
    save("ana", NOON, agreed)
    for number, confidence in enumerate((0.9, 0.7)):
        said = events.user("¿precio?", "price", confidence, message_id=f"m{number}")
        save("ana", NOON, said, events.bot("Depende."))
    save("luis", NOON, events.session())
    save("luis", NOON, events.slot("qa_consent", "denied"))
    save("luis", NOON, events.user("hola", "greet", 0.8, message_id="m9"))
    fallback = events.user("¿eh?", "nlu_fallback", 0.4, message_id="m7")
    save("ana", NEXT_DAY, events.session(), fallback, events.action("utter_x"))
    good = {"turn": None, "rating": "up", "comment": None}
    save("ana", NEXT_DAY, events.slot("qa_feedback", good))


def test_days_show_people_sessions_and_messages(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    talk(opened, events)
    days = view(opened, "qa_daily_sessions", "day")
    first, second = days["2026-01-01"], days["2026-01-02"]
    assert (first["people"], first["sessions"], first["messages"]) == (2, 2, 3)
    assert (second["people"], second["sessions"], second["messages"]) == (1, 1, 1)


def test_days_and_intents_show_rates(open_store: Open, events: Events) -> None:
    opened = open_store()
    talk(opened, events)
    days = view(opened, "qa_daily_turns", "day")
    assert [days[day]["turns"] for day in sorted(days)] == [3, 1]
    assert float(days["2026-01-01"]["fallback_rate"]) == 0.0
    assert float(days["2026-01-02"]["fallback_rate"]) == 1.0
    assert float(days["2026-01-02"]["positive_rate"]) == 1.0
    assert days["2026-01-01"]["positive_rate"] is None
    intents = view(opened, "qa_intent_confidence", "intent")
    assert intents["price"]["turns"] == 2
    assert round(float(intents["price"]["mean_confidence"]), 6) == 0.8
    assert float(intents["price"]["lowest_confidence"]) == 0.7


def test_decisions_show_as_shares_of_people(open_store: Open, events: Events) -> None:
    opened = open_store()
    talk(opened, events)
    states = view(opened, "qa_consent_states", "state")
    assert {state: row["people"] for state, row in states.items()} == {
        "granted": 1,
        "denied": 1,
    }
    assert float(states["granted"]["share"]) == 0.5


def test_no_view_has_a_column_of_words(open_store: Open, events: Events) -> None:
    opened = open_store()
    talk(opened, events)
    for name in sa.inspect(opened.engine).get_view_names():
        columns = {c["name"] for c in sa.inspect(opened.engine).get_columns(name)}
        assert columns.isdisjoint({"text", "answer", "comment", "data", "sender_id"})


def test_the_settings_page_names_every_view_and_column(open_store: Open) -> None:
    inspector = sa.inspect(open_store().engine)
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    names = inspector.get_view_names()
    assert len(names) == 5
    for name in names:
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{name}`"))
        _, _, key, columns, _ = row.split("|")
        shown = {key.strip(), *re.findall(r"`(\w+)`", columns)}
        assert shown == {column["name"] for column in inspector.get_columns(name)}
