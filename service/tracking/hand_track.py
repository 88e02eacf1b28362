"""Where the next crop of a stream lies: it follows the hand by the joints that were found in the last one."""

from __future__ import annotations

from collections import deque
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.contract import ModelContract
from service.crop import Box, Square, square_around
from service.encode.result import HandResult, Side

Float = NDArray[np.float64]
TrackingState = Literal["tracking", "lost"]

MARGIN = 1.1
"""The crop over that of the contract. A network draws the hand a little small and towards the middle of its
crop; followed to the letter, crops of some poses shrink with every frame until they show a finger."""
LEAD = 0.5
"""Share of the last step that the crop goes ahead of the hand."""
CALM_GROWTH = 0.5
"""Share of the way from the crop's last size to a larger one, against breathing."""
CALM_SHRINKING = 0.25
"""Likewise to a smaller one: one look that saw too little must not be all that the next one is shown."""
LEAST_INSIDE = 0.5
"""Share of the joints that must lie in the picture."""
SHRUNK = 0.4
"""Side of the joints' box over its largest side of late, under which there is no hand: without one, the
joints draw together from frame to frame."""
MEMORY = 15
"""Frames of late; half a second of a camera."""
RESTLESS = 0.25
"""Share of the crop's side by which the joints are off, on average over the last looks, from where the two
looks before had them going: a hand that does not agree with itself is none."""
LOOKS = 3
"""Looks over which that is averaged: a blurred one is forgiven."""


class HandTrack:
    """The crop of one hand from frame to frame.

    A hand is lost as soon as fewer than half of its joints lie in the picture, as the box of its joints
    is under 0.4 of its largest size in the last 15 frames, or as its joints jump: three frames in a row they
    lie, on average, over a quarter of the crop's side off the place where the two frames before had them
    going. It stays lost until `begin`. What is not noticed: that the crop went over to another hand, or to
    something that the network takes for one.
    """

    def __init__(self, contract: ModelContract) -> None:
        """Begin without a hand; the contract says how much larger than the hand a crop is."""
        self._crop_scale = contract.crop_scale
        self._square: Square | None = None
        self._side: Side = "right"
        self._middle_px: Float | None = None
        self._sides_px: deque[float] = deque(maxlen=MEMORY)
        self._joints_px: deque[Float] = deque(maxlen=2)
        self._jumps: deque[float] = deque(maxlen=LOOKS)

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
        self._middle_px = None
        for memory in (self._sides_px, self._joints_px, self._jumps):
            memory.clear()

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
        low_px, high_px = joints_px.min(axis=0), joints_px.max(axis=0)
        self._sides_px.append(float((high_px - low_px).max()))
        self._note_jump(joints_px, self._square.side_px)
        inside = (joints_px >= 0) & (joints_px < (picture_width_px, picture_height_px))
        if self._is_shrunk() or self._is_restless() or inside.all(axis=1).mean() < LEAST_INSIDE:
            self._square = None
            return "lost"
        self._square = self._next(self._square, (low_px + high_px) / 2)
        return "tracking"

    def _is_shrunk(self) -> bool:
        return self._sides_px[-1] <= SHRUNK * max(self._sides_px)

    def _note_jump(self, joints_px: Float, crop_side_px: float) -> None:
        if len(self._joints_px) == 2:
            before_px, last_px = self._joints_px
            expected_px = 2 * last_px - before_px
            self._jumps.append(float(np.linalg.norm(joints_px - expected_px, axis=1).mean() / crop_side_px))
        self._joints_px.append(joints_px)

    def _is_restless(self) -> bool:
        return len(self._jumps) == LOOKS and sum(self._jumps) > LOOKS * RESTLESS

    def _next(self, last: Square, middle_px: Float) -> Square:
        """Return the crop for a hand that was last seen with the middle of its joints' box here."""
        step_px = 0.0 if self._middle_px is None else middle_px - self._middle_px
        self._middle_px = middle_px
        wanted_px = MARGIN * self._crop_scale * self._sides_px[-1]
        calm = CALM_GROWTH if wanted_px > last.side_px else CALM_SHRINKING
        side_px = last.side_px * (wanted_px / last.side_px) ** calm
        x_px, y_px = middle_px + LEAD * step_px - side_px / 2
        return Square(float(x_px), float(y_px), side_px)
