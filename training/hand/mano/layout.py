"""The numbers that MANO's files follow and that no file holds."""

from __future__ import annotations

from typing import Literal

Side = Literal["right", "left"]

VERTEX_COUNT = 778
FACE_COUNT = 1538
SHAPE_SIZE = 10
ARTICULATION_SIZE = 45
"""Axis-angle coordinates of the 15 finger bones."""

POSE_SIZE = 3 + ARTICULATION_SIZE
"""Global rotation first."""

BONE_PARENTS: tuple[int, ...] = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
"""Parent of each bone: the hand, then index, middle, little, ring and thumb from the palm outwards."""

BONE_COUNT = len(BONE_PARENTS)

FINGERTIP_VERTICES: tuple[int, ...] = (745, 317, 444, 556, 673)
"""Thumb to little, for both sides.

Published layers take 444 for the middle tip of a right hand and 445 for that of a left one, and a released
joint regressor takes 445 for the right one, too (spec section 12, fault 3). This one list serves kinematic
joints and regressor, and both sides, so that a mirrored left hand has the joints of a right one.
"""

JOINT_ORDER: tuple[int, ...] = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)
"""Where each of the 21 joints stands among MANO's 16 bone heads and then the 5 tips (spec section 1)."""
