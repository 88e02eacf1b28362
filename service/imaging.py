"""From the bytes of an upload to pixels, with nothing decoded before its header has been judged.

Accepted: JPEG, PNG and WebP, told by their first bytes and not by what the caller calls them. Colours become
8-bit RGB on purpose: grey is repeated, CMYK converted, 16-bit cut to its high byte, transparency laid on
black (which is what the crop shows outside the picture). Refused: animations, since there is no telling which
frame is meant, and files that end too early. EXIF orientation is read and left to the crop.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import simplejpeg
from PIL import Image

from service.crop import TRANSPOSED, ImageArray
from service.errors import TooLargeError, UnreadableImageError, UnsupportedMediaError

ORIENTATION_TAG = 0x0112
JPEG_REDUCTIONS = (8, 4, 2, 1)
"""By these the decoder shrinks for less than nothing: it leaves out work."""
LARGEST_SCAN_COUNT = 100
"""A progressive JPEG has about ten; a small file with thousands keeps a decoder busy for minutes."""
LARGEST_PICTURE_SCAN_COUNT = 16
"""Of the largest picture that is allowed: a scan of it costs a tenth of a second, however few its bytes."""

PILLOW_ERRORS = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, SyntaxError, TypeError,
    ValueError, struct.error, zlib.error,
)  # fmt: skip
"""What a damaged file makes of Pillow, whose parsers raise whatever they stumble over: see `make fuzz`."""

# Pillow would warn at its own limit before ours is looked at; ours is checked right after the header.
Image.MAX_IMAGE_PIXELS = None


class Picture(Protocol):
    """An image whose header has been read."""

    @property
    def width_px(self) -> int:
        """Width as stored, before orientation."""

    @property
    def height_px(self) -> int:
        """Height as stored."""

    @property
    def orientation(self) -> int:
        """EXIF orientation, 1 to 8."""

    def decode(self, *, crop_side_px: float, wanted_px: int) -> tuple[ImageArray, int]:
        """Return the pixels and by how much they were shrunk.

        Args:
            crop_side_px: Side of the crop in pixels of the picture.
            wanted_px: Side that the crop will have: shrinking stops before the crop is smaller.
        """


@dataclass(frozen=True)
class RawImage:
    """Pixels as a caller that has them already sends them."""

    rgb: bytes
    """Rows of RGB without padding."""
    width_px: int
    height_px: int


@dataclass(frozen=True)
class RawPicture:
    """A raw image, of the size that it says; there is nothing to decode."""

    raw: RawImage
    orientation: int = 1

    @property
    def width_px(self) -> int:
        """See `Picture`."""
        return self.raw.width_px

    @property
    def height_px(self) -> int:
        """See `Picture`."""
        return self.raw.height_px

    def decode(self, *, crop_side_px: float, wanted_px: int) -> tuple[ImageArray, int]:
        """Return the pixels unshrunk, as a view; see `Picture.decode`."""
        del crop_side_px, wanted_px
        return np.frombuffer(self.raw.rgb, np.uint8).reshape(self.height_px, self.width_px, 3), 1


def open_raw(raw: RawImage, *, max_pixels: int) -> RawPicture:
    """Check a raw image against its size.

    Raises:
        UnreadableImageError: It has no pixels, or other than the size says.
        TooLargeError: The size is over `max_pixels` pixels.
    """
    width_px, height_px = raw.width_px, raw.height_px
    _check_pixels(width_px, height_px, max_pixels=max_pixels)
    expected = width_px * height_px * 3
    if expected == 0 or len(raw.rgb) != expected:
        raise UnreadableImageError(
            f"a raw image of {width_px} x {height_px} pixels has {expected} bytes, got {len(raw.rgb)}"
        )
    return RawPicture(raw)


def upright_size(picture: Picture) -> tuple[int, int]:
    """Return width and height as the picture is shown."""
    size = (picture.width_px, picture.height_px)
    return size[::-1] if picture.orientation in TRANSPOSED else size


def open_picture(data: bytes, *, max_pixels: int) -> Picture:
    """Read the header of an upload.

    Raises:
        UnreadableImageError: Empty, or no JPEG, PNG or WebP.
        UnsupportedMediaError: An animation.
        TooLargeError: The header promises more than `max_pixels` pixels.
    """
    if not data:
        raise UnreadableImageError("the body is empty")
    if data.startswith(b"\xff\xd8\xff"):
        return _open_jpeg(data, max_pixels=max_pixels)
    if data.startswith(b"\x89PNG\r\n\x1a\n") or (data.startswith(b"RIFF") and data[8:12] == b"WEBP"):
        return _open_with_pillow(data, max_pixels=max_pixels)
    raise UnreadableImageError("the first bytes are not those of a JPEG, PNG or WebP image")


@dataclass(frozen=True)
class JpegPicture:
    """A JPEG; decoded by libjpeg-turbo, and by Pillow where that gives up."""

    data: bytes
    width_px: int
    height_px: int
    orientation: int
    is_cmyk: bool

    def decode(self, *, crop_side_px: float, wanted_px: int) -> tuple[ImageArray, int]:
        """Decode no finer than the crop needs; see `Picture.decode`."""
        if self.is_cmyk:
            return self._decode_with_pillow(), 1
        reduction = next(
            factor for factor in JPEG_REDUCTIONS if factor == 1 or crop_side_px >= factor * wanted_px
        )
        try:
            pixels = simplejpeg.decode_jpeg(
                self.data,
                colorspace="RGB",
                min_height=-(-self.height_px // reduction),
                min_width=-(-self.width_px // reduction),
            )
        except ValueError:
            # It refuses harmless oddities as well as broken files; Pillow tells them apart.
            return self._decode_with_pillow(), 1
        return pixels, reduction

    def _decode_with_pillow(self) -> ImageArray:
        return _rgb(_pillow_open(self.data))


@dataclass(frozen=True)
class PillowPicture:
    """A PNG or WebP; these formats know no cheaper way than to decode the whole."""

    image: Image.Image
    width_px: int
    height_px: int
    orientation: int

    def decode(self, *, crop_side_px: float, wanted_px: int) -> tuple[ImageArray, int]:
        """Return the pixels unshrunk; see `Picture.decode`."""
        del crop_side_px, wanted_px
        return _rgb(self.image), 1


def _open_jpeg(data: bytes, *, max_pixels: int) -> JpegPicture:
    try:
        height_px, width_px, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise UnreadableImageError(f"the JPEG header cannot be read: {error}") from error
    _check_pixels(width_px, height_px, max_pixels=max_pixels)
    # FF DA cannot occur inside a scan, so this counts scans (and those of a thumbnail).
    scans = data.count(b"\xff\xda")
    allowed = min(LARGEST_SCAN_COUNT, LARGEST_PICTURE_SCAN_COUNT * max_pixels // (width_px * height_px))
    if scans > allowed:
        raise UnsupportedMediaError(
            f"the JPEG of {width_px} x {height_px} pixels has {scans} scans, over {allowed}"
        )
    # Opening with Pillow costs more than decoding a small crop; only a file with EXIF pays for it.
    orientation = _orientation(_pillow_open(data)) if b"Exif\0\0" in data else 1
    return JpegPicture(data, width_px, height_px, orientation, colorspace in {"CMYK", "YCCK"})


def _open_with_pillow(data: bytes, *, max_pixels: int) -> PillowPicture:
    image = _pillow_open(data)
    _check_pixels(image.width, image.height, max_pixels=max_pixels)
    if getattr(image, "is_animated", False):
        raise UnsupportedMediaError("the image is an animation: send one frame")
    # A PNG may carry its EXIF behind its pixels.
    _load(image)
    return PillowPicture(image, image.width, image.height, _orientation(image))


def _check_pixels(width_px: int, height_px: int, *, max_pixels: int) -> None:
    if width_px * height_px > max_pixels:
        raise TooLargeError(
            f"the image has {width_px} x {height_px} = {width_px * height_px} pixels, over {max_pixels}",
            limit_pixels=max_pixels,
        )


@contextmanager
def _pillow_says(what: str) -> Iterator[None]:
    try:
        yield
    except PILLOW_ERRORS as error:
        raise UnreadableImageError(f"{what}: {str(error) or type(error).__name__}") from error


def _pillow_open(data: bytes) -> Image.Image:
    with _pillow_says("the image header cannot be read"):
        return Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))


def _orientation(image: Image.Image) -> int:
    raw = image.info.get("exif")
    if not isinstance(raw, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(raw)
        value = exif.get(ORIENTATION_TAG)
    except PILLOW_ERRORS:
        return 1  # broken metadata does not make a picture unreadable
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _load(image: Image.Image) -> None:
    with _pillow_says("the image cannot be decoded"):
        image.load()


def _rgb(image: Image.Image) -> ImageArray:
    _load(image)
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image, np.uint16) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    with _pillow_says("the image's colours cannot be read"):
        if not image.has_transparency_data:
            return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
        seen = image if image.mode == "RGBA" else image.convert("RGBA")
        on_black = Image.new("RGB", seen.size)
        on_black.paste(seen, mask=seen.getchannel("A"))
        return np.asarray(on_black)
