"""Bots of all kinds do on our store what they do on Rasa's own, event by event.

Real bots and a real action server, which looks people up by what they said and by their
sender id, are played the conversations of `tests/data/conversations.py`: once on
`type: SQL`, and on our store in several ways. Compared are answers, trackers after each
step, and every call of the action server, timestamps and random ids apart.
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.acceptance.servers import QUIET, answers, free_port
from tests.conftest import ROOT, SECRET
from tests.data.conversations import BOTS, NAME, PHONE
from tests.rasa.playing_bot import PLAYS, database_of, sender_of

TRAITS = [(bot, trait) for bot in BOTS for trait in BOTS[bot]]
by_trait = pytest.mark.parametrize("trait", [trait for _, trait in TRAITS])
UNNOTICEABLE = [play for play in PLAYS if PLAYS[play].interruption != "over"]
EXPIRED = [play for play in PLAYS if PLAYS[play].interruption == "over"]

_RANDOM = {"timestamp", "message_id", "latest_event_time", "date_time"}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Played(NamedTuple):
    """What a run of playing_bot.py left behind."""

    folder: Path
    plays: dict[str, Any]

    def answers(self, play: str, trait: str) -> list[Any]:
        return [step["answers"] for step in self.plays[play][trait]["steps"]]

    def second_half(self, play: str, trait: str) -> list[Any]:
        return [step for step in self.plays[play][trait]["steps"] if step["half"]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("undisturbed") / "bots"
    shutil.copytree(ROOT / "tests" / "data" / "bots", folder)
    port = free_port()
    with _process(folder, "rasa_sdk", "--actions", "actions", "-p", str(port)):
        deadline = time.monotonic() + 120
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        actions = f"http://127.0.0.1:{port}/webhook"
        with _process(folder, "tests.rasa.playing_bot", actions) as player:
            log = folder / "tests.rasa.playing_bot.log"
            assert player.wait(500) == 0, log.read_text("utf-8")[-3000:]
    return Played(folder, json.loads((folder / "plays.json").read_text("utf-8")))


@contextmanager
def _process(
    folder: Path, module: str, *arguments: str
) -> Iterator["subprocess.Popen[bytes]"]:
    paths = os.pathsep.join((str(ROOT), str(folder)))
    with (folder / f"{module}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], cwd=folder,
            stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, **QUIET, "RASA_QA_SECRET": SECRET, "PYTHONPATH": paths},
        )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def comparable(value: Any) -> Any:
    """Take out of events and answers what is another one each time."""
    if isinstance(value, dict):
        return {
            key: "a random name"
            if key == "name" and isinstance(item, str) and _UUID.fullmatch(item)
            else comparable(item)
            for key, item in value.items()
            if key not in _RANDOM
        }
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return value


@by_trait
@pytest.mark.parametrize("play", UNNOTICEABLE[1:])
def test_the_bot_behaves_as_on_rasas_own_store(
    played: Played, play: str, trait: str
) -> None:
    ours, stock = played.plays[play][trait], played.plays["stock"][trait]

    assert comparable(played.answers(play, trait)) == comparable(
        played.answers("stock", trait)
    )
    for here, there in zip(ours["steps"], stock["steps"], strict=True):
        assert comparable(here["tracker"]) == comparable(there["tracker"])
    assert comparable(ours["calls"]) == comparable(stock["calls"])
    assert comparable(ours["stored"]) == comparable(stock["stored"])


# What shows that a conversation did what it is there for.
SAID = {
    "a form that looks a number up": "ORD-18 goes to Maria Fernandez, customer 7",
    "a slot looked up long after its form": "On its way to customer 7",
    "actions keyed by sender id": f"'remember my number is {PHONE}']",
    "slots of all types": f"Known so far: {{'name': '{NAME}', 'phone': '{PHONE}'",
    "all slots reset": "I do not know your number",
    "slots carried into a new session": "On its way to customer 7",
    "reminders with entities": f"Reminded of [{{'entity': 'phone', 'value': '{PHONE}'",
    "external events": "Ana Solis paid for customer 8",
    "a restart by the user": "From the start",
    "a conversation paused and resumed": "On its way to customer 7",
    "two-stage fallback, affirmed at last": "Did you mean 'greet'?",
    "two-stage fallback, given up": "I give up",
    "response selectors": "From nine to five",
    "a conversation led over the API": "On its way to customer 7",
    "words taken back": "I do not know your number",
    "50 slots of from_text": "{'review'} after ['this is Maria Fernandez', 'review', "
    f"'this is my number {PHONE}'",
    "a session start of one's own": f"Visit 3.0 of this is {PHONE}, None",
}
HAPPENED = {
    "a form that looks a number up": {"active_loop", "action_execution_rejected"},
    "all slots reset": {"reset_slots"},
    "reminders with entities": {"reminder", "cancel_reminder"},
    "a restart by the user": {"restart"},
    "a conversation paused and resumed": {"pause", "resume"},
    "two-stage fallback, given up": {"active_loop", "rewind"},
    "words taken back": {"rewind"},
}
SESSIONS_STARTED = {
    "slots carried into a new session": 5,
    "a session start of one's own": 4,
    "a restart by the user": 3,
}


@by_trait
def test_each_conversation_shows_its_trait(played: Played, trait: str) -> None:
    events = played.plays["stock"][trait]["stored"]["events"]
    said = [event["text"] for event in events if event["event"] == "bot"]
    started = sum(event["event"] == "session_started" for event in events)

    assert any(SAID[trait] in (text or "") for text in said)
    assert HAPPENED.get(trait, set()) <= {event["event"] for event in events}
    assert started == SESSIONS_STARTED.get(trait, 1)


@by_trait
@pytest.mark.parametrize("play", EXPIRED)
def test_after_the_live_window_the_bot_still_answers(
    played: Played, play: str, trait: str
) -> None:
    steps = played.second_half(play, trait)

    for here, there in zip(steps, played.second_half("stock", trait), strict=True):
        ours, stock = here["answers"], there["answers"]
        assert (ours and ours[0]) == (stock and stock[0])  # the status
        assert bool(ours and ours[1]) == bool(stock and stock[1])


@pytest.mark.parametrize("play", list(PLAYS))
def test_nothing_is_logged_as_an_error(played: Played, play: str) -> None:
    assert played.plays[play]["errors"] == []


@pytest.mark.parametrize("play", EXPIRED)
def test_slots_whose_original_expired_come_back_unset(
    played: Played, play: str
) -> None:
    trait = "slots of all types"
    answer = played.second_half(play, trait)[0]["answers"][1][0]["text"]
    assert answer == "Known so far: None"

    # In the middle of a form, the bot asks for the name again.
    trait = "a form that looks a number up"
    answer = played.second_half(play, trait)[0]["answers"][1][0]["text"]
    assert answer == "Who are you?"

    for _, trait in TRAITS:
        for call in played.plays[play][trait]["calls"]:
            tokens = ("[WITHHELD]", "[PHONE", "[NAME")
            slots = json.dumps(call["tracker"]["slots"])
            assert not any(token in slots for token in tokens), trait


@pytest.mark.parametrize("play", EXPIRED)
def test_a_reminder_outlives_the_live_window(played: Played, play: str) -> None:
    """Rasa looks it up by its name when it is due, and drops it without a word."""
    events = played.plays[play]["reminders with entities"]["stored"]["events"]
    names = [event["name"] for event in events if event["event"] == "reminder"]

    assert [_UUID.sub("random", name) for name in names] == [
        *("listed", "random", "killed"),
        *("listed", "random", "killed"),
    ]


@pytest.mark.parametrize("play", list(PLAYS))
def test_at_rest_nobody_is_there_by_number(played: Played, play: str) -> None:
    for bot in BOTS:
        file = played.folder / database_of(bot, play)
        with closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = file.read_bytes()
        is_there = play == "stock"  # the search finds what there is
        assert (PHONE.encode() in content) == is_there
        for trait in BOTS[bot]:
            assert (sender_of(trait).encode() in content) == is_there
