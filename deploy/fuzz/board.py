"""What a worker has tried, in a file that outlives it: counts of outcomes, and the input in its hands."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Self

OUTCOMES = ("ok", "unreadable-image", "unsupported-media-type", "too-large", "bad-box", "unexpected")
LARGEST_INPUT_BYTES = 32 << 10

_COUNTS = struct.Struct(f"<{len(OUTCOMES)}Q")
_LENGTH = struct.Struct("<Q")
_SIZE = _COUNTS.size + _LENGTH.size + LARGEST_INPUT_BYTES


class Board:
    """A file of fixed size that the worker writes and the campaign reads; the kernel keeps it."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        with path.open("a+b") as file:
            file.truncate(_SIZE)
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self._counts = list(_COUNTS.unpack_from(self._map))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._map.close()

    def take(self, data: bytes) -> None:
        """Remember the input that is tried next.

        Raises:
            ValueError: It is too long for the board.
        """
        if len(data) > LARGEST_INPUT_BYTES:
            raise ValueError(f"an input has at most {LARGEST_INPUT_BYTES} bytes, got {len(data)}")
        start = _COUNTS.size + _LENGTH.size
        self._map[start : start + len(data)] = data
        _LENGTH.pack_into(self._map, _COUNTS.size, len(data))

    def count(self, outcome: str) -> None:
        """Count what came of it."""
        self._counts[OUTCOMES.index(outcome)] += 1
        _COUNTS.pack_into(self._map, 0, *self._counts)

    def counts(self) -> dict[str, int]:
        """Return how often each outcome came about, whoever counted."""
        return dict(zip(OUTCOMES, _COUNTS.unpack_from(self._map), strict=True))

    def input(self) -> bytes:
        """Return the input that was taken last."""
        (length,) = _LENGTH.unpack_from(self._map, _COUNTS.size)
        start = _COUNTS.size + _LENGTH.size
        return bytes(self._map[start : start + length])
