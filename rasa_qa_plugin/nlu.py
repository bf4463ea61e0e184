"""ADAPTER to Rasa's NLU pipeline: the component that notes how sure the model was.

Annotations must be importable at run time: Rasa resolves them when it validates the
graph. Processing does no I/O, so that `rasa test`, `/model/parse` and `rasa shell nlu`,
which run it too, leave nothing behind.
"""

from __future__ import annotations

import logging
from typing import Any, Dict, List  # noqa: UP035 - Rasa compares these

import msgspec
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import RESPONSE_SELECTOR_PROPERTY_NAME
from rasa.shared.nlu.constants import (
    ENTITIES,
    INTENT,
    INTENT_RANKING_KEY,
    TEXT,
    TEXT_TOKENS,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_qa_plugin.privacy.withheld import is_bot_name
from rasa_qa_plugin.review.familiarity import FORMAT, Familiarity
from rasa_qa_plugin.review.prediction import (
    FALLBACK_INTENT,
    QA_KEY,
    chosen_response,
    predict_from_ranking,
)
from rasa_qa_plugin.signs import rating_in
from rasa_qa_plugin.topics import harmlessly_names, speaks_of

logger = logging.getLogger(__name__)

_FILE = "familiarity.npz"
# How sure the NLU must be of an intent of ours that the words name, as a share of what
# FallbackClassifier demands.
_NAMED_SHARE = 0.5


@DefaultV1Recipe.register(
    DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True
)
class ConfidenceLogger(GraphComponent):
    """Notes the NLU's own view of a message in ``parse_data["qa"]``.

    Put it last in the pipeline: it reads past FallbackClassifier, and changes no
    entity. Intents it changes in three cases. Mere thumbs and stars are read as
    ratings. An intent of the plugin's that the words name ("delete my data") and that
    decides nothing needs half the confidence that FallbackClassifier demands. And where
    the NLU read one into words that speak of nothing of ours ("forget the invoice"),
    the next one takes its place, or the fallback where FallbackClassifier would not
    trust that one. The tracker store keeps the note with the turn. In training it
    learns which words the examples hold; the model keeps that, and no other text.

    Keys: those of :class:`rasa_qa_plugin.review.prediction.Prediction`, ``entities``
    (name → lowest confidence), ``taken_back`` (an intent of ours) and ``model_id``;
    keys without a value are left out. No text, no entity value. How long parsing took
    is not among them: a component cannot see when the ones before it began.
    """

    def __init__(
        self,
        model_storage: ModelStorage,
        resource: Resource,
        model_id: str | None,
        familiarity: Familiarity | None = None,
        threshold: float | None = None,
    ) -> None:
        """Remember which model is speaking, and what it was trained on.

        Args:
            model_storage: Rasa's.
            resource: What this component has in it.
            model_id: The model that speaks.
            familiarity: What it was trained on.
            threshold: Of the pipeline's FallbackClassifier, if it has one.
        """
        self._model_storage = model_storage
        self._resource = resource
        self._model_id = model_id
        self._familiarity = familiarity
        self._threshold = threshold

    @classmethod
    def create(
        cls,
        config: Dict[str, Any],  # noqa: ARG003, UP006
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ConfidenceLogger:
        """Make the component for a training."""
        return cls(model_storage, resource, execution_context.model_id)

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],  # noqa: ARG003, UP006
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,  # noqa: ARG003
    ) -> ConfidenceLogger:
        """Make the component of a trained model.

        A model that another release trained works too; its notes lack what is learned.
        """
        familiarity = None
        try:
            with model_storage.read_from(resource) as folder:
                if (folder / _FILE).is_file():
                    familiarity = Familiarity.load(folder / _FILE)
        except ValueError:
            pass  # nothing was stored under this name
        if familiarity is None:
            logger.info(
                "ConfidenceLogger: this model does not know its training data, so "
                "turns carry no novelty; run `rasa train` to have it"
            )
        return cls(
            model_storage,
            resource,
            execution_context.model_id,
            familiarity,
            _threshold_of(execution_context),
        )

    @classmethod
    def fingerprint_addon(
        cls,
        config: Dict[str, Any],  # noqa: ARG003, UP006
    ) -> str | None:
        """Keep Rasa's cache from giving back what another release learned."""
        return str(FORMAT)

    def train(self, training_data: TrainingData) -> Resource:
        """Learn which words the examples hold, and store that with the model.

        Fine-tuning learns it anew: what was taken out of the data is forgotten.
        """
        familiarity = Familiarity.learn(
            (_wording(example), example.get(INTENT))
            for example in training_data.nlu_examples
        )
        with self._model_storage.write_to(self._resource) as folder:
            familiarity.save(folder / _FILE)
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:  # noqa: UP006
        """Note the prediction in each message and hand all of them on."""
        for message in messages:
            self._read_sign(message)
            self._believe(message)
            taken_back = self._take_back(message)
            note = self._note(message)
            if taken_back:
                note["taken_back"] = taken_back
            message.set(QA_KEY, note, add_to_output=True)
        return messages

    def _read_sign(self, message: Message) -> None:
        """Read a thumb or stars, in which most pipelines find no word, as a rating."""
        good = rating_in(message.get(TEXT) or "")
        name = "qa_feedback_positive" if good else "qa_feedback_negative"
        if good is None or self._familiarity is None or not self._familiarity.has(name):
            return
        intent = {"name": name, "confidence": 1.0}
        message.set(INTENT, intent, add_to_output=True)
        message.set(INTENT_RANKING_KEY, [intent], add_to_output=True)

    def _believe(self, message: Message) -> None:
        """Believe the NLU sooner where the words name what its intent is about.

        "Delete everything I told you" deserves the question whether to, rather than the
        fallback. Not so for a decision about consent, which counts at once.
        """
        ranking = message.get(INTENT_RANKING_KEY) or []
        if self._threshold is None or len(ranking) < 2:  # noqa: PLR2004
            return
        fallback, best = ranking[:2]
        name, text = str(best.get("name")), message.get(TEXT) or ""
        if (
            fallback.get("name") == FALLBACK_INTENT
            and best["confidence"] >= _NAMED_SHARE * self._threshold
            and harmlessly_names(name, text)
        ):
            message.set(INTENT, best, add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking[1:], add_to_output=True)

    def _take_back(self, message: Message) -> str | None:
        """Put another intent in the place of one of ours that nobody spoke of."""
        intent = message.get(INTENT) or {}
        name, text = intent.get("name"), message.get(TEXT) or ""
        if not isinstance(name, str) or speaks_of(name, text):
            return None
        ranking = [
            other
            for other in message.get(INTENT_RANKING_KEY) or []
            if speaks_of(str(other.get("name")), text)
        ]
        best: dict[str, Any] = (
            ranking[0] if ranking else {"name": None, "confidence": 0.0}
        )
        if self._threshold is not None and best["confidence"] < self._threshold:
            best = {"name": FALLBACK_INTENT, "confidence": self._threshold}
            ranking.insert(0, best)
        message.set(INTENT, best, add_to_output=True)
        message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        return name

    def _note(self, message: Message) -> dict[str, Any]:
        prediction = predict_from_ranking(
            message.get(INTENT), message.get(INTENT_RANKING_KEY)
        )
        note: dict[str, Any] = msgspec.to_builtins(prediction)
        if self._familiarity is not None:
            fit = self._familiarity.fit(_wording(message), prediction.intent)
            note |= msgspec.to_builtins(fit)
        key, confidence = chosen_response(
            message.get(RESPONSE_SELECTOR_PROPERTY_NAME), prediction.intent
        )
        if is_bot_name(key):  # some selectors name a response by its text
            note |= {"response_key": key, "response_confidence": confidence}
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


def _wording(message: Message) -> str:
    """Give the words as the tokenizer parts them; not all languages have blanks."""
    tokens = message.get(TEXT_TOKENS)
    if tokens:
        return " ".join(token.text for token in tokens)
    return message.get(TEXT) or ""


def _threshold_of(context: ExecutionContext) -> float | None:
    """Give how sure the model's FallbackClassifier wants it to be."""
    for node in context.graph_schema.nodes.values():
        if node.uses.__name__ == "FallbackClassifier":
            config = {**node.uses.get_default_config(), **node.config}
            return float(config["threshold"])
    return None
