"""Business terms that are never masked, and no way to let a real value through."""

import re
from collections.abc import Callable, Iterable, Sequence

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.privacy.passage import plain_text
from rasa_qa_plugin.privacy.spans import VALIDATED, Span

_KEY = "privacy.allow"
_SHORTEST = 2


class AllowList:
    """Terms in any case, with any accents and blanks, as whole words.

    A candidate is dropped only when it lies wholly inside a term: a term never shortens
    or splits one, so an allowed "20" does not let a number with a 20 in it through.
    """

    def __init__(
        self, terms: Sequence[str], *, scan: Callable[[str], Iterable[Span]]
    ) -> None:
        """Compile *terms*; *scan* finds personal data, which no term may hold.

        Raises:
            ConfigError: A term is empty, a single character or a telephone number
                alone, or holds an e-mail address, a card, an account or a telephone
                number with its plus sign.
        """
        for number, term in enumerate(terms, start=1):
            _check(term, number, scan)
        alternatives = [_pattern(term) for term in sorted(terms, key=len, reverse=True)]
        self._terms = re.compile("|".join(alternatives)) if alternatives else None

    def without_terms(self, candidates: list[Span], *, text: str) -> list[Span]:
        """Give the candidates that are not wholly inside a term."""
        if self._terms is None or not candidates:
            return candidates
        allowed = [match.span() for match in self._terms.finditer(plain_text(text))]
        return [
            span
            for span in candidates
            if not any(
                start <= span.start and span.end <= end for start, end in allowed
            )
        ]


def _check(term: str, number: int, scan: Callable[[str], Iterable[Span]]) -> None:
    size = sum(map(str.isalnum, term))
    if size == 0:
        raise ConfigError(_KEY, f"entry {number} is empty; remove it")
    if size < _SHORTEST:
        raise ConfigError(
            _KEY, f"entry {number} is a single character; write the whole term"
        )
    for span in scan(term):
        if span.score >= VALIDATED and span.entity_type != "ID":
            raise ConfigError(
                _KEY,
                f"entry {number} holds a real {span.entity_type.lower()}; remove it, "
                "only business terms can be allowed",
            )
        if span.entity_type == "PHONE" and not any(map(str.isalpha, term)):
            raise ConfigError(
                _KEY,
                f"entry {number} is a bare telephone number; remove it, or write the "
                "words beside it too",
            )


def _pattern(term: str) -> str:
    words = plain_text(term).split()
    body = r"\s+".join(map(re.escape, words))
    before = r"(?<!\w)" if words[0][0].isalnum() else ""
    after = r"(?!\w)" if words[-1][-1].isalnum() else ""
    return f"{before}{body}{after}"
