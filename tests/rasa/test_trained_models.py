"""ConfidenceLogger in models that Rasa really trained."""

import asyncio
import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasa.core.agent import Agent
from rasa.model_training import train, train_core, train_nlu

PLAIN = """\
recipe: default.v1
assistant_id: small
language: es
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: LogisticRegressionClassifier
- {name: FallbackClassifier, threshold: 0.99}
- name: rasa_qa_plugin.ConfidenceLogger
policies:
- name: RulePolicy
"""
SELECTOR = """\
recipe: default.v1
assistant_id: small
language: es
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: LogisticRegressionClassifier
- {name: ResponseSelector, epochs: 10, random_seed: 1}
- name: rasa_qa_plugin.ConfidenceLogger
"""
KEYWORDS = """\
recipe: default.v1
assistant_id: small
language: es
pipeline:
- name: KeywordIntentClassifier
- name: rasa_qa_plugin.ConfidenceLogger
policies:
- name: RulePolicy
"""
DOMAIN = """\
version: "3.1"
intents: [saludar, precio, faq]
entities: [producto]
responses:
  utter_hola: [{text: hola}]
  utter_faq/horario: [{text: abrimos a las nueve}]
  utter_faq/pago: [{text: con tarjeta o transferencia}]
"""
RULES = """\
version: "3.1"
rules:
- {rule: saludo, steps: [{intent: saludar}, {action: utter_hola}]}
"""
INTENTS = {
    "saludar": "hola buenas|hola amigo|buenos dias|buenas tardes|hola que tal|hey hola",
    "precio": (
        "precio del [camaron](producto)|cuanto cuesta el [atun](producto)|"
        "costo del [pulpo](producto)|precio de la [langosta](producto)|dame el precio"
    ),
    "faq/horario": "a que hora abren|cuando cierran|abren los domingos|horario",
    "faq/pago": "puedo pagar con tarjeta|aceptan efectivo|formas de pago|en cuotas",
}


def nlu(**more: str) -> str:
    lines = ['version: "3.1"', "nlu:"]
    for intent, rows in INTENTS.items():
        lines += [f"- intent: {intent}", "  examples: |"]
        lines += [f"    - {row}" for row in (rows + more.get(intent, "")).split("|")]
    return "\n".join(lines) + "\n"


def write_bot(folder: Path, config: str) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "config.yml").write_text(config, "utf-8")
    (folder / "domain.yml").write_text(DOMAIN, "utf-8")
    (folder / "data/rules.yml").write_text(RULES, "utf-8")
    (folder / "data/nlu.yml").write_text(nlu(), "utf-8")
    return folder


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Make a bot's folder and go there, as `rasa train` is called."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RASA_TELEMETRY_ENABLED", "false")

        def enter(config: str) -> Path:
            folder = write_bot(tmp_path_factory.mktemp("bot") / "bot", config)
            patch.chdir(folder)
            return folder

        yield enter


def trained(**options: Any) -> str:
    result = train(
        domain="domain.yml",
        config="config.yml",
        training_files="data",
        output="models",
        **options,
    )
    assert result.code == 0
    assert result.model is not None
    return str(Path(result.model).absolute())


@pytest.fixture(scope="module")
def plain(inside: Callable[[str], Path]) -> str:
    inside(PLAIN)
    return trained()


def notes(model: str, *texts: str) -> list[dict[str, Any]]:
    """Give what the component noted about each text."""

    async def parse() -> list[dict[str, Any]]:
        agent = Agent.load(model)
        return [(await agent.parse_message(text)).get("qa", {}) for text in texts]

    return asyncio.run(parse())


def stored(model: str) -> dict[str, bytes]:
    """Give the files of our resource in a model."""
    with tarfile.open(model) as archive:
        return {
            member.name: file.read()
            for member in archive
            if "ConfidenceLogger" in member.name
            and (file := archive.extractfile(member)) is not None
        }


def words(model: str) -> set[str]:
    (content,) = stored(model).values()
    with np.load(io.BytesIO(content), allow_pickle=False) as data:
        return set(json.loads(data["words"].tobytes()))


def test_a_model_tells_what_is_new_to_it(plain: str) -> None:
    known, strange, empty, long = notes(
        plain, "Precio del camarón", "xyzzy qwfp", "", "precio hola " * 333
    )

    assert (known["novelty"], known["unknown_words"]) == (0.0, 0.0)
    assert (known["intent"], known["agreement"]) == ("precio", 1.0)
    assert known["fell_back"] is True  # the real intent was compared
    assert (strange["novelty"], strange["unknown_words"]) == (1.0, 1.0)
    assert "agreement" not in strange
    assert "novelty" not in empty
    assert 0 < long["novelty"] < 1


