"""What people answer about the six turns, and that it came home."""

from collections.abc import Sequence
from typing import Any

import msgspec

from rasa_qa_plugin.review.items import Item
from tests.benchmarks.hostile_items import bare, returned
from tests.tools.examples import CORRECTED, REJECTED, SENT, SKIPPED
from tests.tools.label_studio_server import LabelStudio

_TO = {"id": "e1", "from_name": "role", "to_name": "text", "type": "choices"}


def answer_in_label_studio(tool: LabelStudio, project: int) -> None:
    """Do what a person would do with the mouse."""
    for task in tool.tasks(project):
        turn_id = task["data"]["turn_id"]
        result: list[dict[str, Any]] = task["predictions"][0]["result"]
        result[0]["value"]["choices"] = [CORRECTED.get(turn_id, SENT_INTENT[turn_id])]
        if turn_id == SENT[0].turn_id:
            place = {key: result[3]["value"][key] for key in ("start", "end", "text")}
            result.append({**_TO, "value": {**place, "choices": ["to"]}})
        if turn_id == REJECTED:
            result.append(
                {
                    "id": "r", "from_name": "verdict", "to_name": "text",
                    "type": "choices", "value": {"choices": ["reject"]},
                }
            )  # fmt: skip
        skipped = turn_id == SKIPPED
        tool.annotate(task["id"], [] if skipped else result, skipped=skipped)


SENT_INTENT = {item.turn_id: item.intent for item in SENT}


def expected(*, roles: bool = True, verdicts: bool = True) -> list[Item]:
    """Give the six turns as people left them.

    Args:
        roles: Whether the tool can say that Paris is where they fly to.
        verdicts: Whether the tool knows skipping and rejecting.
    """
    found = []
    for item in map(returned, SENT):
        if item.turn_id == SENT[0].turn_id and roles:
            first, second = item.entities
            more = msgspec.structs.replace(second, role="to")
            item = msgspec.structs.replace(item, entities=(first, more))  # noqa: PLW2901
        intent = CORRECTED.get(item.turn_id, item.intent)
        item = msgspec.structs.replace(item, intent=intent)  # noqa: PLW2901
        if verdicts and item.turn_id in (REJECTED, SKIPPED):
            verdict = "reject" if item.turn_id == REJECTED else "skip"
            item = Item(item.turn_id, item.text, "", verdict=verdict)  # noqa: PLW2901
        found.append(item)
    return found


def assert_answers(
    items: Sequence[Item], *, roles: bool = True, verdicts: bool = True
) -> None:
    """Check that the answers are here, all of them, in order."""
    assert [bare(item) for item in items] == expected(roles=roles, verdicts=verdicts)
