"""The review queue on both databases: who waits, in which order, and for whom."""

from collections.abc import Sequence

import pytest

from rasa_qa_plugin.batches import Batch
from rasa_qa_plugin.opening import Opened
from rasa_qa_plugin.review.items import Example
from rasa_qa_plugin.review.queue import page
from rasa_qa_plugin.review.reranking import BackgroundReranker, Reranker
from rasa_qa_plugin.review.statistics import statistics
from rasa_qa_plugin.storage import annotations, queue, schema, search, turns
from rasa_qa_plugin.storage.annotations import Annotation
from rasa_qa_plugin.storage.engine import reading, transaction
from rasa_qa_plugin.storage.queue import Rank, Reread
from rasa_qa_plugin.storage.turns import Turn
from tests.conftest import Events, Open

TRAINING = [
    Example("hello there", "greet"),
    Example("good morning", "greet"),
    Example("how much is it", "price"),
    Example("what does it cost", "price"),
]
NOW = 1.7e9


def say(opened: Opened, events: Events, *texts: str, who: str = "ana") -> None:
    """Let a person who agreed say something; the bot always takes it for a greeting."""
    agreed = events.slot("qa_consent", "granted")
    opened.recorder.record(Batch(sender_id=who, events=[agreed]), now=NOW)
    for number, text in enumerate(texts):
        said = events.user(text, "greet", 0.9, message_id=f"{who}-{number}")
        batch = Batch(sender_id=who, events=[said, events.bot("ok")])
        opened.recorder.record(batch, now=NOW)


def answer(opened: Opened, text: str, intent: str) -> None:
    """Annotate all turns with this text."""
    with transaction(opened.engine) as connection:
        found = [turn for turn in search.find(connection) if turn.text == text]
        for turn in found:
            annotations.record(
                connection,
                Annotation(
                    turn_id=turn.turn_id,
                    text=text,
                    intent=intent,
                    entities=[],
                    source="test",
                    annotated_at=NOW,
                ),
            )
        turns.set_status(connection, [turn.turn_id for turn in found], "annotated")


def promoted(opened: Opened, text: str, intent: str) -> None:
    """Let another model, which is live now, read the turn with this text again."""
    turn = turn_of(opened, text)
    with transaction(opened.engine) as connection:
        made = Reread(turn.turn_id, intent, 0.99, 0.98)
        queue.write_reread(connection, {turn.turn_id: made})


def in_line(
    opened: Opened, *, size: int = 10, without: Sequence[str] = ()
) -> list[str]:
    with reading(opened.engine) as connection:
        groups = page(connection, size=size, without=without)
    return [group.turn.text or "" for group in groups]


def turn_of(opened: Opened, text: str) -> Turn:
    with reading(opened.engine) as connection:
        return next(turn for turn in search.find(connection) if turn.text == text)


def test_a_turn_waits_from_the_moment_it_is_saved(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, "where is my order")

    turn = turn_of(opened, "where is my order")

    assert in_line(opened) == ["where is my order"]
    assert turn.error_score is not None
    assert 0 < turn.error_score < 1
    assert turn.duplicate_key is not None
    assert turn.reasons is None