def test_a_model_holds_the_words_of_its_training_data_without_order(plain: str) -> None:
    spoken = re.sub(r"\(producto\)|[\[\]|]", " ", " ".join(INTENTS.values()))
    (content,) = stored(plain).values()

    assert words(plain) == set(spoken.split())
    with np.load(io.BytesIO(content), allow_pickle=False) as data:
        assert not any(b"hola que tal" in data[name].tobytes() for name in data)
        pairs = zip(np.cumsum(data["sizes"]), data["sizes"], strict=True)
        for end, size in pairs:
            held = data["held"][end - size : end].tolist()
            assert held == sorted(held)


def test_rasas_own_test_takes_the_model(plain: str, tmp_path: Path) -> None:
    from rasa.nlu.test import run_evaluation

    (tmp_path / "nlu.yml").write_text(nlu(), "utf-8")
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}

    result = asyncio.run(
        run_evaluation(
            str(tmp_path / "nlu.yml"),
            Agent.load(plain).processor,
            output_directory=str(tmp_path),
            errors=False,
            disable_plotting=True,
        )
    )

    assert result["intent_evaluation"]["accuracy"] > 0.5
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_fine_tuning_learns_new_words_and_forgets_what_was_taken_out(
    plain: str,
) -> None:
    again = trained(model_to_finetune=plain)
    shorter = nlu(precio="|valor del bacalao").replace("    - hey hola\n", "")
    Path("data/nlu.yml").write_text(shorter, "utf-8")

    tuned = trained(model_to_finetune=plain)

    assert stored(again) == stored(plain)
    assert words(tuned) - words(plain) == {"valor", "bacalao"}
    assert words(plain) - words(tuned) == {"hey"}
    (note,) = notes(tuned, "valor del bacalao")
    assert note["novelty"] == 0.0


def test_models_trained_before_are_read_and_lack_novelty(
    plain: str, tmp_path: Path
) -> None:
    with tarfile.open(plain) as archive:
        archive.extractall(tmp_path / "model")  # noqa: S202 - made a moment ago
    metadata = tmp_path / "model/metadata.json"
    content = json.loads(metadata.read_text("utf-8"))
    for kind in ("train_schema", "predict_schema"):
        nodes = content[kind]["nodes"]
        for name in [name for name in nodes if "train_Confidence" in name]:
            del nodes[name]
        for name in [name for name in nodes if "run_Confidence" in name]:
            nodes[name]["resource"] = None
    metadata.write_text(json.dumps(content), "utf-8")
    (resource,) = (tmp_path / "model/components").glob("*ConfidenceLogger*")
    shutil.rmtree(resource)
    with tarfile.open(tmp_path / "old.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "model", arcname="")

    (note,) = notes(str(tmp_path / "old.tar.gz"), "precio del camaron")

    assert note["intent"] == "precio"
    assert note.keys().isdisjoint({"novelty", "unknown_words", "agreement"})


def test_keywords_and_training_by_halves_work(inside: Callable[[str], Path]) -> None:
    inside(KEYWORDS)
    half = train_nlu("config.yml", "data/nlu.yml", "models", domain="domain.yml")
    other = train_core("domain.yml", "config.yml", "data/rules.yml", "models")
    whole = trained()
    assert half is not None
    assert other is not None

    for model in (half, whole):
        known, nothing = notes(model, "dame el precio", "xyzzy")
        assert (known["intent"], known["novelty"]) == ("precio", 0.0)
        assert known["agreement"] == 1.0
        assert (nothing.get("intent"), nothing["novelty"]) == (None, 1.0)
    assert notes(other, "hola") == [{}]
    assert stored(other) == {}


def test_the_response_that_was_chosen_is_noted(inside: Callable[[str], Path]) -> None:
    inside(SELECTOR)

    faq, other = notes(trained(), "formas de pago", "precio del camaron")

    assert (faq["intent"], faq["agreement"], faq["novelty"]) == ("faq", 1.0, 0.0)
    assert faq["response_key"] == "faq/pago"
    assert 0 < faq["response_confidence"] <= 1
    assert "tarjeta o" not in json.dumps(faq)
    assert other["intent"] == "precio"
    assert "response_key" not in other
