"""The engine: equal to Presidio's own, final, linear, and silent on the network."""

import random
import socket
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerResult
from presidio_analyzer.predefined_recognizers import EmailRecognizer

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.privacy.engine import (
    ENTITY_TYPES,
    PrivacyEngine,
    windows,
)
from rasa_qa_plugin.privacy.guests import spans_of
from rasa_qa_plugin.privacy.passage import BARRIER, Passage, fill, plain_text
from rasa_qa_plugin.privacy.recognizers.base import LANGUAGES
from rasa_qa_plugin.privacy.spans import Span
from rasa_qa_plugin.settings import PrivacySettings, parse_settings

ENGINE = PrivacyEngine(PrivacySettings())

PIECES = (
    "me llamo|soy|Ana María|juan perez|y|mi celular es|tel.|cédula|nit|cuenta|tarjeta|"
    "0991234567|099 123 4567|5512-3456|+593 99 123 4567|1712345675|576937-K|"
    "4111111111111111|20 kg|16/20|factura|45001|,|;|.|vivo en|Av. Quito 123|calle 12|"
    "zona 10|direccion:|ana@example.org|@|[PHONE]|[NAME_2]|123 Main St|12345|1234567|o|"
    "necesito|hola|my name is|John|ID|AB123456|(|)|\n|K|001-002-000123456|12/05/2024|"
    "Mz|villa 3|de la|í|\uff0b|🙂|\u200b|a@b.example|IBAN ES9121000418450200051332"
).split("|")
texts = st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join)


def masked(text: str, found: list[Span]) -> str:
    out, position = "", 0
    for span in found:
        out += text[position : span.start] + f"[{span.entity_type}]"
        position = span.end
    return out + text[position:]


