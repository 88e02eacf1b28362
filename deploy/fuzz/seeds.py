"""The files that mutation starts from: drawn here, one for each way through the decoders."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, PngImagePlugin

WIDTH_PX, HEIGHT_PX = 40, 32
ORIENTATION_TAG = 0x0112


def seed_files() -> dict[str, bytes]:
    """Return whole, valid files by name; small, since a small file is mutated and decoded faster."""
    photo = _drawn(0)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "drawn")
    text.add_text("long", "drawn " * 40, zip=True)
    deep = Image.fromarray(
        np.linspace(0, 65535, WIDTH_PX * HEIGHT_PX).reshape(HEIGHT_PX, -1).astype(np.uint16)
    )
    frames = {"save_all": True, "append_images": [_drawn(1)]}
    return {
        "baseline.jpg": _file(photo, "JPEG"),
        "fine.jpg": _file(photo, "JPEG", subsampling=0, quality=95),
        "progressive.jpg": _file(photo, "JPEG", progressive=True),
        "restarts.jpg": _file(photo, "JPEG", restart_marker_blocks=1),
        "grey.jpg": _file(photo.convert("L"), "JPEG"),
        "cmyk.jpg": _file(photo.convert("CMYK"), "JPEG"),
        "turned.jpg": _file(photo, "JPEG", exif=exif),
        "profile.jpg": _file(photo, "JPEG", icc_profile=b"profile " * 30, comment=b"drawn"),
        "two.mpo": _file(photo, "MPO", **frames),
        "rgb.png": _file(photo, "PNG"),
        "alpha.png": _file(photo.convert("RGBA"), "PNG", exif=exif),
        "grey_alpha.png": _file(photo.convert("LA"), "PNG"),
        "palette.png": _file(photo.quantize(16), "PNG", transparency=3),
        "one_bit.png": _file(photo.convert("1"), "PNG"),
        "deep.png": _file(deep, "PNG"),
        "notes.png": _file(photo, "PNG", pnginfo=text, icc_profile=b"profile " * 30),
        "animated.png": _file(photo, "PNG", **frames),
        "lossy.webp": _file(photo, "WEBP"),
        "lossless.webp": _file(photo, "WEBP", lossless=True, exif=exif),
        "alpha.webp": _file(photo.convert("RGBA"), "WEBP"),
        "animated.webp": _file(photo, "WEBP", **frames),
        "other.gif": _file(photo.quantize(16), "GIF"),
    }


def _drawn(seed: int) -> Image.Image:
    """Return a palm and fingers of flat colours over a gradient."""
    rng = np.random.default_rng(seed)
    image = Image.merge("RGB", [Image.linear_gradient("L").resize((WIDTH_PX, HEIGHT_PX))] * 3)
    draw = ImageDraw.Draw(image)
    draw.ellipse((8, 14, 26, 31), fill=(200, 150, 130))
    for finger in range(4):
        reach = int(rng.integers(1, 10))
        draw.rectangle((9 + 4 * finger, reach, 11 + 4 * finger, 18), fill=(210, 160 + 9 * finger, 140))
    return image


def _file(image: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
