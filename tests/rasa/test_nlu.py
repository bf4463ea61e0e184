"""ConfidenceLogger with Rasa's own messages, storage and fallback."""

from pathlib import Path
from typing import Any

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema, SchemaNode
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.classifiers.fallback_classifier import FallbackClassifier
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_qa_plugin import ConfidenceLogger


@pytest.fixture
def component(tmp_path: Path) -> ConfidenceLogger:
    made: ConfidenceLogger = ConfidenceLogger.create(
        {},
        LocalModelStorage.create(tmp_path),
        Resource("qa"),
        ExecutionContext(GraphSchema({}), model_id="model-1"),
    )
    return made


def parsed(text: str, *ranking: tuple[str, float], **data: Any) -> Message:
    entries = [{"name": name, "confidence": value} for name, value in ranking]
    return Message(
        data={
            "text": text,
            "intent": entries[0] if entries else {"name": None, "confidence": 0.0},
            "intent_ranking": entries,
            **data,
        }
    )


def test_the_real_intent_is_noted_behind_rasas_fallback(
    component: ConfidenceLogger, tmp_path: Path
) -> None:
    fallback = FallbackClassifier.create(
        {**FallbackClassifier.get_default_config(), "threshold": 0.7},
        LocalModelStorage.create(tmp_path),
        Resource("fallback"),
        ExecutionContext(GraphSchema({}), model_id="model-1"),
    )
    message = parsed("a cómo está?", ("price", 0.5), ("greet", 0.2))

    (message,) = component.process(fallback.process([message]))

    note = message.get("qa")
    assert message.get("intent")["name"] == "nlu_fallback"
    assert (note["intent"], note["confidence"], note["second_intent"]) == (
        "price",
        0.5,
        "greet",
    )
    assert note["margin"] == pytest.approx(0.3)
    assert note["fell_back"] is True
    assert note["model_id"] == "model-1"


def test_the_note_is_part_of_rasas_output_and_changes_nothing_else(
    component: ConfidenceLogger,
) -> None:
    message = parsed("hola", ("greet", 0.9), ("bye", 0.1))
    before = message.as_dict(only_output_properties=True)

    component.process([message])

    after = message.as_dict(only_output_properties=True)
    assert after.pop("qa")["intent"] == "greet"
    assert after == before


def test_entity_confidence_is_noted_by_name_without_values(
    component: ConfidenceLogger,
) -> None:
    entities = [
        {"entity": "person", "value": "Ana", "confidence_entity": 0.8},
        {"entity": "person", "value": "Eva", "confidence_entity": 0.6},
        {"entity": "size", "value": "16/20"},
    ]

    (message,) = component.process([parsed("soy Ana", ("a", 1.0), entities=entities)])

    assert message.get("qa")["entities"] == {"person": 0.6}
    assert "Ana" not in str(message.get("qa"))


@pytest.mark.parametrize("text", ["", "x" * 4000, "\u202eabc", "😀"])
def test_any_text_is_taken(component: ConfidenceLogger, text: str) -> None:
    (message,) = component.process([parsed(text)])

    assert message.get("qa") == {"model_id": "model-1"}


OURS = [
    ("borra mis datos", "qa_forget_me"),
    ("no guarden mis mensajes", "qa_consent_deny"),
    ("quiero pedir camarón", "order"),
    ("envíe la factura", "order"),
]


def trained(folder: Path, *, fallback: float | None = None) -> ConfidenceLogger:
    """Train the component on a bot with intents of ours, and load it."""
    nodes = {}
    if fallback is not None:
        nodes["fallback"] = SchemaNode(
            needs={}, uses=FallbackClassifier, constructor_name="create", fn="process",
            config={"threshold": fallback},
        )  # fmt: skip
    storage, resource = LocalModelStorage.create(folder), Resource("qa")
    context = ExecutionContext(GraphSchema(nodes), model_id="m")
    ConfidenceLogger.create({}, storage, resource, context).train(
        TrainingData([Message({"text": text, "intent": name}) for text, name in OURS])
    )
    loaded: ConfidenceLogger = ConfidenceLogger.load({}, storage, resource, context)
    return loaded


