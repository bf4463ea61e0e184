"""Ratings without words: thumbs, stars, and a number where one was asked for."""

import re

_UP, _DOWN = "\U0001f44d", "\U0001f44e"
_STARS = frozenset("\u2b50\U0001f31f")
_MOST, _GOOD = 5, 4
_MODIFIERS = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")  # form and colour of a sign


def rating_in(text: str, *, number: bool = False) -> bool | None:
    """Tell whether a mere sign is a good or a bad rating; None for anything else.

    Three stars of five are nothing to be pleased about.

    Args:
        text: What somebody wrote.
        number: Whether "1" to "5" count, because that was the question.
    """
    signs = _MODIFIERS.sub("", "".join(text.split()))
    if signs and set(signs) in ({_UP}, {_DOWN}):
        return signs[0] == _UP
    if signs and set(signs) <= _STARS and len(signs) <= _MOST:
        return len(signs) >= _GOOD
    if number and re.fullmatch(r"[1-5](?:/5)?", signs):
        return int(signs[0]) >= _GOOD
    return None
