"""How many messages a second one Rasa server answers over HTTP, on either store."""

import asyncio
import contextlib
import json
import random
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
from bars import Figure
from sqlalchemy.engine import URL

sys.path.append(str(Path(__file__).parents[2]))

from tests.acceptance.servers import free_port, server

_PEOPLE = 50
_SAID = ("hello", "i am sad", "yes", "perfect", "are you a bot?", "bye bye")
_TYPES = {"ours": "rasa_qa_plugin.QATrackerStore", "stock": "SQL"}
_GRANTED = {"event": "slot", "name": "qa_consent", "value": "granted"}


async def throughput(
    name: str, bot: Path, urls: dict[str, URL], *, crowds: int, messages: int
) -> list[Figure]:
    """Let 50 people talk to a server of each store in turn, both started already.

    Args:
        name: The kind of database.
        bot: Folder of a trained bot.
        urls: An empty database for "ours" and for "stock".
        crowds: How many times 50 new people come to each.
        messages: What each of them says.
    """
    with contextlib.ExitStack() as stack:
        addresses = {
            store: stack.enter_context(_running(bot, store, url))
            for store, url in urls.items()
        }
        for address in addresses.values():
            await _crowd(address, "first", messages=2)  # not measured
        pairs = []
        for number in range(crowds):
            order = list(addresses)
            if number % 2:
                order.reverse()
            rates = {
                store: await _crowd(
                    addresses[store], f"crowd-{number}", messages=messages
                )
                for store in order
            }
            pairs.append((rates["ours"], rates["stock"]))
    ratio = statistics.median(ours / stock for ours, stock in pairs)
    mine, theirs = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    title = f"{name}: REST messages/s, {_PEOPLE} at once"
    return [
        Figure(f"{title} ÷ stock's", ratio, "x", bar=1.0),
        Figure(title, mine, "/s", peer=theirs),
    ]


@contextlib.contextmanager
def _running(bot: Path, store: str, url: URL) -> Iterator[str]:
    endpoints = bot / f"{store}.yml"
    written = json.dumps(url.render_as_string(hide_password=False))
    endpoints.write_text(
        f"tracker_store: {{type: {_TYPES[store]}, url: {written}}}\n", "utf-8"
    )
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with server(
        bot,
        "run", "--interface", "127.0.0.1", "--port", str(port), "--enable-api",
        "--endpoints", endpoints.name,
        log=bot / f"{store}.log",
        ready=f"{address}/status",
    ):  # fmt: skip
        yield address


async def _crowd(address: str, crowd: str, *, messages: int) -> float:
    """Give the rate at which 50 new people, who have agreed, are answered."""
    connections = aiohttp.TCPConnector(limit=_PEOPLE)
    async with aiohttp.ClientSession(connector=connections) as session:

        async def post(path: str, body: object) -> object:
            async with session.post(f"{address}{path}", json=body) as answer:
                answer.raise_for_status()
                return await answer.json()

        async def talk(number: int, sender: str) -> None:
            chosen = random.Random(number)
            for turn in range(messages):
                text = _SAID[turn % len(_SAID)]
                if turn % 10 == 0:
                    text += f", my phone is 09{chosen.randrange(10**8):08d}"
                body = {"sender": sender, "message": text}
                if not await post("/webhooks/rest/webhook", body):
                    raise RuntimeError("the example bot gave no answer")

        people = [f"{crowd}-{number}" for number in range(_PEOPLE)]
        for sender in people:
            await post(f"/conversations/{sender}/tracker/events", _GRANTED)
        start = time.perf_counter()
        talks = [talk(number, sender) for number, sender in enumerate(people)]
        await asyncio.gather(*talks)
        return _PEOPLE * messages / (time.perf_counter() - start)
