"""Where a name begins and ends, once it is known that there should be one."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import Final, NamedTuple

from rasa_qa_plugin.privacy.passage import Passage
from rasa_qa_plugin.privacy.recognizers.names_lexicon import (
    CAPITAL_PARTICLES,
    COMPANIES,
    DOUBTFUL_GIVEN,
    GIVEN,
    JOINING,
    LEXICON,
    OPENING,
    PARTICLES,
    SURNAMES,
    TITLES,
)
from rasa_qa_plugin.privacy.recognizers.names_limits import LIMITS, SURNAMES_TOO
from rasa_qa_plugin.privacy.recognizers.names_usual import (
    COMPANY,
    ENDING,
    Name,
    usual_name,
)

# A word, and the blanks behind it where another may follow.
_WORD: Final = re.compile(
    r"([^\W\d_]+(?:['\u2019-][^\W\d_]+)*(?:(?<=\bM)\.[a\u00aa](?= ))?)"
    r"(?:\.? {1,2})?"
)
_POSSESSIVES: Final = ("'s", "\u2019s")
_COMPANY_INITIALS: Final = frozenset("scilg")
_CLAUSE_BREAK: Final = re.compile(r"[.,;:!?\n\u00bf\u00a1()\"\ufffc\d@/]")
_CONJUNCTIONS: Final = frozenset(("y", "e", "and", "pero", "but"))
_BEGINNINGS: Final = GIVEN | TITLES
_SMALL_ENDS: Final = (LIMITS | COMPANIES) - PARTICLES
_MOST_CAPITAL_WORDS: Final = 8
_MOST_SMALL_WORDS: Final = 4
_SMALL_WORDS: Final = 2
_MOST_WORDS: Final = 15
# Each title is a cue itself: longer rows of them would be read again and again.
_MOST_TITLES: Final = 8
_REACH: Final = 80


class _Word(NamedTuple):
    start: int
    end: int
    plain: str
    capital: bool


def name_after(
    passage: Passage, position: int, *, sure: bool, whole: bool, tells: bool
) -> Name | None:
    """Give the name that begins at *position*, after any titles.

    *sure* says that only a name can stand there, *whole* that what follows "de" is more
    of it and not where the person is from; unless *tells*, capitals say nothing.
    """
    usual = usual_name(passage, position, sure=sure) if tells else None
    if usual is not None:
        return usual
    if not _may_begin(passage, position, sure=sure, tells=tells):
        return None
    following = _words_from(passage, position, tells=tells)
    openers = islice(following, _MOST_TITLES + 1)
    first = next((word for word in openers if word.plain not in TITLES), None)
    if first is None or not (sure or first.capital or first.plain in GIVEN):
        return None
    if _is_handle(passage, first):
        return None
    words = _reach(first, islice(following, _MOST_WORDS))
    if first.capital:
        name = _capital_name(passage, words, sure=sure, whole=whole)
    else:
        name = _small_name(passage, words, sure=sure)
    if name is None or name.end - name.start < 2:  # noqa: PLR2004 - an initial
        return None
    return None if _is_company(passage, words, name) else name


def _may_begin(passage: Passage, position: int, *, sure: bool, tells: bool) -> bool:
    """Tell at first sight whether a name or a title may stand at *position*."""
    first = passage.raw[position : position + 1]
    if not first.isalnum():
        return False
    if sure or (tells and first.isupper()):
        return True
    match = _WORD.match(passage.raw, position)
    return match is not None and _plain(passage.plain, *match.span(1)) in _BEGINNINGS


def _reach(first: _Word, following: Iterable[_Word]) -> list[_Word]:
    """Give the words from *first* to where a name must be over, and one or two more."""
    words = [first]
    if first.capital:
        over = False
        for word in following:
            words.append(word)
            if over:
                break
            over = not (
                word.capital or word.plain in CAPITAL_PARTICLES or word.plain in LEXICON
            )
        return words
    for word in following:
        words.append(word)
        if word.plain in _SMALL_ENDS:
            break
    return words


def name_before(
    passage: Passage, position: int, *, sure: bool, tells: bool
) -> Name | None:
    """Give the name that ends at *position*: the last words of the clause there."""
    start = max(0, position - _REACH)
    # The cue may stand in a line of its own.
    end = position - passage.plain.endswith("\n", start, position)
    for match in _CLAUSE_BREAK.finditer(passage.plain, start, end):
        start = match.end()
    following = _words_from(passage, start, tells=tells)
    words = list(takewhile(lambda word: word.end <= position, following))
    first = len(words)
    while first and _may_be_in_name(words[first - 1]):
        first -= 1
    words = words[first:]
    while words and words[0].plain in PARTICLES:
        words = words[1:]
    if not words or not passage.plain[words[-1].end : position].isspace():
        return None
    if words[0].capital:
        fits = all(
            w.capital or w.plain in LEXICON or w.plain in CAPITAL_PARTICLES
            for w in words
        )
    else:
        fits = words[0].plain in GIVEN or sure
    return _name(words) if fits and len(words) <= _MOST_CAPITAL_WORDS else None


def _may_be_in_name(word: _Word) -> bool:
    return word.plain in PARTICLES or not (
        word.plain in TITLES or _ends_name(word, [word])
    )


def _capital_name(
    passage: Passage, words: Sequence[_Word], *, sure: bool, whole: bool
) -> Name | None:
    """Give the name of capitalized words at the beginning of *words*."""
    taken: list[_Word] = []
    waiting: list[_Word] = []
    for index, word in enumerate(words):
        if word.plain in CAPITAL_PARTICLES and _leads_on(words[index + 1 :]):
            opens = whole and word.capital and word.plain in OPENING
            if not (taken or waiting or opens):
                return None
            if word.plain in JOINING and waiting:
                break
            waiting.append(word)
            continue
        if not (
            (word.capital or _continues(word, taken, words[index + 1 :], sure=sure))
            and (
                not _ends_name(word, taken)
                or (sure and _is_surname(word, words[index + 1 :]))
            )
            and not _is_handle(passage, word)
            and not (taken and _opens_company(passage, taken[-1].end, word))
        ):
            break
        if not whole and _is_origin(waiting) and word.plain not in LEXICON:
            break  # "Ana de Quito": where she is from
        taken += (*waiting, word)
        waiting = []
        if len(taken) >= _MOST_CAPITAL_WORDS:
            break
    return _name(taken, passage)


def _small_name(passage: Passage, words: Sequence[_Word], *, sure: bool) -> Name | None:
    """Give the name at the beginning of *words* where capitals do not tell.

    The first word and, after a sure cue, the second are taken on trust. More are taken
    when they are common in names, or when only a few words are left in the clause.
    """
    first = words[0]
    if not (sure or first.plain in GIVEN) or first.plain in PARTICLES:
        return None
    run, closed = _small_run(passage, words)
    if len(first.plain) == 1 or not run:
        return None
    trusted = _SMALL_WORDS if sure else 1
    most = _MOST_SMALL_WORDS
    if not (sure or passage.raw[first.start].isupper()):
        most = _SMALL_WORDS
    if closed and len(run) <= most:
        trusted = most
    taken: list[_Word] = []
    for number, part in enumerate(run[:_MOST_SMALL_WORDS]):
        known = part[-1].plain in GIVEN or part[-1].plain in SURNAMES
        if number >= trusted and not known:
            break
        taken += part
    return _name(taken, passage)


def _small_run(
    passage: Passage, words: Sequence[_Word]
) -> tuple[list[list[_Word]], bool]:
    """Give words that may form a name, each with the particles before it.

    Tells too whether they end where the clause ends.
    """
    run: list[list[_Word]] = []
    waiting: list[_Word] = []
    for word in words:
        if word.plain in JOINING:
            break
        if word.plain in PARTICLES:
            waiting.append(word)
            continue
        if _ends_name(word, []) or _is_handle(passage, word):
            return run, word.plain in _CONJUNCTIONS
        if _is_origin(waiting) and word.plain not in LEXICON:
            return run, False
        run.append([*waiting, word])
        waiting = []
    return run, True


def _continues(
    word: _Word, taken: Sequence[_Word], rest: Sequence[_Word], *, sure: bool
) -> bool:
    """Tell whether a small word goes on with a name that began with a capital."""
    if not taken:
        return False
    if word.plain in GIVEN or word.plain in SURNAMES:
        return True
    return sure and len(taken) == 1 and not rest


def _ends_name(word: _Word, taken: Sequence[_Word]) -> bool:
    """Tell whether a name cannot hold *word*."""
    if word.plain in COMPANIES:
        return True
    if word.plain not in LIMITS:
        return False
    if word.capital and len(word.plain) == 1:
        return not taken
    return not (word.capital and taken and word.plain in SURNAMES_TOO)


def _is_surname(word: _Word, rest: Sequence[_Word]) -> bool:
    """Tell whether a word that ends most names begins this one: "Bueno Díaz"."""
    return (
        word.plain in SURNAMES_TOO
        and word.capital
        and bool(rest)
        and rest[0].plain in LEXICON
    )


def _leads_on(rest: Sequence[_Word]) -> bool:
    """Tell whether a capital follows, after no more than further particles."""
    for word in rest:
        if word.plain not in CAPITAL_PARTICLES or word.plain in JOINING:
            return word.capital
    return False


def _is_company(passage: Passage, words: Sequence[_Word], name: Name) -> bool:
    """Tell whether a name is only the first part of a company's."""
    if name.given:
        return False
    if COMPANY.match(passage.plain, name.end):
        return True
    return name.words == 1 and any(
        word.plain in COMPANIES and word.start <= name.end + 2 for word in words[1:]
    )


