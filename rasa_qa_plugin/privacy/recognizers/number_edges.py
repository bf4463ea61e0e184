"""What belongs to a number at its edges: extensions, check letters, series letters."""

import re

from rasa_qa_plugin.privacy.passage import Passage
from rasa_qa_plugin.privacy.recognizers.number_cues import Cue, is_filler
from rasa_qa_plugin.privacy.recognizers.number_words import UNIT, kind_of
from rasa_qa_plugin.privacy.spans import Span

# What belongs to a number but is not of it: an extension, the letter of a passport.
_EXTENSION = re.compile(
    r"[ ,;-]{0,2}(?:x|(?:ext(?:ension|en|n)?|anexo|interno|int)(?:\.|(?!\w)))"
    r"[:#]? ?(?:no?\.? ?)?\d{1,6}(?!\w)"
)
_SLASH_TAIL = re.compile(r" ?/ ?\d{1,3}(?![\w/])")
_VERIFIER_TAIL = re.compile(r" ?- ?[\dk](?!\w)")
_LETTER_TAIL = re.compile(r"[ -]?[A-Z](?![\w.])")
_LETTER_HEAD = re.compile(r"(?<!\w)[A-Z]{1,3}[ -]?$")


def with_tail(span: Span, passage: Passage, cue: Cue | None) -> Span:
    """Take in an extension, "/2" of a record number, or the letter of a document."""
    tail = None
    if span.entity_type == "PHONE":
        tail = _EXTENSION.match(passage.plain, span.end)
    elif span.entity_type == "ID" and cue is not None:
        tail = (
            _SLASH_TAIL.match(passage.plain, span.end)
            or _LETTER_TAIL.match(passage.raw, span.end)
            or _VERIFIER_TAIL.match(passage.plain, span.end)
        )
        if tail is not None and UNIT.match(passage.plain, tail.end()):
            tail = None
    return span if tail is None else _moved(span, span.start, tail.end())


def with_head(span: Span, passage: Passage, cue: Cue | None) -> Span:
    """Take in the letters of "pasaporte AB 123456"."""
    if span.entity_type != "ID" or cue is None or span.start <= cue.end:
        return span
    head = _LETTER_HEAD.search(passage.raw, max(cue.end, span.start - 5), span.start)
    if head is None:
        return span
    word = head.group().strip(" -").lower()
    if is_filler(word) or kind_of(word) is not None:
        return span
    return _moved(span, head.start(), span.end)


def _moved(span: Span, start: int, end: int) -> Span:
    return Span(start, end, span.entity_type, span.score, span.rule)
