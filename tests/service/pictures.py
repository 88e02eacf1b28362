"""Pictures for the tests: smooth, so that a crop may be compared, and different everywhere."""

from __future__ import annotations

import functools
import io
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ImageArray = NDArray[np.uint8]


@functools.cache
def picture(width_px: int, height_px: int, *, seed: int = 0, period_px: float = 60.0) -> ImageArray:
    """Return (H, W, 3) waves of random directions, no two corners alike."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height_px, :width_px] / period_px
    angles, phases = rng.uniform(0, 2 * np.pi, (2, 3, 4))
    waves = [
        sum(np.sin(2 * np.pi * (x * np.cos(a) + y * np.sin(a)) + p) for a, p in zip(*channel, strict=True))
        for channel in zip(angles, phases, strict=True)
    ]
    ramp = (x / x.max() + 2 * y / y.max())[..., np.newaxis] * 20
    pixels: ImageArray = np.clip(np.stack(waves, axis=-1) * 25 + 90 + ramp, 0, 255).astype(np.uint8)
    pixels.flags.writeable = False  # every test gets the same one
    return pixels


def encoded(pixels: ImageArray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401
    """Return the bytes of an image file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def with_orientation(pixels: ImageArray, orientation: int, kind: str = "JPEG", **options: Any) -> bytes:  # noqa: ANN401
    """Return an image file that asks to be turned when shown."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(pixels, kind, exif=exif, **options)


def png_header(width_px: int, height_px: int) -> bytes:
    """Return a small PNG whose header promises a picture of this size."""
    small = bytearray(encoded(picture(8, 8)))
    small[16:24] = width_px.to_bytes(4, "big") + height_px.to_bytes(4, "big")
    # The checksum of IHDR covers its name and its 13 bytes.
    small[29:33] = zlib.crc32(bytes(small[12:29])).to_bytes(4, "big")
    return bytes(small)
