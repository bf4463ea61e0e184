"""A turn in the form in which people correct it."""

from rasa_qa_plugin.review.exporting import item_of
from rasa_qa_plugin.review.items import Entity
from rasa_qa_plugin.storage.turns import Turn


def test_a_value_that_is_a_number_is_written_as_text() -> None:
    turn = Turn(
        turn_id="t",
        sender_id="qa_x",
        seq=1,
        recorded_at=0.0,
        text="dos cajas y media",
        entities=[
            {"start": 0, "end": 3, "entity": "number", "value": 2},
            {"start": 12, "end": 17, "entity": "number", "value": 0.5, "role": None},
        ],
    )

    assert item_of(turn).entities == (
        Entity(0, 3, "number", value="2"),
        Entity(12, 17, "number", value="0.5"),
    )
