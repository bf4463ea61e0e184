"""When a conversation is handed over: the rules, one table each."""

from importlib import resources
from typing import Any

import pytest

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.policy.handover_rules import Decision, Judge, Keyword, Rules, Said
from rasa_qa_plugin.policy.phrases import Phrases, clauses, stem
from rasa_qa_plugin.policy.sentiment import lexicon, sentiment


def said(text: str | None, confidence: float = 0.9, **more: Any) -> Said:
    return Said(text=text, confidence=confidence, **{"intent": "other", **more})


def decide(
    *messages: Said, turns: int = 0, own_form: bool = False, **keys: Any
) -> Decision | None:
    judge = Judge(Rules.from_config(keys))
    *earlier, latest = messages
    return judge.on_message(
        latest,
        reversed(earlier),
        turns_without_success=turns,
        in_own_form=own_form,
    )


def reason(*messages: Said, **more: Any) -> str | None:
    decision = decide(*messages, **more)
    return decision and decision.reason


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("es urgente", ["urgent"]),
        ("¡URGENTES!", ["urgent"]),
        ("urgentísimo", ["urgent"]),
        ("responda urgentemente", ["urgent"]),
        ("tengo una urgencia", ["urgent"]),
        ("no funciona", ["failure"]),
        ("NO ME FUNCIONÓ la página", ["failure"]),
        ("no están funcionando", ["failure"]),
        ("hay errores críticos", ["failure"]),
        ("error critico y urgente", ["urgent", "failure"]),
        ("esto es una ESTAFA", ["fraud"]),
        ("it doesn\u2019t work", ["failure"]),
        ("it's not working", ["failure"]),
        ("this is urgent!!!", ["urgent"]),
        ("sounds like a scam", ["fraud"]),
    ],
)
def test_keywords_are_found_with_accents_and_in_any_form(
    text: str, tags: list[str]
) -> None:
    decision = decide(said(text))

    assert decision is not None
    assert (decision.reason, decision.tags, decision.priority) == (
        "keyword", tags, "high",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "no es urgente", "no tengo urgencia", "nada urgente", "it is not urgent",
        "nothing urgent", "no hay ningún error crítico", "no es una estafa",
        "¿le sirve el viernes?", "no, gracias, funciona bien", "no sé si funciona",
        "works fine", "¿cómo funciona el pedido?", "¿cuánto cuesta la caja de 16/20?",
        "how much is the box", "busco un agente aduanero", "i need a customs agent",
        "soy una persona ocupada", "necesito 500 cajas para una persona",
        "somos una empresa humana", "what is your agent's commission", "16/20", "👍",
        "no quiero hablar con un asesor", "i don't want to talk to an agent",
    ],
)  # fmt: skip
def test_ordinary_messages_hand_nothing_over(text: str) -> None:
    assert decide(said(text), sentiment=True) is None


@pytest.mark.parametrize(
    "text",
    [
        "quiero hablar con una persona", "Quisiera hablar ya mismo con un ASESOR",
        "páseme con un agente", "pásame con un humano por favor", "quiero un humano",
        "comuníqueme con alguien", "¿me atiende una persona real?",
        "i want to talk to a human", "can I speak with somebody?", "i need a human",
        "transfer me to an agent", "let me chat with a real person",
    ],
)  # fmt: skip
def test_a_wish_for_a_person_is_understood_in_words(text: str) -> None:
    assert reason(said(text)) == "asked"


def test_a_wish_by_intent_counts_by_button_too_and_in_a_form_of_ours() -> None:
    wish = said(None, intent="qa_human")

    assert reason(wish) == "asked"
    assert reason(wish, own_form=True) == "asked"
    assert reason(said("hi", intent="ask_human"), human_intents=["ask_human"]) == (
        "asked"
    )
    assert reason(said("vendedor porfa"), human_phrases=["vendedor"]) == "asked"
    assert reason(said("hablar con una persona"), human_phrases=[]) is None


@pytest.mark.parametrize(
    ("message", "own_form"),
    [
        (said(None, 0.0, intent="greet"), False),
        (said("es urgente"), True),
        (said("esa respuesta no me sirve", intent="qa_feedback_negative"), False),
        (said("odio esto, es horrible, urgente", intent="qa_comment"), False),
    ],
)
def test_buttons_and_our_own_dialogues_are_no_cases(
    message: Said, *, own_form: bool
) -> None:
    assert reason(message, own_form=own_form, sentiment=True) is None


LOW, SURE = said("xyz", 0.2), said("hola", 0.9)
FELL_BACK = said("abc", 0.9, fell_back=True)
NAME = said("Ana", 0.1, in_form=True)


@pytest.mark.parametrize(
    ("messages", "fires"),
    [
        ([LOW, LOW, LOW], True),
        ([LOW, FELL_BACK, LOW], True),
        ([LOW, LOW], False),
        ([LOW, LOW, SURE, LOW], False),
        ([LOW, LOW, said(None, 0.0), LOW], False),
        ([LOW, NAME, LOW, NAME, LOW], True),
        ([NAME, NAME, NAME], False),
        ([said("xyz", 0.4)] * 3, False),
    ],
)
def test_messages_that_are_not_understood_count_in_a_row(
    messages: list[Said], *, fires: bool
) -> None:
    assert (reason(*messages) == "low_confidence") is fires
    assert reason(*messages, low_confidence_turns=0) is None