def test_an_intent_of_ours_is_taken_back_where_nobody_spoke_of_it(
    tmp_path: Path,
) -> None:
    ranking = (("qa_forget_me", 0.9), ("qa_consent_deny", 0.06), ("order", 0.04))
    (message,) = trained(tmp_path).process([parsed("forget the invoice", *ranking)])

    assert message.get("intent") == {"name": "order", "confidence": 0.04}
    assert [one["name"] for one in message.get("intent_ranking")] == ["order"]
    note = message.get("qa")
    assert (note["intent"], note["taken_back"]) == ("order", "qa_forget_me")


@pytest.mark.parametrize("text", ["forget my data", "por favor borren mis mensajes"])
def test_an_intent_of_ours_is_understood_whatever_the_nlu_made_of_it(
    tmp_path: Path, text: str
) -> None:
    ranking = (("nlu_fallback", 0.7), ("order", 0.6), ("qa_consent_deny", 0.3))
    (message,) = trained(tmp_path, fallback=0.7).process([parsed(text, *ranking)])

    best, second = message.get("intent_ranking")
    assert message.get("intent") == best
    assert best["name"] == "qa_forget_me"
    assert second["name"] == "order"
    assert second["confidence"] == pytest.approx(0.6 * (1 - best["confidence"]))
    note = message.get("qa")
    assert note["intent"] == "qa_forget_me"
    assert not note.get("fell_back")
    assert "taken_back" not in note


def test_what_is_taken_back_falls_back_where_the_pipeline_would(tmp_path: Path) -> None:
    ranking = (("qa_forget_me", 0.9), ("order", 0.1))
    (message,) = trained(tmp_path, fallback=0.7).process(
        [parsed("forget the invoice", *ranking)]
    )

    assert message.get("intent") == {"name": "nlu_fallback", "confidence": 0.7}
    assert message.get("qa")["fell_back"] is True
    assert message.get("qa")["intent"] == "order"


@pytest.mark.parametrize("text", ["/order", "/qa_forget_me", "forget the invoice"])
def test_payloads_and_intents_of_the_bot_stay_as_they_are(
    tmp_path: Path, text: str
) -> None:
    name = text.removeprefix("/") if text.startswith("/") else "order"
    message = parsed(text, (name, 0.9), ("qa_consent_deny", 0.1))
    (processed,) = trained(tmp_path).process([message])

    assert processed.get("intent") == {"name": name, "confidence": 0.9}


def test_a_classifier_without_a_ranking_is_understood_too(tmp_path: Path) -> None:
    message = parsed("forget the invoice", ("qa_forget_me", 1.0))
    message.set("intent_ranking", None)

    trained(tmp_path).process([message])

    assert message.get("intent") == {"name": None, "confidence": 0.0}


def test_a_bot_without_intents_of_ours_is_left_alone(
    component: ConfidenceLogger,
) -> None:
    message = parsed("forget my data", ("order", 0.9))
    component.process([message])

    assert message.get("intent") == {"name": "order", "confidence": 0.9}


def test_a_thumb_is_a_rating_in_a_bot_that_knows_ratings(tmp_path: Path) -> None:
    storage, resource = LocalModelStorage.create(tmp_path), Resource("qa")
    context = ExecutionContext(GraphSchema({}), model_id="m")
    component = ConfidenceLogger.create({}, storage, resource, context)
    good = Message(data={"text": "good answer", "intent": "qa_feedback_positive"})
    component.train(TrainingData([good]))
    loaded = ConfidenceLogger.load({}, storage, resource, context)

    up, down = loaded.process([parsed("👍", ("a", 0.9)), parsed("👎", ("a", 0.9))])

    assert up.get("intent") == {"name": "qa_feedback_positive", "confidence": 1.0}
    assert down.get("intent") == {"name": "a", "confidence": 0.9}
