"""Turns that several hands work on at once, on every database."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.bot import Bot
from rasa_qa_plugin.cli.merging import _write
from rasa_qa_plugin.errors import RasaQAError
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.review import merging, showing
from rasa_qa_plugin.review.exporting import export
from rasa_qa_plugin.review.importing import item_of
from rasa_qa_plugin.review.items import Item
from rasa_qa_plugin.review.surrogates import Surrogates
from rasa_qa_plugin.storage import (
    annotations,
    copies,
    erasure,
    queue,
    retention,
    schema,
    search,
    turns,
)
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.copies import Written
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.purge_rounds import Purge
from rasa_qa_plugin.storage.turns import Turn
from tests.conftest import Events, Open

NOW = 1_700_000_100.0
NLU = 'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hola\n'


def said(opened: Opened, events: Events, text: str) -> Turn:
    agreed = events.slot("qa_consent", "granted")
    heard = events.user(text, message_id="m1", confidence=0.3)
    opened.recorder.record(Batch(sender_id="ana", events=[agreed, heard]), now=NOW)
    with reading(opened.engine) as connection:
        return next(search.find(connection))


def correct(connection: sa.engine.Connection, turn: Turn) -> None:
    queue.hold(connection, [turn.turn_id])
    right = Annotation(
        turn_id=turn.turn_id,
        text=turn.text,
        intent="greet",
        entities=[],
        source="annotate",
        annotated_at=NOW,
    )
    annotations.record(connection, right)
    turns.set_status(connection, [turn.turn_id], "annotated")


def leave(
    opened: Opened, how: Callable[..., Any], meanwhile: Callable[[], object]
) -> None:
    """Let a person leave; when their corrections are gone, somebody else begins."""
    working = threading.Thread(target=meanwhile)
    leaving = opened.engine.connect()

    def in_between(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        changed = statement.startswith(("UPDATE", "DELETE"))
        if changed and "qa_annotations" in statement and not working.ident:
            working.start()
            working.join(0.5)

    sa.event.listen(leaving, "after_cursor_execute", in_between)
    more = {"now": NOW} if how is erasure.erase else {}
    with leaving.begin():
        how(leaving, opened.vault.pseudonym("ana"), **more)
    leaving.close()
    working.join(30)
    assert working.ident is not None
    assert not working.is_alive()


@pytest.mark.parametrize("how", [turns.discard, erasure.erase])
def test_no_flag_is_left_of_who_is_erased_while_it_is_raised(
    open_store: Open, events: Events, how: Callable[..., Any]
) -> None:
    opened = open_store()
    turn = said(opened, events, "hola que tal")

    leave(
        opened,
        how,
        lambda: showing.mark(
            opened.engine, [turn.turn_id], "manual", off=False, now=NOW
        ),
    )

    with reading(opened.engine) as connection:
        assert connection.execute(sa.select(schema.flags)).all() == []


@pytest.mark.parametrize("how", [turns.withdraw, erasure.erase])
def test_no_line_is_merged_of_who_leaves_at_that_very_moment(
    open_store: Open, events: Events, tmp_path: Path, how: Callable[..., Any]
) -> None:
    opened = open_store()
    turn = said(opened, events, "muy buenas tardes")
    with transaction(opened.engine) as connection:
        correct(connection, turn)
        waiting = annotations.waiting(connection)
    nlu = tmp_path / "data" / "nlu.yml"
    nlu.parent.mkdir()
    nlu.write_text(NLU, "utf-8")
    (tmp_path / "config.yml").write_text("pipeline: []\n", "utf-8")
    plan = merging.plan_merge(
        [item_of(one) for one in waiting],
        data=nlu.parent,
        domain_intents={"greet"},
        held_out=[],
        wording=lambda item: item,
    )
    assert len(plan.added) == 1
    refused: list[str] = []

    def merge() -> None:
        try:
            _write(opened, plan, waiting, [turn.turn_id], bot=Bot(tmp_path), now=NOW)
        except RasaQAError as error:
            refused.append(str(error))

    leave(opened, how, merge)

    assert nlu.read_text("utf-8") == NLU
    assert len(refused) == 1
    assert "run the command again" in refused[0]


def test_an_export_leaves_alone_what_is_answered_meanwhile(
    open_store: Open, events: Events, tmp_path: Path
) -> None:
    opened = open_store()
    turn = said(opened, events, "hola")

    class Slow(Surrogates):
        """Takes so long to invent values that somebody answers meanwhile."""

        def applied(self, item: Item) -> Item:
            with transaction(opened.engine) as connection:
                correct(connection, turn)
            return super().applied(item)

    with pytest.raises(RasaQAError, match="run the command again"):
        export(
            opened.engine,
            tmp_path / "out.yml",
            root=tmp_path,
            surrogates=Slow(),
            now=NOW,
        )

    with reading(opened.engine) as connection:
        assert next(search.find(connection)).status == "annotated"
    assert not (tmp_path / "out.yml").exists()


def test_a_purge_leaves_what_is_being_answered_to_the_next_one(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    turn = said(opened, events, "hola")

    def purge() -> None:
        for _ in retention.run(
            opened.engine,
            Purge(cutoff=NOW + 1e9, now=NOW + 1e9, what=frozenset(["turns"])),
        ):
            pass

    purging = threading.Thread(target=purge)
    with transaction(opened.engine) as connection:
        correct(connection, turn)
        purging.start()
        purging.join(1.0)
    purging.join(30)
    assert not purging.is_alive()

    def left() -> tuple[set[str], set[str]]:
        def ids(table: sa.Table) -> set[str]:
            with reading(opened.engine) as connection:
                return set(connection.execute(sa.select(table.c.turn_id)).scalars())

        return ids(schema.turns), ids(schema.annotations)

    assert left()[1] <= left()[0]
    purge()
    assert left() == (set(), set())


def test_copies_written_down_at_the_moment_of_an_erasure_belong_to_nobody(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    turn = said(opened, events, "hola")
    pseudonym = opened.vault.pseudonym("ana")

    def erase() -> None:
        with transaction(opened.engine) as connection:
            erasure.erase(connection, pseudonym, now=NOW)

    erasing = threading.Thread(target=erase)
    with transaction(opened.engine) as connection:
        written = Written(turn_id=turn.turn_id, file="a.yml")
        copies.record(connection, [written], now=NOW)
        erasing.start()
        erasing.join(1.0)
    erasing.join(30)
    assert not erasing.is_alive()

    with reading(opened.engine) as connection:
        assert copies.of_person(connection, pseudonym) == []
        assert [one.file for one in copies.recalled(connection)] == ["a.yml"]
