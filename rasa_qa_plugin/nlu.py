"""ADAPTER to Rasa's NLU pipeline: the component that notes how sure the model was.

Annotations must be importable at run time: Rasa resolves them when it validates the
graph. The component does no I/O, so that `rasa test`, `/model/parse` and `rasa shell
nlu`, which run it too, leave nothing behind.
"""

from __future__ import annotations

from typing import Any, Dict, List  # noqa: UP035 - Rasa compares these with its own

import msgspec
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RANKING_KEY
from rasa.shared.nlu.training_data.message import Message

from rasa_qa_plugin.review.prediction import QA_KEY, predict_from_ranking


@DefaultV1Recipe.register(
    DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False
)
class ConfidenceLogger(GraphComponent):
    """Notes the NLU's own view of a message in ``parse_data["qa"]``.

    Put it last in the pipeline: it reads past FallbackClassifier, and changes neither
    intent nor entities. The tracker store keeps the note with the turn.

    Keys: ``intent``, ``confidence``, ``second_intent``, ``margin``, ``entropy``,
    ``fell_back`` (see :class:`rasa_qa_plugin.review.prediction.Prediction`),
    ``entities`` (name → lowest confidence) and ``model_id``; keys without a value are
    left out. No text, no entity value.
    """

    def __init__(self, model_id: str | None) -> None:
        """Remember which model is speaking."""
        self._model_id = model_id

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],  # noqa: ARG003, UP006
        model_storage: ModelStorage,  # noqa: ARG003
        resource: Resource,  # noqa: ARG003
        execution_context: ExecutionContext,
    ) -> ConfidenceLogger:
        """Make the component for a training or a loaded model."""
        return cls(execution_context.model_id)

    def process(self, messages: List[Message]) -> List[Message]:  # noqa: UP006
        """Note the prediction in each message and hand all of them on."""
        for message in messages:
            message.set(QA_KEY, self._note(message), add_to_output=True)
        return messages

    def _note(self, message: Message) -> dict[str, Any]:
        prediction = predict_from_ranking(
            message.get(INTENT), message.get(INTENT_RANKING_KEY)
        )
        note: dict[str, Any] = msgspec.to_builtins(prediction)
        entities: dict[str, float] = {}
        for entity in message.get(ENTITIES) or []:
            confidence = entity.get("confidence_entity")
            if confidence is not None:
                name = str(entity.get("entity"))
                entities[name] = min(entities.get(name, 1.0), float(confidence))
        if entities:
            note["entities"] = entities
        if self._model_id:
            note["model_id"] = self._model_id
        return note
