"""What every reader gives: one picture of one right hand with its labels, before crop and augmentation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class HandSample:
    """One view of a hand; J = 21 joints, V vertices; frames as in `training.contract`."""

    image: NDArray[np.uint8]
    """(H, W, 3), RGB."""
    joints_px: Float32
    """(J, 2): projected joints, continuous pixel coordinates (pixel centres at + 0.5)."""
    vertices_canonical_m: Float32
    """(V, 3): articulated mesh with the global rotation taken off."""
    joints_canonical_m: Float32
    """(J, 3)."""
    rotation: Float32
    """(3, 3): camera-from-canonical."""
    visibility: float
    """Visible share of the hand's own silhouette."""
