"""What people say in their own words, to real models: understood, and never a trap.

Nobody's sentence about shrimps may be taken for one about consent, and whoever is asked
for a name by a form can speak of consent first.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.model_training import train
from rasa.utils.endpoints import EndpointConfig
from sklearn.feature_extraction.text import CountVectorizer

import rasa_qa_plugin
from rasa_qa_plugin.own_intents.utterances import OWN_INTENTS, ordinary, utterances
from rasa_qa_plugin.review.wording import folded, grams_of
from rasa_qa_plugin.settings import read_yaml
from rasa_qa_plugin.tracker_store import QATrackerStore
from tests.acceptance.servers import QUIET, answers, free_port
from tests.conftest import ROOT, SECRET, Demo

BOT_FILES = Path(rasa_qa_plugin.__file__).parent / "bot_files"
HELD_OUT: dict[str, Any] = read_yaml(ROOT / "tests" / "data" / "qa_utterances.yml")
LANGUAGES = ("es", "en")
CONFIG = """\
recipe: default.v1
assistant_id: small
language: es
pipeline:
- name: WhitespaceTokenizer
- {name: CountVectorsFeaturizer, strip_accents: unicode}
- {name: CountVectorsFeaturizer, strip_accents: unicode, analyzer: char_wb,
   min_ngram: 1, max_ngram: 4, min_df: 2}
- {name: LogisticRegressionClassifier, max_iter: 300, solver: lbfgs}
- name: rasa_qa_plugin.ConfidenceLogger
policies:
- name: RulePolicy
"""
DOMAIN = """\
version: "3.1"
intents: [greet, order, ask_price, deny]
slots:
  product:
    type: text
    influence_conversation: false
    mappings:
    - type: from_text
      conditions: [{active_loop: order_form, requested_slot: product}]
  boxes:
    type: text
    influence_conversation: false
    mappings:
    - type: from_text
      conditions: [{active_loop: order_form, requested_slot: boxes}]
forms:
  order_form: {required_slots: [boxes, product]}
responses:
  utter_greet: [{text: hola}]
  utter_price: [{text: 10 USD}]
  utter_ask_boxes: [{text: "how many?"}]
  utter_ask_product: [{text: "which product?"}]
  utter_ordered: [{text: "{boxes} of {product}"}]
"""
NLU = """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hola
    - buenas
    - hello there
- intent: order
  examples: |
    - quiero pedir camarón
    - hacer un pedido
    - i want to order shrimp
    - place an order
- intent: ask_price
  examples: |
    - precio del camarón
    - cuánto cuesta la langosta
    - price of shrimp
    - how much is the lobster
- intent: deny
  examples: |
    - no
    - no gracias
    - no thanks
"""
RULES = """\
version: "3.1"
rules:
- {rule: greet, steps: [{intent: greet}, {action: utter_greet}]}
- {rule: price, steps: [{intent: ask_price}, {action: utter_price},
   {action: action_qa_ask_feedback}]}
- rule: order
  steps: [{intent: order}, {action: order_form}, {active_loop: order_form}]
- rule: ordered
  condition: [{active_loop: order_form}]
  steps:
  - action: order_form
  - active_loop: null
  - slot_was_set: [{requested_slot: null}]
  - action: utter_ordered
