"""The labeling setup that Label Studio needs for our tasks: what can be chosen."""

from collections.abc import Iterable, Iterator, Mapping
from xml.sax.saxutils import quoteattr

from rasa_qa_plugin.review.formats import Names
from rasa_qa_plugin.review.items import clean

REJECT = "reject"

_MOST_BUTTONS = 30
_HOTKEYS = 9
_REGION = (
    'toName="text" perRegion="true" whenTagName="entities" '
    'visibleWhen="region-selected"'
)


def setup(names: Names) -> Mapping[str, bytes]:
    """Give the setup for tasks with these names, as a file beside the tasks."""
    lines = ["<View>", *_lines(names), "</View>", ""]
    return {".config.xml": "\n".join(lines).encode()}


def _lines(names: Names) -> Iterator[str]:
    few = len(names.intents) <= _MOST_BUTTONS
    layout = 'showInLine="true"' if few else 'layout="select"'
    yield '  <Header value="$why" size="5"/>'
    yield '  <Text name="text" value="$text"/>'
    yield f'  <Choices name="intent" toName="text" choice="single" {layout}>'
    for number, name in enumerate(names.intents, 1):
        key = f' hotkey="{number}"' if number <= _HOTKEYS else ""
        yield f"    <Choice value={quoteattr(clean(name))}{key}/>"
    yield "  </Choices>"
    if names.entities:
        yield '  <Labels name="entities" toName="text">'
        for name in names.entities:
            yield f"    <Label value={quoteattr(clean(name))}/>"
        yield "  </Labels>"
        yield from _choices("role", names.roles)
        yield from _choices("group", names.groups)
        yield (
            f'  <TextArea name="value" {_REGION} editable="true" maxSubmissions="1" '
            'placeholder="what it means, if not these words"/>'
        )
    yield '  <Choices name="verdict" toName="text" choice="single">'
    yield f'    <Choice value="{REJECT}" hint="spam, or personal data"/>'
    yield "  </Choices>"


def _choices(name: str, values: Iterable[str]) -> Iterator[str]:
    """Give what is chosen for a marked piece of the text."""
    if values:
        yield f'  <Choices name="{name}" choice="single" {_REGION}>'
        for value in values:
            yield f"    <Choice value={quoteattr(clean(value))}/>"
        yield "  </Choices>"
