"""What words must speak of before they count for one of the plugin's own intents.

A model takes "forget the invoice" for "forget me": it has seen the verb nowhere else.
Here a sentence belongs to us when it says what ours is about (permission, messages,
personal data, an answer), or when it speaks of it in passing and holds no word that
people who speak of it do not use. Nothing else is decided here: whether a sentence
about consent is a yes or a no stays the model's to say.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import NamedTuple


def _any(*forms: str) -> str:
    return f"(?:{'|'.join(forms)})"


# Beginnings of words without accents, Spanish and English together.
_TALK = _any(
    r"mensaj|msj|msg|mess?ag|chats?\b|conversa|charla|platica|dialog|texto|palabras",
    r"words\b|texts\b|lo que (?:\w+ )?(?:escrib|dig|dij|habl|cont)|what we talked",
    r"(?:what|whatever|anything|everything|nothing|all)\b(?: \w+){0,3} "
    r"(?:wr[io]t|say|said|typ|told|talk)",
)
_DATA = _any(
    r"datos?\b|informacion|info\b|historial|registros?\b|data\b|information|history",
    r"records?\b|details\b",
)
_ABOUT_ME = (
    r"\b(?:(?:de|sobre) mi|(?:about|on|of|over) (?:me|myself)|who i am|quien soy)\b"
)
_MINE = rf"(?:{_ABOUT_ME}|\b(?:mis?|mi[oa]s?|my|mine|from me|me)\b)"
_KEEP = r"\b" + _any(
    r"guard|almacen|conserv|grab|registr|archiv|utili|us(?:o|a|an|e|en|es|ar|ando)\b",
    r"le(?:a|an|e|en|er|erlos|as|ido)\b|leyendo|entren|aprend|reten|retien|qued",
    r"ve[nr]?\b|compart|keep|kept|stor(?:e|es|ed|ing)\b|sav(?:e|es|ed|ing)\b|record",
    r"look|see(?:s|n)?\b",
    r"us(?:e|ed|es|ing)\b|read|log(?:ged|ging|s)?\b|hold|train|learn|shar",
)
_PERMIT = r"\b" + _any(
    "permi[st]|autoriz|authori[sz]|allow|permission|consen[ts]|consien"
)
_ERASE = _any(
    r"\b(?:borr|elimin|suprim|supres|supri|quit|limpi|saca|saque|olvid|vaci|destru)",
    r"\b(?:desapar|delet|eras|remov|wip|clear|forg[eo]t|purg|scrub|destroy)",
    r"\b(?:desha[cgz]|throw|drop|discard|dispose|tiren|trace)",
    r"\brid of|\btake me out|\bno trace|\bfuera de|\bno (?:quede|dejen)",
)
_REPLY = r"\b" + _any(
    "respuest|contestaci|explicaci|answer|anser|repl[iy]|response|explanation"
)
_VERDICT = r"\b" + _any(
    r"sirv|util|inutil|ayud(?:o|as|aste)\b|equivoc(?:ast|o\b|ad)|acert",
    r"correct|incorrect|helpful|helped|useful|useless|wrong|sense|sentido|spot on",
    r"solved|thumbs|nada que ver|nothing to do|meant?\b",
)
_PRAISE = r"\b" + _any(
    r"buen|mal[ao]?\b|pesim|excelen|perfect|clar|acierto|ayud|informac|information",
    r"good|bad|great|nice|terribl|awful|right|help",
)

_CONSENT = _any(
    r"\b(?:consenti|consient|consent)",
    rf"{_KEEP}.*{_TALK}|{_TALK}.*{_KEEP}|{_PERMIT}.*{_TALK}|{_TALK}.*{_PERMIT}",
    rf"(?:{_KEEP}|{_PERMIT}).*\b(?:mis?|my) {_DATA}|\b(?:mis?|my) {_DATA}.*{_KEEP}",
    rf"{_PERMIT}\w* (?:que|i|de ayer|from)\b",
    rf"\b(?:retract|revo[ck]|retir|withdr|undo|deshac|sin efecto).*{_PERMIT}",
    r"\b(?:guard|almacen|conserv|grab|registr)\w* (?:esto|eso|nada|todo)$",
    rf"{_TALK}.*\bun(?:recorded|saved|stored|read)\b",
    r"\b(?:keep|store|save|record)(?:ing)? (?:this|that|it|anything|nothing)$",
)
_HANDLE = (
    r"\b(?:hac|pas|prote|segur|safe|do\b|happen|vend|sell|where|donde|show|muestr)"
)
_INFO = _any(
    r"\b(?:privacidad|privad|confidencial|protecc|privacy|private|confidential)",
    _CONSENT,
    rf"(?:{_KEEP}|\b(?:sab|tien|ten|conoc|know|ha[sv]|have|got|do\b)).*{_ABOUT_ME}",
    rf"\b(?:mis?|my) (?:\w+ )?{_DATA}.*(?:{_KEEP}|{_HANDLE})",
    rf"(?:{_KEEP}|{_HANDLE}).*\b(?:mis?|my) (?:\w+ )?{_DATA}",
    r"\b(?:hac|pas|happen|do)\w* (?:con|with|to) (?:mis?|my|lo|what|this|est[ea])\b",
    r"\b(?:pasa|happens?) (?:si|if) .*\b(?:dig|acept|say|accept|agree|consent)",
    r"\bque (?:anotan|registran|apuntan) de mi|\bsaben (?:como me llamo|mi nombre)",
    r"\bmis datos (?:van|llegan|se van)\b",
    r"\b(?:have|did) i (?:agree|accept)|\bque (?:cosas )?se (?:guard|grab|almacen)",
    rf"\b(?:segur|secur|safe|privat).*{_TALK}|{_TALK}.*\b(?:segur|secur|safe)",
    r"\bmensaj\w* .*\btien|\b(?:messag|chat)\w* .*\bhav|\b(?:messages|chats) of mine",
    r"\bmis mensajes\b|\bmy messages\b",
)
_FEEDBACK = _any(
    rf"{_REPLY}.*(?:{_VERDICT}|{_PRAISE})|(?:{_VERDICT}|{_PRAISE}).*{_REPLY}",
    rf"^(?:\w+ ){{0,2}}{_REPLY}\w*$|^(?:\w+ )?{_REPLY}\w* \w+$",
    rf"{_REPLY}\w* (?:que|i)\b|\binformacion que (?:\w+ )?(?:ped|busc|quer|nec)",
    r"\b(?:respond|contest)\w* (?:a )?(?:mi|lo|nada)\b|\b(?:bien|mal) (?:resp|contest)",
    r"\banswer\w* (?:my (?!e )|what|any|noth)|\bpedi esa",
    r"\bdato que (?:\w+ )?(?:ped|quer|nec)",
    rf"\b(?:tu|su|esa|your|that|last|ultima|previous|anterior) {_REPLY}",
    r"\b(?:me (?:\w+ )?(?:mal)?ent[ie]+nd|entendiste|getting me)",
    r"\b(?:respond|contest|resolv|ayud)(?:[ei]s|[ei]ste|aste|iendo|ando)\b",
    r"\blo que (?:yo |te |le )?(?:\w+ )?(?:pregunt|quer|necesit)",
    r"\bpregunt\w+ (?:otra cosa|algo)|\bi asked (?:about )?(?:something|a different)",
    r"\b(?:what|something|anything)(?: else)? (?:i|you)? ?(?:was |wanted |had )?"
    r"(?:ask|to know)",
    r"\byou (?:\w+ ){0,3}(?:mis)?(?:underst|answer)|\byou got (?:it|me)",
    r"\byou (?:nailed|missed) (?:it|the point)|\bno help\b",
    r"(?:\bnot|nt) help",
)
_FORGET = _any(
    rf"{_ERASE}.*(?:{_TALK}|{_ABOUT_ME}|{_MINE} (?:\w+ )?{_DATA})",
    rf"{_ERASE}.*{_DATA} (?:\w+ )?{_MINE}",
    rf"{_ERASE}.*\b(?:lo mio|dato mio|(?:de|from) (?:sus?|tus?|your)\b)",
    rf"{_ERASE}.*\b(?:sistema|base de|registros|system|database)\b",
    rf"(?:{_MINE} (?:\w+ )?{_DATA}|{_DATA}.*{_MINE}|{_TALK}).*{_ERASE}",
    r"\b(?:olvid\w*|borr\w*|elimin\w*|quit\w*|sac\w*)me\b",
    r"\b(?:forget|erase|remove|delete) me\b|\bdata (?:deletion|removal)",
    r"\bolvido$|\bser olvidad|\bbe forgotten|\bright to erasure",
    rf"\b(?:no|any) {_DATA}.*{_ABOUT_ME}",
    rf"\b(?:ha[sv]e?|teng\w+|know) (?:\w+ )?{_ABOUT_ME}",
)

_HUMAN = r"\b" + _any(r"human", r"(?:real|live) (?:person|agent)")
_ROLE = r"\b" + _any(
    r"asesor|operador|operator|represent|ejecutiv|supervis|gerente|encargad|manager",
    r"agent(?:e|es|s)?\b|(?:sales )?reps?\b",
)
_SOMEBODY = r"\b" + _any(
    r"alguien\b|alguno de ustedes|personas?\b|gente\b|equipo\b|vendedor",
    r"(?:some|any)(?:body|one)\b|person\b|people\b|team\b|staff\b|salesperson",
)
_REACH = r"\b" + _any(
    r"habl|convers|charl|atien|atend|comuni|contact|pas[ae]|pase|transf|conect|llam",
    r"de(?:me|n|nme)\b|prefier",
    r"speak|talk|chat|connect|put me|get me|give me|hand me|reach|call|help|answer",
)
_PEOPLE = _any(
    _HUMAN,
    rf"{_REACH}.*(?:{_SOMEBODY}|{_ROLE})|(?:{_SOMEBODY}|{_ROLE}).*{_REACH}",
    rf"\b(?:necesit|quier|quisier|need|want|get).*{_ROLE}",
    rf"^(?:\w+ ){{0,2}}{_ROLE}\w*(?: \w+){{0,2}}$",
    rf"{_REACH}.*\b(?:bot|robot|maquina|machine)\b",
    r"^una persona(?: por favor)?$|^(?:a )?person please$",
)

_CONSENT_TOPIC = (_CONSENT, _any(_KEEP, _PERMIT))
_FEEDBACK_TOPIC = (
    _FEEDBACK,
    _any(
        _REPLY,
        _VERDICT,
        r"\b(?:respond|contest|entend|entiend|comprend|malinterpret|duda|pregunt)",
        r"\b(?:explic|respon[ds]|ask|question|understand|understood|misunder)",
    ),
)
# Intents, what is enough to mean one of them, and what is enough among words of ours.
_TOPICS = [
    (intents.split(), re.compile(enough), re.compile(touched))
    for intents, enough, touched in (
        ("qa_consent_grant qa_consent_deny qa_consent_withdraw", *_CONSENT_TOPIC),
        ("qa_consent_info", _INFO, _any(_KEEP, _PERMIT, _DATA)),
        ("qa_feedback_positive qa_feedback_negative", *_FEEDBACK_TOPIC),
        ("qa_forget_me", _FORGET, _ERASE),
        (
            "qa_skip",
            r"^(?:\w+ )?(?:omit|skip|qa_skip)\w*(?: \w+)?$",
            r"\b(?:omit|skip)",
        ),
        ("qa_human", _PEOPLE, _any(_HUMAN, _ROLE, _SOMEBODY)),
        ("qa_stars", *[r"\b(?:estrella|star)"] * 2),
        # Meant for buttons; typed words are these only if they name them.
        ("qa_comment", *[r"\bqa_comment\b"] * 2),
        (
            "qa_forget_confirm",
            *[r"\bqa_forget_confirm\b|^(?:si borrar todo|yes delete everything)$"] * 2,
        ),
        ("qa_forget_cancel", *[r"\bqa_forget_cancel\b"] * 2),
    )
]
_PIECE = 160  # characters
_MOST_READ = 2000
_MOST_OF_OURS = 40  # words
OWN_INTENTS = frozenset(intent for intents, _, _ in _TOPICS for intent in intents)
"""The intents that `rasa-qa init` brings."""

HARMLESS = OWN_INTENTS - {
    *("qa_consent_grant", "qa_consent_deny", "qa_consent_withdraw"),
    "qa_forget_confirm",
}
"""A wrong one of these does no harm: they answer, thank, or ask before they act."""


class Mention(NamedTuple):
    """An intent of ours that a text may mean.

    Attributes:
        piece: The part of the plain text that says so.
        by_itself: The piece is enough to mean it, and no mere touch of the topic.
    """

    intent: str
    piece: str
    by_itself: bool


def mentions(text: str) -> Iterator[Mention]:
    """Give the intents of ours that *text* may mean; none for payloads (``/intent``).

    Whoever speaks of ours does so in a few words, so a long text is read in pieces that
    overlap. The patterns try every pair of words: a whole page of the right ones would
    hold Rasa's event loop for seconds.
    """
    if text.lstrip().startswith("/"):
        return
    words = plain(text)
    last = max(min(len(words), _MOST_READ) - _PIECE, 0)
    pieces = [
        words[start : start + _PIECE] for start in (*range(0, last, _PIECE // 2), last)
    ]
    for intents, enough, touched in _TOPICS:
        piece = next((piece for piece in pieces if enough.search(piece)), None)
        if piece is None and not _in_our_words(words, touched):
            continue
        for intent in intents:
            yield Mention(intent, piece or words, by_itself=piece is not None)


def speaks_of(intent: str, text: str) -> bool:
    """Tell whether *text* may mean *intent*; True for intents that are not ours.

    Payloads (``/intent``) mean what they say; a text without words may be a thumb.
    """
    if intent not in OWN_INTENTS or text.lstrip().startswith("/") or not plain(text):
        return True
    return any(mention.intent == intent for mention in mentions(text))


def plain(text: str) -> str:
    """Give words in small letters without accents, one blank apart."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(re.findall(r"\w+", kept.replace("'", "").replace("\u2019", "")))


@cache
def utterances(intent: str) -> tuple[str, ...]:
    """Give what people say who mean an intent of ours, in Spanish and English."""
    folder = resources.files("rasa_qa_plugin.own_intents") / "utterances"
    return tuple((folder / f"{intent}.txt").read_text("utf-8").splitlines())


def _in_our_words(words: str, touched: re.Pattern[str]) -> bool:
    several = words.split()
    if not 1 < len(several) <= _MOST_OF_OURS or not touched.search(words):
        return False
    return set(several) <= _own_words()


@cache
def _own_words() -> frozenset[str]:
    """Give the words that our utterances are made of."""
    return frozenset(
        word
        for intent in OWN_INTENTS
        for utterance in utterances(intent)
        for word in plain(utterance).split()
    )
