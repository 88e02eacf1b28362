"""PCK and AUC, against counting."""

from __future__ import annotations

import numpy as np
import pytest

from training.metrics.pck import PCK_THRESHOLDS_M, area_under_pck, pck_curves


def errors(images: int = 50, points: int = 7) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(0).exponential(0.02, (images, points))


def test_the_thresholds_are_freihand_s() -> None:
    assert len(PCK_THRESHOLDS_M) == 100
    assert PCK_THRESHOLDS_M[0] == 0.0
    assert PCK_THRESHOLDS_M[-1] == 0.050


def test_curves_count_errors_at_or_under_the_threshold() -> None:
    measured = errors()
    measured[0, 0], measured[1, 1] = PCK_THRESHOLDS_M[10], 0.0
    counted = (measured[:, :, None] <= PCK_THRESHOLDS_M).mean(axis=0)
    np.testing.assert_allclose(pck_curves(measured), counted)


def test_curves_rise() -> None:
    assert (np.diff(pck_curves(errors()), axis=1) >= 0).all()


def test_the_area_is_about_the_mean_of_what_is_left_of_fifty_millimetres() -> None:
    measured = errors()
    expected = 1.0 - np.minimum(measured, 0.050).mean() / 0.050
    assert area_under_pck(measured) == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(("error", "area"), [(0.0, 1.0), (0.050001, 0.0), (np.inf, 0.0)])
def test_the_ends_of_the_area(error: float, area: float) -> None:
    assert area_under_pck(np.full((3, 2), error)) == pytest.approx(area)


def test_images_and_points_may_be_permuted() -> None:
    measured, rng = errors(), np.random.default_rng(1)
    permuted = rng.permuted(measured, axis=0)[:, rng.permutation(7)]
    assert area_under_pck(permuted) == pytest.approx(area_under_pck(measured))


@pytest.mark.parametrize("shape", [(0, 21), (21,), (2, 3, 4)])
def test_errors_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"errors must be \(N, P\)"):
        pck_curves(np.zeros(shape))
