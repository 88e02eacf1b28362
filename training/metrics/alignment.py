"""Taking off what a measure does not judge: the root, or a similarity (Procrustes)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

SMALLEST = 1e-8
"""Added to norms, as FreiHAND does: a prediction that is a single point has no scale."""


def root_aligned(points_m: NDArray[np.floating], root_m: NDArray[np.floating]) -> Points:
    """Return points (N, P, 3) relative to each image's root (N, 3)."""
    return np.asarray(points_m - root_m[:, None], np.float64)


def procrustes_aligned(
    predicted_m: NDArray[np.floating], true_m: NDArray[np.floating], *, reflection: bool = True
) -> Points:
    """Move, turn and scale each prediction onto its truth, by least squares.

    Args:
        predicted_m: Points (N, P, 3).
        true_m: Points (N, P, 3), in the same order.
        reflection: Allow a mirrored prediction to be mirrored back, as FreiHAND's evaluation and every table
            of the field do; without it only proper rotations are allowed.

    Returns:
        The aligned predictions (N, P, 3).

    Raises:
        ValueError: The shapes differ or are not (N, P, 3).
    """
    predicted, true = checked(predicted_m, true_m)
    centre = true.mean(axis=1, keepdims=True)
    predicted, _ = _normalised(predicted)
    true, true_size = _normalised(true)
    left, stretch, right = np.linalg.svd(np.swapaxes(true, 1, 2) @ predicted)
    if not reflection:
        handedness = np.linalg.det(left) * np.linalg.det(right)
        left[:, :, 2] *= handedness[:, None]
        stretch[:, 2] *= handedness
    # The prediction's row vectors are turned by the transpose of what takes the truth to the prediction.
    turned = predicted @ np.swapaxes(left @ right, 1, 2)
    scale = stretch.sum(axis=1)[:, None, None] * true_size
    return np.asarray(turned * scale + centre, np.float64)


def checked(predicted_m: NDArray[np.floating], true_m: NDArray[np.floating]) -> tuple[Points, Points]:
    """Return both point sets in double precision.

    Raises:
        ValueError: The shapes differ or are not (N, P, 3).
    """
    if predicted_m.shape != true_m.shape or predicted_m.ndim != 3 or predicted_m.shape[2] != 3:
        raise ValueError(
            f"points must be two arrays of one shape (N, P, 3), got {predicted_m.shape} and {true_m.shape}"
        )
    return np.asarray(predicted_m, np.float64), np.asarray(true_m, np.float64)


def _normalised(points: Points) -> tuple[Points, Points]:
    centred = points - points.mean(axis=1, keepdims=True)
    size = np.linalg.norm(centred, axis=(1, 2), keepdims=True) + SMALLEST
    return centred / size, size
