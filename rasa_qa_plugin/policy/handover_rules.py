"""When to hand over: the keys of EscalationPolicy in config.yml, and plain rules."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Annotated, Any

import msgspec

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.policy.phrases import Clause, Phrases, clauses
from rasa_qa_plugin.policy.sentiment import sentiment
from rasa_qa_plugin.privacy.withheld import is_plain_word
from rasa_qa_plugin.review.handover import DEFAULT_QUEUE
from rasa_qa_plugin.settings import Fraction
from rasa_qa_plugin.storage.escalations import PRIORITIES, Priority

ASKED = "asked"
KEYWORD = "keyword"
SENTIMENT = "sentiment"
NEGATIVE_FEEDBACK = "negative_feedback"
LOW_CONFIDENCE = "low_confidence"
NO_SUCCESS = "no_success"

_PLACE = "config.yml: EscalationPolicy"
_HUMAN_GAP = 2

Count = Annotated[int, msgspec.Meta(ge=0)]


class Keyword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Phrases that hand over at once.

    Attributes:
        words: Phrases in one form; accents and endings do not matter.
        tag: What the case is about.
        queue: Who gets it; by default what `queues` says of the tag.
    """

    words: tuple[str, ...]
    tag: str | None = None
    queue: str | None = None
    priority: Priority = "high"


