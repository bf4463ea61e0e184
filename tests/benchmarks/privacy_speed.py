"""Speed, hostile input and memory of the privacy engine; the peer runs in between."""

import gc
import random
import statistics
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import tldextract.tldextract
from bars import Figure
from presidio_analyzer import AnalyzerEngine
from privacy_quality import load

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.privacy.events import EventMasker
from rasa_qa_plugin.privacy.presidio import LocalNlpEngine
from rasa_qa_plugin.privacy.tokens import TokenMap
from rasa_qa_plugin.settings import PrivacySettings, read_yaml

_BOT = Path(__file__).parents[2] / "bot_example" / "data" / "nlu.yml"
_SEED = 7
_WORDS = range(5, 31)  # of a sentence
_TURNS = 20  # of a conversation
Events = list[dict[str, Any]]
HOSTILE = (
    *("a.", ".", "::", "a.b-@", "@", "a@", "1 1", "12345 ", "1", "a-b-", "calle a 1 "),
    *("av a ", "1 a b c st. ", "me llamo ana ", "soy A. ", " ", "1    ", "+", "((1"),
    *("a1-", "es91 2100 ", "[PHONE] ", "\u200b1", "4111 1111 1111 1111 ", "o'"),
    *("direccion: a 1 ", "a arroba b punto ", "mz 1 villa ", "tel 0991234567 ", "sr. "),
    *("1.1.1.1 ", "099 123 ", "12 main st, ", "0991234567 ext 1 ", "Mr. ", "calle "),
)


def default_presidio() -> AnalyzerEngine:
    """Give Presidio with its own recognizers on blank pipelines, offline."""
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(
        suffix_list_urls=(), cache_dir=None
    )
    tldextract.extract = tldextract.tldextract.TLD_EXTRACTOR.__call__
    return AnalyzerEngine(
        nlp_engine=LocalNlpEngine(("es", "en")), supported_languages=["es", "en"]
    )


