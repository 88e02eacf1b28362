"""One label file of DexYCB (spec section 7.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.contract import JOINT_COUNT
from training.data.dexycb.layout import HEIGHT_PX, WIDTH_PX
from training.data.fields import PIXEL_CENTRE, finite, read_npz
from training.data.sample import Float32

HAND_SEGMENT = 255
"""Of `seg`; 0 is background, 1 to 21 are objects."""

_HAND_FIELDS = ("pose_m", "joint_3d", "joint_2d")
_ABSENT = -1.0


class HandLabels(NamedTuple):
    """What a picture's label says of its hand, in the camera's frame."""

    rotation_axis_angle: Float32
    """(3,): global rotation."""
    coefficients: Float32
    """(45,): principal components of the fingers' residual."""
    joints_m: Float32
    """(J, 3)."""
    joints_2d: Float32
    """(J, 2): as published, pixel centres at whole numbers."""
    valid: bool
    """False where the hand was not labelled in this view."""

    @property
    def joints_px(self) -> Float32:
        """(J, 2): continuous pixel coordinates."""
        return self.joints_2d + PIXEL_CENTRE


class ViewLabels(NamedTuple):
    """A whole label."""

    hand: HandLabels
    hand_px: int
    """Pixels that show the hand."""


def read_hand_labels(path: Path) -> HandLabels:
    """Return a label without its segmentation, which takes most of the time.

    Raises:
        ValueError: The file is missing or damaged, or a field is not what it should be.
    """
    return _hand_labels(read_npz(path, _HAND_FIELDS), path)


def read_view_labels(path: Path) -> ViewLabels:
    """Return a whole label.

    Raises:
        ValueError: The file is missing or damaged, or a field is not what it should be.
    """
    arrays = read_npz(path, ("seg", *_HAND_FIELDS))
    segments = arrays["seg"]
    if segments.shape != (HEIGHT_PX, WIDTH_PX) or segments.dtype != np.uint8:
        raise ValueError(
            f"{path}: seg: is {segments.dtype} {segments.shape}, not uint8 {(HEIGHT_PX, WIDTH_PX)}"
        )
    return ViewLabels(_hand_labels(arrays, path), int(np.count_nonzero(segments == HAND_SEGMENT)))


def _hand_labels(arrays: Mapping[str, NDArray[Any]], path: Path) -> HandLabels:
    pose = finite(arrays["pose_m"], shape=(1, 51), name="pose_m", path=path)[0]
    joints_m = finite(arrays["joint_3d"], shape=(1, JOINT_COUNT, 3), name="joint_3d", path=path)[0]
    joints_2d = finite(arrays["joint_2d"], shape=(1, JOINT_COUNT, 2), name="joint_2d", path=path)[0]
    absent = (joints_m == _ABSENT).all() or (joints_2d == _ABSENT).all() or not pose.any()
    return HandLabels(
        rotation_axis_angle=pose[:3],
        coefficients=pose[3:48],
        joints_m=joints_m,
        joints_2d=joints_2d,
        valid=not absent,
    )
