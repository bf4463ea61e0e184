"""Recognizers of the bot's developer: Presidio's YAML, spaCy's models, its results."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import spacy
from presidio_analyzer import EntityRecognizer, RecognizerResult
from spacy.training import Example

from rasa_qa_plugin.errors import ConfigError
from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.guests import LEAST_SCORE, open_guests
from rasa_qa_plugin.privacy.passage import Passage
from rasa_qa_plugin.privacy.recognizers.base import LANGUAGES
from rasa_qa_plugin.settings import PrivacySettings, load_settings

YAML = r"""
recognizers:
  - name: Contract
    supported_entity: ID
    supported_languages:
      - language: es
        context: [contrato, convenio]
      - language: en
        context: [contract]
    patterns:
      - name: weak contract
        regex: '\b[A-Z]{2}-\d{4}\b'
        score: 0.1
  - name: Badge
    supported_language: es
    supported_entity: BADGE
    deny_list: [alfa-uno, beta-dos]
  - name: EsNifRecognizer
    type: predefined
    supported_languages: [es]
  - name: Off
    enabled: false
    supported_entity: ID
    patterns: [{name: all, regex: '.+', score: 1.0}]
"""
BAD_PATTERN = """
recognizers:
  - name: A
    supported_entity: ID
    patterns: [{name: a, regex: '(', score: 1}]
"""
MUTE = """
recognizers:
  - name: A
    supported_entity: ID
    patterns: [{name: a, regex: 'AB-[0-9]+', score: 0.2}]
"""
GERMAN = """
recognizers:
  - name: A
    supported_language: de
    supported_entity: ID
    deny_list: [a]
"""
PIECES = (
    "contrato|contract|AB-1234|cd-9876|alfa-uno|ALFA-UNO|gafete|beta-dos|12345678Z|"
    "1234567L|mi celular es|0991234567|hola|quiero|want|,|.|convenio|ana@example.org|"
    "me llamo|Ana Ruiz|calle 12|zona 10"
).split("|")


def some_texts(count: int) -> Iterator[str]:
    chosen = random.Random(11)
    for _ in range(count):
        yield " ".join(chosen.choice(PIECES) for _ in range(chosen.randrange(1, 9)))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> PrivacyEngine:
    folder = tmp_path_factory.mktemp("recognizers")
    (folder / "mine.yml").write_text(YAML, encoding="utf-8")
    settings = folder / "qa.yml"
    settings.write_text("privacy: {recognizers: mine.yml}\n", encoding="utf-8")
    return PrivacyEngine(load_settings(settings).privacy)


def places(results: list[RecognizerResult]) -> set[tuple[str, int, int, float]]:
    names = {"ES_NIF": "ID", "BADGE": "OTHER"}
    return {
        (names.get(r.entity_type, r.entity_type), r.start, r.end, round(r.score, 4))
        for r in EntityRecognizer.remove_duplicates(results)
    }


def test_results_are_those_of_the_analyzer_engine(engine: PrivacyEngine) -> None:
    analyzer = engine.analyzer()
    found = 0
    for text in some_texts(10_000):
        expected = [
            result
            for language in LANGUAGES
            for result in analyzer.analyze(
                text, language=language, score_threshold=LEAST_SCORE
            )
        ]
        mine = [
            RecognizerResult(s.entity_type, s.start, s.end, s.score)
            for s in engine.candidates(Passage(text))
        ]
        for result in expected:
            result.entity_type = {"ES_NIF": "ID", "BADGE": "OTHER"}.get(
                result.entity_type, result.entity_type
            )
        assert places(mine) == places(expected), text
        found += len(expected)
    assert found > 10_000


def test_context_words_decide_about_a_weak_pattern(engine: PrivacyEngine) -> None:
    assert engine.find("factura AB-1234") == []
    assert [span.rule for span in engine.find("contrato AB-1234")] == [
        "Contract: weak contract"
    ]


def test_type_that_is_not_ours_is_masked_as_other(engine: PrivacyEngine) -> None:
    assert [span.entity_type for span in engine.find("gafete alfa-uno")] == ["OTHER"]


def test_our_recognizers_still_work_beside_guests(engine: PrivacyEngine) -> None:
    assert [span.entity_type for span in engine.find("cel 0991234567")] == ["PHONE"]


def test_what_was_masked_is_not_read_again(engine: PrivacyEngine) -> None:
    assert engine.find("[ID] contrato [OTHER_2]") == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "holds no list"),
        ("recognizers: []", "holds no list"),
        ("recognizers: [one]", "recognizer 1: needs at least a name"),
        ("recognizers:\n  - name: A\n    supported_entity: ID", "recognizer 1: is not"),
        (BAD_PATTERN, "recognizer 1: has a pattern that is no regular expression"),
        ("recognizers:\n  - {name: UrlRecognizer, type: predefined}", "detect_also"),
        ("recognizers:\n  - {name: NoSuch, type: predefined}", "recognizer 1: is not"),
        (MUTE, "score below 0.4 and no context"),
        (GERMAN, "recognizer 1: is for no language"),
        ("recognizers: [", "not valid YAML"),
    ],
)
def test_unusable_file_is_refused_in_one_line(
    content: str, problem: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=problem) as caught:
        open_guests(PrivacySettings(recognizers=str(file)))
    assert str(caught.value).startswith("mine.yml")
    assert "\n" not in str(caught.value)


def test_missing_file_and_missing_model_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yml: file not found"):
        open_guests(PrivacySettings(recognizers=str(tmp_path / "gone.yml")))
    with pytest.raises(ConfigError, match=r"privacy\.ner\.es: no spaCy model"):
        open_guests(PrivacySettings(ner={"es": "es_no_such_model"}))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a tiny model that knows capitalized words behind "con" as persons."""
    chosen = random.Random(3)
    first = "Ana Luis Rosa Pedro Marta Hugo Elena Mario Julia Pablo".split()
    last = "Ruiz Mora Vela Soto Paz Rey Luna Gil Rivas Sosa".split()
    frames = (
        "hablé con {} ayer",
        "el pedido lo lleva {} mañana",
        "pregunten por {} en bodega",
        "{} ya pagó la cuenta",
    )
    nlp = spacy.blank("es")
    nlp.add_pipe("ner").add_label("PER")
    examples = []
    for _ in range(200):
        name = f"{chosen.choice(first)} {chosen.choice(last)}"
        frame = chosen.choice(frames)
        start = frame.index("{")
        text = frame.format(name)
        marks = {"entities": [(start, start + len(name), "PER")]}
        examples.append(Example.from_dict(nlp.make_doc(text), marks))
    spacy.util.fix_random_seed(3)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(8):
        for batch in spacy.util.minibatch(examples, size=16):
            nlp.update(batch, sgd=optimizer)
    folder = tmp_path_factory.mktemp("ner") / "tiny"
    nlp.to_disk(folder)
    return folder


