"""What a new connection has to be told, so that a stream goes on where the last one broke."""

from __future__ import annotations

from dataclasses import replace

from sima_hand_client.streams.messages import Frame, StreamOptions, StreamReply
from sima_hand_client.types import Box, FloatArray, Intrinsics


class StreamMemory:
    """Where the hand was last, and which frame has no reply yet."""

    def __init__(self, options: StreamOptions) -> None:
        self.options = options
        self.unanswered: Frame | None = None
        """The newest frame that was sent and not answered."""
        self._box: Box | None = None
        self._box_frame_id = 0
        self._intrinsics: dict[int, Intrinsics] = {}

    def given(self, frame: Frame, replaced: Frame | None) -> Frame:
        """Note a frame that the caller gives, and return it as it is to be sent.

        In a tracking stream it takes over the box of a frame that waits and that it replaces.
        """
        if self.options.track and frame.box is None and replaced is not None:
            frame = replace(frame, box=replaced.box)
        if frame.box is not None:
            self._box, self._box_frame_id = frame.box, frame.frame_id
        return frame

    def sent(self, frame: Frame) -> None:
        """Note a frame that is sent."""
        self.unanswered = frame
        if frame.intrinsics is not None:
            self._intrinsics[frame.frame_id] = frame.intrinsics

    def answered(self, reply: StreamReply) -> StreamReply:
        """Note a reply, and return it with the camera that its frame was sent with."""
        if self.unanswered is not None and reply.frame_id >= self.unanswered.frame_id:
            self.unanswered = None
        intrinsics = self._intrinsics.get(reply.frame_id)
        # The service answers in order: what is older than a reply gets none any more.
        self._intrinsics = {
            frame_id: known for frame_id, known in self._intrinsics.items() if frame_id > reply.frame_id
        }
        if self._box_frame_id <= reply.frame_id:
            self._follow(reply)
        if reply.hand is None or intrinsics is None:
            return reply
        return replace(reply, hand=replace(reply.hand, intrinsics=intrinsics))

    def with_box(self, frame: Frame) -> Frame:
        """Return the frame that begins a connection of a tracking stream: with the last box known."""
        if not self.options.track or frame.box is not None:
            return frame
        return replace(frame, box=self._box)

    def _follow(self, reply: StreamReply) -> None:
        if reply.tracking == "lost":
            self._box = None
        elif reply.tracking == "tracking" and reply.hand is not None:
            self._box = _tight_box(reply.hand.joints_px)


def _tight_box(joints_px: FloatArray) -> Box:
    low_px, high_px = joints_px.min(axis=0), joints_px.max(axis=0)  # each (2,)
    return Box(*map(float, (*low_px, *(high_px - low_px))))
