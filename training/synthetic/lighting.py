"""How much light a point of a surface sends to the eye.

Ambient light by spherical harmonics (Ramamoorthi and Hanrahan 2001), suns by a diffuse lobe that wraps around
the terminator in skin, and the GGX lobe (Walter et al. 2007) with Schlick's Fresnel term.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.synthetic.compiler import inlined
from training.synthetic.scene import FloatArray, Lighting
from training.synthetic.shadows import ShadowMap, lit_share
from training.synthetic.surface import SurfacePoint
from training.synthetic.vectors import Vec3, add, dot, multiply, row_vector, scale, unit

# Share of red's wrap that green and blue light get: red travels furthest in skin.
_GREEN_WRAP = 0.35
_BLUE_WRAP = 0.2
_TRANSLUCENCY_M = 0.003
# Suns without a shadow map lose this share of their light where the sky is hidden.
_FILL_OCCLUSION = 0.8
_SKY_REFLECTION = 0.17


class LightRig(NamedTuple):
    """`Lighting` as compiled code reads it, with its shadow map."""

    ambient: NDArray[np.float64]
    directions: NDArray[np.float64]
    colors: NDArray[np.float64]
    shadow: ShadowMap


def light_rig(lighting: Lighting, shadow: ShadowMap) -> LightRig:
    """Pack the light of a scene."""
    return LightRig(
        np.asarray(lighting.ambient, np.float64),
        np.asarray(lighting.directions, np.float64),
        np.asarray(lighting.colors, np.float64),
        shadow,
    )


@inlined
def ambient_light(ambient: FloatArray, normal: Vec3) -> Vec3:
    """Return irradiance over pi from the sky; never negative."""
    x, y, z = normal
    light = scale(row_vector(ambient, 0, 0), 0.282095)
    light = add(light, scale(row_vector(ambient, 1, 0), 0.488603 * y))
    light = add(light, scale(row_vector(ambient, 2, 0), 0.488603 * z))
    light = add(light, scale(row_vector(ambient, 3, 0), 0.488603 * x))
    light = add(light, scale(row_vector(ambient, 4, 0), 1.092548 * x * y))
    light = add(light, scale(row_vector(ambient, 5, 0), 1.092548 * y * z))
    light = add(light, scale(row_vector(ambient, 6, 0), 0.315392 * (3.0 * z * z - 1.0)))
    light = add(light, scale(row_vector(ambient, 7, 0), 1.092548 * x * z))
    light = add(light, scale(row_vector(ambient, 8, 0), 0.546274 * (x * x - y * y)))
    return max(light[0], 0.0), max(light[1], 0.0), max(light[2], 0.0)


@inlined
def _interreflected(openness: float, albedo: Vec3) -> Vec3:
    """Return the sky's light in a hollow, with what its own walls throw back: creases of skin stay red."""
    hidden = 1.0 - openness
    return (
        openness / (1.0 - hidden * albedo[0]),
        openness / (1.0 - hidden * albedo[1]),
        openness / (1.0 - hidden * albedo[2]),
    )


@inlined
def _wrapped(cosine: float, wrap: float) -> float:
    """Energy-preserving wrapped cosine; Lambert's where `wrap` is 0."""
    return max(0.0, (cosine + wrap) / ((1.0 + wrap) * (1.0 + wrap)))


@inlined
def _highlight(point: SurfacePoint, toward_light: Vec3, toward_eye: Vec3, cosine: float) -> float:
    """GGX lobe times the cosine."""
    half = unit(add(toward_light, toward_eye))
    to_eye = max(dot(point.normal, toward_eye), 0.02)
    width = point.roughness * point.roughness
    width = width * width
    peak = max(dot(point.normal, half), 0.0)
    spread = peak * peak * (width - 1.0) + 1.0
    k = 0.125 * (point.roughness + 1.0) * (point.roughness + 1.0)
    graze = 1.0 - max(dot(toward_eye, half), 0.0)
    fresnel = point.specular + (1.0 - point.specular) * graze * graze * graze * graze * graze
    masking = (to_eye * (1.0 - k) + k) * (cosine * (1.0 - k) + k)
    return 0.25 * width / (3.14159 * spread * spread + 1e-6) * fresnel * cosine / masking


@inlined
def _from_sun(point: SurfacePoint, toward_light: Vec3, toward_eye: Vec3, color: Vec3, lit: float) -> Vec3:
    cosine = dot(point.normal, toward_light)
    red, green, blue = lit, lit, lit
    if point.wrap > 0.0:
        red = sqrt(lit)  # the shadow's edge bleeds red
    diffuse = (
        red * _wrapped(cosine, point.wrap),
        green * _wrapped(cosine, point.wrap * _GREEN_WRAP),
        blue * _wrapped(cosine, point.wrap * _BLUE_WRAP),
    )
    out = multiply(point.albedo, diffuse)
    if cosine > 0.0 and lit > 0.0:
        shine = lit * _highlight(point, toward_light, toward_eye, cosine)
        out = add(out, (shine, shine, shine))
    return multiply(out, color)


@inlined
def reflected(
    point: SurfacePoint,
    position: Vec3,
    flat_normal: Vec3,
    toward_eye: Vec3,
    openness: float,
    rig: LightRig,
    turn: int,
) -> Vec3:
    """Return the radiance that a point sends to the eye.

    Args:
        point: The surface.
        position: World, metres.
        flat_normal: Unit normal without the relief.
        toward_eye: Unit.
        openness: Share of the sky that the point sees.
        rig: The light.
        turn: 0 to 63, differing from pixel to pixel: `shadows.turn_at`.
    """
    sky = multiply(ambient_light(rig.ambient, point.normal), point.albedo)
    out = multiply(sky, _interreflected(openness, point.albedo))
    for i in range(rig.directions.shape[0]):
        toward_light = row_vector(rig.directions, i, 0)
        lit = 1.0 - _FILL_OCCLUSION * (1.0 - openness)
        if i == 0:
            translucency_m = _TRANSLUCENCY_M if point.wrap > 0.0 else 0.0
            facing = dot(flat_normal, toward_light) > -point.wrap
            lit = lit_share(rig.shadow, position, flat_normal, translucency_m, turn) if facing else 0.0
        out = add(out, _from_sun(point, toward_light, toward_eye, row_vector(rig.colors, i, 0), lit))
    graze = 1.0 - max(dot(point.normal, toward_eye), 0.02)
    fresnel = point.specular + (1.0 - point.specular) * graze * graze * graze * graze * graze * (
        1.0 - point.roughness
    )
    return add(out, scale(row_vector(rig.ambient, 0, 0), fresnel * openness * _SKY_REFLECTION))
