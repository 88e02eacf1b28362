"""Painted pictures: proper light, repeatable, and different from each other."""

from __future__ import annotations

import numpy as np
import pytest

from training.synthetic import interiors
from training.synthetic.brushes import Picture, field
from training.synthetic.pictures import Painter, paint_picture


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return [paint_picture(np.random.default_rng([1, seed]), 128) for seed in range(40)]


def test_pictures_are_light_between_black_and_white(pictures: list[Picture]) -> None:
    for picture in pictures:
        assert picture.shape == (128, 128, 3)
        assert picture.dtype == np.float32
        assert picture.min() >= 0
        assert picture.max() <= 1


def test_most_colours_are_dull(pictures: list[Picture]) -> None:
    levels = np.stack(pictures) ** (1 / 2.2)
    saturation = np.ptp(levels, axis=-1) / np.maximum(levels.max(axis=-1), 1e-6)
    assert np.median(saturation) < 0.45
    assert 0.25 < levels.mean() < 0.75


def test_a_seed_is_a_picture(pictures: list[Picture]) -> None:
    np.testing.assert_array_equal(paint_picture(np.random.default_rng([1, 3]), 128), pictures[3])
    means = np.array([picture.mean(axis=(0, 1)) for picture in pictures])
    assert len(np.unique(means.round(5), axis=0)) == len(pictures)


@pytest.mark.parametrize(
    "paint",
    [
        interiors.paint_shelf,
        interiors.paint_room,
        interiors.paint_person,
        interiors.paint_keys,
        interiors.paint_cloth,
        interiors.paint_planks,
        interiors.paint_lights,
    ],
)
def test_every_painter_fills_any_canvas(paint: Painter) -> None:
    for side_px in (64, 256):
        picture = paint(np.random.default_rng(0), side_px)
        assert picture.shape == (side_px, side_px, 3)
        assert picture.std() > 0.01


def test_a_fields_spectrum_falls_with_its_slope() -> None:
    def roughness(slope: float) -> float:
        noise = field(np.random.default_rng(0), 128, slope=slope)
        return float(np.abs(np.diff(noise)).mean())

    assert roughness(0.5) > 1.5 * roughness(1.2) > 3 * roughness(2.0)
