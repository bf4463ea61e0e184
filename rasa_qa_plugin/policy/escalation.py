"""ADAPTER to Rasa: the policy that hands conversations over to people.

Annotations must be importable at run time: Rasa resolves them when it validates the
graph.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Dict, List, Optional  # noqa: UP035 - Rasa compares these

import msgspec
from rasa.core.featurizers.tracker_featurizers import TrackerFeaturizer
from rasa.core.policies.policy import Policy, PolicyPrediction
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.constants import (
    ACTION_LISTEN_NAME,
    REQUESTED_SLOT,
)
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.generator import TrackerWithCachedStates
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.policy.handover_rules import ASKED, Decision, Judge, Rules, Said
from rasa_qa_plugin.policy.responses import response_of
from rasa_qa_plugin.prediction import FALLBACK_INTENT, read_prediction
from rasa_qa_plugin.privacy.vault import message_ref
from rasa_qa_plugin.review.flags import HANDOVER_ACTION
from rasa_qa_plugin.review.handover import ESCALATION_SLOT

logger = logging.getLogger(__name__)

_RECORD_FEEDBACK = "action_qa_record_feedback"
_POSITIVE, _NEGATIVE = "qa_feedback_positive", "qa_feedback_negative"
_TOLD = "utter_qa_escalated"
_OWN_FORMS = "qa_"
# Below every other policy: what is not said must not win a tie.
_SILENT_PRIORITY = -1


@DefaultV1Recipe.register(
    DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True
)
class EscalationPolicy(Policy):
    """Hands a conversation over to people when one of these rules fires.

    It predicts `action_qa_escalate` and decides nothing else: until a rule fires the
    bot behaves as without it. A case is handed over once; after its ticket is closed
    (`rasa-qa tickets close`) the rules count from there. Put it anywhere under
    `policies` in config.yml::

        - name: rasa_qa_plugin.EscalationPolicy
          pause: true
          queues: {urgent: first_line, fraud: security}
          keywords:
            - urgente
            - no funciona
            - {words: [error crítico, critical error], tag: failure, queue: engineers}

    Keys, all optional; a wrong one stops the training with one line:

    ``low_confidence`` (0.4) and ``low_confidence_turns`` (3): so many messages in a row
        less sure than this, or not understood at all. Answers to a form do not count.
    ``keywords`` (es and en: urgent, does not work, critical error, fraud): phrases, or
        entries of ``words``, ``tag``, ``queue``, ``priority`` (low, normal, high).
        Accents and endings do not matter: "urgente" also finds "URGENTES", "no
        funciona" also "no me funcionaba". "No es urgente" is not urgent. They replace
        the built-in ones.
    ``human_intents`` ([qa_human]) and ``human_phrases`` (es and en): the person asks
        for a person, by intent or in words.
    ``negative_feedback`` (2): so many bad ratings.
    ``turns_without_success`` (0, off) and ``success_actions`` ([]): more messages than
        this without one of these actions, a completed form or a good rating.
    ``sentiment`` (false) and ``sentiment_below`` (-4): a message that sounds at least
        as bad as this, by a small word list.
    ``queue`` (support) and ``queues`` ({}): who gets the case; ``queues`` goes by a
        keyword's tag or by the rule: asked, sentiment, negative_feedback,
        low_confidence, no_success. Queues and tags are plain words in small letters.
    ``pause`` (false): whether the bot is silent until the ticket is closed. Rasa ends a
        pause, too, when the session ends.
    ``priority`` (20): which policy wins when two are sure.
    """

    @staticmethod
    def get_default_config() -> Dict[str, Any]:  # noqa: UP006
        """Give the keys with their defaults, but for the long lists."""
        return {"priority": Rules().priority}

    def __init__(
        self,
        config: Dict[str, Any],  # noqa: UP006
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        featurizer: Optional[TrackerFeaturizer] = None,  # noqa: UP045
    ) -> None:
        """Read the rules.

        Raises:
            RasaException: A key is wrong; Rasa prints it as one line and stops.
        """
        try:
            self._rules = Rules.from_config(config)
            self._judge = Judge(self._rules)
        except ConfigError as error:
            raise RasaException(f"rasa_qa_plugin: {error}") from None
        super().__init__(
            config, model_storage, resource, execution_context, featurizer=featurizer
        )

    def train(
        self,
        training_trackers: List[TrackerWithCachedStates],  # noqa: ARG002, UP006
        domain: Domain,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> Resource:
        """Learn nothing: the rules are all there is, and are checked by now."""
        with self._model_storage.write_to(self._resource):
            return self._resource

    def predict_action_probabilities(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        rule_only_data: Optional[Dict[str, Any]] = None,  # noqa: ARG002, UP006, UP045
        **kwargs: Any,  # noqa: ARG002
    ) -> PolicyPrediction:
        """Predict `action_qa_escalate` when a rule fires, and else nothing."""
        if HANDOVER_ACTION not in domain.action_names_or_texts:
            logger.warning(
                "EscalationPolicy: the domain lacks %s; run `rasa-qa init`",
                HANDOVER_ACTION,
            )
            return self._silent(domain)
        message = tracker.latest_message
        if message is None or not message.message_id:
            return self._silent(domain)
        ref = message_ref(message.message_id)
        case = tracker.get_slot(ESCALATION_SLOT)
        if case:
            return self._after(tracker, domain, case, ref)
        decision = self._decide(tracker)
        if decision is None:
            return self._silent(domain)
        value = {
            "case": ref,
            **msgspec.to_builtins(decision),
            "pause": self._rules.pause,
        }
        events = [SlotSet(ESCALATION_SLOT, value)]
        asked = tracker.get_slot(REQUESTED_SLOT)
        taken = asked and tracker.get_slot(asked) == message.text
        if decision.reason == ASKED and taken:
            # A form took the wish for an answer; it will ask again.
            events.append(SlotSet(asked, None))
        return self._sure(
            domain,
            HANDOVER_ACTION,
            optional_events=events,
            # So are predictions of an active form, which would overrule ours.
            is_no_user_prediction=True,
        )

    def _after(
        self, tracker: DialogueStateTracker, domain: Domain, case: Any, ref: str
    ) -> PolicyPrediction:
        """Go on after the action, in the turn that made the case.

        An action server that is away says nothing: then a response of the domain does.
        Who asked for a person in words is answered; what the bot took it for is not to
        be answered too.
        """
        latest = tracker.latest_action_name
        if not isinstance(case, dict) or case.get("case") != ref:
            return self._silent(domain)
        if latest == HANDOVER_ACTION and not _was_told(tracker):
            response = response_of(_TOLD, tracker, domain)
            if response is not None:
                return self._sure(domain, response, is_no_user_prediction=True)
        if latest == HANDOVER_ACTION and case.get("reason") == ASKED:
            return self._sure(domain, ACTION_LISTEN_NAME)
        if latest is not None and latest.startswith(f"{_TOLD}_"):
            return self._sure(domain, ACTION_LISTEN_NAME)
        return self._silent(domain)

    def _decide(self, tracker: DialogueStateTracker) -> Decision | None:
        if tracker.latest_action_name == _RECORD_FEEDBACK:
            return self._judge.on_bad_rating(_Case.of(tracker).bad_ratings)
        if tracker.latest_action_name != ACTION_LISTEN_NAME:
            return None
        case = _Case.of(tracker, success=self._rules.success_actions)
        if not case.messages:
            return None
        said = case.latest_first()
        return self._judge.on_message(
            next(said),
            said,
            turns_without_success=case.turns_without_success,
            in_own_form=(tracker.active_loop_name or "").startswith(_OWN_FORMS),
        )

    def _sure(self, domain: Domain, action: str, **more: Any) -> PolicyPrediction:
        probabilities = [0.0] * domain.num_actions
        probabilities[domain.index_for_action(action)] = 1.0
        return self._prediction(probabilities, **more)

    def _silent(self, domain: Domain) -> PolicyPrediction:
        return PolicyPrediction(
            [0.0] * domain.num_actions, type(self).__name__, _SILENT_PRIORITY
        )


def _was_told(tracker: DialogueStateTracker) -> bool:
    """Tell whether the bot has said anything since the action ran."""
    for event in reversed(tracker.events):
        if isinstance(event, BotUttered):
            return True
        if isinstance(event, ActionExecuted):
            break
    return False


class _Case:
    """What was said since the session began, or a case before was handed over."""

    def __init__(self) -> None:
        self.messages: list[tuple[UserUttered, bool]] = []
        self.turns_without_success = 0
        self.bad_ratings = 0

    @classmethod
    def of(
        cls, tracker: DialogueStateTracker, *, success: tuple[str, ...] = ()
    ) -> _Case:
        """Read the events of a session."""
        case = cls()
        form: str | None = None
        for event in tracker.events:
            if isinstance(event, SessionStarted):
                case, form = cls(), None
            elif isinstance(event, SlotSet):
                if event.key == ESCALATION_SLOT:
                    case = cls()
            elif isinstance(event, ActiveLoop):
                if event.name is None and form is not None:
                    case.turns_without_success = 0
                form = event.name
            elif isinstance(event, ActionExecuted):
                if event.action_name in success:
                    case.turns_without_success = 0
            elif isinstance(event, UserUttered):
                case.add(event, in_form=form is not None)
        return case

    def add(self, message: UserUttered, *, in_form: bool) -> None:
        """Take a message into account."""
        self.messages.append((message, in_form))
        self.bad_ratings += message.intent_name == _NEGATIVE
        if message.intent_name == _POSITIVE:
            self.turns_without_success = 0
        elif _is_typed(message):
            self.turns_without_success += 1

    def latest_first(self) -> Iterator[Said]:
        """Give what the rules need of each message, one by one: few are looked at."""
        for message, in_form in reversed(self.messages):
            prediction = read_prediction(message.parse_data or {})
            intent = message.intent_name
            yield Said(
                text=message.text if _is_typed(message) else None,
                intent=intent,
                confidence=prediction.confidence,
                fell_back=prediction.fell_back or intent == FALLBACK_INTENT,
                in_form=in_form,
            )


def _is_typed(message: UserUttered) -> bool:
    return bool(message.text) and not message.text.startswith(("/", "EXTERNAL: "))
