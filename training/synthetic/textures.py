"""The texture bank: square pictures with their mip pyramids, and how compiled code reads them.

A texel is stored as the square root of linear light in 8 bits, which spends its levels about as sRGB does and
is decoded with one product. Past their edges pictures go on mirrored, without a seam.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from math import floor, log2
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synthetic.compiler import inlined
from training.synthetic.pictures import paint_picture
from training.synthetic.scene import FloatArray
from training.synthetic.vectors import Vec3

TEXTURE_SIDE_PX = 256
_LEVELS = 9  # 256, 128, ... 1
_SIDES = np.array([TEXTURE_SIDE_PX >> level for level in range(_LEVELS)])
_STARTS = np.concatenate([[0], np.cumsum(_SIDES**2)[:-1]])
_TEXELS = int((_SIDES**2).sum())

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})

logger = logging.getLogger(__name__)

TextureBank = NDArray[np.uint8]
"""(T, 87381, 3): every picture's levels one after the other, finest first."""


def build_bank(*, seed: int, painted: int = 160, photos: Path | None = None) -> TextureBank:
    """Make the pictures that walls, objects and backdrops show.

    Args:
        seed: Seed of the painted pictures.
        painted: How many procedural pictures come first.
        photos: A folder whose photos (searched recursively) are appended, cut to squares.

    Raises:
        ValueError: The bank would be empty, or the folder holds no readable photo.
    """
    pictures = [paint_picture(np.random.default_rng([seed, i]), TEXTURE_SIDE_PX) for i in range(painted)]
    if photos is not None:
        pictures.extend(_read_photos(photos))
    if not pictures:
        raise ValueError(f"a texture bank needs a picture: painted is {painted} and there is no photo folder")
    return np.stack([pyramid(picture) for picture in pictures])


def pyramid(linear: FloatArray) -> NDArray[np.uint8]:
    """Return the encoded levels (87381, 3) of a linear picture (256, 256, 3), each half the last."""
    levels: list[FloatArray] = [np.asarray(linear, np.float32)]
    while len(levels) < _LEVELS:
        half = cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, np.float32))
    flat = np.concatenate([level.reshape(-1, 3) for level in levels])
    encoded: NDArray[np.uint8] = np.rint(np.sqrt(np.clip(flat, 0.0, 1.0)) * 255.0).astype(np.uint8)
    return encoded


def _read_photos(folder: Path) -> list[FloatArray]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES)
    photos = [photo for photo in _decoded(files) if photo is not None]
    if not photos:
        raise ValueError(f"no readable photo in {folder}")
    return photos


def _decoded(files: Sequence[Path]) -> Iterable[FloatArray | None]:
    for path in files:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if image is None:
            logger.warning("skipped unreadable photo %s", path)
            yield None
            continue
        side = min(image.shape[:2])
        top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
        square = image[top : top + side, left : left + side].astype(np.float32) / 255.0
        # Linear before the reduction, so that small bright things keep their light.
        photo = cv2.resize(square**2.2, (TEXTURE_SIDE_PX,) * 2, interpolation=cv2.INTER_AREA)
        yield np.asarray(photo, np.float32)


@inlined
def sample_texture(bank: TextureBank, row: int, u: float, v: float, copies_per_px: float) -> Vec3:
    """Return linear light of a picture, box-filtered to a pixel's footprint.

    Args:
        bank: The texture bank.
        row: Which picture.
        u: Across, in copies of the picture.
        v: Down, in copies of the picture.
        copies_per_px: Share of the picture that one pixel covers.
    """
    level = 0
    texels_per_px = copies_per_px * TEXTURE_SIDE_PX
    if texels_per_px > 1.0:
        level = min(int(log2(texels_per_px) + 0.5), _LEVELS - 1)
    side = TEXTURE_SIDE_PX >> level
    x, y = u * side - 0.5, v * side - 0.5
    left, top = floor(x), floor(y)
    a, b = x - left, y - top
    i, i1 = _mirrored(int(left), side), _mirrored(int(left) + 1, side)
    j, j1 = _mirrored(int(top), side), _mirrored(int(top) + 1, side)
    start = _STARTS[level]
    upper, lower = start + j * side, start + j1 * side
    w00, w01, w10, w11 = (1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b
    red = _blend(bank, row, upper + i, upper + i1, lower + i, lower + i1, 0, w00, w01, w10, w11)
    green = _blend(bank, row, upper + i, upper + i1, lower + i, lower + i1, 1, w00, w01, w10, w11)
    blue = _blend(bank, row, upper + i, upper + i1, lower + i, lower + i1, 2, w00, w01, w10, w11)
    return red * red, green * green, blue * blue


@inlined
def _mirrored(texel: int, side: int) -> int:
    place = texel & (2 * side - 1)
    return place if place < side else 2 * side - 1 - place


@inlined
def _blend(
    bank: TextureBank,
    row: int,
    texel_00: int,
    texel_01: int,
    texel_10: int,
    texel_11: int,
    channel: int,
    weight_00: float,
    weight_01: float,
    weight_10: float,
    weight_11: float,
) -> float:
    total = (
        bank[row, texel_00, channel] * weight_00
        + bank[row, texel_01, channel] * weight_01
        + bank[row, texel_10, channel] * weight_10
        + bank[row, texel_11, channel] * weight_11
    )
    return float(total / 255.0)
