"""What people say who mean one of the plugin's intents, and who mean none of them.

The files in `said` hold an utterance a line, Spanish and English, written for this by
several hands; `ordinary.txt` holds what people say to bots about everything else, much
of it in the same words.
"""

import re
import unicodedata
from functools import cache
from importlib import resources

SPOKEN = (
    "qa_consent_grant",
    "qa_consent_deny",
    "qa_consent_withdraw",
    "qa_consent_info",
    "qa_feedback_positive",
    "qa_feedback_negative",
    "qa_forget_me",
    "qa_human",
)
"""Intents that people mean in any words of their own."""

LITERAL = (
    "qa_stars",
    "qa_skip",
    "qa_comment",
    "qa_forget_confirm",
    "qa_forget_cancel",
)
"""Intents of buttons; typed words mean them only if they are the very utterance."""

OWN_INTENTS = frozenset(SPOKEN + LITERAL)
"""The intents that `rasa-qa init` brings."""


@cache
def utterances(intent: str) -> tuple[str, ...]:
    """Give what people say who mean an intent of ours."""
    return _lines(intent)


@cache
def ordinary() -> tuple[str, ...]:
    """Give what people say who mean none of them."""
    return _lines("ordinary")


def plain(text: str) -> str:
    """Give words in small letters without accents, one blank apart."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(re.findall(r"\w+", kept.replace("'", "").replace("\u2019", "")))


def _lines(name: str) -> tuple[str, ...]:
    file = resources.files("rasa_qa_plugin.own_intents") / "said" / f"{name}.txt"
    return tuple(file.read_text("utf-8").splitlines())
