"""When the plugin may speak up: pure rules on what was said and done in a turn.

Nothing here knows Rasa: :mod:`rasa_qa_plugin.policy.asking` reads its trackers.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from rasa_qa_plugin.own_intents.signs import rating_in
from rasa_qa_plugin.policy.turn_ends import LISTEN, TurnEnds
from rasa_qa_plugin.prediction import FALLBACK_INTENT, QA_KEY
from rasa_qa_plugin.settings import Fraction

DEFAULT_FALLBACK = "action_default_fallback"
INSERT_CONSENT = "action_qa_insert_consent"
INSERT_FEEDBACK = "action_qa_insert_feedback"
INSERT_STARS = "action_qa_insert_stars"
DID_YOU_MEAN = "action_qa_did_you_mean"
MEANT = "action_qa_meant"
INSERTED = (INSERT_CONSENT, INSERT_FEEDBACK, INSERT_STARS, DID_YOU_MEAN, MEANT)
RECORD_FEEDBACK = "action_qa_record_feedback"
RECORD_STARS = "action_qa_record_stars"
TRY_LATER = "utter_qa_try_later"
"""What is said, in a language, when one of these could not run."""
_ANSWERING = frozenset(
    (
        RECORD_FEEDBACK,
        RECORD_STARS,
        "action_qa_record_comment",
        "action_qa_comment_skipped",
        "qa_comment_form",
        "action_qa_grant_consent",
        "action_qa_deny_consent",
        "action_qa_withdraw_consent",
        "action_qa_consent_info",
        "action_qa_ask_forget",
        "action_qa_forget",
        "action_qa_forget_cancelled",
        "action_qa_escalate",
    )
)
_ASK_STARS, _ASK_FEEDBACK = "utter_qa_ask_stars", "utter_qa_ask_feedback"
_THUMBS = frozenset("\U0001f44d\U0001f44e")
FEEDBACK_ASKED = frozenset(
    (INSERT_FEEDBACK, INSERT_STARS, "action_qa_ask_feedback", "action_qa_ask_stars")
)

_OURS = "qa_"
_OUR_ACTIONS = "action_qa_"
_NO_ANSWER = frozenset((FALLBACK_INTENT, "restart", "back", "session_start"))
# Rasa's text for an intent that no person wrote: a reminder, a call from outside.
_EXTERNAL = "EXTERNAL: "


class FeedbackMoments(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """When to ask what people think of the answers.

    Attributes:
        after: Actions whose answers are worth judging, with 👍 and 👎.
        every: Ask about every so many answers; None for never.
        at_end: Actions that end a conversation; then one to five stars are asked for.
    """

    after: tuple[str, ...] = ()
    every: Annotated[int, msgspec.Meta(ge=1)] | None = None
    at_end: tuple[str, ...] = ()


class Titles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the button of an intent says."""

    es: str | None = None
    en: str | None = None


class Disambiguation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """When to ask "did you mean…?".

    Attributes:
        margin: Ask when intents are this close to the likeliest; None for never.
        candidates: How many intents to offer at most.
        threshold: Intents less likely than this are not offered.
        exclude: Intents that are never offered, and whose messages are left alone.
        titles: Intent to what its button says.
    """

    margin: Fraction | None = None
    candidates: Annotated[int, msgspec.Meta(ge=2, le=3)] = 3
    threshold: Fraction = 0.2
    exclude: tuple[str, ...] = ()
    titles: dict[str, Titles] = {}


class AskingSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The keys of QAPolicy in `config.yml`."""

    ask_consent: Literal["never", "first_message", "after_first_answer"] = (
        "after_first_answer"
    )
    ask_feedback: FeedbackMoments = FeedbackMoments()
    disambiguate: Disambiguation = Disambiguation()

    @property
    def actions(self) -> list[str]:
        """The actions that these settings may insert."""
        return [
            *([INSERT_CONSENT] if self.ask_consent != "never" else []),
            *(
                [INSERT_FEEDBACK]
                if self.ask_feedback.after or self.ask_feedback.every
                else []
            ),
            *([INSERT_STARS] if self.ask_feedback.at_end else []),
            *([DID_YOU_MEAN, MEANT] if self.disambiguate.margin is not None else []),
        ]

    def without(self, retrieval_intents: Sequence[str]) -> "AskingSettings":
        """Give settings that leave intents alone which a button cannot stand for."""
        if not retrieval_intents:
            return self
        exclude = (*self.disambiguate.exclude, *retrieval_intents)
        narrowed = msgspec.structs.replace(self.disambiguate, exclude=exclude)
        return msgspec.structs.replace(self, disambiguate=narrowed)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A message and what was done about it so far.

    Attributes:
        parse_data: What the NLU made of it.
        ran: Every action since, those taken back too.
        actions: Those that still count.
        rewound: Whether the message itself was taken back.
        silent: Whether a form is active, or the bot is paused.
        must_ask_consent: Whether nobody asked yet, or only under another policy.
        answers: How many answers were given since feedback was last asked for.
        asked_meaning: Whether the message before this one was asked about.
        failed_before: Whether an action that we inserted got no answer earlier.
        lost: Whether the last action left nothing behind, not even a word.
        last_words: The response the bot ended with before this message.
        form: The one that is active.
    """

    text: str
    parse_data: Mapping[str, Any]
    ran: Sequence[str] = ()
    actions: Sequence[str] = ()
    rewound: bool = False
    silent: bool = False
    must_ask_consent: bool = False
    answers: int = 0
    asked_meaning: bool = False
    failed_before: bool = False
    lost: bool = False
    last_words: str = ""
    form: str | None = None

    @property
    def intent(self) -> str | None:
        """The intent that the bot goes by."""
        return (self.parse_data.get("intent") or {}).get("name")

    @property
    def names_a_turn(self) -> bool:
        """Whether this is the click on a button that says what was meant."""
        return self.text.startswith("/") and any(
            entity.get("entity") == "qa_turn"
            for entity in self.parse_data.get("entities") or ()
        )

    @property
    def records(self) -> str | None:
        """The action that records a mere sign or number, where we asked for one."""
        if rating_in(self.text, number=True) is None:
            return None
        if self.last_words.startswith(_ASK_STARS) and _THUMBS.isdisjoint(self.text):
            return RECORD_STARS
        ours = (self.intent or "").startswith(_OURS)  # then a rule does it
        return (
            RECORD_FEEDBACK
            if self.last_words.startswith(_ASK_FEEDBACK) and not ours
            else None
        )


def wants_answer(intent: str | None, text: str) -> bool:
    """Tell whether a message is one that the bot's own stories answer."""
    return not (
        intent in _NO_ANSWER
        or (intent or "").startswith(_OURS)
        or text.startswith(_EXTERNAL)
    )


def next_action(turn: Turn, settings: AskingSettings, ends: TurnEnds) -> str | None:
    """Give the action to insert now, or None to let the others decide.

    After an inserted action that failed, its answer being lost, the turn is ended as
    the bot would have: it listens, or says that it did not understand. Where somebody
    spoke to us and nothing came of it, they are told to try again.
    """
    if turn.actions and turn.actions[-1] in INSERTED:
        return LISTEN if len(turn.actions) > 1 else DEFAULT_FALLBACK
    if any(name.startswith(TRY_LATER) for name in turn.ran):
        return _after_telling(turn)
    if turn.lost and turn.ran[-1] in _ANSWERING:
        return TRY_LATER
    if turn.silent or turn.rewound:
        return None
    if turn.records:
        return _recording(turn, turn.records, ends)
    return _beside_the_story(turn, settings, ends)


def _after_telling(turn: Turn) -> str | None:
    """Let a form ask its question again, and then listen."""
    if turn.form and turn.ran[-1].startswith(TRY_LATER):
        return turn.form
    return LISTEN if turn.lost or not turn.form else None


def _beside_the_story(
    turn: Turn, settings: AskingSettings, ends: TurnEnds
) -> str | None:
    if (turn.intent or "").startswith(_OURS):
        return None
    if not turn.actions:
        return _before_the_answer(turn, settings, ends)
    if any(name.startswith(_OUR_ACTIONS) and name != MEANT for name in turn.ran):
        return None
    if not ends.is_over(turn.intent, turn.actions) or not _is_answer(turn, ends):
        return None
    return _after_the_answer(turn, settings)


