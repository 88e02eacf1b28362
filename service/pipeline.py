"""One picture to one hand: decode and crop, ask the engine, turn the answer into the caller's frame."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from service.contract import ModelContract
from service.crop import Box, Square
from service.encode.result import HandResult, Side
from service.engines.protocol import Deadline, Engine
from service.errors import EngineError, OverloadedError, UnknownModelError
from service.geometry import Intrinsics, joints_in_picture, mirror, solve_translation
from service.imaging import RawImage
from service.parameters import Parameters
from service.preparation import PreparedCrop, prepare_crop
from service.telemetry import RequestRecord, Telemetry


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one process takes on."""

    max_pixels: int
    max_in_flight: int
    decode_workers: int
    deadline_s: float
    retry_after_s: int


class Pipeline:
    """Serves one model with bounded workers and a bounded number of requests."""

    def __init__(
        self, *, contract: ModelContract, engine: Engine, limits: Limits, telemetry: Telemetry
    ) -> None:
        """Start the workers; `close` ends them."""
        self._contract = contract
        self._engine = engine
        self._limits = limits
        self._telemetry = telemetry
        self._in_flight = 0
        self._workers = ThreadPoolExecutor(limits.decode_workers, thread_name_prefix="decode")

    def close(self) -> None:
        """End the workers."""
        self._workers.shutdown(cancel_futures=True)

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Hold a place in the house for one request, before its body is read.

        Raises:
            OverloadedError: There is none.
        """
        if self._in_flight >= self._limits.max_in_flight:
            raise OverloadedError(
                f"{self._in_flight} requests are being served", retry_after_s=self._limits.retry_after_s
            )
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    def check_model(self, model: str | None) -> None:
        """Raise `UnknownModelError` unless the model that is asked for is the one that is served."""
        if model not in (None, self._contract.model):
            raise UnknownModelError(f"there is no model {model!r}", available=[self._contract.model])

    async def reconstruct(self, data: bytes, parameters: Parameters, record: RequestRecord) -> HandResult:
        """Return the hand in an uploaded picture.

        Raises:
            GatewayError: See `service.errors`.
        """
        deadline = self.deadline()
        crop = await self.crop(data, parameters.tight_box, record)
        return await self.infer(
            crop,
            side=parameters.hand,
            version=parameters.version,
            intrinsics=parameters.intrinsics,
            deadline=deadline,
            record=record,
        )

    def deadline(self) -> Deadline:
        """Return the deadline of what has arrived just now."""
        return Deadline.after(self._limits.deadline_s)

    async def crop(
        self, data: bytes | RawImage, region: Box | Square | None, record: RequestRecord
    ) -> PreparedCrop:
        """Decode a picture and cut its crop in a worker; see `prepare_crop`."""
        prepare = functools.partial(
            prepare_crop, data, region, contract=self._contract, max_pixels=self._limits.max_pixels
        )
        crop = await asyncio.get_running_loop().run_in_executor(self._workers, prepare)
        record.add("decode", crop.decode_s)
        record.add("crop", crop.crop_s)
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
        is_left = side == "left"
        image = np.ascontiguousarray(crop.image[:, ::-1]) if is_left else crop.image
        try:
            with record.stage("engine"):
                hand = await self._engine.infer(
                    image, version=version, deadline=deadline, request_id=record.request_id
                )
        except EngineError as error:
            self._telemetry.engine_errors.labels(error.slug).inc()
            raise
        if is_left:
            hand = mirror(hand)
        joints_px = joints_in_picture(hand.joints_uv, crop.square)
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
