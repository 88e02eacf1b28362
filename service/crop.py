"""The crop that the network sees: which square of the picture it is, and its pixels.

Coordinates are continuous: pixel (i, j) covers [i, i + 1) x [j, j + 1), so a picture of W x H pixels is the
box (0, 0, W, H). *Upright* is the picture as it is shown; *stored* is the order of its pixels in the file,
which EXIF orientation tells apart. The rule is that of training (`training/data/crop.py`); a test holds the
two to the same pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from service.errors import BadBoxError

ImageArray = NDArray[np.uint8]

LARGEST_BOX = 4.0
"""Longer side of a box over the longer side of its picture; beyond it the crop would show next to nothing."""

cv2.setNumThreads(1)  # the executor's threads are the parallelism


@dataclass(frozen=True)
class Box:
    """A hand's tight box in pixels of the upright picture."""

    x_px: float
    y_px: float
    width_px: float
    height_px: float


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


def stored_from_upright(orientation: int, *, width_px: int, height_px: int) -> NDArray[np.float64]:
    """Return the (2, 3) map of continuous upright coordinates to stored ones.

    Args:
        orientation: EXIF orientation, 1 to 8.
        width_px: Width as stored.
        height_px: Height as stored.
    """
    w, h = float(width_px), float(height_px)
    rows = {
        1: ((1, 0, 0), (0, 1, 0)),
        2: ((-1, 0, w), (0, 1, 0)),
        3: ((-1, 0, w), (0, -1, h)),
        4: ((1, 0, 0), (0, -1, h)),
        5: ((0, 1, 0), (1, 0, 0)),
        6: ((0, 1, 0), (-1, 0, h)),
        7: ((0, -1, w), (-1, 0, h)),
        8: ((0, -1, w), (1, 0, 0)),
    }
    return np.array(rows[orientation], np.float64)


def cut(
    pixels: ImageArray,
    square: Square,
    *,
    size_px: int,
    stored_from_upright: NDArray[np.float64],
    reduction: int = 1,
) -> ImageArray:
    """Return the upright (size_px, size_px, 3) crop of a picture: bilinear, zero outside.

    Where the crop is shrunk to half or less, it is sampled at a multiple of its size and averaged down, so
    that fine patterns do not alias and the result does not depend on where the crop lies in the picture.

    Args:
        pixels: (H, W, 3) in stored order, shrunk by `reduction`.
        square: In pixels of the upright, unshrunk picture.
        size_px: Side of the crop.
        stored_from_upright: From the function of that name.
        reduction: How many stored pixels one pixel of `pixels` stands for, along each axis.
    """
    oversampling = max(1, int(square.side_px / (reduction * size_px)))
    step_px = square.side_px / (size_px * oversampling)
    # Index i of the crop is at its pixel's middle, i + 0.5, and likewise in the source.
    upright_from_index = np.array(
        [[step_px, 0, square.x_px + step_px / 2], [0, step_px, square.y_px + step_px / 2], [0, 0, 1]]
    )
    index_from_index = stored_from_upright @ upright_from_index / reduction
    index_from_index[:, 2] -= 0.5
    sampled = cv2.warpAffine(
        pixels,
        index_from_index,
        (size_px * oversampling, size_px * oversampling),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    if oversampling > 1:
        sampled = cv2.resize(sampled, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return np.asarray(sampled, np.uint8)
