"""ADAPTER to Rasa: the policy that asks at the right moment.

Annotations must be importable at run time: Rasa resolves them when it validates the
graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any, Dict, List, Optional  # noqa: UP035 - Rasa compares these

import msgspec
from rasa.core.featurizers.tracker_featurizers import TrackerFeaturizer
from rasa.core.policies.policy import Policy, PolicyPrediction
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.constants import SHOULD_NOT_BE_SET
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionReverted,
    ActiveLoop,
    BotUttered,
    Event,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.generator import TrackerWithCachedStates
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import InvalidConfigException

from rasa_qa_plugin.consent import ASKED_SLOT, CONSENT_SLOT, changes_in
from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.policy.moments import (
    DEFAULT_FALLBACK,
    DID_YOU_MEAN,
    FEEDBACK_ASKED,
    INSERTED,
    TRY_LATER,
    AskingSettings,
    Turn,
    next_action,
    offer,
    wants_answer,
)
from rasa_qa_plugin.policy.responses import response_of
from rasa_qa_plugin.policy.turn_ends import IN_LOOP, LISTEN, TurnEnds, learn
from rasa_qa_plugin.positions import asked_of
from rasa_qa_plugin.settings import read_as

_FILE = "turn_ends.json"
_OFFER_SLOT = "qa_did_you_mean"
# What Rasa itself puts among the keys of a policy.
_OF_RASA = frozenset(("priority", "epochs", "finetuning_epoch_fraction"))
_NAME = "rasa_qa_plugin.QAPolicy"
_LATELY = 200  # events: some twenty turns


@DefaultV1Recipe.register(
    DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True
)
class QAPolicy(Policy):
    """Asks for consent and feedback, and what was meant, beside the bot's own stories.

    What it inserts is taken back at once, so that stories and rules go on as if nothing
    had been said. In training it learns which answers are complete, and asks only after
    those; where training data says both, it waits for a better moment. It never asks
    inside a form, while the bot is paused, twice in a turn, or right after a message of
    the plugin's own. Right after its own question "4" is a rating, whatever the NLU
    reads. Whoever speaks to the plugin while the action server is away is told to try
    again. Paste into `config.yml`, with the keys you want to change:

    ```yaml
    policies:
      - name: rasa_qa_plugin.QAPolicy
        ask_consent: after_first_answer # or first_message, or never
        ask_feedback:
          after: [utter_price] # 👍 or 👎 after these actions,
          every: 10            # after every tenth answer,
          at_end: [utter_bye]  # and one to five stars after these
        disambiguate:
          margin: 0.1 # "did you mean…?" when intents are this close
          titles:
            ask_price: {es: "Saber un precio", en: "Know a price"}
    ```
    """

    @staticmethod
    def get_default_config() -> Dict[str, Any]:  # noqa: UP006
        """Give the priority: above RulePolicy, whose predictions are as sure."""
        return {"priority": 7}

    def __init__(  # noqa: PLR0913, PLR0917 - Rasa's own, and what was learned
        self,
        config: Dict[str, Any],  # noqa: UP006
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        featurizer: Optional[TrackerFeaturizer] = None,  # noqa: UP045
        ends: Optional[TurnEnds] = None,  # noqa: UP045
    ) -> None:
        """Read the keys of `config.yml`.

        Raises:
            InvalidConfigException: A key is unknown, or its value makes no sense.
        """
        super().__init__(config, model_storage, resource, execution_context, featurizer)
        ours = {key: value for key, value in config.items() if key not in _OF_RASA}
        try:
            self._settings = read_as(AskingSettings, ours, f"config.yml: {_NAME}")
        except ConfigError as error:
            raise InvalidConfigException(f"rasa_qa_plugin: {error}") from None
        self._ends = ends or TurnEnds()

    @classmethod
    def load(
        cls,
        config: Dict[str, Any],  # noqa: UP006
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,  # noqa: ARG003
    ) -> QAPolicy:
        """Make the policy of a trained model."""
        ends = None
        try:
            with model_storage.read_from(resource) as folder:
                encoded = (folder / _FILE).read_bytes()
            ends = msgspec.json.decode(encoded, type=TurnEnds)
        except (ValueError, FileNotFoundError):
            pass  # trained by nobody: it then knows no end of an answer
        return cls(config, model_storage, resource, execution_context, ends=ends)

    def train(
        self,
        training_trackers: List[TrackerWithCachedStates],  # noqa: UP006
        domain: Domain,
        **kwargs: Any,  # noqa: ARG002
    ) -> Resource:
        """Learn which answers are complete, and store that with the model.

        Raises:
            InvalidConfigException: The domain lacks an action that is to be inserted.
        """
        for name in self._settings.actions:
            if name not in domain.action_names_or_texts:
                raise InvalidConfigException(
                    f"rasa_qa_plugin: domain: {name} is missing, though {_NAME} needs "
                    "it; run `rasa-qa init`, or add it under `actions`"
                )
        self._ends = learn(_steps(tracker) for tracker in training_trackers)
        with self._model_storage.write_to(self._resource) as folder:
            (folder / _FILE).write_bytes(msgspec.json.encode(self._ends))
        return self._resource

    def predict_action_probabilities(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        rule_only_data: Optional[Dict[str, Any]] = None,  # noqa: ARG002, UP006, UP045
        **kwargs: Any,  # noqa: ARG002
    ) -> PolicyPrediction:
        """Predict an action of ours if this is the moment for it, else nothing."""
        probabilities = self._default_predictions(domain)
        settings = self._settings.without(domain.retrieval_intents)
        turn = _turn_of(tracker, settings)
        name = next_action(turn, settings, self._ends) if turn else None
        if name == TRY_LATER:
            name = response_of(name, tracker, domain)
        if turn is None or name is None or name not in domain.action_names_or_texts:
            # The lowest priority: where nobody knows on, others are to be named for it.
            return PolicyPrediction(probabilities, type(self).__name__, 0)
        probabilities[domain.index_for_action(name)] = 1.0
        events: list[Event] = []
        if name == DID_YOU_MEAN:
            found = offer(turn.parse_data, settings.disambiguate)
            events.append(SlotSet(_OFFER_SLOT, found))
        elif name == LISTEN and turn.ran[-1] != turn.records:  # no part of the story
            events.append(ActionReverted())
        return self._prediction(probabilities, optional_events=events)


def _steps(
    tracker: DialogueStateTracker,
) -> Iterator[tuple[str | None, str | None]]:
    loop = False
    for event in tracker.events:
        if isinstance(event, UserUttered):
            yield event.intent_name, None
        elif isinstance(event, ActiveLoop):
            loop = event.name not in (None, SHOULD_NOT_BE_SET)
        elif isinstance(event, ActionExecuted):
            name = event.action_name or event.action_text or ""
            yield None, IN_LOOP if name == LISTEN and loop else name


def _turn_of(tracker: DialogueStateTracker, settings: AskingSettings) -> Turn | None:
    """Read the turn that a prediction is for; None where no person sent its message.

    Messages of test stories, and of events that somebody posts, have no id. Read from
    the end, so that a long conversation costs no more than a short one.
    """
    backwards = reversed(tracker.events)
    since = _until_message(backwards)
    message = since.pop(0) if since else None
    if not isinstance(message, UserUttered) or not message.message_id:
        return None
    before = _until_message(backwards)
    ran = _names(since)
    every = settings.ask_feedback.every
    return Turn(
        text=message.text or "",
        parse_data=message.parse_data or {},
        ran=ran,
        actions=_that_count(since),
        rewound=any(isinstance(event, UserUtteranceReverted) for event in since),
        silent=bool(tracker.active_loop_name) or tracker.is_paused(),
        must_ask_consent=_must_ask(tracker) and not changes_in([message.as_dict()]),
        answers=_answers(tracker, most=every) if ran and every else 0,
        asked_meaning=DID_YOU_MEAN in _names(before),
        failed_before=not ran and _failed(tracker),
        lost=bool(since) and isinstance(since[-1], ActionExecuted),
        last_words=_last_words(before),
        form=tracker.active_loop_name,
    )


def _until_message(backwards: Iterator[Event]) -> list[Event]:
    """Give the events down to a person's message, that first; else all there are."""
    found: list[Event] = []
    for event in backwards:
        found.append(event)
        if isinstance(event, UserUttered):
            break
    return found[::-1]


