"""Handing over in a real bot: trained, with an action server, and tickets in SQLite."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rasa.core.agent import Agent
from rasa.model_training import train
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from rasa.utils.endpoints import EndpointConfig

from rasa_qa_plugin import EscalationPolicy, cli
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.policy.escalation import _Case
from rasa_qa_plugin.storage import escalations
from rasa_qa_plugin.storage.engine import reading
from rasa_qa_plugin.tracker_store import QATrackerStore
from tests.acceptance.servers import answers, free_port
from tests.conftest import ROOT, SECRET

BOT_FILES = ROOT / "rasa_qa_plugin" / "bot_files"
CONFIG = """\
recipe: default.v1
language: es
assistant_id: small
pipeline:
- name: KeywordIntentClassifier
- {name: FallbackClassifier, threshold: 0.3}
- name: rasa_qa_plugin.ConfidenceLogger
policies:
- name: MemoizationPolicy
- name: RulePolicy
"""
DOMAIN = """\
version: "3.1"
intents: [greet, order]
session_config: {session_expiration_time: 60, carry_over_slots_to_new_session: true}
slots:
  product:
    type: text
    influence_conversation: false
    mappings:
    - type: from_text
      conditions: [{active_loop: order_form, requested_slot: product}]
forms:
  order_form: {required_slots: [product]}
responses:
  utter_greet: [{text: "hola, hola"}]
  utter_default: [{text: "no le entendí"}]
  utter_ask_product: [{text: "¿qué producto?"}]
  utter_ordered: [{text: "anotado: {product}"}]
"""
NLU = """\
version: "3.1"
nlu:
- {intent: greet, examples: "- hola\\n"}
- {intent: order, examples: "- pedido\\n"}
"""
RULES = """\
version: "3.1"
rules:
- {rule: greet, steps: [{intent: greet}, {action: utter_greet}]}
- {rule: default, steps: [{intent: nlu_fallback}, {action: utter_default}]}
- rule: order
  steps: [{intent: order}, {action: order_form}, {active_loop: order_form}]
- rule: ordered
  condition: [{active_loop: order_form}]
  steps:
  - action: order_form
  - active_loop: null
  - slot_was_set: [{requested_slot: null}]
  - action: utter_ordered
stories:
- story: greet, then order
  steps:
  - intent: greet
  - action: utter_greet
  - intent: order
  - action: order_form
  - active_loop: order_form
"""
WHO = "593998765432"
ESCALATED = "Avisamos a una persona"
PAUSED = "Desde aquí sigue una persona"
KNOWN = "El caso ya está"
PLAIN = ["hola", "quiero hacer un pedido", "16/20", "no sé", "hola"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Three models of one bot: without the policy, with it, and pausing."""
    folder = tmp_path_factory.mktemp("handover")
    for name, content in (
        ("domain/own.yml", DOMAIN), ("data/nlu.yml", NLU), ("data/rules.yml", RULES),
        ("domain/qa.yml", (BOT_FILES / "domain.yml").read_text("utf-8")),
        ("data/qa_nlu.yml", (BOT_FILES / "nlu.yml").read_text("utf-8")),
        ("data/qa_rules.yml", (BOT_FILES / "rules.yml").read_text("utf-8")),
    ):  # fmt: skip
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    trained = {}
    policy = "- name: rasa_qa_plugin.EscalationPolicy\n"
    for name, added in (
        ("without", ""), ("with", policy), ("pausing", f"{policy}  pause: true\n")
    ):  # fmt: skip
        config = folder / f"{name}.yml"
        config.write_text(CONFIG + added, "utf-8")
        trained[name] = train(
            domain=str(folder / "domain"), config=str(config),
            training_files=str(folder / "data"), output=str(folder / "models"),
            fixed_model_name=name,
        ).model  # fmt: skip
    return trained


@pytest.fixture(scope="module")
def action_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    log = tmp_path_factory.mktemp("actions") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "rasa_sdk", "--actions", "rasa_qa_plugin.actions",
             "--port", str(port)],
            cwd=log.parent, stdout=output, stderr=subprocess.STDOUT,
            env={**os.environ, "SANIC_HOST": "127.0.0.1"},
        )  # fmt: skip
        try:
            while not answers(f"http://127.0.0.1:{port}/health"):
                assert process.poll() is None, log.read_text("utf-8")
            yield f"http://127.0.0.1:{port}/webhook"
        finally:
            process.terminate()
            process.wait(30)


