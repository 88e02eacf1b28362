"""Light: a sky, a key light with a shadow, and two fills. The sensor meters it, so its level is about 1."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from training.synthetic.scene import Lighting
from training.synthetic.solids import Floats

_SKY_LEVEL = 3.545
"""First harmonic of a constant sky of radiance 1 (see `Lighting.ambient`)."""


def sample_lighting(rng: Generator, up: Floats, *, spill: Floats | None = None) -> Lighting:
    """Draw light round a hand; `up` [3] is where the ceiling is.

    Args:
        rng: Source of chance.
        up: Unit vector, world.
        spill: Colour [3] of large walls near the hand, whose light reaches it from all sides.
    """
    soft = rng.beta(1.3, 1.3)
    ambient_level = 0.25 + 0.65 * soft
    ambient = np.zeros((9, 3))
    ambient[0] = ambient_level * _warmth(rng, 0.1) * _SKY_LEVEL
    if spill is not None:
        ambient[0] *= 1 + rng.uniform(0.05, 0.35) * (spill / (spill.mean() + 1e-6) - 1)
    # Bands 1 to 3 are y, z, x.
    gradient = up[[1, 2, 0]] * rng.uniform(0, 0.45) * 2 + rng.normal(size=3) * 0.25
    ambient[1:4] = gradient[:, None] * ambient_level * _warmth(rng, 0.12)
    ambient[4:] = rng.normal(size=(5, 1)) * 0.06 * ambient_level
    key = up * rng.uniform(0.2, 1.2) + 0.8 * _unit(rng.normal(size=3))
    directions = np.stack([_unit(key), _unit(rng.normal(size=3)), _unit(rng.normal(size=3))])
    strengths = (rng.uniform(0.5, 2.4) * (1.15 - 0.75 * soft), rng.uniform(0, 0.5), rng.uniform(0, 0.3))
    colors = np.stack([strength * _warmth(rng, 0.13) for strength in strengths])
    return Lighting(
        ambient=ambient,
        directions=directions,
        colors=colors,
        penumbra_m=float(np.exp(rng.uniform(np.log(0.001), np.log(0.01)))),
    )


def _warmth(rng: Generator, spread: float) -> Floats:
    """Draw a light's colour between candle and shade, green kept at 1."""
    tilt = float(np.clip(rng.normal() * spread, -0.4, 0.4))
    return np.array([1 + tilt, 1.0, 1 - 1.1 * tilt])


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / np.linalg.norm(vector)
    return unit


def brightness(lighting: Lighting) -> float:
    """Return the radiance of a white thing that stands in this light, its sides averaged."""
    mean_cosine = 0.35
    return float(lighting.ambient[0].mean() / _SKY_LEVEL + mean_cosine * lighting.colors.mean(axis=1).sum())
