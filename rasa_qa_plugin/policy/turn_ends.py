"""Where answers end, by a bot's stories and rules."""

from collections.abc import Iterable, Sequence

import msgspec

from rasa_qa_plugin.prediction import FALLBACK_INTENT

LISTEN = "action_listen"
IN_LOOP = "active_loop"
"""Stands for waiting in a form: there, no answer ends."""
_TWO_STAGES = "action_two_stage_fallback"
# "..." in a rule: whatever came before, and whatever may come after.
_ANYTHING = "..."


class TurnEnds(msgspec.Struct, frozen=True, kw_only=True):
    """What the training data says about where answers end.

    Attributes:
        chains: An intent and the actions that followed it, joined by blanks, to whether
            the bot then always waited for the user.
        actions: An action to the same.
        handles_fallback: Whether a story or rule says what to do with `nlu_fallback`.
    """

    chains: dict[str, bool] = {}
    actions: dict[str, bool] = {}
    handles_fallback: bool = False

    def knows(self, intent: str | None, actions: Sequence[str]) -> bool:
        """Tell whether training data has these actions after the intent."""
        return _chain(intent, actions) in self.chains

    def is_over(self, intent: str | None, actions: Sequence[str]) -> bool:
        """Tell whether an answer is complete; no, where nothing like it was seen."""
        if not actions:
            return False
        known = self.chains.get(_chain(intent, actions))
        return self.actions.get(actions[-1], False) if known is None else known


def learn(stories: Iterable[Iterable[tuple[str | None, str | None]]]) -> TurnEnds:
    """Learn from stories and rules where answers end.

    Args:
        stories: Each as pairs in order: an intent and None, or None and an action.
    """
    chains: dict[str, bool] = {}
    last: dict[str, bool] = {}
    handles_fallback = False
    for story in stories:
        intent: str | None = None
        done: list[str] = []
        for said, action in story:
            if action is None:
                intent, done = said, []
                continue
            if not done and intent == FALLBACK_INTENT:
                handles_fallback |= action not in (LISTEN, IN_LOOP, _TWO_STAGES)
            if done and action != IN_LOOP:
                for known, name in ((chains, _chain(intent, done)), (last, done[-1])):
                    known[name] = known.get(name, True) and action == LISTEN
            if action in (LISTEN, IN_LOOP, _ANYTHING):
                intent, done = None, []
            else:
                done.append(action)
    return TurnEnds(chains=chains, actions=last, handles_fallback=handles_fallback)


def _chain(intent: str | None, actions: Sequence[str]) -> str:
    return " ".join((intent or "", *actions))
