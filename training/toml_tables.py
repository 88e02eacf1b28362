"""TOML tables into frozen dataclasses: strict, so that an unknown key or a wrong value is named."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

Table = TypeVar("Table")
"""A dataclass, as a TOML table fills it."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file says.

    Raises:
        ValueError: It is not readable, or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} is not readable: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from error


def overlaid(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables with others laid over them: tables meet key by key, any other value takes the place."""
    merged = dict(under)
    for key, value in over.items():
        both_tables = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = overlaid(merged[key], value) if both_tables else value
    return merged


def built(cls: type[Table], values: dict[str, Any], *, where: str) -> Table:
    """Fill a dataclass with a table.

    Args:
        cls: The dataclass; its fields may be dataclasses, tuples, tables, literals and plain values.
        values: The table.
        where: What an error names before the key.

    Raises:
        ValueError: An unknown key, a missing one, or a value of the wrong type.
    """
    hints = get_type_hints(cls)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown}; {cls.__name__} has {sorted(hints)}")
    converted = {key: _convert(hints[key], value, f"{where}.{key}") for key, value in values.items()}
    try:
        return cls(**converted)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def require_at_least(table: object, least: int, *names: str) -> None:
    """Check the values of a table that count something.

    Raises:
        ValueError: One of them is less.
    """
    for name in names:
        if getattr(table, name) < least:
            raise ValueError(f"{name} is at least {least}, got {getattr(table, name)}")


def differing(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the values of each key in which two tables with the same keys differ, as `network.views`."""
    found: dict[str, tuple[Any, Any]] = {}
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(other[key], dict):
            found |= {f"{key}.{name}": pair for name, pair in differing(value, other[key]).items()}
        elif value != other[key]:
            found[key] = value, other[key]
    return found


def _convert(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401  (TOML values)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise ValueError(f"{where}: a table is wanted, got {value!r}")
        return built(hint, value, where=where)
    if hint is Any:
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{where}: one of {list(arguments)} is wanted, got {value!r}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where}: a list is wanted, got {value!r}")
        return tuple(_convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where}: a table is wanted, got {value!r}")
        return {str(key): _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    return _scalar(hint, value, where)


def _scalar(hint: type | types.UnionType, value: Any, where: str) -> Any:  # noqa: ANN401  (TOML values)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: a finite number is wanted, got {value!r}")
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ValueError(f"{where}: {hint} is wanted, got {value!r}")
    return value
