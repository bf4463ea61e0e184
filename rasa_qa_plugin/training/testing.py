"""ADAPTER to Rasa's evaluation; imported by the worker's process only."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.prediction import FALLBACK_INTENT, predict_from_ranking
from rasa_qa_plugin.storage.queue import Reread
from rasa_qa_plugin.training.evaluation import (
    EntityScore,
    Evaluation,
    Prediction,
    Stories,
    evaluate,
    row_key,
    score_entities,
)
from rasa_qa_plugin.training.job import Job

Said = Callable[[str, float], None]
_SECONDS_TO_REREAD = 60.0


class RecordingProcessor:
    """Rasa's message processor, with a memory for what it answered."""

    def __init__(self, processor: Any, on_row: Callable[[int], None]) -> None:
        """Pass everything on to *processor*; call *on_row* after each message."""
        self._processor = processor
        self._on_row = on_row
        self.parsed: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        """Give the processor's own attribute."""
        return getattr(self._processor, name)

    async def parse_message(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Parse as the processor does."""
        parsed: dict[str, Any] = await self._processor.parse_message(*args, **kwargs)
        self.parsed.append(parsed)
        self._on_row(len(self.parsed))
        return parsed


def loaded(model: Path) -> Any:
    """Give Rasa's agent with *model*.

    Raises:
        TrainingError: The model cannot be loaded.
    """
    from rasa.core.agent import Agent

    agent = Agent.load(str(model))
    if agent.processor is None:
        raise TrainingError(f"model: {model.name} cannot be loaded; train again")
    return agent


def score(
    job: Job, model: Path, agent: Any, said: Said, *, known: set[str] | None = None
) -> Evaluation:
    """Score *agent*, which has *model*, on the frozen test set, as Rasa does."""
    from rasa.nlu.test import run_evaluation
    from rasa.shared.importers.importer import TrainingDataImporter

    test_set, domain = str(job.path(job.test_set)), str(job.domain_path())
    # The order of rows is Rasa's; the current and the candidate model get the same.
    examples = (
        TrainingDataImporter.load_from_dict(
            training_data_paths=[test_set], domain_path=domain
        )
        .get_nlu_data()
        .nlu_examples
    )
    total = max(1, len(examples))
    processor = RecordingProcessor(
        agent.processor, lambda done: said("reading the test set", done / total)
    )
    report = asyncio.run(
        run_evaluation(
            test_set,
            processor,
            disable_plotting=True,
            report_as_dict=True,
            domain_path=domain,
        )
    )
    rows = (report["intent_evaluation"] or {}).get("predictions", ())
    # Rasa leaves rows without an intent out of its predictions.
    parsed = [
        one
        for example, one in zip(examples, processor.parsed, strict=True)
        if example.get("intent")
    ]
    metadata = agent.processor.model_metadata
    return evaluate(
        [
            Prediction(
                intent=str(row["intent"]),
                predicted=str(row["predicted"] or ""),  # numpy's, from scikit-learn
                confidence=round(float(row["confidence"] or 0.0), 6),
                row=row_key(str(row["text"])),
                fell_back=(answer.get("intent") or {}).get("name") == FALLBACK_INTENT,
            )
            for row, answer in zip(rows, parsed, strict=True)
        ]
        if rows
        else [],
        model_file=str(model),
        model_id=str(metadata.model_id),
        known_intents=known if known is not None else metadata.domain.intents,
        out_of_scope=job.out_of_scope,
        entities=_entity_scores(examples, processor.parsed),
        stories=_play(job, agent, said),
    )


def read_again(agent: Any, waiting: Mapping[str, str], said: Said) -> list[Reread]:
    """Give what *agent* makes of texts, by turn id, as far as it gets in a minute.

    A convenience, so a text that the pipeline fails on is left out, and no traceback
    quotes it.
    """
    from rasa.core.channels.channel import UserMessage

    async def read() -> list[Reread]:
        found = []
        until = time.monotonic() + _SECONDS_TO_REREAD
        for done, (turn_id, text) in enumerate(waiting.items(), start=1):
            if time.monotonic() > until:
                break
            with contextlib.suppress(Exception):
                parsed = await agent.processor.parse_message(UserMessage(text))
                one = predict_from_ranking(
                    parsed.get("intent"), parsed.get("intent_ranking")
                )
                if one.intent is not None and one.confidence is not None:
                    found.append(
                        Reread(turn_id, one.intent, one.confidence, one.margin)
                    )
            said("reading what waits again", done / len(waiting))
        return found

    return asyncio.run(read())


def _entity_scores(
    examples: list[Any], parsed: list[dict[str, Any]]
) -> EntityScore | None:
    """Compare entities by exact span, name, role and group."""

    def spans(entities: Any) -> set[tuple[object, ...]]:
        keys = ("start", "end", "entity", "role", "group")
        return {tuple(one.get(key) for key in keys) for one in entities or ()}

    return score_entities(
        [spans(example.get("entities")) for example in examples],
        [spans(row.get("entities")) for row in parsed],
    )


def _play(job: Job, agent: Any, said: Said) -> Stories | None:
    """Play the test conversations, messages and all, as `rasa test` does."""
    from rasa.core import test

    folder = None if job.test_stories is None else job.path(job.test_stories)
    if folder is None or not folder.exists():
        return None
    said("playing the test conversations", 1.0)
    generator = test._create_data_generator(  # noqa: SLF001 - `test.test` gives no names
        str(folder), agent, use_conversation_test_files=True
    )
    trackers = generator.generate_story_trackers()
    if not trackers:
        return None
    played, _, _ = asyncio.run(
        test._collect_story_predictions(trackers, agent, use_e2e=True)  # noqa: SLF001
    )
    return Stories(
        passed=tuple(sorted(one.sender_id for one in played.successful_stories)),
        failed=tuple(sorted(one.sender_id for one in played.failed_stories)),
    )
