"""The crop that the network sees: which square of the picture it is, and its pixels.

Coordinates are continuous: pixel (i, j) covers [i, i + 1) x [j, j + 1), so a picture of W x H pixels is the
box (0, 0, W, H). *Upright* is the picture as it is shown; *stored* is the order of its pixels in the file,
which EXIF orientation tells apart.

One crop is one bilinear resampling, zero outside the picture. A square of k or more times the crop's side
(k = 2, 3, ...) is first shrunk by the mean of k x k blocks, counted from the picture's top left corner, since
bilinear sampling would skip pixels. The rule is that of training (`training/data/crop.py`); a test holds the
two to the same pixels. A large JPEG may come shrunk by its decoder already, which is the same but for
rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from service.errors import BadBoxError

ImageArray = NDArray[np.uint8]

LARGEST_BOX = 4.0
"""Longer side of a box over the longer side of its picture; beyond it the crop would show next to nothing."""

TRANSPOSED = frozenset({5, 6, 7, 8})
"""EXIF orientations whose rows are columns; then, in the shown order, those turned about."""
TURNED_LEFT_RIGHT = frozenset({2, 3, 6, 7})
TURNED_UPSIDE_DOWN = frozenset({3, 4, 7, 8})

cv2.setNumThreads(1)  # the executor's threads are the parallelism


@dataclass(frozen=True)
class Box:
    """A hand's tight box in pixels of the upright picture."""

    x_px: float
    y_px: float
    width_px: float
    height_px: float

    def __str__(self) -> str:
        """Return the box as a caller writes it."""
        return f"box {self.x_px:g},{self.y_px:g},{self.width_px:g},{self.height_px:g}"


@dataclass(frozen=True)
class Square:
    """The square of the upright picture that becomes the crop; may reach outside the picture."""

    x_px: float
    y_px: float
    side_px: float


def square_around(box: Box, *, scale: float) -> Square:
    """Return the square about the box's middle whose side is `scale` times the box's longer side."""
    side_px = scale * max(box.width_px, box.height_px)
    return Square(box.x_px + (box.width_px - side_px) / 2, box.y_px + (box.height_px - side_px) / 2, side_px)


def square_of_picture(width_px: int, height_px: int) -> Square:
    """Return the smallest square about the whole picture: the crop when no box is given."""
    return square_around(Box(0.0, 0.0, width_px, height_px), scale=1.0)


def check_box(box: Box, *, width_px: int, height_px: int) -> None:
    """Refuse a box that does not show a part of the picture.

    Raises:
        BadBoxError: It lies outside the picture or dwarfs it.
    """
    inside_x = min(box.x_px + box.width_px, width_px) - max(box.x_px, 0.0)
    inside_y = min(box.y_px + box.height_px, height_px) - max(box.y_px, 0.0)
    if inside_x <= 0 or inside_y <= 0:
        raise BadBoxError(f"{box} lies outside the upright image of {width_px} x {height_px} pixels")
    if max(box.width_px, box.height_px) > LARGEST_BOX * max(width_px, height_px):
        raise BadBoxError(
            f"{box} is over {LARGEST_BOX:g} times the upright image of {width_px} x {height_px} pixels"
        )


@dataclass(frozen=True, eq=False)
class Raster:
    """Upright pixels, and where they lie in the upright picture."""

    pixels: ImageArray
    """(H, W, 3); may be a view with any strides."""
    reduction: int
    """How many pixels of the picture one of these stands for, along each axis."""
    corner_x_px: int
    """Where the pixels begin in the picture: not before its corner by a whole pixel of these."""
    corner_y_px: int


def turn_upright(
    pixels: ImageArray, *, orientation: int, width_px: int, height_px: int, reduction: int
) -> Raster:
    """Return stored pixels as they are shown; nothing is copied.

    Args:
        pixels: (H, W, 3) in stored order.
        orientation: EXIF orientation, 1 to 8.
        width_px: Width of the picture as stored, before it was shrunk.
        height_px: Height likewise.
        reduction: By how much it was shrunk; the last row and column may stand for less.
    """
    shown = pixels.transpose(1, 0, 2) if orientation in TRANSPOSED else pixels
    size_px = (height_px, width_px) if orientation in TRANSPOSED else (width_px, height_px)
    corner_x_px = corner_y_px = 0
    if orientation in TURNED_LEFT_RIGHT:
        corner_x_px = size_px[0] - shown.shape[1] * reduction
        shown = shown[:, ::-1]
    if orientation in TURNED_UPSIDE_DOWN:
        corner_y_px = size_px[1] - shown.shape[0] * reduction
        shown = shown[::-1]
    return Raster(shown, reduction, corner_x_px, corner_y_px)


def cut(raster: Raster, square: Square, *, size_px: int) -> ImageArray:
    """Return the upright (size_px, size_px, 3) crop of a picture: bilinear, zero outside."""
    # The square in pixels of the raster, then in blocks of it, then in what is left of those.
    left = (square.x_px - raster.corner_x_px) / raster.reduction
    top = (square.y_px - raster.corner_y_px) / raster.reduction
    side = square.side_px / raster.reduction
    block = max(1, int(side // size_px))
    left, top, side = left / block, top / block, side / block
    rows = _blocks_to_read(top, side, count=-(-raster.pixels.shape[0] // block))
    columns = _blocks_to_read(left, side, count=-(-raster.pixels.shape[1] // block))
    pixels = _block_means(raster.pixels, rows=rows, columns=columns, block=block)
    return _sample(pixels, left=left - columns.start, top=top - rows.start, side=side, size_px=size_px)


def _sample(pixels: ImageArray, *, left: float, top: float, side: float, size_px: int) -> ImageArray:
    """Return a square of these pixels at another size: bilinear, zero outside."""
    x, y, length = int(left), int(top), int(side)
    inside = 0 <= x <= pixels.shape[1] - length and 0 <= y <= pixels.shape[0] - length
    if inside and (x, y, length) == (left, top, side) and length >= size_px:
        # Whole pixels, and none sampled beyond the square: callers who send finished crops get the same
        # pixels in a quarter of the time.
        part = pixels[y : y + length, x : x + length]
        return np.asarray(cv2.resize(part, (size_px, size_px), interpolation=cv2.INTER_LINEAR), np.uint8)
    # Index i of the crop is at its pixel's middle, i + 0.5, and likewise in the source.
    step = side / size_px
    index_from_index = np.array([[step, 0.0, left + step / 2 - 0.5], [0.0, step, top + step / 2 - 0.5]])
    sampled = cv2.warpAffine(
        pixels,
        index_from_index,
        (size_px, size_px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.asarray(sampled, np.uint8)


def _blocks_to_read(start: float, length: float, *, count: int) -> range:
    """Return the blocks under a stretch, with one of margin for bilinear sampling; at least one."""
    first = min(max(math.floor(start) - 1, 0), count - 1)
    last = min(max(math.ceil(start + length) + 1, first + 1), count)
    return range(first, last)


def _block_means(pixels: ImageArray, *, rows: range, columns: range, block: int) -> ImageArray:
    """Return the means of these blocks, contiguous; a block over the edge is filled up with zeros."""
    part = pixels[rows.start * block : rows.stop * block, columns.start * block : columns.stop * block]
    missing_rows = len(rows) * block - part.shape[0]
    missing_columns = len(columns) * block - part.shape[1]
    if missing_rows or missing_columns:
        part = np.pad(part, ((0, missing_rows), (0, missing_columns), (0, 0)))
    part = np.ascontiguousarray(part)
    if block == 1:
        return part
    means = cv2.resize(part, (len(columns), len(rows)), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.uint8)
