"""One picture to one hand: decode and crop, ask the engine, turn the answer into the caller's frame.

`service.views` does the same with several pictures of one moment; what both do is in `Steps`.
"""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager

import numpy as np

from service.capacity import Capacity
from service.contract import ModelContract
from service.crop import Box, ImageArray, Square
from service.encode.result import HandResult, Side
from service.engines.protocol import Deadline, Engine, InputArray
from service.errors import LONGEST_ECHO, EngineError, UnknownModelError
from service.geometry import Intrinsics, joints_in_picture, mirror, solve_translation
from service.imaging import RawImage
from service.parameters import Parameters
from service.preparation import PreparedCrop, prepare_crop
from service.telemetry import RequestRecord, Telemetry


class Steps:
    """The steps from pictures to a hand by one model."""

    def __init__(
        self, *, contract: ModelContract, engine: Engine, capacity: Capacity, telemetry: Telemetry
    ) -> None:
        """Serve the model of `contract`, which `engine` runs."""
        self._contract = contract
        self._engine = engine
        self._capacity = capacity
        self._telemetry = telemetry

    def admission(self) -> AbstractContextManager[None]:
        """Hold the places of one request; see `Capacity.admission`."""
        return self._capacity.admission(self._contract.views)

    def deadline(self, caller_s: float | None = None) -> Deadline:
        """Return the deadline of what has arrived just now; see `Capacity.deadline`."""
        return self._capacity.deadline(caller_s)

    def turn(self, deadline: Deadline, *, pictures: int = 1) -> AbstractContextManager[None]:
        """Stand in line for decoding and for the engine; see `Line.stand`."""
        return self._capacity.line.stand(deadline, pictures=pictures)

    def check_model(self, model: str | None) -> None:
        """Raise `UnknownModelError` unless the model that is asked for is the one that is served."""
        if model is not None and model != self._contract.model:
            raise UnknownModelError(
                f"there is no model {model[:LONGEST_ECHO]!r}", available=[self._contract.model]
            )

    def _count(self, crop: PreparedCrop, record: RequestRecord) -> None:
        """Count a picture that has been decoded, and the time that it took."""
        record.add("decode", started_s=crop.started_s, seconds=crop.decode_s)
        record.add("crop", started_s=crop.started_s + crop.decode_s, seconds=crop.crop_s)
        pixels = crop.picture_width_px * crop.picture_height_px
        self._telemetry.observe_picture(size_bytes=crop.size_bytes, pixels=pixels)

    async def _ask(
        self,
        inputs: tuple[InputArray, ...],
        square: Square,
        *,
        side: Side,
        version: str,
        intrinsics: Intrinsics | None,
        deadline: Deadline,
        record: RequestRecord,
    ) -> HandResult:
        """Return the engine's hand in the frame of the picture that `square` was cut from."""
        try:
            with record.stage("engine"), self._telemetry.engine_queue.track_inprogress():
                hand = await self._engine.infer(
                    *inputs, version=version, deadline=deadline, request_id=record.request_id
                )
        except EngineError as error:
            self._telemetry.engine_errors.labels(error.slug).inc()
            record.engine_detail = error.detail
            raise
        if side == "left":
            hand = mirror(hand)
        joints_px = joints_in_picture(hand.joints_uv, square)
        return HandResult(
            model=self._contract.model,
            version=hand.version,
            side=side,
            vertices_m=hand.vertices_m,
            joints_m=hand.joints_m,
            rotation=hand.rotation,
            joints_px=joints_px,
            translation_m=None
            if intrinsics is None
            else solve_translation(hand.joints_m, joints_px, intrinsics),
            timing_ms=record.timing_ms,
        )


class Pipeline(Steps):
    """Serves the model of one picture."""

    async def reconstruct(self, data: bytes, parameters: Parameters, record: RequestRecord) -> HandResult:
        """Return the hand in an uploaded picture.

        Raises:
            GatewayError: See `service.errors`.
        """
        deadline = self.deadline()
        with self.turn(deadline):
            crop = await self.crop(data, parameters.tight_box, record)
            return await self.infer(
                crop,
                side=parameters.hand,
                version=parameters.version,
                intrinsics=parameters.intrinsics,
                deadline=deadline,
                record=record,
            )

    async def crop(
        self, data: bytes | RawImage, region: Box | Square | None, record: RequestRecord
    ) -> PreparedCrop:
        """Decode a picture and cut its crop in a worker; see `prepare_crop`."""
        prepare = functools.partial(
            prepare_crop, data, region, contract=self._contract, max_pixels=self._capacity.limits.max_pixels
        )
        crop = await self._capacity.work(prepare)
        self._count(crop, record)
        return crop

    async def infer(
        self,
        crop: PreparedCrop,
        *,
        side: Side,
        version: str,
        intrinsics: Intrinsics | None,
        deadline: Deadline,
        record: RequestRecord,
    ) -> HandResult:
        """Return the hand of a crop, in the frame of its picture.

        Raises:
            EngineError: The engine gave none.
            UnknownModelError: It has no such version.
        """
        return await self._ask(
            (as_right_hand(crop.image, side),),
            crop.square,
            side=side,
            version=version,
            intrinsics=intrinsics,
            deadline=deadline,
            record=record,
        )


def as_right_hand(image: ImageArray, side: Side) -> ImageArray:
    """Return a crop as the network wants it, contiguous: left hands are mirrored."""
    return np.ascontiguousarray(image[:, ::-1]) if side == "left" else image
