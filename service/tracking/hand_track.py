"""Where the next crop of a stream lies: it follows the hand by the joints that were found in the last one."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.contract import ModelContract
from service.crop import Box, Square, square_around
from service.encode.result import HandResult, Side

Float = NDArray[np.float64]
TrackingState = Literal["tracking", "lost"]

LEAST_INSIDE = 0.5
"""Share of the joints that must lie in the picture."""
LARGEST_GROWTH = 2.0
"""Between two frames the longer side of the joints' box grows or shrinks by less than this factor."""
CALM = 0.5
"""Share of the way from the last size of the crop to the new one."""


class HandTrack:
    """The crop of one hand from frame to frame.

    Lost is a hand of which fewer than half of the joints lie in the picture, or whose box in the picture jumps
    in size. A lost hand stays lost until `begin`.
    """

    def __init__(self, contract: ModelContract) -> None:
        """Begin without a hand; the contract says how much larger than the hand a crop is."""
        self._crop_scale = contract.crop_scale
        self._square: Square | None = None
        self._side: Side = "right"

    @property
    def square(self) -> Square | None:
        """The next frame's crop; None before `begin` and when the hand is lost."""
        return self._square

    @property
    def side(self) -> Side:
        """Which hand is followed."""
        return self._side

    def begin(self, box: Box, side: Side) -> None:
        """Follow the hand in a tight box of the next frame, whatever was followed before."""
        self._square = square_around(box, scale=self._crop_scale)
        self._side = side

    def update(self, hand: HandResult, picture_width_px: int, picture_height_px: int) -> TrackingState:
        """Take what was found in the frame's crop, and move the crop after it.

        Args:
            hand: As the network sees it, not smoothed.
            picture_width_px: Width of the upright picture.
            picture_height_px: Height likewise.
        """
        if self._square is None:
            return "lost"
        joints_px = hand.joints_px.astype(np.float64)
        box = _tight_box(joints_px)
        last_px, side_px = self._square.side_px, self._crop_scale * max(box.width_px, box.height_px)
        jumps = not 1 / LARGEST_GROWTH < side_px / last_px < LARGEST_GROWTH
        if jumps or _share_inside(joints_px, picture_width_px, picture_height_px) < LEAST_INSIDE:
            self._square = None
            return "lost"
        side_px = last_px * (side_px / last_px) ** CALM
        middle_x_px, middle_y_px = box.x_px + box.width_px / 2, box.y_px + box.height_px / 2
        self._square = Square(middle_x_px - side_px / 2, middle_y_px - side_px / 2, side_px)
        return "tracking"


def _tight_box(points_px: Float) -> Box:
    low, high = points_px.min(axis=0), points_px.max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


def _share_inside(points_px: Float, width_px: int, height_px: int) -> float:
    inside = (points_px >= 0).all(axis=1) & (points_px < (width_px, height_px)).all(axis=1)
    return float(inside.mean())
