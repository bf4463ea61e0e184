"""Recall, precision and coverage of the privacy engine, beside default Presidio.

Matching: a gold span is found when a detected span of its group overlaps it; a detected
span is right when it overlaps a gold span of its group; a gold span is covered when
every character of it that is a letter or digit lies in a detected span of any group.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bars import Figure

Row = dict[str, Any]
Found = Sequence[tuple[int, int, str]]
HANDMADE = Path(__file__).parents[1] / "data" / "privacy" / "handmade.jsonl"


class DataSet(NamedTuple):
    """One file, the group of each of its labels, and the bars in percent."""

    name: str
    file: str
    groups: dict[str, str]
    recall: dict[str, float]
    precision: dict[str, float]


def _groups(table: str) -> dict[str, str]:
    return {
        label: group
        for line in table.strip().splitlines()
        for group, _, labels in [line.strip().partition(": ")]
        for label in labels.split()
    }


DATA_SETS = (
    DataSet(
        "latam",
        "latam_dev.jsonl",
        _groups("""
            PHONE: PHONE_NUMBER
            ID: ID_NUMBER
            ADDRESS: ADDRESS
            EMAIL: EMAIL
            PERSON: CUSTOMER_NAME"""),
        {"PHONE": 97, "ID": 99, "ADDRESS": 92, "EMAIL": 100},
        {"PHONE": 99, "ID": 98, "ADDRESS": 99, "EMAIL": 100},
    ),
    DataSet(
        "clinical",
        "clinical_es_dev.jsonl",
        _groups("""
            PHONE: NUMERO_TELEFONO NUMERO_FAX
            ID: ID_SUJETO_ASISTENCIA ID_ASEGURAMIENTO ID_TITULACION_PERSONAL_SANITARIO
            ID: ID_CONTACTO_ASISTENCIAL ID_EMPLEO_PERSONAL_SANITARIO
            ADDRESS: CALLE
            EMAIL: CORREO_ELECTRONICO
            PERSON: NOMBRE_SUJETO_ASISTENCIA NOMBRE_PERSONAL_SANITARIO"""),
        {"PHONE": 96, "ID": 96, "ADDRESS": 86, "EMAIL": 99},
        {"PHONE": 94, "ID": 99, "ADDRESS": 99, "EMAIL": 99},
    ),
    DataSet(
        "chat (SGD)",
        "sgd_chat_en_dev.jsonl",
        _groups("""
            PHONE: phone_number
            ADDRESS: address street_address venue_address address_of_location
            PERSON: contact_name therapist_name recipient_name receiver"""),
        {"PHONE": 99, "ADDRESS": 85},
        {"PHONE": 99, "ADDRESS": 90},
    ),
    DataSet(
        "generated",
        "generated_en_dev.jsonl",
        _groups("""
            CARD: CREDIT_CARD
            EMAIL: EMAIL_ADDRESS
            ACCOUNT: IBAN_CODE
            PHONE: PHONE_NUMBER
            ID: US_SSN US_DRIVER_LICENSE
            ADDRESS: ADDRESS STREET_ADDRESS
            PERSON: PERSON"""),
        {"CARD": 99, "EMAIL": 100, "ACCOUNT": 100},
        {"CARD": 99, "EMAIL": 99, "ACCOUNT": 100},
    ),
)
KINDS = ("PHONE", "EMAIL", "CARD", "ACCOUNT", "ID", "ADDRESS", "PERSON")
COVERED = {
    **dict.fromkeys(("PHONE", "ID", "EMAIL", "CARD", "ACCOUNT"), 98.0),
    "ADDRESS": 80.0,
}
# Worldwide invented streets and free names need a language model: shown, not barred.
_UNBARRED = {("generated", kind) for kind in ("PHONE", "ID", "ADDRESS", "PERSON")}


class Tally(NamedTuple):
    """Counts of one data set, by group."""

    gold: Counter[str]
    found: Counter[str]
    covered: Counter[str]
    detected: Counter[str]
    right: Counter[str]


def load(path: Path) -> list[Row]:
    """Read JSON lines."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def tally(
    rows: Sequence[Row],
    groups: dict[str, str] | None,
    find: Callable[[str, str], Found],
    *,
    tell: Callable[[str, str, str], None] = lambda *_: None,
) -> Tally:
    """Count matches of *find* ``(text, language)``; *tell* gets every error."""
    counts = Tally(Counter(), Counter(), Counter(), Counter(), Counter())
    for row in rows:
        text = row["text"]
        gold = [
            (span["start"], span["end"], _group(span["label"], groups))
            for span in row["spans"]
        ]
        gold = [span for span in gold if span[2]]
        detected = find(text, row["lang"])
        for start, end, group in gold:
            counts.gold[group] += 1
            same = any(
                kind == group and first < end and start < last
                for first, last, kind in detected
            )
            whole = all(
                not text[place].isalnum()
                or any(first <= place < last for first, last, _ in detected)
                for place in range(start, end)
            )
            counts.found[group] += same
            counts.covered[group] += whole
            if not same:
                tell("missed", group, _shown(text, start, end))
            elif not whole:
                tell("part", group, _shown(text, start, end))
        for start, end, group in detected:
            counts.detected[group] += 1
            right = any(
                kind == group and first < end and start < last
                for first, last, kind in gold
            )
            counts.right[group] += right
            if not right:
                tell("wrong", group, _shown(text, start, end))
    return counts


def _group(label: str, groups: dict[str, str] | None) -> str:
    return label if groups is None else groups.get(label, "")


def _shown(text: str, start: int, end: int) -> str:
    shown = (
        f"{text[max(0, start - 40) : start]}⟦{text[start:end]}⟧{text[end : end + 30]}"
    )
    return shown.replace("\n", "⏎")


def figures(
    data_set: DataSet, ours: Tally, peer: Tally, *, barred_coverage: bool = True
) -> Iterator[Figure]:
    """Give recall, precision and coverage of each group in percent."""
    for kind in KINDS:
        if not ours.gold[kind]:
            continue
        name = f"{data_set.name} {kind}"
        for what, top, bottom, bar in (
            ("recall", "found", "gold", data_set.recall.get(kind)),
            ("precision", "right", "detected", data_set.precision.get(kind)),
            (
                "covered whole",
                "covered",
                "gold",
                COVERED.get(kind)
                if barred_coverage and (data_set.name, kind) not in _UNBARRED
                else None,
            ),
        ):
            yield Figure(
                f"{name} {what}",
                _percent(ours, top, bottom, kind),
                "%",
                bar=bar,
                peer=_percent(peer, top, bottom, kind),
            )


def _percent(counts: Tally, top: str, bottom: str, kind: str) -> float:
    below = getattr(counts, bottom)[kind]
    return 100 * getattr(counts, top)[kind] / below if below else 0.0


def masked_share(rows: Sequence[Row], find: Callable[[str, str], Found]) -> float:
    """Give the percentage of characters masked in texts without personal data."""
    total = masked = 0
    for row in rows:
        total += len(row["text"])
        masked += sum(end - start for start, end, _ in find(row["text"], row["lang"]))
    return 100 * masked / total
