"""One picture to one hand: decode and crop, ask the engine, turn the answer into the caller's frame."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from service.contract import ModelContract
from service.crop import (
    ImageArray,
    Square,
    check_box,
    cut,
    square_around,
    square_of_picture,
    turn_upright,
)
from service.encode.result import HandResult
from service.engines.protocol import Deadline, Engine
from service.errors import EngineError, OverloadedError, UnknownModelError
from service.geometry import joints_in_picture, mirror, solve_translation
from service.imaging import open_picture, upright_size
from service.parameters import Parameters
from service.telemetry import RequestRecord, Telemetry


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one process takes on."""

    max_pixels: int
    max_in_flight: int
    decode_workers: int
    deadline_s: float
    retry_after_s: int


class PreparedCrop(NamedTuple):
    """What the worker makes of an upload."""

    image: ImageArray
    """(S, S, 3) RGB, as uploaded: left hands are not mirrored yet."""
    square: Square
    """Where it lies in the upright picture."""
    decode_s: float
    crop_s: float


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

    def check_model(self, parameters: Parameters) -> None:
        """Raise `UnknownModelError` unless the model that is asked for is the one that is served."""
        if parameters.model not in (None, self._contract.model):
            raise UnknownModelError(
                f"there is no model {parameters.model!r}", available=[self._contract.model]
            )

    async def reconstruct(self, data: bytes, parameters: Parameters, record: RequestRecord) -> HandResult:
        """Return the hand in an uploaded picture.

        Raises:
            GatewayError: See `service.errors`.
        """
        deadline = Deadline.after(self._limits.deadline_s)
        crop = await asyncio.get_running_loop().run_in_executor(
            self._workers, self._prepare, data, parameters
        )
        record.add("decode", crop.decode_s)
        record.add("crop", crop.crop_s)
        is_left = parameters.hand == "left"
        image = np.ascontiguousarray(crop.image[:, ::-1]) if is_left else crop.image
        try:
            with record.stage("engine"):
                hand = await self._engine.infer(
                    image, version=parameters.version, deadline=deadline, request_id=record.request_id
                )
        except EngineError as error:
            self._telemetry.engine_errors.labels(error.slug).inc()
            raise
        if is_left:
            hand = mirror(hand)
        joints_px = joints_in_picture(hand.joints_uv, crop.square)
        intrinsics = parameters.intrinsics
        return HandResult(
            model=self._contract.model,
            version=hand.version,
            side=parameters.hand,
            vertices_m=hand.vertices_m,
            joints_m=hand.joints_m,
            rotation=hand.rotation,
            joints_px=joints_px,
            translation_m=None
            if intrinsics is None
            else solve_translation(hand.joints_m, joints_px, intrinsics),
            timing_ms=record.timing_ms,
        )

    def _prepare(self, data: bytes, parameters: Parameters) -> PreparedCrop:
        started_s = time.perf_counter()
        picture = open_picture(data, max_pixels=self._limits.max_pixels)
        width_px, height_px = upright_size(picture)
        box = parameters.tight_box
        if box is None:
            square = square_of_picture(width_px, height_px)
        else:
            check_box(box, width_px=width_px, height_px=height_px)
            square = square_around(box, scale=self._contract.crop_scale)
        size_px = self._contract.image_size_px
        pixels, reduction = picture.decode(smallest_side_px=square.side_px, wanted_px=size_px)
        decoded_s = time.perf_counter()
        raster = turn_upright(
            pixels,
            orientation=picture.orientation,
            width_px=picture.width_px,
            height_px=picture.height_px,
            reduction=reduction,
        )
        image = cut(raster, square, size_px=size_px)
        return PreparedCrop(image, square, decoded_s - started_s, time.perf_counter() - decoded_s)
