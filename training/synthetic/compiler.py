"""How this folder's inner loops are compiled, and where the compiled code is kept.

All share one set of options: without the interpreter's lock, and with reassociated floating point, so that a
picture depends on the machine in its last bits only.
"""

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
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": True, "error_model": "numpy"}


def jit(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function."""
    return _compiled(function, _OPTIONS)


def inlined(function: Callable[P, T]) -> Callable[P, T]:
    """Compile what runs at every pixel and allocates nothing.

    It is pasted into its caller, without counting references: a call would hand over every array of a scene.
    That makes shading twice as fast.
    """
    return _compiled(function, _OPTIONS | {"forceinline": True, "_nrt": False})


def _compiled(function: Callable[P, T], options: dict[str, Any]) -> Callable[P, T]:
    # Numba's cache of a function does not see an edit of another file whose code was pasted into it. A folder
    # of its own for each state of the sources does. The setting is read while the decorator runs.
    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(_cache_folder(before))
    try:
        compiled: Callable[P, T] = numba.njit(**options)(function)
    finally:
        settings.CACHE_DIR = before
    return compiled


@functools.cache
def _cache_folder(chosen: str) -> Path:
    """Return where compiled code lies: in the user's folder for it, or beside the sources."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(_HERE.glob("*.py")):
        source = path.read_bytes()
        if b"@jit" in source or b"@inlined" in source or path.stem == "scene":
            digest.update(source)
    return Path(chosen or _HERE / "__pycache__") / f"compiled-{digest.hexdigest()[:16]}"
