"""Reading people's words as intents of ours, for any bot."""

from pathlib import Path

import pytest

from rasa_qa_plugin.own_intents.understanding import Understanding
from rasa_qa_plugin.own_intents.utterances import (
    OWN_INTENTS,
    ordinary,
    plain,
    utterances,
)

BOT = [
    ("hola", "greet"),
    ("quiero pedir camarón", "order"),
    ("borra mis datos", "qa_forget_me"),
    ("que mis palabras se esfumen", "qa_forget_me"),
    ("me interesa que un agente de ustedes me llame", "ask_callback"),
    ("guarden mis mensajes", "qa_consent_grant"),
    ("no guarden mis mensajes", "qa_consent_deny"),
    ("quiero hablar con alguien", "qa_human"),
]


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    learned = Understanding.learn(BOT)
    assert learned is not None
    return learned


def intent_of(understanding: Understanding, text: str) -> str | None:
    reading = understanding.read(text)
    return reading and reading.intent


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("por favor eliminen todo lo que escribí", "qa_forget_me"),
        ("DELETE MY DATA", "qa_forget_me"),
        ("I'd rather you did not store my messages", "qa_consent_deny"),
        ("necesito hablar con un asesor", "qa_human"),
        ("olvide la factura", None),
        ("cuánto cuesta la langosta", None),
        ("", None),
        ("👍", None),
        # Of an intent that this bot does not have.
        ("what do you have about me?", None),
    ],
)
def test_words_about_ours_are_understood_and_others_left(
    understanding: Understanding, text: str, intent: str | None
) -> None:
    assert intent_of(understanding, text) == intent


def test_a_bot_is_right_about_its_own_examples(understanding: Understanding) -> None:
    for text, intent in BOT:
        meant = intent if intent in OWN_INTENTS else None
        assert intent_of(understanding, text) == meant, text


def test_the_words_of_a_long_message_are_read_where_they_stand(
    understanding: Understanding,
) -> None:
    talk = "quiero un camarón entero y dos cajas de cola " * 20

    assert (
        intent_of(understanding, f"{talk} por favor borren todos mis datos")
        == "qa_forget_me"
    )
    assert (
        intent_of(understanding, f"por favor borren todos mis datos. {talk}")
        == "qa_forget_me"
    )
    assert intent_of(understanding, talk) is None


def test_permission_is_only_read_where_it_is_likelier_than_all_else(
    understanding: Understanding,
) -> None:
    said = [text for intent in OWN_INTENTS for text in utterances(intent)]
    readings = [reading for text in said if (reading := understanding.read(text))]
    given = [one for one in readings if one.intent == "qa_consent_grant"]

    assert given
    assert min(reading.confidence for reading in given) >= 0.5


def test_a_loaded_one_reads_the_same_and_the_same_data_give_the_same_bytes(
    understanding: Understanding, tmp_path: Path
) -> None:
    again = Understanding.learn(BOT)
    assert again is not None
    for name, one in (("a.npz", understanding), ("b.npz", again)):
        one.save(tmp_path / name)
    loaded = Understanding.load(tmp_path / "a.npz")
    assert loaded is not None

    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert loaded.intents == understanding.intents
    for text in [*utterances("qa_human"), *utterances("qa_feedback_negative")]:
        one, other = loaded.read(text), understanding.read(text)
        assert intent_of(loaded, text) == intent_of(understanding, text)
        if one and other:
            assert one.confidence == pytest.approx(other.confidence, abs=0.01)


def test_a_bot_without_intents_of_ours_learns_nothing() -> None:
    assert Understanding.learn([("hola", "greet"), ("adiós", None)]) is None
    assert Understanding.learn([]) is None


def test_a_bot_with_nothing_else_learns_too() -> None:
    learned = Understanding.learn([("borra mis datos", "qa_forget_me")])

    assert learned is not None
    assert intent_of(learned, "eliminen mis mensajes") == "qa_forget_me"


def test_words_that_act_at_once_count_only_as_they_are_written() -> None:
    learned = Understanding.learn([*BOT, ("sí, borrar todo", "qa_forget_confirm")])
    assert learned is not None

    assert intent_of(learned, "Yes, delete everything!") == "qa_forget_confirm"
    assert intent_of(learned, "yes, please delete everything now") != (
        "qa_forget_confirm"
    )


def test_no_utterance_stands_for_two_things() -> None:
    said = [plain(text) for intent in OWN_INTENTS for text in utterances(intent)]
    said += map(plain, ordinary())

    assert len(set(said)) == len(said)
    assert all(said)
