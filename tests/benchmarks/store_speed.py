"""What a message costs in our store and in Rasa's; both are run in turn, wall time."""

import asyncio
import gc
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from bars import Figure
from privacy_speed import user_event
from rasa.core.tracker_store import FailSafeTrackerStore, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    BotUttered,
    DefinePrevUserUtteredFeaturization,
    Event,
    SessionStarted,
    SlotSet,
)
from rasa.shared.core.trackers import DialogueStateTracker

DOMAIN = Domain.from_yaml(
    """
    version: "3.1"
    intents: [ask_price]
    slots:
      qa_consent:
        {type: text, influence_conversation: false, mappings: [{type: custom}]}
      topic: {type: text, mappings: [{type: custom}]}
    """
)
_ANSWER = "El catálogo está en camino. ¿Le ayudo con algo más?"
_TURNS = {10: 0.7, 200: 0.15, 1000: 0.05}  # turn → most of the stock store's time
_GROWTH = 1.5  # most that turn 1000 may cost more than turn 10
_STALL_MS = 2.0
_BLOCK = 10  # messages to one peer before the other has its turn, for stalls
_PARALLEL = 50

T = TypeVar("T")
Pair = tuple[float, float]


class Peers(NamedTuple):
    """The two that are compared."""

    ours: "Peer"
    stock: "Peer"


def words(number: int) -> str:
    """Give message *number* of a conversation: one in ten holds a telephone number."""
    chosen = random.Random(number)
    if number % 10 == 0:
        return f"mi celular es 09{chosen.randrange(10**8):08d} gracias"
    noise = "".join(chosen.choices("bcdfgaeiou", k=7))
    return f"quiero ver el catálogo de {noise} y camarón por favor"


def turn(number: int) -> list[Event]:
    """Give what Rasa adds to a tracker for message *number*; 1 begins the session."""
    text = words(number)
    entities: list[dict[str, Any]] = []
    if number % 10 == 0:
        found = {"entity": "phone", "start": 14, "end": 24, "value": text[14:24]}
        entities = [{**found, "extractor": "RegexEntityExtractor"}]
    said = Event.from_parameters(user_event(text, entities))
    answer = "utter_catalogue"
    events = [
        said,
        DefinePrevUserUtteredFeaturization(False),
        ActionExecuted(answer, policy="1_RulePolicy", confidence=1.0),
        BotUttered(_ANSWER, metadata={"utter_action": answer}),
        *([SlotSet("topic", "catálogo")] if number % 5 == 0 else []),
        _listen(),
    ]
    if number > 1:
        return events
    opening = [ActionExecuted("action_session_start"), SessionStarted(), _listen()]
    return [*opening, SlotSet("qa_consent", "granted"), *events]


def _listen() -> Event:
    return ActionExecuted("action_listen", policy="1_RulePolicy", confidence=1.0)


async def seconds(work: Awaitable[T]) -> tuple[T, float]:
    """Give the result and how long it took."""
    start = time.perf_counter()
    result = await work
    return result, time.perf_counter() - start


async def stall(work: Awaitable[T]) -> tuple[T, float]:
    """Give the result and for how long, at most, nothing else could run meanwhile.

    The ticking coroutine never sleeps, so no gap slips between two ticks.
    """
    worst, done = 0.0, False

    async def tick() -> None:
        nonlocal worst
        last = time.perf_counter()
        while not done:
            await asyncio.sleep(0)
            now = time.perf_counter()
            worst, last = max(worst, now - last), now

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    result = await work
    done = True
    await ticking
    return result, worst


class Peer:
    """A store wrapped as Rasa wraps it; what the wrapper would swallow is raised."""

    def __init__(self, store: TrackerStore) -> None:
        self.store = store
        self._wrapped = FailSafeTrackerStore(store, on_tracker_store_error=_raise)

    async def message(
        self,
        sender: str,
        events: list[Event],
        measure: Callable[[Awaitable[Any]], Awaitable[tuple[Any, float]]] = seconds,
    ) -> Pair:
        """Do what Rasa does for a message; give the figures of reading and writing."""
        tracker, reading = await measure(self._tracker(sender))
        tracker.update_with_events(events, DOMAIN)
        _, writing = await measure(self._wrapped.save(tracker))
        return reading, writing

    async def talk(self, sender: str, turns: int) -> None:
        """Make a conversation of *turns* turns with one save, which is much quicker."""
        events = [event for number in range(1, turns + 1) for event in turn(number)]
        await self.message(sender, events)

    def forget(self) -> None:
        """Empty the memory of the store, as a new model does."""
        self.store.domain = DOMAIN

    async def cold(self, sender: str) -> float:
        """Give the time of a retrieve that no memory helps."""
        self.forget()
        _, reading = await seconds(self._tracker(sender))
        return reading

    async def _tracker(self, sender: str) -> DialogueStateTracker:
        return await self._wrapped.get_or_create_tracker(
            sender, append_action_listen=False
        )


def _raise(error: Exception) -> None:
    raise error


class Rounds(NamedTuple):
    """How often each thing is measured."""

    groups: int = 2  # of conversations of each length
    messages: int = 5  # to one conversation at a length, before a new one takes over
    blocks: int = 15  # of messages whose stalls are measured
    cold: int = 25
    crowds: int = 3
    crowd_messages: int = 10


