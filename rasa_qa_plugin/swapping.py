"""ADAPTER to Rasa: another model for a running server, which goes on answering.

`PUT /model` makes a new agent and holds the event loop while it loads. Here the model
is loaded and tried out in a thread; only then does the agent turn to it, between two
messages. Who is being answered at that moment is answered to the end by the old one.
"""

import asyncio
import ctypes
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from rasa.core import jobs
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.core.processor import MessageProcessor
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.events import ActionExecuted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from rasa_qa_plugin.errors import TrainingError
from rasa_qa_plugin.prediction import FALLBACK_INTENT
from rasa_qa_plugin.training.rasa_server import Sample


def models_folder(agent: Agent) -> Path:
    """Give the folder that the running model came from.

    Raises:
        TrainingError: No model is loaded, or another place decides which one is.
    """
    if agent.processor is None:
        raise TrainingError("server: has no model loaded; look at its log")
    if agent.model_server is not None or agent.remote_storage is not None:
        raise TrainingError(
            "server: takes its models from a model server or remote storage; "
            "promote there"
        )
    path = Path(agent.processor.model_path)
    return path if path.is_dir() else path.parent


def model_named(agent: Agent, name: str) -> Path:
    """Give a model by its name in the models folder, and from nowhere else.

    Raises:
        TrainingError: There is none of this name in it.
    """
    folder = models_folder(agent)
    path = folder / name
    try:
        found = path.resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        found = None
    inside = found is not None and found.parent == folder.resolve()
    if not inside or not name.endswith(".tar.gz") or not path.is_file():
        raise TrainingError(
            "file: no model of this name in the server's models folder; "
            "name a file in it, without its path"
        )
    return path


async def swap(agent: Agent, path: Path, samples: Sequence[Sample]) -> None:
    """Let *agent* answer with the model at *path*.

    Raises:
        TrainingError: It cannot be loaded or does not understand the samples; the
            former model stays.
    """
    loop = asyncio.get_running_loop()
    processor = await loop.run_in_executor(None, _tried_out, agent, path, samples)
    former, agent.processor = agent.processor, processor
    agent.domain = processor.domain
    agent.nlg = processor.nlg
    agent.tracker_store.domain = processor.domain
    if former is not None:
        await hand_over_reminders(former, processor)
    del former, processor
    await loop.run_in_executor(None, _give_memory_back)


async def hand_over_reminders(
    former: MessageProcessor, processor: MessageProcessor
) -> None:
    """Let *processor* handle what *former* was to be reminded of.

    Otherwise a reminder would be answered by the former model, and keep it in memory.
    """
    for job in (await jobs.scheduler()).get_jobs():
        if getattr(job.func, "__self__", None) is former:
            job.modify(func=processor.handle_reminder)


def _tried_out(agent: Agent, path: Path, samples: Sequence[Sample]) -> MessageProcessor:
    """Load a model and let it answer, which is also what makes it quick."""
    try:
        processor = MessageProcessor(
            model_path=str(path),
            tracker_store=agent.tracker_store,
            lock_store=agent.lock_store,
            action_endpoint=agent.action_endpoint,
            generator=agent.nlg,
            http_interpreter=agent.http_interpreter,
        )
        if isinstance(agent.nlg, TemplatedNaturalLanguageGenerator):
            # A new one: whoever is being answered still needs the old responses.
            responses = processor.domain.responses
            processor.nlg = TemplatedNaturalLanguageGenerator(responses)
        missed = asyncio.run(_missed(processor, samples))
    except Exception as error:  # noqa: BLE001 - Rasa's own message may quote the model
        raise TrainingError(
            f"file: cannot be loaded as a model ({type(error).__name__}); the former "
            "one stays"
        ) from None
    if missed:
        raise TrainingError(
            f"samples: {missed} of {len(samples)} are not understood as they should "
            "be; the former model stays"
        )
    return processor


async def _missed(processor: MessageProcessor, samples: Sequence[Sample]) -> int:
    """Count the samples that are taken for something else; policies answer too."""
    missed = 0
    for sample in samples or (Sample("hola", ""),):
        parsed = await processor.parse_message(UserMessage(sample.text))
        ranked = [parsed.get("intent") or {}, *(parsed.get("intent_ranking") or ())]
        names = [one.get("name") for one in ranked]
        names = [name for name in names if name != FALLBACK_INTENT]
        missed += bool(sample.intent) and sample.intent not in names[:1]
        said = UserUttered(
            sample.text, parsed.get("intent"), parsed.get("entities"), parsed
        )
        tracker = DialogueStateTracker.from_events(
            "qa_sample",
            [ActionExecuted(ACTION_LISTEN_NAME), said],
            processor.domain.slots,
        )
        processor.predict_next_with_tracker_if_should(tracker)
    return missed


def _give_memory_back() -> None:
    """Let go of the former model at once: it is in cycles, and the C library hoards."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