_KEYWORDS = (
    Keyword(
        words=(
            "urgente", "urgencia", "es urgente", "emergencia",
            "urgent", "urgently", "emergency", "asap",
        ),
        tag="urgent",
    ),
    Keyword(
        words=(
            "no funciona", "error crítico", "no sirve", "falla crítica",
            "not working", "does not work", "critical error", "critical failure",
        ),
        tag="failure",
    ),
    Keyword(words=("estafa", "fraude", "scam", "fraud"), tag="fraud"),
)  # fmt: skip
# To talk to, or be put through to, anybody who may serve people; to want a person.
_REQUESTS = (
    "hablar hable hablo conversar comunicar comuniqueme comuniquenme comunicame "
    "comunicarme paseme pasame pasenme transfiereme transfierame contactar atienda "
    "atiendan talk speak chat connect transfer put"
).split()
_PEOPLE = (
    "persona humano asesor asesora agente operador operadora ejecutivo representante "
    "alguien person human agent operator representative somebody someone"
).split()
_WISHES = "quiero quisiera necesito deme want need get".split()
_HUMANS = "persona humano person human".split()
_HUMAN_PHRASES = (
    *(f"{request} {person}" for request in _REQUESTS for person in _PEOPLE),
    "persona real",
    "real person",
    "atención humana",
)


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys; see :class:`rasa_qa_plugin.policy.escalation.EscalationPolicy`."""

    priority: Count = 20
    low_confidence: Fraction = 0.4
    low_confidence_turns: Count = 3
    keywords: tuple[str | Keyword, ...] = _KEYWORDS
    human_intents: tuple[str, ...] = ("qa_human",)
    human_phrases: tuple[str, ...] = _HUMAN_PHRASES
    negative_feedback: Count = 2
    turns_without_success: Count = 0
    success_actions: tuple[str, ...] = ()
    sentiment: bool = False
    sentiment_below: float = -4.0
    queue: str = DEFAULT_QUEUE
    queues: dict[str, str] = {}
    pause: bool = False

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Rules":
        """Read the keys.

        Raises:
            ConfigError: A key is unknown or has a value that cannot be used.
        """
        for key in config:
            if key not in cls.__struct_fields__:
                known = ", ".join(cls.__struct_fields__)
                raise ConfigError(
                    f"{_PLACE}.{key}", f"unknown key; choose from {known}"
                )
        fields = {field.name: field.type for field in msgspec.structs.fields(cls)}
        values: dict[str, Any] = {}
        for key, value in config.items():
            try:
                values[key] = msgspec.convert(value, fields[key])
            except msgspec.ValidationError:
                raise ConfigError(f"{_PLACE}.{key}", _EXPECTED[key]) from None
        rules = cls(**values)
        rules._check()
        return rules

    def _check(self) -> None:
        names = [("queue", self.queue)]
        names += [("queues", name) for pair in self.queues.items() for name in pair]
        for keyword in self.keywords:
            if isinstance(keyword, Keyword):
                named = (keyword.tag, keyword.queue)
                names += [("keywords", name) for name in named if name is not None]
        for key, name in names:
            if not is_plain_word(name):
                raise ConfigError(
                    f"{_PLACE}.{key}",
                    "holds a queue or tag that is no plain word; use up to 24 small "
                    "letters and _, such as second_level",
                )
        if self.turns_without_success and not self.success_actions:
            raise ConfigError(
                f"{_PLACE}.turns_without_success",
                "needs success_actions; name the actions that answer people",
            )


_NUMBER = "not a whole number of 0 or more; write 3, or 0 to turn the rule off"
_LIST = "not a list of texts; write one per line"
_EXPECTED = {
    "priority": "not a whole number; write 20",
    "low_confidence": "not a number from 0 to 1; write 0.4",
    "low_confidence_turns": _NUMBER,
    "keywords": "not a list of texts, or of entries with words (a list), tag, queue "
    f"and priority ({', '.join(PRIORITIES)})",
    "human_intents": _LIST,
    "human_phrases": _LIST,
    "negative_feedback": _NUMBER,
    "turns_without_success": _NUMBER,
    "success_actions": _LIST,
    "sentiment": "not true or false; write true to turn it on",
    "sentiment_below": "not a number; write -4",
    "queue": "not a name; write support",
    "queues": "not a mapping; write tag: queue, one per line",
    "pause": "not true or false; write true to silence the bot until somebody is done",
}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Why a conversation is handed over, and to whom."""

    reason: str
    tags: list[str] = []
    priority: Priority = "normal"
    queue: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules know of a message.

    Attributes:
        text: As typed; None for a button, or an event from outside the chat.
        intent: As Rasa decided.
        confidence: Of the best intent before any fallback.
        in_form: Whether the bot had asked for something: then words mean little.
    """

    text: str | None
    intent: str | None
    confidence: float | None
    fell_back: bool = False
    in_form: bool = False


class Judge:
    """Applies the rules to messages, the latest one last. No I/O, no state."""

    def __init__(self, rules: Rules) -> None:
        """Make the phrases ready.

        Raises:
            ConfigError: A phrase holds no word.
        """
        self._rules = rules
        self._keywords = [
            (_phrases((entry,), "keywords"), Keyword(words=(entry,)))
            if isinstance(entry, str)
            else (_phrases(entry.words, "keywords"), entry)
            for entry in rules.keywords
        ]
        self._human = [_phrases(rules.human_phrases, "human_phrases", gap=_HUMAN_GAP)]
        if rules.human_phrases == _HUMAN_PHRASES:
            wishes = [f"{wish} {human}" for wish in _WISHES for human in _HUMANS]
            self._human.append(_phrases(wishes, "human_phrases"))

    def asks_for_person(self, said: Said) -> bool:
        """Tell whether somebody wants to be served by a person."""
        if said.intent in self._rules.human_intents:
            return True
        if said.text is None:
            return False
        words = clauses(said.text)
        return any(phrases.are_in(words) for phrases in self._human)

    def on_message(
        self,
        latest: Said,
        earlier: Iterable[Said],
        *,
        turns_without_success: int,
        in_own_form: bool,
    ) -> Decision | None:
        """Decide on the latest message; in a form of ours only a plain wish counts.

        *earlier* messages, the last one first, are read no further than needed.
        """
        if self.asks_for_person(latest):
            return self._decision(ASKED)
        # "Esa respuesta no me sirve" is a rating, and has a rule of its own.
        if latest.text is None or in_own_form or _is_ours(latest.intent):
            return None
        rules = self._rules
        return (
            self._by_keyword(clauses(latest.text))
            or self._by_sentiment(latest.text)
            or self._by_confidence(chain((latest,), earlier))
            or (
                self._decision(NO_SUCCESS)
                if 0 < rules.turns_without_success < turns_without_success
                else None
            )
        )

    def on_bad_rating(self, ratings: int) -> Decision | None:
        """Decide after a bad rating, given how many there were in this case."""
        if 0 < self._rules.negative_feedback <= ratings:
            return self._decision(NEGATIVE_FEEDBACK)
        return None

    def _by_keyword(self, words: list[Clause]) -> Decision | None:
        found = [entry for one, entry in self._keywords if one.are_in(words)]
        if not found:
            return None
        tags = [entry.tag for entry in found if entry.tag is not None]
        queues = [entry.queue for entry in found if entry.queue is not None]
        queues += [self._rules.queues[tag] for tag in tags if tag in self._rules.queues]
        return Decision(
            reason=KEYWORD,
            tags=list(dict.fromkeys(tags)),
            priority=max((e.priority for e in found), key=PRIORITIES.index),
            queue=queues[0] if queues else self._rules.queue,
        )

    def _by_sentiment(self, text: str) -> Decision | None:
        rules = self._rules
        if rules.sentiment and sentiment(text) <= rules.sentiment_below:
            return self._decision(SENTIMENT, priority="high")
        return None

    def _by_confidence(self, latest_first: Iterable[Said]) -> Decision | None:
        wanted = self._rules.low_confidence_turns
        low = 0
        for one in latest_first:
            if one.in_form:
                continue  # names and numbers make no model sure
            if not self._is_low(one):
                break
            low += 1
            if 0 < wanted <= low:
                return self._decision(LOW_CONFIDENCE)
        return None

    def _is_low(self, said: Said) -> bool:
        if said.text is None:
            return False
        confidence = said.confidence
        below = confidence is not None and confidence < self._rules.low_confidence
        return said.fell_back or below

    def _decision(self, reason: str, *, priority: Priority = "normal") -> Decision:
        queue = self._rules.queues.get(reason, self._rules.queue)
        return Decision(reason=reason, priority=priority, queue=queue)


def _is_ours(intent: str | None) -> bool:
    return intent is not None and intent.startswith("qa_")


def _phrases(words: Sequence[str], key: str, *, gap: int = 0) -> Phrases:
    try:
        return Phrases(words, gap=gap)
    except ValueError:
        raise ConfigError(
            f"{_PLACE}.{key}", "holds an entry without a word; remove it"
        ) from None
