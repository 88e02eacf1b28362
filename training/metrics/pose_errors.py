"""How far points lie from the truth: JPE, VPE and the F-scores of a point set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from training.metrics.alignment import checked

Values = NDArray[np.float64]


def point_errors_m(predicted_m: NDArray[np.floating], true_m: NDArray[np.floating]) -> Values:
    """Return the distance of each predicted point to its own true point, (N, P), in metres.

    Raises:
        ValueError: The shapes differ or are not (N, P, 3).
    """
    predicted, true = checked(predicted_m, true_m)
    return np.asarray(np.linalg.norm(predicted - true, axis=2), np.float64)


def f_scores(
    predicted_m: NDArray[np.floating], true_m: NDArray[np.floating], thresholds_m: tuple[float, ...]
) -> Values:
    """Return the F-score of each image at each threshold, (N, thresholds), in [0, 1].

    The points are sets here: each looks for its nearest neighbour in the other set. F is the harmonic mean of
    two shares: of predicted points nearer than the threshold to the truth, of true points to the prediction.

    Raises:
        ValueError: The shapes differ or are not (N, P, 3).
    """
    predicted, true = checked(predicted_m, true_m)
    limits = np.asarray(thresholds_m)
    scores = np.empty((len(true), len(limits)))
    for image, (points, reference) in enumerate(zip(predicted, true, strict=True)):
        precision = _share_within(points, reference, limits)
        recall = _share_within(reference, points, limits)
        both = precision + recall
        scores[image] = 2.0 * precision * recall / np.where(both > 0.0, both, 1.0)
    return scores


def _share_within(points: Values, reference: Values, limits: Values) -> Values:
    nearest = np.asarray(cKDTree(reference).query(points)[0])
    return np.asarray((nearest[:, None] < limits).mean(axis=0), np.float64)
