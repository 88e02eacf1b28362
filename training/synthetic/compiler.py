"""How this folder's inner loops are compiled.

All share one set of options: without the interpreter's lock, and with reassociated floating point, so that a
picture depends on the machine in its last bits only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from training.compiler import compiled, compiled_sources

P = ParamSpec("P")
T = TypeVar("T")

_SOURCES = compiled_sources(Path(__file__).parent, constants=("scene",))
_OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": True, "error_model": "numpy"}


def jit(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function."""
    return compiled(function, sources=_SOURCES, **_OPTIONS)


def inlined(function: Callable[P, T]) -> Callable[P, T]:
    """Compile what runs at every pixel and allocates nothing.

    It is pasted into its caller, without counting references: a call would hand over every array of a scene.
    That makes shading twice as fast.
    """
    return compiled(function, sources=_SOURCES, forceinline=True, _nrt=False, **_OPTIONS)
