"""Going on with a form that somebody interrupted to speak to us."""

from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import ActiveLoop, FollowupAction

COMMENT_FORM = "qa_comment_form"

Events = list[dict[str, Any]]


def resume(tracker: Tracker, domain: dict[str, Any]) -> Events:
    """Give what makes the running form, if any, ask its question again."""
    form = (tracker.active_loop or {}).get("name")
    return [FollowupAction(form)] if form in (domain.get("forms") or {}) else []


def return_to_form(tracker: Tracker, domain: dict[str, Any]) -> Events:
    """Give what leads back to the form that our own form for comments interrupted.

    The form is switched on again by hand: activated as usual, it would take the comment
    for an answer.
    """
    running = resume(tracker, domain)
    if running:
        return running
    form = _interrupted_form(tracker)
    if form not in (domain.get("forms") or {}):
        return []
    return [ActiveLoop(form), FollowupAction(form)]


def _interrupted_form(tracker: Tracker) -> str | None:
    """Find what ran before the comment form that this message ended."""
    loops: list[str | None] = []
    is_old = False  # past the message that is being answered
    for event in reversed(tracker.events):
        kind = event.get("event")
        if kind in ("session_started", "restart"):
            break
        if kind == "active_loop":
            if not loops and (is_old or event.get("name")):
                return None  # this message ended no form
            loops.append(event.get("name"))
            before_that = loops[2:]
            if loops[1:2] not in ([], [COMMENT_FORM]):
                return None
            if before_that:
                return before_that[0]
        is_old = is_old or kind == "user"
    return None
