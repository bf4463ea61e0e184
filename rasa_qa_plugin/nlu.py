"""ADAPTER to Rasa's NLU pipeline: the component that notes how sure the model was.

Annotations must be importable at run time: Rasa resolves them when it validates the
graph. Processing does no I/O, so that `rasa test`, `/model/parse` and `rasa shell nlu`,
which run it too, leave nothing behind.
"""

from __future__ import annotations

import logging
from typing import Any, Dict, List, NamedTuple  # noqa: UP035 - Rasa compares these

import msgspec
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import RESPONSE_SELECTOR_PROPERTY_NAME
from rasa.shared.constants import INTENT_MESSAGE_PREFIX
from rasa.shared.nlu.constants import (
    ENTITIES,
    INTENT,
    INTENT_RANKING_KEY,
    TEXT,
    TEXT_TOKENS,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_qa_plugin import __version__
from rasa_qa_plugin.own_intents.signs import rating_in
from rasa_qa_plugin.own_intents.understanding import Reading, Understanding
from rasa_qa_plugin.prediction import (
    FALLBACK_INTENT,
    QA_KEY,
    UNDERSTOOD,
    chosen_response,
    predict_from_ranking,
)
from rasa_qa_plugin.privacy.withheld import is_bot_name
from rasa_qa_plugin.review.familiarity import Familiarity

logger = logging.getLogger(__name__)

_FAMILIARITY = "familiarity.npz"
_UNDERSTANDING = "understanding.npz"


class _Learned(NamedTuple):
    """What the component keeps of the training data.

    Attributes:
        familiarity: What was trained on.
        understanding: Of the plugin's intents, if the bot has any.
    """

    familiarity: Familiarity | None = None
    understanding: Understanding | None = None


_NOTHING = _Learned()


@DefaultV1Recipe.register(
    DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True
)
class ConfidenceLogger(GraphComponent):
    """Notes the NLU's own view of a message in ``parse_data["qa"]``.

    Put it last in the pipeline: it reads past FallbackClassifier, and changes no entity
    and no intent of the bot's own. Of the plugin's intents it knows more than the
    bot's training data teach: it decides alone whether a message means one of them,
    and ranks the NLU's intents after it, or puts the next one in the place of one of
    ours that nobody spoke of ("forget the invoice"); the fallback, where
    FallbackClassifier would not trust that one. The tracker store keeps the note with
    the turn. In training it learns which words the examples hold; the model keeps that,
    and no other text.

    Keys: those of :class:`rasa_qa_plugin.prediction.Prediction`, ``entities``
    (name → lowest confidence), ``understood`` (as one of the plugin's intents),
    ``taken_back`` (an intent of ours) and ``model_id``;
    keys without a value are left out. No text, no entity value. How long parsing took
    is not among them: a component cannot see when the ones before it began.
    """

    def __init__(
        self,
        model_storage: ModelStorage,
        resource: Resource,
        model_id: str | None,
        learned: _Learned = _NOTHING,
        threshold: float | None = None,
    ) -> None:
        """Remember which model is speaking, and what it was trained on.

        Args:
            model_storage: Rasa's.
            resource: What this component has in it.
            model_id: The model that speaks.
            learned: From the training data.
            threshold: Of the pipeline's FallbackClassifier, if it has one.
        """
        self._model_storage = model_storage
        self._resource = resource
        self._model_id = model_id
        self._familiarity, self._understanding = learned
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
        familiarity = understanding = None
        try:
            with model_storage.read_from(resource) as folder:
                if (folder / _FAMILIARITY).is_file():
                    familiarity = Familiarity.load(folder / _FAMILIARITY)
                if (folder / _UNDERSTANDING).is_file():
                    understanding = Understanding.load(folder / _UNDERSTANDING)
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
            _Learned(familiarity, understanding),
            _threshold_of(execution_context),
        )

    @classmethod
    def fingerprint_addon(
        cls,
        config: Dict[str, Any],  # noqa: ARG003, UP006
    ) -> str | None:
        """Keep Rasa's cache from giving back what another release learned."""
        return __version__

    def train(self, training_data: TrainingData) -> Resource:
        """Learn which words the examples hold, and store that with the model.

        Fine-tuning learns it anew: what was taken out of the data is forgotten.
        """
        examples = training_data.nlu_examples
        understanding = Understanding.learn(
            (example.get(TEXT) or "", example.get(INTENT)) for example in examples
        )
        familiarity = Familiarity.learn(
            (_wording(example), example.get(INTENT)) for example in examples
        )
        with self._model_storage.write_to(self._resource) as folder:
            familiarity.save(folder / _FAMILIARITY)
            if understanding:
                understanding.save(folder / _UNDERSTANDING)
        return self._resource

    def process(self, messages: List[Message]) -> List[Message]:  # noqa: UP006
        """Note the prediction in each message and hand all of them on."""
        for message in messages:
            decided = self._decide(message)
            # The bot's data need not hold what people say of ours.
            fit = {} if UNDERSTOOD in decided else self._fit(message)
            note = {**self._note(message), **fit, **decided}
            message.set(QA_KEY, note, add_to_output=True)
        return messages

    def _decide(self, message: Message) -> dict[str, Any]:
        """Rank our intents where they belong; give what the note says of it."""
        text = message.get(TEXT) or ""
        if self._understanding is None or text.startswith(INTENT_MESSAGE_PREFIX):
            return {}
        ours = self._understanding.intents
        ranking = message.get(INTENT_RANKING_KEY) or []
        rest = [one for one in ranking if one.get("name") not in ours]
        read = self._rating(text) or self._understanding.read(text)
        if read is not None:
            best = {"name": read.intent, "confidence": read.confidence}
            # What the NLU says holds as far as the message means none of ours.
            rest = [
                {**one, "confidence": one["confidence"] * (1 - read.confidence)}
                for one in rest
                if one.get("name") != FALLBACK_INTENT
            ]
            _rank(message, [best, *rest])
            return {UNDERSTOOD: True}
        name = (message.get(INTENT) or {}).get("name")
        if name not in ours:
            return {}
        if self._threshold is not None and (
            not rest or rest[0]["confidence"] < self._threshold
        ):
            rest.insert(0, {"name": FALLBACK_INTENT, "confidence": self._threshold})
        _rank(message, rest)
        return {"taken_back": str(name)}

    def _rating(self, text: str) -> Reading | None:
        """Read a thumb or stars, in which most pipelines find no word, as a rating."""
        good = rating_in(text)
        name = "qa_feedback_positive" if good else "qa_feedback_negative"
        if good is None or self._understanding is None:
            return None
        return Reading(name, 1.0) if name in self._understanding.intents else None

    def _fit(self, message: Message) -> dict[str, Any]:
        if self._familiarity is None:
            return {}
        best = predict_from_ranking(
            message.get(INTENT), message.get(INTENT_RANKING_KEY)
        )
        fit = self._familiarity.fit(_wording(message), best.intent)
        built: dict[str, Any] = msgspec.to_builtins(fit)
        return built

    def _note(self, message: Message) -> dict[str, Any]:
        prediction = predict_from_ranking(
            message.get(INTENT), message.get(INTENT_RANKING_KEY)
        )
        note: dict[str, Any] = msgspec.to_builtins(prediction)
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


def _rank(message: Message, ranking: List[Dict[str, Any]]) -> None:  # noqa: UP006
    best = ranking[0] if ranking else {"name": None, "confidence": 0.0}
    message.set(INTENT, best, add_to_output=True)
    message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)


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
