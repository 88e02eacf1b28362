"""What a point of a surface is: its albedo, its disturbed normal, and how it shines.

A pattern is a function of the rest position, filtered to `footprint_m`, the width that a pixel covers there.
"""

from __future__ import annotations

from math import atan2, floor
from typing import NamedTuple

import numpy as np

from training.synthetic.compiler import inlined
from training.synthetic.noise import fractal_noise, noise_slope, pass_band, value_noise
from training.synthetic.scene import FloatArray, Pattern
from training.synthetic.textures import TextureBank, sample_texture
from training.synthetic.vectors import Vec3, clamp, mix, multiply, scale, subtract, unit

_STRIPES = int(Pattern.STRIPES)
_MOTTLED = int(Pattern.MOTTLED)
_CHECKER = int(Pattern.CHECKER)
_PATCHES = int(Pattern.PATCHES)
_WOOD = int(Pattern.WOOD)
_IMAGE_BOX = int(Pattern.IMAGE_BOX)
_IMAGE_CYLINDER = int(Pattern.IMAGE_CYLINDER)

# Waves on a metre of skin: blotches, mottling, and the relief that breaks a highlight.
_BLOTCH_PER_M = 40.0
_MOTTLE_PER_M = 160.0
_RELIEF_PER_M = 300.0


class Place(NamedTuple):
    """Where a fragment lies on its surface."""

    rest: Vec3
    """Rest position in metres."""
    axis: int
    """Dominant axis of the rest normal: 0, 1 or 2."""
    normal: Vec3
    """Interpolated unit normal, world."""
    albedo: Vec3
    """Interpolated vertex albedo."""
    nail: float
    footprint_m: float


class SurfacePoint(NamedTuple):
    """What the light meets."""

    albedo: Vec3
    normal: Vec3
    roughness: float
    specular: float
    wrap: float


@inlined
def _color(row: FloatArray) -> Vec3:
    return row[0], row[1], row[2]


@inlined
def skin_at(place: Place, material: np.record, volume: FloatArray) -> SurfacePoint:
    """Skin: the vertices' albedo with mottling, blotches of blush and a fine relief."""
    seeded = (place.rest[0] + 0.1 * material.seed, place.rest[1], place.rest[2])
    blotch = fractal_noise(volume, scale(seeded, _BLOTCH_PER_M), _BLOTCH_PER_M * place.footprint_m)
    mottle = fractal_noise(volume, scale(seeded, _MOTTLE_PER_M), _MOTTLE_PER_M * place.footprint_m)
    bare = 1.0 - place.nail
    tone = 1.0 + bare * material.variation * (1.6 * (blotch - 0.5) + 1.1 * (mottle - 0.5))
    blush = mix((1.0, 1.0, 1.0), _color(material.blush), bare * 0.55 * clamp(1.5 * (blotch - 0.35), 0.0, 1.0))
    normal = place.normal
    relief = bare * material.bump * pass_band(_RELIEF_PER_M * place.footprint_m)
    if relief > 0.0:
        normal = unit(subtract(normal, scale(noise_slope(volume, scale(seeded, _RELIEF_PER_M)), relief)))
    return SurfacePoint(
        scale(multiply(place.albedo, blush), tone),
        normal,
        material.roughness * (0.8 + 0.5 * mottle) * (1.0 - 0.4 * place.nail),
        material.specular * (1.0 + 0.6 * place.nail),
        material.wrap,
    )


@inlined
def paint_at(place: Place, material: np.record, volume: FloatArray, bank: TextureBank) -> SurfacePoint:
    """Paint: the pattern, a fine unevenness of it, and a relief."""
    cells = scale(place.rest, material.frequency_per_m)
    seeded = (cells[0] + material.seed, cells[1], cells[2])
    waves_per_px = material.frequency_per_m * place.footprint_m
    albedo = multiply(_pattern(place, material, seeded, waves_per_px, volume, bank), place.albedo)
    if material.variation > 0.0:
        uneven = fractal_noise(volume, scale(seeded, 4.0), 4.0 * waves_per_px)
        albedo = scale(albedo, 1.0 + material.variation * (uneven - 0.5))
    normal = place.normal
    relief = material.bump * pass_band(3.0 * waves_per_px)
    if relief > 0.0:
        normal = unit(subtract(normal, scale(noise_slope(volume, scale(seeded, 3.0)), relief)))
    return SurfacePoint(albedo, normal, material.roughness, material.specular, 0.0)