# The first message of a conversation costs most: short crowds are hard on ours.
QUICK = Rounds(groups=1, messages=3, blocks=2, cold=3, crowds=1, crowd_messages=6)


async def figures(name: str, peers: Peers, rounds: Rounds) -> AsyncIterator[Figure]:
    """Give the figures of one database."""
    for figure in await _by_turn(name, peers, rounds):
        yield figure
    for figure in await _stalls(name, peers, blocks=rounds.blocks):
        yield figure
    pairs = [
        (await peers.ours.cold("stalled"), await peers.stock.cold("stalled"))
        for _ in range(rounds.cold)
    ]
    for figure in compared(f"{name}: cold retrieve, turn 200", pairs, 1.0):
        yield figure
    for figure in await _throughput(name, peers, rounds):
        yield figure


async def _by_turn(name: str, peers: Peers, rounds: Rounds) -> list[Figure]:
    """Time retrieve and save at each length in each round, ours beside stock."""
    times: dict[int, list[Pair]] = {length: [] for length in _TURNS}
    for group in range(rounds.groups):
        senders = {length: f"{length} turns, {group}" for length in _TURNS}
        for length, sender in senders.items():
            for peer in peers:
                await peer.talk(sender, length - 2)
        # The first round reads what a single save wrote, and is not measured.
        for number in range(-1, rounds.messages):
            for length, sender in senders.items():
                ours, stock = [
                    sum(await peer.message(sender, turn(length + number)))
                    for peer in peers
                ]
                if number >= 0:
                    times[length].append((ours, stock))
    shown = [
        figure
        for length, bar in _TURNS.items()
        for figure in compared(f"{name}: store time, turn {length}", times[length], bar)
    ]
    first, last = (times[length] for length in (min(_TURNS), max(_TURNS)))
    flat = [late / early for (late, _), (early, _) in zip(last, first, strict=True)]
    growth = statistics.median(flat)
    flatness = f"{name}: ours at turn {max(_TURNS)} ÷ at turn {min(_TURNS)}"
    return [*shown, Figure(flatness, growth, "x", bar=_GROWTH, at_most=True)]


async def _stalls(name: str, peers: Peers, *, blocks: int) -> list[Figure]:
    """Measure what messages from turn 200 on do to everybody else on the loop."""
    gaps: dict[Peer, list[float]] = {peer: [] for peer in peers}
    for peer in peers:
        peer.forget()
        await peer.talk("stalled", 198)
        await peer.message("stalled", turn(199))
    for start in range(200, 200 + blocks * _BLOCK, _BLOCK):
        for peer, measured in gaps.items():
            gc.collect()  # each pays for its own garbage only
            measured += [
                max(await peer.message("stalled", turn(number), stall))
                for number in range(start, start + _BLOCK)
            ]
    idle = [(await stall(asyncio.sleep(0.01)))[1] for _ in range(blocks * _BLOCK)]
    mine, theirs = (1000 * _p99(measured) for measured in gaps.values())
    title = f"{name}: loop stall p99, turn 200"
    return [
        Figure(f"{title} ÷ stock's", mine / theirs, "x", bar=0.1, at_most=True),
        Figure(title, mine, "ms", bar=_STALL_MS, at_most=True, peer=theirs),
        Figure(
            f"{name}: loop stall median",
            1000 * statistics.median(gaps[peers.ours]),
            "ms",
            peer=1000 * statistics.median(gaps[peers.stock]),
        ),
        Figure(f"{name}: loop stall p99, no store at work", 1000 * _p99(idle), "ms"),
    ]


def _p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * len(values))]


async def _throughput(name: str, peers: Peers, rounds: Rounds) -> list[Figure]:
    """Let 50 people talk at once; each waits for nobody but the store."""

    async def conversation(peer: Peer, sender: str, turns: list[list[Event]]) -> None:
        for events in turns:
            await peer.message(sender, events)

    pairs = []
    for number in range(rounds.crowds):
        rates = []
        for peer in peers:
            talks = [
                conversation(
                    peer,
                    f"parallel {number} {one}",
                    [turn(n + 1) for n in range(rounds.crowd_messages)],
                )
                for one in range(_PARALLEL)
            ]
            _, spent = await seconds(asyncio.gather(*talks))
            rates.append(_PARALLEL * rounds.crowd_messages / spent)
        pairs.append((rates[0], rates[1]))
    ratio = statistics.median(ours / stock for ours, stock in pairs)
    mine, theirs = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    title = f"{name}: messages/s, {_PARALLEL} at once"
    return [
        Figure(f"{title} ÷ stock's", ratio, "x", bar=1.0),
        Figure(title, mine, "/s", peer=theirs),
    ]


def compared(name: str, pairs: list[Pair], bar: float) -> list[Figure]:
    """Give the figures of times measured in pairs, ours first: share, then times."""
    share = statistics.median(ours / stock for ours, stock in pairs)
    mine, theirs = (1000 * statistics.median(one) for one in zip(*pairs, strict=True))
    return [
        Figure(f"{name} ÷ stock's", share, "x", bar=bar, at_most=True),
        Figure(name, mine, "ms", peer=theirs),
    ]
