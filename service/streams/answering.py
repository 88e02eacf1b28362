"""From one frame to its reply: the steps of the pipeline, and what goes wrong in them as a problem."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import NamedTuple

from service.contract import ModelContract
from service.crop import Box, Square
from service.encode.packed import packed
from service.encode.result import HandResult
from service.engines.protocol import Deadline
from service.errors import (
    BadBoxError,
    EngineUnavailableError,
    GatewayError,
    InvalidParameterError,
    UnreadableImageError,
)
from service.parameters import box_of_numbers, check_version, intrinsics_of_numbers
from service.pipeline import Pipeline
from service.preparation import PreparedCrop
from service.readiness import Readiness
from service.stream_metrics import Transport
from service.streams.history import History
from service.streams.messages import Frame, Outputs, PackedHand, Problem, Reply, StreamOptions
from service.telemetry import RequestRecord, Telemetry
from service.xr.joints import JointSet, NamedJoint, named_joints

log = logging.getLogger("simahand")

CRASH_DETAIL = "the gateway failed; its log has this stream's request id"


class SeenHand(NamedTuple):
    """A hand, and the crop that showed it."""

    hand: HandResult
    crop: PreparedCrop


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What all streams share."""

    contract: ModelContract
    pipeline: Pipeline
    readiness: Readiness
    telemetry: Telemetry


@dataclass(frozen=True, slots=True)
class Arrived:
    """A frame that waits, and what held when it came."""

    frame: Frame
    options: StreamOptions
    at_s: float
    """On the clock of `time.perf_counter`."""
    deadline: Deadline


async def see_hand(
    parts: Parts, arrived: Arrived, region: Box | Square | None, record: RequestRecord
) -> SeenHand:
    """Return the hand in a frame, seen through `region` (see `prepare_crop`).

    Raises:
        GatewayError: See `service.errors`.
    """
    frame, options = arrived.frame, arrived.options
    parts.pipeline.check_model(options.model or None)
    check_version(options.version)
    intrinsics = None if frame.intrinsics is None else intrinsics_of_numbers(frame.intrinsics)
    if frame.image is None:
        raise UnreadableImageError("the frame has no image")
    with parts.pipeline.admission(), parts.pipeline.turn(arrived.deadline):
        crop = await parts.pipeline.crop(frame.image, region, record)
        try:
            hand = await parts.pipeline.infer(
                crop,
                side=frame.side,
                version=options.version,
                intrinsics=intrinsics,
                deadline=arrived.deadline,
                record=record,
            )
        except EngineUnavailableError:
            parts.readiness.doubt()
            raise
    return SeenHand(hand, crop)


def box_of(frame: Frame) -> Box | None:
    """Return the frame's box; raises `BadBoxError` where it is none."""
    return None if frame.box is None else box_of_numbers(frame.box)


def pack(hand: HandResult, outputs: Outputs, contract: ModelContract, record: RequestRecord) -> PackedHand:
    """Return the hand as it is sent.

    Raises:
        InvalidParameterError: The model lacks a joint that a joint set is made from.
    """
    with record.stage("encode"):
        return PackedHand(
            hand=hand,
            precision=outputs.precision,
            vertices=b"" if outputs.without_vertices else packed(hand.vertices_m, outputs.precision),
            joints=packed(hand.joints_m, outputs.precision),
            joints_px=packed(hand.joints_px, "float32"),
            joint_sets=_joint_sets(hand, outputs, contract),
        )


def _joint_sets(
    hand: HandResult, outputs: Outputs, contract: ModelContract
) -> dict[JointSet, tuple[NamedJoint, ...]]:
    try:
        return {name: named_joints(name, hand, contract) for name in dict.fromkeys(outputs.joint_sets)}
    except ValueError as error:
        raise InvalidParameterError(f"joint_sets: {error}", parameter="joint_sets") from error


class Answerer:
    """Answers the frames of one stream, one after the other."""

    def __init__(self, parts: Parts, *, request_id: str, transport: Transport) -> None:
        """Begin without a history."""
        self._transport: Transport = transport
        self._parts = parts
        self._request_id = request_id
        self._history = History(StreamOptions(), parts.contract)

    async def answer(self, arrived: Arrived, *, dropped: int) -> Reply:
        """Return the reply to a frame: a hand, or the problem that it met."""
        telemetry = self._parts.telemetry
        record = RequestRecord(self._request_id, trace=telemetry.tracer.begin("frame"))
        square: Square | None = None
        outcome: PackedHand | Problem
        try:
            seen = await self._see(arrived, record)
            square = seen.crop.square
            outcome = pack(seen.hand, arrived.options.outputs, self._parts.contract, record)
        except GatewayError as error:
            record.outcome, record.status = error.slug, error.status
            outcome = Problem(slug=error.slug, detail=error.detail)
        except Exception:
            log.exception("frame %d crashed", arrived.frame.frame_id)
            record.outcome, record.status = GatewayError.slug, GatewayError.status
            outcome = Problem(slug=GatewayError.slug, detail=CRASH_DETAIL)
        age_s = time.perf_counter() - arrived.at_s
        telemetry.observe_frame(record, transport=self._transport, age_s=age_s)
        record.end_trace("frame", {"simahand.transport": self._transport, "simahand.dropped": dropped})
        return Reply(
            frame_id=arrived.frame.frame_id,
            captured_at_us=arrived.frame.captured_at_us,
            dropped=dropped,
            age_ms=age_s * 1e3,
            tracking=self._history.tracking,
            square=square,
            outcome=outcome,
        )

    async def _see(self, arrived: Arrived, record: RequestRecord) -> SeenHand:
        frame, options = arrived.frame, arrived.options
        if options != self._history.options:
            self._history = History(options, self._parts.contract)
        history = self._history
        region = history.region(box_of(frame), frame.side)
        try:
            seen = await see_hand(self._parts, arrived, region, record)
        except BadBoxError:
            history.forget()
            raise
        at_s = frame.captured_at_us / 1e6 if frame.captured_at_us else arrived.at_s
        return seen._replace(hand=history.take(seen.hand, seen.crop, at_s=at_s))
