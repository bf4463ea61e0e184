"""Handing over to people, in the chat: say so, and let the bot go on or be silent."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionReverted, ActiveLoop, ConversationPaused, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from rasa_qa_plugin.actions.feedback import message_ref
from rasa_qa_plugin.actions.language import say

ESCALATION_SLOT = "qa_escalation"
ASKED = "asked"

Events = list[dict[str, Any]]


class ActionEscalate(Action):
    """Tells the person that somebody of the team takes over.

    EscalationPolicy leaves in the slot `qa_escalation` why, to whom, and whether the
    bot is to be silent. Without the policy, by a rule of the bot, it is what the person
    asked for, and the bot goes on. Once a case is handed over, asking again is answered
    and makes no other one.
    """

    def name(self) -> str:
        """Name in the domain."""
        return "action_qa_escalate"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> Events:
        """Say it; the store opens the ticket from the slot, without a word in it."""
        ref = _latest_ref(tracker)
        case = tracker.get_slot(ESCALATION_SLOT)
        if case and (not isinstance(case, dict) or case.get("case") != ref):
            say(dispatcher, tracker, domain, "utter_qa_already_escalated")
            return _without_own_form(tracker)
        events: Events = []
        if not case:
            case = {"case": ref, "reason": ASKED, "tags": [], "pause": False}
            events.append(SlotSet(ESCALATION_SLOT, case))
        if case.get("pause"):
            say(dispatcher, tracker, domain, "utter_qa_paused_for_people")
            return [*events, *_without_own_form(tracker), ConversationPaused()]
        say(dispatcher, tracker, domain, "utter_qa_escalated")
        if case.get("reason") == ASKED:
            return [*events, *_without_own_form(tracker)]
        # The message itself is still to be answered, as if nothing had happened.
        return [ActionReverted(), *events]


def _latest_ref(tracker: Tracker) -> str | None:
    for event in reversed(tracker.events):
        if event.get("event") == "user":
            message_id = event.get("message_id")
            return message_ref(message_id) if message_id else None
    return None


def _without_own_form(tracker: Tracker) -> Events:
    """End a form of ours: what the person says next is for somebody else."""
    if str(tracker.active_loop_name or "").startswith("qa_"):
        return [ActiveLoop(None), SlotSet("requested_slot", None)]
    return []
