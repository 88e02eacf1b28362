"""From light to the levels of a photo: exposure, blur, white balance, noise, tone curve, resampling, JPEG.

Light is disturbed where a camera disturbs it: blur and noise on linear light, before the tone curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from training.synthetic.compiler import jit
from training.synthetic.render import LUMINANCE, RenderedView
from training.synthetic.scene import FloatArray

Image = NDArray[np.uint8]
"""(S, S, 3) RGB levels."""

_CURVE_STEPS = 2048
_CURVE_END = 8.0  # linear light beyond which the curve is white
_GRAIN_SIDE = 512
_KEY = 0.19  # mean light on the sensor, of a hand of middling skin
_MIDDLE_SKIN = 0.3
_HAND_WEIGHT = 0.85
_MOSTLY = 0.5
_MOST_STOPS = 0.8


@dataclass(frozen=True, kw_only=True)
class SensorRanges:
    """How far the camera's settings vary; each is drawn anew for each picture."""

    exposure_stops: float = 0.35
    """Standard deviation around the metered exposure."""
    highlight: tuple[float, float] = (0.6, 1.4)
    """Most light that the brightest twentieth of the hand may get; white begins at about 2."""
    defocus_px: tuple[float, float] = (0.3, 1.1)
    motion_px: tuple[float, float] = (1.5, 5.0)
    blur_probability: float = 0.3
    motion_probability: float = 0.12
    white_balance: float = 0.05
    """Relative standard deviation of each channel's gain."""
    contrast: float = 0.1
    """Largest relative change of the curve's slope in the middle."""
    gamma: float = 0.12
    """Standard deviation of the logarithm of the curve's exponent."""
    read_noise: tuple[float, float] = (0.001, 0.008)
    """Standard deviation in the dark, in units of white."""
    shot_noise: tuple[float, float] = (0.002, 0.03)
    """Standard deviation at white; grows with the square root of light."""
    resample_probability: float = 0.2
    resample_scale: tuple[float, float] = (0.45, 0.9)
    jpeg_probability: float = 0.5
    jpeg_quality: tuple[int, int] = (35, 95)


DEFAULT_RANGES = SensorRanges()


class Metering(NamedTuple):
    """What a camera's light meter says of a view."""

    gain: float
    """Exposure that it would choose; light on the sensor over radiance."""
    hand_peak: float
    """Radiance that one twentieth of the hand exceeds."""


def meter(view: RenderedView) -> Metering:
    """Meter a view, mostly by the hand.

    The light is compensated in full and the skin by half: pale hands come out brighter than dark ones, but
    neither white nor black.
    """
    luminance = np.maximum(view.radiance @ LUMINANCE, 1e-4)
    hand = luminance[view.hand_coverage > _MOSTLY]
    if not len(hand):
        hand = luminance.ravel()
    measured = float(hand.mean()) ** _HAND_WEIGHT * float(luminance.mean()) ** (1.0 - _HAND_WEIGHT)
    gain = _KEY / measured * float(np.sqrt(view.hand_albedo / _MIDDLE_SKIN))
    twentieth = len(hand) - 1 - len(hand) // 20
    return Metering(gain, float(np.partition(hand, twentieth)[twentieth]))


def develop(view: RenderedView) -> Image:
    """Return the view as a flawless camera would show it."""
    return _to_levels(
        view.radiance, np.full(3, meter(view).gain), tone_curve(), _no_grain(), (0, 0), 0.0, 0.0
    )


def photograph(
    view: RenderedView, *, rng: np.random.Generator, ranges: SensorRanges = DEFAULT_RANGES
) -> Image:
    """Return the view as a real camera might show it; all chance comes from `rng`."""
    light = _blurred(view.radiance, rng, ranges)
    stops = np.clip(rng.normal(0.0, ranges.exposure_stops), -_MOST_STOPS, _MOST_STOPS)
    balance = np.exp(rng.normal(0.0, ranges.white_balance, 3))
    metered = meter(view)
    gain = min(metered.gain * 2.0**stops, rng.uniform(*ranges.highlight) / metered.hand_peak)
    gains = gain * balance / balance.mean()
    curve = tone_curve(
        contrast=1.0 + rng.uniform(-ranges.contrast, ranges.contrast),
        gamma=float(np.exp(rng.normal(0.0, ranges.gamma))),
    )
    row, column = (int(v) for v in rng.integers(_GRAIN_SIDE, size=2))
    read, shot = _log_uniform(rng, ranges.read_noise), _log_uniform(rng, ranges.shot_noise)
    image = _to_levels(light, gains, curve, _grain(), (row, column), read, shot)
    if rng.random() < ranges.resample_probability:
        image = _resampled(image, rng.uniform(*ranges.resample_scale))
    if rng.random() < ranges.jpeg_probability:
        image = _through_jpeg(image, int(rng.integers(*ranges.jpeg_quality)))
    return image


