"""ConfidenceLogger with Rasa's own messages, storage and fallback."""

from pathlib import Path
from typing import Any

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.classifiers.fallback_classifier import FallbackClassifier
from rasa.shared.nlu.training_data.message import Message

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
