"""Light is neither made nor lost, and skin bleeds red."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.synthetic.stage import sphere
from training.synthetic.lighting import LightRig, ambient_light, light_rig, reflected
from training.synthetic.scene import FloatArray, Lighting
from training.synthetic.shadows import shadow_map, sky_directions
from training.synthetic.surface import SurfacePoint

UP = (0.0, 0.0, 1.0)
DIRECTIONS = sky_directions(4000)
TINY = sphere(radius_m=1e-4, centre_m=(0.2, 0.2, -0.5))


def rig(*, ambient: float = 0.0, sun: FloatArray = DIRECTIONS[0], strength: float = 0.0) -> LightRig:
    sky = np.zeros((9, 3))
    sky[0] = ambient * 3.5449
    lighting = Lighting(ambient=sky, directions=sun[None], colors=np.full((1, 3), strength))
    return light_rig(lighting, shadow_map(TINY, lighting, np.zeros(3)))


def point(
    *, albedo: float = 1.0, wrap: float = 0.0, specular: float = 0.0, roughness: float = 0.5
) -> SurfacePoint:
    return SurfacePoint((albedo, albedo, albedo), UP, roughness, specular, wrap)


def sent(surface: SurfacePoint, light: LightRig, *, openness: float = 1.0) -> FloatArray:
    return np.array(reflected(surface, (0.0, 0.0, 0.0), UP, UP, openness, light, 0))


@pytest.mark.parametrize("wrap", [0.0, 0.1, 0.35])
def test_a_white_surface_returns_the_light_of_all_suns(wrap: float) -> None:
    total = sum(sent(point(wrap=wrap), rig(sun=sun, strength=1.0)) for sun in DIRECTIONS[::8])
    # Colours are irradiance over pi: an even sky of radiance 1 is 4 pi / 500 from each of 500 suns, over pi.
    np.testing.assert_allclose(np.asarray(total) * 4 / 500, 1.0, atol=0.04)


def test_light_that_wraps_is_redder_behind_the_terminator() -> None:
    grazing = np.array([np.sqrt(1 - 0.05**2), 0, -0.05])
    red, green, blue = sent(point(wrap=0.3), rig(sun=grazing, strength=1.0))
    assert red > green >= blue >= 0
    np.testing.assert_array_equal(sent(point(), rig(sun=grazing, strength=1.0)), 0)


def test_hollows_keep_the_light_of_their_walls() -> None:
    light = rig(ambient=1.0)
    np.testing.assert_allclose(sent(point(albedo=1.0), light, openness=0.3), 1.0, rtol=1e-3)
    dark, pale = (sent(point(albedo=albedo), light, openness=0.3)[0] / albedo for albedo in (0.05, 0.7))
    assert 0.3 < dark < 0.32 < pale < 1


def test_a_highlight_stands_in_the_mirror_direction_and_sharpens_with_polish() -> None:
    def highlight(sun: FloatArray, roughness: float) -> float:
        shiny, dull = point(albedo=0.0, specular=0.04, roughness=roughness), rig(sun=sun, strength=1.0)
        return float(sent(shiny, dull)[0])

    mirror, aside = np.array([0, 0, 1.0]), np.array([0, np.sin(0.6), np.cos(0.6)])
    assert highlight(mirror, 0.2) > highlight(mirror, 0.6) > 0
    assert (
        highlight(mirror, 0.2) / highlight(aside, 0.2)
        > 10 * highlight(mirror, 0.6) / highlight(aside, 0.6)
        > 10
    )


def test_ambient_light_is_linear_and_never_negative() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(2, 9, 3)) * 0.1
    one[0] = two[0] = 4.0
    for direction in DIRECTIONS[::400]:
        normal = (float(direction[0]), float(direction[1]), float(direction[2]))
        both = np.add(ambient_light(one, normal), ambient_light(two, normal))
        np.testing.assert_allclose(ambient_light(one + two, normal), both, rtol=1e-9)
        assert min(ambient_light(-one, normal)) == 0
