"""ADAPTER to rasa_sdk: ready-made actions. Import this module in the bot's actions.

They only return Rasa events; the tracker store, sole writer, turns them into ledger
rows and ratings. So an action server needs no database and never loads Rasa. Importing
this module also withholds error messages in the action server's log.
"""

from rasa_qa_plugin.actions.consent import (
    ActionAskConsent,
    ActionConsentInfo,
    ActionDenyConsent,
    ActionGrantConsent,
    ActionWithdrawConsent,
)
from rasa_qa_plugin.actions.escalation import ActionEscalate
from rasa_qa_plugin.actions.feedback import (
    ActionAskComment,
    ActionAskFeedback,
    ActionCommentSkipped,
    ActionRecordComment,
    ActionRecordFeedback,
)
from rasa_qa_plugin.actions.forget import (
    ActionAskForget,
    ActionForget,
    ActionForgetCancelled,
)
from rasa_qa_plugin.privacy.logs import install_without_detector

__all__ = [
    "ActionAskComment",
    "ActionAskConsent",
    "ActionAskFeedback",
    "ActionAskForget",
    "ActionCommentSkipped",
    "ActionConsentInfo",
    "ActionDenyConsent",
    "ActionEscalate",
    "ActionForget",
    "ActionForgetCancelled",
    "ActionGrantConsent",
    "ActionRecordComment",
    "ActionRecordFeedback",
    "ActionWithdrawConsent",
]

install_without_detector()
