"""The quality loop for Rasa Open Source 3.6: consent, masking, review, retraining.

The names below are what `endpoints.yml`, `config.yml` and `credentials.yml` refer to.
They are imported when first used, so that the command line and the action server do not
load Rasa.
"""

from importlib import import_module
from importlib.metadata import version
from typing import Any

__version__ = version("rasa-qa-plugin")

_PUBLIC = {
    "QATrackerStore": "rasa_qa_plugin.tracker_store",
    "ConfidenceLogger": "rasa_qa_plugin.nlu",
    "EscalationPolicy": "rasa_qa_plugin.policy.escalation",
    "QAChannel": "rasa_qa_plugin.channel",
    "QAPolicy": "rasa_qa_plugin.policy.asking",
}

__all__ = [
    "ConfidenceLogger",
    "EscalationPolicy",
    "QAChannel",
    "QAPolicy",
    "QATrackerStore",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import a public class on first use (PEP 562)."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value