def _that_count(since: list[Event]) -> list[str]:
    """Give the actions that nothing took back."""
    names: list[str] = []
    for event in since:
        if isinstance(event, ActionExecuted):
            names.append(event.action_name or event.action_text or "")
        elif isinstance(event, ActionReverted):
            del names[-1:]
        elif isinstance(event, UserUtteranceReverted):
            names.clear()
    return names


def _must_ask(tracker: DialogueStateTracker) -> bool:
    """Tell by the ledger, where our store noted it, and else by the slots."""
    asked = asked_of(tracker)
    if asked is None:
        asked = bool(tracker.get_slot(CONSENT_SLOT) or tracker.get_slot(ASKED_SLOT))
    return not asked


def _last_words(events: list[Event]) -> str:
    for event in reversed(events):
        if isinstance(event, BotUttered):
            return str((event.metadata or {}).get("utter_action"))
    return ""


def _names(events: list[Event]) -> list[str]:
    return [
        event.action_name or event.action_text or ""
        for event in events
        if isinstance(event, ActionExecuted)
    ]


def _answers(tracker: DialogueStateTracker, *, most: int) -> int:
    """Count the messages that got an answer since feedback was last asked for."""
    count = 0
    for event in reversed(tracker.events):
        if isinstance(event, ActionExecuted) and event.action_name in FEEDBACK_ASKED:
            break
        if isinstance(event, UserUttered):
            count += wants_answer(event.intent_name, event.text or "")
        if count == most:
            break
    return count


def _failed(tracker: DialogueStateTracker) -> bool:
    """Tell whether an inserted action was lost lately and the bot had to say so."""
    latest = list(islice(reversed(tracker.events), _LATELY))
    return any(
        one in INSERTED and following == DEFAULT_FALLBACK
        for following, one in pairwise(_names(latest))
    )