"""


class FormBot:
    """A bot with a form, no FallbackClassifier and a real action server."""

    def __init__(self, model: str, actions: str) -> None:
        self._model = model
        self._actions = actions

    def open(self, database: str, *, without_consent: str = "structure") -> "FormBot":
        """Open a database of its own."""
        Path("qa.yml").write_text(f"consent: {{without_consent: {without_consent}}}\n")
        self.store = QATrackerStore(None, db=database, settings="qa.yml")
        self.agent = Agent.load(
            self._model,
            tracker_store=self.store,
            action_endpoint=EndpointConfig(self._actions),
        )
        assert isinstance(self.agent.tracker_store, FailSafeTrackerStore)
        return self

    def talk(
        self, *texts: str, sender: str = "ana", channel: str | None = None
    ) -> list[list[dict[str, Any]]]:
        """Say one after the other; give what the bot answered to each."""

        async def say() -> list[list[dict[str, Any]]]:
            said = []
            for text in texts:
                heard = CollectingOutputChannel()
                message = UserMessage(text, heard, sender, input_channel=channel)
                await self.agent.handle_message(message)
                said.append(heard.messages)
            return said

        return asyncio.run(say())

    def slots(self, sender: str = "ana") -> dict[str, Any]:
        tracker = asyncio.run(self.agent.tracker_store.retrieve(sender))
        assert tracker is not None
        return {**tracker.current_slot_values(), "form": tracker.active_loop_name}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FormBot]:
    folder = tmp_path_factory.mktemp("words") / "bot"
    (folder / "data").mkdir(parents=True)
    (folder / "domain").mkdir()
    for path, text in {
        "config.yml": CONFIG,
        "domain/bot.yml": DOMAIN,
        "domain/qa.yml": (BOT_FILES / "domain.yml").read_text("utf-8"),
        "data/nlu.yml": NLU,
        "data/rules.yml": RULES,
        "data/qa_nlu.yml": (BOT_FILES / "nlu.yml").read_text("utf-8"),
        "data/qa_rules.yml": (BOT_FILES / "rules.yml").read_text("utf-8"),
        "actions.py": "import rasa_qa_plugin.actions\n",
    }.items():
        (folder / path).write_text(text, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RASA_TELEMETRY_ENABLED", "false")
        patch.setenv("RASA_QA_SECRET", SECRET)
        patch.chdir(folder)
        model = train("domain", "config.yml", "data", "models").model
        assert model is not None
        port = free_port()
        with Path("actions.log").open("wb") as log:
            server = subprocess.Popen(
                [
                    *(sys.executable, "-m", "rasa_sdk"),
                    *("--actions", "actions", "-p", str(port)),
                ],
                stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **QUIET},
            )  # fmt: skip
            try:
                deadline = time.monotonic() + 120
                while not answers(f"http://127.0.0.1:{port}/health"):
                    assert time.monotonic() < deadline
                    time.sleep(0.2)
                yield FormBot(
                    str(Path(model).absolute()), f"http://127.0.0.1:{port}/webhook"
                )
            finally:
                server.terminate()
                server.wait(30)


@pytest.fixture
def bot(trained: FormBot, tmp_path: Path) -> FormBot:
    return trained.open(str(tmp_path / "conversations.db"))


def texts(answered: list[dict[str, Any]]) -> str:
    return " | ".join(str(answer.get("text")) for answer in answered)


IN_A_FORM = [
    ("retiro mi consentimiento", "Hecho: ya no guardamos"),
    ("no quiero que guarden esto", "no guardamos los mensajes"),
    ("¿qué guardan de mí?", "no guardamos lo que se escribe"),
    ("borra mis datos", "¿Borramos todo lo guardado"),
    ("esa respuesta está mal", "así sabemos qué corregir"),
    ("/qa_consent_grant", "¡Muchas gracias!"),
    ("/qa_forget_cancel", "no borramos nada"),
    ("/qa_skip", "Sin problema"),
    ("i withdraw my consent", "Done: we no longer keep"),
    ("please do not keep my messages", "we won't keep your messages"),
    ("what do you have about me?", "we do not keep what you write"),
    ("delete my data", "Shall we delete everything"),
    ("that was not what i asked", "now we know what to fix"),
]


@pytest.mark.parametrize(("text", "answer"), IN_A_FORM)
def test_a_form_is_interrupted_and_asks_its_question_again(
    bot: FormBot, text: str, answer: str
) -> None:
    spanish = (text, answer) in IN_A_FORM[:8]
    start = "quiero pedir camarón" if spanish else "place an order"
    started, interrupted = bot.talk(start, text)

    assert texts(started) == "how many?"
    assert answer in texts(interrupted)
    assert texts(interrupted).endswith("| how many?")
    second, mended, ordered = bot.talk("3", text, "cola")
    assert texts(second) == "which product?"
    assert texts(mended).endswith("| which product?")
    assert texts(ordered) == "3 of cola"
    assert bot.slots()["form"] is None


@pytest.mark.parametrize(
    "way_out", ["the price was old", "/qa_skip", "/qa_feedback_positive"]
)
def test_a_comment_inside_a_form_leads_back_to_it(bot: FormBot, way_out: str) -> None:
    bot.talk("price of shrimp", "/qa_feedback_negative", "place an order")
    asked, told = bot.talk("/qa_comment", way_out)

    assert "What went wrong" in texts(asked)
    assert texts(told).endswith("| how many?")
    assert bot.slots()["form"] == "order_form"
    assert bot.slots()["boxes"] is None
    assert texts(bot.talk("3", "tail")[1]) == "3 of tail"


def test_a_comment_outside_any_form_brings_no_form_back(bot: FormBot) -> None:
    bot.talk("place an order", "3", "tail", "price of shrimp", "/qa_feedback_negative")
    _, told = bot.talk("/qa_comment", "too expensive")

    assert texts(told) == "Thank you, we'll look into it."
    assert bot.slots()["form"] is None


def test_forgetting_inside_a_form_ends_it_with_a_receipt(bot: FormBot) -> None:
    _, _, forgotten = bot.talk("place an order", "delete my data", "/qa_forget_confirm")

    assert "Receipt: on 20" in texts(forgotten)
    assert "how many?" not in texts(forgotten)
    assert texts(bot.talk("hello there")[0]) == "hola"
    assert bot.slots()["boxes"] is None


@pytest.mark.parametrize(
    ("mode", "kept"),
    [
        ("structure", "we do not keep what you write"),
        ("anonymized", "your messages are kept too"),
        ("nothing", "we keep nothing of the conversation"),
    ],
)
def test_people_are_told_what_is_true_of_them(
    trained: FormBot, tmp_path: Path, mode: str, kept: str
) -> None:
    bot = trained.open(str(tmp_path / "c.db"), without_consent=mode)
    first, _, agreed, _, back = bot.talk(
        "what do you know about me?", "/qa_consent_grant", "what do you have about me?",
        "/qa_consent_withdraw", "what do you have about me?",
    )  # fmt: skip

    assert "neither a yes nor a no" in texts(first)
    assert kept in texts(first)
    assert f"permission since {time.strftime('%Y-%m-%d', time.gmtime())}" in texts(
        agreed
    )
    assert kept not in texts(agreed)
    assert "took your permission back" in texts(back)
    assert kept in texts(back)


def test_where_there_are_no_buttons_people_are_told_what_to_write(bot: FormBot) -> None:
    (priced, rated, asked, forgotten) = bot.talk(
        "precio del camarón", "👍", "borra mis datos", "Sí, borrar todo", channel="sms"
    )

    assert "Responda 👍 o 👎" in texts(priced)
    assert not any(answer.get("buttons") for answer in priced + rated + asked)
    assert "Gracias por la opinión" in texts(rated)
    assert "escriba «sí, borrar todo»" in texts(asked)
    assert "Constancia" in texts(forgotten)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_small_model_understands_people(bot: FormBot, language: str) -> None:
    right, wrong = _judge(bot.agent, HELD_OUT[language])

    assert right + len(wrong) >= 250
    assert right / (right + len(wrong)) >= 0.95, wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_slang_slips_and_roundabout_ways_are_mostly_understood(
    bot: FormBot, language: str
) -> None:
    right, wrong = _judge(bot.agent, HELD_OUT["odd"][language])

    assert right / (right + len(wrong)) >= 0.65, wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_model_that_knows_little_else_takes_no_sentence_for_ours(
    bot: FormBot, language: str
) -> None:
    said = HELD_OUT["ordinary"][language]
    taken = _taken_for_ours(bot.agent, said)

    assert len(said) >= 300
    assert len(taken) / len(said) <= 0.01, taken


def test_the_example_bot_understands_people(demo: Demo) -> None:
    """Its own pipeline, DIET and FallbackClassifier, as `demo.py` trained it."""
    agent = Agent.load(str(demo.bot / "models" / "first.tar.gz"))
    for language in LANGUAGES:
        right, wrong = _judge(agent, HELD_OUT[language])
        assert right / (right + len(wrong)) >= 0.95, wrong
        said = HELD_OUT["ordinary"][language]
        taken = _taken_for_ours(agent, said)
        assert len(taken) / len(said) <= 0.01, taken


def _judge(
    agent: Agent, utterances: dict[str, list[str]]
) -> tuple[int, list[tuple[str, str]]]:
    """Give how many are understood, and the others with what they were taken for."""
    meant = [(intent, text) for intent in utterances for text in utterances[intent]]
    found = _intents(agent, [text for _, text in meant])
    pairs = list(zip(meant, found, strict=True))
    wrong = [(text, got) for (intent, text), got in pairs if got != intent]
    return len(meant) - len(wrong), wrong


def _taken_for_ours(agent: Agent, said: list[str]) -> list[tuple[str, str]]:
    found = zip(said, _intents(agent, said), strict=True)
    return [(text, got) for text, got in found if got.startswith("qa_")]


def _intents(agent: Agent, said: list[str]) -> list[str]:
    async def parse() -> list[str]:
        parsed = [await agent.parse_message(text) for text in said]
        return [str(one["intent"]["name"]) for one in parsed]

    return asyncio.run(parse())


def test_what_is_held_out_is_in_no_training_data() -> None:
    trained_on = [folded(text) for text in ordinary()]
    for intent in OWN_INTENTS:
        trained_on += map(folded, (*utterances(intent), *examples_of(intent)))
    held_out = {
        folded(text)
        for kind in (HELD_OUT, HELD_OUT["odd"])
        for language in LANGUAGES
        for intent in kind[language]
        for text in kind[language][intent]
    }
    for language in LANGUAGES:
        held_out.update(map(folded, HELD_OUT["ordinary"][language]))
    # The similarity of wording.py, of all pairs at once.
    count = CountVectorizer(analyzer=grams_of, binary=True, dtype=np.float32)
    learned, held = count.fit_transform(trained_on), count.transform(held_out)
    sizes = [np.array([len(grams_of(one)) for one in some], np.float32)
             for some in (held_out, trained_on)]  # fmt: skip
    alike = 2 * (held @ learned.T).toarray() / np.add.outer(*sizes)
    too_near = alike.max(axis=1) >= 0.85

    assert len(held_out) >= 1000
    assert not [text for text, near in zip(held_out, too_near, strict=True) if near]


def examples_of(intent: str) -> list[str]:
    """Give what `rasa-qa init` writes for an intent."""
    (entry,) = (
        one
        for one in read_yaml(BOT_FILES / "nlu.yml")["nlu"]
        if one["intent"] == intent
    )
    return [line.strip()[2:] for line in entry["examples"].splitlines()]
