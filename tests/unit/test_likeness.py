"""Texts that nearly say the same are found among many, all of them and no others."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rasa_qa_plugin.review.likeness import Twins
from rasa_qa_plugin.review.wording import folded, similarity

WORDS = (
    "a cajas caja camarón camaron cuánto cuesta 1234 12345 la las el [PHONE] 😀".split()
)
TEXTS = st.lists(
    st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join), max_size=14
)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from([0.5, 0.75, 0.9, 1.0]))
def test_exactly_the_pairs_that_are_alike_are_found(
    texts: list[str], least: float
) -> None:
    twins = Twins(texts, least=least)
    for number, text in enumerate(texts):
        alike = {
            (other, round(similarity(folded(text), folded(texts[other])), 6))
            for other in range(number)
            if similarity(folded(text), folded(texts[other])) >= least - 1e-9
        }
        found = [(one.number, round(one.similarity, 6)) for one in twins.before(number)]
        assert set(found) == alike
        assert len(found) == len(alike)
        assert [share for _, share in found] == sorted(
            (share for _, share in found), reverse=True
        )


def test_a_template_that_is_filled_in_many_ways_gives_few_twins_for_each() -> None:
    texts = [f"quiero saber el estado de mi pedido {number}" for number in range(2000)]
    twins = Twins([*texts, *texts], least=0.8)
    assert next(twins.before(0), None) is None
    for number in (1, 1999, 3999):
        found = [one.number for one in twins.before(number)]
        assert 0 < len(found) < 1000
        assert all(other < number for other in found)