def _recording(turn: Turn, record: str, ends: TurnEnds) -> str | None:
    """Record a number as the rating we asked for, whatever the NLU made of it."""
    if not turn.ran:
        return record
    goes_on = ends.knows(turn.intent, turn.actions)
    return LISTEN if list(turn.actions) == [record] and not goes_on else None


def _is_answer(turn: Turn, ends: TurnEnds) -> bool:
    """Tell an answer from a fallback; a form takes words that no intent fits."""
    if turn.intent == FALLBACK_INTENT:
        return not ends.knows(turn.intent, turn.actions)
    return wants_answer(turn.intent, turn.text)


def _before_the_answer(
    turn: Turn, settings: AskingSettings, ends: TurnEnds
) -> str | None:
    if turn.failed_before:
        return None
    if turn.names_a_turn:
        if not turn.ran:
            return MEANT
        nobody_helps = turn.intent == FALLBACK_INTENT and not ends.handles_fallback
        return DID_YOU_MEAN if nobody_helps and DID_YOU_MEAN not in turn.ran else None
    typed = not turn.text.startswith(("/", _EXTERNAL))
    choices = close_intents(turn.parse_data, settings.disambiguate)
    if typed and choices and not turn.asked_meaning and not turn.ran:
        return DID_YOU_MEAN
    first = settings.ask_consent == "first_message" and turn.must_ask_consent
    if first and not turn.ran and wants_answer(turn.intent, turn.text):
        return INSERT_CONSENT
    return None


def _after_the_answer(turn: Turn, settings: AskingSettings) -> str | None:
    feedback = settings.ask_feedback
    if not set(feedback.at_end).isdisjoint(turn.actions):
        return INSERT_STARS
    if settings.ask_consent == "after_first_answer" and turn.must_ask_consent:
        return INSERT_CONSENT
    if not set(feedback.after).isdisjoint(turn.actions):
        return INSERT_FEEDBACK
    if feedback.every is not None and turn.answers >= feedback.every:
        return INSERT_FEEDBACK
    return None


def close_intents(parse_data: Mapping[str, Any], settings: Disambiguation) -> list[str]:
    """Give the intents that a message may mean, likeliest first; none if it is clear.

    Read from the ranking before any fallback. Our own intents are never offered, and a
    message that is most likely one of them is left alone.
    """
    if settings.margin is None:
        return []
    ranking = _ranking(parse_data)
    skipped = {FALLBACK_INTENT, *settings.exclude}
    if not ranking or not _may_be_offered(ranking[0][0], skipped):
        return []
    least = max(ranking[0][1] - settings.margin, settings.threshold)
    close = [
        name
        for name, confidence in ranking
        if confidence >= least and _may_be_offered(name, skipped)
    ]
    return close[: settings.candidates] if len(close) > 1 else []


def _may_be_offered(name: str, skipped: set[str]) -> bool:
    return name not in skipped and wants_answer(name, "")


def _ranking(parse_data: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Give intents with their confidences, sorted, without the fallback's own."""
    ranking = [
        (str(entry["name"]), float(entry.get("confidence") or 0.0))
        for entry in parse_data.get("intent_ranking") or ()
        if entry.get("name") and entry["name"] != FALLBACK_INTENT
    ]
    if not ranking:  # a classifier without one may still be noted by ConfidenceLogger
        note = parse_data.get(QA_KEY) or {}
        confidence, margin = note.get("confidence"), note.get("margin")
        if note.get("second_intent") and confidence is not None and margin is not None:
            second = (note["second_intent"], confidence - margin)
            ranking = [(note["intent"], confidence), second]
    return sorted(ranking, key=lambda entry: -entry[1])


def offer(
    parse_data: Mapping[str, Any], settings: Disambiguation
) -> list[dict[str, str]]:
    """Give what the action that asks needs: each close intent with its titles."""
    return [
        {"intent": name, **_titles(settings.titles.get(name))}
        for name in close_intents(parse_data, settings)
    ]


def _titles(titles: Titles | None) -> dict[str, str]:
    given = msgspec.structs.asdict(titles) if titles else {}
    return {language: title for language, title in given.items() if title}
