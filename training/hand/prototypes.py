"""Named hand poses that real hands return to; samples are blends of two of them, disturbed.

Rows are index, middle, ring, little: MCP flexion, MCP abduction, twist, PIP flexion, DIP flexion. Thumb: CMC
flexion, abduction, twist, MCP flexion, abduction, IP flexion. Palm: flexion of ring and little metacarpal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.hand.pose import PoseAngles

_Row = tuple[float, float, float, float, float]
_POSES: dict[str, tuple[tuple[_Row, _Row, _Row, _Row], tuple[float, ...], tuple[float, float]]] = {
    "flat": (
        ((0, 4, 0, 2, 0), (0, 0, 0, 2, 0), (0, -3, 0, 2, 0), (0, -6, 0, 2, 0)),
        (-5, 0, 0, 0, 0, 0),
        (0, 0),
    ),
    "relaxed": (
        ((20, 2, 0, 25, 14), (28, 0, 0, 30, 18), (32, -1, 0, 34, 20), (34, -3, 0, 34, 20)),
        (0, -4, 0, 8, 0, 12),
        (2, 4),
    ),
    "spread": (
        ((-5, 18, 0, 2, 0), (-4, 2, 0, 2, 0), (-4, -10, 0, 2, 0), (-5, -22, 0, 2, 0)),
        (-20, 12, 0, -5, 0, -10),
        (0, 0),
    ),
    "fist": (
        ((74, -5, 2, 86, 48), (80, 5, 0, 88, 50), (81, 2, -3, 85, 47), (79, 4, 1, 77, 39)),
        (18, -21, -12, -3, -5, 39),
        (6, 12),
    ),
    "point": (
        ((6, 2, 0, 6, 3), (75, 0, 0, 92, 52), (78, 0, 0, 86, 46), (78, 0, 0, 77, 40)),
        (5, -22, -2, 30, -8, 11),
        (5, 10),
    ),
    "pinch": (
        ((36, -12, 0, 57, 50), (32, 0, 0, 35, 20), (22, -2, 0, 26, 14), (14, -6, 0, 22, 12)),
        (15, -22, 20, 9, 8, -20),
        (4, 8),
    ),
    "ok": (
        ((30, -12, 0, 61, 55), (10, 0, 0, 12, 6), (4, -5, 0, 8, 4), (0, -14, 0, 6, 3)),
        (19, -22, 20, 7, 8, -20),
        (3, 6),
    ),
    "peace": (
        ((2, 14, 0, 4, 2), (4, -8, 0, 5, 2), (77, 0, 0, 89, 49), (76, 0, 0, 78, 40)),
        (9, -22, 20, 45, -8, -20),
        (5, 10),
    ),
    "thumbs_up": (
        ((71, 0, 0, 89, 49), (77, 0, 0, 91, 51), (79, 0, 0, 85, 45), (79, 0, 0, 77, 37)),
        (-20, -12, -6, -8, 0, -12),
        (5, 10),
    ),
    "claw": (
        ((-8, 6, 0, 78, 48), (-8, 0, 0, 80, 50), (-8, -4, 0, 80, 50), (-8, -8, 0, 78, 48)),
        (-4, 8, 0, 20, 0, 40),
        (0, 2),
    ),
    "tripod": (
        ((40, -12, 0, 56, 44), (58, 0, 0, 52, 26), (66, 0, 0, 66, 40), (70, 0, 0, 72, 44)),
        (12, -22, 20, 12, 8, -20),
        (4, 9),
    ),
    "hook": (
        ((10, 0, 0, 90, 50), (10, 0, 0, 94, 52), (12, 0, 0, 94, 52), (14, 0, 0, 90, 50)),
        (0, 0, 0, 10, 0, 20),
        (2, 4),
    ),
    "cylinder": (
        ((42, 4, 0, 48, 28), (48, 0, 0, 52, 30), (54, -2, 0, 54, 32), (58, -6, 0, 52, 30)),
        (2, -20, 8, 18, 0, 25),
        (5, 10),
    ),
    "tablet": (
        ((62, 2, 0, 10, 5), (64, 0, 0, 10, 5), (66, -2, 0, 10, 5), (66, -4, 0, 10, 5)),
        (6, 16, 6, 12, 0, 10),
        (4, 8),
    ),
    "gun": (
        ((4, 4, 0, 6, 3), (6, 0, 0, 8, 4), (77, 0, 0, 89, 49), (76, 0, 0, 78, 40)),
        (-20, 2, 0, -6, 0, -8),
        (5, 10),
    ),
    "horns": (
        ((2, 6, 0, 4, 2), (77, 0, 0, 89, 49), (78, 0, 0, 86, 46), (4, -12, 0, 6, 3)),
        (3, -22, -2, 31, -8, 13),
        (4, 6),
    ),
}


def _angles(name: str) -> NDArray[np.float64]:
    fingers, thumb, palm = _POSES[name]
    return PoseAngles(
        fingers_deg=np.array(fingers, dtype=np.float64),
        thumb_deg=np.array(thumb, dtype=np.float64),
        palm_deg=np.array(palm, dtype=np.float64),
        wrist_deg=np.zeros(3),
    ).vector()


PROTOTYPE_NAMES: tuple[str, ...] = tuple(_POSES)

PROTOTYPES_DEG: NDArray[np.float64] = np.stack([_angles(name) for name in PROTOTYPE_NAMES])
"""(16, 31): `PoseAngles.vector` of each named pose."""


def prototype(name: str) -> PoseAngles:
    """Return a named pose.

    Raises:
        ValueError: There is no pose of that name.
    """
    if name not in _POSES:
        raise ValueError(f"no pose {name!r}; there are {', '.join(PROTOTYPE_NAMES)}")
    return PoseAngles.from_vector(PROTOTYPES_DEG[PROTOTYPE_NAMES.index(name)])
