"""Patterns, pictures and noise never show more detail than pixels can."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.synthetic.stage import GREY
from training.synthetic.materials import material_table
from training.synthetic.noise import fractal_noise, noise_volume, pass_band, value_noise
from training.synthetic.scene import Pattern
from training.synthetic.surface import Place, surface_at
from training.synthetic.textures import build_bank, pyramid, sample_texture

HALVES = np.zeros((256, 256, 3), np.float32)
HALVES[:, ::2] = 1.0
BANK = np.stack([pyramid(HALVES)])


def albedo(pattern: Pattern, x_m: float, *, footprint_m: float) -> float:
    material = dataclasses.replace(
        GREY, pattern=pattern, color_a=(0.2, 0.2, 0.2), color_b=(0.8, 0.8, 0.8), frequency_per_m=50.0
    )
    place = Place((x_m, 0.003, 0.004), 2, (0.0, 0.0, 1.0), (1.0, 1.0, 1.0), 0.0, footprint_m)
    return surface_at(place, material_table([material])[0], noise_volume(), BANK).albedo[0]


@pytest.mark.parametrize("pattern", [Pattern.STRIPES, Pattern.CHECKER, Pattern.MOTTLED])
def test_a_pattern_far_away_is_its_mean(pattern: Pattern) -> None:
    near = [albedo(pattern, x, footprint_m=1e-5) for x in np.linspace(0, 1, 401)]
    far = [albedo(pattern, x, footprint_m=1.0) for x in np.linspace(0, 1, 11)]
    assert np.ptp(near) > 0.2
    np.testing.assert_allclose(far, 0.5, atol=1e-6)
    assert np.mean(near) == pytest.approx(0.5, abs=0.06)


def test_a_checker_alternates_with_its_frequency() -> None:
    colors = np.array([albedo(Pattern.CHECKER, x, footprint_m=1e-5) for x in np.arange(0.0025, 0.2, 0.01)])
    assert set(np.round(colors, 3)) == {0.2, 0.8}
    assert (np.diff(colors) != 0).all()


def test_a_picture_far_away_is_its_mean() -> None:
    samples = np.array([sample_texture(BANK, 0, u, 0.3, 0.25) for u in np.linspace(0, 1, 50)])
    np.testing.assert_allclose(samples, 0.5, atol=0.01)


def test_a_picture_goes_on_without_a_seam() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 256)[None, :, None], (256, 256, 3))
    bank = np.stack([pyramid(ramp)])
    across = np.array([sample_texture(bank, 0, u, 0.5, 1e-3)[0] for u in np.linspace(-1.5, 1.5, 3001)])
    assert np.abs(np.diff(across)).max() < 0.01
    assert across.min() < 0.01 < 0.99 < across.max()


def test_noise_is_continuous_and_fills_its_range() -> None:
    line = np.array([value_noise(noise_volume(), (x, 3.0, -5.0)) for x in np.linspace(-40, 40, 40001)])
    assert np.abs(np.diff(line)).max() < 0.0021
    assert 0.0 <= line.min() < 0.2
    assert 0.8 < line.max() <= 1.0


def test_noise_finer_than_the_pixels_is_gone() -> None:
    assert fractal_noise(noise_volume(), (0.3, 0.7, 0.2), 0.5) == 0.5
    assert pass_band(0.25) == 1.0
    assert pass_band(0.5) == 0.0


def test_a_bank_without_pictures_is_refused() -> None:
    with pytest.raises(ValueError, match="painted is 0"):
        build_bank(seed=0, painted=0)


def test_photos_join_the_bank(tmp_path: Path) -> None:
    photo = np.zeros((300, 500, 3), np.uint8)
    photo[..., 2] = 255  # red, in OpenCV's order
    cv2.imwrite(str(tmp_path / "red.png"), photo)
    bank = build_bank(seed=0, painted=1, photos=tmp_path)
    assert len(bank) == 2
    np.testing.assert_array_equal(bank[1], np.broadcast_to([255, 0, 0], bank[1].shape))


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no readable photo"):
        build_bank(seed=0, painted=1, photos=tmp_path)
