"""The crop of the contract: a square box of a picture, resampled to the network's input.

Coordinates are continuous pixel coordinates: the picture spans [0, width] x [0, height], and the centre of
the pixel in column i and row j lies at (i + 0.5, j + 0.5). A box and the crop's own square are meant the
same way, so that the box's left edge becomes the crop's left edge and joints in units of the crop's side
need no half pixel.

One crop = one affine resampling, bilinear, zero outside the picture (spec section 1). Bilinear sampling
skips pixels where a box is much larger than the crop, so a box of k or more times the crop's side (k = 2, 3,
...) is first shrunk by the mean over k x k blocks, counted from the picture's top left corner; blocks that
reach over the picture's edge are filled up with zeros. The gateway has its own function of the same
convention.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from training import contract

Image = NDArray[np.uint8]
Float = NDArray[np.float64]


class SquareBox(NamedTuple):
    """A square in a picture, in continuous pixel coordinates; it may reach over the picture's edge."""

    left_px: float
    top_px: float
    side_px: float

    @property
    def centre_px(self) -> tuple[float, float]:
        """Centre of the square."""
        return self.left_px + self.side_px / 2, self.top_px + self.side_px / 2

    def meets(self, *, width_px: int, height_px: int) -> bool:
        """Return whether any part of the square lies in a picture of this size."""
        across = self.left_px < width_px and self.left_px + self.side_px > 0.0
        return across and self.top_px < height_px and self.top_px + self.side_px > 0.0


def hand_box(points_px: Float, *, scale: float = contract.CROP_SCALE) -> SquareBox:
    """Return the square box about the tight box of `points_px` (N, 2), e.g. the 21 joints.

    Raises:
        ValueError: The points span no area.
    """
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    side = scale * float((high - low).max())
    if not (math.isfinite(side) and side > 0.0):
        raise ValueError(f"points span no box: from {low.tolist()} to {high.tolist()}")
    centre = (low + high) / 2
    return SquareBox(float(centre[0]) - side / 2, float(centre[1]) - side / 2, side)


def crop_affine(box: SquareBox, *, rotation_rad: float = 0.0, size_px: int = contract.IMAGE_SIZE_PX) -> Float:
    """Return the (2, 3) affine map from picture to crop, both in continuous pixel coordinates.

    With `rotation_rad` the box is turned about its centre by R = [[cos, -sin], [sin, cos]] in the picture,
    so what it shows turns by -rotation_rad in the crop (spec section 1).
    """
    zoom = size_px / box.side_px
    cos, sin = math.cos(rotation_rad), math.sin(rotation_rad)
    linear = zoom * np.array([[cos, sin], [-sin, cos]])
    offset = size_px / 2 - linear @ np.array(box.centre_px)
    return np.column_stack([linear, offset])


def transform_points(affine: Float, points: Float) -> Float:
    """Apply a (2, 3) affine map to points (..., 2)."""
    return points @ affine[:, :2].T + affine[:, 2]


def resample(
    image: Image,
    affine: Float,
    *,
    size_px: int = contract.IMAGE_SIZE_PX,
    border: int = cv2.BORDER_CONSTANT,
) -> Image:
    """Resample a picture (H, W, 3) to (size_px, size_px, 3) by a picture-to-crop map of `crop_affine`.

    Pixel centres lie at + 0.5; outside the picture is zero unless another OpenCV `border` is asked for.
    """
    linear, offset = affine[:, :2], affine[:, 2]
    between_indices = np.column_stack([linear, offset + linear @ (0.5, 0.5) - 0.5])
    warped: Image = cv2.warpAffine(  # type: ignore[assignment]
        image, between_indices, (size_px, size_px), flags=cv2.INTER_LINEAR, borderMode=border
    )
    return warped


def crop(image: Image, box: SquareBox, *, size_px: int = contract.IMAGE_SIZE_PX) -> Image:
    """Return the crop (size_px, size_px, 3) of a picture (H, W, 3) that the network sees for `box`.

    Raises:
        ValueError: The box has no area or is not finite.
    """
    if not (all(map(math.isfinite, box)) and box.side_px > 0.0):
        raise ValueError(f"box must be finite and have an area, got {box}")
    shrink = int(box.side_px // size_px)
    if shrink >= 2:
        image, box = shrunk(image, box, shrink)
    return resample(image, crop_affine(box, size_px=size_px), size_px=size_px)


def shrunk(image: Image, box: SquareBox, factor: int) -> tuple[Image, SquareBox]:
    """Return what `box` touches of a picture, averaged over factor x factor blocks, and the box in it."""
    height, width = image.shape[:2]
    left, right = _block_range(box.left_px, box.side_px, width, factor)
    top, bottom = _block_range(box.top_px, box.side_px, height, factor)
    part = image[top * factor : bottom * factor, left * factor : right * factor]
    missing_rows = (bottom - top) * factor - part.shape[0]
    missing_columns = (right - left) * factor - part.shape[1]
    if missing_rows or missing_columns:
        part = np.pad(part, ((0, missing_rows), (0, missing_columns), (0, 0)))
    small: Image = cv2.resize(  # type: ignore[assignment]
        part, (right - left, bottom - top), interpolation=cv2.INTER_AREA
    )
    return small, SquareBox(box.left_px / factor - left, box.top_px / factor - top, box.side_px / factor)


def _block_range(start_px: float, side_px: float, length_px: int, factor: int) -> tuple[int, int]:
    """Return the first and the past-the-end block that a box may read, at least one block wide.

    One block of margin is kept, since bilinear sampling reads half a pixel over the box's edge.
    """
    count = -(-length_px // factor)
    first = min(max(math.floor(start_px / factor) - 1, 0), count - 1)
    last = min(max(math.ceil((start_px + side_px) / factor) + 1, first + 1), count)
    return first, last
