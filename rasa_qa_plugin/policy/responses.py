"""ADAPTER to Rasa: what a policy says itself, where no action server can."""

from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from rasa_qa_plugin.languages import spoken


def response_of(name: str, tracker: DialogueStateTracker, domain: Domain) -> str | None:
    """Give a response in the person's language, else in any; None without one."""
    said = (
        event.text
        for event in reversed(tracker.events)
        if isinstance(event, UserUttered)
    )
    language = spoken(tracker.get_slot("language"), said)
    responses = (f"{name}_{language}", f"{name}_es", f"{name}_en")
    return next((one for one in responses if one in domain.responses), None)