@inlined
def _pattern(
    place: Place,
    material: np.record,
    cells: Vec3,
    waves_per_px: float,
    volume: FloatArray,
    bank: TextureBank,
) -> Vec3:
    if material.pattern >= _IMAGE_BOX:
        return multiply(_image(place, material, bank), _color(material.color_a))
    share = 0.0
    if material.pattern == _MOTTLED:
        share = clamp(2.0 * fractal_noise(volume, cells, waves_per_px) - 0.5, 0.0, 1.0)
    elif material.pattern == _STRIPES:
        bend = 0.3 * (value_noise(volume, scale(cells, 0.5)) - 0.5)
        share = 0.5 + 0.5 * _square_wave(cells[0] + bend, waves_per_px)
    elif material.pattern == _CHECKER:
        across = _square_wave(cells[0], waves_per_px) * _square_wave(cells[1], waves_per_px)
        share = 0.5 + 0.5 * across * _square_wave(cells[2], waves_per_px)
    elif material.pattern == _PATCHES:
        share = _terrace(3.0 * fractal_noise(volume, cells, waves_per_px))
    elif material.pattern == _WOOD:
        grain = (0.12 * cells[0], cells[1], cells[2])
        rings = _triangle_wave(4.0 * fractal_noise(volume, scale(grain, 0.5), 0.5 * waves_per_px))
        share = 0.75 * rings + 0.25 * value_noise(volume, scale(grain, 3.0)) * pass_band(3.0 * waves_per_px)
    return mix(_color(material.color_a), _color(material.color_b), share)


@inlined
def _image(place: Place, material: np.record, bank: TextureBank) -> Vec3:
    x, y, z = place.rest
    copies_per_px = place.footprint_m * max(material.texture_per_m[0], material.texture_per_m[1])
    if material.pattern == _IMAGE_CYLINDER and place.axis != 2:
        u, v = atan2(y, x) / 6.2831853 * material.texture_per_m[0], -z * material.texture_per_m[1]
        copies_per_px = place.footprint_m * material.texture_per_m[1]
    elif place.axis == 1:
        u, v = x * material.texture_per_m[0], z * material.texture_per_m[1]
    elif place.axis == 0:
        u, v = z * material.texture_per_m[0], -y * material.texture_per_m[1]
    else:
        u, v = x * material.texture_per_m[0], -y * material.texture_per_m[1]
    u, v = u + material.texture_offset[0], v + material.texture_offset[1]
    return sample_texture(bank, material.texture, u, v, copies_per_px)


@inlined
def _triangle_wave(phase: float) -> float:
    """1 at whole phases, 0 half way between."""
    return abs(2.0 * (phase - floor(phase)) - 1.0)


@inlined
def _square_wave(phase: float, waves_per_px: float) -> float:
    """+1 and -1 in turn, averaged over a pixel."""
    to_edge = 0.5 * _triangle_wave(phase) - 0.25
    return clamp(2.0 * to_edge / max(waves_per_px, 1e-3), -1.0, 1.0) * pass_band(0.5 * waves_per_px)


@inlined
def _terrace(level: float) -> float:
    """Islands: each whole level gets a shade of its own."""
    shade = floor(3.0 * level) * 0.37
    return shade - floor(shade)


@inlined
def surface_at(place: Place, material: np.record, volume: FloatArray, bank: TextureBank) -> SurfacePoint:
    """Return what the light meets, its albedo within [0, 1]."""
    point = (
        skin_at(place, material, volume) if material.surface == 0 else paint_at(place, material, volume, bank)
    )
    red, green, blue = point.albedo
    albedo = (clamp(red, 0.0, 1.0), clamp(green, 0.0, 1.0), clamp(blue, 0.0, 1.0))
    return SurfacePoint(albedo, point.normal, point.roughness, point.specular, point.wrap)
