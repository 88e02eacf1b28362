"""From camera axes to pixels: with a known camera, or with the one that the joints imply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sima_hand_client.types import FloatArray, HandResult, Intrinsics


class Camera(Protocol):
    """Puts points on the photo."""

    def project(self, points_root_m: FloatArray) -> FloatArray:
        """Map [N, 3] points to [N, 3]: x and y in pixels, and a depth that only orders them."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class PinholeCamera:
    """The full perspective camera of given intrinsics, with the wrist at `translation_m`."""

    intrinsics: Intrinsics
    translation_m: FloatArray

    def project(self, points_root_m: FloatArray) -> FloatArray:
        """Map [N, 3] points to pixels and metres of depth."""
        fx_px, fy_px, cx_px, cy_px = self.intrinsics
        x_m, y_m, z_m = (points_root_m + self.translation_m).T  # each (N,)
        return np.stack([fx_px * x_m / z_m + cx_px, fy_px * y_m / z_m + cy_px, z_m], axis=-1).astype(
            np.float32
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class WeakPerspectiveCamera:
    """Orthographic up to one scale: what a hand looks like from further away than it is deep."""

    scale_px_per_m: float
    offset_px: FloatArray

    def project(self, points_root_m: FloatArray) -> FloatArray:
        """Map [N, 3] points to pixels and root-relative metres of depth."""
        xy_px = self.scale_px_per_m * points_root_m[:, :2] + self.offset_px
        return np.concatenate([xy_px, points_root_m[:, 2:]], axis=-1).astype(np.float32)


def fit_weak_perspective(joints_root_m: FloatArray, joints_px: FloatArray) -> WeakPerspectiveCamera:
    """Fit scale and offset to joints known in both frames, by least squares in closed form.

    Args:
        joints_root_m: [J, 3].
        joints_px: [J, 2].

    Raises:
        ValueError: the joints lie on one point of the image plane, or their two pictures disagree so far that
            no positive scale fits.
    """
    centre_m, centre_px = joints_root_m[:, :2].mean(axis=0), joints_px.mean(axis=0)
    offsets_m, offsets_px = joints_root_m[:, :2] - centre_m, joints_px - centre_px
    spread_m2 = float(np.square(offsets_m).sum())
    scale_px_per_m = float((offsets_m * offsets_px).sum()) / spread_m2 if spread_m2 > 0 else 0.0
    if not scale_px_per_m > 0:
        raise ValueError(f"no camera fits the joints: scale {scale_px_per_m} px/m")
    return WeakPerspectiveCamera(
        scale_px_per_m=scale_px_per_m, offset_px=(centre_px - scale_px_per_m * centre_m).astype(np.float32)
    )


def camera_of(result: HandResult) -> Camera:
    """Return the camera of a result: its own where intrinsics were given, else the one its joints imply."""
    if result.intrinsics is not None and result.translation_m is not None:
        return PinholeCamera(intrinsics=result.intrinsics, translation_m=result.translation_m)
    return fit_weak_perspective(result.joints_root_m, result.joints_px)
