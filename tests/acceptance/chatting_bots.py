"""Validates, trains and talks to bots, all in one process.

``python -m tests.acceptance.chatting_bots PLAN`` reads from PLAN, a JSON file, which
bots there are, what each is told, and where its action server listens; what Rasa
complained of, answered and stored goes into PLAN again.
"""

import asyncio
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from rasa.core.agent import Agent, load_agent
from rasa.core.utils import AvailableEndpoints
from rasa.model_training import train
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.validator import Validator


def complaints(domain: str) -> list[str]:
    """Give what `rasa data validate` would warn of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        validator = Validator.from_importer(
            TrainingDataImporter.load_from_config("config.yml", domain, ["data"])
        )
        good = [
            validator.verify_domain_validity(),
            validator.verify_actions_in_stories_rules(),
            validator.verify_forms_in_stories_rules(),
            validator.verify_form_slots(),
            validator.verify_slot_mappings(),
            validator.verify_nlu(ignore_warnings=False),
            validator.verify_story_structure(ignore_warnings=False),
        ]
        validator.warn_if_config_mandatory_keys_are_not_set()
    said = [str(one.message) for one in caught if one.category is UserWarning]
    return said if all(good) or said else ["not valid"]


async def talk(agent: Agent, told: dict[str, list[str]]) -> dict[str, Any]:
    """Say everything, each sender in turn; give the answers and the stored events."""
    found: dict[str, Any] = {}
    for sender, texts in told.items():
        answers = []
        for text in texts:
            given = await agent.handle_text(text, sender_id=sender)
            answers.append([one.get("text") for one in given or ()])
        tracker = await agent.tracker_store.retrieve_full_tracker(sender)
        assert tracker is not None
        found[sender] = {
            "answers": answers,
            "events": [event.as_dict() for event in tracker.events],
            "slots": tracker.current_slot_values(),
        }
    return found


async def visit(bot: dict[str, Any], model: str) -> None:
    endpoints = AvailableEndpoints.read_endpoints("endpoints.yml")
    endpoints.action.url = bot["actions"]
    agent = await load_agent(model, endpoints=endpoints)
    bot["talks"] = await talk(agent, bot["told"])


def main(plan: Path) -> None:
    bots = json.loads(plan.read_text("utf-8"))
    for bot in bots.values():
        os.chdir(bot["folder"])
        domain = next(name for name in ("domain.yml", "domain") if Path(name).exists())
        bot["complaints"] = complaints(domain)
        model = train(domain, "config.yml", "data", "models").model
        assert model is not None
        asyncio.run(visit(bot, model))
    plan.write_text(json.dumps(bots), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
