"""How far the joints of a hand turn, as data, in degrees.

Fingers: 0 is a straight finger in the plane of the palm, flexion is positive towards the palm, abduction
positive towards the thumb. Thumb: angles from the relaxed rest pose, abduction positive away from the palm
(radial), negative across it (opposed). The ranges were chosen by eye on this template: as wide as living
hands turn, drawn in where linear blend skinning folds the skin.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class FingerDof(IntEnum):
    """Columns of a finger's angles."""

    MCP_FLEXION = 0
    MCP_ABDUCTION = 1
    MCP_TWIST = 2
    PIP_FLEXION = 3
    DIP_FLEXION = 4


class ThumbDof(IntEnum):
    """Entries of the thumb's angles."""

    CMC_FLEXION = 0
    CMC_ABDUCTION = 1
    CMC_TWIST = 2
    MCP_FLEXION = 3
    MCP_ABDUCTION = 4
    IP_FLEXION = 5


FINGER_LIMITS_DEG = np.array(
    [
        # MCP flexion, abduction, twist, PIP flexion, DIP flexion
        [(-20, 85), (-12, 20), (-6, 6), (-3, 105), (-8, 72)],  # index
        [(-20, 88), (-10, 10), (-6, 6), (-3, 108), (-8, 72)],  # middle
        [(-20, 90), (-14, 10), (-6, 6), (-3, 108), (-8, 72)],  # ring
        [(-20, 92), (-25, 12), (-6, 6), (-3, 103), (-8, 72)],  # little
    ],
    dtype=np.float64,
)
"""(4, 5, 2): index to little, `FingerDof`, lowest and highest."""

THUMB_LIMITS_DEG = np.array(
    [(-22, 28), (-22, 28), (-12, 20), (-12, 55), (-8, 8), (-20, 75)], dtype=np.float64
)
"""(6, 2): `ThumbDof`, lowest and highest."""

PALM_LIMITS_DEG = np.array([(0, 8), (0, 15)], dtype=np.float64)
"""(2, 2): flexion of the ring and little metacarpals."""

WRIST_LIMITS_DEG = np.array([(-55, 60), (-25, 18), (-20, 20)], dtype=np.float64)
"""(3, 2): flexion, deviation and twist of the forearm against the hand."""

DIP_PER_PIP = 0.62
"""The two end joints of a finger share tendons: DIP flexion follows PIP flexion by this factor."""

DIP_SPREAD_DEG = 7.0

ABDUCTION_LOSS = 0.85
"""Share of abduction that is lost at `FULL_FLEXION_DEG`: the side ligaments tighten as a knuckle bends."""

FULL_FLEXION_DEG = 80.0

NEIGHBOUR_LIMITS_DEG = np.array([(80, 105), (55, 80), (55, 80)], dtype=np.float64)
"""(3, 2): how far MCP and PIP flexion may differ between index-middle, middle-ring and ring-little."""

CONVERGENCE_DEG = np.array([-5.0, 0.0, 5.0, 10.0])
"""(4,): roll of index to little about themselves at `FULL_FLEXION_DEG`: bent fingers converge."""
