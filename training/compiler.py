"""How inner loops are compiled by numba, and where the compiled code is kept for the next process."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba

P = ParamSpec("P")
T = TypeVar("T")


def compiled(
    function: Callable[P, T],
    *,
    sources: tuple[Path, ...],
    **options: Any,  # noqa: ANN401  (numba's)
) -> Callable[P, T]:
    """Compile a function with numba's `options`, and keep the code.

    Numba's cache sees an edit of the function's own file alone, not of another whose functions or constants
    were built in. So the code lies in a folder of its own for each state of `sources`: in the folder that
    NUMBA_CACHE_DIR names, or beside the sources.
    """
    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(Path(before or sources[0].parent / "__pycache__") / _state_of(sources))
    try:
        # The decorator reads the setting while it runs.
        result: Callable[P, T] = numba.njit(cache=True, **options)(function)
    finally:
        settings.CACHE_DIR = before
    return result


def compiled_sources(folder: Path, *, constants: Iterable[str]) -> tuple[Path, ...]:
    """Return the files of a folder whose functions are compiled, and those whose constants are built in."""
    built_in = set(constants)
    return tuple(
        path
        for path in sorted(folder.glob("*.py"))
        if path.stem in built_in or any(mark in path.read_bytes() for mark in (b"@jit", b"@inlined"))
    )


@functools.cache
def _state_of(sources: tuple[Path, ...]) -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sources:
        digest.update(path.read_bytes())
    return f"compiled-{digest.hexdigest()[:16]}"