def test_named_model_finds_names_that_no_cue_announces(model: Path) -> None:
    text = "el pedido lo lleva Rosa Vela mañana"
    assert PrivacyEngine(PrivacySettings()).find(text) == []

    engine = PrivacyEngine(PrivacySettings(ner={"es": str(model)}))

    found = engine.find(text)
    assert [(text[s.start : s.end], s.entity_type) for s in found] == [
        ("Rosa Vela", "NAME")
    ]
    assert [r.entity_type for r in engine.analyzer().analyze(text, "es")] == ["PERSON"]


def test_own_rules_win_over_the_model(model: Path) -> None:
    engine = PrivacyEngine(PrivacySettings(ner={"es": str(model)}))
    text = "pregunten por rosa@example.org en bodega"
    found = engine.find(text)
    assert ("rosa@example.org", "EMAIL") in [
        (text[s.start : s.end], s.entity_type) for s in found
    ]


def test_model_reads_its_own_language_only(model: Path) -> None:
    guests = open_guests(PrivacySettings(ner={"es": str(model), "en": str(model)}))
    assert guests is not None
    assert guests._languages_of(Passage("quiero hablar con el dueño").words) == {"es"}
    assert guests._languages_of(Passage("I want to talk to the owner").words) == {"en"}
    assert guests._languages_of(Passage("Rosa Vela").words) == {"es", "en"}
    assert guests.find("el pedido lo lleva Rosa Vela mañana", frozenset(("lo", "el")))


def test_words_of_texts_do_not_stay_in_memory(model: Path) -> None:
    engine = PrivacyEngine(PrivacySettings(ner={"es": str(model)}))
    guests = engine._guests
    assert guests is not None
    vocabulary = guests._analyzer.nlp_engine.get_nlp("es").vocab
    engine.find("hablé con alguien ayer")
    before = len(vocabulary.strings)
    for number in range(200):
        engine.find(f"hablé con palabra{number}x ayer")
    assert len(vocabulary.strings) <= before + 5
