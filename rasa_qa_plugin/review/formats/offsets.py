"""Where a marked piece of a text stands, whatever the tool counts in.

Browsers count UTF-16 units, so an emoji before a mark moves it by one; Python counts
code points. A tool that quotes the marked words lets us look; with others, marks that
begin and end between words are taken for the right ones.
"""


def fix_span(
    text: str, start: int, end: int, quoted: str | None = None
) -> tuple[int, int] | None:
    """Give a mark's offsets in code points; None when it cannot be found.

    Args:
        text: The marked text.
        start: As the tool counts.
        end: After the last character.
        quoted: The marked words, where the tool gives them.
    """
    given = (start, end)
    browser = _code_points(text, start), _code_points(text, end)
    inside = [(a, b) for a, b in (given, browser) if 0 <= a < b <= len(text)]
    if quoted is None:
        fitting = [span for span in inside if _stands_free(text, *span)]
        return next(iter((*fitting, *inside)), None)
    for a, b in inside:
        if text[a:b] == quoted:
            return a, b
    places = [at for at in range(len(text)) if quoted and text.startswith(quoted, at)]
    if not places:
        return None
    nearest = min(places, key=lambda at: abs(at - start))
    return nearest, nearest + len(quoted)


def _code_points(text: str, units: int) -> int:
    """Give the number of code points in so many UTF-16 units."""
    if text.isascii():
        return units
    count = 0
    for number, char in enumerate(text):
        if count >= units:
            return number
        count += 2 if char > "\uffff" else 1
    return len(text) + max(0, units - count)


def _stands_free(text: str, start: int, end: int) -> bool:
    """Tell whether no word is cut at either end."""
    return not any(
        0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()
        for at in (start, end)
    )
