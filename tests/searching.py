"""Looking for many values in many files at once, in every notation they may have.

A needle's first bytes are looked up for each position of a file with NumPy; only where
they fit is the whole needle compared. Hundreds of needles cost little more than one.
"""

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

import numpy as np

_KEY = 5
_TABLE_BITS = 20
_MIX = np.uint64(0x9E3779B97F4A7C15)
_CHUNK = 1 << 22


def notations(value: str) -> set[bytes]:
    """Give a value as it might lie in a file, in lower case as the search wants it."""
    value = value.lower()
    plain = value.encode()
    forms = {
        plain,
        json.dumps(value)[1:-1].encode(),
        repr(value)[1:-1].encode(),
        ascii(value)[1:-1].encode(),
        quote(value).lower().encode(),
        quote_plus(value).lower().encode(),
        value.encode("utf-16-le").rstrip(b"\0"),
        value.encode("utf-16-be").lstrip(b"\0"),
        plain.hex().encode(),
    }
    return {form for form in forms if len(form) >= _KEY}


def base64_forms(value: str) -> set[bytes]:
    """Give what stays the same of a value in base64, whatever stands around it."""
    forms = set()
    for case in (value, value.lower()):
        for before in range(3):
            encoded = base64.b64encode(b"\0" * before + case.encode())
            # The first and last groups depend on what stands beside the value.
            inner = encoded[(0, 2, 3)[before] :].rstrip(b"=")[:-2]
            if len(inner) >= 2 * _KEY:
                forms.add(inner.lower())
    return forms


def quoted(value: str) -> set[bytes]:
    """Give a value too short to be told from other digits, as a whole value only."""
    forms = (f'"{value}"', f"'{value}'", f": {value})", f'\\"{value}\\"', f"={value} ")
    return {form.lower().encode() for form in forms if len(form) >= _KEY}


class Search:
    """A set of needles, each with the name under which it is reported."""

    def __init__(self, needles: Iterable[tuple[bytes, str]]) -> None:
        """Take pairs of needle, in lower case, and name."""
        self._by_key: dict[bytes, list[tuple[bytes, str]]] = {}
        for needle, name in needles:
            assert needle == needle.lower()
            self._by_key.setdefault(needle[:_KEY], []).append((needle, name))
        self._table = np.zeros(1 << _TABLE_BITS, dtype=bool)
        for key in self._by_key:
            self._table[_slots(np.frombuffer(key, dtype=np.uint8))] = True

    def found_in(self, content: bytes) -> set[str]:
        """Give the names of the needles that *content* holds, in any case."""
        content = content.lower()
        found: set[str] = set()
        view = np.frombuffer(content, dtype=np.uint8)
        for start in range(0, max(len(content) - _KEY + 1, 0), _CHUNK):
            slots = _slots(view[start : start + _CHUNK + _KEY - 1])
            for position in np.flatnonzero(self._table[slots]) + start:
                known = self._by_key.get(content[position : position + _KEY], ())
                for needle, name in known:
                    if content.startswith(needle, int(position)):
                        found.add(name)
        return found


def _slots(view: "np.ndarray[tuple[int], np.dtype[np.uint8]]") -> "np.ndarray":  # type: ignore[type-arg]
    """Give the table slot of the key at each position."""
    count = len(view) - _KEY + 1
    key = np.zeros(max(count, 0), dtype=np.uint64)
    for index in range(_KEY):
        key = (key << np.uint64(8)) | view[index : index + count].astype(np.uint64)
    return (key * _MIX) >> np.uint64(64 - _TABLE_BITS)
