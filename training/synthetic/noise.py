"""Band-limited value noise in space: what makes skin, stone and cloth uneven.

An octave fades out before its waves get shorter than two pixels, so noise never aliases.
"""

from __future__ import annotations

from functools import cache
from math import floor

import numpy as np
from numpy.typing import NDArray

from training.synthetic.compiler import inlined
from training.synthetic.scene import FloatArray
from training.synthetic.vectors import Vec3, add, clamp, scale

_SIDE = 32  # a power of two; 128 KB stay in the second-level cache
_MASK = _SIDE - 1

_OCTAVES = ((1.0, 0.55, 0.0), (2.1, 0.28, 7.0), (4.3, 0.17, 11.0))  # frequency, amplitude, shift


@cache
def noise_volume() -> NDArray[np.float32]:
    """Return (32, 32, 32) uniform random numbers in [0, 1), always the same; they repeat in space."""
    return np.random.default_rng(7).random((_SIDE, _SIDE, _SIDE), dtype=np.float32)


@inlined
def pass_band(waves_per_px: float) -> float:
    """Return the amplitude that a wave keeps on the pixels: 1 up to a quarter wave a pixel, 0 from a half."""
    return clamp(2.0 - 4.0 * waves_per_px, 0.0, 1.0)


@inlined
def value_noise(volume: FloatArray, point: Vec3) -> float:
    """Return trilinear noise in [0, 1] at a point in units of cells."""
    x, y, z = floor(point[0]), floor(point[1]), floor(point[2])
    u, v, w = point[0] - x, point[1] - y, point[2] - z
    i, j, k = int(x) & _MASK, int(y) & _MASK, int(z) & _MASK
    i1, j1, k1 = (i + 1) & _MASK, (j + 1) & _MASK, (k + 1) & _MASK
    near = (volume[i, j, k] * (1 - w) + volume[i, j, k1] * w) * (1 - v) + (
        volume[i, j1, k] * (1 - w) + volume[i, j1, k1] * w
    ) * v
    far = (volume[i1, j, k] * (1 - w) + volume[i1, j, k1] * w) * (1 - v) + (
        volume[i1, j1, k] * (1 - w) + volume[i1, j1, k1] * w
    ) * v
    return float(near * (1 - u) + far * u)


@inlined
def noise_slope(volume: FloatArray, point: Vec3) -> Vec3:
    """Return the noise's finite differences over most of a cell; tilts a normal."""
    here = value_noise(volume, point)
    return (
        value_noise(volume, (point[0] + 0.8, point[1], point[2])) - here,
        value_noise(volume, (point[0], point[1] + 0.8, point[2])) - here,
        value_noise(volume, (point[0], point[1], point[2] + 0.8)) - here,
    )


@inlined
def fractal_noise(volume: FloatArray, point: Vec3, waves_per_px: float) -> float:
    """Return three octaves of noise around 0.5; `point` in cells of the first one.

    Args:
        volume: `noise_volume()`.
        point: Where, in cells of the coarsest octave.
        waves_per_px: Cells of the coarsest octave on a pixel's footprint.
    """
    total = 0.5
    for frequency, amplitude, shift in _OCTAVES:
        kept = pass_band(frequency * waves_per_px)
        if kept > 0.0:
            total += (
                amplitude
                * kept
                * (value_noise(volume, add(scale(point, frequency), (shift, 0.0, shift))) - 0.5)
            )
    return total
