"""The labels of one frame of HanCo (spec section 7.2)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from training.contract import JOINT_COUNT
from training.data.fields import PIXEL_CENTRE, entry, finite, finite_flat, read_json
from training.data.hanco.layout import CAMERAS, labels_path
from training.data.label_format import BETAS, FINGER_NUMBERS
from training.data.sample import Float32


class CameraLabels(NamedTuple):
    """Where one camera stands, and how it sees."""

    intrinsics: Float32
    """(3, 3): as published, pixel centres at whole numbers."""
    rotation: Float32
    """(3, 3): camera-from-world."""
    translation_m: Float32
    """(3,)."""

    def seen(self, points_world_m: Float32) -> Float32:
        """Return world points (..., 3) in the camera's frame."""
        return points_world_m @ self.rotation.T + self.translation_m

    def pixels(self, points_camera_m: Float32) -> Float32:
        """Return continuous pixel coordinates (P, 2) of points (P, 3) in the camera's frame."""
        homogeneous = points_camera_m @ self.intrinsics.T
        return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:] + PIXEL_CENTRE, np.float32)


class FrameLabels(NamedTuple):
    """What is the same for all views of a frame, in the world's frame, and its cameras."""

    cameras: tuple[CameraLabels, ...]
    joints_m: Float32
    """(J, 3)."""
    rotation_axis_angle: Float32
    """(3,): global rotation."""
    residual: Float32
    """(45,): axis-angles of the fingers."""
    betas: Float32
    """(10,)."""
    translation_m: Float32
    """(3,): added to MANO's vertices, which are not centred."""


def read_frame_labels(root: Path, sequence: int, frame: int) -> FrameLabels:
    """Return the labels of a frame that has a fit.

    Raises:
        ValueError: A file is missing or damaged, or a field is not what it should be.
    """
    path = labels_path(root, "shape", sequence, frame)
    shape = read_json(path)
    pose = finite_flat(entry(shape, "poses", path), size=3 + FINGER_NUMBERS, name="poses", path=path)
    return FrameLabels(
        cameras=_cameras(labels_path(root, "calib", sequence, frame)),
        joints_m=_joints(labels_path(root, "xyz", sequence, frame)),
        rotation_axis_angle=pose[:3],
        residual=pose[3:],
        betas=finite_flat(entry(shape, "shapes", path), size=BETAS, name="shapes", path=path),
        translation_m=finite_flat(entry(shape, "global_t", path), size=3, name="global_t", path=path),
    )


def _cameras(path: Path) -> tuple[CameraLabels, ...]:
    calibration = read_json(path)
    intrinsics = finite(entry(calibration, "K", path), shape=(CAMERAS, 3, 3), name="K", path=path)
    extrinsics = finite(entry(calibration, "M", path), shape=(CAMERAS, 4, 4), name="M", path=path)
    return tuple(
        CameraLabels(own, world[:3, :3], world[:3, 3])
        for own, world in zip(intrinsics, extrinsics, strict=True)
    )


def _joints(path: Path) -> Float32:
    return finite(read_json(path), shape=(JOINT_COUNT, 3), name="the list of joints", path=path)
