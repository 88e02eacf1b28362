"""Materials as one structured table that compiled code reads by field name."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.synthetic.scene import Material

_VECTORS = {"blush": 3, "color_a": 3, "color_b": 3, "texture_per_m": 2, "texture_offset": 2}
_INTEGERS = ("surface", "pattern", "texture")


def _column(field: dataclasses.Field[Any]) -> tuple[str, type, tuple[int, ...]]:
    number = np.int32 if field.name in _INTEGERS else np.float64
    return field.name, number, (_VECTORS[field.name],) if field.name in _VECTORS else ()


MATERIAL_TYPE = np.dtype([_column(field) for field in dataclasses.fields(Material)], align=True)


def material_table(materials: Sequence[Material]) -> NDArray[np.void]:
    """Return one row for each material, its fields named as in `Material`."""
    table = np.zeros(len(materials), MATERIAL_TYPE)
    for row, material in zip(table, materials, strict=True):
        for field in dataclasses.fields(Material):
            row[field.name] = getattr(material, field.name)
    return table
