"""The percentage of correct keypoints under a threshold, and the area under its curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

PCK_THRESHOLDS_M: Values = np.linspace(0.0, 0.050, 100)
"""FreiHAND's thresholds: 0 to 50 mm, both ends included."""


def pck_curves(errors_m: NDArray[np.floating], thresholds_m: Values = PCK_THRESHOLDS_M) -> Values:
    """Return each keypoint's share of errors at or under each threshold, (P, thresholds).

    Args:
        errors_m: Errors (N, P) of N > 0 images.
        thresholds_m: Ascending thresholds.

    Raises:
        ValueError: There is no image, or the errors are not (N, P).
    """
    if errors_m.ndim != 2 or len(errors_m) == 0:
        raise ValueError(f"errors must be (N, P) with N > 0, got {errors_m.shape}")
    images, points = errors_m.shape
    steps = len(thresholds_m)
    # The first threshold that an error does not exceed; `steps` where it exceeds them all.
    first = np.searchsorted(thresholds_m, errors_m, side="left")  # (N, P)
    slots = first + (steps + 1) * np.arange(points)
    counts = np.bincount(slots.ravel(), minlength=points * (steps + 1)).reshape(points, steps + 1)
    return np.asarray(counts[:, :steps].cumsum(axis=1) / images, np.float64)


def area_under_pck(errors_m: NDArray[np.floating], thresholds_m: Values = PCK_THRESHOLDS_M) -> float:
    """Return the area under each keypoint's curve over that of a perfect one, averaged over keypoints: AUC.

    Raises:
        ValueError: There is no image, or the errors are not (N, P).
    """
    areas = np.trapezoid(pck_curves(errors_m, thresholds_m), thresholds_m, axis=1)
    return float(areas.mean() / (thresholds_m[-1] - thresholds_m[0]))
