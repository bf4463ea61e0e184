"""A small real bot in a process of its own, told everything in `tests/data/planted.py`.

``python -m tests.rasa.talking_bot FOLDER`` reads FOLDER/plan.json, trains the bot, and
talks to it once for each run of the plan: through Rasa's agent with its debug log, a
file event broker and a real action server, and by saving events of every kind.
"""

import asyncio
import json
import logging
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

from tests.data.planted import HARMLESS, PLANTED

CONFIG = """\
recipe: default.v1
language: es
assistant_id: small
pipeline:
- name: KeywordIntentClassifier
- name: FallbackClassifier
  threshold: 0.3
- name: rasa_qa_plugin.ConfidenceLogger
policies:
- name: RulePolicy
"""
DOMAIN = """\
version: "3.1"
intents: [greet, inform]
entities: [thing]
slots:
  comment: {type: text, influence_conversation: false, mappings: [{type: from_text}]}
  last_words: {type: text, influence_conversation: false, mappings: [{type: from_text}]}
  asked: {type: text, influence_conversation: false, mappings: [{type: custom}]}
  qa_escalation: {type: any, influence_conversation: false, mappings: [{type: custom}]}
  qa_consent: {type: text, influence_conversation: false, mappings: [{type: custom}]}
SLOTS
actions: [action_repeat, action_crash, action_decline]
responses:
  utter_greet: [{text: hola}]
"""
_ANY_SLOT = "{type: any, influence_conversation: false, mappings: [{type: custom}]}"
NLU = """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hola
- intent: inform
  examples: |
    - le informo
"""
RULES = """\
version: "3.1"
rules:
- rule: say hello
  steps:
  - intent: greet
  - action: utter_greet
- rule: repeat, decline, crash
  steps:
  - intent: nlu_fallback
  - action: action_repeat
  - action: action_crash
"""
ACTIONS = '''\
"""Actions as careless as any."""

import rasa_qa_plugin.actions
from rasa_sdk import Action, ActionExecutionRejection
from rasa_sdk.events import SlotSet


class Repeat(Action):
    def name(self):
        return "action_repeat"

    def run(self, dispatcher, tracker, domain):
        text = tracker.latest_message["text"]
        button = {"title": text, "payload": "/inform"}
        dispatcher.utter_message(f"Dijo: {text}", buttons=[button])
        # What a form does: the slot it asked for now holds the whole message.
        asked = tracker.get_slot("asked") or "answer"
        return [SlotSet(asked, text), {"note": text}]


class Crash(Action):
    def name(self):
        return "action_crash"

    def run(self, dispatcher, tracker, domain):
        try:
            raise LookupError(f"nobody found in {tracker.slots}")
        except LookupError as error:
            text = tracker.latest_message["text"]
            if len(text) % 2:
                raise ActionExecutionRejection("action_crash", f"no {text}")
            raise ValueError(f"crashed over {text}") from error
'''


def write_bot(folder: Path) -> None:
    """Write the files of the bot and of its action server."""
    (folder / "config.yml").write_text(CONFIG, "utf-8")
    names = {row.slot for row in PLANTED if row.slot} | {"answer", "order", "all", "q7"}
    slots = "\n".join(f"  {name}: {_ANY_SLOT}" for name in sorted(names))
    (folder / "domain.yml").write_text(DOMAIN.replace("SLOTS", slots), "utf-8")
    (folder / "data").mkdir()
    (folder / "data" / "nlu.yml").write_text(NLU, "utf-8")
    (folder / "data" / "rules.yml").write_text(RULES, "utf-8")
    (folder / "actions.py").write_text(ACTIONS, "utf-8")


def sender_of(run: str, talk: str) -> str:
    """Give the sender id of a conversation: as WhatsApp's, a telephone number."""
    number = sum(ord(letter) * 31**place for place, letter in enumerate(run + talk))
    return f"59398{number % 10**7:07d}"


def main(folder: Path) -> None:
    """Talk as the plan says."""
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    os.chdir(folder)
    _log_everything(folder / "rasa.log")
    from rasa.model_training import train

    trained = train(
        domain="domain.yml", config="config.yml", training_files="data", output="models"
    )
    for run in plan["runs"]:
        asyncio.run(_talk(folder, run, trained.model, plan["actions"]))


def _log_everything(file: Path) -> None:
    """Log as `rasa run --debug --log-file FILE` does."""
    from rasa.core.utils import configure_file_logging
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.DEBUG)
    configure_logging_and_warnings(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    configure_file_logging(logging.getLogger(), str(file), use_syslog=False)
    for noisy in ("matplotlib", "tensorflow", "h5py", "asyncio", "numba"):
        logging.getLogger(noisy).setLevel(logging.INFO)


def _reader(folder: Path, run: dict[str, Any]) -> sqlite3.Connection:
    """Keep an SQLite database open, so that its write-ahead log can be searched."""
    if run["backend"] != "sqlite":
        return sqlite3.connect(":memory:")
    connection = sqlite3.connect(folder / f"{run['name']}.db")
    connection.execute("SELECT count(*) FROM events").fetchone()
    return connection


def _copy_open(folder: Path, run: dict[str, Any]) -> None:
    (folder / "open").mkdir(exist_ok=True)
    for file in folder.glob(f"{run['name']}.db*"):
        shutil.copy(file, folder / "open" / file.name)


async def _talk(folder: Path, run: dict[str, Any], model: str, actions: str) -> None:
    from rasa.core.agent import Agent
    from rasa.core.brokers.file import FileEventBroker
    from rasa.shared.core.domain import Domain
    from rasa.shared.core.events import Event, SlotSet, UserUttered
    from rasa.utils.endpoints import EndpointConfig

    from rasa_qa_plugin.tracker_store import QATrackerStore
    from tests.data.carriers import CARRIERS, handover, story

    logging.getLogger("event-logger").handlers.clear()
    store = QATrackerStore(
        Domain.load("domain.yml"),
        host=run["url"],
        settings=run["settings"],
        event_broker=FileEventBroker(str(folder / f"{run['name']}.broker.log")),
    )
    agent = Agent.load(
        model, tracker_store=store, action_endpoint=EndpointConfig(actions)
    )

    async def save(talk: str, *events: Event) -> None:
        tracker = await agent.tracker_store.get_or_create_tracker(
            sender_of(run["name"], talk)
        )
        tracker.update_with_events(list(events), store.domain)
        await agent.tracker_store.save(tracker)

    reader = _reader(folder, run)
    consent = [SlotSet("qa_consent", "granted")] if run["consent"] else []
    opening = [*consent, UserUttered(HARMLESS)]
    for row in PLANTED:
        # What is said to the bot, and what any component may add, are two people's.
        if run["chat"]:
            talk = f"chat {row.kind}"
            await save(talk, *opening, SlotSet("asked", row.slot or None))
            await agent.handle_text(row.text, sender_id=sender_of(run["name"], talk))
            await save(talk, *handover(row))
        await save(row.kind, *opening, *story(row))
    for carrier in CARRIERS:
        rows = [row for row in PLANTED if not row.slot]
        said = [event for row in rows for event in carrier(row)]
        await save(carrier.__name__, *consent, *said, UserUttered(HARMLESS))
    if (notifying := store._notifier._thread) is not None:
        await asyncio.to_thread(notifying.join)
    _copy_open(folder, run)
    reader.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