def _opens_company(passage: Passage, end: int, word: _Word) -> bool:
    """Tell whether *word*, the next one after *end*, stands for a legal form."""
    return word.plain[0] in _COMPANY_INITIALS and (
        COMPANY.match(passage.plain, end) is not None
    )


def _is_origin(waiting: Sequence[_Word]) -> bool:
    return len(waiting) == 1 and waiting[0].plain in ("de", "del")


def _is_handle(passage: Passage, word: _Word) -> bool:
    """Tell whether a word is the first half of an e-mail address."""
    return passage.raw.startswith("@", word.end)


def _name(words: Sequence[_Word], passage: Passage | None = None) -> Name | None:
    if not words:
        return None
    end = words[-1].end
    if passage is not None:
        if passage.raw.endswith(_POSSESSIVES, words[-1].start, end):
            end -= 2
        ending = ENDING.match(passage.raw, end)
        if ending is not None and words[0].capital:
            end = ending.end()
    own = [word for word in words if word.plain not in CAPITAL_PARTICLES]
    first = words[0]
    given = first.plain in GIVEN or (first.capital and first.plain in DOUBTFUL_GIVEN)
    return Name(
        words[0].start,
        end,
        len(own),
        words[0].capital,
        given or any(_is_common(word) for word in own),
        given,
    )


def _is_common(word: _Word) -> bool:
    return word.plain in GIVEN or (word.capital and word.plain in SURNAMES)


def _words_from(passage: Passage, position: int, *, tells: bool) -> Iterator[_Word]:
    """Give words that follow one another, up to the end of the sentence."""
    raw = passage.raw
    lower = passage.plain
    while (match := _WORD.match(raw, position)) is not None:
        start, end = match.span(1)
        plain = _plain(lower, start, end)
        yield _Word(start, end, plain, tells and raw[start].isupper())
        position = match.end()
        if position == end:
            return
        if raw[end] == "." and len(plain) > 1 and plain not in TITLES:
            return


def _plain(lower: str, start: int, end: int) -> str:
    plain = lower[start:end]
    return plain[:-2] if plain.endswith(_POSSESSIVES) else plain
