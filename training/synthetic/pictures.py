"""Painted pictures, as natural as a few lines can make them: what stands behind hands without any photos.

All share what photos have and noise has not: large quiet areas, edges at all scales, colours that are mostly
dull. Indoor kinds are in `interiors`.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from training.synthetic import interiors
from training.synthetic.brushes import (
    Color,
    Picture,
    as_tuple,
    blank,
    box,
    distance,
    draw_color,
    field,
    mixed,
    write,
)

Painter = Callable[[np.random.Generator, int], Picture]


def paint_picture(rng: np.random.Generator, side_px: int) -> Picture:
    """Paint one picture.

    Returns:
        (side, side, 3) linear light in [0, 1].
    """
    painters, weights = zip(*_PAINTERS, strict=True)
    picture = painters[rng.choice(len(painters), p=np.array(weights) / sum(weights))](rng, side_px)
    shade = 1 + rng.uniform(0, 0.35) * field(rng, side_px, slope=2.4)
    return np.asarray(np.clip(picture * shade[:, :, None], 0.0, 1.0), np.float32)


def _outdoors(rng: np.random.Generator, side_px: int) -> Picture:
    """Sky, houses, ground, and a bush or two."""
    rows = np.linspace(0, 1, side_px, dtype=np.float32)[:, None, None]
    horizon = rng.uniform(0.25, 0.75)
    sky_low = mixed(draw_color(rng, bright=0.9), (0.8, 0.85, 0.9), 0.7)
    sky_high = mixed(draw_color(rng), (0.25, 0.42, 0.75), 0.6)
    share = np.clip(rows / horizon, 0, 1)
    grain = 1 + 0.5 * field(rng, side_px, slope=1.2)[:, :, None]
    picture = np.where(rows < horizon, sky_high * (1 - share) + sky_low * share, _ground(rng) * grain)
    canvas = np.ascontiguousarray(picture, np.float32)
    for _ in range(rng.integers(0, 7)):
        _house(rng, canvas, round(horizon * side_px))
    for _ in range(rng.integers(0, 4)):
        leaf = mixed(draw_color(rng, bright=0.3), (0.05, 0.12, 0.03), 0.6)
        crown = field(rng, side_px, slope=1.6) + 2.2 - 3.5 * distance(rng, side_px)
        foliage = leaf * np.exp(0.7 * field(rng, side_px, slope=0.8))[:, :, None]
        canvas = np.where(crown[:, :, None] > 0.9, foliage, canvas).astype(np.float32)
    return canvas


def _ground(rng: np.random.Generator) -> Color:
    """Grass, earth or asphalt."""
    kinds = ((0.09, 0.16, 0.04), (0.25, 0.17, 0.09), (0.16, 0.16, 0.17))
    return mixed(draw_color(rng, bright=0.5), kinds[rng.integers(3)], rng.uniform(0.6, 0.95))


def _house(rng: np.random.Generator, canvas: Picture, base: int) -> None:
    side = canvas.shape[0]
    left, width = int(rng.integers(-30, side)), int(rng.integers(20, 110))
    top = base - int(rng.integers(10, max(11, base)))
    box(canvas, (left, top), (width, base + 5 - top), draw_color(rng, vivid=0.03))
    pane = draw_color(rng, bright=rng.uniform(0.1, 1.0), vivid=0.03)
    step = int(rng.integers(8, 20))
    for x in range(left + 3, left + width - 5, step):
        for y in range(top + 4, base - 5, step + 3):
            box(canvas, (x, y), (step // 2, step // 2 + 2), pane)


def _foliage(rng: np.random.Generator, side_px: int) -> Picture:
    """Leaves and the gaps between them, near or out of focus."""
    leaf = mixed(draw_color(rng, bright=0.4), (0.08, 0.16, 0.03), rng.uniform(0.5, 0.9))
    layers = sum(field(rng, side_px, slope=slope) for slope in (0.7, 1.1, 1.7))
    light = np.exp(0.8 * np.asarray(layers) / np.sqrt(3) - 0.3)[:, :, None]
    gap = field(rng, side_px, slope=1.3)[:, :, None] > rng.uniform(0.8, 2.0)
    picture = np.asarray(
        np.where(gap, mixed(draw_color(rng), (0.7, 0.8, 0.9), 0.7), leaf * light), np.float32
    )
    blur = rng.choice([0.5, 1.5, 5.0])
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.float32)


def _clutter(rng: np.random.Generator, side_px: int) -> Picture:
    """Things of all sizes before a wall: many small, few large."""
    canvas = blank(side_px, draw_color(rng)) * (1 + 0.3 * field(rng, side_px, slope=1.8)[:, :, None])
    palette = [draw_color(rng) for _ in range(6)]
    for _ in range(rng.integers(12, 70)):
        size = float(np.clip(6 * rng.pareto(1.1) + 4, 4, side_px * 0.6))
        _thing(rng, canvas, palette[rng.integers(6)] * rng.uniform(0.6, 1.3), size)
    blur = (0.0, 0.7, 1.5, 4.0)[rng.integers(4)]
    return canvas if blur == 0 else np.asarray(cv2.GaussianBlur(canvas, (0, 0), blur), np.float32)


def _thing(rng: np.random.Generator, canvas: Picture, color: Color, size: float) -> None:
    x, y = (int(v) for v in rng.integers(-20, canvas.shape[0], 2))
    width, height = int(size), int(size * np.exp(rng.normal(0, 0.7)))
    kind = rng.integers(5)
    if kind == 0:
        box(canvas, (x, y), (width, height), color)
    elif kind == 1:
        axes = (max(width // 2, 1), max(height // 2, 1))
        tilt = float(rng.uniform(0, 180))
        cv2.ellipse(canvas, (x, y), axes, tilt, 0, 360, as_tuple(color), -1, cv2.LINE_AA)
    elif kind == 2:
        end = (x + int(rng.integers(-150, 150)), y + int(rng.integers(-150, 150)))
        cv2.line(canvas, (x, y), end, as_tuple(color), int(rng.integers(1, 10)), cv2.LINE_AA)
    elif kind == 3:
        corners = (rng.normal(size=(4, 2)) * size * 0.6 + np.array([x, y])).astype(np.int32)
        cv2.fillPoly(canvas, [corners], as_tuple(color), cv2.LINE_AA)
    else:
        write(rng, canvas, (x, y), color)


def _label(rng: np.random.Generator, side_px: int) -> Picture:
    """Print: bands, a badge, a headline and small text."""
    canvas = blank(side_px, draw_color(rng, vivid=0.5))
    for _ in range(rng.integers(1, 4)):
        top, height = (int(v) for v in rng.integers(0, side_px, 2))
        box(canvas, (0, top), (side_px, height // 3), draw_color(rng, vivid=0.5))
    middle = tuple(int(v) for v in rng.integers(side_px // 4, 3 * side_px // 4, 2))
    axes = tuple(int(v) for v in rng.integers(15, side_px // 3, 2))
    cv2.ellipse(canvas, middle, axes, 0, 0, 360, as_tuple(draw_color(rng, vivid=0.6)), -1, cv2.LINE_AA)
    for _ in range(rng.integers(2, 7)):
        place = (int(rng.integers(0, side_px // 2)), int(rng.integers(20, side_px)))
        write(rng, canvas, place, draw_color(rng, bright=float(rng.choice([0.05, 1.0]))))
    return canvas


def _material(rng: np.random.Generator, side_px: int) -> Picture:
    """Stone, plaster, carpet, or tiles of it."""
    first, second = draw_color(rng), draw_color(rng)
    share = 0.5 + 0.5 * np.tanh(rng.uniform(0.5, 3) * field(rng, side_px, slope=rng.uniform(0.4, 2.0)))
    picture = first * share[:, :, None] + second * (1 - share[:, :, None])
    if rng.uniform() < 0.4:
        tall, wide = (int(v) for v in rng.integers(16, 90, 2))
        rows, columns = np.mgrid[:side_px, :side_px]
        shifted = columns + (rows // tall % 2) * (wide // 2)
        gap = (rows % tall < 2) | (shifted % wide < 2)
        tone = rng.uniform(0.75, 1.1, (side_px // tall + 1, 2 * side_px // wide + 2))
        picture = picture * tone[rows // tall, shifted // wide][:, :, None]
        picture = np.where(gap[:, :, None], draw_color(rng), picture)
    return np.asarray(picture, np.float32)


_PAINTERS: tuple[tuple[Painter, float], ...] = (
    (_outdoors, 0.16),
    (_foliage, 0.06),
    (_clutter, 0.17),
    (_label, 0.13),
    (_material, 0.10),
    (interiors.paint_shelf, 0.08),
    (interiors.paint_room, 0.10),
    (interiors.paint_person, 0.09),
    (interiors.paint_keys, 0.02),
    (interiors.paint_cloth, 0.04),
    (interiors.paint_planks, 0.02),
    (interiors.paint_lights, 0.03),
)
"""Kinds of pictures and how often they come."""
