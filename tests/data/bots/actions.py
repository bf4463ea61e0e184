"""The actions of all bots: they look people up, and note what Rasa sends them."""

import json
import sqlite3
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rasa_sdk import Action, FormValidationAction
from rasa_sdk.events import (
    ActionExecuted,
    AllSlotsReset,
    ConversationPaused,
    FollowupAction,
    ReminderCancelled,
    ReminderScheduled,
    SessionStarted,
    SlotSet,
)
from rasa_sdk.executor import ActionExecutor

import rasa_qa_plugin.actions  # noqa: F401

_run = ActionExecutor.run


def _note_and_run(self, call):
    with Path("calls.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(call) + "\n")
    return _run(self, call)


ActionExecutor.run = _note_and_run


def _people():
    """Open the shop's own database."""
    people = sqlite3.connect("people.db")
    people.execute("CREATE TABLE IF NOT EXISTS customers (phone, name, id)")
    people.execute("CREATE TABLE IF NOT EXISTS notes (sender, note)")
    return people


def _customer(phone):
    query = "SELECT id FROM customers WHERE phone = ?"
    found = _people().execute(query, (phone,)).fetchone()
    return None if found is None else found[0]


class ValidateOrderForm(FormValidationAction):
    def name(self):
        return "validate_order_form"

    def validate_phone(self, value, dispatcher, tracker, domain):
        known = _customer(value)
        if known is None:
            dispatcher.utter_message(f"Nobody has the number {value}")
            return {"phone": None}
        return {"phone": value, "customer_id": float(known)}


class SubmitOrder(Action):
    def name(self):
        return "action_submit_order"

    def run(self, dispatcher, tracker, domain):
        known = _customer(tracker.get_slot("phone"))
        order = tracker.get_slot("order_number")
        who = tracker.get_slot("customer_name")
        dispatcher.utter_message(f"{order} goes to {who}, customer {known}")
        return [SlotSet("tier", "gold")]


class Where(Action):
    def name(self):
        return "action_where"

    def run(self, dispatcher, tracker, domain):
        known = _customer(tracker.get_slot("phone"))
        if known is None:
            dispatcher.utter_message("I do not know your number")
        else:
            dispatcher.utter_message(f"On its way to customer {known}")
        return []


class Remember(Action):
    def name(self):
        return "action_remember"

    def run(self, dispatcher, tracker, domain):
        note = (tracker.sender_id, tracker.latest_message["text"])
        with _people() as people:
            people.execute("INSERT INTO notes VALUES (?, ?)", note)
        return [FollowupAction("action_recall")]


class Recall(Action):
    def name(self):
        return "action_recall"

    def run(self, dispatcher, tracker, domain):
        query = "SELECT note FROM notes WHERE sender = ? ORDER BY rowid"
        notes = [row[0] for row in _people().execute(query, (tracker.sender_id,))]
        dispatcher.utter_message(f"You said: {notes}")
        return []


class Profile(Action):
    def name(self):
        return "action_profile"

    def run(self, dispatcher, tracker, domain):
        known = tracker.get_slot("card")
        dispatcher.utter_message(f"Known so far: {known}", json_message={"card": known})
        card = {"name": "Maria Fernandez", "phone": "0991234567", "orders": 3}
        return [
            SlotSet("card", card),
            SlotSet("contacts", ["0991234567", "maria@example.com"]),
            SlotSet("customer_id", 1712345678.0),
            SlotSet("vip", value=True),
            SlotSet("tier", "silver"),
        ]


class Reset(Action):
    def name(self):
        return "action_reset"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message("All forgotten")
        return [AllSlotsReset(), SlotSet("contacts", ["desk@example.com"])]


class Remind(Action):
    """Sets three reminders: one of no name, and one that a message kills."""

    def name(self):
        return "action_remind"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message("I will")
        soon = datetime.now(timezone.utc) + timedelta(hours=1)
        later, last = soon + timedelta(hours=1), soon + timedelta(hours=2)
        who = {"entity": "person", "value": "Maria Fernandez"}
        call = {"phone": "0991234567"}
        intent = "EXTERNAL_reminder"
        return [
            ReminderScheduled(intent, soon, [who], "listed", False),
            ReminderScheduled(intent, later, call, kill_on_user_message=False),
            ReminderScheduled(intent, last, [who], "killed", True),
        ]


class Cancel(Action):
    def name(self):
        return "action_cancel"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message("Not any more")
        return [ReminderCancelled("listed"), ReminderCancelled(intent_name="nothing")]


class React(Action):
    def name(self):
        return "action_react"

    def run(self, dispatcher, tracker, domain):
        entities = tracker.latest_message["entities"]
        dispatcher.utter_message(f"Reminded of {entities}")
        return []


class Paid(Action):
    def name(self):
        return "action_paid"

    def run(self, dispatcher, tracker, domain):
        who = next(tracker.get_latest_entity_values("person"), None)
        known = _customer(tracker.get_slot("phone"))
        dispatcher.utter_message(f"{who} paid for customer {known}")
        return []


class Pause(Action):
    def name(self):
        return "action_pause"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message("One moment")
        return [ConversationPaused()]


class SessionStart(Action):
    def name(self):
        return "action_session_start"

    def run(self, dispatcher, tracker, domain):
        visits = (tracker.get_slot("visits") or 0.0) + 1
        known = tracker.get_slot("answer_00")
        metadata = tracker.get_slot("session_started_metadata")
        dispatcher.utter_message(f"Visit {visits} of {known}, {metadata}")
        carried = [SlotSet("answer_00", known)] if known else []
        return [
            SessionStarted(),
            SlotSet("visits", visits),
            *carried,
            ActionExecuted("action_listen"),
        ]


class Review(Action):
    def name(self):
        return "action_review"

    def run(self, dispatcher, tracker, domain):
        texts = [e["text"] for e in tracker.events if e["event"] == "user"]
        slots = {tracker.get_slot(f"answer_{n:02}") for n in range(50)}
        dispatcher.utter_message(f"{slots} after {texts}")
        return []