def some_texts(count: int) -> list[str]:
    chosen = random.Random(20)
    return [
        chosen.choice((" ", " ", "")).join(
            chosen.choice(PIECES) for _ in range(chosen.randrange(1, 10))
        )
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def analyzer() -> AnalyzerEngine:
    return ENGINE.analyzer()


@pytest.mark.parametrize("language", LANGUAGES)
def test_engine_gives_what_presidio_gives(
    analyzer: AnalyzerEngine, language: str
) -> None:
    def scan(passage: Passage) -> list[Span]:
        return spans_of(
            analyzer.analyze(
                passage.text, language=language, return_decision_process=True
            )
        )

    found = 0
    for text in some_texts(400):
        expected = [span_place(span) for span in ENGINE.settle(text, scan)]
        assert [span_place(span) for span in ENGINE.find(text)] == expected, text
        found += len(expected)
    assert found > 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_gated_runner_is_identical_to_the_analyzer_engine(
    analyzer: AnalyzerEngine, language: str
) -> None:
    differences = [
        text
        for text in some_texts(15_000)
        if places(analyzer.analyze(text, language=language))
        != places(results_of(ENGINE.candidates(Passage(text))))
    ]
    assert differences == []


def span_place(span: Span) -> tuple[int, int, str, float]:
    return span.start, span.end, span.entity_type, span.score


def results_of(spans: list[Span]) -> list[RecognizerResult]:
    return EntityRecognizer.remove_duplicates(
        [RecognizerResult(s.entity_type, s.start, s.end, s.score) for s in spans]
    )


def places(results: list[RecognizerResult]) -> set[tuple[str, int, int, float]]:
    return {(r.entity_type, r.start, r.end, round(r.score, 4)) for r in results}


def test_recognizers_work_one_by_one_in_presidio(analyzer: AnalyzerEngine) -> None:
    assert set(analyzer.get_supported_entities("en")) == set(ENTITY_TYPES)
    results = analyzer.analyze(
        "tel 0991234567 ana@example.org", language="en", entities=["EMAIL"]
    )
    assert [result.entity_type for result in results] == ["EMAIL"]


def test_no_connection_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    engine = PrivacyEngine(PrivacySettings())
    assert engine.find("ana@example.org")
    analyzer = engine.analyzer()
    analyzer.registry.add_recognizer(EmailRecognizer())
    assert analyzer.analyze("ana@example.org", language="en")


@given(texts)
@example("factura ana@example.org 5512-3456")
@example("1712345675 1712345675001 kg")
def test_nothing_more_is_found_in_a_masked_text(text: str) -> None:
    assert ENGINE.find(masked(text, ENGINE.find(text))) == []


@given(st.text(max_size=200))
def test_any_text_is_scanned_without_error(text: str) -> None:
    found = ENGINE.find(text)
    assert all(0 <= span.start < span.end <= len(text) for span in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@given(st.text(max_size=60))
def test_views_of_a_text_keep_its_length(text: str) -> None:
    passage = Passage(text)
    assert len(passage.raw) == len(passage.plain) == len(plain_text(text)) == len(text)


def test_views_read_all_scripts_alike() -> None:
    passage = Passage("Ñandú \uff14\uff12 ٣ \u2013\u2014\u00a0\t")
    assert passage.plain == "nandu 42 3 --  "
    assert passage.raw == "Ñandú 42 3 --  "


@given(texts, st.text(max_size=20))
def test_gate_shuts_out_nothing_that_would_be_found(text: str, more: str) -> None:
    for written in (text, text.upper(), text + more):
        if ENGINE.is_clear(written):
            assert ENGINE.settle(written, ENGINE.candidates) == []
        passage = Passage(written)
        for recognizer in ENGINE._recognizers:
            if not recognizer.may_hold(passage):
                assert recognizer.find(passage) == []


def test_words_of_the_gate_are_as_recognizers_see_them() -> None:
    for recognizer in ENGINE._recognizers:
        for word in recognizer.gate_words:
            assert Passage(word).words == {word}
            text = f"ah, {word.upper()}!"
            assert ENGINE.is_clear(text) is not any(
                other.opens(text, Passage(text).words) for other in ENGINE._recognizers
            )


@given(texts)
def test_accents_typed_apart_are_read_like_joined_ones(text: str) -> None:
    for written in (text, text + " cédula 54321 José"):
        apart = unicodedata.normalize("NFD", written)
        assert [
            unicodedata.normalize("NFC", apart[span.start : span.end])
            for span in ENGINE.find(apart)
        ] == [
            unicodedata.normalize("NFC", written[span.start : span.end])
            for span in ENGINE.find(unicodedata.normalize("NFC", written))
        ]


def test_filling_keeps_offsets() -> None:
    text = "tel 0991234567 ok"
    assert fill(text, ENGINE.find(text)) == f"tel {BARRIER * 10} ok"


HOSTILE = {
    "a.": "a.",
    "dots": ".",
    "colons": "::",
    "a.b-@": "a.b-@",
    "at signs": "@",
    "a@": "a@",
    "1 1": "1 ",
    "12345": "12345 ",
    "one digit": "1",
    "a-b": "a-b-",
    "streets": "calle a 1 ",
    "avenues": "av a ",
    "english": "1 a b c st. ",
    "names": "me llamo ana ",
    "titles": "sr. ",
    "more titles": "Sr Sra ",
    "initials": "soy A. ",
    "blanks": " ",
    "wide": "1    ",
    "phones": "tel 0991234567 ",
    "plus": "+",
    "brackets": "((1",
    "codes": "a1-",
    "iban": "es91 2100 ",
    "barriers": BARRIER,
    "tokens": "[PHONE] ",
    "zero width": "\u200b1",
    "cards": "4111 1111 1111 1111 ",
    "directions": "direccion: a 1 ",
    "spelled": "a arroba b punto ",
    "quotes": "o'",
    "blocks": "mz 1 villa ",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_scanned_to_the_end(name: str) -> None:
    # A quadratic pattern needs minutes for this; every piece of it must stay masked.
    text = (HOSTILE[name] * 20_000)[:20_000] + " ana@example.org"
    found = ENGINE.find(text)
    assert found[-1].end == len(text)


def test_long_text_is_scanned_as_a_whole_and_its_offsets_hold() -> None:
    words = ["palabra"] * 3000
    for place in (0, 400, 401, 444, 1000, 1499, 2999):
        words[place] = "0991234567"
    text = " ".join(words)
    found = ENGINE.find(text)
    assert len(found) == 7
    assert {text[span.start : span.end] for span in found} == {"0991234567"}


@pytest.mark.parametrize("shift", range(0, 40, 3))
def test_cue_and_number_are_read_together_wherever_a_window_ends(shift: int) -> None:
    text = "a" * (3970 + shift) + " cédula 54321 " + "b " * 300
    assert [text[s.start : s.end] for s in ENGINE.find(text)] == ["54321"]


@given(st.integers(0, 12000), st.integers(0, 50))
def test_windows_cover_everything_and_overlap(size: int, seed: int) -> None:
    chosen = random.Random(seed)
    text = "".join(chosen.choice("ab ") for _ in range(size))
    pieces = list(windows(text))
    assert all(text[start : start + len(piece)] == piece for start, piece in pieces)
    assert all(len(piece) <= 4000 for _, piece in pieces)
    assert pieces[-1][0] + len(pieces[-1][1]) == size
    for (start, piece), (after, _) in pairwise(pieces):
        assert after < start + len(piece)


def test_threads_share_an_engine() -> None:
    all_texts = some_texts(300)
    alone = [ENGINE.find(text) for text in all_texts]
    engine = PrivacyEngine(PrivacySettings())
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(engine.find, all_texts)) == alone


def test_settings_and_tokens_do_not_load_presidio() -> None:
    code = (
        "import sys, rasa_qa_plugin.settings, rasa_qa_plugin.privacy.tokens, "
        "rasa_qa_plugin.privacy.field_types, rasa_qa_plugin.privacy.withheld; "
        "assert 'presidio_analyzer' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def allowing(*terms: str) -> PrivacyEngine:
    return PrivacyEngine(PrivacySettings(allow=list(terms)))


def test_allowed_term_is_left_alone_in_any_writing() -> None:
    engine = allowing("Calle Real 12", "planta 0412345678")
    assert ENGINE.find("marca Calle Real 12")
    assert engine.find("marca CALLE  REAL 12") == []
    assert engine.find("la PLANTA 0412345678") == []


@pytest.mark.parametrize("term", ["20", "9912", "cel", "099"])
def test_term_inside_a_value_does_not_let_it_through(term: str) -> None:
    assert len(allowing(term).find("cel 0991234567")) == 1
    assert len(allowing(term).find("tel 20 0991234567")) == 1


def test_term_never_shortens_a_value() -> None:
    text = "me llamo Ana Real Luna"
    assert [text[s.start : s.end] for s in allowing("Ana Real").find(text)] == [
        "Ana Real Luna"
    ]


@pytest.mark.parametrize(
    ("term", "problem"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("--", "empty"),
        ("7", "single character"),
        ("ventas@example.org", "real email"),
        ("oferta 4111 1111 1111 1111", "real card"),
        ("+593 99 123 4567", "real phone"),
        ("0991234567", "bare telephone"),
        ("5512-3456", "bare telephone"),
        ("ES9121000418450200051332", "real account"),
    ],
)
def test_dangerous_term_is_refused_without_being_shown(term: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        allowing("HLSO 16/20", term)
    assert str(caught.value).startswith("privacy.allow: entry 2 ")
    assert not term.strip("- ") or term not in str(caught.value)


def test_business_terms_are_accepted() -> None:
    engine = allowing("HLSO 16/20", "CFR Houston", "20% glaseo")
    assert engine.find("HLSO 16/20 CFR Houston 20% glaseo") == []


def test_addresses_of_the_network_are_masked_on_request_only() -> None:
    text = "entra a https://example.org/a?b=c desde 192.0.2.44"
    engine = PrivacyEngine(PrivacySettings(detect_also=["IP", "URL"]))
    assert ENGINE.find(text) == []
    assert [(text[s.start : s.end], s.entity_type) for s in engine.find(text)] == [
        ("https://example.org/a?b=c", "URL"),
        ("192.0.2.44", "IP"),
    ]
    kinds = set(engine.analyzer().get_supported_entities("es"))
    assert kinds == {*ENTITY_TYPES, "IP", "URL"}


def test_countries_of_the_settings_reach_the_recognizers() -> None:
    engine = PrivacyEngine(PrivacySettings(countries=("EC",)))
    assert ENGINE.find("anote 5512-3456")
    assert engine.find("anote 5512-3456") == []
    assert engine.find("mi celular es 5512-3456")
    assert engine.find("anote 0991234567")


def test_settings_choose_countries_by_code() -> None:
    assert parse_settings({"privacy": {"countries": ["EC", "GT"]}}).privacy.countries
    with pytest.raises(ConfigError, match=r"privacy\.countries"):
        parse_settings({"privacy": {"countries": ["XX"]}})