def mixed_spanish(data: Path, count: int) -> list[str]:
    """15 % records full of personal data, 35 % prose without, 50 % bot questions."""
    chosen = random.Random(_SEED)
    records = [r["text"] for r in load(data / "pii" / "latam_dev.jsonl")]
    prose = [
        row["text"]
        for row in load(data / "pii" / "clinical_es_dev.jsonl")
        if not row["spans"] and len(row["text"].split()) in _WORDS
    ]
    questions = _bot_examples()
    texts = [
        *chosen.sample(records, count * 15 // 100),
        *chosen.sample(prose, count * 35 // 100),
        # There are fewer of them; an invented product makes each a text of its own.
        *(f"{chosen.choice(questions)} {_product(n)}" for n in range(count // 2)),
    ]
    chosen.shuffle(texts)
    return texts


def _product(number: int) -> str:
    return "".join("bdfglmnprt"[int(d)] + "aeiouaeiou"[int(d)] for d in f"{number:04d}")


def _bot_examples() -> list[str]:
    intents = read_yaml(_BOT)["nlu"]
    return [
        line.removeprefix("- ").strip()
        for intent in intents
        for line in intent.get("examples", "").splitlines()
        if line.startswith("- ")
    ]


def figures(presidio: AnalyzerEngine, data: Path, *, quick: bool) -> Iterator[Figure]:
    """Give messages per second, microseconds per event, hostile times, memory."""
    rounds = 3 if quick else 9
    if (data / "pii").exists():
        mixed = mixed_spanish(data, 1200)
        yield from _against_presidio("mixed Spanish", mixed, "es", presidio, 12, rounds)
        plain = [r["text"] for r in load(data / "pii" / "plain_chat_en.jsonl")]
        plain = plain[: 1000 if quick else 5000]
        yield from _against_presidio("plain chat", plain, "en", presidio, 40, rounds)
        yield from _against_own_analyzer(mixed, rounds)
    yield from _events(rounds)
    yield from _hostile()
    yield _memory(100_000 if quick else 1_000_000)


def _seconds(run: Callable[[], object]) -> float:
    """Give the CPU time of one run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def _in_turn(
    ours: Callable[[], object], peer: Callable[[], object], rounds: int
) -> tuple[float, float, float]:
    """Give the median CPU times of both, and of how often ours goes into the peer's.

    A machine's speed changes by half within seconds, so each pair is run at once.
    """
    pairs = [(_seconds(ours), _seconds(peer)) for _ in range(rounds)]
    mine, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    return mine, theirs, statistics.median(other / own for own, other in pairs)


def _latency_p99(call: Callable[[str], object], texts: Sequence[str]) -> float:
    """Give the 99th percentile of the CPU time of single calls, in milliseconds."""
    times = []
    for text in texts:
        start = time.process_time()
        call(text)
        times.append(time.process_time() - start)
    return 1000 * sorted(times)[int(0.99 * len(times))]


def _anonymizer() -> Callable[[str], str]:
    """Give the whole way of a text: detection, resolution, tokens, replacement."""
    settings = PrivacySettings()
    return EventMasker(PrivacyEngine(settings), settings).mask_text


def _against_presidio(
    name: str,
    texts: list[str],
    language: str,
    presidio: AnalyzerEngine,
    bar: float,
    rounds: int,
) -> Iterator[Figure]:
    # Built outside the measurement; a new one remembers nothing.
    anonymizers = iter([_anonymizer() for _ in range(rounds)])

    def ours() -> None:
        mask = next(anonymizers)
        for text in texts:
            mask(text)

    def peer() -> None:
        for text in texts:
            presidio.analyze(text, language=language)

    mine, theirs, times = _in_turn(ours, peer, rounds)
    count = len(texts)
    yield Figure(f"{name}: times Presidio's messages/s", times, "x", bar=bar)
    yield Figure(
        f"{name}: messages/s", count / mine, "/s", peer=count / theirs, ratio=times
    )
    sample = texts[:1000]
    mine = _latency_p99(_anonymizer(), sample)
    theirs = _latency_p99(lambda t: presidio.analyze(t, language=language), sample)
    yield Figure(f"{name}: p99 latency", mine, "ms", peer=theirs, ratio=theirs / mine)


def _against_own_analyzer(texts: list[str], rounds: int) -> Iterator[Figure]:
    analyzer = PrivacyEngine(PrivacySettings()).analyzer()
    sample = texts[:1000]

    engines = iter([PrivacyEngine(PrivacySettings()) for _ in range(rounds)])

    def ours() -> None:
        engine = next(engines)
        for text in sample:
            engine.find(text)

    def peer() -> None:
        for text in sample:
            analyzer.analyze(text, language="es")

    mine, theirs, times = _in_turn(ours, peer, rounds)
    yield Figure(
        "same recognizers in an AnalyzerEngine: messages/s",
        len(sample) / mine,
        "/s",
        peer=len(sample) / theirs,
        ratio=times,
    )


def user_event(text: str, entities: list[dict[str, Any]]) -> dict[str, Any]:
    """Give a user event as Rasa stores it, with ten intents and a response selector."""
    intent = {"name": "ask_price", "confidence": 0.98}
    words = text.split()
    message_id = uuid.uuid4().hex  # as Rasa does for channels without ids
    tokens, position = [], 0
    for word in words:
        start = text.index(word, position)
        position = start + len(word)
        tokens.append((start, position))
    return {
        "event": "user",
        "timestamp": 1767225600.25,
        "metadata": {
            "model_id": "c0ffeec0ffeec0ffeec0ffeec0ffee00",
            "assistant_id": "20260101-101500-calm-harbor",
        },
        "text": text,
        "parse_data": {
            "intent": intent,
            "entities": entities,
            "text": text,
            "message_id": message_id,
            "metadata": {},
            "text_tokens": tokens,
            "intent_ranking": [
                intent,
                *({"name": f"intent_{n}", "confidence": 0.001} for n in range(9)),
            ],
            "response_selector": {
                "all_retrieval_intents": [],
                "default": {
                    "response": {
                        "responses": None,
                        "confidence": 0.0,
                        "intent_response_key": None,
                        "utter_action": "utter_None",
                    },
                    "ranking": [],
                },
            },
        },
        "input_channel": "rest",
        "message_id": message_id,
    }


def _events(rounds: int) -> Iterator[Figure]:
    """Time the masking of events whose texts were never seen before."""
    settings = PrivacySettings()
    masker = EventMasker(PrivacyEngine(settings), settings)
    chosen = random.Random(_SEED)
    products = "camarón langostino concha pulpo calamar atún dorado wahoo".split()
    verbs = "quiero necesito busco prefiero compramos exportamos".split()

    def plain() -> str:
        noise = "".join(chosen.choices("bcdfgaeiou", k=7))
        verb, product = chosen.choice(verbs), chosen.choice(products)
        return f"{verb} ver el catálogo de {noise} y {product} por favor"

    def with_phone() -> tuple[str, list[dict[str, Any]]]:
        number = f"09{chosen.randrange(10**8):08d}"
        text = f"mi celular es {number} gracias"
        entity = {"entity": "phone", "start": 14, "end": 24, "value": number}
        return text, [{**entity, "extractor": "RegexEntityExtractor"}]

    for name, message, bar in (
        ("event without personal data", lambda: (plain(), []), 5),
        ("event with one phone", with_phone, 60),
    ):
        per_event = []
        for _ in range(100 * rounds):
            # Masked right after they were made, as in a server.
            events = [user_event(*message()) for _ in range(_TURNS)]
            tokens = TokenMap()

            def run(events: Events = events, tokens: TokenMap = tokens) -> None:
                for event in events:
                    masker.mask(event, tokens)

            per_event.append(_seconds(run) / _TURNS)
        figure = 1e6 * statistics.median(per_event)
        yield Figure(name, figure, "us", bar=bar, at_most=True)


def _hostile() -> Iterator[Figure]:
    """Mask events, which look at their text more than once, with all detectors on."""
    settings = PrivacySettings(detect_also=["IP", "URL"])
    masker = EventMasker(PrivacyEngine(settings), settings)
    worst = 0.0
    for piece in HOSTILE:
        times = []
        for number in range(3):  # a new text each time: the engine remembers
            event = user_event((f"{number} " + piece * 4000)[:4000], [])
            start = time.process_time()
            masker.mask(event, TokenMap())
            times.append(time.process_time() - start)
        worst = max(worst, 1000 * min(times))
    yield Figure(
        "worst 4,000-character hostile message", worst, "ms", bar=50, at_most=True
    )


def _memory(count: int) -> Figure:
    """Mask *count* messages of unique words and see what stays."""
    mask = _anonymizer()

    def run(first: int, last: int) -> None:
        for number in range(first, last):
            mask(f"quiero palabra{number:x}q y otra{number:x}w tel 09{number:08d}")

    run(0, 20_000)
    before = _resident()
    run(20_000, 20_000 + count)
    return Figure(
        f"memory growth over {count:,} unique messages",
        (_resident() - before) / 2**20,
        "MB",
        bar=20,
        at_most=True,
    )


def _resident() -> int:
    """Give the resident memory of this process in bytes, now and not at its peak."""
    gc.collect()
    return psutil.Process().memory_info().rss
