"""Files that appear whole or not at all, also where several processes write one at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write to: a reader sees the old one or the new one, and an error leaves the old one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401  (whatever JSON can hold)
    """Write a value as JSON that a person can read."""
    with written_whole(path) as file:
        file.write((json.dumps(value, indent=2) + "\n").encode())
