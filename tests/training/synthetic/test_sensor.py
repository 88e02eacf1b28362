"""The camera: deterministic, level-headed about light, and fair to all skins."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.training.synthetic.stage import GREY, bank, camera, scene, sphere
from training.synthetic.render import RenderedView, bake, render_view
from training.synthetic.sensor import SensorRanges, develop, meter, photograph, tone_curve

ALWAYS = SensorRanges(
    blur_probability=1.0, motion_probability=1.0, resample_probability=1.0, jpeg_probability=1.0
)


@pytest.fixture(scope="module")
def view() -> RenderedView:
    return render_view(bake(scene(sphere(), sun_strength=1.0), bank()), camera())


@pytest.mark.parametrize("ranges", [SensorRanges(), ALWAYS], ids=["default", "everything"])
def test_a_photo_has_the_shape_of_the_view_and_depends_on_the_seed_alone(
    view: RenderedView, ranges: SensorRanges
) -> None:
    first, second = (photograph(view, rng=np.random.default_rng(4), ranges=ranges) for _ in range(2))
    other = photograph(view, rng=np.random.default_rng(5), ranges=ranges)
    assert first.shape == view.radiance.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_twice_the_light_gives_the_same_picture(view: RenderedView) -> None:
    brighter = dataclasses.replace(view, radiance=2 * view.radiance)
    assert meter(view).gain == pytest.approx(2 * meter(brighter).gain, rel=0.01)
    np.testing.assert_allclose(develop(view).astype(int), develop(brighter).astype(int), atol=1)


@pytest.mark.parametrize("albedo", [0.05, 0.15, 0.35, 0.6])
def test_no_skin_burns_out_or_drowns(albedo: float) -> None:
    skin = dataclasses.replace(GREY, color_a=(albedo, albedo, albedo))
    ball = sphere()
    ball = dataclasses.replace(ball, albedo=np.full_like(ball.albedo, 1.0))
    view = render_view(bake(scene(ball, hand=skin, sun_strength=2.0), bank()), camera())
    view = dataclasses.replace(view, hand_albedo=albedo)
    for seed in range(8):
        photo = photograph(view, rng=np.random.default_rng(seed))
        hand = photo[view.hand_coverage == 1]
        assert (hand.min(axis=1) > 250).mean() < 0.05
        assert hand.mean() > 25


def test_pale_hands_come_out_brighter_than_dark_ones() -> None:
    def level(albedo: float) -> float:
        skin = dataclasses.replace(GREY, color_a=(albedo,) * 3)
        view = render_view(bake(scene(sphere(), hand=skin, sun_strength=1.0), bank()), camera())
        shown = develop(dataclasses.replace(view, hand_albedo=albedo))
        return float(shown[view.hand_coverage == 1].mean())

    assert 40 < level(0.06) < level(0.2) < level(0.5) < 210


def test_the_tone_curve_rises_from_black_to_white() -> None:
    curve = tone_curve()
    assert curve[0] == 0
    assert curve[-1] == 255
    assert (np.diff(curve) >= 0).all()
