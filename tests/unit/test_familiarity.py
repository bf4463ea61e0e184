"""How a text fits the training data."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_qa_plugin.review import familiarity
from rasa_qa_plugin.review.familiarity import Familiarity, Fit
from rasa_qa_plugin.settings import ReviewSettings

EXAMPLES = [
    ("¿Cuánto cuesta el camarón?", "price"),
    ("dame el precio del atún", "price"),
    ("precio de la langosta por libra", "price"),
    ("hola, buenos días", "greet"),
    ("buenas tardes", "greet"),
    ("adiós y gracias", "bye"),
    ("quiero hablar con Ana, 0991234567", "agent"),
]


@pytest.fixture(scope="module")
def trained() -> Familiarity:
    return Familiarity.learn(EXAMPLES)


def novelty(trained: Familiarity, text: str) -> float:
    found = trained.fit(text, None).novelty
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text", ["CUANTO CUESTA EL CAMARON", "camarón el cuesta cuánto"]
)
def test_an_examples_own_words_are_nothing_new(trained: Familiarity, text: str) -> None:
    assert trained.fit(text, "price") == Fit(
        novelty=0.0, unknown_words=0.0, agreement=1.0
    )


def test_what_shares_nothing_is_all_new(trained: Familiarity) -> None:
    assert trained.fit("zzz qqq", "price") == Fit(novelty=1.0, unknown_words=1.0)


@pytest.mark.parametrize(
    ("spelled", "other"),
    [("dame los precios", "dame los zapatos"), ("buenas tarfes", "buenas piscinas")],
)
def test_inflection_and_typing_errors_are_less_new_than_other_words(
    trained: Familiarity, spelled: str, other: str
) -> None:
    assert novelty(trained, spelled) < novelty(trained, other)


def test_unknown_words_are_counted_as_written(trained: Familiarity) -> None:
    assert trained.fit("precio del tiburón, precio", None).unknown_words == 0.3333


def test_numbers_are_one_word(trained: Familiarity, tmp_path: Path) -> None:
    assert trained.fit("0987", None).unknown_words == 0.0
    trained.save(tmp_path / "it.npz")
    with np.load(tmp_path / "it.npz", allow_pickle=False) as data:
        assert b"0991234567" not in b"".join(data[name].tobytes() for name in data)


@pytest.mark.parametrize(
    ("intent", "agreement"),
    [("price", 1.0), ("greet", 0.0), ("new", 0.0), (None, None)],
)
def test_agreement_says_whether_what_is_near_carries_the_intent(
    trained: Familiarity, intent: str | None, agreement: float | None
) -> None:
    assert trained.fit("precio de la langosta", intent).agreement == agreement


def test_agreement_counts_the_nearer_ones_more() -> None:
    trained = Familiarity.learn(
        [("red wine please", "buy"), ("red wine", "ask"), ("blue cheese", "sell")]
    )

    near = trained.fit("red wine please", "buy").agreement
    far = trained.fit("red wine please", "ask").agreement

    assert near is not None
    assert far is not None
    assert 0 < far < 0.5 < near < 1
    assert near + far == pytest.approx(1)


@pytest.mark.parametrize("text", ["", "  ", "¿?", "😀"])
def test_a_text_without_words_is_not_compared(trained: Familiarity, text: str) -> None:
    assert trained.fit(text, "price") == Fit()


@pytest.mark.parametrize("examples", [[], [("", "price")]])
def test_without_examples_nothing_is_compared(
    examples: list[tuple[str, str]], tmp_path: Path
) -> None:
    Familiarity.learn(examples).save(tmp_path / "it.npz")

    loaded = Familiarity.load(tmp_path / "it.npz")

    assert loaded is not None
    assert loaded.fit("hola", "price") == Fit()


def test_examples_without_an_intent_are_known_too() -> None:
    trained = Familiarity.learn([("a large pizza", None), ("hello there", "greet")])

    assert trained.fit("a large pizza", "greet") == Fit(
        novelty=0.0, unknown_words=0.0, agreement=0.0
    )


@given(st.text(max_size=60) | st.text("camrónes prc0 ", max_size=60))
def test_all_figures_lie_between_0_and_1(text: str) -> None:
    fit = Familiarity.learn(EXAMPLES).fit(text, "price")

    for figure in (fit.novelty, fit.unknown_words, fit.agreement):
        assert figure is None or 0.0 <= figure <= 1.0


def test_a_long_text_looks_for_few_spellings(
    trained: Familiarity, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    likest = familiarity._Spelling.likest
    monkeypatch.setattr(
        familiarity._Spelling,
        "likest",
        lambda self, word: (asked.append(word), likest(self, word))[1],
    )
    words = [f"precio{chr(97 + n % 26)}x{chr(97 + n // 26)}" for n in range(400)]

    fit = trained.fit(" ".join(words), "price")

    assert len(asked) == 20
    assert fit.unknown_words == 1.0


def test_what_is_loaded_tells_the_same(trained: Familiarity, tmp_path: Path) -> None:
    texts = ["dame los precios", "buenos dias Ana", "zzz", "hola hola", ""]
    trained.save(tmp_path / "it.npz")

    loaded = Familiarity.load(tmp_path / "it.npz")

    assert loaded is not None
    assert [loaded.fit(text, "price") for text in texts] == [
        trained.fit(text, "price") for text in texts
    ]


def test_the_same_examples_give_the_same_file(tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz"):
        Familiarity.learn([*EXAMPLES, *EXAMPLES]).save(tmp_path / name)

    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_a_file_of_another_release_is_passed_over(
    trained: Familiarity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(familiarity, "FORMAT", 99)
    trained.save(tmp_path / "it.npz")
    monkeypatch.undo()

    assert Familiarity.load(tmp_path / "it.npz") is None


def test_one_limit_serves_small_bots_and_large_ones() -> None:
    chosen = random.Random(5)
    words = [f"{a}{b}{c}" for a in "bdklmst" for b in "aeio" for c in "bdgnprz"]
    topics = [chosen.sample(words, 12) for _ in range(10)]

    def said(vocabulary: list[str]) -> str:
        return " ".join(chosen.sample(vocabulary, 5))

    limit = ReviewSettings().novelty
    known = [said(topic) for topic in topics[:8] for _ in range(50)]
    strange = [said(topic) for topic in topics[8:] for _ in range(50)]
    for each in (6, 100):
        trained = Familiarity.learn(
            [(said(topic), "any") for topic in topics[:8] for _ in range(each)]
        )
        flagged = [
            sum(novelty(trained, text) >= limit for text in texts) / len(texts)
            for texts in (known, strange)
        ]
        assert flagged[0] < 0.1, each
        assert flagged[1] > 0.7, each
