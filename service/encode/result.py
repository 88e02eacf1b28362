"""What is encoded: one hand in the caller's frame.

Legend: V vertices, J joints. Camera axes (x right, y down, z away), metres, wrist at the origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Side = Literal["right", "left"]


@dataclass(frozen=True, kw_only=True)
class HandResult:
    """One hand, left hands mirrored back."""

    model: str
    version: str
    side: Side
    vertices_m: FloatArray
    """(V, 3)."""
    joints_m: FloatArray
    """(J, 3)."""
    rotation: FloatArray
    """(3, 3) camera-from-canonical."""
    joints_px: FloatArray
    """(J, 2) in the upright picture."""
    translation_m: NDArray[np.float64] | None
    """(3,) position of the wrist in the camera's frame; None without intrinsics."""
    timing_ms: dict[str, float]
