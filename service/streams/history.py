"""What a stream remembers of its hand: where the next crop lies, and the filters that steady it."""

from __future__ import annotations

from service.contract import ModelContract
from service.crop import Box, Square
from service.encode.result import HandResult, Side
from service.errors import HandLostError
from service.preparation import PreparedCrop
from service.smoothing.hand_smoother import HandSmoother
from service.streams.messages import StreamOptions
from service.tracking.hand_track import HandTrack, TrackingState


class History:
    """Of one hand, under the same options; other options begin another one."""

    def __init__(self, options: StreamOptions, contract: ModelContract) -> None:
        """Begin without a hand."""
        self.options = options
        self._contract = contract
        self._track = HandTrack(contract) if options.track else None
        self._smoother = HandSmoother(options.smoothing)

    @property
    def tracking(self) -> TrackingState | None:
        """Whether there is a hand to follow; None where the stream does not track."""
        if self._track is None:
            return None
        return "lost" if self._track.square is None else "tracking"

    def region(self, box: Box | None, side: Side) -> Box | Square | None:
        """Return what to cut from the next frame; see `service.preparation.prepare_crop`.

        Raises:
            HandLostError: The stream tracks, and neither is there a box nor a hand to follow.
        """
        track = self._track
        if track is None:
            return box
        if box is not None:
            track.begin(box, side)
            self._smoother.reset()
        elif side != track.side:
            self.forget()
        if self._track is None or self._track.square is None:
            raise HandLostError("there is no hand to follow: send a frame with its box")
        return box or self._track.square

    def take(self, hand: HandResult, crop: PreparedCrop, *, at_s: float) -> HandResult:
        """Follow the hand that was seen, and return it smoothed.

        Args:
            hand: As the network sees it.
            crop: Which showed it.
            at_s: When its picture was taken.
        """
        if self._track is not None:
            state = self._track.update(hand, crop.picture_width_px, crop.picture_height_px)
            if state == "lost":
                self._smoother.reset()
                return hand
        return self._smoother.smooth(hand, at_s)

    def forget(self) -> None:
        """Have no hand to follow: the box that began it, or where it went, does not fit the picture."""
        if self._track is not None:
            self._track = HandTrack(self._contract)
        self._smoother.reset()
