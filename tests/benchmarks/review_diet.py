"""Rasa's own DIET as the bot whose errors are looked for."""

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rasa.core.agent import Agent
from rasa.model_training import train_nlu
from rasa.utils.log_utils import configure_structlog
from review_sets import Prediction

from rasa_qa_plugin.review.items import Example

_CONFIG = """\
recipe: default.v1
language: en
assistant_id: benchmark
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: CountVectorsFeaturizer
  analyzer: char_wb
  min_ngram: 1
  max_ngram: 4
- name: DIETClassifier
  epochs: 60
  random_seed: 1
  entity_recognition: false
"""


def diet_predictions(
    training: Sequence[Example], texts: Sequence[str]
) -> list[Prediction]:
    """Train DIET with Rasa, and give what it makes of texts."""
    configure_structlog(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        bot = Path(folder)
        (bot / "config.yml").write_text(_CONFIG)
        by_intent: dict[str, list[str]] = {}
        for example in training:
            by_intent.setdefault(example.intent, []).append(example.text)
        blocks = [
            "\n".join(
                [f"- intent: {intent}", "  examples: |"] + [f"    - {t}" for t in lines]
            )
            for intent, lines in by_intent.items()
        ]
        (bot / "nlu.yml").write_text(
            'version: "3.1"\nnlu:\n' + "\n".join(blocks) + "\n", encoding="utf-8"
        )
        model = train_nlu(
            str(bot / "config.yml"), str(bot / "nlu.yml"), str(bot / "models")
        )
        agent = Agent.load(model)
        return asyncio.run(_parsed(agent, texts))


async def _parsed(agent: Agent, texts: Sequence[str]) -> list[Prediction]:
    found = []
    for text in texts:
        ranking = (await agent.parse_message(text))["intent_ranking"]
        first, second = ranking[:2]
        found.append(
            Prediction(
                intent=first["name"],
                confidence=first["confidence"],
                second_intent=second["name"],
                margin=first["confidence"] - second["confidence"],
            )
        )
    return found
