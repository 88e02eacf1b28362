"""A video in, one array for each quantity out: every frame is answered, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sima_hand_client.async_client import AsyncHandClient
from sima_hand_client.credentials import Access
from sima_hand_client.errors import RefusedError
from sima_hand_client.retry import RetryPolicy
from sima_hand_client.streams.messages import Smoothing, StreamReply, Transport
from sima_hand_client.streams.stream import HandStream
from sima_hand_client.types import Box, Hand, HandResult, Intrinsics, ModelInfo

SUFFIXES: Final = frozenset({".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm"})
JPEG_QUALITY = 95
PATIENCE: Final = RetryPolicy(attempts=8)


@dataclass(frozen=True, kw_only=True)
class VideoQuestion:
    """How a video is asked about.

    Attributes:
        hand: which hand it shows.
        box: the hand's tight box in the first frame, from where the crop follows it; None takes every whole
            frame for the crop.
        intrinsics: the camera.
        smoothing: over time.
        joints_only: no vertices.
        transport: what carries the frames.
    """

    hand: Hand = "right"
    box: Box | None = None
    intrinsics: Intrinsics | None = None
    smoothing: Smoothing = "off"
    joints_only: bool = False
    transport: Transport = "websocket"


class VideoFrame(NamedTuple):
    """One frame of a file."""

    time_s: float
    jpeg: bytes


class Answered(NamedTuple):
    """One frame's time and what came back."""

    time_s: float
    reply: StreamReply

    @property
    def hand(self) -> HandResult | None:
        """The hand; None where there is none, or where it was lost and is not to be trusted."""
        return None if self.reply.tracking == "lost" else self.reply.hand


def reconstruct_video(
    path: Path, question: VideoQuestion, *, server: str, timeout_s: float, access: Access
) -> dict[str, npt.NDArray[Any]]:
    """Return the hand of every frame of a video, as arrays by names that say their frame and unit.

    Raises:
        ImportError: the extra `video` is not installed.
        OSError: the file cannot be read.
        ValueError: it is no video.
        HandClientError: the service or the wire failed, or refused the first frame.
    """
    return asyncio.run(_reconstruct(path, question, server=server, timeout_s=timeout_s, access=access))


async def _reconstruct(
    path: Path, question: VideoQuestion, *, server: str, timeout_s: float, access: Access
) -> dict[str, npt.NDArray[Any]]:
    from tqdm import tqdm  # of the extra

    with closing(VideoFile(path)) as video:
        async with AsyncHandClient(server, timeout_s=timeout_s, retry=PATIENCE, **access) as client:
            model = await client.model()
            stream = client.stream(
                transport=question.transport,
                track=question.box is not None,
                smoothing=question.smoothing,
                without_vertices=question.joints_only,
                timeout_s=timeout_s,
            )
            answered: list[Answered] = []
            async with stream:
                for frame in tqdm(video, total=video.count, unit="frame", disable=None):
                    first = not answered
                    answered.append(Answered(frame.time_s, await _ask(stream, frame, question, first=first)))
    return arrays_of(answered, question, model)


class VideoFile:
    """The frames of a video file, upright; `close` ends it."""

    def __init__(self, path: Path) -> None:
        """Open the file; errors are those of `reconstruct_video`."""
        import cv2  # of the extra

        self._cv2 = cv2
        with path.open("rb"):  # OpenCV does not say why it cannot open a file
            self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise ValueError(f"{path} is no video that can be read")
        self._path = path

    @property
    def count(self) -> int | None:
        """How many frames the file promises, if it does."""
        promised = int(self._capture.get(self._cv2.CAP_PROP_FRAME_COUNT))
        return promised if promised > 0 else None

    def __iter__(self) -> Iterator[VideoFrame]:
        empty = True
        while True:
            read, picture_bgr = self._capture.read()
            if not read:
                break
            empty = False
            time_s = self._capture.get(self._cv2.CAP_PROP_POS_MSEC) / 1e3
            quality = [self._cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
            _, jpeg = self._cv2.imencode(".jpg", picture_bgr, quality)
            yield VideoFrame(time_s, jpeg.tobytes())
        if empty:
            raise ValueError(f"{self._path} holds no frame that can be read")

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


async def _ask(stream: HandStream, frame: VideoFrame, question: VideoQuestion, *, first: bool) -> StreamReply:
    """Return a frame's reply; asks again while the service is busy or away.

    Raises:
        RefusedError: the service stays so, or refuses the first frame, and with it what all were asked.
    """
    attempt = 1
    while True:
        reply = await stream.ask(
            frame.jpeg,
            hand=question.hand,
            box=question.box if first else None,
            intrinsics=question.intrinsics,
            captured_at_us=1 + round(1e6 * frame.time_s),  # 0 would be the time of arrival
        )
        if reply.problem is None:
            return reply
        refusal = RefusedError.of_slug(reply.problem.slug, reply.problem.detail)
        delay_s = PATIENCE.delay_s(attempt, refusal)
        if delay_s is None:
            if first or refusal.status in {429, 503}:
                raise refusal
            return reply
        await asyncio.sleep(delay_s)
        attempt += 1


def arrays_of(
    answered: Iterable[Answered], question: VideoQuestion, model: ModelInfo
) -> dict[str, npt.NDArray[Any]]:
    """Stack N frames into arrays; where a frame has no hand, they hold NaN and `problem` says why."""
    answered = list(answered)
    hands = [one.hand for one in answered]
    arrays: dict[str, npt.NDArray[Any]] = {
        "time_s": np.array([one.time_s for one in answered]),
        "joints_root_m": _stacked([None if hand is None else hand.joints_root_m for hand in hands]),
        "joints_px": _stacked([None if hand is None else hand.joints_px for hand in hands]),
        "rotation": _stacked([None if hand is None else hand.rotation for hand in hands]),
        "crop_px": _stacked(
            [
                None if one.reply.crop_px is None else np.array(one.reply.crop_px, np.float32)
                for one in answered
            ]
        ),
        "problem": np.array([_problem(one) for one in answered]),
        "joint_names": np.array(model.joint_names),
        "hand": np.array(question.hand),
    }
    if not question.joints_only:
        arrays["vertices_root_m"] = _stacked(
            [None if hand is None else hand.vertices_root_m for hand in hands]
        )
        arrays["faces"] = model.faces_of(question.hand)
    if question.intrinsics is not None:
        arrays["translation_m"] = _stacked([None if hand is None else hand.translation_m for hand in hands])
    return arrays


def summary_of(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Say in one line how it went."""
    problems = arrays["problem"]
    total = len(problems)
    problems = problems[problems != ""]
    names, counts = np.unique(problems, return_counts=True)
    told = "".join(f"; {name} in {count}" for name, count in zip(names, counts, strict=True))
    return f"{arrays['hand']} hand in {total - len(problems)} of {total} frames{told}"


def _problem(one: Answered) -> str:
    if one.hand is not None:
        return ""
    return one.reply.problem.slug if one.reply.problem is not None else "hand-lost"


def _stacked(parts: list[npt.NDArray[np.float32] | None]) -> npt.NDArray[np.float32]:
    shape = next((part.shape for part in parts if part is not None), (0,))
    return np.stack([np.full(shape, np.nan, np.float32) if part is None else part for part in parts])
