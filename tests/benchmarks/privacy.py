"""How well and how fast personal data is found, beside Presidio as it comes.

    uv run python tests/benchmarks/privacy.py [--quick] [--json FILE] [--data FOLDER]

Quality needs the development data (see --data) and the project's own hand-made list;
speed is CPU time of one process, both sides in the same run.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator

import privacy_quality as quality
import privacy_speed as speed
from bars import Figure, arguments, report
from presidio_analyzer import AnalyzerEngine

from rasa_qa_plugin.privacy.engine import PrivacyEngine
from rasa_qa_plugin.settings import PrivacySettings

# Presidio's names for what we group.
_GROUPS = {
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "ACCOUNT",
    "US_BANK_NUMBER": "ACCOUNT",
    "CRYPTO": "ACCOUNT",
    "LOCATION": "ADDRESS",
}
_ID_PREFIXES = ("ES_", "US_", "UK_", "MEDICAL")
# Its groups have no bars of their own: they are judged together.
_OWN = quality.DataSet("hand-made", "", {}, {}, {})


def main() -> int:
    """Measure, print, and give the exit code."""
    parser = arguments("Quality and speed of the privacy engine.")
    parser.add_argument("--only", choices=("quality", "speed"), help="one part")
    parser.add_argument(
        "--show", metavar="SET:GROUP", help="list the errors of one set and group"
    )
    options = parser.parse_args()
    engine = PrivacyEngine(PrivacySettings())
    presidio = speed.default_presidio()
    figures: list[Figure] = []
    if options.only != "speed":
        figures += measure_quality(engine, presidio, options)
    if options.only != "quality":
        figures += speed.figures(presidio, options.data, quick=options.quick)
    return report("privacy", figures, json_file=options.json)


def measure_quality(
    engine: PrivacyEngine, presidio: AnalyzerEngine, options: argparse.Namespace
) -> Iterator[Figure]:
    """Give the figures of every data set that is there."""

    def ours(text: str, _language: str) -> quality.Found:
        return [
            (s.start, s.end, "PERSON" if s.entity_type == "NAME" else s.entity_type)
            for s in engine.find(text)
        ]

    def peer(text: str, language: str) -> quality.Found:
        return [
            (result.start, result.end, _group(result.entity_type))
            for result in presidio.analyze(text, language=language)
        ]

    folder = options.data / "pii"
    for data_set in (*quality.DATA_SETS, _OWN):
        path = folder / data_set.file if data_set.file else quality.HANDMADE
        if not path.exists():
            print(f"{data_set.name}: skipped, no {path.name}")  # noqa: T201
            continue
        rows = quality.load(path)
        rows = rows[:600] if options.quick else rows
        groups = data_set.groups or None
        wanted = options.show or ""

        def tell(what: str, group: str, text: str, name: str = data_set.name) -> None:
            if f"{name}:{group}" == wanted:  # noqa: B023 - called within this round
                print(f"{what:7} {text}")  # noqa: T201

        counts = quality.tally(rows, groups, ours, tell=tell)
        others = quality.tally(rows, groups, peer)
        if data_set is _OWN:
            yield from _handmade(rows, counts, others, ours)
        else:
            yield from quality.figures(data_set, counts, others)
    plain = folder / "plain_chat_en.jsonl"
    if plain.exists():
        rows = quality.load(plain)
        yield Figure(
            "plain chat characters masked",
            quality.masked_share(rows, ours),
            "%",
            bar=0.05,
            at_most=True,
            peer=quality.masked_share(rows, peer),
        )


def _group(entity_type: str) -> str:
    group = _GROUPS.get(entity_type)
    if group is None:
        group = "ID" if entity_type.startswith(_ID_PREFIXES) else entity_type
    return group


def _handmade(
    rows: list[quality.Row],
    ours: quality.Tally,
    peer: quality.Tally,
    find: Callable[[str, str], quality.Found],
) -> Iterator[Figure]:
    """Take all groups but names together, and commercial rows on their own."""

    def share(top: Counter[str], bottom: Counter[str]) -> float:
        kinds = [kind for kind in quality.KINDS if kind != "PERSON"]
        return 100 * sum(top[k] for k in kinds) / max(1, sum(bottom[k] for k in kinds))

    yield Figure(
        "hand-made recall",
        share(ours.found, ours.gold),
        "%",
        bar=99,
        peer=share(peer.found, peer.gold),
    )
    yield Figure(
        "hand-made precision",
        share(ours.right, ours.detected),
        "%",
        bar=99,
        peer=share(peer.right, peer.detected),
    )
    commercial = [row for row in rows if row["kind"].startswith("commercial_")]
    masked = sum(bool(find(row["text"], row["lang"])) for row in commercial)
    yield Figure(
        f"hand-made: of {len(commercial)} commercial rows masked",
        masked,
        "rows",
        bar=0,
        at_most=True,
    )
    yield from quality.figures(_OWN, ours, peer)


if __name__ == "__main__":
    sys.exit(main())