class Chat:
    """A person who talks to a bot."""

    def __init__(self, model: str, folder: Path, action_server: str) -> None:
        self.folder = folder
        self.store = QATrackerStore(None, db="bot.db", settings="qa.yml")
        self._agent = Agent.load(
            model,
            tracker_store=self.store,
            action_endpoint=EndpointConfig(action_server),
        )

    @property
    def opened(self) -> Opened:
        return self.store.opened

    def say(self, text: str) -> list[str]:
        said = asyncio.run(self._agent.handle_text(text, sender_id=WHO))
        return [answer["text"] for answer in said]

    def tracker(self) -> DialogueStateTracker:
        tracker = asyncio.run(self._agent.tracker_store.retrieve(WHO))
        assert tracker is not None
        return tracker

    def tickets(self) -> list[escalations.Ticket]:
        with reading(self.opened.engine) as connection:
            return escalations.of_person(connection, self.opened.vault.pseudonym(WHO))

    def cli(self, *arguments: str) -> str:
        done = CliRunner().invoke(
            cli.root, [*arguments, "--bot", str(self.folder)], catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        return str(done.output)


Start = Callable[[str], Chat]


@pytest.fixture
def start(
    models: dict[str, str],
    action_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Start:
    """Start a bot with one of the models, in a folder of its own."""

    def start_it(model: str) -> Chat:
        folder = tmp_path / model
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("RASA_QA_SECRET", SECRET)
        (folder / "config.yml").write_text(CONFIG, "utf-8")
        (folder / "qa.yml").write_text("escalation: {history_turns: 3}\n", "utf-8")
        (folder / "endpoints.yml").write_text(
            "tracker_store: {type: rasa_qa_plugin.QATrackerStore, db: bot.db, "
            "settings: qa.yml}\n",
            "utf-8",
        )
        return Chat(models[model], folder, action_server)

    return start_it


def story(chat: Chat) -> list[dict[str, Any]]:
    """Give what happened, without times, ids and models."""
    changing = ("timestamp", "message_id", "metadata", "parse_data")
    return [
        {key: value for key, value in event.as_dict().items() if key not in changing}
        for event in chat.tracker().events
    ]


def test_until_a_rule_fires_the_bot_is_as_without_the_policy(start: Start) -> None:
    stories = []
    for model in ("without", "with"):
        chat = start(model)
        said = [chat.say(text) for text in PLAIN]
        stories.append((said, story(chat)))

    assert stories[0] == stories[1]
    assert stories[0][0][2] == ["anotado: 16/20"]


def test_a_keyword_in_spanish_pauses_and_closing_the_ticket_resumes(
    start: Start,
) -> None:
    chat = start("pausing")
    chat.say("/qa_consent_grant")
    assert chat.say("hola") == ["hola, hola"]

    (told,) = chat.say("¡la página NO me FUNCIONABA, cel 0991234567!")

    assert told.startswith(PAUSED)
    assert chat.say("hola") == []
    (ticket,) = chat.tickets()
    assert (ticket.reason, ticket.tags, ticket.priority) == (
        "keyword", ["failure"], "high",
    )  # fmt: skip
    assert (ticket.status, ticket.paused) == ("open", True)
    assert ticket.history is not None
    assert [said.text for said in ticket.history] == [
        "hola", "¡la página NO me FUNCIONABA, cel [PHONE]!",
    ]  # fmt: skip
    assert ticket.history[-1].answer == told

    assert "closed" in chat.cli("tickets", "close", ticket.ticket_id)

    assert chat.say("hola") == ["hola, hola"]
    assert not chat.tracker().is_paused()
    assert chat.say("es urgente")[0].startswith(PAUSED)
    assert len(chat.tickets()) == 2


def test_the_bot_goes_on_with_the_message_that_made_the_case(start: Start) -> None:
    chat = start("with")

    told = chat.say("hola, es urgente")

    assert [told[0].startswith(ESCALATED), told[1:]] == [True, ["hola, hola"]]
    assert chat.say("hola, sigue siendo urgente") == ["hola, hola"]
    (ticket,) = chat.tickets()
    assert (ticket.reason, ticket.history, ticket.paused) == ("keyword", None, False)


def test_a_form_goes_on_when_its_answer_makes_a_case(start: Start) -> None:
    chat = start("with")
    assert chat.say("pedido") == ["¿qué producto?"]

    told = chat.say("camarón, urgente")

    assert told[0].startswith(ESCALATED)
    assert told[1:] == ["anotado: camarón, urgente"]


@pytest.mark.parametrize(
    "wish", ["quiero hablar con una persona", "¿me atiende un humano de verdad?"]
)
def test_who_asks_for_a_person_is_told_once_and_the_form_asks_again(
    start: Start, wish: str
) -> None:
    chat = start("with")
    chat.say("pedido")

    told = chat.say(wish)

    assert [told[0].startswith(ESCALATED), told[1:]] == [True, ["¿qué producto?"]]
    assert chat.say("langostino") == ["anotado: langostino"]
    (ticket,) = chat.tickets()
    assert ticket.reason == "asked"


@pytest.mark.parametrize("model", ["with", "without"])
def test_asking_again_is_answered_and_makes_no_other_ticket(
    start: Start, model: str
) -> None:
    chat = start(model)

    first = chat.say("quiero hablar con una persona")
    again = chat.say("quiero hablar con una persona")

    assert [len(first), first[0].startswith(ESCALATED)] == [1, True]
    assert [len(again), again[0].startswith(KNOWN)] == [1, True]
    assert len(chat.tickets()) == 1
    assert chat.say("hola") == ["hola, hola"]


def test_a_wish_in_other_words_ends_the_turn(start: Start) -> None:
    chat = start("with")

    told = chat.say("¿me comunica con algún asesor?")

    assert [len(told), told[0].startswith(ESCALATED)] == [1, True]


def test_a_form_of_ours_never_holds_who_wants_a_person(start: Start) -> None:
    chat = start("pausing")
    chat.say("hola")
    chat.say("/qa_feedback_negative")
    chat.say("/qa_comment")
    assert chat.tracker().active_loop_name == "qa_comment_form"

    (told,) = chat.say("quiero hablar con una persona")

    assert told.startswith(PAUSED)
    assert chat.tracker().active_loop_name is None


def test_a_comment_is_no_case_whatever_it_says(start: Start) -> None:
    chat = start("with")
    chat.say("hola")
    chat.say("/qa_feedback_negative")
    chat.say("/qa_comment")

    assert chat.say("no funciona nada, es urgente") == ["Gracias, lo revisaremos."]
    assert chat.tickets() == []


def test_a_second_bad_rating_makes_a_case(start: Start) -> None:
    chat = start("with")
    chat.say("hola")
    (sorry,) = chat.say("/qa_feedback_negative")

    said = chat.say("/qa_feedback_negative")

    assert said[0] == sorry
    assert said[1].startswith(ESCALATED)
    assert [ticket.reason for ticket in chat.tickets()] == ["negative_feedback"]


def test_three_messages_in_a_row_that_nobody_understands_make_a_case(
    start: Start,
) -> None:
    chat = start("with")
    for text in ("xyz", "hola", "abc", "/greet", "def", "ghi"):
        assert not chat.say(text)[0].startswith(ESCALATED)

    told = chat.say("jkl")

    assert told[0].startswith(ESCALATED)
    assert told[1:] == ["no le entendí"]
    assert [ticket.reason for ticket in chat.tickets()] == ["low_confidence"]


def test_without_an_action_server_people_are_told_all_the_same(
    models: dict[str, str], start: Start
) -> None:
    chat = start("with")
    away = EndpointConfig(f"http://127.0.0.1:{free_port()}/webhook")
    chat._agent = Agent.load(
        models["with"], tracker_store=chat.store, action_endpoint=away
    )
    chat.say("pedido")

    told = chat.say("quiero hablar con una persona")

    assert [told[0].startswith(ESCALATED), told[1:]] == [True, ["¿qué producto?"]]
    assert [ticket.reason for ticket in chat.tickets()] == ["asked"]
    assert chat.say("langostino") == ["anotado: langostino"]
    chat.cli("tickets", "close", chat.tickets()[0].ticket_id)

    told = chat.say("es urgente")

    assert [len(told), told[0].startswith(ESCALATED)] == [1, True]
    assert [ticket.tags for ticket in chat.tickets()] == [[], ["urgent"]]
    assert chat.say("hola") == ["hola, hola"]


def heard(intent: str, text: str = "hola") -> UserUttered:
    parsed = {"intent": {"name": intent, "confidence": 0.9}, "entities": []}
    return UserUttered(text, parsed["intent"], [], parsed)


@pytest.mark.parametrize(
    ("events", "turns", "ratings"),
    [
        ([heard("a"), heard("b")], 2, 0),
        ([heard("a"), heard("b", "/b")], 1, 0),
        ([heard("a"), ActionExecuted("action_quote"), heard("b")], 1, 0),
        ([heard("a"), heard("qa_feedback_positive", "/x")], 0, 0),
        ([heard("a"), ActiveLoop("form"), heard("b"), ActiveLoop(None)], 0, 0),
        ([heard("qa_feedback_negative", "/x"), heard("a")], 1, 1),
        ([heard("a"), SessionStarted(), heard("b")], 1, 0),
        ([heard("qa_feedback_negative"), SlotSet("qa_escalation", None)], 0, 0),
    ],
)
def test_a_case_counts_from_the_session_or_the_case_before(
    events: list[Event], turns: int, ratings: int
) -> None:
    tracker = DialogueStateTracker.from_events(WHO, events)
    case = _Case.of(tracker, success=("action_quote",))

    assert (case.turns_without_success, case.bad_ratings) == (turns, ratings)


def test_a_wrong_key_is_one_line() -> None:
    with pytest.raises(
        RasaException, match=r"EscalationPolicy\.queue: .*no plain word"
    ):
        EscalationPolicy({"queue": "Soporte técnico"}, None, None, None)
