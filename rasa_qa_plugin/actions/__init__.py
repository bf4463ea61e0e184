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
    ActionInsertConsent,
    ActionWithdrawConsent,
)
from rasa_qa_plugin.actions.did_you_mean import ActionDidYouMean, ActionMeant
from rasa_qa_plugin.actions.escalation import ActionEscalate
from rasa_qa_plugin.actions.feedback import (
    ActionAskComment,
    ActionAskFeedback,
    ActionAskStars,
    ActionCommentSkipped,
    ActionInsertFeedback,
    ActionInsertStars,
    ActionRecordComment,
    ActionRecordFeedback,
    ActionRecordStars,
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
    "ActionAskStars",
    "ActionCommentSkipped",
    "ActionConsentInfo",
    "ActionDenyConsent",
    "ActionDidYouMean",
    "ActionEscalate",
    "ActionForget",
    "ActionForgetCancelled",
    "ActionGrantConsent",
    "ActionInsertConsent",
    "ActionInsertFeedback",
    "ActionInsertStars",
    "ActionMeant",
    "ActionRecordComment",
    "ActionRecordFeedback",
    "ActionRecordStars",
    "ActionWithdrawConsent",
]

install_without_detector()