def tone_curve(*, contrast: float = 1.0, gamma: float = 1.0) -> NDArray[np.float32]:
    """Return the camera's curve: levels 0 to 255 at even steps of the square root of light.

    Narkowicz' fit of the ACES film curve, then the exponent `gamma` / 2.2, then `contrast` about the middle.
    """
    light = np.linspace(0.0, np.sqrt(_CURVE_END), _CURVE_STEPS) ** 2
    film = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)
    shown = np.clip(film, 0.0, 1.0) ** (gamma / 2.2)
    return np.asarray(255.0 * np.clip(0.5 + contrast * (shown - 0.5), 0.0, 1.0), np.float32)


@cache
def _grain() -> NDArray[np.float32]:
    """Return a tile of normal noise that every picture reads from another corner."""
    return np.random.default_rng(11).standard_normal((_GRAIN_SIDE, _GRAIN_SIDE, 3), dtype=np.float32)


@cache
def _no_grain() -> NDArray[np.float32]:
    return np.zeros((_GRAIN_SIDE, _GRAIN_SIDE, 3), np.float32)


def _log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]))))


def _blurred(
    light: NDArray[np.float32], rng: np.random.Generator, ranges: SensorRanges
) -> NDArray[np.float32]:
    if rng.random() < ranges.blur_probability:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), rng.uniform(*ranges.defocus_px)), np.float32)
    if rng.random() < ranges.motion_probability:
        kernel = _motion_kernel(rng.uniform(*ranges.motion_px), rng.uniform(0.0, np.pi))
        light = np.asarray(cv2.filter2D(light, -1, kernel), np.float32)
    return light


def _motion_kernel(length_px: float, angle: float) -> NDArray[np.float32]:
    """Return a line of unit sum: the path of a point while the shutter is open."""
    reach = int(np.ceil(length_px / 2))
    offset = np.arange(-reach, reach + 1, dtype=np.float32)
    x, y = np.meshgrid(offset, offset)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = np.clip(length_px / 2 + 0.5 - np.abs(along), 0, 1) * np.clip(1 - np.abs(across), 0, 1)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _resampled(image: Image, scale: float) -> Image:
    size = image.shape[0]
    small = cv2.resize(image, (max(8, round(size * scale)),) * 2, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)


def _through_jpeg(image: Image, quality: int) -> Image:
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=quality, colorsubsampling="420")
    return np.asarray(simplejpeg.decode_jpeg(data), np.uint8)


@jit
def _to_levels(
    light: FloatArray,
    gains: FloatArray,
    curve: FloatArray,
    grain: FloatArray,
    corner: tuple[int, int],
    read_noise: float,
    shot_noise: float,
) -> Image:
    """Expose, add noise that grows with the square root of light, and bend by the tone curve."""
    height, width, channels = light.shape
    image = np.empty((height, width, channels), np.uint8)
    steps = (_CURVE_STEPS - 1) / np.sqrt(_CURVE_END)
    mask = _GRAIN_SIDE - 1
    for y in range(height):
        for x in range(width):
            for channel in range(channels):
                exposed = light[y, x, channel] * gains[channel]
                spread = np.sqrt(read_noise * read_noise + shot_noise * shot_noise * exposed)
                exposed += spread * grain[(y + corner[0]) & mask, (x + corner[1]) & mask, channel]
                step = int(np.sqrt(max(exposed, 0.0)) * steps + 0.5)
                image[y, x, channel] = int(curve[min(step, _CURVE_STEPS - 1)] + 0.5)
    return image