def test_many_turns_without_success_hand_over_only_when_asked_to() -> None:
    asked = {"turns_without_success": 5, "success_actions": ["action_quote"]}

    assert reason(SURE, turns=6, **asked) == "no_success"
    assert reason(SURE, turns=5, **asked) is None
    assert reason(SURE, turns=99) is None


def test_bad_ratings_are_counted() -> None:
    judge = Judge(Rules())
    assert judge.on_bad_rating(1) is None
    decision = judge.on_bad_rating(2)
    assert decision is not None
    assert decision.reason == "negative_feedback"
    assert Judge(Rules(negative_feedback=0)).on_bad_rating(9) is None


@pytest.mark.parametrize(
    ("text", "angry"),
    [
        ("qué pésimo servicio, estoy harto", True),
        ("esto es horrible y una vergüenza, muy enojado", True),
        ("horrible service, I am so angry", True),
        ("worst bot ever, useless garbage", True),
        ("no está nada mal, gracias", False),
        ("un problema pequeño con la caja", False),
        ("perfecto, muchas gracias", False),
        ("not bad at all, thank you", False),
        ("hay un error en la factura", False),
    ],
)
def test_sentiment_is_asked_for_and_knows_what_no_means(
    text: str, *, angry: bool
) -> None:
    assert (reason(said(text), sentiment=True) == "sentiment") is angry
    assert reason(said(text)) is None


def test_a_no_turns_a_rating_around() -> None:
    assert sentiment("bueno") > 0 > sentiment("no es bueno")
    assert sentiment("good") > 0 > sentiment("not good")
    assert sentiment("malo") < 0 < sentiment("nada malo")
    assert sentiment("") == 0


def test_no_stem_of_the_lexicon_has_two_ratings() -> None:
    rated: dict[str, set[str]] = {}
    path = resources.files("rasa_qa_plugin.policy") / "sentiment.txt"
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            value, *words = line.split()
            for word in words:
                assert word.isascii()
                rated.setdefault(stem(word), set()).add(value)

    assert {one: sorted(many) for one, many in rated.items() if len(many) > 1} == {}
    assert set(lexicon()) == set(rated)


def test_queue_and_tag_come_from_the_keyword() -> None:
    keys = {
        "keywords": [
            "humo",
            {"words": ["factura"], "tag": "billing", "priority": "low"},
            {"words": ["incendio"], "tag": "fire", "queue": "firemen"},
        ],
        "queues": {"billing": "accounts", "asked": "people"},
        "queue": "desk",
    }
    plain, billing, fire, wish = (
        decide(said(text), **keys) or Decision(reason="none", queue="none")
        for text in ("hay humo", "mis facturas", "un incendio", "quiero un humano")
    )

    assert (plain.queue, plain.tags, plain.priority) == ("desk", [], "high")
    assert (billing.queue, billing.tags, billing.priority) == (
        "accounts", ["billing"], "low",
    )  # fmt: skip
    assert (fire.queue, wish.queue) == ("firemen", "people")
    both = decide(said("factura del incendio"), **keys)
    assert both is not None
    assert (both.tags, both.priority) == (["billing", "fire"], "high")
    assert decide(said("es urgente"), **keys) is None  # they replace ours


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"low_confidense": 0.4}, "low_confidense: unknown key; choose from priority"),
        ({"low_confidence": 1.4}, "low_confidence: not a number from 0 to 1"),
        ({"low_confidence_turns": -1}, "low_confidence_turns: not a whole number"),
        ({"keywords": "urgente"}, "keywords: not a list"),
        ({"keywords": [{"words": ["x"], "que": "y"}]}, "keywords: not a list of texts"),
        ({"keywords": ["¡!"]}, "keywords: holds an entry without a word"),
        ({"keywords": [{"words": ["x"], "tag": "a b"}]}, "keywords: holds a queue or"),
        ({"queues": {"urgent": "the boss"}}, "queues: holds a queue or tag"),
        ({"pause": "yes, please"}, "pause: not true or false"),
        ({"turns_without_success": 3}, "turns_without_success: needs success_actions"),
    ],
)
def test_a_wrong_key_is_told_in_one_line_without_its_value(
    keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Judge(Rules.from_config(keys))

    told = str(caught.value)
    assert told.startswith(f"config.yml: EscalationPolicy.{message}")
    assert "\n" not in told
    for value in ("1.4", "the boss", "yes, please", "a b"):
        assert value not in told


def test_every_key_has_its_line_and_stands_in_the_docstring() -> None:
    from rasa_qa_plugin import EscalationPolicy
    from rasa_qa_plugin.policy.handover_rules import _EXPECTED

    assert set(_EXPECTED) == set(Rules.__struct_fields__)
    for key in Rules.__struct_fields__:
        assert f"``{key}``" in (EscalationPolicy.__doc__ or "")
    assert Rules.from_config({}) == Rules()
    assert all(isinstance(one, Keyword) for one in Rules().keywords)


def test_clauses_part_at_punctuation_and_fold() -> None:
    assert [clause.words for clause in clauses("¡NO funciona!, doesn't work")] == [
        ["no", "funciona"], ["does", "not", "work"],
    ]  # fmt: skip
    assert not Phrases(["no funciona"]).are_in(clauses("no. funciona"))


def test_of_a_very_long_text_only_the_beginning_counts() -> None:
    assert reason(said(f"es urgente {'camarones ' * 10_000}")) == "keyword"
    assert sum(len(one.words) for one in clauses("camarones " * 10_000)) == 100
