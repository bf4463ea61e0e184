"""Label Studio itself takes our tasks, and what people make of them comes home.

    uv run pytest -m tools tests/tools

installs Label Studio in an environment of its own, runs its server, and speaks to it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rasa_qa_plugin.review.formats import Names, label_studio
from rasa_qa_plugin.review.formats.catalogue import format_of
from rasa_qa_plugin.review.items import Item
from tests.benchmarks.hostile_items import bare, hostile_items, returned
from tests.tools.answers import answer_in_label_studio, assert_answers
from tests.tools.examples import SENT
from tests.tools.label_studio_server import LabelStudio
from tests.tools.label_studio_server import label_studio as served

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudio]:
    with served(tmp_path_factory.mktemp("label_studio")) as running:
        yield running


def sent(tool: LabelStudio, items: list[Item]) -> int:
    """Give a project with *items*, set up as we say."""
    names = Names(intents={"price": None, "bye": None})
    for item in items:
        names.add(item)
    tasks = b"".join(label_studio.FORMAT.dump(items, names))
    (setup,) = label_studio.FORMAT.beside(names).values()
    return tool.project(setup, tasks)


def test_what_people_accept_comes_back_as_it_was(tool: LabelStudio) -> None:
    items = list(hostile_items(150))
    project = sent(tool, items)
    for task in tool.tasks(project):
        tool.annotate(task["id"], task["predictions"][0]["result"])

    loaded = label_studio.FORMAT.load(tool.export(project, "JSON"), "export.json")

    assert loaded.problems == []
    assert [bare(item) for item in loaded.items] == [returned(item) for item in items]
    assert {item.seconds for item in loaded.items} == {4.25}
    assert len({item.annotator for item in loaded.items}) == 1


@pytest.mark.parametrize("form", ["JSON_MIN", "CSV", "TSV"])
def test_forms_that_say_less_say_the_same_where_only_intents_count(
    tool: LabelStudio, form: str
) -> None:
    items = list(hostile_items(60, seed=3))
    project = sent(tool, items)
    for task in tool.tasks(project):
        tool.annotate(task["id"], task["predictions"][0]["result"])
    content = tool.export(project, form)

    loaded = format_of(content, Path("export")).load(content, "export")

    assert loaded.problems == []
    assert [bare(item) for item in loaded.items] == [returned(item) for item in items]


def test_corrections_skips_and_rejects_come_back(tool: LabelStudio) -> None:
    project = sent(tool, list(SENT))
    answer_in_label_studio(tool, project)

    loaded = label_studio.FORMAT.load(tool.export(project, "JSON"), "export.json")

    assert_answers(loaded.items)


def test_a_bot_without_entities_has_a_setup_too(tool: LabelStudio) -> None:
    assert sent(tool, [Item("t_1", "hola", "greet")])


def test_a_hundred_intents_are_a_list_to_choose_from(tool: LabelStudio) -> None:
    items = [Item(f"t_{n}", "hola", f"más & de {n}") for n in range(100)]
    project = sent(tool, items)
    task = tool.tasks(project)[41]
    tool.annotate(task["id"], task["predictions"][0]["result"])

    content = tool.export(project, "JSON")

    (item,) = label_studio.FORMAT.load(content, "export.json").items
    assert item.intent == "más & de 41"
