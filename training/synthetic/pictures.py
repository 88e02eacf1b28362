"""Painted pictures, as natural as a few lines can make them: what stands behind hands without any photos.

Four kinds: landscapes and streets, clutter, printed labels, and materials such as stone and cloth. All share
what photos have and noise has not: large quiet areas, edges at all scales, colours that are mostly dull.
"""

from __future__ import annotations

import colorsys
import string
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""(side, side, 3) linear light in [0, 1]."""

_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
_LETTERS = np.array(list(string.ascii_letters + string.digits))


def paint_picture(rng: np.random.Generator, side_px: int) -> Picture:
    """Paint one picture.

    Returns:
        (side, side, 3) linear light in [0, 1].
    """
    kinds: tuple[Callable[[np.random.Generator, int], Picture], ...] = (
        _outdoors,
        _clutter,
        _label,
        _material,
    )
    picture = kinds[rng.choice(4, p=(0.28, 0.34, 0.2, 0.18))](rng, side_px)
    shade = 1 + rng.uniform(0, 0.5) * _field(rng, side_px, slope=2.4)
    return np.asarray(np.clip(picture * shade[:, :, None], 0.0, 1.0), np.float32)


def _outdoors(rng: np.random.Generator, side_px: int) -> Picture:
    """Sky, far hills or houses, ground, and a bush or two."""
    rows = np.linspace(0, 1, side_px, dtype=np.float32)[:, None, None]
    horizon = rng.uniform(0.25, 0.75)
    sky_low, sky_high = (
        _mixed(_color(rng, bright=0.9), (0.8, 0.85, 0.9), 0.7),
        _mixed(_color(rng), (0.25, 0.42, 0.75), 0.6),
    )
    ground = _color(rng, bright=0.5)
    grain = 1 + 0.5 * _field(rng, side_px, slope=1.2)[:, :, None]
    share = np.clip(rows / horizon, 0, 1)
    picture = np.where(rows < horizon, sky_high * (1 - share) + sky_low * share, ground * grain)
    canvas = np.ascontiguousarray(picture, np.float32)
    for _ in range(rng.integers(0, 7)):
        _house(rng, canvas, round(horizon * side_px))
    for _ in range(rng.integers(0, 4)):
        leaf = _mixed(_color(rng, bright=0.3), (0.05, 0.12, 0.03), 0.6)
        crown = _field(rng, side_px, slope=1.6) + 2.2 - 3.5 * _distance(rng, side_px)
        foliage = leaf * np.exp(0.7 * _field(rng, side_px, slope=0.8))[:, :, None]
        canvas = np.where(crown[:, :, None] > 0.9, foliage, canvas).astype(np.float32)
    return canvas


def _house(rng: np.random.Generator, canvas: Picture, base: int) -> None:
    side = canvas.shape[0]
    left, width = int(rng.integers(-30, side)), int(rng.integers(20, 110))
    top = base - int(rng.integers(10, max(11, base)))
    cv2.rectangle(canvas, (left, top), (left + width, base + 5), _tuple(_color(rng)), -1)
    pane = _tuple(_color(rng, bright=rng.uniform(0.1, 1.0)))
    step = int(rng.integers(8, 20))
    for x in range(left + 3, left + width - 5, step):
        for y in range(top + 4, base - 5, step + 3):
            cv2.rectangle(canvas, (x, y), (x + step // 2, y + step // 2 + 2), pane, -1)


def _clutter(rng: np.random.Generator, side_px: int) -> Picture:
    """Things of all sizes before a wall: many small, few large."""
    canvas = np.ones((side_px, side_px, 3), np.float32) * _color(rng)
    canvas *= 1 + 0.3 * _field(rng, side_px, slope=1.8)[:, :, None]
    palette = [_color(rng) for _ in range(6)]
    canvas = np.ascontiguousarray(canvas, np.float32)
    for _ in range(rng.integers(12, 70)):
        color = _tuple(palette[rng.integers(6)] * rng.uniform(0.6, 1.3))
        size = float(np.clip(6 * rng.pareto(1.1) + 4, 4, side_px * 0.6))
        x, y = (int(v) for v in rng.integers(-20, side_px, 2))
        width, height = int(size), int(size * np.exp(rng.normal(0, 0.7)))
        shape = rng.integers(5)
        if shape == 0:
            cv2.rectangle(canvas, (x, y), (x + width, y + height), color, -1, cv2.LINE_AA)
        elif shape == 1:
            axes = (max(width // 2, 1), max(height // 2, 1))
            cv2.ellipse(canvas, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, color, -1, cv2.LINE_AA)
        elif shape == 2:
            end = (x + int(rng.integers(-150, 150)), y + int(rng.integers(-150, 150)))
            cv2.line(canvas, (x, y), end, color, int(rng.integers(1, 10)), cv2.LINE_AA)
        elif shape == 3:
            corners = (rng.normal(size=(4, 2)) * size * 0.6 + (x, y)).astype(np.int32)
            cv2.fillPoly(canvas, [corners], color, cv2.LINE_AA)
        else:
            _write(rng, canvas, (x, y), color)
    blur = (0.0, 0.7, 1.5, 4.0)[rng.integers(4)]
    return canvas if blur == 0 else np.asarray(cv2.GaussianBlur(canvas, (0, 0), blur), np.float32)


def _label(rng: np.random.Generator, side_px: int) -> Picture:
    """Print: bands, a badge, a headline and small text."""
    canvas = np.ones((side_px, side_px, 3), np.float32) * _color(rng, vivid=0.6)
    for _ in range(rng.integers(1, 4)):
        top, height = (int(v) for v in rng.integers(0, side_px, 2))
        cv2.rectangle(canvas, (0, top), (side_px, top + height // 3), _tuple(_color(rng, vivid=0.6)), -1)
    middle = tuple(int(v) for v in rng.integers(side_px // 4, 3 * side_px // 4, 2))
    axes = tuple(int(v) for v in rng.integers(15, side_px // 3, 2))
    cv2.ellipse(canvas, middle, axes, 0, 0, 360, _tuple(_color(rng, vivid=0.7)), -1, cv2.LINE_AA)
    for _ in range(rng.integers(2, 7)):
        place = (int(rng.integers(0, side_px // 2)), int(rng.integers(20, side_px)))
        _write(rng, canvas, place, _tuple(_color(rng, bright=rng.choice([0.05, 1.0]))))
    return canvas


def _write(
    rng: np.random.Generator, canvas: Picture, place: tuple[int, int], color: tuple[float, float, float]
) -> None:
    words = "".join(rng.choice(_LETTERS, rng.integers(3, 12)))
    size, thickness = float(np.exp(rng.uniform(-1.2, 0.9))), int(rng.integers(1, 4))
    ink = np.zeros(canvas.shape[:2], np.uint8)
    cv2.putText(ink, words, place, _FONTS[rng.integers(len(_FONTS))], size, 255, thickness, cv2.LINE_AA)
    share = (ink / np.float32(255))[:, :, None]
    canvas += share * (np.array(color, np.float32) - canvas)


def _material(rng: np.random.Generator, side_px: int) -> Picture:
    """Stone, plaster, carpet, or tiles of it."""
    first, second = _color(rng), _color(rng)
    share = 0.5 + 0.5 * np.tanh(rng.uniform(0.5, 3) * _field(rng, side_px, slope=rng.uniform(0.4, 2.0)))
    picture = first * share[:, :, None] + second * (1 - share[:, :, None])
    if rng.uniform() < 0.4:
        tall, wide = (int(v) for v in rng.integers(16, 90, 2))
        rows, columns = np.mgrid[:side_px, :side_px]
        shifted = columns + (rows // tall % 2) * (wide // 2)
        gap = (rows % tall < 2) | (shifted % wide < 2)
        tone = rng.uniform(0.75, 1.1, (side_px // tall + 1, 2 * side_px // wide + 2))
        picture *= tone[rows // tall, shifted // wide][:, :, None]
        picture = np.where(gap[:, :, None], _color(rng), picture)
    return np.asarray(picture, np.float32)


def _field(rng: np.random.Generator, side_px: int, *, slope: float) -> NDArray[np.float32]:
    """Return noise (side, side) of deviation 1 whose amplitudes fall with frequency to the power `slope`."""
    spectrum = np.fft.rfft2(rng.standard_normal((side_px, side_px)))
    fy, fx = np.fft.fftfreq(side_px)[:, None], np.fft.rfftfreq(side_px)[None]
    falling = np.maximum(np.hypot(fy, fx), 1 / side_px) ** slope
    field = np.fft.irfft2(spectrum / falling, s=(side_px, side_px))
    field -= field.mean()
    return np.asarray(np.clip(field / field.std(), -2.0, 2.0), np.float32)


def _distance(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    """Return the distance (side, side) to a random place, in units of a random size."""
    rows, columns = np.mgrid[:side_px, :side_px] / side_px
    y, x = rng.uniform(0.2, 1.0), rng.uniform()
    return np.asarray(np.hypot(rows - y, columns - x) / rng.uniform(0.15, 0.5), np.float32)


def _color(
    rng: np.random.Generator, *, bright: float | None = None, vivid: float = 0.15
) -> NDArray[np.float32]:
    """Draw a linear colour; one in 1 / `vivid` is saturated."""
    saturation = rng.uniform(0.5, 0.95) if rng.uniform() < vivid else rng.beta(1.2, 3.5)
    hue = rng.uniform() if rng.uniform() < 0.55 else rng.normal(0.09, 0.05) % 1
    value = rng.beta(1.3, 1.5) if bright is None else bright * rng.uniform(0.6, 1.0)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, max(value, 0.01)), np.float32) ** np.float32(1.5)


def _mixed(
    color: NDArray[np.float32], other: tuple[float, float, float], share: float
) -> NDArray[np.float32]:
    return np.asarray(color * (1 - share) + np.array(other, np.float32) * share, np.float32)


def _tuple(color: NDArray[np.float32]) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in color)
    return (red, green, blue)