def test_people_who_did_not_agree_are_never_in_line(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    said = events.user("where is my order", "greet", 0.4)
    opened.recorder.record(Batch(sender_id="eva", events=[said]), now=NOW)
    Reranker(opened.engine, lambda: TRAINING).run()

    with reading(opened.engine) as connection:
        found = list(search.find(connection))
    assert in_line(opened) == []
    assert [turn.flags for turn in found] == [["low_confidence"]]
    assert found[0].error_score is not None
    assert found[0].duplicate_key is None


def test_turns_leave_the_line_with_their_words(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, "where is my order")
    Reranker(opened.engine, lambda: TRAINING).run()
    before = turn_of(opened, "where is my order")
    taken_back = events.slot("qa_consent", "withdrawn")
    opened.recorder.record(Batch(sender_id="ana", events=[taken_back]), now=NOW)

    with reading(opened.engine) as connection:
        after = turns.by_id(connection, [before.turn_id])[before.turn_id]
    assert in_line(opened) == []
    assert (after.duplicate_key, after.reasons, after.priority) == (None, None, None)


def test_what_says_the_same_is_read_once(open_store: Open, events: Events) -> None:
    opened = open_store()
    for who in ("ana", "luis", "eva"):
        say(opened, events, "Where is my order?", who=who)
    say(opened, events, "where is my orderr", "thanks for nothing", who="tom")
    Reranker(opened.engine, lambda: TRAINING).run()

    with reading(opened.engine) as connection:
        groups = page(connection)
    sizes = {(group.turn.text or "")[:8].lower(): group.size for group in groups}
    assert sizes == {"where is": 4, "thanks f": 1}
    assert groups[0].size == 4


def test_new_duplicates_do_not_fill_a_page_before_the_next_ranking(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    for number in range(6):
        say(opened, events, "Where is my order?", who=f"person {number}")
    say(opened, events, "thanks for nothing", who="tom")

    assert sorted(in_line(opened)) == ["Where is my order?", "thanks for nothing"]


def test_trained_answered_and_empty_words_are_not_shown(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, "Good morning!", "how much is it", "track it", "0991234567")
    say(opened, events, "track it", who="luis")
    answer(opened, "track it", "track")
    say(opened, events, "Track it!", who="eva")
    Reranker(opened.engine, lambda: TRAINING).run()

    # "how much is it" is trained as a price, and the bot took it for a greeting.
    assert in_line(opened) == ["how much is it"]
    assert turn_of(opened, "[PHONE]").priority is None


def test_errors_like_those_corrected_move_to_the_front(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(
        opened,
        events,
        "hello my friend",
        "when does the order come",
        "good day to all",
        "order arrived broken",
    )
    for number, text in enumerate(("where is my order", "has the order left")):
        say(opened, events, text, who=f"person {number}")
        answer(opened, text, "track")
    say(opened, events, "good morning friends", who="kim")
    answer(opened, "good morning friends", "greet")

    Reranker(opened.engine, lambda: TRAINING).run()

    assert set(in_line(opened)[:2]) == {
        "when does the order come",
        "order arrived broken",
    }
    turn = turn_of(opened, "order arrived broken")
    assert turn.reasons
    assert "learned" in turn.reasons
    fine = turn_of(opened, "hello my friend")
    assert turn.error_score is not None
    assert fine.error_score is not None
    assert turn.error_score > fine.error_score


def test_a_page_is_not_about_one_thing_only(open_store: Open, events: Events) -> None:
    opened = open_store()
    shoal = [
        f"where is my order number {word}" for word in "one two three four".split()
    ]
    say(opened, events, *shoal, "my fish smells", "please call back tomorrow")
    with transaction(opened.engine) as connection:
        waiting = {turn.text: turn for turn in search.find(connection)}
        queue.write_ranks(
            connection,
            [
                Rank(
                    turn_id=waiting[text].turn_id,
                    error_score=score,
                    reasons={},
                    duplicate_key=waiting[text].duplicate_key or "",
                    priority=score,
                )
                for text, score in [
                    *((text, 0.9) for text in shoal),
                    ("my fish smells", 0.2),
                    ("please call back tomorrow", 0.1),
                ]
            ],
        )

    shown = in_line(opened, size=3)
    assert sum(text in shoal for text in shown) == 1
    assert "my fish smells" in shown
    whole = in_line(opened, size=10)
    assert len(whole) == 6


def test_pages_leave_out_what_was_seen(open_store: Open, events: Events) -> None:
    opened = open_store()
    say(opened, events, "my fish smells", "please call back tomorrow")
    first = turn_of(opened, in_line(opened, size=1)[0])

    rest = in_line(opened, without=[first.turn_id])

    assert len(rest) == 1
    assert rest != [first.text]


def test_a_ranking_leaves_alone_what_was_answered_meanwhile(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, "my fish smells")
    turn = turn_of(opened, "my fish smells")
    answer(opened, "my fish smells", "complaint")

    with transaction(opened.engine) as connection:
        late = Rank(
            turn_id=turn.turn_id,
            error_score=0.01,
            reasons={"margin": -1.0},
            duplicate_key="late",
            priority=0.0,
        )
        queue.write_ranks(connection, [late])

    after = turn_of(opened, "my fish smells")
    assert after.error_score == turn.error_score
    assert after.duplicate_key is None


def test_what_the_bot_understands_by_now_falls_back_in_the_queue(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, "so what does it cost", "thanks for nothing", "you are late")
    reranker = Reranker(opened.engine, lambda: TRAINING)
    answer(opened, "you are late", "complaint")
    reranker.run()
    before = turn_of(opened, "so what does it cost")
    promoted(opened, "so what does it cost", "price")
    promoted(opened, "you are late", "complaint")
    reranker.run()

    after = turn_of(opened, "so what does it cost")
    assert (after.live_intent, after.live_confidence) == ("price", 0.99)
    assert (after.intent, after.confidence) == ("greet", 0.9)
    assert (after.error_score or 1) < (before.error_score or 0) / 2
    assert (after.priority or 1) < (before.priority or 0) / 2
    assert in_line(opened) == ["thanks for nothing", "so what does it cost"]
    # An answered turn keeps what it was answered by.
    assert turn_of(opened, "you are late").live_intent is None

    with transaction(opened.engine) as connection:
        assert queue.reread_by_now(connection) == [before.turn_id]
        queue.write_reread(connection, {before.turn_id: None})
    assert turn_of(opened, "so what does it cost").live_intent is None


def test_what_another_model_made_of_words_goes_with_them(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, "where is my order")
    turn = turn_of(opened, "where is my order")
    promoted(opened, "where is my order", "order")
    taken_back = events.slot("qa_consent", "withdrawn")
    opened.recorder.record(Batch(sender_id="ana", events=[taken_back]), now=NOW)

    with reading(opened.engine) as connection:
        after = turns.by_id(connection, [turn.turn_id])[turn.turn_id]
    assert (after.text, after.live_intent, after.live_confidence) == (None, None, None)


def test_a_turn_that_waits_again_is_what_the_bot_said(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, "where is my order")
    turn = turn_of(opened, "where is my order")
    promoted(opened, "where is my order", "order")
    with transaction(opened.engine) as connection:
        turns.set_status(connection, [turn.turn_id], "rejected")
    assert turn_of(opened, "where is my order").live_intent == "order"

    with transaction(opened.engine) as connection:
        assert turns.reopen(connection, [turn.turn_id]) == 1
    assert turn_of(opened, "where is my order").live_intent is None


def test_the_error_score_is_judged_by_what_it_was_about(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, "so what does it cost")
    promoted(opened, "so what does it cost", "price")
    Reranker(opened.engine, lambda: TRAINING).run()
    answer(opened, "so what does it cost", "price")

    with reading(opened.engine) as connection:
        figures = statistics(connection)
    (score,) = figures.error_score.bins
    assert (score.count, score.observed) == (1, 0.0)
    # The bot had said something else, and that is what its accuracy is about.
    assert figures.accepted_share == 0.0


def test_saying_it_again_flags_the_turn_before(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, "where is my order", "WHERE is my order!!", "thanks a lot")

    assert "repeated" in turn_of(opened, "where is my order").flags
    assert "repeated" not in turn_of(opened, "WHERE is my order!!").flags


def test_the_background_ranks_when_asked_and_outlives_an_outage(
    open_store: Open, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    opened = open_store()
    say(opened, events, "my fish smells")
    reranker = Reranker(opened.engine, lambda: TRAINING)
    done = threading.Event()
    fails = iter([True, False])
    run = reranker.run

    def watched() -> object:
        from rasa_qa_plugin.errors import StorageError

        try:
            if next(fails, False):
                raise StorageError("database: gone; try again")
            return run()
        finally:
            done.set()

    monkeypatch.setattr(reranker, "run", watched)
    background = BackgroundReranker(reranker)
    turn = turn_of(opened, "my fish smells")
    for _ in range(2):
        done.clear()
        background.ask()
        assert done.wait(60)
    background.close()
    background._thread.join(60)

    judged = background.judgement(turn.turn_id)
    assert judged is not None
    assert turn_of(opened, "my fish smells").error_score == judged.error_score


def test_a_defect_in_a_ranking_is_told_without_a_word_and_the_next_one_works(
    open_store: Open, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    opened = open_store()
    say(opened, events, "my fish smells")
    faults = iter([ValueError("my fish smells")])

    def training() -> Sequence[Example]:
        for fault in faults:
            raise fault
        return TRAINING

    background = BackgroundReranker(Reranker(opened.engine, training))
    problems = []
    for served in (1, 2):
        background.ask()
        while background._thread.is_alive() and background.served < served:
            background._thread.join(0.01)
        problems.append(background.problem)
    background.close()
    background._thread.join(60)

    assert background.served == 2
    assert problems == [
        "ranking: failed (ValueError); tell the maintainers how it came about",
        None,
    ]
    assert "smells" not in caplog.text


def test_turns_that_were_never_ranked_come_before_those_that_were(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, "my fish smells", "where is my order")
    old = turn_of(opened, "my fish smells")
    with transaction(opened.engine) as connection:
        connection.execute(  # as an upgrade leaves them
            schema.turns.update()
            .where(schema.turns.c.turn_id == old.turn_id)
            .values(error_score=None, priority=None)
        )

    with reading(opened.engine) as connection:
        (first,) = queue.waiting(connection, most=1)

    assert first.turn_id == old.turn_id


def test_what_is_like_an_answered_text_waits_whoever_says_that_text_again(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(opened, events, "where is my order")
    answer(opened, "where is my order", "track")
    say(opened, events, "where is my orderr", who="tom")
    Reranker(opened.engine, lambda: TRAINING).run()
    assert in_line(opened) == ["where is my orderr"]

    say(opened, events, "Where is my order?", who="luis")
    Reranker(opened.engine, lambda: TRAINING).run()

    assert in_line(opened) == ["where is my orderr"]


def test_words_that_teach_nothing_never_wait(open_store: Open, events: Events) -> None:
    opened = open_store()
    say(opened, events, "0991234567", "???", "where is my order")

    assert in_line(opened) == ["where is my order"]
    Reranker(opened.engine, lambda: TRAINING).run()
    assert in_line(opened) == ["where is my order"]


def test_what_was_answered_is_listed_behind_what_waits(
    open_store: Open, events: Events
) -> None:
    opened = open_store()
    say(
        opened, events, "my fish smells", "please call back tomorrow", "where is it now"
    )
    answer(opened, "my fish smells", "complaint")

    with reading(opened.engine) as connection:
        listed = [turn.text for turn in search.find(connection)]
        first = next(search.find(connection, limit=1))
        rest = [turn.text for turn in search.find(connection, after=first)]
    assert listed[-1] == "my fish smells"
    assert rest == listed[1:]
