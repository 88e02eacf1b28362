"""How this folder's inner loops are compiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from training.compiler import compiled, compiled_sources

P = ParamSpec("P")
T = TypeVar("T")

_SOURCES = compiled_sources(Path(__file__).parent, constants=("limits", "rig"))


def jit(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function."""
    return compiled(function, sources=_SOURCES)
