"""Distances and F-scores, against whole tables of distances."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from training.metrics.pose_errors import f_scores, point_errors_m

Array = NDArray[np.float64]
THRESHOLDS = (0.005, 0.015)


def clouds(seed: int, images: int = 4, points: int = 120) -> Array:
    return 0.05 * np.random.default_rng(seed).normal(size=(images, points, 3))


def test_a_displacement_is_its_length() -> None:
    true = clouds(0)
    np.testing.assert_allclose(point_errors_m(true + np.array([0.003, 0.0, -0.004]), true), 0.005)


def test_there_is_no_error_at_the_truth() -> None:
    true = clouds(0)
    assert point_errors_m(true, true).max() == 0.0
    np.testing.assert_array_equal(f_scores(true, true, THRESHOLDS), 1.0)


def test_f_is_that_of_the_whole_table_of_distances() -> None:
    predicted, true = clouds(0), clouds(1)
    scores = f_scores(predicted, true, THRESHOLDS)
    for image in range(len(true)):
        distances = cdist(predicted[image], true[image])
        for column, threshold in enumerate(THRESHOLDS):
            precision = (distances.min(axis=1) < threshold).mean()
            recall = (distances.min(axis=0) < threshold).mean()
            assert scores[image, column] == pytest.approx(2 * precision * recall / (precision + recall))


def test_f_asks_for_less_than_the_threshold() -> None:
    true = np.zeros((1, 1, 3))
    predicted = true + np.array([0.5, 0.0, 0.0])
    np.testing.assert_array_equal(f_scores(predicted, true, (0.5, 0.500001)), [[0.0, 1.0]])


def test_f_does_not_care_for_the_order_of_points() -> None:
    predicted, true = clouds(0), clouds(1)
    order = np.random.default_rng(2).permutation(predicted.shape[1])
    np.testing.assert_array_equal(
        f_scores(predicted[:, order], true, THRESHOLDS), f_scores(predicted, true, THRESHOLDS)
    )


def test_f_is_the_same_both_ways() -> None:
    predicted, true = clouds(0), clouds(1)
    np.testing.assert_allclose(f_scores(predicted, true, THRESHOLDS), f_scores(true, predicted, THRESHOLDS))


def test_far_away_f_is_nought() -> None:
    true = clouds(0)
    np.testing.assert_array_equal(f_scores(true + 9.0, true, THRESHOLDS), 0.0)


def test_no_image_has_no_score() -> None:
    nothing = np.empty((0, 21, 3))
    assert f_scores(nothing, nothing, THRESHOLDS).shape == (0, 2)
    assert point_errors_m(nothing, nothing).shape == (0, 21)
