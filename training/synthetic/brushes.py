"""What all painters of pictures share: canvases, natural colours, fields of noise, and writing."""

from __future__ import annotations

import colorsys
import string

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""(side, side, 3) linear light in [0, 1]."""
Color = NDArray[np.float32]
"""(3,) linear light."""

_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
_LETTERS = np.array(list(string.ascii_letters + string.digits))


def blank(side_px: int, color: Color) -> Picture:
    """Return a canvas of one colour."""
    return np.ascontiguousarray(np.broadcast_to(np.asarray(color, np.float32), (side_px, side_px, 3)))


def overlay(canvas: Picture, color: Color, share: NDArray[np.float32]) -> None:
    """Paint `color` over the canvas where `share` (side, side) says how much."""
    canvas += share[:, :, None] * (np.asarray(color, np.float32) - canvas)


def box(canvas: Picture, corner: tuple[int, int], size: tuple[int, int], color: Color) -> None:
    """Fill a rectangle, given by its top left corner (x, y) and its (width, height)."""
    (left, top), (width, height) = corner, size
    cv2.rectangle(canvas, (left, top), (left + width - 1, top + height - 1), as_tuple(color), -1)


def write(rng: np.random.Generator, canvas: Picture, place: tuple[int, int], ink: Color) -> None:
    """Write a made-up word at (x, y), of a random size."""
    words = "".join(rng.choice(_LETTERS, rng.integers(3, 12)))
    size, thickness = float(np.exp(rng.uniform(-1.2, 0.9))), int(rng.integers(1, 4))
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.putText(mask, words, place, _FONTS[rng.integers(len(_FONTS))], size, 255, thickness, cv2.LINE_AA)
    overlay(canvas, ink, np.asarray(mask / 255.0, np.float32))


def field(rng: np.random.Generator, side_px: int, *, slope: float) -> NDArray[np.float32]:
    """Return noise (side, side) of deviation 1 whose amplitudes fall with frequency to the power `slope`."""
    spectrum = np.fft.rfft2(rng.standard_normal((side_px, side_px)))
    fy, fx = np.fft.fftfreq(side_px)[:, None], np.fft.rfftfreq(side_px)[None]
    falling = np.maximum(np.hypot(fy, fx), 1 / side_px) ** slope
    noise = np.fft.irfft2(spectrum / falling, s=(side_px, side_px))
    noise -= noise.mean()
    return np.asarray(np.clip(noise / noise.std(), -2.0, 2.0), np.float32)


def distance(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    """Return the distance (side, side) to a random place, in units of a random size."""
    rows, columns = np.mgrid[:side_px, :side_px] / side_px
    y, x = rng.uniform(0.2, 1.0), rng.uniform()
    return np.asarray(np.hypot(rows - y, columns - x) / rng.uniform(0.15, 0.5), np.float32)


def draw_color(rng: np.random.Generator, *, bright: float | None = None, vivid: float = 0.1) -> Color:
    """Draw a linear colour; a share `vivid` of them is saturated."""
    saturation = rng.uniform(0.5, 0.95) if rng.uniform() < vivid else rng.beta(1.2, 3.5)
    hue = rng.uniform() if rng.uniform() < 0.55 else rng.normal(0.09, 0.05) % 1
    value = rng.beta(1.3, 1.5) if bright is None else bright * rng.uniform(0.6, 1.0)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, max(value, 0.01)), np.float32) ** np.float32(1.5)


def mixed(color: Color, other: tuple[float, float, float], share: float) -> Color:
    """Return `color` with a `share` of `other` in it."""
    return np.asarray(color * (1 - share) + np.array(other, np.float32) * share, np.float32)


def as_tuple(color: Color) -> tuple[float, float, float]:
    """Return a colour as OpenCV wants it."""
    red, green, blue = (float(v) for v in color)
    return (red, green, blue)
