"""How this folder's inner loops are compiled, and where the compiled code is kept."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba

P = ParamSpec("P")
T = TypeVar("T")

_HERE = Path(__file__).parent
_CONSTANTS = ("limits", "rig")
"""Files whose constants are built into compiled code."""


def jit(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function, and keep the code for the next process.

    Numba's cache sees an edit of the function's own file alone, not of another whose functions or constants
    were built in. So the code lies in a folder of its own for each state of those sources.
    """
    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(_cache_folder(before))
    try:
        # The decorator reads the setting while it runs.
        compiled: Callable[P, T] = numba.njit(cache=True)(function)
    finally:
        settings.CACHE_DIR = before
    return compiled


@functools.cache
def _cache_folder(chosen: str) -> Path:
    """Return where compiled code lies: in the folder that the user chose for it, or beside the sources."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(_HERE.glob("*.py")):
        source = path.read_bytes()
        if b"@jit" in source or path.stem in _CONSTANTS:
            digest.update(source)
    return Path(chosen or _HERE / "__pycache__") / f"compiled-{digest.hexdigest()[:16]}"
