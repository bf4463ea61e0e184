"""A server's clock that a test can set: `time.time` goes wrong by what a file says.

Python imports this first in a process that has this folder in its PYTHONPATH.
"""

import mmap
import os
import struct
import time

_right = time.time
with open(os.environ["WRONG_CLOCK"], "r+b") as _file:  # noqa: PTH123
    _seconds = mmap.mmap(_file.fileno(), 8)


def _wrong() -> float:
    (seconds,) = struct.unpack_from("d", _seconds)
    return _right() + float(seconds)


time.time = _wrong
