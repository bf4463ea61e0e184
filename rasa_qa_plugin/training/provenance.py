"""What a model was made from, as hashes: the same ones mean the same inputs."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from rasa_qa_plugin import __version__


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run's models and figures come from.

    Attributes:
        data: Hash of the training data and the domain.
        config: Hash of config.yml.
        test_set: Hash of the held-out file; figures of runs that differ in it do not
            compare.
        version: Of this package.
        options: What was asked of the training beyond the files: ``finetune``, a
            component's option.
    """

    data: str
    config: str
    test_set: str
    version: str = __version__
    options: dict[str, str] = {}


def provenance(  # noqa: PLR0913 - one for each kind of input
    *,
    data: Path,
    domain: Path,
    config: Path,
    test_set: Path,
    root: Path,
    options: dict[str, str],
) -> Provenance:
    """Read the files as they are now."""
    return Provenance(
        data=_hash([*_files(data), *_files(domain)], root),
        config=_hash([config], root),
        test_set=_hash([test_set], root),
        options=options,
    )


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    return sorted(
        path
        for path in place.rglob("*")
        if path.suffix in {".yml", ".yaml", ".json", ".txt", ".md"} and path.is_file()
    )


def _hash(files: Iterable[Path], root: Path) -> str:
    total = hashlib.sha256()
    for path in files:
        if not path.is_file():
            continue
        inside = path.is_relative_to(root)
        name = path.relative_to(root).as_posix() if inside else path.name
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{name}\0{content}\n".encode())
    return total.hexdigest()[:16]
