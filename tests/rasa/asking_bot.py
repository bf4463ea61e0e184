"""A small bot that asks: answers of two messages, a form, stories, an entity."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasa_qa_plugin
from tests.acceptance.servers import QUIET, answers, free_port
from tests.conftest import SECRET

PACKAGE = Path(rasa_qa_plugin.__file__).parent

CONFIG = """\
recipe: default.v1
language: es
assistant_id: asking
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- {name: LogisticRegressionClassifier, C: 50.0}
- {name: RegexEntityExtractor, use_lookup_tables: true}
- {name: FallbackClassifier, threshold: 0.3, ambiguity_threshold: AMBIGUITY}
- name: rasa_qa_plugin.ConfidenceLogger
policies:
- {name: MemoizationPolicy, max_history: 4}
- name: RulePolicy
"""
DOMAIN = """\
version: "3.1"
session_config: {session_expiration_time: 60, carry_over_slots_to_new_session: false}
intents: [greet, bye, affirm, ask_price, ask_freight, order, note]
entities: [product]
slots:
  product:
    {type: text, influence_conversation: true,
     mappings: [{type: from_entity, entity: product}]}
  amount:
    type: text
    influence_conversation: false
    mappings:
    - type: from_text
      conditions: [{active_loop: order_form, requested_slot: amount}]
  note:
    type: text
    influence_conversation: false
    mappings: [{type: from_text, conditions: [{active_loop: note_form}]}]
forms:
  order_form: {required_slots: [amount]}
  note_form: {required_slots: [note]}
responses:
  utter_greet: [{text: hola}]
  utter_help: [{text: vendo camarones}]
  utter_bye: [{text: adiós}]
  utter_default: [{text: no entiendo}]
  utter_price: [{text: "precio de {product}: 5"}]
  utter_freight: [{text: "flete de {product}: 2"}]
  utter_insure: [{text: va con seguro}]
  utter_go_on: [{text: adelante}]
  utter_ask_amount: [{text: "¿cuánto?"}]
  utter_ordered: [{text: "anotado: {amount}"}]
  utter_ask_note: [{text: "¿qué?"}]
  utter_noted: [{text: "nota: {note}"}]
"""
NLU = """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hola
    - hola qué tal
    - hello there how are you
- intent: bye
  examples: |
    - adiós
    - goodbye
- intent: affirm
  examples: |
    - sí
    - yes
- intent: ask_price
  examples: |
    - quiero saber el precio
    - precio
    - el precio del [camarón](product)
    - el precio del [atún](product)
    - the price please
- intent: ask_freight
  examples: |
    - quiero saber el flete
    - flete
    - el flete del [camarón](product)
    - el flete del [atún](product)
    - the freight please
- intent: order
  examples: |
    - quiero pedir
    - hago un pedido
    - i want to order
    - place an order
- intent: note
  examples: |
    - apunte esto
    - take a note
- lookup: product
  examples: |
    - camarón
    - atún
"""
RULES = """\
version: "3.1"
rules:
- rule: order
  steps: [{intent: order}, {action: order_form}, {active_loop: order_form}]
- rule: ordered
  condition: [{active_loop: order_form}]
  steps:
  - action: order_form
  - active_loop: null
  - slot_was_set: [{requested_slot: null}]
  - action: utter_ordered
- rule: note, which fills the form at once
  steps: [{intent: note}, {action: note_form}, {active_loop: note_form}]
- rule: noted
  condition: [{active_loop: note_form}]
  steps:
  - action: note_form
  - active_loop: null
  - slot_was_set: [{requested_slot: null}]
  - action: utter_noted
- {rule: bye, steps: [{intent: bye}, {action: utter_bye}]}
- {rule: price, steps: [{intent: ask_price}, {action: utter_price}]}
- {rule: hello, steps: [{intent: greet}, {action: utter_greet}, {action: utter_help}]}
- rule: freight of something
  steps:
  - intent: ask_freight
  - slot_was_set: [{product: camarón}]
  - action: utter_freight
- rule: with insurance
  steps: [{action: utter_freight}, {intent: affirm}, {action: utter_insure}]
FALLBACK
stories:
- story: go on after the greeting
  steps:
  - intent: greet
  - action: utter_greet
  - action: utter_help
  - intent: affirm
  - action: utter_go_on
"""
FALLBACK = """\
- {rule: not understood, steps: [{intent: nlu_fallback}, {action: utter_default}]}
"""


def train(
    folder: Path, policy: str = "", *, ambiguity: float = 0.05, fallback: bool = True
) -> str:
    """Train the bot with this entry at the end of its policies; give the model."""
    from rasa.model_training import train as train_bot

    files = {
        "config.yml": CONFIG.replace("AMBIGUITY", str(ambiguity)) + policy,
        "domain/bot.yml": DOMAIN,
        "domain/qa.yml": (PACKAGE / "bot_files" / "domain.yml").read_text("utf-8"),
        "data/nlu.yml": NLU,
        "data/qa_nlu.yml": (PACKAGE / "bot_files" / "nlu.yml").read_text("utf-8"),
        "data/rules.yml": RULES.replace("FALLBACK", FALLBACK if fallback else ""),
        "data/qa_rules.yml": (PACKAGE / "bot_files" / "rules.yml").read_text("utf-8"),
        "actions.py": "import rasa_qa_plugin.actions\n",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    trained = train_bot(
        domain=str(folder / "domain"),
        config=str(folder / "config.yml"),
        training_files=str(folder / "data"),
        output=str(folder / "models"),
    )
    assert trained.model is not None
    return trained.model


@contextmanager
def action_server(folder: Path) -> Iterator[str]:
    """Run the plugin's actions in a process of their own; give their address."""
    (folder / "actions.py").write_text("import rasa_qa_plugin.actions\n", "utf-8")
    port = free_port()
    with (folder / "actions.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "-p", str(port)],
            cwd=folder, stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, **QUIET, "PYTHONPATH": str(folder)},
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 120
            while not answers(f"http://127.0.0.1:{port}/health"):
                assert time.monotonic() < deadline
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/webhook"
        finally:
            process.terminate()
            process.wait(30)


class Server:
    """A bot that runs on our store; make another one on the same file to restart it."""

    def __init__(self, model: str, actions: str, database: Path, **keys: Any) -> None:
        from rasa.core.agent import Agent
        from rasa.shared.core.domain import Domain
        from rasa.utils.endpoints import EndpointConfig

        from rasa_qa_plugin.tracker_store import QATrackerStore

        os.environ["RASA_QA_SECRET"] = SECRET
        self.store = QATrackerStore(Domain.empty(), db=str(database), **keys)
        self.agent = Agent.load(
            model, tracker_store=self.store, action_endpoint=EndpointConfig(actions)
        )

    def hear(self, *texts: str, sender: str = "ana") -> list[list[dict[str, Any]]]:
        """Say these things one after the other; give what the bot says to each."""

        async def talk() -> list[list[dict[str, Any]]]:
            return [
                await self.agent.handle_text(text, sender_id=sender) or []
                for text in texts
            ]

        return asyncio.run(talk())

    def say(self, *texts: str, sender: str = "ana") -> list[list[str]]:
        """Say these things; give the texts of what the bot says to each."""
        return [
            [message["text"] for message in messages]
            for messages in self.hear(*texts, sender=sender)
        ]

    def tracker(self, sender: str = "ana") -> Any:
        return asyncio.run(self.store.retrieve(sender))


def buttons(messages: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Give the payloads of all buttons by title."""
    return {
        button["title"]: button["payload"]
        for message in messages
        for button in message.get("buttons") or []
    }
