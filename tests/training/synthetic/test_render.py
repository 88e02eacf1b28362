"""Light behaves: symmetric, blocked by what stands before it, the same each time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.training.synthetic.stage import GREY, THING_MATERIAL, bank, camera, scene, sphere, square
from training.synthetic.render import bake, render_view
from training.synthetic.scene import Backdrop, FloatArray, Material, Pattern, Surface
from training.synthetic.shadows import openness

SKIN = dataclasses.replace(GREY, surface=Surface.SKIN, wrap=0.2)


def test_rendering_is_deterministic() -> None:
    stage = scene(sphere(), square(half_m=0.05, z_m=0.1), hand=SKIN, sun=(1, 2, -3), sun_strength=1.0)
    first, second = (render_view(bake(stage, bank()), camera()) for _ in range(2))
    np.testing.assert_array_equal(first.radiance, second.radiance)
    np.testing.assert_array_equal(first.face_index, second.face_index)


@pytest.mark.parametrize("material", [GREY, SKIN], ids=["paint", "skin"])
def test_a_sphere_lit_from_the_camera_is_symmetric(material: Material) -> None:
    stage = scene(sphere(), hand=material, sun_strength=1.0)
    view = render_view(bake(stage, bank()), camera())
    ball = np.where(view.hand_coverage[..., None] > 0.99, view.radiance, 0)
    assert ball.max() > 0.5
    for mirrored in (ball[:, ::-1], ball[::-1]):
        difference = np.abs(ball - mirrored)
        # The rim, where light grazes, is left to the taps of the soft shadow.
        assert (difference > 0.005).mean() < 0.005
        assert difference.max() < 0.1


def test_a_white_surface_under_a_constant_sky_shows_the_sky() -> None:
    white = dataclasses.replace(GREY, color_a=(1, 1, 1))
    view = render_view(
        bake(scene(square(half_m=0.2, z_m=0, material=0), hand=white, ambient=0.7), bank()), camera()
    )
    np.testing.assert_allclose(view.radiance, 0.7, rtol=1e-3)


def test_light_adds_up() -> None:
    def radiance(ambient: float, sun: float) -> FloatArray:
        stage = scene(sphere(), ambient=ambient, sun=(1, 1, -2), sun_strength=sun)
        return render_view(bake(stage, bank()), camera()).radiance

    np.testing.assert_allclose(radiance(0.4, 1.5), radiance(0.4, 0.0) + radiance(0.0, 1.5), atol=1e-5)


def test_a_shadow_falls_behind_what_stands_before_the_sun() -> None:
    wall = square(half_m=0.2, z_m=0.08, material=0)
    blocker = sphere(radius_m=0.03, centre_m=(-0.03, 0, -0.06), material=THING_MATERIAL)
    # The sun stands to the left of the camera: the shadow falls to the right of the ball.
    stage = scene(wall, blocker, ambient=0.0, sun=(-0.5, 0, -1), sun_strength=1.0)
    view = render_view(bake(stage, bank()), camera())
    wall_only = view.hand_coverage > 0.99
    lit = np.where(wall_only, view.radiance[..., 0], np.nan)
    shadow = np.argwhere(lit < 0.01)
    assert len(shadow) > 20
    # The ball's middle throws its shadow on the wall 0.14 m further, shifted by half of that.
    x_m, depth_m = -0.03 + 0.5 * 0.14, 0.58
    expected_px = 32 + 200 * x_m / depth_m
    np.testing.assert_allclose(shadow.mean(axis=0), [31.5, expected_px - 0.5], atol=1.0)


def test_a_convex_body_is_open_and_a_pit_is_not() -> None:
    ball = sphere()
    assert openness(ball, np.zeros(3)).min() > 0.9
    inside_out = dataclasses.replace(ball, normals=-ball.normals)
    assert openness(inside_out, np.zeros(3)).max() < 0.1


def test_the_hand_alone_counts_as_hand() -> None:
    view = render_view(bake(scene(sphere(), square(half_m=0.02, z_m=-0.1)), bank()), camera())
    middle = slice(28, 36)
    assert (view.hand_coverage[middle, middle] == 0).all()
    assert view.hand_coverage.max() == 1
    assert ((view.inverse_depth > 0) == (view.face_index >= 0)).all()


def test_a_backdrop_stands_behind_the_meshes() -> None:
    picture = Backdrop(texture=1, tint=(0.5, 1.0, 2.0))
    view = render_view(bake(scene(sphere()), bank(0.1, 0.36)), camera(backdrop=picture))
    np.testing.assert_allclose(view.radiance[0, 0], [0.18, 0.36, 0.72], rtol=0.01)
    assert abs(view.radiance[32, 32, 2] - 0.72) > 0.1


def test_defocus_spreads_the_background_but_not_the_hand() -> None:
    checker = dataclasses.replace(GREY, pattern=Pattern.CHECKER, color_b=(0.1, 0.1, 0.1), frequency_per_m=4.0)
    stage = scene(sphere())
    stage = dataclasses.replace(stage, room=dataclasses.replace(stage.room, walls=(checker,) * 6))
    baked = bake(stage, bank())
    sharp = render_view(baked, camera())
    soft = render_view(baked, dataclasses.replace(camera(), background_blur_px=3.0))
    hand = sharp.hand_coverage == 1
    np.testing.assert_array_equal(sharp.radiance[hand], soft.radiance[hand])
    assert soft.radiance[:8].std() < 0.7 * sharp.radiance[:8].std()


def test_a_scene_without_a_hand_is_refused() -> None:
    with pytest.raises(ValueError, match="the hand"):
        bake(scene(square(half_m=0.1, z_m=0)), bank())
